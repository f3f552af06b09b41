//! Statistics of a comparison: pure functions of samples, with the seed as an argument. One sample
//! is one block or one round, never one operation, because operations of a round are not
//! independent.

mod bootstrap;
mod decision;
mod holm;
mod pettitt;
mod power;
mod sign_flip;
mod unpaired;

pub use bootstrap::{Bootstrap, Estimate, RESAMPLES};
pub use decision::{ALPHA, Decision, MetricEvidence, decide};
pub use holm::holm;
pub use pettitt::{Pettitt, fewest_values, least_p, pettitt};
pub use power::{POWER_FACTOR, blocks_for_alpha, blocks_needed, minimum_effect};
pub use sign_flip::{EXACT_BLOCKS, SignFlip, sign_flip};
pub use unpaired::{
    Unpaired, mann_whitney, rounds_for_alpha, rounds_needed, unpaired_minimum_effect,
};

/// The median. It is the mean of the two middle values if their number is even, and zero if there
/// are none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    median_of(&mut sorted)
}

/// The same as [`median`], but reorders the values in place.
fn median_of(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    let (below, upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let upper = *upper;
    if below.len() > middle || values.len() % 2 == 1 {
        return upper;
    }
    let lower = values[..middle].iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (lower + upper) / 2.0
}

/// The standard deviation of a sample (divisor n − 1). Zero for fewer than two values.
pub fn deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

/// The smallest of sorted values that at least this share of them (0..=1) does not exceed.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_and_the_deviation_of_a_sample() {
        let rows: [(&[f64], f64, f64, &str); 5] = [
            (&[], 0.0, 0.0, "nothing"),
            (&[3.0], 3.0, 0.0, "one value has no deviation"),
            (&[4.0, 1.0], 2.5, 4.5f64.sqrt(), "the mean of two"),
            (&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0], 4.5, (32.0 / 7.0f64).sqrt(), "even"),
            (&[9.0, 1.0, 5.0], 5.0, 4.0, "odd, not sorted"),
        ];
        for (values, middle, spread, why) in rows {
            assert_eq!(median(values), middle, "{why}");
            assert!((deviation(values) - spread).abs() < 1e-12, "{why}");
        }
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let sorted = [1.0, 2.0, 3.0, 4.0];
        for (share, expected) in [(0.0, 1.0), (0.25, 1.0), (0.26, 2.0), (0.95, 4.0), (1.0, 4.0)] {
            assert_eq!(quantile(&sorted, share), expected, "{share}");
        }
        assert_eq!(quantile(&[], 0.5), 0.0);
    }
}
