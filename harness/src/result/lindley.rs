//! The Lindley recursion: how long each arrival waits for one worker that serves in order of
//! arrival. Pure; nanoseconds throughout.

/// One queue before one worker, empty at the beginning.
#[derive(Clone, Copy, Debug, Default)]
pub struct Queue {
    /// Work left in front of the next arrival, counted from the last one.
    backlog_ns: u64,
}

impl Queue {
    /// The wait of an arrival `gap_ns` after the last one, which then takes `service_ns`:
    /// W(n+1) = max(0, W(n) + S(n) - A(n)), D. V. Lindley, The theory of queues with a single
    /// server, 1952.
    pub fn wait(&mut self, gap_ns: u64, service_ns: u64) -> u64 {
        let wait = self.backlog_ns.saturating_sub(gap_ns);
        self.backlog_ns = wait.saturating_add(service_ns);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::arrivals::unit_gaps;

    #[test]
    fn waits_are_what_is_left_of_the_work_before() {
        let rows = [(0, 10, 0), (4, 10, 6), (4, 1, 12), (100, 7, 0), (7, 7, 0), (6, 3, 1)];
        let mut queue = Queue::default();
        for (number, (gap, service, wait)) in rows.into_iter().enumerate() {
            assert_eq!(queue.wait(gap, service), wait, "arrival {number}");
        }
    }

    /// The mean wait over `count` arrivals at this load, services given as multiples of their mean.
    fn mean_wait(load: f64, services: &[f64]) -> f64 {
        const MEAN_NS: f64 = 35_000.0;
        let gaps = unit_gaps(1, &["lindley"], services.len());
        let mut queue = Queue::default();
        let arrivals = gaps.iter().zip(services);
        let waits = arrivals.map(|(gap, service)| {
            queue.wait((gap * MEAN_NS / load) as u64, (service * MEAN_NS) as u64) as f64
        });
        waits.sum::<f64>() / services.len() as f64 / MEAN_NS
    }

    /// Pollaczek and Khinchine: mean wait over mean service is load / (2 (1 - load)) with constant
    /// services (M/D/1), and twice that with exponential ones (M/M/1).
    #[test]
    fn mean_waits_are_those_of_the_closed_forms() {
        let count = 1_000_000;
        let constant = vec![1.0; count];
        let exponential = unit_gaps(2, &["services"], count);
        for load in [0.1, 0.3, 0.5, 0.7, 0.8] {
            let expected = load / (2.0 * (1.0 - load));
            for (services, expected, name) in
                [(&constant, expected, "M/D/1"), (&exponential, 2.0 * expected, "M/M/1")]
            {
                let got = mean_wait(load, services);
                let error = (got / expected - 1.0).abs();
                assert!(error < 0.03, "{name} at {load}: {got}, expected {expected}");
            }
        }
    }
}
