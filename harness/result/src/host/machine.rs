//! The machine that a result came from: what a reader needs to judge whether figures carry over.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::calibration::Calibration;

/// A description of the machine and of how still it was.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// CPU model as the kernel names it.
    pub cpu: String,
    /// Logical cores that this process may use.
    pub cores: u32,
    /// Total memory in bytes.
    pub memory_bytes: u64,
    /// Kernel name and release.
    pub kernel: String,
    /// Target architecture.
    pub arch: String,
    /// CPU frequency governor, where the kernel tells it.
    pub governor: Option<String>,
    /// Hypervisor flag seen: figures come from a virtual machine.
    pub virtualised: bool,
    /// Share of CPU time taken by the hypervisor during the run, 0..=1, where the kernel tells it.
    pub steal: Option<f64>,
    /// `release` or `debug`. A debug build's times are never to be compared.
    pub profile: String,
    /// Revision that the program was built from, `+` with changes, `unknown` outside a checkout.
    pub revision: Option<String>,
    /// Compiler version.
    pub rustc: String,
    /// Cost of one clock read, in nanoseconds (median).
    pub clock_read_ns: u64,
    /// How far a 100 us sleep overshoots, in nanoseconds (99th percentile).
    pub sleep_overshoot_p99_ns: u64,
    /// What the generator can do here; null in results older than this field.
    pub calibration: Option<Calibration>,
}
