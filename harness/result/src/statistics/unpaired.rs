//! Two samples that were not taken in pairs: rounds of one session against rounds of another. This
//! design is weaker than blocks, but a stored result allows no other. Pure.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore as _, SeedableRng as _};

use super::{Estimate, RESAMPLES, deviation, median, median_of, quantile};
use super::{POWER_FACTOR, holm};

/// The number of values on both sides together up to which p is exact. Above it p is a normal
/// approximation that accounts for ties.
const EXACT_VALUES: usize = 60;

/// The differences of medians, candidate minus base, of rounds resampled on each side separately.
#[derive(Clone, Debug)]
pub struct Unpaired {
    difference: f64,
    differences: Vec<f64>,
}

impl Unpaired {
    /// Draws [`super::RESAMPLES`] times from the natural logarithms of each side's rounds.
    pub fn new(base: &[f64], candidate: &[f64], seed: u64) -> Unpaired {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut drawn = Vec::new();
        let mut again = |values: &[f64]| {
            let count = values.len() as u64;
            drawn.clear();
            for _ in values {
                // A draw below 2^32 times the count keeps its index in the upper half.
                drawn.push(values[((u64::from(rng.next_u32()) * count) >> 32) as usize]);
            }
            median_of(&mut drawn)
        };
        let mut differences: Vec<f64> =
            (0..RESAMPLES).map(|_| again(candidate) - again(base)).collect();
        differences.sort_unstable_by(f64::total_cmp);
        Unpaired { difference: median(candidate) - median(base), differences }
    }

    /// The ratio candidate/base and its percentile interval of this level (0.95 for 95 %).
    pub fn estimate(&self, level: f64) -> Estimate {
        let tail = (1.0 - level) / 2.0;
        Estimate {
            estimate: self.difference.exp(),
            low: quantile(&self.differences, tail).exp(),
            high: quantile(&self.differences, 1.0 - tail).exp(),
        }
    }
}

/// The two-sided p of the Mann-Whitney test (Wilcoxon's rank sum), in which ties share their mean
/// rank. It is 1 if a side is empty.
pub fn mann_whitney(base: &[f64], candidate: &[f64]) -> f64 {
    let (n, m) = (base.len(), candidate.len());
    if n == 0 || m == 0 {
        return 1.0;
    }
    let ranks = doubled_ranks(base, candidate);
    let sum: usize = ranks[..n].iter().sum();
    // Twice the expected rank sum: an integer, as all doubled ranks are.
    let expected = n * (n + m + 1);
    let far = sum.abs_diff(expected);
    if n + m <= EXACT_VALUES { exact(&ranks, n, expected, far) } else { normal(&ranks, n, m, far) }
}

/// Twice the rank of each value among all values, the base's first.
fn doubled_ranks(base: &[f64], candidate: &[f64]) -> Vec<usize> {
    let all: Vec<f64> = base.iter().chain(candidate).copied().collect();
    let rank = |value: &f64| {
        // The values are compared as numbers, so 0 and -0 are tied.
        let below = all.iter().filter(|other| *other < value).count();
        let same = all.iter().filter(|other| *other == value).count();
        2 * below + same + 1
    };
    all.iter().map(rank).collect()
}

/// The share of all ways to pick `n` of the ranks in which the sum is at least as far from the
/// expected one.
fn exact(ranks: &[usize], n: usize, expected: usize, far: usize) -> f64 {
    let most: usize = ranks.iter().sum();
    let mut ways = vec![vec![0.0f64; most + 1]; n + 1];
    ways[0][0] = 1.0;
    for rank in ranks {
        for picked in (1..=n).rev() {
            let (fewer, more) = ways.split_at_mut(picked);
            let from = &fewer[picked - 1];
            for sum in (*rank..=most).rev() {
                more[0][sum] += from[sum - rank];
            }
        }
    }
    let all: f64 = ways[n].iter().sum();
    let off = ways[n].iter().enumerate().filter(|(sum, _)| sum.abs_diff(expected) >= far);
    off.map(|(_, ways)| ways).sum::<f64>() / all
}

/// The normal approximation, corrected for continuity and ties.
fn normal(ranks: &[usize], n: usize, m: usize, far: usize) -> f64 {
    let (n, m, all) = (n as f64, m as f64, ranks.len() as f64);
    let mut sorted = ranks.to_vec();
    sorted.sort_unstable();
    let ties: f64 = sorted
        .chunk_by(|a, b| a == b)
        .map(|run| run.len() as f64)
        .map(|size| size * size * size - size)
        .sum();
    let variance = n * m / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
    if variance <= 0.0 {
        return 1.0;
    }
    let off = (far as f64 / 2.0 - 0.5).max(0.0);
    libm::erfc(off / variance.sqrt() / std::f64::consts::SQRT_2)
}

/// The standard error of the difference between the means of two samples.
fn standard_error(base: &[f64], candidate: &[f64]) -> f64 {
    let part = |values: &[f64]| {
        let deviation = deviation(values);
        deviation * deviation / values.len().max(1) as f64
    };
    (part(base) + part(candidate)).sqrt()
}

/// The smallest effect that these rounds (natural logarithms) would detect four times out of five,
/// as a fraction.
pub fn unpaired_minimum_effect(base: &[f64], candidate: &[f64]) -> f64 {
    (POWER_FACTOR * standard_error(base, candidate)).exp_m1()
}

/// The number of rounds on each side that an effect of this fraction needs. It is at least the
/// number that `tests` with a shared error rate of `alpha` need.
pub fn rounds_needed(
    base: &[f64],
    candidate: &[f64],
    effect: f64,
    alpha: f64,
    tests: usize,
) -> u32 {
    let (one, other) = (deviation(base), deviation(candidate));
    let width = POWER_FACTOR / effect.ln_1p();
    // Beyond a u32 the conversion saturates, which is intended.
    let rounds = (width * width * (one * one + other * other)).ceil() as u32;
    rounds.max(rounds_for_alpha(alpha, tests))
}

/// The least number of rounds on each side with which the smallest p of the Mann-Whitney test, 2 in
/// (2n choose n), gets below `alpha` if `tests` share it.
pub fn rounds_for_alpha(alpha: f64, tests: usize) -> u32 {
    let mut ways = 1.0;
    for rounds in 1..64u32 {
        ways *= f64::from(4 * rounds - 2) / f64::from(rounds);
        if holm(&vec![2.0 / ways; tests.max(1)])[0] < alpha {
            return rounds;
        }
    }
    64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hollander and Wolfe, Nonparametric Statistical Methods (1973), page 69: permeability of
    /// the chorioamnion. R: wilcox.test gives W = 35, p = 0.2544, exact.
    const TERM: [f64; 10] = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
    const EARLY: [f64; 5] = [1.15, 0.88, 0.90, 0.74, 1.21];

    #[test]
    fn permeability_has_the_published_p() {
        assert!((mann_whitney(&TERM, &EARLY) - 0.2544).abs() < 5e-5);
        assert!((mann_whitney(&EARLY, &TERM) - 0.2544).abs() < 5e-5, "either way round");
    }

    #[test]
    fn p_is_as_small_as_the_rounds_allow() {
        let low: Vec<f64> = (0..9).map(f64::from).collect();
        let high: Vec<f64> = (20..29).map(f64::from).collect();
        let rows: [(&[f64], &[f64], f64, &str); 7] = [
            (&low[..3], &high[..3], 0.1, "3 against 3: 2 in 20"),
            (&[0.0; 4], &[-0.0; 4], 1.0, "all tied, whatever their sign"),
            (&low, &high, 2.0 / 48_620.0, "9 against 9"),
            (&low[..1], &high[..1], 1.0, "one says nothing"),
            (&[1.0; 4], &[1.0; 4], 1.0, "all tied"),
            (&[], &high, 1.0, "an empty side"),
            (&[1.0, 2.0, 2.0], &[2.0, 3.0, 4.0], 0.3, "ties by hand: 6 of 20 at least as far"),
        ];
        for (base, candidate, p, why) in rows {
            let got = mann_whitney(base, candidate);
            assert!((got - p).abs() < 1e-9, "{why}: {got} for {p}");
        }
    }

    #[test]
    fn many_rounds_are_close_to_exact() {
        let base: Vec<f64> = (0..30).map(|n| f64::from(n * 7 % 30)).collect();
        let candidate: Vec<f64> = (0..30).map(|n| f64::from(n * 11 % 30) + 4.5).collect();
        let ranks = doubled_ranks(&base, &candidate);
        let expected = 30 * 61;
        let far = ranks[..30].iter().sum::<usize>().abs_diff(expected);
        let (exact, normal) = (exact(&ranks, 30, expected, far), normal(&ranks, 30, 30, far));
        assert!((exact - normal).abs() < 0.002, "{exact} and {normal}");
    }

    #[test]
    fn an_interval_holds_its_estimate_and_is_repeatable() {
        let base: Vec<f64> = (0..9).map(|n| 0.01 * f64::from(n)).collect();
        let candidate: Vec<f64> = base.iter().map(|value| value + 0.10).collect();
        let one = Unpaired::new(&base, &candidate, 7).estimate(0.95);
        assert_eq!(one, Unpaired::new(&base, &candidate, 7).estimate(0.95), "the seed decides");
        assert!((one.estimate - 0.10f64.exp()).abs() < 1e-12);
        assert!(one.low < one.estimate && one.estimate < one.high && one.excludes_one());
        let none = Unpaired::new(&base, &base, 7).estimate(0.95);
        assert!(none.estimate == 1.0 && !none.excludes_one(), "a thing against itself");
    }

    #[test]
    fn rounds_are_as_many_as_noise_and_gates_take() {
        for (tests, rounds) in [(1, 4), (2, 5), (20, 6), (600, 9)] {
            assert_eq!(rounds_for_alpha(0.05, tests), rounds, "{tests}");
        }
        let still = [1.0; 4];
        assert_eq!(rounds_needed(&still, &still, 0.1, 0.05, 1), 4, "p alone asks for four");
        // Deviation 0.1 on both sides: (2.8 / ln 1.1)^2 x 0.02 = 17.26.
        let noisy = [-0.1, 0.0, 0.1];
        assert_eq!(rounds_needed(&noisy, &noisy, 0.1, 0.05, 1), 18);
        assert_eq!(rounds_needed(&noisy, &noisy, 0.0, 0.05, 1), u32::MAX, "nothing shows 0 %");
        let effect = unpaired_minimum_effect(&noisy, &noisy);
        assert!((effect - (2.8 * (0.02f64 / 3.0).sqrt()).exp_m1()).abs() < 1e-12);
        assert_eq!(unpaired_minimum_effect(&still, &still), 0.0);
    }
}
