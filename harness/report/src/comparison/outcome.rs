//! The outcome in a comparison: what changed for users and thieves, before any time. Knows no file
//! and no exit code.

use jwtbench_result::CachePolicyRecord;
use jwtbench_result::comparison::{Comparison, OutcomeFigure, OutcomeVerdict, TrialOutcome};
use jwtbench_result::record::outcome::OutcomeKind;

use super::super::markdown::cell::{code, plain, row};
use super::super::quantity;
use super::super::terminal::text::{Paint, TerminalText};
use super::both_policies;

/// Trials of one scenario from one cache policy to another, and the one that speaks for them.
struct OutcomeGroup<'c> {
    spokesman: &'c TrialOutcome,
    trials: usize,
    /// How many of them have the verdict of the one that speaks.
    alike: usize,
}

/// The first sentence of the worst outcome, for a headline.
pub(super) fn headline(comparison: &Comparison) -> Option<String> {
    let groups = groups(comparison);
    let first = groups.first().filter(|group| is_worse(group))?;
    let sentence = first.spokesman.sentences.first()?;
    let more = groups.iter().filter(|group| is_worse(group)).count() - 1;
    let more = match more {
        0 => String::new(),
        more => format!(", and {} worse", quantity::counted(more as u64, "more scenario")),
    };
    Some(format!("the outcome is worse: {}: {}{more}", first.spokesman.scenario, sentence.text))
}

/// The outcome as text.
pub(super) fn show(text: &mut TerminalText, comparison: &Comparison) {
    if comparison.outcome.is_empty() {
        return;
    }
    text.heading("Outcome");
    let (groups, records) = (groups(comparison), &comparison.cache_policies);
    for group in groups.iter().filter(|group| is_shown(group)) {
        let verdict = group.spokesman.verdict;
        text.wrapped(paint(verdict), "  ", &format!("{verdict:<9}  {}", name(group, records)));
        for line in lines(group) {
            text.wrapped(Paint::Plain, "    ", &line);
        }
    }
    for (reason, names) in quiet_gaps(&groups) {
        let line = format!("not gated: {}: {reason}", names.join(", "));
        text.wrapped(Paint::Warning, "  ", &line);
    }
    if let Some(line) = unchanged(&groups) {
        text.wrapped(Paint::Good, "  ", &line);
    }
}

/// The outcome as Markdown: sentences, then every count in a table that is folded away.
pub(super) fn markdown(comparison: &Comparison) -> String {
    if comparison.outcome.is_empty() {
        return String::new();
    }
    let mut out = "\n### Outcome\n\n".to_owned();
    let (groups, records) = (groups(comparison), &comparison.cache_policies);
    for group in groups.iter().filter(|group| is_shown(group)) {
        let name = name(group, records);
        out += &format!("- **{}** {}\n", group.spokesman.verdict, plain(&name));
        lines(group).iter().for_each(|line| out += &format!("  - {}\n", plain(line)));
    }
    for (reason, names) in quiet_gaps(&groups) {
        out += &format!("- not gated: {}: {}\n", plain(&names.join(", ")), plain(&reason));
    }
    if let Some(line) = unchanged(&groups) {
        out += &format!("- {}\n", plain(&line));
    }
    let figures = |trial: &TrialOutcome| {
        let counts = trial.figures.iter().filter(|figure| is_listed(figure));
        counts.map(|figure| cells(trial, figure)).collect::<String>()
    };
    out + "\n<details><summary>Counts a round</summary>\n\n\
           | Trial | Count | Base | Candidate | 16 seeds of the base | At most | Verdict |\n\
           |:--|:--|--:|--:|--:|--:|:--|\n"
        + &comparison.outcome.iter().map(figures).collect::<String>()
        + "\n</details>\n"
}

/// The trials by scenario and cache policies, the worst first. The one with the most sentences
/// speaks for those with its verdict.
fn groups(comparison: &Comparison) -> Vec<OutcomeGroup<'_>> {
    let mut groups: Vec<OutcomeGroup<'_>> = Vec::new();
    let key = |trial: &TrialOutcome| {
        let TrialOutcome { scenario, base_cache_policy, cache_policy, .. } = trial;
        (scenario.clone(), base_cache_policy.clone(), cache_policy.clone())
    };
    for trial in &comparison.outcome {
        let known = groups.iter_mut().find(|group| key(group.spokesman) == key(trial));
        let Some(group) = known else {
            groups.push(OutcomeGroup { spokesman: trial, trials: 1, alike: 1 });
            continue;
        };
        group.trials += 1;
        let weight = |trial: &TrialOutcome| (trial.verdict, usize::MAX - trial.sentences.len());
        if trial.verdict == group.spokesman.verdict {
            group.alike += 1;
        } else if trial.verdict < group.spokesman.verdict {
            group.alike = 1;
        }
        if weight(trial) < weight(group.spokesman) {
            group.spokesman = trial;
        }
    }
    groups.sort_by_key(|group| group.spokesman.verdict);
    groups
}

fn is_worse(group: &OutcomeGroup<'_>) -> bool {
    group.spokesman.verdict == OutcomeVerdict::Worse
}

/// Whether a group has something to say beyond that it is unchanged or not gated.
fn is_shown(group: &OutcomeGroup<'_>) -> bool {
    !group.spokesman.sentences.is_empty()
}

fn lines(group: &OutcomeGroup<'_>) -> Vec<String> {
    let TrialOutcome { sentences, not_gated, verdict, .. } = group.spokesman;
    let sentence = |sentence: &jwtbench_result::comparison::OutcomeSentence| {
        let has_both = sentence.verdict != *verdict;
        let mark = if has_both { format!("{}: ", sentence.verdict) } else { String::new() };
        format!("{mark}{}", sentence.text)
    };
    let not_gated = not_gated.iter().map(|not_gated| format!("not gated: {}", not_gated.reason));
    sentences.iter().map(sentence).chain(not_gated).collect()
}

/// The scenario with the policies on both sides, and the trials that the one stands for.
fn name(group: &OutcomeGroup<'_>, records: &[CachePolicyRecord]) -> String {
    let TrialOutcome { scenario, algorithm, contender, base_cache_policy, cache_policy, .. } =
        group.spokesman;
    let policies = both_policies(base_cache_policy, cache_policy, records);
    let of = match group.trials {
        1 => String::new(),
        trials => format!(", like {} of {trials} trials", group.alike),
    };
    format!("{scenario} under {policies} ({algorithm} {contender}{of})")
}

/// Scenarios that have nothing to say and are not gated, by reason.
fn quiet_gaps(groups: &[OutcomeGroup<'_>]) -> Vec<(String, Vec<String>)> {
    let mut gaps: Vec<(String, Vec<String>)> = Vec::new();
    for group in groups.iter().filter(|group| !is_shown(group)) {
        let Some(not_gated) = &group.spokesman.not_gated else {
            continue;
        };
        let scenario = group.spokesman.scenario.clone();
        match gaps.iter_mut().find(|(reason, _)| *reason == not_gated.reason) {
            Some((_, names)) => names.push(scenario),
            None => gaps.push((not_gated.reason.clone(), vec![scenario])),
        }
    }
    gaps
}

fn unchanged(groups: &[OutcomeGroup<'_>]) -> Option<String> {
    let verdict = |group: &&OutcomeGroup<'_>| group.spokesman.verdict == OutcomeVerdict::Unchanged;
    let count = groups.iter().filter(verdict).count() as u64;
    (count > 0).then(|| {
        let scenarios = quantity::counted(count, "scenario");
        format!("UNCHANGED  {scenarios}: every count within what 16 seeds give the base")
    })
}

fn paint(verdict: OutcomeVerdict) -> Paint {
    match verdict {
        OutcomeVerdict::Worse => Paint::Bad,
        OutcomeVerdict::Better | OutcomeVerdict::Unchanged => Paint::Good,
        OutcomeVerdict::NotGated => Paint::Warning,
    }
}

/// Whether a count is in the table: where it is not zero on both sides and under all seeds.
fn is_listed(figure: &OutcomeFigure) -> bool {
    let highest = figure.seeds.map_or(0, |seeds| seeds.highest);
    figure.base > 0.0 || figure.candidate > 0.0 || highest > 0
}

fn cells(trial: &TrialOutcome, figure: &OutcomeFigure) -> String {
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
