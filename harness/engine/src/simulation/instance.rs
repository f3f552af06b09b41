//! One instance of the verifier under one cache policy and one age of its cache, from the beginning
//! to the horizon: the same key cache, verifier and judges as in a trial, nothing kept per arrival.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use jwtbench_scenario::plan::Plan;
use jwtbench_scenario::plan::flow::{Drawn, Flow};
use jwtbench_scenario::token::corpus::{KidFact, Refs, Token};
use jwtbench_verifier::jwk::Thumbprint;
use jwtbench_verifier::key_cache::Answer;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::Verdict;
use jwtbench_verifier::verifier::{Request, Verifier};

use crate::contender::{Contender, ContenderSpec, Presented, Progress};
use crate::judge::judgement::{Judge, Operation, Strictness};
use crate::jwks::caches::Caches;
use crate::jwks::endpoint::ServedCounts;
use crate::jwks::in_process::InProcess;
use crate::jwks::key_source::FetchNote;
use crate::trial::script::{ScriptRun, ScriptTarget as _, scripted_events};
use crate::trial::{Trial, TrialError, first_document, grace};
use crate::virtual_time::remembering::Remembering;
use crate::virtual_time::round::{Turn, World};

use super::peek::TrustProbe;
use super::recalling::RememberingCore;
use super::seen::SeenScope;
use super::tally::Tally;

/// What one instance went through.
pub(super) struct Lived {
    pub(super) tally: Tally,
    /// For how long each withdrawn key was trusted, in seconds; `None` for beyond the horizon.
    pub(super) exposures: Vec<Option<f64>>,
    /// Attempts.
    pub(super) fetches: Vec<FetchNote>,
    pub(super) served: ServedCounts,
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
    /// Whose operations are looked at beside all.
    pub(super) scopes: &'p [SeenScope],
}

/// The workers, which take tokens in turn: operations under way, and those that have ended and are
/// not yet judged. One does for all that share a cache.
struct InstanceWorkers<'c> {
    contenders: Vec<Box<dyn Contender<'c> + 'c>>,
    begun: HashMap<u32, (Drawn, u32, Tick), FxBuildHasher>,
    next: u32,
    ended: Vec<Operation>,
    done: Vec<(u32, Verdict)>,
}

impl<'c> InstanceWorkers<'c> {
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
        let wait_ns = u64::try_from(start.since(intended).as_nanos()).unwrap_or(u64::MAX);
        let late_ns = 0;
        let operation =
            Operation { token, stream, phase, intended, wait_ns, late_ns, start, end, verdict };
        self.ended.push(operation);
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
            Box::new(RememberingCore::new(&setup))
        };
        let workers = InstanceWorkers {
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
            early: Vec::new(),
            tally: Tally::new(plan, self.scopes),
            served: ServedCounts::default(),
            peeks: TrustProbe::all(plan),
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
    workers: InstanceWorkers<'c>,
    /// Tokens that wait for the next renewal.
    early: Vec<Drawn>,
    tally: Tally,
    /// What the endpoint answered before the horizon.
    served: ServedCounts,
    peeks: Vec<TrustProbe>,
}

impl<'c> Life<'c> {
    /// One thing after the other to the horizon. Between two changes of what is true or held, one
    /// judge judges all.
    fn lived(mut self) -> Result<Lived, TrialError> {
        let plan = self.trial.plan;
        let mut script_run = ScriptRun::default();
        let scripted = scripted_events(plan);
        let mut scripted = scripted.iter().peekable();
        let mut flow = Flow::new(&plan.scenario, plan.algorithm, plan.seed).peekable();
        let horizon = Tick::ZERO + plan.scenario.load.duration;
        // What the issuer does at the very beginning comes before anybody asks.
        let revocations = self.trial.revocations.as_deref();
        while let Some(event) = scripted.next_if(|event| event.at <= Tick::ZERO) {
            script_run.apply(event, plan, revocations, &mut self.world)?;
        }
        let strictness = match plan.scenario.cache.name.as_str() {
            "default" => Strictness::Code,
            _ => Strictness::Acceptance,
        };
        loop {
            let sets = self.caches.sets();
            let judge = Judge::new(plan, &script_run.history, &sets, strictness);
            let turn = loop {
                for operation in self.workers.ended.drain(..) {
                    self.tally.enter(plan, &judge, &operation);
                }
                let candidates = [
                    self.world.next_completion().map(|at| (at, Turn::Completion)),
                    self.caches.next_deadline().map(|at| (at, Turn::Deadline)),
                    self.renewals.first().map(|at| (*at, Turn::Wake)),
                    scripted.peek().map(|event| (event.at, Turn::Scripted)),
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
                    self.look(horizon, now, TrustProbe::before);
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
                    Turn::Wake => self.renew(now),
                    Turn::Completion | Turn::Scripted => break Some(turn),
                }
                self.settle(turn, horizon);
            };
            match turn {
                None => break,
                Some(Turn::Scripted) => {
                    if let Some(event) = scripted.next() {
                        script_run.apply(event, plan, revocations, &mut self.world)?;
                    }
                }
                Some(_) => self.world.complete(),
            }
            self.settle(Turn::Completion, horizon);
        }
        self.look(horizon, horizon, TrustProbe::before);
        Ok(self.end(horizon))
    }

    /// A token arrives. Whoever knows when the next fetch is has those wait for it whom it serves
    /// in time and who would be refused before.
    fn arrive(&mut self, drawn: Drawn) {
        let deadline = drawn.at + self.trial.plan.scenario.load.deadline;
        let is_near = self.renewals.first().is_some_and(|next| *next <= deadline);
        if is_near && self.would_refuse(&drawn) {
            self.early.push(drawn);
        } else {
            self.begin(drawn);
        }
    }

    fn renew(&mut self, now: Tick) {
        self.renewals = &self.renewals[1..];
        self.caches.renew(now);
        for drawn in std::mem::take(&mut self.early) {
            self.begin(drawn);
        }
    }

    fn would_refuse(&self, drawn: &Drawn) -> bool {
        let place = self.refs.find(&drawn.token);
        let kid = place.map(|place| &self.trial.plan.corpus.tokens[place as usize].facts.kid);
        let Some(KidFact::Named(kid)) = kid else {
            return false;
        };
        let mut answers = self.caches.peek(kid, self.world.now);
        answers.any(|answer| matches!(answer, Answer::Refuse { .. }))
    }

    fn begin(&mut self, drawn: Drawn) {
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
        if now < horizon {
            self.served = self.world.served();
        }
        if turn != Turn::Arrival && now <= horizon {
            self.look(horizon, now, TrustProbe::after);
        }
    }

    fn look(&mut self, horizon: Tick, now: Tick, how: fn(&mut TrustProbe, &Caches, Tick)) {
        for peek in &mut self.peeks {
            how(peek, self.caches, now.min(horizon));
        }
    }

    /// Until when verdict caches would take a token of this key, as they are at the horizon.
    fn remembered_until(&self, key: Thumbprint, horizon: Tick) -> Option<Tick> {
        let Life { trial, caches, texts, .. } = self;
        let (plan, verifier) = (trial.plan, Verifier::new(trial.policy.clone()));
        let now = plan.wall_clock().at(horizon);
        let request = Request { revocations: trial.revocations.as_deref(), ..Request::default() };
        let tokens = || plan.corpus.tokens.iter().zip(texts.iter());
        let of_key = || tokens().filter(|(token, _)| token.facts.signed_by == Some(key));
        let until = caches.iter().filter_map(|source| {
            let (verdicts, view) = (source.verdicts()?, source.view());
            let one = |(token, text): (&Token, &&[u8])| {
                let known = verdicts.get(text, view.keys.generation())?;
                match verifier.in_force(&known.proven, &request, now) {
                    Ok(()) => Some(Tick::MAX),
                    Err(Rejection::Expired) => {
                        let last = token.facts.expires + plan.scenario.leeway();
                        let since = (last.0 - plan.epoch.0).clamp(0, i128::from(horizon.0));
                        Some(Tick(since as i64))
                    }
                    Err(_) => None,
                }
            };
            of_key().filter_map(one).max()
        });
        until.max()
    }

    fn end(self, horizon: Tick) -> Lived {
        let exposure = |peek: &TrustProbe| {
            let taken = self.tally.exposed.get(&peek.thumbprint().0).copied();
            let until = self.remembered_until(peek.thumbprint(), horizon);
            peek.exposure(taken.max(until)).filter(|_| until != Some(Tick::MAX))
        };
        let exposures = self.peeks.iter().map(exposure).collect();
        let Life { caches, tally, served, .. } = self;
        let mut fetches = caches.log().fetches;
        fetches.retain(|note| note.at < horizon);
        Lived { tally, exposures, fetches, served }
    }
}
