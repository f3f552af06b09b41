//! A round in virtual time: one thread, no socket, no sleep. Arrivals, completions, deadlines and
//! events in one total order; the same key cache, verifier and judges as in real time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jwtbench_result::{ArrivalCounts, Measurement};
use jwtbench_scenario::model::endpoint::{EndpointSetting, Fault};
use jwtbench_scenario::plan::{Arrival, Plan, WARMUP};
use jwtbench_verifier::key_cache::{Counters, FetchFailure, FetchId};
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::Verdict;

use crate::contender::{Contender, Presented, Progress};
use crate::judge::judgement::{Judge, Operation};
use crate::judge::ledger::Ledger;
use crate::jwks::caches::Caches;
use crate::jwks::document::Document;
use crate::jwks::endpoint::ServedCounts;
use crate::jwks::faults::{self, Body};
use crate::jwks::in_process::InProcess;
use crate::jwks::key_source::{FetchNote, Log};
use crate::trial::script::{ScriptRun, ScriptTarget, scripted_events};
use crate::trial::{EndpointRecord, Gathering, RoundRecord, Trial, TrialError, grace};

/// The order of things at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Turn {
    Completion,
    Deadline,
    Wake,
    Scripted,
    Arrival,
}

/// What an attempt under way will bring. Of what it is, no copy: there may be many.
struct PendingOutcome {
    reply: Result<Body, FetchFailure>,
    key_set: Arc<[u8]>,
    max_age: Option<Duration>,
}

impl PendingOutcome {
    /// As it arrives.
    fn arrive(self) -> Result<Document, FetchFailure> {
        let body = match self.reply? {
            Body::KeySet => self.key_set.to_vec(),
            Body::Bytes(body) => body,
            // However long its one entry, it is of no known type: read like the shortest.
            Body::Huge(_) => faults::huge_body(0).flatten().copied().collect(),
        };
        Ok(Document { body, max_age: self.max_age })
    }
}

/// The endpoint and the clock, in memory.
pub(crate) struct World<'s> {
    pub(crate) now: Tick,
    seed: u64,
    body: Arc<[u8]>,
    setting: EndpointSetting,
    served: ServedCounts,
    in_flight: BinaryHeap<Reverse<(Tick, FetchId)>>,
    replies: HashMap<FetchId, PendingOutcome>,
    caches: &'s Caches,
    transport: InProcess,
}

impl<'s> World<'s> {
    /// The world at `now`, with the endpoint as the plan begins.
    pub(crate) fn new(
        plan: &Plan,
        now: Tick,
        caches: &'s Caches,
        transport: InProcess,
    ) -> World<'s> {
        World {
            now,
            seed: plan.seed,
            body: Arc::from(plan.timeline.epochs()[0].body.as_slice()),
            setting: plan.scenario.phases[0].endpoint.clone(),
            served: ServedCounts::default(),
            in_flight: BinaryHeap::new(),
            replies: HashMap::new(),
            caches,
            transport,
        }
    }

    /// Answers the attempts that were started at this instant.
    pub(crate) fn answer(&mut self) {
        for fetch in self.transport.take() {
            let ordinal = self.served.served;
            let exchange =
                faults::exchange(&self.setting, self.seed, ordinal, self.body.len(), &fetch);
            let max_age = self.setting.max_age;
            if self.setting.fault != Fault::Refused {
                self.served.served += 1;
                self.served.bytes += match &exchange.reply {
                    Ok(Body::KeySet) => self.body.len() as u64,
                    Ok(Body::Bytes(body)) => body.len() as u64,
                    Ok(Body::Huge(bytes)) => *bytes,
                    Err(_) => 0,
                };
            }
            let (reply, key_set) = (exchange.reply, Arc::clone(&self.body));
            let coming = PendingOutcome { reply, key_set, max_age };
            self.in_flight.push(Reverse((self.now + exchange.delay, fetch.id)));
            self.replies.insert(fetch.id, coming);
        }
    }

    pub(crate) fn next_completion(&self) -> Option<Tick> {
        self.in_flight.peek().map(|Reverse((at, _))| *at)
    }

    pub(crate) fn complete(&mut self) {
        let Some(Reverse((_, id))) = self.in_flight.pop() else {
            return;
        };
        if let Some(coming) = self.replies.remove(&id) {
            let now = self.now;
            self.caches.complete(id, coming.arrive(), || now);
        }
    }
}

impl ScriptTarget for World<'_> {
    fn publish(&mut self, body: &[u8]) {
        self.body = Arc::from(body);
    }

    fn apply(&mut self, setting: &EndpointSetting) -> Result<(), TrialError> {
        self.setting = setting.clone();
        Ok(())
    }

    fn evict(&mut self, kid: &str) {
        self.caches.evict(kid, self.now);
    }

    fn served(&self) -> ServedCounts {
        self.served
    }

    fn now(&self) -> Tick {
        self.now
    }
}

/// The workers, taking turns on one thread. Service takes no time.
struct VirtualWorkers<'c> {
    contenders: Vec<Box<dyn Contender<'c> + 'c>>,
    begun: Vec<(Arrival, Tick)>,
    operations: Vec<Operation>,
    done: Vec<(u32, Verdict)>,
}

impl<'c> VirtualWorkers<'c> {
    fn begin(&mut self, worker: usize, arrival: &Arrival, text: &'c [u8], now: Tick) {
        let number = self.begun.len() as u32;
        self.begun.push((*arrival, now));
        let token = Presented { place: arrival.token, bytes: text };
        if let Progress::Done(verdict) = self.contenders[worker].begin(number, token, now) {
            self.finish(number, verdict, now);
        }
    }

    fn finish(&mut self, number: u32, verdict: Verdict, end: Tick) {
        let (arrival, start) = self.begun[number as usize];
        let Arrival { at, stream, phase, token } = arrival;
        let wait_ns = u64::try_from(start.since(at).as_nanos()).unwrap_or(u64::MAX);
        let late_ns = 0;
        let operation =
            Operation { token, stream, phase, intended: at, wait_ns, late_ns, start, end, verdict };
        self.operations.push(operation);
    }

    fn next_deadline(&self) -> Option<Tick> {
        self.contenders.iter().filter_map(|contender| contender.deadline()).min()
    }

    fn collect(&mut self, now: Tick) {
        for worker in 0..self.contenders.len() {
            let is_due = self.contenders[worker].deadline().is_some_and(|at| at <= now);
            if is_due || self.contenders[worker].is_woken() {
                let mut done = std::mem::take(&mut self.done);
                self.contenders[worker].resume(now, &mut done);
                for (number, verdict) in done.drain(..) {
                    self.finish(number, verdict, now);
                }
                self.done = done;
            }
        }
    }
}

/// A round as it went.
struct VirtualRound {
    operations: Vec<Operation>,
    script_run: ScriptRun,
    log: Log,
    counters: Counters,
    served: ServedCounts,
}

impl Trial<'_> {
    /// Runs one round in virtual time. Its latencies are those of waiting alone.
    ///
    /// # Errors
    /// None today; as in real time.
    pub fn simulate(&self) -> Result<RoundRecord, TrialError> {
        let plan = self.plan;
        let VirtualRound { operations, script_run, log, counters, served } = self.play()?;
        let needs_endpoint = self.needs_endpoint();
        let fetches = log.fetches;
        let mut at_phases = script_run.served;
        at_phases.push(served);
        let endpoint = needs_endpoint.then(|| EndpointRecord {
            fetches,
            served: at_phases,
            warm_since: self.warm_since(),
        });
        let judge = Judge::new(plan, &script_run.history, &log.sets, self.strictness());
        let mut ledger = Ledger::new(self.bin_ns());
        for operation in &operations {
            ledger.enter(&judge, operation);
        }
        let arrivals = plan.schedules.iter().flatten();
        let planned = arrivals.filter(|arrival| arrival.phase != WARMUP).count() as u64;
        let done = ledger.done;
        Ok(RoundRecord {
            ledger,
            arrivals: ArrivalCounts { planned, done, shed: 0, unfinished: planned - done },
            cpu: None,
            active: Duration::ZERO,
            offers: Vec::new(),
            course: None,
            counters: needs_endpoint.then_some(counters),
            endpoint,
            services: Vec::new(),
            turns: Vec::new(),
            interrupted: false,
        })
    }

    /// The measurement of one round in virtual time.
    ///
    /// # Errors
    /// As [`Trial::simulate`].
    pub fn simulated(&self) -> Result<Measurement, TrialError> {
        let mut gathering = Gathering::new(self.plan, self.contender, true);
        gathering.add(0, self.simulate()?);
        Ok(gathering.finish())
    }

    /// What each operation of a round comes to in virtual time, and every attempt to fetch.
    ///
    /// # Errors
    /// None today; as in real time.
    pub fn foresee(&self) -> Result<(Vec<Operation>, Vec<FetchNote>), TrialError> {
        let VirtualRound { operations, log, .. } = self.play()?;
        Ok((operations, log.fetches))
    }

    /// A round, before anybody judges it.
    fn play(&self) -> Result<VirtualRound, TrialError> {
        let plan = self.plan;
        let transport = InProcess::default();
        let caches = self.caches(&|| Box::new(transport.clone()));
        let texts: Vec<&[u8]> = plan.corpus.tokens.iter().map(|token| &*token.bytes).collect();
        let first = &plan.timeline.epochs()[0];
        let build = |worker| {
            self.contender.build(&self.setup(caches.of(worker), worker, &first.body, &texts))
        };
        let mut workers = VirtualWorkers {
            contenders: (0..plan.scenario.load.workers).map(build).collect(),
            begun: Vec::new(),
            operations: Vec::new(),
            done: Vec::new(),
        };
        let start = Tick::ZERO - plan.scenario.load.warmup;
        let mut world = World::new(plan, start, &caches, transport);
        let script_run = self.live(&mut world, &mut workers, &texts)?;
        if let Some(fault) = workers.contenders.iter().find_map(|contender| contender.fault()) {
            return Err(TrialError::of_own(fault));
        }
        let (operations, served) = (workers.operations, world.served);
        Ok(VirtualRound {
            operations,
            script_run,
            log: caches.log(),
            counters: caches.counters(),
            served,
        })
    }

    /// One thing after the other, until nothing is left to do.
    fn live<'c>(
        &self,
        world: &mut World<'_>,
        workers: &mut VirtualWorkers<'c>,
        texts: &'c [&'c [u8]],
    ) -> Result<ScriptRun, TrialError> {
        let plan = self.plan;
        let mut script_run = ScriptRun::default();
        let mut arrivals: Vec<(usize, Arrival)> = Vec::new();
        for (worker, schedule) in plan.schedules.iter().enumerate() {
            arrivals.extend(schedule.iter().map(|arrival| (worker, *arrival)));
        }
        arrivals.sort_by_key(|(worker, arrival)| (arrival.at, arrival.stream, *worker));
        let mut arrivals = arrivals.into_iter().peekable();
        let scripted = scripted_events(plan);
        let mut scripted = scripted.iter().peekable();
        let last = Tick::ZERO + plan.scenario.load.duration + grace(plan);
        loop {
            let candidates = [
                world.next_completion().map(|at| (at, Turn::Completion)),
                world.caches.next_deadline().map(|at| (at, Turn::Deadline)),
                workers.next_deadline().map(|at| (at, Turn::Wake)),
                scripted.peek().map(|event| (event.at, Turn::Scripted)),
                arrivals.peek().map(|(_, arrival)| (arrival.at, Turn::Arrival)),
            ];
            let Some((at, turn)) = candidates.into_iter().flatten().min() else {
                break;
            };
            if at > last {
                break;
            }
            world.now = world.now.max(at);
            let now = world.now;
            match turn {
                Turn::Completion => world.complete(),
                Turn::Deadline => world.caches.tick(now),
                // What is due is collected after every turn.
                Turn::Wake => {}
                Turn::Scripted => {
                    if let Some(event) = scripted.next() {
                        let revocations = self.revocations.as_deref();
                        script_run.apply(event, plan, revocations, world)?;
                    }
                }
                Turn::Arrival => {
                    if let Some((worker, arrival)) = arrivals.next() {
                        let text = texts[arrival.token as usize];
                        workers.begin(worker, &arrival, text, now);
                    }
                }
            }
            world.answer();
            workers.collect(now);
        }
        Ok(script_run)
    }
}
