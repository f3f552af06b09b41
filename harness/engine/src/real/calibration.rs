//! Calibration at the start of a run: the cost of reading the clock, the overshoot of sleeps, and
//! the distance within which a worker should spin.

use std::time::Duration;

use jwtbench_result::Calibration;

use crate::real::clock::{LONGEST_SLEEP, clock_read_ns, overshoot, tighten_timer};
use crate::real::kernel::control_kernel_ns;

/// The number of sleeps. Five of them are then beyond the 99th percentile.
const SLEEPS: usize = 500;
/// The shortest and the longest sleep of a worker between two arrivals: it spins through shorter
/// gaps, and divides longer ones. A processor wakes later the longer it was idle.
const ASKED: (Duration, Duration) = (Duration::from_micros(50), LONGEST_SLEEP);
/// The bounds in nanoseconds of the distance within which a worker spins. A larger distance would
/// occupy a core that the endpoint may need; a smaller one would rely on a lucky calibration.
const SPIN: std::ops::RangeInclusive<u64> = 50_000..=1_000_000;

/// Calibrates on a thread that is set up like a worker's.
pub fn calibrate() -> Calibration {
    let on_a_worker = std::thread::Builder::new().spawn(measure);
    on_a_worker.ok().and_then(|thread| thread.join().ok()).unwrap_or_else(measure)
}

fn measure() -> Calibration {
    let timer_slack_ns = tighten_timer();
    let nanos = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    let mut overshoots: Vec<u64> = (0..SLEEPS).map(|at| nanos(overshoot(asked(at)))).collect();
    overshoots.sort_unstable();
    let p99 = overshoots[SLEEPS * 99 / 100];
    // The fastest of three is used, because noise only adds time.
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

/// The length of the sleep of this number. The logarithms are spread evenly, by multiples of the
/// golden ratio, so that short and long sleeps alternate.
fn asked(number: usize) -> Duration {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let (shortest, longest) = ASKED;
    let ratio = longest.as_secs_f64() / shortest.as_secs_f64();
    shortest.mul_f64(libm::pow(ratio, (number as f64 * GOLDEN).fract()))
}

/// Twice the overshoot that one sleep in a hundred exceeds, within [`SPIN`].
fn spin_within_ns(overshoot_p99_ns: u64) -> u64 {
    overshoot_p99_ns.saturating_mul(2).clamp(*SPIN.start(), *SPIN.end())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each tenth of the range, on a logarithmic scale, has a tenth of the sleeps.
    #[test]
    fn sleeps_are_as_long_as_those_that_occur() {
        let (shortest, longest) = ASKED;
        let way = |span: Duration| libm::log(span.as_secs_f64() / shortest.as_secs_f64());
        let mut tenths = [0; 10];
        for number in 0..SLEEPS {
            let span = asked(number);
            assert!(span >= shortest && span <= longest, "{span:?}");
            tenths[(way(span) / way(longest) * 10.0) as usize] += 1;
        }
        assert!(tenths.iter().all(|count| (45..=55).contains(count)), "{tenths:?}");
        let total: Duration = (0..SLEEPS).map(asked).sum();
        assert!(total < Duration::from_millis(300), "{total:?} before every run");
    }

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
