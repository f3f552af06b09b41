//! Pettitt's test for one change point in a series (Pettitt 1979, Applied Statistics 28, 126-135).
//! It uses ranks, so it assumes no distribution of the noise. Its p comes from permutations, so it
//! holds for short series too. Ranks locate a step badly if it is far from the middle, so the place
//! is where two medians fit the values best. Pure.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore as _, SeedableRng as _};

use super::median;

/// The number of orders drawn at random.
const ORDERS: u32 = 9_999;
/// The least share of the greatest |U| that a place must have to be considered.
const NEAR: f64 = 0.75;
/// The number of values from which the drawn orders alone limit the least p.
const MOST_VALUES: usize = 64;

/// The result of the test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pettitt {
    /// The number of values before the change, if there is one: the place where two medians fit
    /// best.
    pub before: usize,
    /// The statistic: the greatest |U|.
    pub k: f64,
    /// The share of orders of the same values with a statistic at least as great.
    pub p: f64,
}

/// Tests whether the values before some place differ from those after it; `None` for fewer than two
/// values.
pub fn pettitt(values: &[f64], seed: u64) -> Option<Pettitt> {
    let mut ranks = doubled_ranks(values);
    let k = statistic(&ranks)?;
    let before = place(values, &ranks, k);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut hits = 0u32;
    for _ in 0..ORDERS {
        for place in (1..ranks.len()).rev() {
            ranks.swap(place, (rng.next_u64() % (place as u64 + 1)) as usize);
        }
        hits += u32::from(statistic(&ranks).is_some_and(|other| other >= k));
    }
    // The observed order is counted as one of the orders, so p is never zero.
    let p = f64::from(hits + 1) / f64::from(ORDERS + 1);
    Some(Pettitt { before, k: k as f64, p })
}

/// The least p of this many distinct values, which a step in the middle has. It is not less than
/// the drawn orders can resolve.
pub fn least_p(values: usize) -> f64 {
    let half = values / 2;
    let ways: f64 = (0..half).map(|place| (values - place) as f64 / (place + 1) as f64).product();
    // An odd number has two middles, which share some orders.
    let middles = if values.is_multiple_of(2) { 1.0 } else { 2.0 - 1.0 / (half + 1) as f64 };
    (2.0 * middles / ways).clamp(1.0 / f64::from(ORDERS + 1), 1.0)
}

/// The fewest values with which each of this many tests can be sure at this level; `None` if there
/// are too many tests for any number of values.
pub fn fewest_values(level: f64, tests: usize) -> Option<usize> {
    let is_enough = |values: &usize| least_p(*values) * tests.max(1) as f64 <= level;
    (2..MOST_VALUES).find(is_enough)
}

/// Twice the rank of each value, which is an integer even if values are equal.
fn doubled_ranks(values: &[f64]) -> Vec<i64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count();
        let up_to = values.iter().filter(|other| *other <= value).count();
        (below + up_to + 1) as i64
    };
    values.iter().map(rank).collect()
}

/// |U| after each value but the last. U of the first t values is twice the sum of their ranks,
/// minus t (n + 1).
fn sums(doubled_ranks: &[i64]) -> impl Iterator<Item = i64> {
    let mean = doubled_ranks.len() as i64 + 1;
    let places = doubled_ranks.len().saturating_sub(1);
    let add = move |sum: &mut i64, rank: &i64| {
        *sum += rank - mean;
        Some(sum.abs())
    };
    doubled_ranks[..places].iter().scan(0, add)
}

/// The greatest |U|.
fn statistic(doubled_ranks: &[i64]) -> Option<i64> {
    sums(doubled_ranks).max()
}

/// The number of values before the best place: where the absolute deviations from the medians of
/// both sides have the least sum, among the places where |U| is near its greatest.
fn place(values: &[f64], doubled_ranks: &[i64], k: i64) -> usize {
    let deviations = |side: &[f64]| {
        let middle = median(side);
        side.iter().map(|value| (value - middle).abs()).sum::<f64>()
    };
    let fit = |before: usize| {
        let (one, other) = values.split_at(before);
        deviations(one) + deviations(other)
    };
    let is_near = |(_, sum): &(usize, i64)| *sum as f64 >= NEAR * k as f64;
    let near = (1..).zip(sums(doubled_ranks)).filter(is_near);
    let best = near.min_by(|(one, _), (other, _)| fit(*one).total_cmp(&fit(*other)));
    best.map_or(1, |(before, _)| before)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// |U| by its definition: the sum of sgn(x_i - x_j) over all i up to t and j after it.
    fn by_definition(values: &[f64], t: usize) -> f64 {
        let sign = |one: f64, other: f64| match one.partial_cmp(&other) {
            Some(order) => order as i8 as f64,
            None => 0.0,
        };
        let pairs = |one: &f64| values[t..].iter().map(|other| sign(*one, *other)).sum::<f64>();
        values[..t].iter().map(pairs).sum::<f64>().abs()
    }

    #[test]
    fn the_statistic_is_pettitts() {
        let rows: [(&[f64], usize, &str); 5] = [
            (&[1.0, 2.0, 3.0, 7.0, 8.0, 9.0], 3, "a step in the middle"),
            (&[5.0, 1.0, 1.0, 1.0, 1.0, 1.0], 1, "after the first"),
            (&[2.0, 2.0, 2.0, 2.0], 1, "all equal: the first place, and a statistic of 0"),
            (&[3.0, 1.0, 2.0, 9.0, 4.0, 8.0, 7.0], 3, "odd"),
            (&[9.0, 8.0, 9.5, 1.0, 1.5], 3, "downwards"),
        ];
        for (values, before, why) in rows {
            let test = pettitt(values, 1).expect(why);
            let all = (1..values.len()).map(|t| by_definition(values, t));
            assert_eq!((test.before, test.k), (before, all.fold(0.0, f64::max)), "{why}");
        }
        assert_eq!(pettitt(&[1.0], 1), None);
        assert_eq!(pettitt(&[], 1), None);
    }

    #[test]
    fn a_step_is_placed_by_the_values_and_not_by_an_outlier() {
        // The two lowest values of the first level come last in it. By ranks, the step would be
        // before them.
        let late = [1.03, 1.04, 1.05, 1.03, 1.04, 1.05, 1.02, 1.01, 0.5, 0.51, 0.52];
        assert_eq!(pettitt(&late, 1).map(|test| test.before), Some(8));
        let mut step = [1.0; 20];
        step[10..].fill(1.1);
        step[19] = 50.0;
        assert_eq!(pettitt(&step, 1).map(|test| test.before), Some(10));
    }

    #[test]
    fn p_is_that_of_all_orders() {
        // Eight values with a step in the middle: 2 of the 70 ways to choose four places.
        let step = [1.0, 4.0, 2.0, 3.0, 8.0, 5.0, 7.0, 6.0];
        let test = pettitt(&step, 1).expect("values");
        assert!((test.p - 2.0 / 70.0).abs() < 0.006, "{test:?}");
        assert_eq!(pettitt(&step, 1), Some(test), "the seed decides");
        assert_eq!(pettitt(&[2.0; 9], 1).map(|test| test.p), Some(1.0), "all equal");
    }

    #[test]
    fn the_least_p_is_counted() {
        // Worked out by trying all orders of this many values.
        let rows =
            [(2, 1.0), (4, 2.0 / 6.0), (6, 0.1), (7, 0.1), (8, 2.0 / 70.0), (9, 18.0 / 630.0)];
        for (values, p) in rows {
            assert!((least_p(values) - p).abs() < 1e-12, "{values}: {}", least_p(values));
        }
        assert_eq!(fewest_values(0.05, 1), Some(8));
        assert!(fewest_values(0.05, 60) > fewest_values(0.05, 10));
        assert_eq!(fewest_values(0.05, 100_000), None, "ten thousand orders cannot tell");
    }
}
