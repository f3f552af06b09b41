//! One instance of the verifier under one cache policy and one age of its cache, from the beginning
//! to the horizon: the same key cache, verifier and judges as in a trial, nothing kept per arrival.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::Verdict;

use crate::contender::{Contender, ContenderSpec, Presented, Progress};
use crate::jwks::caches::Caches;
use crate::jwks::endpoint::ServedCounts;
use crate::jwks::in_process::InProcess;
use crate::jwks::key_source::FetchNote;
use crate::result::judgement::{Judge, Operation, Strictness};
use crate::scenario::corpus::Refs;
use crate::scenario::event::Action;
use crate::scenario::flow::{Drawn, Flow};
use crate::scenario::plan::Plan;
use crate::trial::happening::{Course, Surroundings as _, happenings};
use crate::trial::real::grace;
use crate::trial::virtual_time::{Turn, World};
use crate::trial::{Trial, TrialError, first_document};

use super::peek::Peek;
use super::recalling::Recalling;
use super::remembering::Remembering;
use super::tally::Tally;

/// What one instance went through.
pub(super) struct Lived {
    pub(super) tally: Tally,
    /// For how long each withdrawn key was trusted, in seconds; `None` for beyond the horizon.
    pub(super) exposures: Vec<Option<f64>>,
    /// Attempts.
    pub(super) fetches: Vec<FetchNote>,
    pub(super) served: ServedCounts,
    /// The largest share of published keys that odd entries beside them cost; `None` without any.
    pub(super) poison_loss: Option<f64>,
}

/// An instance to be simulated.
pub(super) struct Instance<'p> {
    /// Scenario with horizon and cache policy, and its corpus.
    pub(super) plan: &'p Plan,
    /// Where the flow's tokens are in the corpus.
    pub(super) refs: &'p Refs,
    /// Since when the cache holds the set that it begins with; `None` for a cold one.
    pub(super) warm_since: Option<Tick>,
    /// Feeds what the cache draws at random.
    pub(super) seed: u64,
    /// Instants, in order, at which it fetches beside what its policy says.
    pub(super) renewals: &'p [Tick],
}

/// The workers, which take tokens in turn: operations under way, and those that have ended and are
/// not yet judged. One does for all that share a cache.
struct Workers<'c> {
    contenders: Vec<Box<dyn Contender<'c> + 'c>>,
    begun: HashMap<u32, (Drawn, u32, Tick), FxBuildHasher>,
    next: u32,
    ended: Vec<Operation>,
    done: Vec<(u32, Verdict)>,
}

impl<'c> Workers<'c> {
    fn begin(&mut self, drawn: Drawn, token: u32, text: &'c [u8], now: Tick) {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        let turn = number as usize % self.contenders.len();
        match self.contenders[turn].begin(number, Presented { place: token, bytes: text }, now) {
            Progress::Done(verdict) => self.end((drawn, token, now), verdict, now),
            Progress::Waiting => {
                self.begun.insert(number, (drawn, token, now));
            }
        }
    }

    fn end(&mut self, (drawn, token, start): (Drawn, u32, Tick), verdict: Verdict, end: Tick) {
        let Drawn { at: intended, stream, phase, .. } = drawn;
        self.ended.push(Operation { token, stream, phase, intended, start, end, verdict });
    }

    fn collect(&mut self, now: Tick) {
        while let Some(woken) = self.contenders.iter_mut().find(|contender| contender.is_woken()) {
            let mut done = std::mem::take(&mut self.done);
            woken.resume(now, &mut done);
            for (number, verdict) in done.drain(..) {
                if let Some(begun) = self.begun.remove(&number) {
                    self.end(begun, verdict, now);
                }
            }
            self.done = done;
        }
    }
}

impl Instance<'_> {
    /// Lives it.
    pub(super) fn live(&self) -> Result<Lived, TrialError> {
        let plan = self.plan;
        let spec = ContenderSpec::Core(&Remembering);
        let revoked = crate::trial::initial_revocations(plan);
        let trial = Trial::new(plan, spec, revoked.as_ref())?;
        let transport = InProcess::default();
        let policy = &plan.scenario.cache.policy;
        let workers = if policy.per_worker { plan.scenario.load.workers } else { 1 };
        let first = first_document(plan);
        let caches = Caches::new(
            spec.backend(),
            &[plan.algorithm],
            policy,
            self.seed,
            workers,
            self.warm_since.map(|since| (first.clone(), since)).as_ref(),
            &|| Box::new(transport.clone()),
        );
        let texts: Vec<&[u8]> = plan.corpus.tokens.iter().map(|token| &*token.bytes).collect();
        let contender = |worker| -> Box<dyn Contender<'_> + '_> {
            let setup = trial.setup(caches.of(worker), worker, &first.body, &texts);
            Box::new(Recalling::new(&setup))
        };
        let workers = Workers {
            contenders: (0..workers).map(contender).collect(),
            begun: HashMap::default(),
            next: 0,
            ended: Vec::new(),
            done: Vec::new(),
        };
        let world = World::new(plan, Tick::ZERO, &caches, transport);
        let life = Life {
            trial: &trial,
            refs: self.refs,
            caches: &caches,
            texts: &texts,
            renewals: self.renewals,
            world,
            workers,
            tally: Tally::new(plan),
            peeks: Peek::all(plan),
            lost: None,
        };
        life.lived()
    }
}

/// Everything in motion.
struct Life<'c> {
    trial: &'c Trial<'c>,
    refs: &'c Refs,
    caches: &'c Caches,
    texts: &'c [&'c [u8]],
    renewals: &'c [Tick],
    world: World<'c>,
    workers: Workers<'c>,
    tally: Tally,
    peeks: Vec<Peek>,
    lost: Option<f64>,
}

impl<'c> Life<'c> {
    /// One thing after the other to the horizon. Between two changes of what is true or held, one
    /// judge judges all.
    fn lived(mut self) -> Result<Lived, TrialError> {
        let plan = self.trial.plan;
        let mut course = Course::default();
        let happenings = happenings(plan);
        let mut happenings = happenings.iter().peekable();
        let mut flow = Flow::new(&plan.scenario, plan.algorithm, plan.seed).peekable();
        let horizon = Tick::ZERO + plan.scenario.load.duration;
        let strictness = match plan.scenario.cache.name.as_str() {
            "default" => Strictness::Code,
            _ => Strictness::Acceptance,
        };
        loop {
            let sets = self.caches.sets();
            let judge = Judge::new(plan, &course.history, &sets, strictness);
            let turn = loop {
                for operation in self.workers.ended.drain(..) {
                    self.tally.enter(&judge, &operation);
                }
                let candidates = [
                    self.world.next_completion().map(|at| (at, Turn::Completion)),
                    self.caches.next_deadline().map(|at| (at, Turn::Deadline)),
                    self.renewals.first().map(|at| (*at, Turn::Wake)),
                    happenings.peek().map(|happening| (happening.at, Turn::Happening)),
                    flow.peek().map(|drawn| (drawn.at, Turn::Arrival)),
                ];
                let next = candidates.into_iter().flatten().min();
                // Beyond the horizon only those who wait are answered.
                let end = horizon + grace(plan);
                let Some((at, turn)) = next.filter(|(at, _)| *at <= end) else {
                    break None;
                };
                let now = self.world.now.max(at);
                if turn != Turn::Arrival {
                    self.look(horizon, now, Peek::before);
                }
                self.world.now = now;
                match turn {
                    Turn::Arrival => {
                        if let Some(drawn) = flow.next() {
                            self.arrive(drawn);
                        }
                    }
                    Turn::Deadline => self.caches.tick(now),
                    // The core has no deadlines of its own.
                    Turn::Wake => {
                        self.renewals = &self.renewals[1..];
                        self.caches.renew(now);
                    }
                    Turn::Completion | Turn::Happening => break Some(turn),
                }
                self.settle(turn, horizon);
            };
            match turn {
                None => break,
                Some(Turn::Happening) => {
                    if let Some(happening) = happenings.next() {
                        let revocations = self.trial.revocations.as_deref();
                        course.happen(happening, plan, revocations, &mut self.world)?;
                    }
                }
                Some(_) => self.world.complete(),
            }
            self.settle(Turn::Completion, horizon);
            self.count_lost();
        }
        self.look(horizon, horizon, Peek::before);
        Ok(self.end())
    }

    fn arrive(&mut self, drawn: Drawn) {
        // The corpus was made from the same flow, so the place is always there.
        if let Some(token) = self.refs.find(&drawn.token) {
            let text = self.texts[token as usize];
            self.workers.begin(drawn, token, text, self.world.now);
        }
    }

    /// What follows at once from what happened.
    fn settle(&mut self, turn: Turn, horizon: Tick) {
        let now = self.world.now;
        self.world.answer();
        self.workers.collect(now);
        if turn != Turn::Arrival && now <= horizon {
            self.look(horizon, now, Peek::after);
        }
    }

    fn look(&mut self, horizon: Tick, now: Tick, how: fn(&mut Peek, &Caches, Tick)) {
        for peek in &mut self.peeks {
            how(peek, self.caches, now.min(horizon));
        }
    }

    /// The share of published keys that are not held while odd entries stand beside them.
    fn count_lost(&mut self) {
        let (plan, now) = (self.trial.plan, self.world.now);
        let since = plan.scenario.events.iter().find_map(|event| match event.action {
            Action::PublishSet(_) => Some(Tick::ZERO + event.at),
            _ => None,
        });
        if since.is_none_or(|since| now < since) {
            return;
        }
        let published = &plan.timeline.at(now).published;
        for source in self.caches.iter() {
            let view = source.view();
            let held = published.iter().filter(|key| {
                let found = view.keys.find(Some(&key.kid), plan.algorithm);
                found.is_ok_and(|found| found.jwk.thumbprint == key.thumbprint)
            });
            let lost = 1.0 - held.count() as f64 / published.len().max(1) as f64;
            self.lost = Some(self.lost.map_or(lost, |most: f64| most.max(lost)));
        }
    }

    fn end(self) -> Lived {
        let Life { caches, world, tally, peeks, lost, .. } = self;
        let exposures = peeks.iter().map(|peek| {
            let exposed = tally.exposed.get(&peek.thumbprint().0).copied();
            peek.exposure(exposed)
        });
        let exposures = exposures.collect();
        let fetches = caches.log().fetches;
        Lived { tally, exposures, fetches, served: world.served(), poison_loss: lost }
    }
}
