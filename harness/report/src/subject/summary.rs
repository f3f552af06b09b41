//! The verdict on a whole result: whether it passed, and the counts that decide this.

use jwtbench_result::{ExpectationResult, Measurement, RunResult};

use crate::quantity;
use crate::subject::fault::fault;
use crate::subject::finding::findings;

/// The judgements of all measurements together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The number of trials.
    pub trials: u64,
    /// Trials without valid figures for a reason other than a wrong verdict.
    pub errors: u64,
    /// Trials whose verdicts count and whose figures do not, because the host disturbed too many
    /// rounds.
    pub noisy: u64,
    /// Verdicts judged.
    pub judged: u64,
    /// Wrong verdicts.
    pub wrong: u64,
    /// Kinds of deviation of foreign libraries: by class, code due and answer.
    pub findings: u64,
    /// Exposed accepts.
    pub exposed_accepts: u64,
    /// Lockouts.
    pub lockouts: u64,
    /// Good tokens accepted after the deadline.
    pub late: u64,
    /// Expectations that are met.
    pub met: u64,
    /// Expectations that are missed.
    pub missed: u64,
    /// Expectations that this result could not judge.
    pub unjudged: u64,
    /// Whether the run was cut short.
    pub partial: bool,
}

impl Summary {
    /// The summary of a result.
    pub fn of(result: &RunResult) -> Self {
        let sum = |count: fn(&Measurement) -> u64| result.measurements.iter().map(count).sum();
        let missed = result.missed().count() as u64;
        let expected: u64 = sum(|m| m.expectations.len() as u64);
        Summary {
            trials: result.measurements.len() as u64,
            errors: sum(|m| u64::from(m.error.is_some())),
            noisy: sum(|m| u64::from(m.noisy.is_some())) + disturbed_loops(result),
            judged: sum(|m| m.verdicts.judged) + checked(result),
            wrong: result.wrong(),
            findings: findings(result).iter().map(|group| group.rows.len() as u64).sum(),
            exposed_accepts: sum(|m| m.verdicts.exposed_accepts),
            lockouts: sum(|m| m.verdicts.lockouts),
            late: sum(|m| m.verdicts.late),
            met: expected - missed,
            missed,
            unjudged: sum(|m| m.unjudged.len() as u64),
            partial: result.partial,
        }
    }

    /// Whether the result passed: it has verdicts and all are right, every expectation is met, and
    /// every trial is valid and ran to its end.
    pub fn passed(&self) -> bool {
        let is_clean = self.wrong == 0 && self.missed == 0 && self.errors == 0;
        is_clean && self.judged > 0 && !self.partial
    }

    /// The verdict in one line, with what decides first.
    pub fn line(&self) -> String {
        let judged = quantity::counted(self.judged, "verdict");
        if self.passed() {
            let word = if self.unjudged == 0 { "PASSED" } else { "PASSED AS FAR AS JUDGED" };
            let noisy = match self.noisy {
                0 => String::new(),
                noisy => format!(
                    "; the figures of {} are INVALID, as the host disturbed them",
                    quantity::counted(noisy, "trial")
                ),
            };
            let expectations = self.expectations();
            return format!("{word}: {judged} judged, none wrong, {expectations}{noisy}");
        }
        let mut reasons = Vec::new();
        if self.wrong > 0 {
            reasons.push(quantity::counted(self.wrong, "wrong verdict"));
        }
        if self.missed > 0 {
            reasons.push(format!("{} missed", quantity::counted(self.missed, "expectation")));
        }
        if self.errors > 0 {
            reasons.push(quantity::counted(self.errors, "invalid trial"));
        }
        let word = match (self.partial, reasons.is_empty()) {
            (true, true) => "INTERRUPTED",
            (true, false) => "FAILED, INTERRUPTED",
            (false, true) => "NOTHING JUDGED",
            (false, false) => "FAILED",
        };
        let reasons = if reasons.is_empty() { String::new() } else { reasons.join(", ") + "; " };
        format!("{word}: {reasons}{judged} judged, {}", self.expectations())
    }

    /// The number of expectations, and how many of them are met, missed or not judged.
    fn expectations(&self) -> String {
        let set = self.met + self.missed + self.unjudged;
        let unjudged = match self.unjudged {
            0 => String::new(),
            unjudged => format!(", {unjudged} not judged"),
        };
        match (set, self.met) {
            (0, _) => "no expectations set".to_owned(),
            (1, 1) => "the one expectation met".to_owned(),
            (set, met) if set == met => {
                format!("all {} met", quantity::counted(met, "expectation"))
            }
            (set, met) => {
                format!("{met} of {} met{unjudged}", quantity::counted(set, "expectation"))
            }
        }
    }
}

/// The number of verdicts in the open loops measured beside the capacities.
fn checked(result: &RunResult) -> u64 {
    result.capacities.iter().flat_map(|capacity| &capacity.checks).map(|check| check.done).sum()
}

/// The number of open loops beside the capacities whose figures do not count. The closed loop
/// behind a capacity is a trial of its own.
fn disturbed_loops(result: &RunResult) -> u64 {
    let checks = result.capacities.iter().flat_map(|capacity| &capacity.checks);
    checks.filter(|check| check.disturbed.is_some()).count() as u64
}

/// The warnings that every form shows first: why the figures are not reliable.
pub fn warnings(result: &RunResult) -> Vec<&'static str> {
    let mut warnings = Vec::new();
    if result.machine.profile != "release" {
        warnings.push("DEBUG BUILD: these times say nothing about speed; build with --release");
    }
    if result.partial {
        warnings.push("PARTIAL RESULT: the run was interrupted; trials are missing");
    }
    if result.outcome_ranges.iter().any(|range| range.cut_short) {
        warnings.push(
            "NO OUTCOME RANGES: the run was interrupted while other seeds were drawn; what was \
             measured stands, and compare cannot gate the outcome of every trial",
        );
    }
    if result.measurements.iter().any(|m| m.planted.is_some()) {
        warnings
            .push("PLANTED FAULT: a fault was planted on purpose; nothing here is a measurement");
    }
    if result.measurements.iter().any(|m| m.noisy.is_some()) || disturbed_loops(result) > 0 {
        warnings.push("NOISY HOST: too many rounds of some trials were disturbed; see its part");
    }
    if !result.measurements.is_empty() && result.measurements.iter().all(|m| m.virtual_time) {
        warnings.push("VIRTUAL TIME: verdicts and counts hold; times are not measurements");
    }
    warnings
}

/// Why the figures of trials do not count, a line each, and which loads beside a capacity had wrong
/// verdicts.
pub fn trial_faults(result: &RunResult) -> Vec<String> {
    let trials = result.measurements.iter();
    let faults = trials.filter_map(|trial| Some(format!("{}: {}", about(trial), fault(trial)?)));
    let loads = result.capacities.iter().flat_map(|capacity| {
        let wrong = capacity.checks.iter().filter(|check| check.wrong > 0);
        wrong.map(move |check| {
            let (scenario, algorithm) = (&capacity.scenario, &capacity.algorithm);
            let (contender, wrong) = (&capacity.contender, check.wrong);
            let wrong = quantity::counted(wrong, "wrong verdict");
            let rate = quantity::rate(check.rate_per_s);
            format!("{scenario} {algorithm} {contender}: {wrong} at {rate}")
        })
    });
    faults.chain(loads).collect()
}

/// Why a result is no success, a line each, for those who see no summary: trials, expectations, or
/// else what it comes to.
pub fn shortfalls(result: &RunResult) -> Vec<String> {
    let mut told = trial_faults(result);
    told.extend(result.missed().map(|(trial, missed)| {
        let (key, bound, value) = (&missed.key, &missed.bound, missed_value(missed));
        format!("{}: expected {key} {bound}: {value}", about(trial))
    }));
    let summary = Summary::of(result);
    if told.is_empty() && (summary.judged == 0 || summary.partial) {
        told.push(summary.line());
    }
    told
}

fn about(trial: &Measurement) -> String {
    format!("{} {} {}", trial.scenario, trial.algorithm, trial.contender)
}

/// The value that a missed expectation measured, with its unit.
fn missed_value(missed: &ExpectationResult) -> String {
    quantity::expected(&missed.key, missed.value)
}
