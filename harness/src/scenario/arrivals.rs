//! When operations arrive: pure, drawn up before the phase begins. Independent Poisson streams of
//! rate/n superpose to one of the whole rate, so workers need no dispatcher.

use rand_chacha::ChaCha8Rng;

use super::random::unit;

/// The share of a stream that one of several workers takes.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Which one.
    pub worker: u32,
    /// Of how many.
    pub workers: u32,
}

/// Evenly spaced arrivals at `rate` per second in `from..until` (nanoseconds); workers take turns.
pub fn constant(rate: f64, from: i64, until: i64, part: Part) -> Vec<i64> {
    let gap = 1e9 / rate;
    let at = |turn: u64| from + (turn as f64 * gap) as i64;
    (u64::from(part.worker)..)
        .step_by(part.workers as usize)
        .map(at)
        .take_while(|at| *at < until)
        .collect()
}

/// A Poisson process of `rate` per second over all workers, in `from..until` (nanoseconds).
pub fn poisson(rate: f64, from: i64, until: i64, part: Part, rng: &mut ChaCha8Rng) -> Vec<i64> {
    let mean_gap = 1e9 * f64::from(part.workers) / rate;
    let mut at = from as f64;
    std::iter::from_fn(|| {
        // 1 - unit is never zero, so the logarithm is finite. libm: the same on every machine.
        at -= libm::log(1.0 - unit(rng)) * mean_gap;
        Some(at as i64)
    })
    .take_while(|at| *at < until)
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::random;

    #[test]
    fn constant_arrivals_are_shared_out_in_turn() {
        let part = |worker| Part { worker, workers: 2 };
        let ms = 1_000_000;
        assert_eq!(constant(1000.0, 0, 4 * ms, part(0)), [0, 2 * ms]);
        assert_eq!(constant(1000.0, 0, 4 * ms, part(1)), [ms, 3 * ms]);
        assert_eq!(constant(1000.0, 4 * ms, 4 * ms, part(0)), [0i64; 0]);
    }

    /// Mean n = 10 000, standard deviation 100: five of them either side. Gaps of a Poisson process
    /// have a coefficient of variation of 1.
    #[test]
    fn poisson_arrivals_have_the_rate_and_the_spread() {
        let mut rng = random::stream(7, &["test"]);
        let part = Part { worker: 0, workers: 2 };
        let times = poisson(20_000.0, 0, 1_000_000_000, part, &mut rng);
        assert!((9_500..=10_500).contains(&times.len()), "{}", times.len());
        assert!(times.is_sorted());
        let gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((0.95..=1.05).contains(&(variance.sqrt() / mean)), "{}", variance.sqrt() / mean);
    }
}
