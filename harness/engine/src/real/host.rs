//! The state of the host as the kernel reports it in `/proc`. The module knows no schedule.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use jwtbench_result::host::disturbance::HostShare;

use crate::real::clock::{process_cpu_time, thread_id};

/// The CPU time since boot over all CPUs, in the kernel's ticks.
#[derive(Clone, Copy, Debug)]
pub struct CpuTime {
    steal: u64,
    idle: u64,
    total: u64,
}

impl CpuTime {
    /// Reads the first line of `/proc/stat`; `None` if there is none.
    pub fn read() -> Option<CpuTime> {
        let stat = fs::read_to_string("/proc/stat").ok()?;
        let fields = stat.lines().next()?.split_whitespace().skip(1);
        let ticks: Vec<u64> = fields.map_while(|field| field.parse().ok()).collect();
        // The fields are user nice system idle iowait irq softirq steal. Guest time is part of
        // user.
        let idle = ticks.get(3)? + ticks.get(4)?;
        Some(CpuTime { steal: *ticks.get(7)?, idle, total: ticks.iter().take(8).sum() })
    }

    /// The share of CPU time that the hypervisor has taken since `earlier`.
    pub fn steal_since(self, earlier: CpuTime) -> f64 {
        let total = self.total.saturating_sub(earlier.total);
        let steal = self.steal.saturating_sub(earlier.steal);
        if total == 0 { 0.0 } else { steal as f64 / total as f64 }
    }
}

/// The CPU time of the machine, and the part of it that this process and others of ours used.
#[derive(Clone, Copy, Debug)]
pub struct CpuUse {
    cpu: Option<CpuTime>,
    own: Duration,
}

impl CpuUse {
    /// Reads the present state. `processes` are the ids of processes that work for this one.
    pub fn read(processes: &[u32]) -> CpuUse {
        let theirs = processes.iter().map(|process| ticks_of(&process.to_string()));
        let own = process_cpu_time() + TICK * theirs.sum::<u32>();
        CpuUse { cpu: CpuTime::read(), own }
    }

    /// The shares that the hypervisor and other processes took since `earlier`. The other members
    /// are not set.
    pub fn since(self, earlier: CpuUse) -> HostShare {
        let share = HostShare { cpus: processors(), ..HostShare::default() };
        let own = self.own.saturating_sub(earlier.own).as_nanos() as f64;
        with_cpu_time(share, self.cpu.zip(earlier.cpu), own)
    }
}

/// The CPU time of a process and of its children that it waited for, in the kernel's ticks; 0 for a
/// process that has ended.
fn ticks_of(process: &str) -> u32 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    process_ticks(&stat).map_or(0, |(own, ended)| own.saturating_add(ended))
}

/// The ticks in a `/proc/PID/stat`: those of the process, ended threads included, and those of its
/// children that ended and were waited for.
fn process_ticks(stat: &str) -> Option<(u32, u32)> {
    // The name in brackets may contain anything. The state is the first field after it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u32>().ok();
    Some((next()?.checked_add(next()?)?, next()?.checked_add(next()?)?))
}

/// The number of processors that this process may use.
pub fn processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |cpus| cpus.get() as u32)
}

/// The fewest ticks from which a share is computed.
const FEWEST_TICKS: u64 = 10;
/// The length of a tick of `/proc/stat`: a hundredth of a second on every Linux (`USER_HZ`).
const TICK: Duration = Duration::from_millis(10);

/// The host and this process at one instant.
#[derive(Clone, Debug)]
pub(crate) struct HostReading {
    cpu: Option<CpuTime>,
    /// CPU time of this process and of the processes that it started, ended or not.
    own: Duration,
    /// The time since boot in which some runnable task had no CPU, in microseconds.
    pressure_us: Option<u64>,
    /// The threads of this process, by id.
    threads: BTreeMap<u32, Scheduled>,
}

/// The scheduler's times of a thread since it began, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Scheduled {
    /// The time on a CPU.
    ran_ns: u64,
    /// The time for which it was runnable without a CPU.
    waited_ns: u64,
}

impl Scheduled {
    /// Reads the `schedstat` file of a thread.
    fn read(path: impl AsRef<Path>) -> Option<Scheduled> {
        let text = fs::read_to_string(path).ok()?;
        let mut fields = text.split_whitespace().map(str::parse::<u64>);
        Some(Scheduled { ran_ns: fields.next()?.ok()?, waited_ns: fields.next()?.ok()? })
    }
}

/// A slot in which a worker enters its thread's id, and at its end the last times of the thread.
/// The kernel keeps nothing of a thread that has ended.
#[derive(Debug, Default)]
pub(crate) struct ThreadSlot {
    id: AtomicU32,
    has_ended: AtomicBool,
    ran_ns: AtomicU64,
    waited_ns: AtomicU64,
}

impl ThreadSlot {
    /// Enters the id of the calling thread.
    pub(crate) fn enter(&self) {
        self.id.store(thread_id(), Ordering::Relaxed);
    }

    /// Enters the last times of the calling thread, which is about to end.
    pub(crate) fn leave(&self) {
        let last = Scheduled::read("/proc/thread-self/schedstat").unwrap_or_default();
        self.ran_ns.store(last.ran_ns, Ordering::Relaxed);
        self.waited_ns.store(last.waited_ns, Ordering::Relaxed);
        self.has_ended.store(true, Ordering::Release);
    }

    /// The thread's id, once the thread has begun.
    pub(crate) fn id(&self) -> Option<u32> {
        Some(self.id.load(Ordering::Relaxed)).filter(|id| *id > 0)
    }

    fn last(&self) -> Option<(u32, Scheduled)> {
        let id = self.id().filter(|_| self.has_ended.load(Ordering::Acquire))?;
        let [ran_ns, waited_ns] =
            [&self.ran_ns, &self.waited_ns].map(|ns| ns.load(Ordering::Relaxed));
        Some((id, Scheduled { ran_ns, waited_ns }))
    }
}

impl HostReading {
    /// Reads the present state. The times of workers that have ended come from their slots.
    pub(crate) fn take(workers: &[ThreadSlot]) -> HostReading {
        let (mut threads, children) = threads_and_children();
        if !threads.is_empty() {
            threads.extend(workers.iter().filter_map(ThreadSlot::last));
        }
        let own = process_cpu_time() + TICK * children;
        HostReading { cpu: CpuTime::read(), own, pressure_us: pressure_us(), threads }
    }

    /// The shares since `earlier`, `span_ns` ago. `workers` are the ids of the threads whose waits
    /// for a CPU are reported; empty if these are known otherwise.
    pub(crate) fn since(&self, earlier: &HostReading, span_ns: u64, workers: &[u32]) -> HostShare {
        let span = span_ns.max(1) as f64;
        let own = self.own.saturating_sub(earlier.own).as_nanos() as f64;
        let spent = |id: &u32, now: &Scheduled| {
            let then = earlier.threads.get(id).copied().unwrap_or_default();
            let ran = now.ran_ns.saturating_sub(then.ran_ns) as f64;
            (ran, now.waited_ns.saturating_sub(then.waited_ns) as f64)
        };
        let all = || self.threads.iter().map(|(id, now)| spent(id, now));
        let ours = workers.iter().filter_map(|id| Some(spent(id, self.threads.get(id)?)));
        let waited: f64 = all().map(|(_, waited)| waited).sum();
        let pressure = self
            .pressure_us
            .zip(earlier.pressure_us)
            .map(|(now, then)| (now.saturating_sub(then) as f64 * 1e3 / span).min(1.0));
        let foreign = pressure.filter(|_| !self.threads.is_empty());
        let (seen, ran, worker_waited) =
            ours.fold((0.0, 0.0, 0.0), |sum, one| (sum.0 + 1.0, sum.1 + one.0, sum.2 + one.1));
        // A worker may have waited for a CPU that another thread of ours used.
        let helpers = (own - ran).max(0.0);
        let share = HostShare {
            pressure,
            foreign_pressure: foreign.map(|pressure| (pressure - waited / span).max(0.0)),
            worker_wait: (seen > 0.0).then(|| (worker_waited - helpers).max(0.0) / (span * seen)),
            cpus: processors(),
            ..HostShare::default()
        };
        with_cpu_time(share, self.cpu.zip(earlier.cpu), own)
    }
}

/// Adds the shares of all CPU time, from readings at the end and at the beginning. `own_ns` is our
/// own CPU time.
fn with_cpu_time(share: HostShare, cpu: Option<(CpuTime, CpuTime)>, own_ns: f64) -> HostShare {
    let Some((now, then)) = cpu else {
        return share;
    };
    let total = now.total.saturating_sub(then.total);
    if total < FEWEST_TICKS {
        return share;
    }
    let kept = |time: CpuTime| time.idle + time.steal;
    let busy = total.saturating_sub(kept(now).saturating_sub(kept(then))) as f64;
    // Each processor's count may be off by a tick.
    let others = busy - own_ns / TICK.as_nanos() as f64 - f64::from(share.cpus);
    let others = Some(others.max(0.0) / total as f64);
    HostShare { steal: Some(now.steal_since(then)), others, ..share }
}

/// The scheduler's times of each thread of this process, and the CPU time of the processes that it
/// started, in ticks. The times are empty if the kernel does not give them. If the kernel does not
/// list children (`CONFIG_PROC_CHILDREN`), only those that have ended count.
fn threads_and_children() -> (BTreeMap<u32, Scheduled>, u32) {
    let own = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let mut ticks = process_ticks(&own).map_or(0, |(_, ended)| ended);
    let mut threads = BTreeMap::new();
    let Ok(tasks) = fs::read_dir("/proc/self/task") else {
        return (threads, ticks);
    };
    for task in tasks.flatten() {
        let id = task.file_name().to_str().and_then(|name| name.parse().ok());
        threads.extend(id.zip(Scheduled::read(task.path().join("schedstat"))));
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        ticks += children.split_whitespace().map(ticks_of).sum::<u32>();
    }
    (threads, ticks)
}

/// The total of `/proc/pressure/cpu`, whose first line is `some avg10=… total=…`.
fn pressure_us() -> Option<u64> {
    let text = fs::read_to_string("/proc/pressure/cpu").ok()?;
    text.lines().next()?.rsplit_once("total=")?.1.trim().parse().ok()
}

/// The waits of a thread since it began.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ThreadReading {
    /// How often the thread was taken off its CPU.
    pub(crate) involuntary: Option<u64>,
    /// The time for which the thread was runnable without a CPU, in nanoseconds.
    pub(crate) run_queue_ns: Option<u64>,
}

impl ThreadReading {
    /// Reads the waits of the calling thread.
    pub(crate) fn take() -> ThreadReading {
        let status = fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"));
        ThreadReading {
            involuntary: line.and_then(|count| count.trim().parse().ok()),
            run_queue_ns: ThreadReading::run_queue_ns(),
        }
    }

    /// The time for which the calling thread was runnable without a CPU, in nanoseconds.
    pub(crate) fn run_queue_ns() -> Option<u64> {
        Scheduled::read("/proc/thread-self/schedstat").map(|scheduled| scheduled.waited_ns)
    }

    /// The sum of both.
    pub(crate) fn plus(self, other: ThreadReading) -> ThreadReading {
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    /// A second on two processors: ticks busy (ours included) and stolen; our CPU time and the time
    /// under pressure in milliseconds; and the milliseconds for which a worker and a helper of ours
    /// each ran and waited.
    struct Second {
        busy: u64,
        steal: u64,
        own: u64,
        pressure: u64,
        worker: (u64, u64),
        helper: (u64, u64),
    }

    const WORKER: u32 = 7;

    fn reading(second: &Second) -> HostReading {
        let scheduled = |(ran, waited): (u64, u64)| Scheduled {
            ran_ns: 50 + ran * 1_000_000,
            waited_ns: 60 + waited * 1_000_000,
        };
        let idle = 200 - second.busy - second.steal;
        HostReading {
            cpu: Some(CpuTime { steal: second.steal, idle, total: 200 }),
            own: Duration::from_millis(second.own),
            pressure_us: Some(second.pressure * 1_000),
            threads: [(WORKER, scheduled(second.worker)), (8, scheduled(second.helper))].into(),
        }
    }

    #[test]
    fn what_our_own_threads_cause_is_taken_off() {
        let start = HostReading {
            cpu: Some(CpuTime { steal: 0, idle: 0, total: 0 }),
            ..reading(&Second {
                busy: 0,
                steal: 0,
                own: 0,
                pressure: 0,
                worker: (0, 0),
                helper: (0, 0),
            })
        };
        let second = |busy, own, pressure, worker, helper| Second {
            busy,
            steal: 0,
            own,
            pressure,
            worker,
            helper,
        };
        // The results are others, foreign pressure and the worker's wait, in percent.
        let rows = [
            (second(100, 1_000, 0, (1_000, 0), (0, 0)), [0, 0, 0], "alone"),
            (second(101, 1_000, 0, (1_000, 0), (0, 0)), [0, 0, 0], "within what a count errs by"),
            (
                second(100, 1_000, 300, (700, 300), (300, 0)),
                [0, 0, 0],
                "our worker waits for our helper",
            ),
            (
                second(100, 1_000, 800, (1_000, 0), (0, 800)),
                [0, 0, 0],
                "our helper waits for our worker",
            ),
            (
                second(200, 1_000, 0, (1_000, 0), (0, 0)),
                [49, 0, 0],
                "a burner that has a processor of its own",
            ),
            (
                second(200, 600, 1_000, (600, 400), (0, 0)),
                [69, 60, 40],
                "a burner on our processor, and one on the other",
            ),
            (
                second(200, 700, 1_000, (600, 400), (100, 100)),
                [64, 50, 30],
                "the same beside a helper that worked",
            ),
            (
                second(200, 0, 1_000, (0, 0), (0, 0)),
                [99, 100, 0],
                "others crowd each other, and we are idle",
            ),
        ];
        for (second, expected, why) in rows {
            let share = reading(&second).since(&start, SECOND_NS, &[WORKER]);
            let share = HostShare { cpus: 2, ..share };
            let share = with_cpu_time(
                share,
                reading(&second).cpu.zip(start.cpu),
                Duration::from_millis(second.own).as_nanos() as f64,
            );
            let got = [share.others, share.foreign_pressure, share.worker_wait]
                .map(|share| (share.unwrap_or(-1.0) * 100.0).round() as i64);
            assert_eq!(got, expected, "{why}: {share:?}");
        }
    }

    #[test]
    fn what_the_kernel_does_not_tell_stays_unknown() {
        let nothing = HostReading {
            cpu: None,
            own: Duration::ZERO,
            pressure_us: None,
            threads: BTreeMap::new(),
        };
        let share = nothing.since(&nothing, SECOND_NS, &[WORKER]);
        let told = [share.steal, share.others, share.pressure, share.foreign_pressure];
        assert_eq!((told, share.worker_wait), ([None; 4], None));
        let pending = HostReading { pressure_us: Some(0), ..nothing.clone() };
        let later = HostReading { pressure_us: Some(500_000), ..nothing };
        let share = later.since(&pending, SECOND_NS, &[]);
        assert_eq!(share.pressure, Some(0.5));
        assert_eq!(share.foreign_pressure, None, "whose waits they were is not told");
    }

    #[test]
    fn the_cpu_time_of_a_process_is_read_whatever_its_name() {
        let fields = "S 1 9 9 0 -1 4194560 5 0 0 0 31 11 2 3 20 0 1 0 77 0 0";
        let rows = [
            (format!("9 (jwtbench) {fields}"), Some((42, 5)), "usual"),
            (format!("9 (a) b (c) {fields}"), Some((42, 5)), "brackets and spaces in the name"),
            ("9 (jwtbench) S 1 9".to_owned(), None, "cut short"),
            ("9 (jwtbench) S 1 9 9 0 -1 4194560 5 0 0 0 x 11".to_owned(), None, "no number"),
            (String::new(), None, "nothing"),
        ];
        for (stat, expected, why) in rows {
            assert_eq!(process_ticks(&stat), expected, "{why}");
        }
    }

    /// The kernel reports the work of this thread.
    #[test]
    #[cfg(target_os = "linux")]
    fn the_kernel_tells_of_this_thread() {
        use crate::real::clock::Stopwatch;
        let before = HostReading::take(&[]);
        let stopwatch = Stopwatch::start();
        while stopwatch.elapsed() < Duration::from_millis(60) {
            std::hint::spin_loop();
        }
        let after = HostReading::take(&[]);
        let ran = |reading: &HostReading| reading.threads[&thread_id()].ran_ns;
        assert!(after.own > before.own && ran(&after) > ran(&before), "{after:?}");
        let share = after.since(&before, 60_000_000, &[thread_id()]);
        assert!(share.worker_wait.is_some(), "{share:?}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_worker_that_has_ended_is_still_told_of() {
        let slots = [ThreadSlot::default(), ThreadSlot::default()];
        assert_eq!(slots[0].id(), None, "nobody has begun");
        let id = std::thread::scope(|scope| {
            let worker = scope.spawn(|| {
                slots[0].enter();
                slots[0].leave();
                thread_id()
            });
            worker.join().unwrap()
        });
        assert_eq!(slots[0].id(), Some(id));
        assert!(HostReading::take(&slots).threads.contains_key(&id), "by its slot");
        assert_eq!(HostReading::take(&slots[1..]).threads.get(&id), None, "and by its slot alone");
    }
}
