//! The cluster bootstrap: whole blocks are resampled with replacement, and the median of their log
//! differences is taken each time. Operations are never resampled (arXiv 2007.10899).

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore as _, SeedableRng as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{median, median_of, quantile};

/// The number of resamples.
pub const RESAMPLES: usize = 10_000;

/// A ratio with its interval. Dimensionless; 1 is no difference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The ratio.
    pub estimate: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Estimate {
    /// Whether the interval excludes 1, which is no difference.
    pub fn excludes_one(&self) -> bool {
        self.low > 1.0 || self.high < 1.0
    }

    /// The inverse: B/A from A/B.
    pub fn inverse(self) -> Estimate {
        Estimate { estimate: 1.0 / self.estimate, low: 1.0 / self.high, high: 1.0 / self.low }
    }
}

/// The medians of resampled blocks.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// The median of the original blocks, as a natural logarithm.
    median: f64,
    /// The medians of the resamples, sorted.
    medians: Vec<f64>,
}

impl Bootstrap {
    /// Draws [`RESAMPLES`] times from the log differences of blocks. Without blocks the difference
    /// is zero.
    pub fn new(differences: &[f64], seed: u64) -> Bootstrap {
        if differences.is_empty() {
            return Bootstrap { median: 0.0, medians: Vec::new() };
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let count = differences.len() as u64;
        let mut drawn = vec![0.0; differences.len()];
        let mut resample = || {
            for value in &mut drawn {
                // A draw below 2^32 times the count keeps its index in the upper half.
                *value = differences[((u64::from(rng.next_u32()) * count) >> 32) as usize];
            }
            median_of(&mut drawn)
        };
        let mut medians: Vec<f64> = (0..RESAMPLES).map(|_| resample()).collect();
        medians.sort_unstable_by(f64::total_cmp);
        Bootstrap { median: median(differences), medians }
    }

    /// The ratio and its percentile interval of this level (0.95 for 95 %).
    pub fn estimate(&self, level: f64) -> Estimate {
        let tail = (1.0 - level) / 2.0;
        Estimate {
            estimate: self.median.exp(),
            low: quantile(&self.medians, tail).exp(),
            high: quantile(&self.medians, 1.0 - tail).exp(),
        }
    }

    /// The size of effect, up or down, that this share of the resamples does not exceed, as a
    /// fraction. If the blocks compare a thing with itself, it is the floor.
    pub fn reach(&self, share: f64) -> f64 {
        let mut sizes: Vec<f64> = self.medians.iter().map(|median| median.abs()).collect();
        sizes.sort_unstable_by(f64::total_cmp);
        quantile(&sizes, share).exp_m1()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The median of 13 draws is at most the l-th of 13 values if at least 7 draws are. This is a
    /// binomial sum (Efron 1979, Annals of Statistics 7, 1-26), worked out here to four digits.
    #[test]
    fn medians_fall_as_the_binomial_sums_say() {
        let shares =
            [0.0, 0.0015, 0.0142, 0.0549, 0.1243, 0.1936, 0.2229, 0.1936, 0.1243, 0.0549, 0.0142];
        let values: Vec<f64> = (0..13).map(f64::from).collect();
        let bootstrap = Bootstrap::new(&values, 1);
        for (value, expected) in shares.iter().enumerate() {
            let hits = bootstrap.medians.iter().filter(|median| **median == value as f64).count();
            let share = hits as f64 / RESAMPLES as f64;
            // Five standard errors of a share of 10 000, and the rounding of the expected value.
            let room = 5.0 * (expected * (1.0 - expected) / RESAMPLES as f64).sqrt() + 0.0005;
            assert!((share - expected).abs() < room, "{value}: {share} for {expected}");
        }
    }

    #[test]
    fn an_interval_holds_its_estimate_and_is_repeatable() {
        let values = [0.03, 0.05, 0.04, 0.06, 0.05, 0.02, 0.05, 0.07];
        let one = Bootstrap::new(&values, 7).estimate(0.95);
        assert_eq!(one, Bootstrap::new(&values, 7).estimate(0.95), "the seed decides");
        assert!((one.estimate - 0.05f64.exp()).abs() < 1e-12, "the median of the blocks");
        assert!(one.low < one.estimate && one.estimate < one.high && one.excludes_one());
        let narrow = Bootstrap::new(&values, 7).estimate(0.90);
        assert!(one.low <= narrow.low && narrow.high <= one.high, "less sure is narrower");
        let back = one.inverse();
        assert!(back.low < back.estimate && back.estimate < back.high && back.high < 1.0);
    }

    #[test]
    fn what_does_not_differ_has_no_width() {
        let bootstrap = Bootstrap::new(&[0.0; 6], 1);
        let none = Estimate { estimate: 1.0, low: 1.0, high: 1.0 };
        assert_eq!(bootstrap.estimate(0.95), none);
        assert!(!none.excludes_one(), "an end at 1 does not exclude it");
        assert_eq!(bootstrap.reach(0.95), 0.0);
        assert_eq!(Bootstrap::new(&[], 1).estimate(0.95), none, "no blocks");
    }

    #[test]
    fn a_floor_counts_both_directions() {
        let up = Bootstrap::new(&[0.02; 6], 1).reach(0.95);
        let down = Bootstrap::new(&[-0.02; 6], 1).reach(0.95);
        assert_eq!(up, down, "a floor has no sign");
        assert!((up - 0.02f64.exp_m1()).abs() < 1e-12);
    }
}
