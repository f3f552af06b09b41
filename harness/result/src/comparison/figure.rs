//! One metric of one trial on two sides: the ratio, how sure it is, and the decision. Pure.

use serde::Serialize;

use crate::statistics::{
    ALPHA, Decision, Estimate, MetricEvidence, Unpaired, decide, mann_whitney, median,
    rounds_for_alpha, rounds_needed, unpaired_minimum_effect,
};

use super::bound::{Bound, costs, plain};
use super::pairing::Pair;
use super::threshold::{ComparedMetric, Thresholds};

/// How a figure takes part in the decision on its trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FigureGate {
    /// It decides, by threshold, statistics and limit.
    Primary,
    /// It decides only if it is beyond its limit, and then it is a regression.
    Limit,
    /// It is shown only.
    Shown,
}

/// The comparison of one metric.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// The metric.
    pub metric: ComparedMetric,
    /// How it takes part in the decision.
    pub gate: FigureGate,
    /// Median of the base's rounds, in nanoseconds or operations per second.
    pub base: f64,
    /// Median of the candidate's rounds.
    pub candidate: f64,
    /// The bound by which each side was divided, round by round; null if none ran beside it.
    pub bound: Option<String>,
    /// Candidate over base, each over the bound, with the 95 % interval of the rounds alone.
    pub ratio: Estimate,
    /// The two-sided p of Mann-Whitney over rounds; null if no statistic decides.
    pub p: Option<f64>,
    /// The same after Holm over all primary figures of the comparison.
    pub p_adjusted: Option<f64>,
    /// How far a side drifted within itself, the larger of both sides, as a fraction.
    pub floor: f64,
    /// The change that must be exceeded to count, as a fraction; null if no statistic decides.
    pub threshold: Option<f64>,
    /// The limit on the point estimate, as a fraction; null for a figure that is only shown.
    pub hard: Option<f64>,
    /// Whether the point estimate is beyond the limit.
    pub beyond_hard: bool,
    /// Rounds of the base.
    pub base_rounds: usize,
    /// Rounds of the candidate.
    pub rounds: usize,
    /// The smallest effect that would have been detected four times out of five, as a fraction.
    pub smallest_effect: f64,
    /// The number of rounds on each side that would decide it.
    pub rounds_needed: u32,
    /// The decision; null if the figure decides nothing.
    pub decision: Option<Decision>,
    #[serde(skip)]
    evidence: MetricEvidence,
}

/// The two sides of one metric, as natural logarithms of cost.
struct Sides {
    base: Vec<f64>,
    candidate: Vec<f64>,
}

impl Sides {
    /// How far a side drifted within itself, from its first half of rounds to its second. It is the
    /// larger of both sides, as a fraction.
    fn drift(&self) -> f64 {
        let of = |rounds: &[f64]| {
            let (first, second) = rounds.split_at(rounds.len() / 2);
            let both = !first.is_empty() && !second.is_empty();
            if both { (median(second) - median(first)).abs().exp_m1() } else { 0.0 }
        };
        of(&self.base).max(of(&self.candidate))
    }
}

impl Figure {
    /// Compares one metric of a pair, before the primary figures of the comparison share their
    /// error rate. It is `None` if a side has no values.
    pub(super) fn of(
        metric: ComparedMetric,
        (one, other): &Pair<'_>,
        bound: Option<&Bound<'_>>,
        (gate, limit): (FigureGate, Option<f64>),
        soft: f64,
        seed: u64,
    ) -> Option<Figure> {
        let sides = Sides {
            base: costs(metric, one, bound.map(|bound| bound.base)),
            candidate: costs(metric, other, bound.map(|bound| bound.candidate)),
        };
        let Sides { base, candidate } = &sides;
        if base.is_empty() || candidate.is_empty() {
            return None;
        }
        let unpaired = Unpaired::new(base, candidate, seed);
        let (wide, narrow) = (unpaired.estimate(0.95), unpaired.estimate(0.90));
        let floor = sides.drift();
        let is_primary = gate == FigureGate::Primary;
        let p = is_primary.then(|| mann_whitney(base, candidate));
        // Rounds of one session do not show the variation between sessions, so the floor widens the
        // interval.
        let between =
            Estimate { low: wide.low / (1.0 + floor), high: wide.high * (1.0 + floor), ..wide };
        let evidence =
            MetricEvidence { wide: between, narrow, p: p.unwrap_or(1.0), threshold: soft, floor };
        Some(Figure {
            metric,
            gate,
            base: median(&plain(metric, one)),
            candidate: median(&plain(metric, other)),
            bound: bound.map(|bound| bound.base.contender.clone()),
            ratio: if metric.is_gain() { wide.inverse() } else { wide },
            p,
            p_adjusted: p,
            floor,
            threshold: is_primary.then_some(soft.max(floor)),
            hard: limit,
            beyond_hard: limit.is_some_and(|limit| wide.estimate > 1.0 + limit),
            base_rounds: base.len(),
            rounds: candidate.len(),
            smallest_effect: (1.0 + floor) * (1.0 + unpaired_minimum_effect(base, candidate)) - 1.0,
            rounds_needed: rounds_needed(base, candidate, soft.max(floor), ALPHA, 1),
            decision: None,
            evidence,
        })
    }

    /// Compares all metrics of a pair, in the order of every table.
    pub(super) fn all(
        pair: &Pair<'_>,
        bound: Option<&Bound<'_>>,
        is_floor: bool,
        thresholds: &Thresholds,
        seed: u64,
    ) -> Vec<Figure> {
        let gate = |metric: ComparedMetric| {
            let is_primary = metric == thresholds.primary;
            match (metric, bound) {
                _ if is_floor => (FigureGate::Shown, None),
                (_, Some(_)) if is_primary => (FigureGate::Primary, Some(thresholds.hard)),
                (ComparedMetric::P99, Some(_)) => (FigureGate::Limit, Some(thresholds.p99)),
                (ComparedMetric::Throughput, Some(_)) => {
                    (FigureGate::Limit, Some(thresholds.throughput))
                }
                (ComparedMetric::P50, None) => (FigureGate::Limit, Some(thresholds.bare)),
                _ => (FigureGate::Shown, None),
            }
        };
        let figure = |metric| Figure::of(metric, pair, bound, gate(metric), thresholds.soft, seed);
        ComparedMetric::ALL.into_iter().filter_map(figure).collect()
    }

    /// Decides the figure. The number of figures that share the error rate must be known.
    pub(super) fn settle(&mut self, p_adjusted: f64, tests: usize) {
        let is_beyond = self.beyond_hard.then_some(Decision::Regressed);
        if self.gate != FigureGate::Primary {
            self.decision = is_beyond;
            return;
        }
        self.p_adjusted = Some(p_adjusted);
        let least = rounds_for_alpha(ALPHA, tests);
        self.rounds_needed = self.rounds_needed.max(least);
        // Equivalence needs as many rounds as a change does.
        let has_rounds = self.base_rounds.min(self.rounds) >= least as usize;
        let decision = match decide(&MetricEvidence { p: p_adjusted, ..self.evidence }) {
            Decision::Invalid => Decision::Invalid,
            decision if has_rounds => decision,
            _ => Decision::Inconclusive,
        };
        self.decision = is_beyond.or(Some(decision));
    }
}
