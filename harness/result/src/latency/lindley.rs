//! The Lindley recursion: the wait of each arrival for one worker that serves in order of arrival.
//! Pure; nanoseconds throughout.

/// One queue before one worker, empty at the beginning.
#[derive(Clone, Copy, Debug, Default)]
pub struct Queue {
    /// The work that was left before the next arrival when the last one came, with the last one's
    /// service.
    backlog_ns: u64,
}

impl Queue {
    /// The wait of an arrival that comes `gap_ns` after the last one and then takes `service_ns`:
    /// W(n+1) = max(0, W(n) + S(n) - A(n)). Source: D. V. Lindley, The theory of queues with a
    /// single server, 1952.
    pub fn wait(&mut self, gap_ns: u64, service_ns: u64) -> u64 {
        let wait = self.backlog_ns.saturating_sub(gap_ns);
        self.backlog_ns = wait.saturating_add(service_ns);
        wait
    }
}

/// A worker that is offered every arrival at its intended instant: the same recursion on a clock.
/// It is given the recorded services, so a late generator adds no wait.
#[derive(Clone, Copy, Debug)]
pub struct PunctualWorker {
    /// The instant from which the worker would be free.
    free_ns: i64,
}

impl Default for PunctualWorker {
    fn default() -> Self {
        PunctualWorker { free_ns: i64::MIN }
    }
}

impl PunctualWorker {
    /// The wait of an arrival at this instant. Instants must not decrease.
    pub fn admit(&mut self, intended_ns: i64) -> u64 {
        self.free_ns = self.free_ns.max(intended_ns);
        self.free_ns.abs_diff(intended_ns)
    }

    /// Adds the service of the arrival that was admitted last, or of work that came up since.
    pub fn serve(&mut self, service_ns: u64) {
        self.free_ns = self.free_ns.saturating_add_unsigned(service_ns);
    }

    /// Adds the service of work that came up at this instant, such as a token whose keys have
    /// arrived.
    pub fn interrupt(&mut self, at_ns: i64, service_ns: u64) {
        self.admit(at_ns);
        self.serve(service_ns);
    }
}

#[cfg(test)]
mod tests {
    use crate::capacity::unit_gaps;

    use super::*;

    /// The two forms of the recursion agree for all arrivals.
    #[test]
    fn on_a_clock_it_is_the_same_recursion() {
        let gaps = unit_gaps(3, 0, 10_000);
        let services = unit_gaps(4, 0, 10_000);
        let (mut queue, mut worker, mut at) = (Queue::default(), PunctualWorker::default(), -500);
        for (gap, service) in gaps.iter().zip(&services) {
            let (gap, service) = ((gap * 1_000.0) as u64, (service * 800.0) as u64);
            at += gap as i64;
            assert_eq!(worker.admit(at), queue.wait(gap, service), "at {at}");
            worker.serve(service);
        }
    }

    #[test]
    fn work_between_arrivals_holds_up_the_next() {
        let rows = [
            (None, 40, "nothing came up"),
            (Some((120, 5)), 45, "while it was busy: after what it was busy with"),
            (Some((150, 5)), 45, "just before the next"),
            (Some((145, 0)), 40, "no work"),
        ];
        for (interrupt, expected, why) in rows {
            let mut worker = PunctualWorker::default();
            assert_eq!(worker.admit(100), 0, "{why}: the first finds it free");
            worker.serve(90);
            if let Some((at, takes)) = interrupt {
                worker.interrupt(at, takes);
            }
            assert_eq!(worker.admit(150), expected, "{why}");
            assert_eq!(worker.admit(1_000), 0, "{why}: a wait ends");
        }
        assert_eq!(PunctualWorker::default().admit(i64::MIN), 0, "no overflow");
    }

    #[test]
    fn waits_are_what_is_left_of_the_work_before() {
        let rows = [(0, 10, 0), (4, 10, 6), (4, 1, 12), (100, 7, 0), (7, 7, 0), (6, 3, 1)];
        let mut queue = Queue::default();
        for (number, (gap, service, wait)) in rows.into_iter().enumerate() {
            assert_eq!(queue.wait(gap, service), wait, "arrival {number}");
        }
    }

    /// The mean wait over `count` arrivals at this load, in units of the mean service. The services
    /// are given as multiples of their mean.
    fn mean_wait(load: f64, services: &[f64]) -> f64 {
        const MEAN_NS: f64 = 35_000.0;
        let gaps = unit_gaps(1, 0, services.len());
        let mut queue = Queue::default();
        let arrivals = gaps.iter().zip(services);
        let waits = arrivals.map(|(gap, service)| {
            queue.wait((gap * MEAN_NS / load) as u64, (service * MEAN_NS) as u64) as f64
        });
        waits.sum::<f64>() / services.len() as f64 / MEAN_NS
    }

    /// Pollaczek and Khinchine: mean wait over mean service is load / (2 (1 - load)) for constant
    /// services (M/D/1), and twice that for exponential ones (M/M/1).
    #[test]
    fn mean_waits_are_those_of_the_closed_forms() {
        let count = 1_000_000;
        let constant = vec![1.0; count];
        let exponential = unit_gaps(2, 0, count);
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
