//! `run --capacity`: the capacity of a contender, and the response times of its users below it.

mod agenda;
mod task;

use std::time::Duration;

use clap::Args;

use jwtbench_result::capacity::Slo;
use jwtbench_scenario::format::grammar;

pub use agenda::Agenda;
pub use task::{CapacityBench, CapacityTask};

/// The scenario that `--capacity` measures by default.
pub const SCENARIO: &str = "hot-path/mix";
/// The default objective.
const SLO: &str = "p99 < 1ms";
/// The measured time of a closed round, and the number of rounds.
const CLOSED: (Duration, u32) = (Duration::from_millis(500), 3);
/// The measured time of a real open loop.
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
    /// Whether the user asked for capacities.
    pub fn is_asked(&self) -> bool {
        self.capacity
    }

    /// The task of finding capacities, if the user asked for it. `duration` and `rounds` are those
    /// that the user gave, if any.
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
