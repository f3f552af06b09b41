//! The outcome in a comparison: what changed for users and attackers, shown before any time. Knows
//! no file and no exit code.

use jwtbench_result::CachePolicyRecord;
use jwtbench_result::comparison::{Comparison, OutcomeVerdict, TrialOutcome};

use crate::quantity;

use super::both_policies;

/// The trials of one scenario with the same pair of cache policies, and the trial that represents
/// them.
pub(crate) struct OutcomeGroup<'c> {
    pub(crate) representative: &'c TrialOutcome,
    trials: usize,
    /// The number of trials with the same verdict as the representative.
    alike: usize,
}

/// The first sentence of the worst outcome, for a headline.
pub(crate) fn headline(comparison: &Comparison) -> Option<String> {
    let groups = groups(comparison);
    let first = groups.first().filter(|group| is_worse(group))?;
    let sentence = first.representative.sentences.first()?;
    let more = groups.iter().filter(|group| is_worse(group)).count() - 1;
    let more = match more {
        0 => String::new(),
        more => format!(", and {} worse", quantity::counted(more as u64, "more scenario")),
    };
    Some(format!(
        "the outcome is worse: {}: {}{more}",
        first.representative.scenario, sentence.text
    ))
}

/// Groups the trials by scenario and cache policies, the worst group first. A group is represented
/// by a trial with its worst verdict, and among those by the one with the most sentences.
pub(crate) fn groups(comparison: &Comparison) -> Vec<OutcomeGroup<'_>> {
    let mut groups: Vec<OutcomeGroup<'_>> = Vec::new();
    let key = |trial: &TrialOutcome| {
        let TrialOutcome { scenario, base_cache_policy, cache_policy, .. } = trial;
        (scenario.clone(), base_cache_policy.clone(), cache_policy.clone())
    };
    for trial in &comparison.outcome {
        let known = groups.iter_mut().find(|group| key(group.representative) == key(trial));
        let Some(group) = known else {
            groups.push(OutcomeGroup { representative: trial, trials: 1, alike: 1 });
            continue;
        };
        group.trials += 1;
        let weight = |trial: &TrialOutcome| (trial.verdict, usize::MAX - trial.sentences.len());
        if trial.verdict == group.representative.verdict {
            group.alike += 1;
        } else if trial.verdict < group.representative.verdict {
            group.alike = 1;
        }
        if weight(trial) < weight(group.representative) {
            group.representative = trial;
        }
    }
    groups.sort_by_key(|group| group.representative.verdict);
    groups
}

fn is_worse(group: &OutcomeGroup<'_>) -> bool {
    group.representative.verdict == OutcomeVerdict::Worse
}

/// Whether a group has something to say beyond that it is unchanged or not gated.
pub(crate) fn is_shown(group: &OutcomeGroup<'_>) -> bool {
    !group.representative.sentences.is_empty()
}

pub(crate) fn lines(group: &OutcomeGroup<'_>) -> Vec<String> {
    let TrialOutcome { sentences, not_gated, verdict, .. } = group.representative;
    let sentence = |sentence: &jwtbench_result::comparison::OutcomeSentence| {
        let has_both = sentence.verdict != *verdict;
        let mark = if has_both { format!("{}: ", sentence.verdict) } else { String::new() };
        format!("{mark}{}", sentence.text)
    };
    let not_gated = not_gated.iter().map(|not_gated| format!("not gated: {}", not_gated.reason));
    sentences.iter().map(sentence).chain(not_gated).collect()
}

/// The name of a group: the scenario, the policies on both sides, and the trials that are
/// represented.
pub(crate) fn name(group: &OutcomeGroup<'_>, records: &[CachePolicyRecord]) -> String {
    let TrialOutcome { scenario, algorithm, contender, base_cache_policy, cache_policy, .. } =
        group.representative;
    let policies = both_policies(base_cache_policy, cache_policy, records);
    let of = match group.trials {
        1 => String::new(),
        trials => format!(", like {} of {trials} trials", group.alike),
    };
    format!("{scenario} under {policies} ({algorithm} {contender}{of})")
}

/// The scenarios without a sentence that are not gated, by reason.
pub(crate) fn quiet_gaps(groups: &[OutcomeGroup<'_>]) -> Vec<(String, Vec<String>)> {
    let mut gaps: Vec<(String, Vec<String>)> = Vec::new();
    for group in groups.iter().filter(|group| !is_shown(group)) {
        let Some(not_gated) = &group.representative.not_gated else {
            continue;
        };
        let scenario = group.representative.scenario.clone();
        match gaps.iter_mut().find(|(reason, _)| *reason == not_gated.reason) {
            Some((_, names)) => names.push(scenario),
            None => gaps.push((not_gated.reason.clone(), vec![scenario])),
        }
    }
    gaps
}

pub(crate) fn unchanged(groups: &[OutcomeGroup<'_>]) -> Option<String> {
    let verdict =
        |group: &&OutcomeGroup<'_>| group.representative.verdict == OutcomeVerdict::Unchanged;
    let count = groups.iter().filter(verdict).count() as u64;
    (count > 0).then(|| {
        let scenarios = quantity::counted(count, "scenario");
        format!("UNCHANGED  {scenarios}: every count within what 16 seeds give the base")
    })
}
