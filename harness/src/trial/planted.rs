//! A contender made slower on purpose, to show that a comparison finds it: after each operation it
//! keeps its worker busy for a share of the time that the operation took.

use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::Verdict;

use crate::contender::{Contender, Presented, Progress};

use super::clock::Stopwatch;

pub(super) struct Planted<'c> {
    contender: Box<dyn Contender<'c> + 'c>,
    /// The share of its service time that an operation takes longer.
    share: f64,
}

impl<'c> Planted<'c> {
    pub(super) fn new(contender: Box<dyn Contender<'c> + 'c>, share: f64) -> Planted<'c> {
        Planted { contender, share }
    }
}

impl<'c> Contender<'c> for Planted<'c> {
    fn begin(&mut self, operation: u32, token: Presented<'c>, now: Tick) -> Progress {
        let stopwatch = Stopwatch::start();
        let progress = self.contender.begin(operation, token, now);
        let until = stopwatch.elapsed().mul_f64(1.0 + self.share);
        while stopwatch.elapsed() < until {
            std::hint::spin_loop();
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
}
