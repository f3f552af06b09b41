//! The control kernel: a computation that is always the same. A change of its time is a change of
//! the host.

use sha2::{Digest as _, Sha256};

use crate::real::clock::Stopwatch;

/// The number of bytes hashed at a time. This takes some 0.1 ms with SHA instructions, and fits
/// into a core's own cache.
const BYTES: usize = 128 * 1024;
/// The number of runs.
const RUNS: usize = 15;

/// The median time to hash the same bytes with SHA-256, in nanoseconds.
pub fn control_kernel_ns() -> u64 {
    let kernel = Kernel::new();
    median((0..RUNS).map(|_| kernel.run_ns()).collect()).unwrap_or(0)
}

/// The computation's input.
pub(crate) struct Kernel(Vec<u8>);

impl Kernel {
    pub(crate) fn new() -> Kernel {
        Kernel((0..BYTES).map(|place| (place % 251) as u8).collect())
    }

    /// Runs the kernel once, and returns its time in nanoseconds.
    pub(crate) fn run_ns(&self) -> u64 {
        let stopwatch = Stopwatch::start();
        std::hint::black_box(Sha256::digest(std::hint::black_box(&self.0)));
        u64::try_from(stopwatch.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// The median of times; `None` if there are none.
pub(crate) fn median(mut times: Vec<u64>) -> Option<u64> {
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}
