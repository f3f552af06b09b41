//! Calibration at the start of a run: what clock and sleep cost on this machine, and from which
//! distance on a worker had better spin.

use std::time::Duration;

use crate::result::Calibration;

use super::clock::{clock_read_ns, overshoot, tighten_timer};
use super::kernel::control_kernel_ns;

/// Sleeps of the calibration: the 99th percentile then has five beyond it.
const SLEEPS: usize = 500;
/// How long each is.
const ASKED: Duration = Duration::from_micros(100);
/// Bounds of the distance within which a worker spins. More would burn a core that the endpoint
/// may need; less would trust a lucky calibration.
const SPIN: std::ops::RangeInclusive<u64> = 50_000..=1_000_000;

/// Calibrates, on a thread set up as a worker's is.
pub fn calibrate() -> Calibration {
    let on_a_worker = std::thread::Builder::new().spawn(measure);
    on_a_worker.ok().and_then(|thread| thread.join().ok()).unwrap_or_else(measure)
}

fn measure() -> Calibration {
    let timer_slack_ns = tighten_timer();
    let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    let mut overshoots: Vec<u64> = (0..SLEEPS).map(|_| nanos(overshoot(ASKED))).collect();
    overshoots.sort_unstable();
    let p99 = overshoots[SLEEPS * 99 / 100];
    // The fastest of three: noise only ever adds to it.
    let kernels = [control_kernel_ns(), control_kernel_ns(), control_kernel_ns()];
    Calibration {
        clock_read_ns: clock_read_ns(),
        sleep_overshoot_p50_ns: overshoots[SLEEPS / 2],
        sleep_overshoot_p99_ns: p99,
        sleep_overshoot_max_ns: overshoots[SLEEPS - 1],
        timer_slack_ns,
        spin_within_ns: spin_within_ns(p99),
        kernel_ns: kernels.into_iter().fold(u64::MAX, u64::min),
    }
}

/// Twice the overshoot that one sleep in a hundred exceeds, within bounds.
fn spin_within_ns(overshoot_p99_ns: u64) -> u64 {
    overshoot_p99_ns.saturating_mul(2).clamp(*SPIN.start(), *SPIN.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_spins_within_twice_the_overshoot() {
        let rows = [
            (0, 50_000, "a sleep that is never late is not believed"),
            (60_000, 120_000, "twice"),
            (533_000, 1_000_000, "a noisy machine: a millisecond at most"),
            (u64::MAX, 1_000_000, "no overflow"),
        ];
        for (overshoot, expected, why) in rows {
            assert_eq!(spin_within_ns(overshoot), expected, "{why}");
        }
    }
}
