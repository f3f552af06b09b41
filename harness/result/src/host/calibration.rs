//! The limits of the generator on this machine. They are found at the start of a run, before
//! anything is measured.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The limits of clock and sleep, and the time of the control kernel on an idle harness.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Calibration {
    /// Cost of one clock read, in nanoseconds (median).
    pub clock_read_ns: u64,
    /// How far sleeps of 50 us to 2 ms overshoot, in nanoseconds (median).
    pub sleep_overshoot_p50_ns: u64,
    /// The same, 99th percentile.
    pub sleep_overshoot_p99_ns: u64,
    /// The same, highest.
    pub sleep_overshoot_max_ns: u64,
    /// Timer slack of a worker, in nanoseconds; null where the kernel does not tell it.
    pub timer_slack_ns: Option<u64>,
    /// A worker nearer to its next arrival than this, in nanoseconds, spins; else it sleeps.
    pub spin_within_ns: u64,
    /// Time of the control kernel, in nanoseconds: what the rounds' are compared with.
    pub kernel_ns: u64,
}
