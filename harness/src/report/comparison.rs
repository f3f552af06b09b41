//! A comparison for a terminal: what changed first, then what cannot be told, then the rest in
//! numbers, and the verdict last. Knows no file and no exit code.

mod markdown;

use super::TerminalStyle;
use super::quantity;
use super::terminal::text::{Paint, Text};
use crate::result::comparison::{Comparison, Drift, Figure, Metric, TrialComparison};
use crate::result::statistics::Decision;

pub use markdown::comparison_markdown;

/// The comparison as text.
pub fn comparison(comparison: &Comparison, style: TerminalStyle) -> String {
    let mut text = Text::new(style);
    for (side, from) in [("Base     ", &comparison.base), ("Candidate", &comparison.candidate)] {
        let revision = from.revision.as_deref().unwrap_or("no revision");
        text.line(Paint::Plain, &format!("{side}  {}  {revision}", from.started_at));
    }
    for unlike in &comparison.unlike {
        text.wrapped(Paint::Warning, "", &format!("!! unlike, as allowed: {unlike}"));
    }
    for note in &comparison.notes {
        text.wrapped(Paint::Dim, "", note);
    }
    for trial in comparison.trials.iter().filter(|trial| is_significant(trial)) {
        show(&mut text, trial);
    }
    for missing in missing_of(comparison) {
        text.wrapped(Paint::Warning, "", &format!("!! {missing}"));
    }
    text.heading("All trials");
    for (decision, meaning) in MEANINGS {
        let count = comparison.trials.iter().filter(|trial| trial.decision == decision).count();
        if count > 0 {
            text.line(Paint::Plain, &format!("  {count:>4} {decision:<12}  {meaning}"));
        }
    }
    for (metric, threshold, hard) in thresholds(comparison) {
        let line = format!("  {metric:<10} may move by {threshold} for a sure change{hard}");
        text.line(Paint::Dim, &line);
    }
    if let Some(rounds) = wanted_rounds(comparison) {
        let more = format!("too few rounds to tell: make both results with --rounds {rounds}");
        text.wrapped(Paint::Warning, "", &more);
    }
    text.wrapped(paint(comparison.verdict), "", &closing(comparison));
    text.into_string()
}

const MEANINGS: [(Decision, &str); 5] = [
    (Decision::Regressed, "slower, beyond threshold and noise"),
    (Decision::Improved, "faster, beyond threshold and noise"),
    (Decision::Equivalent, "no difference as large as the threshold"),
    (Decision::Inconclusive, "these rounds cannot tell"),
    (Decision::Invalid, "the figures prove nothing"),
];

/// Whether a trial is shown in full.
fn is_significant(trial: &TrialComparison) -> bool {
    let clear = matches!(trial.decision, Decision::Equivalent | Decision::Inconclusive);
    !clear || !trial.drift.is_empty() || !trial.newly_missed.is_empty() || !trial.wrong.is_empty()
}

fn paint(decision: Decision) -> Paint {
    match decision {
        Decision::Regressed => Paint::Bad,
        Decision::Improved | Decision::Equivalent => Paint::Good,
        Decision::Inconclusive | Decision::Invalid => Paint::Warning,
    }
}

fn show(text: &mut Text, trial: &TrialComparison) {
    text.heading(&format!("{}  {}", trial.decision, name(trial)));
    for reason in &trial.invalid {
        text.wrapped(Paint::Warning, "  ", &format!("invalid: {reason}"));
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
        let line = format!(
            "{:<10} {:<12} {base} became {candidate}: {}",
            figure.metric,
            figure.decision,
            evidence(figure)
        );
        text.wrapped(Paint::Plain, "  ", &line);
    }
}

/// The trial, with both sides where they have different names.
fn name(trial: &TrialComparison) -> String {
    let both = |one: &str, other: &str| {
        if one == other { one.to_owned() } else { format!("{one} → {other}") }
    };
    let contender = both(&trial.base_contender, &trial.contender);
    let cache = both(&trial.base_cache_policy, &trial.cache_policy);
    let cache = if cache == "default" { String::new() } else { format!(" ({cache})") };
    format!("{} {} {contender}{cache}", trial.scenario, trial.algorithm)
}

fn drifted(drift: &Drift) -> String {
    let Drift { class, base, candidate, steady } = drift;
    let unit = if *steady { "tokens by code" } else { "codes; timing may decide them" };
    format!("{class}: {base} became {candidate} ({unit})")
}

/// A figure of a metric with its unit.
fn value(figure: &Figure, value: f64) -> String {
    match figure.metric {
        Metric::P50 | Metric::P99 | Metric::Cpu => quantity::nanoseconds(value),
        Metric::Throughput => quantity::rate(value),
    }
}

/// The ratio, how sure it is and what it is held against.
fn evidence(figure: &Figure) -> String {
    let ratio = figure.ratio;
    let hard = if figure.beyond_hard { ", beyond the hard limit" } else { "" };
    let (estimate, low, high) = (ratio.estimate, ratio.low, ratio.high);
    let limit = quantity::share(figure.threshold);
    let p = figure.p_adjusted;
    format!("{estimate:.3}x ({low:.3} to {high:.3}), threshold {limit}, p {p:.4}{hard}")
}

/// Trials on one side only, each with a sentence.
fn missing_of(comparison: &Comparison) -> Vec<String> {
    let lacking = comparison.only_base.iter().map(|trial| format!("the candidate lacks {trial}"));
    let extra = comparison.only_candidate.iter();
    lacking.chain(extra.map(|trial| format!("only the candidate has {trial}"))).collect()
}

/// The range of thresholds in force, and the hard limit, by metric.
fn thresholds(comparison: &Comparison) -> Vec<(Metric, String, String)> {
    let row = |metric: Metric| {
        let figures = || {
            let all = comparison.trials.iter().flat_map(|trial| &trial.figures);
            all.filter(move |figure| figure.metric == metric)
        };
        let shares = figures().map(|figure| figure.threshold);
        let (low, high) = shares
            .fold((f64::INFINITY, 0.0f64), |(low, high), share| (low.min(share), high.max(share)));
        let range = match quantity::share(low) == quantity::share(high) {
            true => quantity::share(low),
            false => format!("{} to {}", quantity::share(low), quantity::share(high)),
        };
        let hard = figures().find_map(|figure| figure.hard);
        let hard = hard
            .map_or(String::new(), |hard| format!(", by {} at the most", quantity::share(hard)));
        low.is_finite().then_some((metric, range, hard))
    };
    Metric::ALL.into_iter().filter_map(row).collect()
}

/// Rounds that would settle what could not be told.
fn wanted_rounds(comparison: &Comparison) -> Option<u32> {
    let figures = comparison.trials.iter().flat_map(|trial| &trial.figures);
    let open = figures.filter(|figure| {
        let rounds = figure.base_rounds.min(figure.rounds);
        figure.decision == Decision::Inconclusive && figure.rounds_needed as usize > rounds
    });
    open.map(|figure| figure.rounds_needed).max()
}

/// What the verdict means, and what to do next.
fn closing(comparison: &Comparison) -> String {
    let next = match comparison.verdict {
        _ if comparison.wrong() > 0 => "the candidate gave wrong verdicts; mend them first",
        _ if comparison.trials.is_empty() => "no trial is in both results",
        Decision::Regressed => {
            "at least one trial costs more; `jwtbench duel` tells how much within one session"
        }
        Decision::Improved => "nothing costs more, and something costs less",
        Decision::Equivalent => "no trial differs by as much as its threshold",
        Decision::Inconclusive => {
            "no regression is proven, and none is ruled out; where rounds are enough and it stays \
             so, only one session with both in it can tell"
        }
        Decision::Invalid => "no regression was found; some trials prove nothing, see above",
    };
    format!("{}: {next}", comparison.verdict)
}
