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

    #[test]
    fn waits_are_what_is_left_of_the_work_before() {
        let rows = [(0, 10, 0), (4, 10, 6), (4, 1, 12), (100, 7, 0), (7, 7, 0), (6, 3, 1)];
        let mut queue = Queue::default();
        for (number, (gap, service, wait)) in rows.into_iter().enumerate() {
            assert_eq!(queue.wait(gap, service), wait, "arrival {number}");
        }
    }
}
