//! A comparison in words, the same in every form. Knows no file and no exit code.

pub(crate) mod outcome;

use jwtbench_result::CachePolicyRecord;
use jwtbench_result::comparison::{ComparedMetric, Comparison, Drift, Figure, TrialComparison};
use jwtbench_result::statistics::Decision;

use crate::quantity;
use crate::subject::standing::{marked, marks};

/// Whether a trial is shown in full.
pub(crate) fn is_significant(trial: &TrialComparison) -> bool {
    let is_clear =
        matches!(trial.decision, None | Some(Decision::Equivalent | Decision::Inconclusive));
    !is_clear
        || !trial.drift.is_empty()
        || !trial.newly_missed.is_empty()
        || !trial.wrong.is_empty()
}

/// The meaning of the marks of the cache policies; empty if no policy has one.
pub(crate) fn cache_policies(comparison: &Comparison) -> Vec<String> {
    if comparison.same { Vec::new() } else { marks(&comparison.cache_policies) }
}

/// The name, or both names if they differ.
pub(crate) fn both(one: &str, other: &str) -> String {
    if one == other { one.to_owned() } else { format!("{one} → {other}") }
}

/// The cache policy, or both if they differ, each with its mark.
pub(crate) fn both_policies(one: &str, other: &str, records: &[CachePolicyRecord]) -> String {
    both(&marked(records, one), &marked(records, other))
}

/// The name of a trial, with both sides if they have different names.
pub(crate) fn name(trial: &TrialComparison, records: &[CachePolicyRecord]) -> String {
    let contender = both(&trial.base_contender, &trial.contender);
    let cache = both_policies(&trial.base_cache_policy, &trial.cache_policy, records);
    let cache = if cache == "default" { String::new() } else { format!(" ({cache})") };
    format!("{} {} {contender}{cache}", trial.scenario, trial.algorithm)
}

pub(crate) fn drifted(drift: &Drift) -> String {
    let Drift { class, base, candidate, steady } = drift;
    let unit = if *steady { "tokens by code" } else { "codes; timing may decide them" };
    format!("{class}: {base} became {candidate} ({unit})")
}

/// A figure of a metric with its unit.
pub(crate) fn value(figure: &Figure, value: f64) -> String {
    match figure.metric {
        ComparedMetric::P50 | ComparedMetric::P99 | ComparedMetric::Cpu => {
            quantity::nanoseconds(value)
        }
        ComparedMetric::Throughput => quantity::rate(value),
    }
}

/// Sentences on the trials that only one side has.
pub(crate) fn missing_of(comparison: &Comparison) -> Vec<String> {
    let lacking = comparison.only_base.iter().map(|trial| format!("the candidate lacks {trial}"));
    let extra = comparison.only_candidate.iter();
    lacking.chain(extra.map(|trial| format!("only the candidate has {trial}"))).collect()
}

/// What figures may change by: the range of the thresholds in force, and each limit.
pub(crate) fn limits(comparison: &Comparison) -> Vec<String> {
    let figures = || comparison.trials.iter().flat_map(|trial| &trial.figures);
    let mut lines = Vec::new();
    let thresholds = figures().filter_map(|figure| figure.threshold);
    let (low, high) = thresholds
        .fold((f64::INFINITY, 0.0f64), |(low, high), share| (low.min(share), high.max(share)));
    if low.is_finite() {
        let (low, high) = (quantity::share(low), quantity::share(high));
        let range = if low == high { low } else { format!("{low} to {high}, by noise") };
        lines.push(format!("a sure change is one beyond {range}"));
    }
    for metric in ComparedMetric::ALL {
        for has_bound in [true, false] {
            let mut mine = figures()
                .filter(|figure| figure.metric == metric && figure.bound.is_some() == has_bound);
            if let Some(limit) = mine.find_map(|figure| figure.hard) {
                let over = if has_bound { "over its bound" } else { "without a bound" };
                lines.push(format!("{metric} {over} may rise by {}", quantity::share(limit)));
            }
        }
    }
    lines
}

/// The number of rounds that would decide every inconclusive figure; `None` if there is none.
pub(crate) fn wanted_rounds(comparison: &Comparison) -> Option<u32> {
    let figures = comparison.trials.iter().flat_map(|trial| &trial.figures);
    let open = figures.filter(|figure| {
        let rounds = figure.base_rounds.min(figure.rounds);
        figure.decision == Some(Decision::Inconclusive) && figure.rounds_needed as usize > rounds
    });
    open.map(|figure| figure.rounds_needed).max()
}

/// A closing sentence: what the verdict means, and what to do next.
pub(crate) fn closing(comparison: &Comparison) -> String {
    if comparison.same {
        return "THE SAME RESULT: both files hold the same figures; nothing was compared".into();
    }
    if comparison.is_empty() {
        return "NOTHING COMPARED: no trial is in both results; run the same scenarios, \
                algorithms and contenders"
            .into();
    }
    let worse = outcome::headline(comparison);
    let next = match comparison.verdict {
        _ if comparison.wrong > 0 => "the candidate gave wrong verdicts; mend them first",
        _ if worse.is_some() => worse.as_deref().unwrap_or_default(),
        Some(Decision::Regressed) => {
            "at least one trial costs more; `jwtbench duel` tells how much within one session"
        }
        Some(Decision::Improved) => "nothing costs more, and something costs less",
        Some(Decision::Equivalent) => "no gated trial differs by as much as its threshold",
        Some(Decision::Inconclusive) => {
            "no regression is proven, and none is ruled out; where rounds are enough and it stays \
             so, only one session with both in it can tell: `jwtbench duel`"
        }
        Some(Decision::Invalid) => "no regression was found; some trials prove nothing, see above",
        None => {
            "no time rose beyond its limit; let `raw:` contenders take turns with closed loops, \
             and smaller changes are gated too"
        }
    };
    let word = comparison.verdict.map_or("TIMES NOT GATED".into(), |verdict| verdict.to_string());
    let versions = match comparison.other_versions.as_slice() {
        [] => String::new(),
        [one] => format!(". {one}{OTHER_VERSION}"),
        [one, rest @ ..] => format!(". {one} and {} more{OTHER_VERSION}", rest.len()),
    };
    format!("{word}: {next}{versions}")
}

/// What a comparison of two versions of a library cannot tell, and which command can.
const OTHER_VERSION: &str = ": what the library itself gained or lost is in the bound too; \
                             `jwtbench duel A A --base-binary OLD` tells";
