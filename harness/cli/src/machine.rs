//! The machine a result comes from, with the build that measured it.

pub use jwtbench_engine::session::profile;
pub use jwtbench_engine::trial::host::{CpuTime, CpuUse};
use jwtbench_result::Machine;

/// Describes the machine. `since` is the CPU time at the start of the run.
pub fn describe(since: Option<CpuTime>) -> Machine {
    let build = (env!("JWTBENCH_REVISION"), env!("JWTBENCH_RUSTC"));
    let machine = jwtbench_engine::session::describe(Some(build.0), Some(build.1));
    let steal = since.zip(CpuTime::read()).map(|(then, now)| now.steal_since(then));
    Machine { steal, ..machine }
}
