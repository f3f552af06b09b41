//! A comparison for a terminal: what changed first, then every ratio, and the verdict last.

use jwtbench_result::CachePolicyRecord;
use jwtbench_result::comparison::{Comparison, Figure, OutcomeVerdict, TrialComparison};
use jwtbench_result::statistics::Decision;

use crate::TerminalStyle;
use crate::form::terminal::text::{Paint, TerminalText};
use crate::quantity;
use crate::subject::comparison::outcome;
use crate::subject::comparison::{
    cache_policies, closing, drifted, is_significant, limits, missing_of, name, value,
    wanted_rounds,
};

/// The most ungated trials that are shown one per line. Beyond it there is a line for each
/// scenario.
const SHOWN: usize = 24;

/// The comparison as text.
pub fn comparison(comparison: &Comparison, style: TerminalStyle) -> String {
    let mut text = TerminalText::new(style);
    for (side, from) in [("Base     ", &comparison.base), ("Candidate", &comparison.candidate)] {
        let revision = from.revision.as_deref().unwrap_or("no revision");
        text.line(Paint::Plain, &format!("{side}  {}  {revision}", from.started_at));
    }
    show_outcome(&mut text, comparison);
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

/// Writes the outcome.
fn show_outcome(text: &mut TerminalText, comparison: &Comparison) {
    if comparison.outcome.is_empty() {
        return;
    }
    text.heading("Outcome");
    let (groups, records) = (outcome::groups(comparison), &comparison.cache_policies);
    for group in groups.iter().filter(|group| outcome::is_shown(group)) {
        let verdict = group.representative.verdict;
        text.wrapped(
            outcome_paint(verdict),
            "  ",
            &format!("{verdict:<9}  {}", outcome::name(group, records)),
        );
        for line in outcome::lines(group) {
            text.wrapped(Paint::Plain, "    ", &line);
        }
    }
    for (reason, names) in outcome::quiet_gaps(&groups) {
        let line = format!("not gated: {}: {reason}", names.join(", "));
        text.wrapped(Paint::Warning, "  ", &line);
    }
    if let Some(line) = outcome::unchanged(&groups) {
        text.wrapped(Paint::Good, "  ", &line);
    }
}

fn outcome_paint(verdict: OutcomeVerdict) -> Paint {
    match verdict {
        OutcomeVerdict::Worse => Paint::Bad,
        OutcomeVerdict::Better | OutcomeVerdict::Unchanged => Paint::Good,
        OutcomeVerdict::NotGated => Paint::Warning,
    }
}

/// Writes the ratios of all trials, the number of each verdict, and the thresholds.
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

/// The ratio that decides, or otherwise the first one, with the name of the trial.
fn one_line(trial: &TrialComparison, records: &[CachePolicyRecord]) -> String {
    let decision = trial.decision.map_or(String::new(), |decision| decision.to_string());
    let disturbed = if trial.invalid.is_empty() { "" } else { ", disturbed" };
    let ratio = trial.headline().map_or("no figures".into(), |figure| {
        let ratio = figure.ratio;
        format!("{:.3}x ({:.3} to {:.3})", ratio.estimate, ratio.low, ratio.high)
    });
    format!("{ratio:<24} {decision:<12} {}{disturbed}", name(trial, records))
}

/// The lines for trials that are not gated: one for each, or one for each scenario if there are
/// many.
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

/// The ratio with its interval, its bound, its threshold and its limit.
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
