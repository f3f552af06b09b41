//! A comparison for a terminal: what changed first, then every ratio, and the verdict last. Knows
//! no file and no exit code.

mod markdown;
mod outcome;

use jwtbench_result::CachePolicyRecord;
use jwtbench_result::comparison::{ComparedMetric, Comparison, Drift, Figure, TrialComparison};
use jwtbench_result::statistics::Decision;

use super::TerminalStyle;
use super::quantity;
use super::standing::{marked, marks};
use super::terminal::text::{Paint, TerminalText};

pub use markdown::comparison_markdown;

/// Trials that are not gated are shown one a line up to this number, and beyond it by scenario.
const SHOWN: usize = 24;

/// The comparison as text.
pub fn comparison(comparison: &Comparison, style: TerminalStyle) -> String {
    let mut text = TerminalText::new(style);
    for (side, from) in [("Base     ", &comparison.base), ("Candidate", &comparison.candidate)] {
        let revision = from.revision.as_deref().unwrap_or("no revision");
        text.line(Paint::Plain, &format!("{side}  {}  {revision}", from.started_at));
    }
    outcome::show(&mut text, comparison);
    for unlike in &comparison.unlike {
        text.wrapped(Paint::Warning, "", &format!("!! unlike, as allowed: {unlike}"));
    }
    for note in comparison.notes.iter().chain(&comparison.other_versions) {
        text.wrapped(Paint::Dim, "", note);
    }
    for trial in comparison.trials.iter().filter(|trial| is_significant(trial)) {
        show(&mut text, &name(trial, &comparison.cache_policies), trial);
    }
    for missing in missing_of(comparison) {
        text.wrapped(Paint::Warning, "", &format!("!! {missing}"));
    }
    if !comparison.trials.is_empty() {
        summarise(&mut text, comparison);
    }
    for line in cache_policies(comparison) {
        text.wrapped(Paint::Dim, "", &line);
    }
    let paint = if comparison.is_empty() { Paint::Bad } else { paint(comparison.verdict) };
    text.wrapped(paint, "", &closing(comparison));
    text.into_string()
}

/// Ratios of all trials, how many of each verdict, and by what they were held.
fn summarise(text: &mut TerminalText, comparison: &Comparison) {
    let gated: Vec<&TrialComparison> = gated(comparison).collect();
    if !gated.is_empty() {
        text.heading("Gated: candidate / base, each over the bound beside it (95 %)");
        for trial in gated {
            text.wrapped(Paint::Plain, "  ", &one_line(trial, &comparison.cache_policies));
        }
    }
    let shown = shown(comparison);
    if !shown.is_empty() {
        text.heading("Not gated on statistics: no bound took turns with it, or it is one");
        shown.iter().for_each(|line| text.wrapped(Paint::Dim, "  ", line));
    }
    text.heading("All trials");
    for (decision, meaning) in MEANINGS {
        let count = comparison.trials.iter().filter(|trial| trial.decision == decision).count();
        let word = decision.map_or("not gated".to_owned(), |decision| decision.to_string());
        if count > 0 {
            text.line(Paint::Plain, &format!("  {count:>4} {word:<12}  {meaning}"));
        }
    }
    for line in limits(comparison) {
        text.wrapped(Paint::Dim, "  ", &line);
    }
    if let Some(rounds) = wanted_rounds(comparison) {
        let more = format!("too few rounds to tell: make both results with --rounds {rounds}");
        text.wrapped(Paint::Warning, "", &more);
    }
}

const MEANINGS: [(Option<Decision>, &str); 6] = [
    (Some(Decision::Regressed), "slower, beyond threshold and noise, or beyond a limit"),
    (Some(Decision::Improved), "faster, beyond threshold and noise"),
    (Some(Decision::Equivalent), "no difference as large as the threshold"),
    (Some(Decision::Inconclusive), "these rounds cannot tell"),
    (Some(Decision::Invalid), "the figures prove nothing"),
    (None, "within its limits, which only a multiple breaks"),
];

/// Whether a trial is shown in full.
fn is_significant(trial: &TrialComparison) -> bool {
    let is_clear =
        matches!(trial.decision, None | Some(Decision::Equivalent | Decision::Inconclusive));
    !is_clear
        || !trial.drift.is_empty()
        || !trial.newly_missed.is_empty()
        || !trial.wrong.is_empty()
}

fn gated(comparison: &Comparison) -> impl Iterator<Item = &TrialComparison> {
    comparison.trials.iter().filter(|trial| trial.is_gated())
}

fn paint(decision: Option<Decision>) -> Paint {
    match decision {
        Some(Decision::Regressed) => Paint::Bad,
        Some(Decision::Improved | Decision::Equivalent) => Paint::Good,
        Some(Decision::Inconclusive | Decision::Invalid) | None => Paint::Warning,
    }
}

fn show(text: &mut TerminalText, name: &str, trial: &TrialComparison) {
    let decision = trial.decision.map_or("NOT GATED".into(), |decision| decision.to_string());
    text.heading(&format!("{decision}  {name}"));
    for reason in &trial.invalid {
        text.wrapped(Paint::Warning, "  ", &format!("invalid: {reason}"));
    }
    for mark in &trial.marks {
        text.wrapped(Paint::Warning, "  ", mark);
    }
    for wrong in &trial.wrong {
        let (class, due, got, count) = (&wrong.class, &wrong.due, &wrong.got, wrong.count);
        let line = format!("wrong: {class} due {due}, got {got}, {count} times");
        text.wrapped(Paint::Bad, "  ", &line);
    }
    for missed in &trial.newly_missed {
        let value = quantity::expected(&missed.key, missed.value);
        let line = format!("newly missed: {} {}, was {value}", missed.key, missed.bound);
        text.wrapped(Paint::Bad, "  ", &line);
    }
    for drift in &trial.drift {
        text.wrapped(Paint::Warning, "  ", &format!("drift: {}", drifted(drift)));
    }
    for figure in &trial.figures {
        let (base, candidate) = (value(figure, figure.base), value(figure, figure.candidate));
        let decision = figure.decision.map_or(String::new(), |decision| decision.to_string());
        let line = format!(
            "{:<10} {decision:<12} {base} became {candidate}: {}",
            figure.metric,
            evidence(figure)
        );
        text.wrapped(Paint::Plain, "  ", &line);
    }
}

/// What the marks of the cache policies mean; nothing where none of them is named.
fn cache_policies(comparison: &Comparison) -> Vec<String> {
    if comparison.same { Vec::new() } else { marks(&comparison.cache_policies) }
}

/// The one name, or both where they differ.
fn both(one: &str, other: &str) -> String {
    if one == other { one.to_owned() } else { format!("{one} → {other}") }
}

/// The cache policy, or both where they differ, each with its mark.
fn both_policies(one: &str, other: &str, records: &[CachePolicyRecord]) -> String {
    both(&marked(records, one), &marked(records, other))
}

/// The trial, with both sides where they have different names.
fn name(trial: &TrialComparison, records: &[CachePolicyRecord]) -> String {
    let contender = both(&trial.base_contender, &trial.contender);
    let cache = both_policies(&trial.base_cache_policy, &trial.cache_policy, records);
    let cache = if cache == "default" { String::new() } else { format!(" ({cache})") };
    format!("{} {} {contender}{cache}", trial.scenario, trial.algorithm)
}

/// The ratio that decides, or the first there is, with the trial behind it.
fn one_line(trial: &TrialComparison, records: &[CachePolicyRecord]) -> String {
    let decision = trial.decision.map_or(String::new(), |decision| decision.to_string());
    let disturbed = if trial.invalid.is_empty() { "" } else { ", disturbed" };
    let ratio = trial.headline().map_or("no figures".into(), |figure| {
        let ratio = figure.ratio;
        format!("{:.3}x ({:.3} to {:.3})", ratio.estimate, ratio.low, ratio.high)
    });
    format!("{ratio:<24} {decision:<12} {}{disturbed}", name(trial, records))
}

/// Trials that are not gated: each, or a line for each scenario where they are many.
fn shown(comparison: &Comparison) -> Vec<String> {
    let trials: Vec<&TrialComparison> =
        comparison.trials.iter().filter(|trial| !trial.is_gated()).collect();
    if trials.len() <= SHOWN {
        let line = |trial| one_line(trial, &comparison.cache_policies);
        return trials.into_iter().map(line).collect();
    }
    let by_scenario = trials.chunk_by(|one, other| one.scenario == other.scenario);
    by_scenario
        .map(|trials| {
            let ratios =
                trials.iter().filter_map(|trial| trial.headline()).map(|f| f.ratio.estimate);
            let range = |(low, high): (f64, f64), ratio: f64| (low.min(ratio), high.max(ratio));
            let (low, high) = ratios.fold((f64::INFINITY, 0.0), range);
            let figures = match low.is_finite() {
                true => format!("{low:.2}x to {high:.2}x"),
                false => "no figures".into(),
            };
            let count = quantity::counted(trials.len() as u64, "trial");
            format!("{figures:<24} {} ({count})", trials[0].scenario)
        })
        .collect()
}

fn drifted(drift: &Drift) -> String {
    let Drift { class, base, candidate, steady } = drift;
    let unit = if *steady { "tokens by code" } else { "codes; timing may decide them" };
    format!("{class}: {base} became {candidate} ({unit})")
}

/// A figure of a metric with its unit.
fn value(figure: &Figure, value: f64) -> String {
    match figure.metric {
        ComparedMetric::P50 | ComparedMetric::P99 | ComparedMetric::Cpu => {
            quantity::nanoseconds(value)
        }
        ComparedMetric::Throughput => quantity::rate(value),
    }
}

/// The ratio, how sure it is and what it is held against.
fn evidence(figure: &Figure) -> String {
    let ratio = figure.ratio;
    let over = figure.bound.as_ref().map_or(String::new(), |bound| format!(" over {bound}"));
    let limit = figure.hard.filter(|_| figure.beyond_hard).map_or(String::new(), |limit| {
        format!(", beyond the hard limit of {}", quantity::share(limit))
    });
    let test = figure.threshold.zip(figure.p_adjusted).map_or(String::new(), |(threshold, p)| {
        format!(", threshold {}, p {p:.4}", quantity::share(threshold))
    });
    let (estimate, low, high) = (ratio.estimate, ratio.low, ratio.high);
    format!("{estimate:.3}x ({low:.3} to {high:.3}){over}{test}{limit}")
}

/// Trials on one side only, each with a sentence.
fn missing_of(comparison: &Comparison) -> Vec<String> {
    let lacking = comparison.only_base.iter().map(|trial| format!("the candidate lacks {trial}"));
    let extra = comparison.only_candidate.iter();
    lacking.chain(extra.map(|trial| format!("only the candidate has {trial}"))).collect()
}

/// What figures may move by: the range of thresholds in force, and each limit.
fn limits(comparison: &Comparison) -> Vec<String> {
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

/// Rounds that would settle what could not be told.
fn wanted_rounds(comparison: &Comparison) -> Option<u32> {
    let figures = comparison.trials.iter().flat_map(|trial| &trial.figures);
    let open = figures.filter(|figure| {
        let rounds = figure.base_rounds.min(figure.rounds);
        figure.decision == Some(Decision::Inconclusive) && figure.rounds_needed as usize > rounds
    });
    open.map(|figure| figure.rounds_needed).max()
}

/// What the verdict means, and what to do next.
fn closing(comparison: &Comparison) -> String {
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

/// What a comparison of two versions of a library cannot tell, and what can.
const OTHER_VERSION: &str = ": what the library itself gained or lost is in the bound too; \
                             `jwtbench duel A A --base-binary OLD` tells";
