//! The machine that a result comes from, with the build that measured it.

use jwtbench_result::Machine;

pub use jwtbench_engine::session::profile;

/// Describes the machine, which takes about half a second.
pub fn describe() -> Machine {
    let build = (env!("JWTBENCH_REVISION"), env!("JWTBENCH_RUSTC"));
    jwtbench_engine::session::describe(Some(build.0), Some(build.1))
}
