//! A comparison for a CI step summary: significant changes first, the rest folded away.

use jwtbench_result::CachePolicyRecord;
use jwtbench_result::comparison::{Comparison, Figure, TrialComparison};

use super::super::markdown::cell::{code, plain, row};
use super::super::quantity;
use super::{
    cache_policies, closing, drifted, is_significant, limits, missing_of, name, outcome, value,
    wanted_rounds,
};

/// The comparison as Markdown.
pub fn comparison_markdown(comparison: &Comparison) -> String {
    let mut out = format!("## {}\n\n", plain(&closing(comparison)));
    for (side, from) in [("Base", &comparison.base), ("Candidate", &comparison.candidate)] {
        let revision = from.revision.as_deref().unwrap_or("no revision");
        let (started, command) = (plain(&from.started_at), code(&from.command));
        out += &format!("{side}: {started} {} {command}\n\n", code(revision));
    }
    out += &outcome::markdown(comparison);
    let unlike = comparison.unlike.iter().map(|text| format!("unlike, as allowed: {text}"));
    let notes = comparison.notes.iter().chain(&comparison.other_versions).cloned();
    let notes = unlike.chain(notes).chain(missing_of(comparison)).chain(limits(comparison));
    for line in notes.chain(cache_policies(comparison)) {
        out += &format!("- {}\n", plain(&line));
    }
    if let Some(rounds) = wanted_rounds(comparison) {
        out += &format!("- too few rounds to tell: make both results with `--rounds {rounds}`\n");
    }
    let records = &comparison.cache_policies;
    let (first, rest): (Vec<&TrialComparison>, Vec<&TrialComparison>) =
        comparison.trials.iter().partition(|trial| is_significant(trial));
    if !first.is_empty() {
        out += "\n### Significant\n\n";
        first.iter().for_each(|trial| out += &remarks(trial, records));
        out += &table(&first, records);
    }
    if !rest.is_empty() {
        out += &format!(
            "\n<details><summary>{} without a change</summary>\n\n",
            quantity::counted(rest.len() as u64, "trial")
        );
        out += &table(&rest, records);
        out += "\n</details>\n";
    }
    out
}

fn remarks(trial: &TrialComparison, records: &[CachePolicyRecord]) -> String {
    let wrong = trial.wrong.iter().map(|wrong| {
        format!("wrong: {} due {}, got {}, {}×", wrong.class, wrong.due, wrong.got, wrong.count)
    });
    let missed = trial.newly_missed.iter().map(|missed| {
        let value = quantity::expected(&missed.key, missed.value);
        format!("newly missed: {} {}, was {value}", missed.key, missed.bound)
    });
    let drift = trial.drift.iter().map(|drift| format!("drift: {}", drifted(drift)));
    let invalid = trial.invalid.iter().map(|reason| format!("invalid: {reason}"));
    let all = invalid.chain(trial.marks.iter().cloned()).chain(wrong).chain(missed).chain(drift);
    let name = code(&name(trial, records));
    all.map(|line| format!("- {name}: {}\n", plain(&line))).collect()
}

fn table(trials: &[&TrialComparison], records: &[CachePolicyRecord]) -> String {
    let lines_of = |trial: &&TrialComparison| {
        let name = name(trial, records);
        trial.figures.iter().map(|figure| line(&name, figure)).collect::<Vec<String>>()
    };
    let lines: Vec<String> = trials.iter().flat_map(lines_of).collect();
    if lines.is_empty() {
        return String::new();
    }
    let head = "\n| Trial | Metric | Base | Candidate | Ratio (95 %) | Over | Threshold | p | \
                Verdict |\n|:--|:--|--:|--:|--:|:--|--:|--:|:--|\n";
    format!("{head}{}", lines.concat())
}

fn line(name: &str, figure: &Figure) -> String {
    let ratio = figure.ratio;
    let threshold = figure.threshold.map(quantity::share);
    let hard = figure.hard.map(|hard| format!("hard {}", quantity::share(hard)));
    let limits: Vec<String> = threshold.into_iter().chain(hard).collect();
    row(&[
        code(name),
        figure.metric.name().into(),
        value(figure, figure.base),
        value(figure, figure.candidate),
        format!("{:.3} ({:.3} to {:.3})", ratio.estimate, ratio.low, ratio.high),
        figure.bound.as_deref().map_or("–".into(), code),
        limits.join(", "),
        figure.p_adjusted.map_or("–".into(), |p| format!("{p:.4}")),
        figure.decision.map_or("shown".into(), |decision| decision.to_string()),
    ])
}
