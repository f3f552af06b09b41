//! The five verdicts of a comparison, and the rule that derives one from the evidence. Pure.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Estimate;

/// The error rate that all gated metrics of a comparison share.
pub const ALPHA: f64 = 0.05;

/// What a comparison says of a candidate against its base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Decision {
    /// It costs less, by more than threshold and floor.
    Improved,
    /// It costs more, by more than threshold and floor.
    Regressed,
    /// Any difference is smaller than the threshold.
    Equivalent,
    /// The samples cannot tell, or the noise is larger than the threshold.
    Inconclusive,
    /// The samples prove nothing: something beside the arms moved, or verdicts were wrong.
    Invalid,
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Decision::Improved => "IMPROVED",
            Decision::Regressed => "REGRESSED",
            Decision::Equivalent => "EQUIVALENT",
            Decision::Inconclusive => "INCONCLUSIVE",
            Decision::Invalid => "INVALID",
        })
    }
}

/// The evidence on one metric. Ratios are of cost, candidate over base: above 1 is worse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MetricEvidence {
    /// The ratio with its 95 % interval.
    pub wide: Estimate,
    /// The same with its 90 % interval: two one-sided tests at 5 %.
    pub narrow: Estimate,
    /// p after Holm.
    pub p: f64,
    /// The difference below which a change does not matter, as a fraction: what the user asked for.
    pub threshold: f64,
    /// The difference below which a change cannot be told from the host's own noise, as a fraction:
    /// measured.
    pub floor: f64,
}

/// Decides on one metric. A change needs an interval without 1, a p below [`ALPHA`] and a size of
/// at least threshold and floor. Equivalence needs the 90 % interval within the threshold. The
/// floor makes a change harder and never makes equivalence easier: if noise exceeds the threshold,
/// nothing can be called equal. Limits are symmetric up and down: 1 + threshold and 1/(1 +
/// threshold).
pub fn decide(evidence: &MetricEvidence) -> Decision {
    let MetricEvidence { wide, narrow, p, threshold, floor } = *evidence;
    let numbers =
        [wide.low, wide.estimate, wide.high, narrow.low, narrow.high, p, threshold, floor];
    if !numbers.iter().all(|number| number.is_finite()) {
        return Decision::Invalid;
    }
    let change = 1.0 + threshold.max(floor);
    let is_sure = wide.excludes_one() && p < ALPHA;
    if is_sure && wide.estimate >= change {
        return Decision::Regressed;
    }
    if is_sure && wide.estimate <= 1.0 / change {
        return Decision::Improved;
    }
    let same = 1.0 + threshold;
    let is_within = narrow.low > 1.0 / same && narrow.high < same;
    if is_within && floor <= threshold { Decision::Equivalent } else { Decision::Inconclusive }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(low: f64, estimate: f64, high: f64) -> Estimate {
        Estimate { estimate, low, high }
    }

    #[test]
    fn evidence_becomes_one_of_five() {
        use Decision::{Equivalent, Improved, Inconclusive, Invalid, Regressed};
        let slow = estimate(1.04, 1.05, 1.06);
        let fast = estimate(0.94, 0.95, 0.96);
        let same = estimate(0.99, 1.00, 1.01);
        let small = estimate(1.01, 1.015, 1.02);
        let vague = estimate(0.90, 1.05, 1.20);
        let broad = estimate(1.01, 1.025, 1.04);
        let planted = estimate(1.087, 1.16, 1.241);
        let broken = estimate(f64::NAN, 1.0, 1.0);
        let rows = [
            (slow, 0.01, 0.03, 0.00, Regressed, "clear and large"),
            (fast, 0.01, 0.03, 0.00, Improved, "clear and large"),
            (slow, 0.01, 0.03, 0.04, Regressed, "above a floor that is above the threshold"),
            (fast, 0.01, 0.03, 0.04, Improved, "above a floor that is above the threshold"),
            (slow, 0.05, 0.03, 0.00, Inconclusive, "p is not below 5 %"),
            (fast, 0.20, 0.03, 0.00, Inconclusive, "p is not below 5 %"),
            (small, 0.01, 0.03, 0.03, Equivalent, "real, too small to matter, floor at its edge"),
            (small, 0.01, 0.03, 0.031, Inconclusive, "the floor is above the threshold"),
            (broad, 0.01, 0.03, 0.00, Inconclusive, "real, below the threshold, perhaps above it"),
            (slow, 0.01, 0.10, 0.00, Equivalent, "within a threshold of 10 %"),
            (slow, 0.01, 0.03, 0.10, Inconclusive, "within a floor of 10 % is not equal"),
            (fast, 0.01, 0.03, 0.10, Inconclusive, "within a floor of 10 % is not equal"),
            (planted, 0.01, 0.03, 0.32, Inconclusive, "a planted 10 % under a floor of 32 %"),
            (slow, 0.01, 0.055, 0.00, Inconclusive, "the threshold lies within the interval"),
            (vague, 0.01, 0.03, 0.00, Inconclusive, "the interval has room for 1"),
            (vague, 0.01, 0.03, 0.50, Inconclusive, "noise on both counts"),
            (same, 1.00, 0.03, 0.00, Equivalent, "the same"),
            (same, 1.00, 0.03, 0.50, Inconclusive, "noise is never equality"),
            (same, 1.00, 0.005, 0.00, Inconclusive, "not the same within half a percent"),
            (same, 0.01, 0.00, 0.00, Inconclusive, "nothing is equal to the last bit"),
            (broken, 0.01, 0.03, 0.00, Invalid, "no number"),
            (slow, 0.01, 0.03, f64::NAN, Invalid, "a floor that is no number"),
            (slow, 0.01, f64::INFINITY, 0.0, Invalid, "a threshold that is no number"),
        ];
        for (ratio, p, threshold, floor, expected, why) in rows {
            let evidence = MetricEvidence { wide: ratio, narrow: ratio, p, threshold, floor };
            assert_eq!(decide(&evidence), expected, "{why}");
        }
    }

    #[test]
    fn a_decision_is_spelt_in_capitals() {
        let all = [
            (Decision::Improved, "\"IMPROVED\""),
            (Decision::Regressed, "\"REGRESSED\""),
            (Decision::Equivalent, "\"EQUIVALENT\""),
            (Decision::Inconclusive, "\"INCONCLUSIVE\""),
            (Decision::Invalid, "\"INVALID\""),
        ];
        for (decision, text) in all {
            assert_eq!(serde_json::to_string(&decision).expect("a text"), text);
            assert_eq!(format!("\"{decision}\""), text, "the same in words");
        }
    }
}
