//! One worker: one thread, one contender, one recorder. An operation that waits is parked and does
//! not hold up the next; late operations run at once and none is skipped.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::Verdict;

use crate::contender::{Contender, Presented, Progress};
use crate::result::capacity::Service;
use crate::result::judgement::{Judge, Operation};
use crate::result::ledger::Ledger;
use crate::result::window::Offer;
use crate::scenario::plan::{Arrival, WARMUP};

use super::clock::{RealClock, pause, stay_on, thread_cpu_time, tighten_timer};
use super::host::ThreadReading;
use super::kernel::Kernel;
use super::plant::STARVED;
use super::rota::Seat;
use super::watch::Account;

/// A worker records this many services of a round at the most.
const MAX_SERVICES: usize = 1 << 20;
/// A turn is preceded by this part of its length as a warm-up.
const TURN_WARMUP: u32 = 10;

/// What one worker did.
#[derive(Default)]
pub(super) struct Shift {
    /// Operations with a verdict, not yet judged.
    pub(super) operations: Vec<Operation>,
    /// Every arrival of an open loop, in the order of the schedule, warm-up included.
    pub(super) offers: Vec<Offer>,
    /// The control kernel's times before its turns, in nanoseconds; of a lane's first member only.
    pub(super) kernel_ns: Vec<u64>,
    /// What the scheduler did to the worker.
    pub(super) thread: ThreadReading,
    /// Operations already judged.
    pub(super) ledger: Ledger,
    /// Services of a closed loop, where they are to be recorded.
    pub(super) services: Vec<Service>,
    /// Service times of the measured operations of each turn, in nanoseconds.
    pub(super) turns: Vec<Vec<u64>>,
    /// Operations planned, warm-up excluded.
    pub(super) planned: u64,
    /// Operations dropped as too late, warm-up excluded.
    pub(super) shed: u64,
    /// Operations without a verdict, warm-up excluded.
    pub(super) unfinished: u64,
    /// Time at work on measured operations.
    pub(super) active: Duration,
    /// CPU time in `active`; `None` in an open loop, where a worker spins between operations.
    pub(super) cpu: Option<Duration>,
    /// It was told to stop.
    pub(super) interrupted: bool,
}

/// What a worker works with.
pub(super) struct Post<'a, 'c> {
    pub(super) contender: &'a mut dyn Contender<'c>,
    pub(super) schedule: &'a [Arrival],
    pub(super) texts: &'c [&'c [u8]],
    pub(super) clock: RealClock,
    pub(super) stop: &'a AtomicBool,
    /// Whether a closed loop records its services.
    pub(super) records_services: bool,
    /// An arrival later than this is shed.
    pub(super) shed_after: Option<Duration>,
    /// Whether the generator is starved on purpose.
    pub(super) is_starved: bool,
    /// How long the first turn is, where it takes turns.
    pub(super) warmup: Duration,
    /// End of the measured time.
    pub(super) end: Tick,
    /// How long to wait after the end for operations that wait for keys.
    pub(super) grace: Duration,
    /// Where it says how it goes, if somebody watches.
    pub(super) account: Option<Account<'a>>,
}

/// Operations under way: their arrival and start, by operation number.
struct Pending {
    begun: Vec<(Arrival, Tick)>,
    /// From when on the worker has nothing else to do.
    free: Tick,
    done: Vec<(u32, Verdict)>,
}

fn finished(arrival: &Arrival, start: Tick, end: Tick, verdict: Verdict) -> Operation {
    let Arrival { at, stream, phase, token } = *arrival;
    Operation { token, stream, phase, intended: at, start, end, verdict }
}

impl<'c> Post<'_, 'c> {
    fn begin(&mut self, number: u32, arrival: &Arrival, start: Tick) -> Progress {
        let place = arrival.token;
        let bytes = self.texts[place as usize];
        self.contender.begin(number, Presented { place, bytes }, start)
    }

    /// Enters operations that have been woken.
    fn collect(&mut self, pending: &mut Pending, into: &mut Vec<Operation>) {
        let is_due = |at| self.clock.now() >= at;
        if !self.contender.is_woken() && !self.contender.deadline().is_some_and(is_due) {
            return;
        }
        self.resume(pending, into);
    }

    fn resume(&mut self, pending: &mut Pending, into: &mut Vec<Operation>) {
        self.contender.resume(self.clock.now(), &mut pending.done);
        let end = self.clock.now();
        pending.free = end;
        for (number, verdict) in pending.done.drain(..) {
            let (arrival, start) = pending.begun[number as usize];
            into.push(finished(&arrival, start, end, verdict));
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Follows the schedule. Latency counts from the intended start.
    pub(super) fn open_loop(mut self) -> Shift {
        tighten_timer();
        let schedule = self.schedule;
        let measured = |phase: u16| u64::from(phase != WARMUP);
        let mut shift = Shift {
            operations: Vec::with_capacity(schedule.len()),
            offers: Vec::with_capacity(schedule.len()),
            active: self.end.since(Tick::ZERO),
            planned: schedule.iter().map(|arrival| measured(arrival.phase)).sum(),
            ..Shift::default()
        };
        let mut pending = Pending {
            begun: Vec::with_capacity(schedule.len()),
            free: self.clock.now(),
            done: Vec::new(),
        };
        for (number, arrival) in (0u32..).zip(schedule) {
            self.wait(arrival, &mut pending, &mut shift.operations);
            if self.is_stopped() {
                shift.interrupted = true;
                break;
            }
            let (free, start) = (pending.free, self.clock.now());
            let is_shed = self.shed_after.is_some_and(|after| start.since(arrival.at) > after);
            pending.begun.push((*arrival, start));
            pending.free = start;
            if is_shed {
                shift.shed += measured(arrival.phase);
            } else {
                let progress = self.begin(number, arrival, start);
                pending.free = self.clock.now();
                if let Progress::Done(verdict) = progress {
                    shift.operations.push(finished(arrival, start, pending.free, verdict));
                }
            }
            let (intended, free, start) = (arrival.at.0, free.0, start.0);
            let offer = Offer { intended, free, start, released: pending.free.0, is_shed };
            shift.offers.push(offer);
        }
        self.drain(&mut pending, &mut shift);
        let done: u64 = shift.operations.iter().map(|operation| measured(operation.phase)).sum();
        shift.unfinished = shift.planned - shift.shed - done;
        shift.thread = ThreadReading::take();
        shift
    }

    /// Waits for an arrival, ends operations that have been woken meanwhile.
    fn wait(&mut self, arrival: &Arrival, pending: &mut Pending, done: &mut Vec<Operation>) {
        loop {
            self.collect(pending, done);
            let now = self.clock.now();
            if let Some(account) = &mut self.account {
                account.hand_over(done, arrival.at.since(now));
            }
            if now >= arrival.at || self.is_stopped() {
                break;
            }
            self.clock.approach(arrival.at);
        }
        if self.is_starved {
            pause(STARVED);
        }
    }

    fn drain(&mut self, pending: &mut Pending, shift: &mut Shift) {
        let until = self.clock.now().max(self.end) + self.grace;
        while self.contender.waiting() > 0 && self.clock.now() < until && !self.is_stopped() {
            self.collect(pending, &mut shift.operations);
            self.clock.approach(until);
        }
        self.collect(pending, &mut shift.operations);
    }

    /// Goes round its cycle as fast as it can, one operation after the other, until the end, or
    /// turn by turn where it has a seat.
    pub(super) fn closed_loop(mut self, judge: &Judge<'_>, seat: Option<Seat<'_>>) -> Shift {
        let mut shift = Shift::default();
        let mut cycle = self.schedule.iter().cycle();
        match seat {
            None => {
                let end = self.end;
                self.stretch(judge, &mut shift, &mut cycle, (Tick::ZERO, end));
                self.cover(judge, &mut shift);
            }
            Some(seat) => self.turns(judge, &mut shift, &mut cycle, seat),
        }
        shift.interrupted = self.is_stopped();
        shift.thread = ThreadReading::take();
        shift
    }

    /// The same in turns. Each begins with the control kernel and a warm-up, since another worker
    /// had the processor; the first is the warm-up of the scenario, so that by the second all lanes
    /// are set up.
    fn turns<'s>(
        &mut self,
        judge: &Judge<'_>,
        shift: &mut Shift,
        cycle: &mut impl Iterator<Item = &'s Arrival>,
        mut seat: Seat<'_>,
    ) {
        stay_on(seat.processor());
        let kernel = Kernel::new();
        while seat.wait(self.stop) {
            if seat.is_first_turn() {
                let until = self.clock.now() + self.warmup;
                self.stretch(judge, shift, cycle, (until, until));
                seat.pass();
                continue;
            }
            if seat.is_first_member() {
                shift.kernel_ns.push(kernel.run_ns());
            }
            let from = self.clock.now() + seat.length() / TURN_WARMUP;
            shift.turns.push(Vec::new());
            self.stretch(judge, shift, cycle, (from, from + seat.length()));
            if seat.is_last() {
                self.cover(judge, shift);
            }
            seat.pass();
        }
    }

    /// Works until the end of the span; what begins before it is warm-up. Judges in between, in
    /// time that does not count.
    fn stretch<'s>(
        &mut self,
        judge: &Judge<'_>,
        shift: &mut Shift,
        cycle: &mut impl Iterator<Item = &'s Arrival>,
        (from, until): (Tick, Tick),
    ) {
        const CHUNK: usize = 4096;
        let mut operations: Vec<Operation> = Vec::with_capacity(CHUNK);
        let free = self.clock.now();
        let mut pending = Pending { begun: Vec::with_capacity(CHUNK), free, done: Vec::new() };
        while self.clock.now() < until && !self.is_stopped() {
            let begin = self.clock.now();
            let mut now = begin;
            // Read where the measured time begins, which may be within a chunk.
            let mut cpu_before = (begin >= from).then(thread_cpu_time);
            while operations.len() + pending.begun.len() < CHUNK && now < until {
                let Some(arrival) = cycle.next() else { break };
                let phase = if now < from { WARMUP } else { arrival.phase };
                if phase != WARMUP && cpu_before.is_none() {
                    cpu_before = Some(thread_cpu_time());
                }
                let arrival = Arrival { at: now, phase, ..*arrival };
                let number = pending.begun.len() as u32;
                match self.begin(number, &arrival, now) {
                    Progress::Done(verdict) => {
                        let end = self.clock.now();
                        operations.push(finished(&arrival, now, end, verdict));
                        now = end;
                    }
                    Progress::Waiting => {
                        pending.begun.push((arrival, now));
                        now = self.clock.now();
                    }
                }
                if self.contender.waiting() > 0 {
                    self.collect(&mut pending, &mut operations);
                }
            }
            if self.contender.deadline().is_some() {
                // The rest of a batch is work of this stretch, and nobody is left to wait for.
                self.resume(&mut pending, &mut operations);
                now = self.clock.now();
            }
            shift.active += now.since(begin.max(from));
            if let Some(before) = cpu_before {
                let used = thread_cpu_time().saturating_sub(before);
                *shift.cpu.get_or_insert_default() += used;
            }
            while self.contender.waiting() > 0 && !self.is_stopped() {
                self.collect(&mut pending, &mut operations);
                self.clock.approach(self.clock.now() + Duration::from_millis(1));
            }
            pending.begun.clear();
            if let Some(account) = &mut self.account {
                account.hand_over_chunk(&operations);
            }
            self.enter(judge, shift, &mut operations);
        }
    }

    /// Judges operations of a closed loop and enters them.
    fn enter(&self, judge: &Judge<'_>, shift: &mut Shift, operations: &mut Vec<Operation>) {
        for operation in operations.drain(..) {
            let is_measured = operation.phase != WARMUP;
            shift.planned += u64::from(is_measured);
            if is_measured && self.records_services && shift.services.len() < MAX_SERVICES {
                shift.services.push(Service::of(&operation));
            }
            if let Some(turn) = shift.turns.last_mut().filter(|_| is_measured) {
                let service = operation.end.since(operation.start).as_nanos();
                turn.push(u64::try_from(service).unwrap_or(u64::MAX));
            }
            shift.ledger.enter(judge, &operation);
        }
    }

    /// Gives a verdict to every token of the cycle that the measured time did not reach, so that
    /// the verdict stream covers the plan however slow the machine is. Counts for conformance only.
    fn cover(&mut self, judge: &Judge<'_>, shift: &mut Shift) {
        let mut seen: HashSet<u32> = shift.ledger.given.iter().map(|(token, _)| *token).collect();
        let free = self.clock.now();
        let mut pending = Pending { begun: Vec::new(), free, done: Vec::new() };
        let mut operations = Vec::new();
        for arrival in self.schedule.iter().filter(|arrival| seen.insert(arrival.token)) {
            if self.is_stopped() {
                break;
            }
            let now = self.clock.now();
            let arrival = Arrival { at: now, phase: WARMUP, ..*arrival };
            match self.begin(0, &arrival, now) {
                Progress::Done(verdict) => {
                    operations.push(finished(&arrival, now, self.clock.now(), verdict));
                }
                Progress::Waiting => pending.begun = vec![(arrival, now)],
            }
            while self.contender.waiting() > 0 && !self.is_stopped() {
                self.collect(&mut pending, &mut operations);
                self.clock.approach(self.clock.now() + Duration::from_millis(1));
            }
        }
        operations.iter().for_each(|operation| shift.ledger.enter(judge, operation));
    }
}
