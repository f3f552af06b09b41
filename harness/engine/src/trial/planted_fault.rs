//! Faults planted on purpose, to show that the harness finds them: a contender that stalls or is
//! slow, a generator that is starved. Never part of a measurement that counts.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jwtbench_scenario::format::grammar;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::Verdict;

use crate::contender::{Contender, ContenderSpec, ExecCommand, Presented, Progress};

use super::clock::{Stopwatch, pause};

/// How late a starved generator is with each operation.
pub(super) const STARVED: Duration = Duration::from_millis(1);

/// A fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PlantedFault {
    /// The generator waits 1 ms too long before each operation.
    Starve,
    /// The first operation of each worker from `at` on takes `length` longer.
    Stall {
        /// How long.
        length: Duration,
        /// From when on, on the scenario clock.
        at: Duration,
    },
    /// Each operation takes this much longer.
    Slow(Duration),
    /// Each operation keeps its worker busy longer, by this share of the time that it took.
    Drag(f64),
}

impl fmt::Display for PlantedFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = humantime::format_duration;
        match self {
            PlantedFault::Starve => f.write_str("starve"),
            PlantedFault::Stall { length, at } => {
                write!(f, "stall={}@{}", show(*length), show(*at))
            }
            PlantedFault::Slow(by) => write!(f, "slow={}", show(*by)),
            PlantedFault::Drag(share) => write!(f, "drag={}%", share * 100.0),
        }
    }
}

impl FromStr for PlantedFault {
    type Err = String;

    fn from_str(text: &str) -> Result<PlantedFault, String> {
        match text.split_once('=') {
            None if text == "starve" => Ok(PlantedFault::Starve),
            Some(("slow", by)) => Ok(PlantedFault::Slow(grammar::duration(by)?)),
            Some(("drag", share)) => {
                let percent = share.strip_suffix('%').and_then(|share| share.parse::<f64>().ok());
                let percent = percent.filter(|percent| (0.0..=1000.0).contains(percent));
                percent
                    .map(|percent| PlantedFault::Drag(percent / 100.0))
                    .ok_or("a share: drag=5%".into())
            }
            Some(("stall", stall)) => {
                let (length, at) = stall.split_once('@').unwrap_or((stall, "0s"));
                Ok(PlantedFault::Stall {
                    length: grammar::duration(length)?,
                    at: grammar::duration(at)?,
                })
            }
            _ => Err("no such fault; starve, slow=200us, drag=5% or stall=50ms@2s".into()),
        }
    }
}

impl PlantedFault {
    /// Whether it is planted in this contender: those that are compared are slowed down, bounds and
    /// the floor of the harness are not, or nothing would show.
    pub fn concerns(self, contender: ContenderSpec) -> bool {
        let is_bound = matches!(
            contender,
            ContenderSpec::Raw(_) | ContenderSpec::Null | ContenderSpec::Exec(ExecCommand::Floor)
        );
        self == PlantedFault::Starve || !is_bound
    }
}

/// A contender that stalls once or is slow always.
pub(super) struct Stalled<'c> {
    contender: Box<dyn Contender<'c> + 'c>,
    plant: PlantedFault,
    has_stalled: bool,
}

impl<'c> Stalled<'c> {
    pub(super) fn new(contender: Box<dyn Contender<'c> + 'c>, plant: PlantedFault) -> Stalled<'c> {
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

    #[test]
    fn faults_are_read_as_they_are_written() {
        for text in ["starve", "slow=200us", "drag=5%", "stall=50ms@2s", "stall=1s@0s"] {
            assert_eq!(
                text.parse::<PlantedFault>().map(|plant| plant.to_string()),
                Ok(text.into())
            );
        }
        let late = PlantedFault::Stall { length: Duration::from_millis(50), at: Duration::ZERO };
        assert_eq!("stall=50ms".parse(), Ok(late));
        for text in [
            "",
            "starved",
            "starve=1",
            "slow",
            "slow=",
            "drag=5",
            "drag=-5%",
            "stall=50@2s",
            "stall=50ms@x",
        ] {
            assert!(text.parse::<PlantedFault>().is_err(), "{text}");
        }
    }
}
