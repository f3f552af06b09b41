//! The clock: the only module that reads a clock or sleeps.

use std::time::{Duration, Instant};

use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;

/// The default distance within which a wait spins. Longer gaps are slept through. A calibration
/// replaces this value.
const SLEEP_GUARD: Duration = Duration::from_micros(200);
/// The longest single sleep, so that wakes and Ctrl-C are noticed.
pub(crate) const LONGEST_SLEEP: Duration = Duration::from_millis(2);

/// The scenario clock in real time.
#[derive(Clone, Copy, Debug)]
pub struct RealClock {
    origin: Instant,
    spin_within: Duration,
}

impl RealClock {
    /// A clock whose tick 0 is this far ahead.
    pub fn starting_in(lead: Duration) -> RealClock {
        RealClock { origin: Instant::now() + lead, spin_within: SLEEP_GUARD }
    }

    /// The clock with waits that spin within this distance of their end.
    pub fn spinning_within(self, spin_within: Duration) -> RealClock {
        RealClock { spin_within, ..self }
    }

    /// The present time on the scenario clock.
    pub fn now(&self) -> Tick {
        self.tick(Instant::now())
    }

    fn tick(&self, at: Instant) -> Tick {
        match at.checked_duration_since(self.origin) {
            Some(since) => Tick::ZERO + since,
            None => Tick::ZERO - self.origin.duration_since(at),
        }
    }

    /// Waits for a part of the time to `until`: sleeps if it is far away, spins if it is near.
    pub fn approach(&self, until: Tick) {
        let gap = until.since(self.now());
        if gap > self.spin_within {
            std::thread::sleep((gap - self.spin_within).min(LONGEST_SLEEP));
        } else {
            std::hint::spin_loop();
        }
    }
}

/// A span in which this process stood still although it could have run. It was stopped by a signal,
/// or frozen with its container or machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    from: Instant,
    until: Instant,
}

impl Pause {
    /// A pause of this length that ends now.
    pub(crate) fn just_over(length: Duration) -> Option<Pause> {
        let until = Instant::now();
        Some(Pause { from: until.checked_sub(length)?, until })
    }

    /// The pause as ticks of a scenario clock.
    pub(crate) fn on(&self, clock: &RealClock) -> (Tick, Tick) {
        (clock.tick(self.from), clock.tick(self.until))
    }
}

/// A stopwatch: the time since an instant.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts a stopwatch now.
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// The CPU time that the calling thread has used. Spinning counts; preemption and sleep do not.
pub fn thread_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    // The time starts at zero with the thread, and its nanoseconds are below 10^9.
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// The CPU time that all threads of this process have used.
pub fn process_cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    // The time starts at zero with the process.
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// The kernel's id of the calling thread; 0 on systems without one.
pub fn thread_id() -> u32 {
    #[cfg(target_os = "linux")]
    {
        rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs()
    }
    #[cfg(not(target_os = "linux"))]
    0
}

/// Sleeps, and returns how much longer than asked the sleep took.
pub fn overshoot(asked: Duration) -> Duration {
    let stopwatch = Stopwatch::start();
    std::thread::sleep(asked);
    stopwatch.elapsed().saturating_sub(asked)
}

/// Sleeps for this time.
pub fn pause(span: Duration) {
    std::thread::sleep(span);
}

/// Makes sleeps of the calling thread end as exactly as the kernel can. Returns the timer slack
/// after that in nanoseconds, or `None` if the kernel does not give it.
pub fn tighten_timer() -> Option<u64> {
    #[cfg(target_os = "linux")]
    {
        // If the kernel refuses, sleeps are less exact, and the calibration shows it.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
        rustix::thread::current_timer_slack().ok()
    }
    #[cfg(not(target_os = "linux"))]
    None
}

/// Keeps the calling thread on one of the processors it may use, the `number`th of them. Threads
/// that take turns then have the same caches and the same load beside them. If the kernel refuses,
/// the thread stays free.
pub fn stay_on(number: usize) {
    #[cfg(target_os = "linux")]
    {
        use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
        let Ok(allowed) = sched_getaffinity(None) else {
            return;
        };
        let processors: Vec<usize> =
            (0..CpuSet::MAX_CPU).filter(|place| allowed.is_set(*place)).collect();
        if let Some(place) = processors.get(number % processors.len().max(1)) {
            let mut one = CpuSet::new();
            one.set(*place);
            let _ = sched_setaffinity(None, &one);
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = number;
}

/// The wall-clock time in UTC and whole seconds, as RFC 3339 writes it.
pub fn utc_now() -> String {
    let now = jiff::Timestamp::now();
    now.round(jiff::Unit::Second).unwrap_or(now).to_string()
}

/// The wall-clock time, as claims count it.
pub fn unix_now() -> UnixTime {
    UnixTime(jiff::Timestamp::now().as_nanosecond())
}

/// The median cost of one clock read, in nanoseconds.
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
