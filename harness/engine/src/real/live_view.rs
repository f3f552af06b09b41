//! The progress of a round while it runs, for a display that looks now and then. A worker hands
//! over its operations in groups, while it is idle or in time that does not count. Without a
//! display it hands over nothing. The module knows no terminal.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

use jwtbench_scenario::Arrivals;
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::tick::Tick;

use crate::judge::judgement::{Code, Operation, spell};
use crate::jwks::caches::Caches;
use crate::real::clock::RealClock;

/// The time over which rates and percentiles are taken, or the time since the last look if that is
/// longer.
const WINDOW: Duration = Duration::from_secs(1);
/// The bin in which planned arrivals are counted.
const BIN: Duration = Duration::from_millis(100);
/// The shortest gap in which a worker can hand over a piece and still be in time.
const IDLE: Duration = Duration::from_micros(50);
/// The number of operations in a piece, which is some microseconds of work.
const PIECE: usize = 256;
/// The number of operations at which a worker that is never idle hands over.
const BACKLOG: usize = 1024;
/// In a closed loop, one of this many operations counts for the percentiles.
const SAMPLED: usize = 8;
/// The longest response that is recorded, in nanoseconds. Longer ones count as this.
const LONGEST_NS: u64 = 60_000_000_000;

/// A view of the rounds of a command, which run one after the other.
#[derive(Default)]
pub struct LiveView(Mutex<LiveViewState>);

#[derive(Default)]
struct LiveViewState {
    /// The warm-up and measured time of rounds that are over.
    passed: Duration,
    live: Option<Live>,
}

/// The figures of the round that runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LiveFigures {
    /// The phase, or `warm-up`.
    pub phase: String,
    /// The time on the scenario clock; zero in the warm-up.
    pub at: Duration,
    /// The measured time of the round.
    pub length: Duration,
    /// The planned arrivals per second; `None` in a closed loop, which has no planned arrivals.
    pub offered_per_s: Option<f64>,
    /// The verdicts per second.
    pub achieved_per_s: f64,
    /// The median of recent responses in nanoseconds; `None` if there were none.
    pub p50_ns: Option<u64>,
    /// The 99th percentile of recent responses in nanoseconds; `None` if there were none.
    pub p99_ns: Option<u64>,
    /// The verdicts of the round so far, by code, warm-up included.
    pub verdicts: Vec<(&'static str, u64)>,
    /// The attempts to fetch the key set so far; `None` without an endpoint.
    pub fetches: Option<u64>,
}

struct Live {
    clock: RealClock,
    phases: Vec<(Tick, String)>,
    warmup: Duration,
    length: Duration,
    /// Arrivals planned up to the end of each bin, from the start of the warm-up.
    planned: Option<Vec<u64>>,
    meters: Arc<[Meter]>,
    caches: Option<Arc<Caches>>,
    /// The slices taken at the last looks, each with the instant at which it began.
    slices: VecDeque<(Tick, Slice)>,
    looked: Tick,
    verdicts: BTreeMap<Code, u64>,
}

/// The operations of one worker since the last look. It has cache lines of its own, so that only
/// its worker and the display touch them.
#[repr(align(128))]
struct Meter(Mutex<Slice>);

struct Slice {
    codes: BTreeMap<Code, u64>,
    /// Response times in nanoseconds. The histogram has a fixed size, so that no worker allocates.
    responses: Histogram<u64>,
}

impl Slice {
    fn new() -> Slice {
        let responses = Histogram::new_with_bounds(1, LONGEST_NS, 2)
            .expect("2 digits between 1 ns and a minute are within what HdrHistogram allows");
        Slice { codes: BTreeMap::new(), responses }
    }

    fn add(&mut self, other: &Slice) {
        for (code, count) in &other.codes {
            *self.codes.entry(*code).or_default() += count;
        }
        self.responses.add(&other.responses).expect("both of one size");
    }

    fn done(&self) -> u64 {
        self.codes.values().sum()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Meter {
    /// Enters operations, one of `step` into the percentiles. If the display is reading, it returns
    /// false at once and enters nothing.
    fn enter(&self, operations: &[Operation], step: usize) -> bool {
        let Ok(mut slice) = self.0.try_lock() else {
            return false;
        };
        for run in operations.chunk_by(|one, next| one.verdict.code == next.verdict.code) {
            *slice.codes.entry(run[0].verdict.code).or_default() += run.len() as u64;
        }
        for operation in operations.iter().step_by(step) {
            let response = operation.response().as_nanos();
            slice.responses.saturating_record(u64::try_from(response).unwrap_or(LONGEST_NS));
        }
        true
    }
}

/// A worker's meter, and the number of operations that the worker has handed over to it.
pub(crate) struct Account<'m> {
    meter: &'m Meter,
    handed: usize,
}

impl Account<'_> {
    /// Hands over a piece between two operations of an open loop, if the gap to the next one has
    /// room for it or too much has gathered.
    pub(crate) fn hand_over(&mut self, operations: &[Operation], gap: Duration) {
        let left = operations.len() - self.handed;
        let limit = if gap >= IDLE { PIECE } else { BACKLOG };
        if left == 0 || (gap < IDLE && left < BACKLOG) {
            return;
        }
        let piece = &operations[self.handed..][..left.min(limit)];
        if self.meter.enter(piece, 1) {
            self.handed += piece.len();
        }
    }

    /// Hands over a chunk of a closed loop, in time that does not count.
    pub(crate) fn hand_over_chunk(&mut self, operations: &[Operation]) {
        self.meter.enter(operations, SAMPLED);
    }
}

/// One round with or without a view. The round is over on drop.
pub(crate) struct Viewing<'w> {
    watch: Option<&'w LiveView>,
    planned: Option<Vec<u64>>,
    meters: Arc<[Meter]>,
}

impl<'w> Viewing<'w> {
    /// Prepares a round, before its clock is set.
    pub(crate) fn prepare(watch: Option<&'w LiveView>, plan: &Plan) -> Viewing<'w> {
        let load = &plan.scenario.load;
        let workers = if watch.is_some() { load.workers } else { 0 };
        let is_open = load.arrivals != Arrivals::Closed && watch.is_some();
        Viewing {
            watch,
            planned: is_open.then(|| planned(plan)),
            meters: (0..workers).map(|_| Meter(Mutex::new(Slice::new()))).collect(),
        }
    }

    /// Begins the round. `caches` are given if keys travel.
    pub(crate) fn begin(&mut self, plan: &Plan, clock: RealClock, caches: Option<&Arc<Caches>>) {
        let Some(watch) = self.watch else { return };
        let scenario = &plan.scenario;
        let phases = scenario.phases.iter().enumerate();
        let live = Live {
            clock,
            phases: phases.map(|(at, phase)| (plan.phase_span(at).0, phase.name.clone())).collect(),
            warmup: scenario.load.warmup,
            length: scenario.load.duration,
            planned: self.planned.take(),
            meters: Arc::clone(&self.meters),
            caches: caches.map(Arc::clone),
            slices: VecDeque::new(),
            looked: Tick::ZERO - scenario.load.warmup,
            verdicts: BTreeMap::new(),
        };
        lock(&watch.0).live = Some(live);
    }

    /// The account of a worker; `None` without a view.
    pub(crate) fn account(&self, worker: usize) -> Option<Account<'_>> {
        self.meters.get(worker).map(|meter| Account { meter, handed: 0 })
    }
}

impl Drop for Viewing<'_> {
    fn drop(&mut self) {
        if let Some(watch) = self.watch {
            let mut state = lock(&watch.0);
            if let Some(live) = state.live.take() {
                state.passed += live.warmup + live.length;
            }
        }
    }
}

/// The number of arrivals planned up to the end of each bin.
fn planned(plan: &Plan) -> Vec<u64> {
    let load = &plan.scenario.load;
    let bins = (load.warmup + load.duration).as_nanos() / BIN.as_nanos() + 1;
    let mut counts = vec![0; bins as usize];
    let first = Tick::ZERO - load.warmup;
    for arrival in plan.schedules.iter().flatten() {
        let bin = (arrival.at.since(first).as_nanos() / BIN.as_nanos()) as usize;
        if let Some(count) = counts.get_mut(bin) {
            *count += 1;
        }
    }
    let mut total = 0;
    for count in &mut counts {
        total += *count;
        *count = total;
    }
    counts
}

impl LiveView {
    /// The present figures of the round that runs; `None` if none does.
    pub fn look(&self) -> Option<LiveFigures> {
        lock(&self.0).live.as_mut().map(Live::look)
    }

    /// Adds the time of rounds that could not be shown one by one.
    pub fn pass(&self, span: Duration) {
        lock(&self.0).passed += span;
    }

    /// The warm-up and measured time of all rounds so far.
    pub fn passed(&self) -> Duration {
        let state = lock(&self.0);
        let running = state.live.as_ref().map(|live| {
            let since = live.clock.now().since(Tick::ZERO - live.warmup);
            since.min(live.warmup + live.length)
        });
        state.passed + running.unwrap_or_default()
    }
}

impl Live {
    fn look(&mut self) -> LiveFigures {
        let now = self.clock.now();
        let mut slice = Slice::new();
        for meter in self.meters.iter() {
            let fresh = Slice::new();
            let taken = std::mem::replace(&mut *lock(&meter.0), fresh);
            slice.add(&taken);
        }
        for (code, count) in &slice.codes {
            *self.verdicts.entry(*code).or_default() += count;
        }
        self.slices.push_back((self.looked, slice));
        self.looked = now;
        while self.slices.len() > 1 && self.slices.front().is_some_and(|(at, _)| *at + WINDOW < now)
        {
            self.slices.pop_front();
        }
        let mut lately = Slice::new();
        self.slices.iter().for_each(|(_, slice)| lately.add(slice));
        let since = self.slices.front().map_or(now, |(at, _)| *at);
        let seconds = now.since(since).as_secs_f64().max(1e-3);
        let at_quantile = |quantile: f64| {
            let responses = &lately.responses;
            (!responses.is_empty()).then(|| responses.value_at_quantile(quantile))
        };
        let phase = self.phases.iter().rev().find(|(at, _)| *at <= now);
        let verdicts = self.verdicts.iter().map(|(code, count)| (spell(*code), *count));
        LiveFigures {
            phase: phase.map_or("warm-up", |(_, name)| name).to_owned(),
            at: now.since(Tick::ZERO).min(self.length),
            length: self.length,
            offered_per_s: self.offered(since, now),
            achieved_per_s: lately.done() as f64 / seconds,
            p50_ns: at_quantile(0.5),
            p99_ns: at_quantile(0.99),
            verdicts: verdicts.collect(),
            fetches: self.caches.as_ref().map(|caches| caches.counters().attempts),
        }
    }

    /// The planned arrivals per second between two instants, in whole bins.
    fn offered(&self, from: Tick, to: Tick) -> Option<f64> {
        let planned = self.planned.as_ref()?;
        let first = Tick::ZERO - self.warmup;
        let bin = |at: Tick| (at.since(first).as_nanos() / BIN.as_nanos()) as usize;
        let until = |bin: usize| match bin.min(planned.len()) {
            0 => 0,
            bin => planned[bin - 1],
        };
        let (from, to) = (bin(from), bin(to).max(bin(from) + 1));
        let seconds = BIN.as_secs_f64() * (to - from) as f64;
        Some((until(to) - until(from)) as f64 / seconds)
    }
}

#[cfg(test)]
mod tests {
    use jwtbench_scenario::model::place::{PhasePlace, StreamPlace, TokenPlace};
    use jwtbench_verifier::rejection::Rejection;
    use jwtbench_verifier::verdict::Verdict;

    use super::*;

    fn operations(count: i64, code: Code) -> Vec<Operation> {
        let operation = |number: i64| Operation {
            token: TokenPlace(0),
            stream: StreamPlace(0),
            phase: PhasePlace(0),
            intended: Tick(0),
            wait_ns: 0,
            late_ns: 0,
            start: Tick(0),
            end: Tick((number + 1) * 1_000),
            verdict: Verdict::new(code, Tick(0), None),
        };
        (0..count).map(operation).collect()
    }

    /// A worker hands over a piece if there is time for it, and a backlog if there never is. It
    /// hands over nothing twice.
    #[test]
    fn a_worker_hands_over_when_it_may() {
        let (short, long) = (Duration::from_micros(20), Duration::from_millis(1));
        let rows = [
            (0, long, 0, "nothing to hand over"),
            (100, long, 100, "idle"),
            (1000, long, 256, "idle, and no longer than a piece takes"),
            (100, short, 0, "no time"),
            (1023, short, 0, "no time, and it can wait"),
            (1024, Duration::ZERO, 1024, "late, and it cannot wait"),
            (5000, Duration::ZERO, 1024, "late: a bounded piece"),
        ];
        for (count, gap, expected, why) in rows {
            let meter = Meter(Mutex::new(Slice::new()));
            let mut account = Account { meter: &meter, handed: 0 };
            account.hand_over(&operations(count, Ok(())), gap);
            assert_eq!(account.handed, expected, "{why}");
            assert_eq!(lock(&meter.0).done(), expected as u64, "{why}");
        }
    }

    #[test]
    fn what_was_not_taken_is_handed_over_later_and_once() {
        let meter = Meter(Mutex::new(Slice::new()));
        let mut account = Account { meter: &meter, handed: 0 };
        let mut all = operations(200, Ok(()));
        all.extend(operations(100, Err(Rejection::Expired)));
        let looking = lock(&meter.0);
        account.hand_over(&all, Duration::from_millis(1));
        assert_eq!(account.handed, 0, "it does not wait for who looks");
        drop(looking);
        (0..5).for_each(|_| account.hand_over(&all, Duration::from_millis(1)));
        let slice = lock(&meter.0);
        let counts: Vec<u64> = slice.codes.values().copied().collect();
        assert_eq!(counts, [200, 100]);
        assert_eq!(slice.responses.len(), 300);
        assert!(slice.responses.max().abs_diff(200_000) < 2_000, "responses, in nanoseconds");
    }

    #[test]
    fn a_closed_loop_counts_all_and_samples_some() {
        let meter = Meter(Mutex::new(Slice::new()));
        let mut account = Account { meter: &meter, handed: 0 };
        account.hand_over_chunk(&operations(4096, Ok(())));
        let slice = lock(&meter.0);
        assert_eq!((slice.done(), slice.responses.len()), (4096, 512));
    }
}
