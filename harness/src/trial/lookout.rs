//! A thread that watches the host during a round: readings at the edges of the windows, and how
//! late it wakes from a sleep. Knows neither contender nor operations.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jwtbench_verifier::tick::Tick;

use crate::result::noise::Hiccups;

use super::clock::{RealClock, overshoot, pause, thread_cpu_time, tighten_timer};
use super::host::{HostReading, ThreadSlot};

/// How long the thread sleeps to see how late it wakes.
const SLEEP: Duration = Duration::from_millis(1);
/// The rest of the time until it does so again: the thread must cost next to nothing.
const REST: Duration = Duration::from_millis(9);

/// What it saw.
pub(super) struct Watched {
    /// The host at each edge.
    pub(super) readings: Vec<HostReading>,
    /// Overshoots in nanoseconds.
    pub(super) hiccups: Vec<u64>,
    /// How many of them there were at each edge.
    pub(super) hiccups_at: Vec<usize>,
    /// CPU time that watching cost.
    pub(super) cpu: Duration,
    /// How many rounds shared the time, each watched by a thread of its own.
    pub(super) lanes: u32,
    /// Ids of the worker threads.
    pub(super) workers: Vec<u32>,
    /// Time of the control kernel before the round or its turns, in nanoseconds.
    pub(super) kernel_ns: u64,
}

impl Watched {
    /// The hiccups between two edges, by their numbers; `None` if there were none.
    pub(super) fn hiccups_between(&self, from: usize, until: usize) -> Option<Hiccups> {
        let (from, until) = (*self.hiccups_at.get(from)?, *self.hiccups_at.get(until)?);
        Hiccups::of(&self.hiccups[from..until])
    }
}

/// Watches until the last edge, or until it is over; workers say in slots who they are.
pub(super) fn watch(
    clock: RealClock,
    (edges, slots): (&[Tick], &[ThreadSlot]),
    lanes: u32,
    is_over: &AtomicBool,
) -> Watched {
    tighten_timer();
    let mut watched = Watched {
        readings: Vec::with_capacity(edges.len()),
        hiccups: Vec::new(),
        hiccups_at: Vec::with_capacity(edges.len()),
        cpu: Duration::ZERO,
        lanes,
        workers: Vec::new(),
        kernel_ns: 0,
    };
    for edge in edges {
        while clock.now() < *edge && !is_over.load(Ordering::Relaxed) {
            let left = edge.since(clock.now());
            if left > SLEEP {
                let late = overshoot(SLEEP).as_nanos();
                if !watched.readings.is_empty() {
                    watched.hiccups.push(u64::try_from(late).unwrap_or(u64::MAX));
                }
            }
            pause(edge.since(clock.now()).min(REST * lanes));
        }
        watched.readings.push(HostReading::take(slots));
        watched.hiccups_at.push(watched.hiccups.len());
    }
    watched.workers = slots.iter().filter_map(ThreadSlot::id).collect();
    watched.cpu = thread_cpu_time();
    watched
}
