//! The engine of virtual time: one thread without sockets and sleeps, and one order of steps at an
//! instant. It keeps nothing of an operation that has ended but what its sink makes of it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

use jwtbench_scenario::model::place::{StreamPlace, TokenPlace, WorkerPlace};
use jwtbench_scenario::plan::Arrival;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::Verdict;

use crate::contender::{Contender, Presented, Progress};
use crate::judge::judgement::{Judge, Operation, Strictness};
use crate::judge::ledger::Ledger;
use crate::jwks::caches::Caches;
use crate::jwks::endpoint::ServedCounts;
use crate::trial::script::{ScriptRun, ScriptedEvent, scripted_events};
use crate::trial::{Trial, TrialError};

use super::world::World;
use crate::state::world::StateRecord;

/// Operations that have ended are judged before the next step once there are so many.
const UNJUDGED: usize = 4096;

/// The steps of the engine, in their order at one instant.
///
/// The script's events up to the beginning come before everything. From then on, the order at each
/// instant is: replies of the endpoint and of the store arrive; key caches and state machines act
/// on their deadlines; a contender acts on its own deadlines, and a renewal that is due begins; the
/// script's next event takes effect; a token is revoked; a token arrives. After each of these
/// steps, the endpoint and the store answer attempts that were started, and operations that were
/// woken end, before the next step is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Turn {
    /// The reply of the endpoint to an attempt arrives, or something of the store.
    Completion,
    /// A deadline of a key cache or of a state machine is due.
    Deadline,
    /// A deadline of a contender, or a renewal, is due.
    Wake,
    /// An event of the script takes effect.
    Scripted,
    /// The issuer revokes a token.
    Revocation,
    /// A token arrives.
    Arrival,
}

/// A source of arriving tokens.
pub(crate) trait ArrivalSource {
    /// The instant at which the next token arrives; `None` if none is left.
    fn next_at(&mut self) -> Option<Tick>;

    /// Takes the next token and its worker; `None` if the token is held back for a renewal.
    fn arrive(&mut self, caches: &Caches, now: Tick) -> Option<(usize, Arrival)>;

    /// The instant of the next renewal, at which all caches fetch whatever their policy says.
    /// Hindsight uses renewals.
    fn next_renewal(&self) -> Option<Tick> {
        None
    }

    /// Begins the renewal, and takes the tokens that were held back for it.
    fn renew(&mut self) -> Vec<(usize, Arrival)> {
        Vec::new()
    }

    /// Takes the users who came without a token, at the end: when, and of which stream.
    fn take_tokenless(&mut self) -> Vec<(Tick, StreamPlace)> {
        Vec::new()
    }
}

/// A sink for operations that have ended.
pub(crate) trait Sink {
    /// Takes an operation, with a judge of what was true and held when it ended.
    fn enter(&mut self, judge: &Judge<'_>, operation: &Operation);
}

impl Sink for Ledger {
    fn enter(&mut self, judge: &Judge<'_>, operation: &Operation) {
        Ledger::enter(self, judge, operation);
    }
}

impl Sink for Vec<Operation> {
    fn enter(&mut self, _: &Judge<'_>, operation: &Operation) {
        self.push(*operation);
    }
}

/// An observer of the engine, which changes nothing.
pub(crate) trait Observer {
    /// Observes the world just before a step at `now` that is not an arrival. Since the last look
    /// only time has passed and tokens have arrived.
    fn before(&mut self, _: &World<'_>, _now: Tick) {}

    /// Observes the world after a step and its immediate consequences.
    fn after(&mut self, _: &World<'_>, _: Turn) {}
}

impl Observer for () {}

/// The workers, on one thread. Service takes no time.
struct VirtualWorkers<'c> {
    contenders: Vec<Box<dyn Contender<'c> + 'c>>,
    /// The workers with operations that wait. The others have nothing to be woken or due.
    waiters: BTreeSet<usize>,
    /// The operations that wait, by number, with their start.
    waiting: HashMap<u32, (Arrival, Tick), FxBuildHasher>,
    next: u32,
    /// The operations that have ended and are not judged yet.
    ended: Vec<Operation>,
    /// The tokens accepted in this step, with worker and arrival.
    accepted: Vec<(WorkerPlace, TokenPlace, Tick)>,
    done: Vec<(u32, Verdict)>,
}

impl<'c> VirtualWorkers<'c> {
    fn begin(&mut self, worker: usize, arrival: Arrival, text: &'c [u8], now: Tick) {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        let token = Presented { place: arrival.token, bytes: text };
        match self.contenders[worker].begin(number, token, now) {
            Progress::Done(verdict) => self.end(worker, (arrival, now), verdict, now),
            Progress::Waiting => {
                self.waiters.insert(worker);
                self.waiting.insert(number, (arrival, now));
            }
        }
    }

    fn end(
        &mut self,
        worker: usize,
        (arrival, start): (Arrival, Tick),
        verdict: Verdict,
        end: Tick,
    ) {
        if verdict.code.is_ok() && verdict.state.is_some() {
            self.accepted.push((WorkerPlace(worker as u32), arrival.token, arrival.at));
        }
        let Arrival { at: intended, stream, phase, token } = arrival;
        let wait_ns = u64::try_from(start.since(intended).as_nanos()).unwrap_or(u64::MAX);
        let late_ns = 0;
        let operation =
            Operation { token, stream, phase, intended, wait_ns, late_ns, start, end, verdict };
        self.ended.push(operation);
    }

    fn next_deadline(&self) -> Option<Tick> {
        let waiters = self.waiters.iter().map(|worker| &self.contenders[*worker]);
        waiters.filter_map(|contender| contender.deadline()).min()
    }

    /// Ends operations that were woken or are due.
    fn collect(&mut self, now: Tick) {
        let mut from = 0;
        while let Some(worker) = self.waiters.range(from..).next().copied() {
            from = worker + 1;
            let contender = &mut self.contenders[worker];
            let is_due = contender.deadline().is_some_and(|at| at <= now);
            if !is_due && !contender.is_woken() {
                continue;
            }
            let mut done = std::mem::take(&mut self.done);
            contender.resume(now, &mut done);
            for (number, verdict) in done.drain(..) {
                if let Some(begun) = self.waiting.remove(&number) {
                    self.end(worker, begun, verdict, now);
                }
            }
            self.done = done;
            if self.contenders[worker].waiting() == 0 {
                self.waiters.remove(&worker);
            }
        }
    }
}

/// A round in virtual time that is under way.
pub(crate) struct Engine<'c, A, S, O> {
    trial: &'c Trial<'c>,
    texts: &'c [&'c [u8]],
    strictness: Strictness,
    world: World<'c>,
    workers: VirtualWorkers<'c>,
    script_run: ScriptRun,
    arrivals: A,
    sink: S,
    observer: O,
}

/// A round in virtual time that is over.
pub(crate) struct EngineRun<S, O> {
    /// The state of the script.
    pub(crate) script_run: ScriptRun,
    /// The endpoint's counts at the end.
    pub(crate) served: ServedCounts,
    /// What came of a state that instances learned of by a strategy.
    pub(crate) state: Option<StateRecord>,
    /// The users who came without a token: when, and of which stream.
    pub(crate) tokenless: Vec<(Tick, StreamPlace)>,
    /// The sink of the operations.
    pub(crate) sink: S,
    /// The observer.
    pub(crate) observer: O,
}

impl<'c, A: ArrivalSource, S: Sink, O: Observer> Engine<'c, A, S, O> {
    /// An engine at the instant of its world. `contenders` has one contender for each worker.
    pub(crate) fn new(
        trial: &'c Trial<'c>,
        texts: &'c [&'c [u8]],
        world: World<'c>,
        contenders: Vec<Box<dyn Contender<'c> + 'c>>,
        (arrivals, sink, observer): (A, S, O),
    ) -> Engine<'c, A, S, O> {
        let mut script_run = ScriptRun::default();
        script_run.history.truth = world.state.as_ref().map(|state| Arc::clone(&state.truth));
        Engine {
            trial,
            texts,
            strictness: trial.strictness(),
            world,
            workers: VirtualWorkers {
                contenders,
                waiters: BTreeSet::new(),
                waiting: HashMap::default(),
                next: 0,
                ended: Vec::new(),
                accepted: Vec::new(),
                done: Vec::new(),
            },
            script_run,
            arrivals,
            sink,
            observer,
        }
    }

    /// The engine with another strictness than that of the trial's contender.
    pub(crate) fn judged(self, strictness: Strictness) -> Engine<'c, A, S, O> {
        Engine { strictness, ..self }
    }

    /// Runs step by step, until nothing is left to do up to `last`.
    ///
    /// # Errors
    /// If the process of a contender stopped judging.
    pub(crate) fn run(mut self, last: Tick) -> Result<EngineRun<S, O>, TrialError> {
        let scripted = scripted_events(self.trial.plan);
        let mut scripted = scripted.iter().peekable();
        let beginning = self.world.now;
        while let Some(event) = scripted.next_if(|event| event.at <= beginning) {
            self.happen(event)?;
        }
        loop {
            let renewal = self.arrivals.next_renewal();
            let candidates = [
                self.world.next_completion().map(|at| (at, Turn::Completion)),
                self.world.next_deadline().map(|at| (at, Turn::Deadline)),
                self.workers.next_deadline().map(|at| (at, Turn::Wake)),
                renewal.map(|at| (at, Turn::Wake)),
                scripted.peek().map(|event| (event.at, Turn::Scripted)),
                self.world.next_revocation().map(|at| (at, Turn::Revocation)),
                self.arrivals.next_at().map(|at| (at, Turn::Arrival)),
            ];
            let next = candidates.into_iter().flatten().min();
            let Some((at, turn)) = next.filter(|(at, _)| *at <= last) else {
                break;
            };
            let now = self.world.now.max(at);
            if turn != Turn::Arrival {
                self.observer.before(&self.world, now);
            }
            // One judge judges all operations between two changes of what is true or held.
            let changes =
                turn == Turn::Scripted || turn == Turn::Completion && self.world.is_key_set_next();
            if changes || self.workers.ended.len() >= UNJUDGED {
                self.judge();
            }
            self.world.now = now;
            match turn {
                Turn::Completion => self.world.complete(),
                Turn::Deadline => self.world.tick(),
                Turn::Revocation => self.world.revoke(),
                Turn::Wake if renewal.is_some_and(|due| due <= now) => {
                    self.world.caches.renew(now);
                    for (worker, arrival) in self.arrivals.renew() {
                        self.begin(worker, arrival);
                    }
                }
                // Operations that are due are collected after every step.
                Turn::Wake => {}
                Turn::Scripted => {
                    if let Some(event) = scripted.next() {
                        self.happen(event)?;
                    }
                }
                Turn::Arrival => {
                    if let Some((worker, arrival)) = self.arrivals.arrive(self.world.caches, now) {
                        self.begin(worker, arrival);
                    }
                }
            }
            self.world.answer();
            self.workers.collect(now);
            self.settle_state();
            self.observer.after(&self.world, turn);
        }
        self.finish()
    }

    /// Judges what is left, and takes the results.
    fn finish(mut self) -> Result<EngineRun<S, O>, TrialError> {
        self.judge();
        if let Some(fault) = self.workers.contenders.iter().find_map(|one| one.fault()) {
            return Err(TrialError::of_own(fault));
        }
        let tokenless = self.arrivals.take_tokenless();
        let Engine { trial, script_run, world, sink, observer, .. } = self;
        let World { served, state, .. } = world;
        let state = state.map(|state| state.finish(trial.plan));
        Ok(EngineRun { script_run, served, state, tokenless, sink, observer })
    }

    /// Tells the state of the tokens that were accepted in this step, and answers what tokens asked
    /// that had waited for keys.
    fn settle_state(&mut self) {
        let now = self.world.now;
        let accepted = self.workers.accepted.drain(..);
        if let Some(state) = &mut self.world.state {
            accepted.for_each(|(worker, token, at)| state.accepted(worker, token, (at, now)));
            state.answer(now);
        }
    }

    fn happen(&mut self, event: &ScriptedEvent) -> Result<(), TrialError> {
        self.script_run.apply(event, self.trial.plan, &mut self.world)
    }

    fn begin(&mut self, worker: usize, arrival: Arrival) {
        let text = self.texts[arrival.token.index()];
        self.workers.begin(worker, arrival, text, self.world.now);
    }

    /// Judges the operations that have ended by what is true and held now.
    fn judge(&mut self) {
        if self.workers.ended.is_empty() {
            return;
        }
        let sets = self.world.caches.sets();
        let judge = Judge::new(self.trial.plan, &self.script_run.history, &sets, self.strictness);
        for operation in self.workers.ended.drain(..) {
            self.sink.enter(&judge, &operation);
        }
    }
}
