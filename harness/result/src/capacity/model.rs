//! A model of response times at any rate, with a queue before each worker and recorded service
//! times. It uses seeded Poisson arrivals, the Lindley recursion and percentiles. It is valid while
//! services do not depend on the load. Pure.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore as _, SeedableRng as _};

use crate::latency::lindley::Queue;

use super::Slo;

/// The number of modelled arrivals at each worker.
const ARRIVALS: usize = 200_000;
/// The number of first arrivals that are left out, because the queue is empty at the beginning.
const RUN_IN: usize = ARRIVALS / 10;
/// The relative precision to which a rate is found.
const PRECISION: f64 = 1e-3;

/// One recorded service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// From start to end, in nanoseconds.
    pub ns: u64,
    /// Whether the token was accepted. Only then its response counts.
    pub accepted: bool,
}

/// A model: the recorded services, one sequence for each worker in the order in which they
/// happened, and the arrivals for them.
pub struct Model {
    workers: Vec<Vec<Service>>,
    gaps: Vec<Vec<f64>>,
    forged_gaps: Vec<f64>,
}

/// The response times that count, in nanoseconds.
pub struct Responses(Vec<u64>);

impl Responses {
    /// The response at a quantile: the smallest one that at least this share of the responses does
    /// not exceed. It is 0 if there are no responses.
    pub fn at(&mut self, quantile: f64) -> u64 {
        let Some(last) = self.0.len().checked_sub(1) else {
            return 0;
        };
        let rank = (quantile * self.0.len() as f64).ceil() as usize;
        *self.0.select_nth_unstable(rank.saturating_sub(1).min(last)).1
    }
}

impl Model {
    /// Makes a model of these services. It is `None` if some worker has no services. If no token
    /// was accepted, every response counts.
    pub fn new(mut workers: Vec<Vec<Service>>, seed: u64) -> Option<Model> {
        if workers.is_empty() || workers.iter().any(Vec::is_empty) {
            return None;
        }
        if workers.iter().flatten().all(|service| !service.accepted) {
            workers.iter_mut().flatten().for_each(|service| service.accepted = true);
        }
        let mut streams = 0..;
        let mut gaps = || unit_gaps(seed, streams.next().unwrap_or_default(), ARRIVALS);
        let forged_gaps = gaps();
        Some(Model { gaps: workers.iter().map(|_| gaps()).collect(), forged_gaps, workers })
    }

    /// The mean service over all workers, in nanoseconds.
    pub fn mean_service_ns(&self) -> f64 {
        mean(self.workers.iter().flatten())
    }

    /// The responses when `rate` operations per second arrive, the same share at each worker.
    pub fn responses(&self, rate: f64) -> Responses {
        let gap_ns = 1e9 * self.workers.len() as f64 / rate;
        let mut responses = Vec::with_capacity(self.workers.len() * ARRIVALS);
        for (services, gaps) in self.workers.iter().zip(&self.gaps) {
            let mut queue = Queue::default();
            let arrivals = gaps.iter().zip(services.iter().cycle()).enumerate();
            for (number, (gap, service)) in arrivals {
                let wait = queue.wait((gap * gap_ns) as u64, service.ns);
                if service.accepted && number >= RUN_IN {
                    responses.push(wait.saturating_add(service.ns));
                }
            }
        }
        Responses(responses)
    }

    /// The highest rate up to `capacity`, in operations per second, that holds the objective. It is
    /// `None` if not even a hundredth of the capacity does. A higher rate has the same arrivals
    /// closer together, so no response gets shorter. Therefore there is exactly one such rate.
    pub fn limit(&self, slo: &Slo, capacity: f64) -> Option<f64> {
        let holds = |rate: f64| slo.holds(self.responses(rate).at(slo.quantile));
        highest(capacity / 100.0, capacity, holds)
    }

    /// The highest rate of forged tokens at one worker, per second, beside which accepted tokens
    /// still hold the objective. `base` is the rate of the recorded mix in operations per second,
    /// and `forged` holds the services of forged tokens. It is `None` if there are none of these,
    /// or if even a thousandth of the saturating rate breaks the objective.
    pub fn forged_limit(&self, slo: &Slo, base: f64, forged: &[Service]) -> Option<f64> {
        if forged.is_empty() {
            return None;
        }
        let idle = 1.0 - base * mean(&self.workers[0]) / 1e9;
        let saturating = (idle * 1e9 / mean(forged)).max(0.0);
        let holds = |rate: f64| slo.holds(self.beside(base, rate, forged).at(slo.quantile));
        highest(saturating / 1000.0, saturating, holds)
    }

    /// The responses of the mix when forged tokens arrive beside it, at one worker.
    fn beside(&self, base: f64, rate: f64, forged: &[Service]) -> Responses {
        let mut base_gaps = self.gaps[0].iter().cycle().map(|gap| gap * 1e9 / base);
        let mut forged_gaps = self.forged_gaps.iter().cycle().map(|gap| gap * 1e9 / rate);
        let mut services = self.workers[0].iter().cycle();
        let mut forged = forged.iter().cycle();
        let draw = |gaps: &mut dyn Iterator<Item = f64>| gaps.next().unwrap_or(f64::INFINITY);
        let (mut next_base, mut next_forged) = (draw(&mut base_gaps), draw(&mut forged_gaps));
        let mut queue = Queue::default();
        let (mut last, mut responses) = (0.0, Vec::new());
        for number in 0..ARRIVALS {
            let is_base = next_base <= next_forged;
            let at = next_base.min(next_forged);
            let service = if is_base { services.next() } else { forged.next() };
            let Some(service) = service else { break };
            let wait = queue.wait((at - last) as u64, service.ns);
            last = at;
            if !is_base {
                next_forged += draw(&mut forged_gaps);
                continue;
            }
            next_base += draw(&mut base_gaps);
            if service.accepted && number >= RUN_IN {
                responses.push(wait.saturating_add(service.ns));
            }
        }
        Responses(responses)
    }
}

/// The gaps of a Poisson process of rate 1. Each stream of a seed is independent of the others.
pub(crate) fn unit_gaps(seed: u64, stream: u64, count: usize) -> Vec<f64> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    // 1 - unit is never zero, so the logarithm is finite. libm gives the same result everywhere.
    let mut gap = || {
        let unit = (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        -libm::log(1.0 - unit)
    };
    std::iter::repeat_with(&mut gap).take(count).collect()
}

fn mean<'s>(services: impl IntoIterator<Item = &'s Service>) -> f64 {
    let mut services = services.into_iter().map(|service| service.ns as f64);
    let (mut sum, mut count) = (0.0, 0.0);
    services.by_ref().for_each(|ns| {
        sum += ns;
        count += 1.0;
    });
    if count > 0.0 { sum / count } else { 0.0 }
}

/// The highest rate between two rates for which `holds`. Once `holds` fails, it must fail for every
/// higher rate. It is `None` if it fails at the lower rate.
fn highest(low: f64, high: f64, holds: impl Fn(f64) -> bool) -> Option<f64> {
    if high <= 0.0 || !holds(low) {
        return None;
    }
    if holds(high) {
        return Some(high);
    }
    let (mut low, mut high) = (low, high);
    while high - low > low * PRECISION {
        let middle = f64::midpoint(low, high);
        if holds(middle) { low = middle } else { high = middle }
    }
    Some(low)
}
