//! The effects of a planted fault on a contender and on the generator.

use std::time::Duration;

use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::Verdict;

use crate::contender::{Contender, Presented, Progress};
use crate::real::clock::{Stopwatch, pause};
use crate::trial::planted_fault::PlantedFault;

/// The time by which a starved generator is late with each operation.
pub(crate) const STARVED: Duration = Duration::from_millis(1);

/// A contender that stalls once or is always slow.
pub(crate) struct Stalled<'c> {
    contender: Box<dyn Contender<'c> + 'c>,
    plant: PlantedFault,
    has_stalled: bool,
}

impl<'c> Stalled<'c> {
    pub(crate) fn new(contender: Box<dyn Contender<'c> + 'c>, plant: PlantedFault) -> Stalled<'c> {
        Stalled { contender, plant, has_stalled: false }
    }
}

impl<'c> Contender<'c> for Stalled<'c> {
    fn begin(&mut self, operation: u32, token: Presented<'c>, now: Tick) -> Progress {
        let stopwatch = Stopwatch::start();
        match self.plant {
            PlantedFault::Stall { length, at } if !self.has_stalled && now >= Tick::ZERO + at => {
                self.has_stalled = true;
                pause(length);
            }
            PlantedFault::Slow(by) => pause(by),
            PlantedFault::Stall { .. } | PlantedFault::Starve | PlantedFault::Drag(_) => {}
        }
        let progress = self.contender.begin(operation, token, now);
        if let PlantedFault::Drag(share) = self.plant {
            let until = stopwatch.elapsed().mul_f64(1.0 + share);
            while stopwatch.elapsed() < until {
                std::hint::spin_loop();
            }
        }
        progress
    }

    fn is_woken(&self) -> bool {
        self.contender.is_woken()
    }

    fn resume(&mut self, now: Tick, done: &mut Vec<(u32, Verdict)>) {
        self.contender.resume(now, done);
    }

    fn waiting(&self) -> usize {
        self.contender.waiting()
    }

    fn deadline(&self) -> Option<Tick> {
        self.contender.deadline()
    }

    fn fault(&self) -> Option<&str> {
        self.contender.fault()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A contender that waits until this instant.
    struct Batching(Tick);

    impl<'c> Contender<'c> for Batching {
        fn begin(&mut self, _operation: u32, _token: Presented<'c>, _now: Tick) -> Progress {
            Progress::Waiting
        }

        fn deadline(&self) -> Option<Tick> {
            Some(self.0)
        }
    }

    #[test]
    fn who_gathers_a_batch_is_still_ended_in_time() {
        let until = Tick::ZERO + Duration::from_millis(1);
        let stalled = Stalled::new(Box::new(Batching(until)), PlantedFault::Drag(0.1));
        assert_eq!(stalled.deadline(), Some(until));
    }
}
