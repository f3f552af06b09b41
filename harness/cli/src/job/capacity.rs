//! `run --capacity`: what a contender can carry, and what its users would wait below that.

mod agenda;
mod task;

use std::time::Duration;

use clap::Args;

use jwtbench_result::capacity::Slo;
use jwtbench_scenario::format::grammar;

pub use agenda::Agenda;
pub use task::{CapacityBench, CapacityTask};

/// What `--capacity` measures unless told otherwise.
pub const SCENARIO: &str = "hot-path/mix";
/// The objective unless told otherwise.
const SLO: &str = "p99 < 1ms";
/// Measured time of a closed round, and its rounds.
const CLOSED: (Duration, u32) = (Duration::from_millis(500), 3);
/// Measured time of a real open loop.
const OPEN: Duration = Duration::from_secs(2);

/// Flags of `run` for capacities.
#[derive(Args, Clone, Debug)]
pub struct CapacityArgs {
    /// Find the capacity of a scenario's mix, response times below it, and the highest rate that
    /// holds --slo [scenario: hot-path/mix]
    #[arg(long, conflicts_with_all = ["full", "rate", "tokens"])]
    capacity: bool,
    /// The objective [default: 'p99 < 1ms']
    #[arg(long, value_name = "SLO", requires = "capacity", value_parser = Slo::parse)]
    slo: Option<Slo>,
    /// Count the cores for this rate per second, such as 200k
    #[arg(long, value_name = "RATE", requires = "capacity", value_parser = grammar::rate)]
    for_rate: Option<f64>,
}

impl CapacityArgs {
    /// Whether capacities are to be found.
    pub fn is_asked(&self) -> bool {
        self.capacity
    }

    /// The task, if capacities are to be found; `duration` and `rounds` as the user gave them.
    pub fn task(&self, duration: Option<Duration>, rounds: Option<u32>) -> Option<CapacityTask> {
        let slo = self.slo.clone().or_else(|| Slo::parse(SLO).ok())?;
        self.capacity.then(|| CapacityTask {
            slo,
            for_rate: self.for_rate,
            closed: (duration.unwrap_or(CLOSED.0), rounds.unwrap_or(CLOSED.1)),
            open: duration.unwrap_or(OPEN),
        })
    }
}
