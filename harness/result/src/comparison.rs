//! The comparison of two stored results, trial by trial: what became faster, slower or wrong, and
//! how sure that is. Pure: measures nothing and formats nothing.

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

/// The seed of the resampling. It is fixed, so that a comparison of two files can be repeated.
const SEED: u64 = 1;

/// The terms of a comparison.
#[derive(Clone, Debug, Default)]
pub struct ComparisonTerms {
    /// The ways in which the results may differ.
    pub allowed: Vec<Allowance>,
    /// The metric that decides, and by how much figures may change.
    pub thresholds: Thresholds,
    /// How trials are paired.
    pub matching: Matching,
}

/// The comparison of two results.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// What changed for users and attackers, for every trial that both results have and that time
    /// matters to.
    pub outcome: Vec<TrialOutcome>,
    /// The base.
    pub base: Side,
    /// The candidate.
    pub candidate: Side,
    /// Whether both are the same result in every figure. Then no trial is compared.
    pub same: bool,
    /// The verdict on times over all gated trials; null if none is gated.
    pub verdict: Option<Decision>,
    /// Contenders whose library has a different version on each side. A change of the library
    /// itself is then in the trial and in the bound alike.
    pub other_versions: Vec<String>,
    /// Wrong verdicts of the candidate, including trials that only the candidate has.
    pub wrong: u64,
    /// The differences between the results that the user allowed.
    pub unlike: Vec<String>,
    /// Further remarks for a reader: versions, builds, partial results.
    pub notes: Vec<String>,
    /// The cache policies of the trials that are not our own recommendation, with what they stand
    /// for and how far they were checked against that.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cache_policies: Vec<CachePolicyRecord>,
    /// Trials that only the base has.
    pub only_base: Vec<String>,
    /// Trials that only the candidate has.
    pub only_candidate: Vec<String>,
    /// Trials that both have.
    pub trials: Vec<TrialComparison>,
}

/// The origin of one side.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// Start of the run, RFC 3339, UTC.
    pub started_at: String,
    /// The command line.
    pub command: String,
    /// Revision of the source tree, where it is known.
    pub revision: Option<String>,
}

/// The comparison of one trial.
#[derive(Clone, Debug, Serialize)]
pub struct TrialComparison {
    /// `family/name` of the scenario.
    pub scenario: String,
    /// The algorithm.
    pub algorithm: String,
    /// The base's contender.
    pub base_contender: String,
    /// The candidate's contender.
    pub contender: String,
    /// The base's cache policy.
    pub base_cache_policy: String,
    /// The candidate's cache policy.
    pub cache_policy: String,
    /// The verdict on its times; null if they are shown and not gated.
    pub decision: Option<Decision>,
    /// The reasons why its figures prove nothing; empty if they are valid.
    pub invalid: Vec<String>,
    /// Remarks on what the host did to one side only, if the figures count all the same.
    pub marks: Vec<String>,
    /// Whether the candidate could not be measured although the base could.
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
    /// The differences between the results that the user did not allow, each as its kind and a
    /// sentence.
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

    /// Whether there was nothing to compare.
    pub fn is_empty(&self) -> bool {
        !self.same && self.trials.is_empty()
    }

    /// Whether the outcome is worse for users or the issuer, or better for attackers, beyond the
    /// range of the base's seeds.
    pub fn outcome_is_worse(&self) -> bool {
        self.outcome.iter().any(|trial| trial.verdict == OutcomeVerdict::Worse)
    }

    /// Whether an outcome that could have been gated was not.
    pub fn outcome_has_gaps(&self) -> bool {
        let reasons = self.outcome.iter().filter_map(|trial| trial.not_gated.as_ref());
        reasons.into_iter().any(|not_gated| not_gated.is_gap)
    }

    /// Whether something was not proven either way: a trial is inconclusive or invalid, a trial is
    /// missing, or an outcome was not gated.
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
        // A figure that the host disturbed is shown, but proves nothing.
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

    /// The figure that the trial's line shows: the one that decides, or otherwise the first.
    pub fn headline(&self) -> Option<&Figure> {
        let primary = self.figures.iter().find(|figure| figure.gate == FigureGate::Primary);
        primary.or(self.figures.first())
    }

    /// Whether statistics could decide the trial.
    pub fn is_gated(&self) -> bool {
        self.figures.iter().any(|figure| figure.gate == FigureGate::Primary)
    }

    /// The verdict on its times, once its figures are decided.
    fn decide(&self) -> Option<Decision> {
        let is_proof = self.invalid.is_empty();
        let decisions = || self.figures.iter().filter_map(|figure| figure.decision);
        match (is_proof, self.is_gated()) {
            (true, _) => worst(decisions()),
            // A trial that the host disturbed, and that would not have been gated anyway, stays
            // ungated.
            (false, false) if !self.figures.is_empty() => None,
            (false, _) => Some(Decision::Invalid),
        }
    }
}

/// The reasons why a trial has no valid figures.
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

/// The sides of which the host disturbed too many rounds, with the reason.
fn disturbed(base: &Measurement, candidate: &Measurement) -> Vec<String> {
    let sides = [("base", base), ("candidate", candidate)];
    let noisy = |(side, m): (&str, &Measurement)| Some(format!("{side}: {}", m.noisy.as_ref()?));
    sides.into_iter().filter_map(noisy).collect()
}

/// A remark if the median time of the control kernel over the rounds differs between the sides by
/// more than [`MAX_DRIFT`].
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

/// Whether both are the same result in every figure, whichever files they are in.
fn is_same(base: &RunResult, candidate: &RunResult) -> bool {
    let content = |result: &RunResult| serde_json::to_value(result).ok();
    content(base).is_some_and(|one| content(candidate).is_some_and(|other| one == other))
}

/// Decides all figures. All primary figures of a comparison share one error rate.
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

/// The worst of several decisions; `None` if there are none.
fn worst(decisions: impl Iterator<Item = Decision>) -> Option<Decision> {
    use Decision::{Equivalent, Improved, Inconclusive, Invalid, Regressed};
    let order = [Regressed, Invalid, Inconclusive, Improved, Equivalent];
    let decisions: Vec<Decision> = decisions.collect();
    order.into_iter().find(|known| decisions.contains(known))
}

/// The libraries whose version differs between the sides.
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
        if let Some((one, other)) = one.state.as_ref().zip(other.state.as_ref()) {
            if differs(&one.strategy_hash, &other.strategy_hash) {
                let (one, other) = (&one.strategy, &other.strategy);
                let change = match one == other {
                    true => format!("the state strategy {one} has changed"),
                    false => format!("state strategy {one} became {other}"),
                };
                notes.push(format!("{scenario}: {change}"));
            }
            let [before, after] = [one, other].map(|state| state.token_lifetime_s);
            if before.to_bits() != after.to_bits() {
                notes.push(format!(
                    "{scenario}: the arrivals are the same, and tokens live for {after} s instead \
                     of {before} s"
                ));
            }
            if differs(&one.store, &other.store) {
                notes.push(format!("{scenario}: store {} became {}", one.store, other.store));
            }
        }
    }
    notes.sort();
    notes.dedup();
    notes
}
