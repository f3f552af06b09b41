//! The only place that reads a clock or sleeps.

use std::time::{Duration, Instant};

use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;

/// Longer gaps are slept through, shorter ones spun: a sleep overshoots by some tens of
/// microseconds.
const SLEEP_GUARD: Duration = Duration::from_micros(200);
/// The longest single sleep, so that wakes and Ctrl-C are seen.
const LONGEST_SLEEP: Duration = Duration::from_millis(2);

/// The scenario clock in real time.
#[derive(Clone, Copy, Debug)]
pub struct RealClock {
    origin: Instant,
}

impl RealClock {
    /// A clock on which tick 0 lies this far ahead.
    pub fn starting_in(lead: Duration) -> RealClock {
        RealClock { origin: Instant::now() + lead }
    }

    /// Now.
    pub fn now(&self) -> Tick {
        let now = Instant::now();
        match now.checked_duration_since(self.origin) {
            Some(since) => Tick::ZERO + since,
            None => Tick::ZERO - self.origin.duration_since(now),
        }
    }

    /// Waits a little towards `until`: sleeps when it is far, spins when it is near.
    pub fn approach(&self, until: Tick) {
        let gap = until.since(self.now());
        if gap > SLEEP_GUARD {
            std::thread::sleep((gap - SLEEP_GUARD).min(LONGEST_SLEEP));
        } else {
            std::hint::spin_loop();
        }
    }
}

/// Time since some instant.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// CPU time that the calling thread has used: preemption and sleep do not count, spinning does.
pub fn thread_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    // It starts at zero with the thread, and its nanoseconds are below 10^9.
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// The wall clock, RFC 3339, UTC, whole seconds.
pub fn utc_now() -> String {
    let now = jiff::Timestamp::now();
    now.round(jiff::Unit::Second).unwrap_or(now).to_string()
}

/// The wall clock, as claims count time.
pub fn unix_now() -> UnixTime {
    UnixTime(jiff::Timestamp::now().as_nanosecond())
}

/// Median cost of one clock read, in nanoseconds.
pub fn clock_read_ns() -> u64 {
    let mut costs: Vec<u64> = (0..101)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..100 {
                std::hint::black_box(Instant::now());
            }
            start.elapsed().as_nanos() as u64 / 100
        })
        .collect();
    costs.sort_unstable();
    costs[costs.len() / 2]
}

/// How far a 100 µs sleep overshoots, 99th percentile of 200, in nanoseconds.
pub fn sleep_overshoot_p99_ns() -> u64 {
    let asked = Duration::from_micros(100);
    let mut overshoots: Vec<u64> = (0..200)
        .map(|_| {
            let start = Instant::now();
            std::thread::sleep(asked);
            start.elapsed().saturating_sub(asked).as_nanos() as u64
        })
        .collect();
    overshoots.sort_unstable();
    overshoots[overshoots.len() * 99 / 100]
}
