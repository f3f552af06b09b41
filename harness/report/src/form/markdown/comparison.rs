//! A comparison for a CI step summary: significant changes first, the rest folded away.

use jwtbench_result::CachePolicyRecord;
use jwtbench_result::comparison::{
    Comparison, Figure, OutcomeFigure, TrialComparison, TrialOutcome,
};
use jwtbench_result::record::outcome::OutcomeKind;

use crate::form::markdown::cell::{code, plain, row};
use crate::quantity;
use crate::subject::comparison::{
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
    out += &outcome_section(comparison);
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

/// The section on the outcome: its sentences, then every count in a table that is folded away.
fn outcome_section(comparison: &Comparison) -> String {
    if comparison.outcome.is_empty() {
        return String::new();
    }
    let mut out = "\n### Outcome\n\n".to_owned();
    let (groups, records) = (outcome::groups(comparison), &comparison.cache_policies);
    for group in groups.iter().filter(|group| outcome::is_shown(group)) {
        let name = outcome::name(group, records);
        out += &format!("- **{}** {}\n", group.representative.verdict, plain(&name));
        outcome::lines(group).iter().for_each(|line| out += &format!("  - {}\n", plain(line)));
    }
    for (reason, names) in outcome::quiet_gaps(&groups) {
        out += &format!("- not gated: {}: {}\n", plain(&names.join(", ")), plain(&reason));
    }
    if let Some(line) = outcome::unchanged(&groups) {
        out += &format!("- {}\n", plain(&line));
    }
    let figures = |trial: &TrialOutcome| {
        let counts = trial.figures.iter().filter(|figure| is_listed(figure));
        counts.map(|figure| outcome_cells(trial, figure)).collect::<String>()
    };
    out + "\n<details><summary>Counts a round</summary>\n\n\
           | Trial | Count | Base | Candidate | 16 seeds of the base | At most | Verdict |\n\
           |:--|:--|--:|--:|--:|--:|:--|\n"
        + &comparison.outcome.iter().map(figures).collect::<String>()
        + "\n</details>\n"
}

/// Whether a count is in the table: it is not zero on both sides and under all seeds.
fn is_listed(figure: &OutcomeFigure) -> bool {
    let highest = figure.seeds.map_or(0, |seeds| seeds.highest);
    figure.base > 0.0 || figure.candidate > 0.0 || highest > 0
}

fn outcome_cells(trial: &TrialOutcome, figure: &OutcomeFigure) -> String {
    let seeds = figure.seeds.map_or("–".to_owned(), |seeds| {
        format!("{} to {}, median {}", seeds.lowest, seeds.highest, seeds.median)
    });
    let trial = format!("{} {} {}", trial.scenario, trial.algorithm, trial.contender);
    row(&[
        code(&trial),
        counted(figure),
        number(figure.base),
        number(figure.candidate),
        seeds,
        figure.limit.map_or("–".to_owned(), number),
        figure.verdict.to_string(),
    ])
}

fn counted(figure: &OutcomeFigure) -> String {
    let of = figure.key.of.as_deref().unwrap_or_default();
    match figure.key.kind {
        OutcomeKind::ExposedAccepts => "exposed accepts".into(),
        OutcomeKind::ExposedByClass => format!("exposed accepts, {}", code(of)),
        OutcomeKind::ExposedByCause => format!("exposed accepts by {}", code(of)),
        OutcomeKind::Lockouts => "lockouts".into(),
        OutcomeKind::LoggedOut => "lockouts, told that the token is bad".into(),
        OutcomeKind::LockoutsByCode => format!("lockouts, {}", code(of)),
        OutcomeKind::Late => "late".into(),
        OutcomeKind::Fetches => "fetches".into(),
    }
}

fn number(count: f64) -> String {
    if count.fract() == 0.0 { format!("{count:.0}") } else { format!("{count:.1}") }
}
