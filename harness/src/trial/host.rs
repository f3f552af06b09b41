//! What the kernel tells of the host, as far as it tells it: `/proc` alone. Knows no schedule.

use std::fs;

use crate::result::window::HostShare;

/// CPU time since boot, over all CPUs, in the kernel's ticks.
#[derive(Clone, Copy, Debug)]
pub struct CpuTime {
    steal: u64,
    idle: u64,
    total: u64,
}

impl CpuTime {
    /// From the first line of `/proc/stat`; `None` where there is none.
    pub fn read() -> Option<CpuTime> {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        let fields = stat.lines().next()?.split_whitespace().skip(1);
        let ticks: Vec<u64> = fields.map_while(|field| field.parse().ok()).collect();
        // user nice system idle iowait irq softirq steal; guest time is part of user.
        let idle = ticks.get(3)? + ticks.get(4)?;
        Some(CpuTime { steal: *ticks.get(7)?, idle, total: ticks.iter().take(8).sum() })
    }

    /// The share stolen since `earlier`.
    pub fn steal_since(self, earlier: CpuTime) -> f64 {
        let total = self.total.saturating_sub(earlier.total);
        let steal = self.steal.saturating_sub(earlier.steal);
        if total == 0 { 0.0 } else { steal as f64 / total as f64 }
    }
}

/// Ticks fewer than this tell nothing about a share.
const FEWEST_TICKS: u64 = 10;

/// The host at one instant.
#[derive(Clone, Copy, Debug)]
pub(super) struct HostReading {
    cpu: Option<CpuTime>,
    /// CPU time of this process, in the kernel's ticks.
    own: Option<u64>,
    /// Time in which some runnable task had no CPU since boot, in microseconds.
    pressure_us: Option<u64>,
}

impl HostReading {
    /// Now.
    pub(super) fn take() -> HostReading {
        HostReading { cpu: CpuTime::read(), own: own_ticks(), pressure_us: pressure_us() }
    }

    /// What happened since `earlier`, `span_ns` ago.
    pub(super) fn since(&self, earlier: &HostReading, span_ns: u64) -> HostShare {
        let cpus = std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u32);
        let pressure = self.pressure_us.zip(earlier.pressure_us).map(|(now, then)| {
            let waited_ns = now.saturating_sub(then) as f64 * 1e3;
            (waited_ns / span_ns.max(1) as f64).min(1.0)
        });
        let mut share = HostShare { pressure, cpus, ..HostShare::default() };
        let Some((now, then)) = self.cpu.zip(earlier.cpu) else {
            return share;
        };
        let total = now.total.saturating_sub(then.total);
        if total < FEWEST_TICKS {
            return share;
        }
        share.steal = Some(now.steal_since(then));
        share.others = self.own.zip(earlier.own).map(|(own_now, own_then)| {
            let kept = |time: CpuTime| time.idle + time.steal;
            let busy = total.saturating_sub(kept(now).saturating_sub(kept(then)));
            busy.saturating_sub(own_now.saturating_sub(own_then)) as f64 / total as f64
        });
        share
    }
}

/// User and system time of this process.
fn own_ticks() -> Option<u64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold spaces. utime and stime are the fields 14 and 15.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut field = || fields.next()?.parse::<u64>().ok();
    Some(field()? + field()?)
}

/// `some avg10=… total=…`
fn pressure_us() -> Option<u64> {
    let text = fs::read_to_string("/proc/pressure/cpu").ok()?;
    text.lines().next()?.rsplit_once("total=")?.1.trim().parse().ok()
}

/// What the scheduler did to the calling thread since it began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ThreadReading {
    /// Times that it was taken off its CPU.
    pub(super) involuntary: Option<u64>,
    /// Time that it was runnable and had no CPU, in nanoseconds.
    pub(super) run_queue_ns: Option<u64>,
}

impl ThreadReading {
    /// Of the calling thread.
    pub(super) fn take() -> ThreadReading {
        let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"));
        let schedule = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        let waited = schedule.split_whitespace().nth(1);
        ThreadReading {
            involuntary: line.and_then(|count| count.trim().parse().ok()),
            run_queue_ns: waited.and_then(|ns| ns.parse().ok()),
        }
    }

    /// Both together.
    pub(super) fn plus(self, other: ThreadReading) -> ThreadReading {
        let sum = |one: Option<u64>, other: Option<u64>| match (one, other) {
            (Some(one), Some(other)) => Some(one + other),
            (one, other) => one.or(other),
        };
        ThreadReading {
            involuntary: sum(self.involuntary, other.involuntary),
            run_queue_ns: sum(self.run_queue_ns, other.run_queue_ns),
        }
    }
}
