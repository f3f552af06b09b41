//! Two stored results, trial by trial: what became faster, slower or wrong, and how sure that is.
//! Pure: measures nothing and formats nothing.

mod drift;
mod figure;
mod pairing;
mod threshold;

use serde::Serialize;

pub use drift::Drift;
pub use figure::Figure;
pub use pairing::{Allowance, Matching};
pub use threshold::{Metric, Threshold, Thresholds};

use figure::Sides;
use pairing::{Pair, Pairing, has_one_plan};

use super::statistics::{Decision, holm, median};
use super::{ExpectationResult, Measurement, RunResult, Wrong};

/// Seed of the resampling: fixed, so that a comparison of two files can be repeated.
const SEED: u64 = 1;

/// What a comparison is told.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// In what the results may be unlike.
    pub allowed: Vec<Allowance>,
    /// By how much metrics may move.
    pub thresholds: Thresholds,
    /// How trials find their partner.
    pub matching: Matching,
}

/// Two results, compared.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The base.
    pub base: Side,
    /// The candidate.
    pub candidate: Side,
    /// What it comes to over all trials.
    pub verdict: Decision,
    /// In what the results are unlike, allowed by the user.
    pub unlike: Vec<String>,
    /// What a reader should know beside it: versions, builds, partial results.
    pub notes: Vec<String>,
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
    /// What it comes to over all metrics.
    pub decision: Decision,
    /// Why its figures prove nothing, if they do not.
    pub invalid: Vec<String>,
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
        terms: &Terms,
    ) -> Result<Comparison, Vec<(Allowance, String)>> {
        let pairing = Pairing::of(base, candidate, &terms.matching);
        let unlike = pairing.unlike(base, candidate);
        if unlike.iter().any(|(kind, _)| !terms.allowed.contains(kind)) {
            let refused = unlike.into_iter().filter(|(kind, _)| !terms.allowed.contains(kind));
            return Err(refused.collect());
        }
        let controls: Vec<f64> = Metric::ALL
            .iter()
            .map(|metric| control(*metric, &pairing.pairs, base, candidate))
            .collect();
        let is_debug = [base, candidate].iter().any(|side| side.machine.profile == "debug");
        let mut trials: Vec<TrialComparison> = pairing
            .pairs
            .iter()
            .map(|pair| TrialComparison::of(pair, &terms.thresholds, &controls, is_debug))
            .collect();
        settle(&mut trials);
        let side = |result: &RunResult| Side {
            started_at: result.started_at.clone(),
            command: result.command.clone(),
            revision: result.machine.revision.clone(),
        };
        Ok(Comparison {
            base: side(base),
            candidate: side(candidate),
            verdict: worst(trials.iter().map(|trial| trial.decision)),
            unlike: unlike.into_iter().map(|(_, message)| message).collect(),
            notes: notes(base, candidate, &pairing.pairs),
            only_base: pairing.only_base,
            only_candidate: pairing.only_candidate,
            trials,
        })
    }

    /// Wrong verdicts of the candidate.
    pub fn wrong(&self) -> u64 {
        self.trials.iter().flat_map(|trial| &trial.wrong).map(|wrong| wrong.count).sum()
    }

    /// Whether something was not proven either way: trials, or a whole trial missing.
    pub fn has_gaps(&self) -> bool {
        let unproven = |trial: &TrialComparison| {
            matches!(trial.decision, Decision::Invalid | Decision::Inconclusive)
        };
        self.trials.is_empty() || self.trials.iter().any(unproven) || !self.only_base.is_empty()
    }
}

impl TrialComparison {
    fn of(
        pair: &Pair<'_>,
        thresholds: &Thresholds,
        controls: &[f64],
        is_debug: bool,
    ) -> TrialComparison {
        let (base, candidate) = *pair;
        let drift = if has_one_plan(pair) { drift::drift(base, candidate) } else { Vec::new() };
        let invalid = invalid(base, candidate, &drift, is_debug);
        let kernel = kernel_shift(base, candidate);
        let figures = Metric::ALL.into_iter().zip(controls).filter_map(|(metric, control)| {
            let sides = Sides::of(metric, base, candidate)?;
            Some(sides.figure(metric, thresholds.of(metric), control.max(kernel), SEED))
        });
        let was_met = |key: &str| base.expectations.iter().all(|e| e.key != key || e.met);
        let missed = candidate.expectations.iter().filter(|e| !e.met && was_met(&e.key));
        TrialComparison {
            scenario: candidate.scenario.clone(),
            algorithm: candidate.algorithm.clone(),
            base_contender: base.contender.clone(),
            contender: candidate.contender.clone(),
            base_cache_policy: base.cache_policy.clone(),
            cache_policy: candidate.cache_policy.clone(),
            decision: Decision::Inconclusive,
            broke: candidate.error.is_some() && base.error.is_none(),
            wrong: candidate.wrong.clone(),
            newly_missed: missed.cloned().collect(),
            figures: if invalid.is_empty() { figures.collect() } else { Vec::new() },
            invalid,
            drift,
        }
    }
}

/// Why the figures of a trial prove nothing.
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
        if let Some(noisy) = &measurement.noisy {
            reasons.push(format!("{side}: {noisy}"));
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

/// How far the machine itself moved between the sessions, as a fraction: the median over the bare
/// signature checks of libraries whose version is the same on both sides. Zero without any.
fn control(metric: Metric, pairs: &[Pair<'_>], base: &RunResult, candidate: &RunResult) -> f64 {
    let is_control = |(one, other): &&Pair<'_>| {
        let name = &one.contender;
        name.starts_with("raw:")
            && *name == other.contender
            && base.versions.get(name) == candidate.versions.get(name)
    };
    let shifts = pairs
        .iter()
        .filter(is_control)
        .filter_map(|(one, other)| Sides::of(metric, one, other))
        .map(|sides| sides.shift());
    median(&shifts.collect::<Vec<f64>>())
}

/// How far the control kernel moved between the rounds of one side and those of the other, up or
/// down, as a fraction: the medians of its times. Zero without any.
fn kernel_shift(base: &Measurement, candidate: &Measurement) -> f64 {
    let times = |side: &Measurement| -> Vec<f64> {
        let noise = side.rounds.iter().filter_map(|round| round.noise.as_ref());
        noise.map(|noise| noise.kernel_ns as f64).filter(|ns| *ns > 0.0).map(f64::ln).collect()
    };
    let (one, other) = (times(base), times(candidate));
    if one.is_empty() || other.is_empty() {
        return 0.0;
    }
    (median(&other) - median(&one)).abs().exp_m1()
}

/// All figures of a comparison share one error rate.
fn settle(trials: &mut [TrialComparison]) {
    let figures = || trials.iter().flat_map(|trial| &trial.figures);
    let adjusted = holm(&figures().map(|figure| figure.p).collect::<Vec<f64>>());
    let tests = adjusted.len();
    let mut adjusted = adjusted.into_iter();
    for trial in trials {
        for figure in &mut trial.figures {
            figure.settle(adjusted.next().unwrap_or(1.0), tests);
        }
        let is_valid = trial.invalid.is_empty() && !trial.figures.is_empty();
        let decisions = trial.figures.iter().map(|figure| figure.decision);
        trial.decision = if is_valid { worst(decisions) } else { Decision::Invalid };
    }
}

/// What several decisions come to.
fn worst(decisions: impl Iterator<Item = Decision>) -> Decision {
    use Decision::{Equivalent, Improved, Inconclusive, Invalid, Regressed};
    let order = [Regressed, Invalid, Inconclusive, Improved, Equivalent];
    let decisions: Vec<Decision> = decisions.collect();
    order.into_iter().find(|known| decisions.contains(known)).unwrap_or(Invalid)
}

fn notes(base: &RunResult, candidate: &RunResult, pairs: &[Pair<'_>]) -> Vec<String> {
    let mut notes = Vec::new();
    for (name, version) in &candidate.versions {
        if let Some(before) = base.versions.get(name).filter(|before| *before != version) {
            notes.push(format!("{name}: version {before} became {version}"));
        }
    }
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
