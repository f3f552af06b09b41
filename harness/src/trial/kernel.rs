//! The control kernel: a computation that is always the same, so that a change of its time is a
//! change of the host.

use sha2::{Digest as _, Sha256};

use super::clock::Stopwatch;

/// Bytes hashed at a time: some 0.1 ms with SHA instructions, and no more than a core's own cache.
const BYTES: usize = 128 * 1024;
/// Times that it is run.
const RUNS: usize = 15;

/// Median time to hash the same bytes with SHA-256, in nanoseconds.
pub fn control_kernel_ns() -> u64 {
    let bytes: Vec<u8> = (0..BYTES).map(|place| (place % 251) as u8).collect();
    let mut times: Vec<u64> = (0..RUNS)
        .map(|_| {
            let stopwatch = Stopwatch::start();
            std::hint::black_box(Sha256::digest(std::hint::black_box(&bytes)));
            u64::try_from(stopwatch.elapsed().as_nanos()).unwrap_or(u64::MAX)
        })
        .collect();
    times.sort_unstable();
    times[RUNS / 2]
}
