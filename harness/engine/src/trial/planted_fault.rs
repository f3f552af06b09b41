//! Faults that are planted on purpose, to show that the harness finds them: a contender that stalls
//! or is slow, or a generator that is starved. They are never part of a measurement that counts.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jwtbench_scenario::format::grammar;

use crate::contender::{ContenderSpec, ExecCommand};

/// A fault that is planted on purpose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PlantedFault {
    /// The generator waits 1 ms too long before each operation.
    Starve,
    /// The first operation of each worker from `at` on takes `length` longer.
    Stall {
        /// The length of the stall.
        length: Duration,
        /// The time from which the stall happens, on the scenario clock.
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
    /// Whether the fault is planted in this contender. Contenders that are compared are slowed
    /// down. Bounds and the floor of the harness are not, as otherwise nothing would show.
    pub fn concerns(self, contender: ContenderSpec) -> bool {
        let is_bound = matches!(
            contender,
            ContenderSpec::Raw(_) | ContenderSpec::Null | ContenderSpec::Exec(ExecCommand::Floor)
        );
        self == PlantedFault::Starve || !is_bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
