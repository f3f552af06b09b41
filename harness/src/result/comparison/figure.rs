//! One metric of one trial on two sides: the ratio, how sure it is, and what it means. Pure.

use serde::Serialize;

use crate::result::Measurement;
use crate::result::statistics::{
    ALPHA, Decision, Estimate, Evidence, Unpaired, decide, mann_whitney, median, rounds_for_alpha,
    rounds_needed, unpaired_minimum_effect,
};

use super::threshold::{Metric, Threshold};

/// One metric, compared.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// The metric.
    pub metric: Metric,
    /// Median of the base's rounds: nanoseconds, or operations per second.
    pub base: f64,
    /// Median of the candidate's rounds.
    pub candidate: f64,
    /// Candidate over base, with the 95 % interval of the rounds alone.
    pub ratio: Estimate,
    /// Mann-Whitney over rounds, two-sided.
    pub p: f64,
    /// The same after Holm over all figures of the comparison.
    pub p_adjusted: f64,
    /// What two sessions of one build may differ by, as a fraction: the largest of the declared
    /// floor, what the control trials or the control kernel moved by, and what each side drifted by
    /// within itself.
    pub floor: f64,
    /// What a change must exceed: the soft threshold or the floor, as a fraction.
    pub threshold: f64,
    /// The hard limit on the point estimate, as a fraction.
    pub hard: Option<f64>,
    /// Whether the point estimate is beyond the hard limit.
    pub beyond_hard: bool,
    /// Rounds of the base.
    pub base_rounds: usize,
    /// Rounds of the candidate.
    pub rounds: usize,
    /// The smallest effect that could have been seen four times of five, as a fraction.
    pub smallest_effect: f64,
    /// Rounds on each side that would tell.
    pub rounds_needed: u32,
    /// What it comes to.
    pub decision: Decision,
    #[serde(skip)]
    evidence: Evidence,
}

/// Two sides of one metric, as natural logarithms of cost.
pub(super) struct Sides {
    base: Vec<f64>,
    candidate: Vec<f64>,
}

impl Sides {
    /// The rounds of two measurements; `None` if a side has none.
    pub(super) fn of(metric: Metric, base: &Measurement, candidate: &Measurement) -> Option<Sides> {
        let logs = |side: &Measurement| -> Vec<f64> {
            let figures = side.rounds.iter().filter_map(|round| metric.of(round));
            let sign = if metric.is_gain() { -1.0 } else { 1.0 };
            figures.map(|figure| sign * figure.ln()).collect()
        };
        let sides = Sides { base: logs(base), candidate: logs(candidate) };
        (!sides.base.is_empty() && !sides.candidate.is_empty()).then_some(sides)
    }

    /// How far the medians lie apart, up or down, as a fraction.
    pub(super) fn shift(&self) -> f64 {
        (median(&self.candidate) - median(&self.base)).abs().exp_m1()
    }

    /// How far each side drifted within itself: its first half of rounds against its second, the
    /// larger of both, as a fraction.
    fn drift(&self) -> f64 {
        let of = |rounds: &[f64]| {
            let (first, second) = rounds.split_at(rounds.len() / 2);
            let both = !first.is_empty() && !second.is_empty();
            if both { (median(second) - median(first)).abs().exp_m1() } else { 0.0 }
        };
        of(&self.base).max(of(&self.candidate))
    }

    /// The figure, before the gates of the comparison share their error rate.
    pub(super) fn figure(
        &self,
        metric: Metric,
        threshold: Threshold,
        control: f64,
        seed: u64,
    ) -> Figure {
        let Sides { base, candidate } = self;
        let unpaired = Unpaired::new(base, candidate, seed);
        let (wide, narrow) = (unpaired.estimate(0.95), unpaired.estimate(0.90));
        let floor = threshold.session_floor.max(control).max(self.drift());
        let delta = threshold.soft.max(floor);
        let plain = |logs: &[f64]| {
            let middle = median(logs);
            if metric.is_gain() { (-middle).exp() } else { middle.exp() }
        };
        let p = mann_whitney(base, candidate);
        // Rounds of one session know nothing of the next: the floor widens what they are sure of.
        let between =
            Estimate { low: wide.low / (1.0 + floor), high: wide.high * (1.0 + floor), ..wide };
        Figure {
            metric,
            base: plain(base),
            candidate: plain(candidate),
            ratio: if metric.is_gain() { wide.inverse() } else { wide },
            p,
            p_adjusted: p,
            floor,
            threshold: delta,
            hard: threshold.hard,
            beyond_hard: threshold.hard.is_some_and(|hard| wide.estimate > 1.0 + hard),
            base_rounds: base.len(),
            rounds: candidate.len(),
            smallest_effect: (1.0 + floor) * (1.0 + unpaired_minimum_effect(base, candidate)) - 1.0,
            rounds_needed: rounds_needed(base, candidate, delta, ALPHA, 1),
            decision: Decision::Inconclusive,
            evidence: Evidence { wide: between, narrow, p, threshold: delta, floor },
        }
    }
}

impl Figure {
    /// Decides, now that it is known how many figures share the error rate.
    pub(super) fn settle(&mut self, p_adjusted: f64, tests: usize) {
        self.p_adjusted = p_adjusted;
        let least = rounds_for_alpha(ALPHA, tests);
        self.rounds_needed = self.rounds_needed.max(least);
        // As many rounds as could call it a change are also what calling it none takes.
        let has_rounds = self.base_rounds.min(self.rounds) >= least as usize;
        self.decision = match decide(&Evidence { p: p_adjusted, ..self.evidence }) {
            Decision::Invalid => Decision::Invalid,
            _ if self.beyond_hard => Decision::Regressed,
            _ if !has_rounds => Decision::Inconclusive,
            decision => decision,
        };
    }
}
