//! A thread that watches the host during a round. It takes readings at the edges of the windows,
//! measures how late it wakes from a sleep, and detects pauses of the whole process. It knows
//! neither contenders nor operations.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jwtbench_result::host::noise::Hiccups;
use jwtbench_verifier::tick::Tick;

use crate::real::clock::{Pause, RealClock, overshoot, thread_cpu_time, tighten_timer};
use crate::real::host::{HostReading, ThreadReading, ThreadSlot};
use crate::real::turns::Lane;

/// The length of the sleep after which lateness is measured.
const SLEEP: Duration = Duration::from_millis(1);
/// The rest before the next such sleep, as the thread must cost almost nothing.
const REST: Duration = Duration::from_millis(9);
/// The shortest lateness that counts as a pause of the process, if the thread did not wait for a
/// processor meanwhile. On an idle machine the thread was at most 3.9 ms late.
const SHORTEST_PAUSE: Duration = Duration::from_millis(10);

/// The samples of one round.
pub(crate) struct HostSamples {
    /// The host at each edge.
    pub(crate) readings: Vec<HostReading>,
    /// Overshoots in nanoseconds.
    pub(crate) hiccups: Vec<u64>,
    /// The number of overshoots at each edge.
    pub(crate) hiccups_at: Vec<usize>,
    /// Spans in which the process stood still.
    pub(crate) pauses: Vec<Pause>,
    /// The CPU time that watching cost.
    pub(crate) cpu: Duration,
    /// How many rounds shared the time, each watched by a thread of its own.
    pub(crate) lanes: u32,
    /// Ids of the worker threads.
    pub(crate) workers: Vec<u32>,
    /// The time of the control kernel before the round or its turns, in nanoseconds.
    pub(crate) kernel_ns: u64,
}

impl HostSamples {
    /// The hiccups between two edges, given by their numbers; `None` if there were none.
    pub(crate) fn hiccups_between(&self, from: usize, until: usize) -> Option<Hiccups> {
        let (from, until) = (*self.hiccups_at.get(from)?, *self.hiccups_at.get(until)?);
        Hiccups::of(&self.hiccups[from..until])
    }
}

/// Distinguishes the time for which a thread was stopped from the time for which it waited for a
/// processor.
struct Standstill {
    /// The time in the run queue at the last reading; `None` if the kernel does not give it.
    queued_ns: Option<u64>,
}

impl Standstill {
    fn new() -> Standstill {
        Standstill { queued_ns: ThreadReading::run_queue_ns() }
    }

    /// The pause of the process, if there was one, after the calling thread woke `late`.
    fn behind(&mut self, late: Duration) -> Option<Pause> {
        if late < SHORTEST_PAUSE {
            return None;
        }
        let now = ThreadReading::run_queue_ns()?;
        let queued = now.saturating_sub(self.queued_ns.replace(now)?);
        let stood = late.saturating_sub(Duration::from_nanos(queued));
        (stood >= SHORTEST_PAUSE).then(|| Pause::just_over(stood))?
    }
}

/// Watches until the last edge, or until `is_over` is set. `slots` have the ids of the workers'
/// threads.
pub(crate) fn watch(
    clock: RealClock,
    (edges, slots): (&[Tick], &[ThreadSlot]),
    lane: Option<&Lane<'_>>,
    is_over: &AtomicBool,
) -> HostSamples {
    tighten_timer();
    let lanes = lane.map_or(1, Lane::lanes);
    let (mut standstill, mut pauses) = (Standstill::new(), Vec::new());
    let mut watched = HostSamples {
        readings: Vec::with_capacity(edges.len()),
        hiccups: Vec::new(),
        hiccups_at: Vec::with_capacity(edges.len()),
        pauses: Vec::new(),
        cpu: Duration::ZERO,
        lanes,
        workers: Vec::new(),
        kernel_ns: 0,
    };
    let mut note = |pause: Pause| match lane {
        Some(lane) => lane.note_pause(pause),
        None => pauses.push(pause),
    };
    for edge in edges {
        while clock.now() < *edge && !is_over.load(Ordering::Relaxed) {
            let left = edge.since(clock.now());
            if left > SLEEP {
                let late = overshoot(SLEEP);
                standstill.behind(late).into_iter().for_each(&mut note);
                if !watched.readings.is_empty() {
                    watched.hiccups.push(u64::try_from(late.as_nanos()).unwrap_or(u64::MAX));
                }
            }
            let late = overshoot(edge.since(clock.now()).min(REST * lanes));
            standstill.behind(late).into_iter().for_each(&mut note);
        }
        standstill = Standstill::new();
        watched.readings.push(HostReading::take(slots));
        watched.hiccups_at.push(watched.hiccups.len());
    }
    watched.pauses = pauses;
    watched.workers = slots.iter().filter_map(ThreadSlot::id).collect();
    watched.cpu = thread_cpu_time();
    watched
}
