//! The machine a result comes from, with the build that measured it.

pub use jwtbench_engine::session::profile;
pub use jwtbench_engine::trial::host::CpuUse;
use jwtbench_result::Machine;

/// Describes the machine, which takes about half a second.
pub fn describe() -> Machine {
    let build = (env!("JWTBENCH_REVISION"), env!("JWTBENCH_RUSTC"));
    jwtbench_engine::session::describe(Some(build.0), Some(build.1))
}
