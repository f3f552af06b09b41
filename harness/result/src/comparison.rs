//! Two stored results, trial by trial: what became faster, slower or wrong, and how sure that is.
//! Pure: measures nothing and formats nothing.

mod bound;
mod drift;
mod figure;
mod outcome;
mod pairing;
mod threshold;

use bound::{Bound, is_floor};
use pairing::{Pair, Pairing, has_one_plan};
use serde::Serialize;

use crate::host::noise::MAX_DRIFT;

use super::statistics::{Decision, holm, median};
use super::{CachePolicyRecord, ExpectationResult, Measurement, RunResult, Wrong};

pub(crate) use bound::plain;
pub use bound::ratios_by_round;
pub use drift::Drift;
pub use figure::{Figure, FigureGate};
pub use outcome::{OutcomeFigure, OutcomeSentence, OutcomeVerdict, TrialOutcome, Ungated};
pub use pairing::{Allowance, Matching};
pub use threshold::{ComparedMetric, Thresholds};

/// Seed of the resampling: fixed, so that a comparison of two files can be repeated.
const SEED: u64 = 1;

/// What a comparison is told.
#[derive(Clone, Debug, Default)]
pub struct ComparisonTerms {
    /// In what the results may be unlike.
    pub allowed: Vec<Allowance>,
    /// What decides, and by how much figures may move.
    pub thresholds: Thresholds,
    /// How trials find their partner.
    pub matching: Matching,
}

/// Two results, compared.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// What changed for users and thieves, for every trial that both have and time matters to.
    pub outcome: Vec<TrialOutcome>,
    /// The base.
    pub base: Side,
    /// The candidate.
    pub candidate: Side,
    /// Whether both are the same result to the last figure. Then no trial is compared.
    pub same: bool,
    /// What the times come to over all trials that are gated; null where none is.
    pub verdict: Option<Decision>,
    /// Contenders whose library has another version on each side: what the library itself gained
    /// or lost is in trial and bound alike.
    pub other_versions: Vec<String>,
    /// Wrong verdicts of the candidate, in trials of its own too.
    pub wrong: u64,
    /// In what the results are unlike, allowed by the user.
    pub unlike: Vec<String>,
    /// What a reader should know beside it: versions, builds, partial results.
    pub notes: Vec<String>,
    /// The cache policies of the trials that are not our own recommendation: what they stand for,
    /// and how far they were held to it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache_policies: Vec<CachePolicyRecord>,
    /// Trials that only the base has.
    pub only_base: Vec<String>,
    /// Trials that only the candidate has.
    pub only_candidate: Vec<String>,
    /// Trials that both have.
    pub trials: Vec<TrialComparison>,
}

/// Where one side comes from.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// Start of the run, RFC 3339, UTC.
    pub started_at: String,
    /// The command line.
    pub command: String,
    /// Revision of the source tree, where it is known.
    pub revision: Option<String>,
}

/// One trial, compared.
#[derive(Clone, Debug, Serialize)]
pub struct TrialComparison {
    /// `family/name` of the scenario.
    pub scenario: String,
    /// The algorithm.
    pub algorithm: String,
    /// The base's contender.
    pub base_contender: String,
    /// The candidate's.
    pub contender: String,
    /// The base's cache policy.
    pub base_cache_policy: String,
    /// The candidate's.
    pub cache_policy: String,
    /// What its times come to; null where they are shown and not gated.
    pub decision: Option<Decision>,
    /// Why its figures prove nothing, if they do not.
    pub invalid: Vec<String>,
    /// What the host did to one side alone, where the figures stand all the same.
    pub marks: Vec<String>,
    /// The candidate could not be measured, though the base could.
    pub broke: bool,
    /// Wrong verdicts of the candidate.
    pub wrong: Vec<Wrong>,
    /// Expectations that the candidate missed and the base did not.
    pub newly_missed: Vec<ExpectationResult>,
    /// Classes whose verdicts differ.
    pub drift: Vec<Drift>,
    /// Its metrics.
    pub figures: Vec<Figure>,
}

impl Comparison {
    /// Compares two results.
    ///
    /// # Errors
    /// In what they are unlike without the user's leave: the kind, and a sentence on it.
    pub fn of(
        base: &RunResult,
        candidate: &RunResult,
        terms: &ComparisonTerms,
    ) -> Result<Comparison, Vec<(Allowance, String)>> {
        let pairing = Pairing::of(base, candidate, &terms.matching);
        let unlike = pairing.unlike(base, candidate);
        if unlike.iter().any(|(kind, _)| !terms.allowed.contains(kind)) {
            let refused = unlike.into_iter().filter(|(kind, _)| !terms.allowed.contains(kind));
            return Err(refused.collect());
        }
        let same = is_same(base, candidate) && terms.matching.contenders.is_empty();
        let is_debug = [base, candidate].iter().any(|side| side.machine.profile == "debug");
        let trial = |pair: &Pair<'_>| {
            let bound = Bound::beside(pair, base, candidate);
            TrialComparison::of(pair, bound.as_ref(), &terms.thresholds, is_debug)
        };
        let pairs = if same { &[] } else { pairing.pairs.as_slice() };
        let mut trials: Vec<TrialComparison> = pairs.iter().map(trial).collect();
        settle(&mut trials);
        let side = |result: &RunResult| Side {
            started_at: result.started_at.clone(),
            command: result.command.clone(),
            revision: result.machine.revision.clone(),
        };
        let outcome = |pair: &Pair<'_>| TrialOutcome::of(base, candidate, pair);
        let outcome: Vec<TrialOutcome> = pairs.iter().filter_map(outcome).collect();
        let is_worse = outcome.iter().any(|trial| trial.verdict == OutcomeVerdict::Worse);
        let worse = is_worse.then_some(Decision::Regressed);
        Ok(Comparison {
            outcome,
            base: side(base),
            candidate: side(candidate),
            same,
            verdict: worst(trials.iter().filter_map(|trial| trial.decision).chain(worse)),
            other_versions: other_versions(base, candidate),
            wrong: candidate.wrong(),
            unlike: unlike.into_iter().map(|(_, message)| message).collect(),
            notes: notes(base, candidate, &pairing.pairs),
            cache_policies: pairing.cache_policies,
            only_base: pairing.only_base,
            only_candidate: pairing.only_candidate,
            trials,
        })
    }

    /// Whether nothing stood against anything.
    pub fn is_empty(&self) -> bool {
        !self.same && self.trials.is_empty()
    }

    /// Whether thieves, users or the issuer are worse off than the base's seeds allow.
    pub fn outcome_is_worse(&self) -> bool {
        self.outcome.iter().any(|trial| trial.verdict == OutcomeVerdict::Worse)
    }

    /// Whether an outcome was held against nothing that could have been held.
    pub fn outcome_has_gaps(&self) -> bool {
        let reasons = self.outcome.iter().filter_map(|trial| trial.not_gated.as_ref());
        reasons.into_iter().any(|not_gated| not_gated.is_gap)
    }

    /// Whether something was not proven either way: a trial, or a whole trial missing.
    pub fn has_gaps(&self) -> bool {
        let unproven = |trial: &TrialComparison| {
            matches!(trial.decision, Some(Decision::Invalid | Decision::Inconclusive))
        };
        let is_incomplete = self.trials.iter().any(unproven) || !self.only_base.is_empty();
        is_incomplete || self.outcome_has_gaps()
    }
}

impl TrialComparison {
    fn of(
        pair: &Pair<'_>,
        bound: Option<&Bound<'_>>,
        thresholds: &Thresholds,
        is_debug: bool,
    ) -> TrialComparison {
        let (base, candidate) = *pair;
        let drift = if has_one_plan(pair) { drift::drift(base, candidate) } else { Vec::new() };
        let mut invalid = invalid(base, candidate, &drift, is_debug);
        let is_floor = is_floor(&candidate.contender);
        let figures = match invalid.is_empty() {
            true => Figure::all(pair, bound, is_floor, thresholds, SEED),
            false => Vec::new(),
        };
        // What the host disturbed is shown, and proves nothing.
        invalid.extend(disturbed(base, candidate));
        let was_met = |key: &str| base.expectations.iter().all(|e| e.key != key || e.met);
        let missed = candidate.expectations.iter().filter(|e| !e.met && was_met(&e.key));
        TrialComparison {
            scenario: candidate.scenario.clone(),
            algorithm: candidate.algorithm.clone(),
            base_contender: base.contender.clone(),
            contender: candidate.contender.clone(),
            base_cache_policy: base.cache_policy.clone(),
            cache_policy: candidate.cache_policy.clone(),
            decision: None,
            marks: kernel_mark(base, candidate).into_iter().collect(),
            broke: candidate.error.is_some() && base.error.is_none(),
            wrong: candidate.wrong.clone(),
            newly_missed: missed.cloned().collect(),
            figures,
            invalid,
            drift,
        }
    }

    /// The figure that decides, or else the first: what its line shows.
    pub fn headline(&self) -> Option<&Figure> {
        let primary = self.figures.iter().find(|figure| figure.gate == FigureGate::Primary);
        primary.or(self.figures.first())
    }

    /// Whether statistics could decide it.
    pub fn is_gated(&self) -> bool {
        self.figures.iter().any(|figure| figure.gate == FigureGate::Primary)
    }

    /// What its times come to, once its figures are decided.
    fn decide(&self) -> Option<Decision> {
        let is_proof = self.invalid.is_empty();
        let decisions = || self.figures.iter().filter_map(|figure| figure.decision);
        match (is_proof, self.is_gated()) {
            (true, _) => worst(decisions()),
            // A trial that the host disturbed and that nothing would have gated stays ungated.
            (false, false) if !self.figures.is_empty() => None,
            (false, _) => Some(Decision::Invalid),
        }
    }
}

/// Why the figures of a trial are none.
fn invalid(
    base: &Measurement,
    candidate: &Measurement,
    drift: &[Drift],
    is_debug: bool,
) -> Vec<String> {
    let mut reasons = Vec::new();
    for (side, measurement) in [("base", base), ("candidate", candidate)] {
        if measurement.verdicts.wrong > 0 {
            reasons.push(format!("{side}: {} wrong verdicts", measurement.verdicts.wrong));
        }
        if let Some(error) = &measurement.error {
            reasons.push(format!("{side}: {error}"));
        }
        if measurement.virtual_time {
            reasons.push(format!("{side}: ran in virtual time, which measures nothing"));
        }
        if measurement.rounds.is_empty() && measurement.error.is_none() {
            reasons.push(format!("{side}: no round was finished"));
        }
    }
    if drift.iter().any(|drift| drift.steady) {
        reasons.push("the same tokens got other verdicts: the work was not the same".into());
    }
    if is_debug {
        reasons.push("a debug build: its times mean nothing".into());
    }
    reasons
}

/// What the host did to too many rounds of a side.
fn disturbed(base: &Measurement, candidate: &Measurement) -> Vec<String> {
    let sides = [("base", base), ("candidate", candidate)];
    let noisy = |(side, m): (&str, &Measurement)| Some(format!("{side}: {}", m.noisy.as_ref()?));
    sides.into_iter().filter_map(noisy).collect()
}

/// A remark where the control kernel took other times on each side: the medians of the rounds.
fn kernel_mark(base: &Measurement, candidate: &Measurement) -> Option<String> {
    let middle = |side: &Measurement| {
        let noise = side.rounds.iter().filter_map(|round| round.noise.as_ref());
        let times = noise.map(|noise| noise.kernel_ns as f64).filter(|ns| *ns > 0.0);
        let times: Vec<f64> = times.collect();
        (!times.is_empty()).then(|| median(&times))
    };
    let shift = middle(candidate)? / middle(base)?;
    let (percent, word) = match shift >= 1.0 {
        true => ((shift - 1.0) * 100.0, "longer"),
        false => ((1.0 / shift - 1.0) * 100.0, "less"),
    };
    (percent > MAX_DRIFT * 100.0).then(|| {
        format!(
            "the control kernel took {percent:.0} % {word} on the candidate's host: compare ratios"
        )
    })
}

/// Whether both are one result to the last figure, whatever file they are in.
fn is_same(base: &RunResult, candidate: &RunResult) -> bool {
    let content = |result: &RunResult| serde_json::to_value(result).ok();
    content(base).is_some_and(|one| content(candidate).is_some_and(|other| one == other))
}

/// All primary figures of a comparison share one error rate.
fn settle(trials: &mut [TrialComparison]) {
    let is_proof = |trial: &&TrialComparison| trial.invalid.is_empty();
    let figures = trials.iter().filter(is_proof).flat_map(|trial| &trial.figures);
    let adjusted = holm(&figures.filter_map(|figure| figure.p).collect::<Vec<f64>>());
    let tests = adjusted.len();
    let mut adjusted = adjusted.into_iter();
    for trial in trials {
        if trial.invalid.is_empty() {
            for figure in &mut trial.figures {
                let p = figure.p.and_then(|_| adjusted.next());
                figure.settle(p.unwrap_or(1.0), tests);
            }
        }
        trial.decision = trial.decide();
    }
}

/// What several decisions come to; `None` of none.
fn worst(decisions: impl Iterator<Item = Decision>) -> Option<Decision> {
    use Decision::{Equivalent, Improved, Inconclusive, Invalid, Regressed};
    let order = [Regressed, Invalid, Inconclusive, Improved, Equivalent];
    let decisions: Vec<Decision> = decisions.collect();
    order.into_iter().find(|known| decisions.contains(known))
}

/// Libraries whose version is another one on each side.
fn other_versions(base: &RunResult, candidate: &RunResult) -> Vec<String> {
    let changed = |(name, version): (&String, &String)| {
        let before = base.versions.get(name).filter(|before| *before != version)?;
        Some(format!("{name}: version {before} became {version}"))
    };
    candidate.versions.iter().filter_map(changed).collect()
}

fn notes(base: &RunResult, candidate: &RunResult, pairs: &[Pair<'_>]) -> Vec<String> {
    let mut notes = Vec::new();
    for (side, result) in [("base", base), ("candidate", candidate)] {
        if result.partial {
            notes.push(format!("the {side} is partial: its run was cut short"));
        }
    }
    let (one, other) = (&base.machine.kernel, &candidate.machine.kernel);
    if one != other {
        notes.push(format!("kernel {one} became {other}"));
    }
    let differs = |one: &str, other: &str| !one.is_empty() && !other.is_empty() && one != other;
    for (one, other) in pairs {
        let scenario = &one.scenario;
        if differs(&one.policy_hash, &other.policy_hash) {
            notes.push(format!("{scenario}: judged under another policy"));
        }
        if differs(&one.cache_policy_hash, &other.cache_policy_hash) {
            notes.push(format!("{scenario}: another cache policy, or a preset that has changed"));
        }
    }
    notes.sort();
    notes.dedup();
    notes
}
