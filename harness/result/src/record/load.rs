//! The load of a scenario as it was run, including the command line. A replay starts from it. It
//! knows no flag by its name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The load as it was resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoadRecord {
    /// The arrival process: `closed`, `constant`, `poisson` or `ramp`.
    pub arrivals: String,
    /// Workers, one thread each.
    pub workers: u32,
    /// Rounds per contender.
    pub rounds: u32,
    /// Time before the phases, in nanoseconds.
    pub warmup_ns: u64,
    /// Time that is measured per round, in nanoseconds.
    pub duration_ns: u64,
    /// When a good token's acceptance is late, in nanoseconds from its arrival.
    pub deadline_ns: u64,
    /// The rate of every stream in every phase.
    pub rates: Vec<RateRecord>,
}

/// The rate of one stream in one phase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RateRecord {
    /// Stream name.
    pub stream: String,
    /// Phase name.
    pub phase: String,
    /// Arrivals per second, in decimal: a text, so that it is read back to the last bit. A share
    /// of a capacity reads `0.7 x capacity`.
    pub per_s: String,
    /// The same at the end of the phase, where it is another; null where it is not.
    pub to_per_s: Option<String>,
}
