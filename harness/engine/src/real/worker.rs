//! A worker: one thread with one contender. An operation that waits is parked and does not delay
//! the next one. Late operations run at once, and none is skipped unless the scenario sheds late
//! arrivals.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jwtbench_result::capacity::Service;
use jwtbench_result::host::window::Offer;
use jwtbench_result::latency::lindley::PunctualWorker;
use jwtbench_scenario::model::place::{PhasePlace, TokenPlace};
use jwtbench_scenario::plan::Arrival;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::Verdict;

use crate::contender::{Contender, Presented, Progress};
use crate::judge::judgement::{Judge, Operation};
use crate::judge::ledger::Ledger;
use crate::jwks::host_fault::HostFaults;
use crate::real::clock::{RealClock, stay_on, thread_cpu_time, tighten_timer};
use crate::real::host::{ThreadReading, ThreadSlot};
use crate::real::kernel::Kernel;
use crate::real::live_view::Account;
use crate::real::stalled::STARVED;
use crate::real::turns::WorkerTurns;

/// The most services that a worker records of a round.
const MAX_SERVICES: usize = 1 << 20;
/// The most operations of a closed loop that wait together; the next one waits for them. Otherwise
/// a policy that keeps no key would let a whole chunk wait for longer than the measured time. A
/// batch is no larger.
const MAX_WAITING: usize = 64;
/// The divisor of a turn's length that gives its warm-up.
const TURN_WARMUP: u32 = 10;

/// The record of one worker.
#[derive(Default)]
pub(crate) struct WorkerRecord {
    /// Operations with a verdict, not yet judged.
    pub(crate) operations: Vec<Operation>,
    /// Every arrival of an open loop, in the order of the schedule, warm-up included.
    pub(crate) offers: Vec<Offer>,
    /// The times of the control kernel before the worker's turns, in nanoseconds. Only the first
    /// member of a lane has them.
    pub(crate) kernel_ns: Vec<u64>,
    /// The waits of the worker's thread.
    pub(crate) thread: ThreadReading,
    /// The time in the worker's turns, and the part of it without a CPU in nanoseconds. `None` if
    /// the worker takes no turns, or if the kernel does not give the time.
    pub(crate) in_turns: Option<(Duration, u64)>,
    /// The beginning and end of each of its turns with measured operations.
    pub(crate) spans: Vec<(Tick, Tick)>,
    /// Operations already judged.
    pub(crate) ledger: Ledger,
    /// Services of a closed loop, if they are recorded.
    pub(crate) services: Vec<Service>,
    /// Service times of the measured operations of each turn, in nanoseconds.
    pub(crate) turns: Vec<Vec<u64>>,
    /// The number of operations planned, warm-up excluded.
    pub(crate) planned: u64,
    /// The number of operations dropped as too late, warm-up excluded.
    pub(crate) shed: u64,
    /// The number of operations without a verdict, warm-up excluded.
    pub(crate) unfinished: u64,
    /// The time at work on measured operations.
    pub(crate) active: Duration,
    /// The CPU time in `active`; `None` in an open loop, where a worker spins between operations.
    pub(crate) cpu: Option<Duration>,
    /// Whether the worker was told to stop.
    pub(crate) interrupted: bool,
}

/// The setup of a worker.
pub(crate) struct WorkerSetup<'a, 'c> {
    pub(crate) contender: &'a mut dyn Contender<'c>,
    pub(crate) schedule: &'a [Arrival],
    pub(crate) texts: &'c [&'c [u8]],
    pub(crate) clock: RealClock,
    pub(crate) stop: &'a AtomicBool,
    /// Limits of this host, which also end the round.
    pub(crate) host: &'a HostFaults,
    /// Whether a closed loop records its services.
    pub(crate) records_services: bool,
    /// The lateness beyond which an arrival is shed.
    pub(crate) shed_after: Option<Duration>,
    /// Whether the generator is starved on purpose.
    pub(crate) is_starved: bool,
    /// The length of the first turn, if the worker takes turns.
    pub(crate) warmup: Duration,
    /// The end of the measured time.
    pub(crate) end: Tick,
    /// The longest time to wait after the end for operations that wait for keys.
    pub(crate) grace: Duration,
    /// The account for the live view; `None` without a view.
    pub(crate) account: Option<Account<'a>>,
    /// The slot in which the worker enters its thread's id.
    pub(crate) slot: &'a ThreadSlot,
}

/// An operation that has begun.
#[derive(Clone, Copy)]
struct StartedOperation {
    arrival: Arrival,
    start: Tick,
    /// The times of the same names in [`Operation`].
    wait_ns: u64,
    late_ns: u64,
}

impl StartedOperation {
    /// An operation that begins when it arrives, as in a closed loop.
    fn at_once(arrival: Arrival, start: Tick) -> StartedOperation {
        StartedOperation { arrival, start, wait_ns: 0, late_ns: 0 }
    }

    fn finished(&self, end: Tick, verdict: Verdict) -> Operation {
        let StartedOperation {
            arrival: Arrival { at: intended, stream, phase, token }, start, ..
        } = *self;
        let StartedOperation { wait_ns, late_ns, .. } = *self;
        Operation { token, stream, phase, intended, wait_ns, late_ns, start, end, verdict }
    }
}

/// Operations under way, by operation number.
struct Pending {
    begun: Vec<StartedOperation>,
    /// The instant from which the worker has nothing else to do.
    free: Tick,
    /// A model of the worker in which every arrival is offered in time.
    punctual: PunctualWorker,
    /// The instant at which the next operation should start, if that is planned.
    next: Tick,
    done: Vec<(u32, Verdict)>,
}

impl Pending {
    /// An empty state: no operation is under way.
    fn new(free: Tick, room: usize) -> Pending {
        let (punctual, done) = (PunctualWorker::default(), Vec::new());
        Pending { begun: Vec::with_capacity(room), free, punctual, next: Tick::MAX, done }
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

impl<'c> WorkerSetup<'_, 'c> {
    fn begin(&mut self, number: u32, arrival: &Arrival, start: Tick) -> Progress {
        let place = arrival.token;
        let bytes = self.texts[place.index()];
        self.contender.begin(number, Presented { place, bytes }, start)
    }

    /// Collects operations that have been woken.
    fn collect(&mut self, pending: &mut Pending, into: &mut Vec<Operation>) {
        let is_due = |at| self.clock.now() >= at;
        if !self.contender.is_woken() && !self.contender.deadline().is_some_and(is_due) {
            return;
        }
        self.resume(pending, into);
    }

    fn resume(&mut self, pending: &mut Pending, into: &mut Vec<Operation>) {
        let start = self.clock.now();
        self.contender.resume(start, &mut pending.done);
        let end = self.clock.now();
        pending.free = end;
        // A generator without lateness would not have let the next arrival wait until now.
        pending.punctual.interrupt(start.min(pending.next).0, nanos(end.since(start)));
        for (number, verdict) in pending.done.drain(..) {
            into.push(pending.begun[number as usize].finished(end, verdict));
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.host.first().is_some()
    }

    /// Follows the schedule of an open loop. [`Operation::response`] defines the response.
    pub(crate) fn open_loop(mut self) -> WorkerRecord {
        tighten_timer();
        self.slot.enter();
        let schedule = self.schedule;
        let measured = |phase: PhasePlace| u64::from(!phase.is_warmup());
        let mut record = WorkerRecord {
            operations: Vec::with_capacity(schedule.len()),
            offers: Vec::with_capacity(schedule.len()),
            active: self.end.since(Tick::ZERO),
            planned: schedule.iter().map(|arrival| measured(arrival.phase)).sum(),
            ..WorkerRecord::default()
        };
        let mut pending = Pending::new(self.clock.now(), schedule.len());
        for (number, arrival) in (0u32..).zip(schedule) {
            self.wait(arrival, &mut pending, &mut record.operations);
            if self.is_stopped() {
                record.interrupted = true;
                break;
            }
            let (intended, free, start) = (arrival.at.0, pending.free.0, self.clock.now());
            let is_shed = self.shed_after.is_some_and(|after| start.since(arrival.at) > after);
            let wait_ns = pending.punctual.admit(intended);
            let mut offer =
                Offer { intended, free, start: start.0, wait_ns, released: start.0, is_shed };
            let begun = StartedOperation {
                arrival: *arrival,
                start,
                wait_ns,
                late_ns: offer.generator_ns(),
            };
            pending.begun.push(begun);
            if is_shed {
                record.shed += measured(arrival.phase);
            } else {
                let progress = self.begin(number, arrival, start);
                let end = self.clock.now();
                offer.released = end.0;
                pending.punctual.serve(offer.service_ns());
                if let Progress::Done(verdict) = progress {
                    record.operations.push(begun.finished(end, verdict));
                }
            }
            pending.free = Tick(offer.released);
            record.offers.push(offer);
        }
        self.drain(&mut pending, &mut record);
        let done: u64 = record.operations.iter().map(|operation| measured(operation.phase)).sum();
        record.unfinished = record.planned - record.shed - done;
        record.thread = ThreadReading::take();
        self.slot.leave();
        record
    }

    /// Waits for an arrival, and collects operations that are woken meanwhile.
    fn wait(&mut self, arrival: &Arrival, pending: &mut Pending, done: &mut Vec<Operation>) {
        pending.next = arrival.at;
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
            // It waits in the usual way, as another kind of wait would change the conditions of the
            // operation.
            let until = self.clock.now() + STARVED;
            while self.clock.now() < until {
                self.clock.approach(until);
            }
        }
    }

    fn drain(&mut self, pending: &mut Pending, record: &mut WorkerRecord) {
        let until = self.clock.now().max(self.end) + self.grace;
        pending.next = Tick::MAX;
        while self.contender.waiting() > 0 && self.clock.now() < until && !self.is_stopped() {
            self.collect(pending, &mut record.operations);
            self.clock.approach(until);
        }
        self.collect(pending, &mut record.operations);
    }

    /// Repeats its cycle of arrivals as fast as it can, one operation after the other, until the
    /// end. With `own_turns` it does so turn by turn.
    pub(crate) fn closed_loop(
        mut self,
        judge: &Judge<'_>,
        own_turns: Option<WorkerTurns<'_>>,
    ) -> WorkerRecord {
        self.slot.enter();
        let mut record = WorkerRecord::default();
        let mut cycle = self.schedule.iter().cycle();
        match own_turns {
            None => {
                let end = self.end;
                self.stretch(judge, &mut record, &mut cycle, (Tick::ZERO, end));
                self.cover(judge, &mut record);
            }
            Some(own_turns) => self.turns(judge, &mut record, &mut cycle, own_turns),
        }
        record.interrupted = self.is_stopped();
        record.thread = ThreadReading::take();
        self.slot.leave();
        record
    }

    /// Runs the closed loop in turns. Each turn begins with the control kernel and a warm-up, since
    /// another worker had the processor before. The first turn is the warm-up of the scenario, so
    /// that all lanes are set up by the second.
    fn turns<'s>(
        &mut self,
        judge: &Judge<'_>,
        record: &mut WorkerRecord,
        cycle: &mut impl Iterator<Item = &'s Arrival>,
        mut own_turns: WorkerTurns<'_>,
    ) {
        stay_on(own_turns.processor());
        let kernel = Kernel::new();
        while own_turns.wait(self.stop) {
            if own_turns.is_first_turn() {
                let until = self.clock.now() + self.warmup;
                self.stretch(judge, record, cycle, (until, until));
                own_turns.pass();
                continue;
            }
            if own_turns.is_first_member() {
                // The first run brings the kernel's bytes back into the cache.
                kernel.run_ns();
                record.kernel_ns.push(kernel.run_ns());
            }
            let (waited, begin) = (ThreadReading::run_queue_ns(), self.clock.now());
            let from = begin + own_turns.length() / TURN_WARMUP;
            record.turns.push(Vec::new());
            let measured = |from: Tick| (from, from + own_turns.length());
            if !self.stretch(judge, record, cycle, measured(from)) {
                // Operations of the warm-up waited beyond the turn's end, so the turn is measured
                // again.
                self.stretch(judge, record, cycle, measured(self.clock.now()));
            }
            record.spans.push((begin, self.clock.now()));
            if let Some((before, now)) = waited.zip(ThreadReading::run_queue_ns()) {
                let (time, waited) = record.in_turns.get_or_insert_default();
                *time += self.clock.now().since(begin);
                *waited += now.saturating_sub(before);
            }
            if own_turns.is_last() {
                self.cover(judge, record);
            }
            own_turns.pass();
        }
    }

    /// Works until the end of the span. Operations that begin before the span are warm-up. It
    /// judges in between, in time that does not count. False if no operation began in the span.
    fn stretch<'s>(
        &mut self,
        judge: &Judge<'_>,
        record: &mut WorkerRecord,
        cycle: &mut impl Iterator<Item = &'s Arrival>,
        (from, until): (Tick, Tick),
    ) -> bool {
        const CHUNK: usize = 4096;
        let mut operations: Vec<Operation> = Vec::with_capacity(CHUNK);
        let mut pending = Pending::new(self.clock.now(), CHUNK);
        let mut has_measured = false;
        while self.clock.now() < until && !self.is_stopped() {
            let begin = self.clock.now();
            let (mut now, mut waiting) = (begin, 0);
            // The CPU time is read where the measured time begins, which may be within a chunk.
            let mut cpu_before = (begin >= from).then(thread_cpu_time);
            while operations.len() + pending.begun.len() < CHUNK
                && waiting < MAX_WAITING
                && now < until
            {
                let Some(arrival) = cycle.next() else { break };
                let phase = if now < from { PhasePlace::WARMUP } else { arrival.phase };
                if !phase.is_warmup() && cpu_before.is_none() {
                    cpu_before = Some(thread_cpu_time());
                }
                let arrival = Arrival { at: now, phase, ..*arrival };
                let number = pending.begun.len() as u32;
                match self.begin(number, &arrival, now) {
                    Progress::Done(verdict) => {
                        let end = self.clock.now();
                        operations
                            .push(StartedOperation::at_once(arrival, now).finished(end, verdict));
                        now = end;
                    }
                    Progress::Waiting => {
                        pending.begun.push(StartedOperation::at_once(arrival, now));
                        now = self.clock.now();
                    }
                }
                waiting = self.contender.waiting();
                if waiting > 0 {
                    self.collect(&mut pending, &mut operations);
                    // If a batch was full, it has now been verified.
                    now = self.clock.now();
                    waiting = self.contender.waiting();
                }
            }
            if self.contender.deadline().is_some() {
                // The rest of a batch belongs to this stretch, and no further operation will join
                // it.
                self.resume(&mut pending, &mut operations);
                now = self.clock.now();
            }
            record.active += now.since(begin.max(from));
            has_measured |= cpu_before.is_some();
            if let Some(before) = cpu_before {
                let used = thread_cpu_time().saturating_sub(before);
                *record.cpu.get_or_insert_default() += used;
            }
            self.settle(&mut pending, &mut operations);
            pending.begun.clear();
            if let Some(account) = &mut self.account {
                account.hand_over_chunk(&operations);
            }
            self.enter(judge, record, &mut operations);
        }
        has_measured
    }

    /// Waits for all operations that wait.
    fn settle(&mut self, pending: &mut Pending, operations: &mut Vec<Operation>) {
        while self.contender.waiting() > 0 && !self.is_stopped() {
            self.collect(pending, operations);
            self.clock.approach(self.clock.now() + Duration::from_millis(1));
        }
    }

    /// Judges operations of a closed loop and enters them.
    fn enter(&self, judge: &Judge<'_>, record: &mut WorkerRecord, operations: &mut Vec<Operation>) {
        for operation in operations.drain(..) {
            let is_measured = !operation.phase.is_warmup();
            record.planned += u64::from(is_measured);
            if is_measured && self.records_services && record.services.len() < MAX_SERVICES {
                let ns = operation.service().as_nanos() as u64;
                let accepted = operation.verdict.code.is_ok();
                record.services.push(Service { ns, accepted });
            }
            if let Some(turn) = record.turns.last_mut().filter(|_| is_measured) {
                let service = operation.end.since(operation.start).as_nanos();
                turn.push(u64::try_from(service).unwrap_or(u64::MAX));
            }
            record.ledger.enter(judge, &operation);
        }
    }

    /// Verifies every token of the cycle that the measured time did not reach, so that the verdict
    /// stream covers the plan even on a slow machine. These verdicts count for conformance only.
    fn cover(&mut self, judge: &Judge<'_>, record: &mut WorkerRecord) {
        let mut seen: HashSet<TokenPlace> =
            record.ledger.given.iter().map(|(token, _)| *token).collect();
        let mut pending = Pending::new(self.clock.now(), 0);
        let mut operations = Vec::new();
        for arrival in self.schedule.iter().filter(|arrival| seen.insert(arrival.token)) {
            if self.is_stopped() {
                break;
            }
            let now = self.clock.now();
            let arrival = Arrival { at: now, phase: PhasePlace::WARMUP, ..*arrival };
            match self.begin(0, &arrival, now) {
                Progress::Done(verdict) => {
                    let begun = StartedOperation::at_once(arrival, now);
                    operations.push(begun.finished(self.clock.now(), verdict));
                }
                Progress::Waiting => pending.begun = vec![StartedOperation::at_once(arrival, now)],
            }
            self.settle(&mut pending, &mut operations);
        }
        operations.iter().for_each(|operation| record.ledger.enter(judge, operation));
    }
}
