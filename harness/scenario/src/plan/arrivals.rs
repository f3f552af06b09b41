//! The instants at which operations arrive, computed before the phase begins. This module is pure.
//! Independent Poisson processes of rate/n add up to one of the whole rate, so the workers need no
//! dispatcher.

use rand_chacha::ChaCha8Rng;

use crate::model::place::WorkerPlace;
use crate::plan::random::{self, unit};

/// The part of a stream that one of several workers takes.
#[derive(Clone, Copy, Debug)]
pub struct WorkerShare {
    /// The worker.
    pub worker: WorkerPlace,
    /// The number of workers.
    pub workers: u32,
}

/// The instants of evenly spaced arrivals at `rate` per second in `from..until`, in nanoseconds.
/// The workers take turns.
pub fn constant(rate: f64, from: i64, until: i64, part: WorkerShare) -> Vec<i64> {
    let gap = 1e9 / rate;
    let at = |turn: u64| from + (turn as f64 * gap) as i64;
    (u64::from(part.worker.0)..)
        .step_by(part.workers as usize)
        .map(at)
        .take_while(|at| *at < until)
        .collect()
}

/// The worker's part of a Poisson process of `rate` per second over all workers, in `from..until`,
/// in nanoseconds.
pub fn poisson(
    rate: f64,
    from: i64,
    until: i64,
    part: WorkerShare,
    rng: &mut ChaCha8Rng,
) -> Vec<i64> {
    let mean_gap = 1e9 * f64::from(part.workers) / rate;
    let mut at = from as f64;
    std::iter::from_fn(|| {
        at += exponential(rng) * mean_gap;
        Some(at as i64)
    })
    .take_while(|at| *at < until)
    .collect()
}

/// A rate that changes linearly over a span of time, in arrivals per second.
#[derive(Clone, Copy, Debug)]
pub struct Slope {
    /// The rate at the beginning.
    pub rate: f64,
    /// The rate at the end.
    pub rate_to: f64,
}

impl Slope {
    /// The instant, in nanoseconds from the beginning of a span of `span` seconds, at which `count`
    /// arrivals are to be expected. It is the inverse of the cumulative rate `rate t + (rate_to -
    /// rate) t² / (2 span)`. `None` if the span ends before that.
    fn instant(self, count: f64, span: f64) -> Option<i64> {
        let bend = (self.rate_to - self.rate) / (2.0 * span);
        // In this form no digits cancel out if the slope is small.
        let root = libm::sqrt((self.rate * self.rate + 4.0 * bend * count).max(0.0));
        let total = (self.rate + self.rate_to) / 2.0 * span;
        (count < total).then(|| (2.0 * count / (self.rate + root) * 1e9) as i64)
    }
}

/// The worker's part of a Poisson process whose rate changes linearly over `from..until`, in
/// nanoseconds. A process of rate 1 is mapped through the inverse of the cumulative rate.
pub fn ramp(
    slope: Slope,
    from: i64,
    until: i64,
    part: WorkerShare,
    rng: &mut ChaCha8Rng,
) -> Vec<i64> {
    let span = (until - from) as f64 / 1e9;
    let mut count = 0.0;
    std::iter::from_fn(|| {
        count += exponential(rng) * f64::from(part.workers);
        slope.instant(count, span).map(|at| from + at)
    })
    .take_while(|at| *at < until)
    .collect()
}

/// The gaps of a Poisson process of rate 1, for a model that needs arrivals of its own. The same
/// seed and purpose give the same gaps.
pub fn unit_gaps(seed: u64, purpose: &[&str], count: usize) -> Vec<f64> {
    let mut rng = random::stream(seed, purpose);
    std::iter::repeat_with(|| exponential(&mut rng)).take(count).collect()
}

/// A draw from the exponential distribution of mean 1.
pub(crate) fn exponential(rng: &mut ChaCha8Rng) -> f64 {
    // 1 - unit is never zero, so the logarithm is finite. libm gives the same result on every
    // machine.
    -libm::log(1.0 - unit(rng))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constant_arrivals_are_shared_out_in_turn() {
        let part = |worker| WorkerShare { worker: WorkerPlace(worker), workers: 2 };
        let ms = 1_000_000;
        assert_eq!(constant(1000.0, 0, 4 * ms, part(0)), [0, 2 * ms]);
        assert_eq!(constant(1000.0, 0, 4 * ms, part(1)), [ms, 3 * ms]);
        assert_eq!(constant(1000.0, 4 * ms, 4 * ms, part(0)), [0i64; 0]);
    }

    /// The count has a mean of 10 000 and a standard deviation of 100; five of these are allowed on
    /// either side. The gaps of a Poisson process have a coefficient of variation of 1.
    #[test]
    fn poisson_arrivals_have_the_rate_and_the_spread() {
        let mut rng = random::stream(7, &["test"]);
        let part = WorkerShare { worker: WorkerPlace(0), workers: 2 };
        let times = poisson(20_000.0, 0, 1_000_000_000, part, &mut rng);
        assert!((9_500..=10_500).contains(&times.len()), "{}", times.len());
        assert!(times.is_sorted());
        let gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((0.95..=1.05).contains(&(variance.sqrt() / mean)), "{}", variance.sqrt() / mean);
    }

    const SECOND: i64 = 1_000_000_000;
    const WHOLE: WorkerShare = WorkerShare { worker: WorkerPlace(0), workers: 1 };

    fn ramp_of(rate: f64, rate_to: f64, part: WorkerShare, seed: u64) -> Vec<i64> {
        let mut rng = random::stream(seed, &["ramp", &part.worker.0.to_string()]);
        ramp(Slope { rate, rate_to }, 0, 10 * SECOND, part, &mut rng)
    }

    /// Computed by hand for 100 to 300 /s over 10 s: 100 t + 10 t² arrivals by t, 2000 in total.
    #[test]
    fn the_cumulative_rate_is_inverted() {
        let up = Slope { rate: 100.0, rate_to: 300.0 };
        let down = Slope { rate: 300.0, rate_to: 100.0 };
        let flat = Slope { rate: 100.0, rate_to: 100.0 };
        let rows = [
            (up, 0.0, Some(0), "the beginning"),
            (up, 110.0, Some(SECOND), "100 + 10"),
            (up, 750.0, Some(5 * SECOND), "500 + 250"),
            (up, 1_999.999_999, Some(10 * SECOND - 4), "just before the end"),
            (up, 2000.0, None, "the end"),
            (up, 2001.0, None, "beyond it"),
            (down, 290.0, Some(SECOND), "300 - 10"),
            (down, 1250.0, Some(5 * SECOND), "1500 - 250"),
            (down, 2000.0, None, "the end"),
            (flat, 500.0, Some(5 * SECOND), "no slope"),
        ];
        for (slope, count, expected, reason) in rows {
            let got = slope.instant(count, 10.0);
            let near = got.zip(expected).map_or(got == expected, |(a, b)| (a - b).abs() <= 4);
            assert!(near, "{reason}: {got:?}, expected {expected:?}");
        }
    }

    /// 2000 arrivals are expected, with a standard deviation of 45. The ten seconds hold 110, 130 …
    /// 290 of them. The two compared windows of five seconds are many standard deviations apart.
    #[test]
    fn a_ramp_gets_denser_and_has_its_count() {
        let times = ramp_of(100.0, 300.0, WHOLE, 7);
        assert!((1776..=2224).contains(&times.len()), "{}", times.len());
        assert!(times.is_sorted() && times.iter().all(|at| (0..10 * SECOND).contains(at)));
        let first = times.partition_point(|at| *at < 5 * SECOND);
        assert!((750 - 137..=750 + 137).contains(&first), "{first} in the first half");
        let many = ramp_of(10_000.0, 30_000.0, WHOLE, 7);
        let by = |second: i64| many.partition_point(|at| *at < second * SECOND);
        let counts: Vec<usize> = (0..10).map(|second| by(second + 1) - by(second)).collect();
        assert!(counts.is_sorted(), "density grows: {counts:?}");
        let falling = ramp_of(30_000.0, 10_000.0, WHOLE, 7);
        let half = falling.partition_point(|at| *at < 5 * SECOND);
        assert!(half * 2 > falling.len(), "and falls the other way round");
    }

    /// The same seed gives the same instants on every machine and in every build profile.
    #[test]
    fn a_ramp_has_golden_counts() {
        let counts = [(100.0, 300.0, 1), (300.0, 100.0, 1), (1.0, 5_000.0, 2)]
            .map(|(rate, rate_to, seed)| ramp_of(rate, rate_to, WHOLE, seed).len());
        assert_eq!(counts, [1990, 1990, 24_997]);
        assert_ne!(ramp_of(100.0, 300.0, WHOLE, 1), ramp_of(100.0, 300.0, WHOLE, 2));
    }

    /// Each of two workers takes half of the process; together they take the whole of it.
    #[test]
    fn workers_share_a_ramp() {
        let part = |worker| WorkerShare { worker: WorkerPlace(worker), workers: 2 };
        let [one, other] = [0, 1].map(|worker| ramp_of(1000.0, 3000.0, part(worker), 3));
        let all = one.len() + other.len();
        assert!((20_000 - 707..=20_000 + 707).contains(&all), "{all}");
        assert!(one.len().abs_diff(other.len()) < 707, "{} and {}", one.len(), other.len());
        assert_ne!(one[..10], other[..10], "each has its own random numbers");
    }

    #[test]
    fn unit_gaps_have_mean_one_and_a_purpose() {
        let gaps = unit_gaps(1, &["model"], 100_000);
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        assert!((mean - 1.0).abs() < 0.016, "five standard errors: {mean}");
        assert_ne!(gaps[..5], unit_gaps(1, &["other"], 5)[..]);
        assert_ne!(gaps[..5], unit_gaps(2, &["model"], 5)[..]);
    }
}
