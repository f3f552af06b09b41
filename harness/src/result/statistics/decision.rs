//! The five verdicts of a comparison, and how evidence becomes one. Pure.

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
    /// It costs less, by more than the floor.
    Improved,
    /// It costs more, by more than the floor.
    Regressed,
    /// Any difference is smaller than the floor.
    Equivalent,
    /// The samples cannot tell.
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

/// What is known of one metric. Ratios are of cost, candidate over base: above 1 is worse.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evidence {
    /// The ratio with its 95 % interval.
    pub wide: Estimate,
    /// The same with its 90 % interval: two one-sided tests at 5 %.
    pub narrow: Estimate,
    /// p after Holm.
    pub p: f64,
    /// The practical floor, as a fraction: differences below it do not matter or cannot be told
    /// from noise.
    pub delta: f64,
}

/// A change has an interval without 1, a size of at least the floor and a p below [`ALPHA`];
/// equivalence has the 90 % interval within the floor. Floors count alike up and down: 1 + delta
/// and 1/(1 + delta).
pub fn decide(evidence: &Evidence) -> Decision {
    let Evidence { wide, narrow, p, delta } = *evidence;
    let upper = 1.0 + delta;
    let lower = 1.0 / upper;
    let is_whole = [wide.low, wide.estimate, wide.high, narrow.low, narrow.high, p, delta]
        .iter()
        .all(|number| number.is_finite());
    if !is_whole {
        return Decision::Invalid;
    }
    let is_change = wide.excludes_one() && p < ALPHA;
    if is_change && wide.estimate >= upper {
        Decision::Regressed
    } else if is_change && wide.estimate <= lower {
        Decision::Improved
    } else if narrow.low > lower && narrow.high < upper {
        Decision::Equivalent
    } else {
        Decision::Inconclusive
    }
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
        let broken = estimate(f64::NAN, 1.0, 1.0);
        let rows = [
            (slow, 0.01, 0.03, Regressed, "clear and large"),
            (fast, 0.01, 0.03, Improved, "clear and large"),
            (slow, 0.05, 0.03, Inconclusive, "p is not below 5 %"),
            (fast, 0.20, 0.03, Inconclusive, "p is not below 5 %"),
            (small, 0.01, 0.03, Equivalent, "real, and too small to matter"),
            (broad, 0.01, 0.03, Inconclusive, "real, below the floor, perhaps above it"),
            (slow, 0.01, 0.10, Equivalent, "within a floor of 10 %"),
            (slow, 0.01, 0.055, Inconclusive, "the floor lies within the interval"),
            (vague, 0.01, 0.03, Inconclusive, "the interval has room for 1"),
            (same, 1.00, 0.03, Equivalent, "the same"),
            (same, 1.00, 0.005, Inconclusive, "not the same within half a percent"),
            (same, 0.01, 0.00, Inconclusive, "nothing is equal to the last bit"),
            (broken, 0.01, 0.03, Invalid, "no number"),
        ];
        for (ratio, p, delta, expected, why) in rows {
            let evidence = Evidence { wide: ratio, narrow: ratio, p, delta };
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
