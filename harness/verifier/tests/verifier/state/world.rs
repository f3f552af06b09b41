//! A store, an issuer and one verifier in virtual time, driven event by event.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

use jwtbench_verifier::key_cache::Ticket;
use jwtbench_verifier::state_check::{
    Knowledge, OpId, OpKind, StateAnswer, StateCheck, StateEntry, StateToken, StoreFailure,
    StoreListing, StoreOp, StoreOutcome,
};
use jwtbench_verifier::state_strategy::{PollScope, StateStrategy};
use jwtbench_verifier::tick::Tick;

/// An instant, in seconds.
pub fn at(seconds: f64) -> Tick {
    Tick((seconds * 1e9) as i64)
}

/// A span, in seconds.
pub fn s(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// Random draws.
pub struct Draws(ChaCha8Rng);

impl Draws {
    pub fn new(seed: u64) -> Draws {
        Draws(ChaCha8Rng::seed_from_u64(seed))
    }

    /// From 0 (included) to 1 (excluded).
    pub fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn below(&mut self, end: f64) -> f64 {
        self.unit() * end
    }

    /// The gap of a Poisson process of this rate, in seconds.
    pub fn gap(&mut self, rate: f64) -> f64 {
        -(1.0 - self.unit()).ln() / rate
    }
}

/// What happens to requests at the store.
pub struct StoreWorld {
    /// From request to answer.
    pub latency: Duration,
    /// Requests that begin in this span fail.
    pub outage: Option<(Tick, Tick)>,
    /// The share of polls that fail.
    pub poll_failures: f64,
    /// The truth: what is known since when, and until when it matters.
    pub truth: BTreeMap<String, (Knowledge, Tick, Tick)>,
    /// Keys that the store has lost.
    pub lost: BTreeSet<String>,
    /// Whether the list says when it was made, and how often it is: a status list.
    pub published: Option<Published>,
}

/// A list that is published in turns, and served from a cache for a while.
#[derive(Clone, Copy)]
pub struct Published {
    pub every: f64,
    pub phase: f64,
    pub cached_for: f64,
    pub cache_phase: f64,
}

/// A verifier and its store.
pub struct World {
    pub check: StateCheck,
    pub now: Tick,
    pub store: StoreWorld,
    pub draws: Draws,
    /// Requests by kind: lookups and polls.
    pub lookups: u64,
    pub polls: u64,
    /// The most requests under way.
    pub most_in_flight: usize,
    in_flight: BinaryHeap<Reverse<(Tick, OpId)>>,
    outcomes: BTreeMap<OpId, StoreOutcome>,
    /// Tokens that wait, by ticket, with their arrival.
    waiting: BTreeMap<Ticket, (String, Tick)>,
    next_place: u32,
    /// What waiting tokens were answered: key, arrival, end, answer.
    pub woken: Vec<(String, Tick, Tick, StateAnswer)>,
}

impl World {
    pub fn new(strategy: StateStrategy, seed: u64) -> World {
        World {
            check: StateCheck::new(strategy, seed),
            now: Tick::ZERO,
            store: StoreWorld {
                latency: Duration::ZERO,
                outage: None,
                poll_failures: 0.0,
                truth: BTreeMap::new(),
                lost: BTreeSet::new(),
                published: None,
            },
            draws: Draws::new(seed ^ 0x5eed),
            lookups: 0,
            polls: 0,
            most_in_flight: 0,
            in_flight: BinaryHeap::new(),
            outcomes: BTreeMap::new(),
            waiting: BTreeMap::new(),
            next_place: 0,
            woken: Vec::new(),
        }
    }

    /// The world with a warm machine whose next poll is due at `next_poll` seconds.
    pub fn warm(strategy: StateStrategy, seed: u64, next_poll: f64) -> World {
        let mut world = World::new(strategy, seed);
        world.check.warm(&[], Tick::ZERO, at(next_poll));
        world
    }

    /// The store knows from now on that a key is revoked, until the token ends.
    pub fn revoke(&mut self, key: &str, end: Tick) -> StateEntry {
        self.state(key, Knowledge::Revoked, end)
    }

    /// The store knows this of a key from now on.
    pub fn state(&mut self, key: &str, knowledge: Knowledge, end: Tick) -> StateEntry {
        self.store.truth.insert(key.into(), (knowledge, self.now, end));
        StateEntry { key: key.into(), knowledge, end }
    }

    fn fails(&mut self, op: &StoreOp) -> bool {
        let is_down = self.store.outage.is_some_and(|(from, to)| (from..to).contains(&self.now));
        let is_poll = matches!(op.kind, OpKind::Poll(..));
        is_down || is_poll && self.draws.unit() < self.store.poll_failures
    }

    /// The instant as of which a list answers that is asked for now.
    fn list_time(&self) -> Tick {
        let Some(Published { every, phase, cached_for, cache_phase }) = self.store.published else {
            return self.now;
        };
        let last = |at: f64, every: f64, phase: f64| ((at - phase) / every).floor() * every + phase;
        let now = self.now.0 as f64 / 1e9;
        at(last(last(now, cached_for, cache_phase), every, phase))
    }

    fn outcome(&mut self, op: &StoreOp) -> StoreOutcome {
        if self.fails(op) {
            return StoreOutcome::Failed(StoreFailure::Refused);
        }
        let known = |key: &str| match self.store.truth.get(key) {
            Some((knowledge, ..)) if !self.store.lost.contains(key) => *knowledge,
            _ => Knowledge::Clear,
        };
        match &op.kind {
            OpKind::Lookup(keys) => {
                StoreOutcome::Answers(keys.iter().map(|key| known(key)).collect())
            }
            OpKind::Poll(scope, since) => {
                let as_of = self.list_time();
                let entries = self.store.truth.iter().filter(|(key, (_, from, end))| {
                    *from <= as_of
                        && *end > as_of
                        && !self.store.lost.contains(*key)
                        && (*scope == PollScope::Full || *from >= *since)
                });
                let entries = entries.map(|(key, (knowledge, _, end))| {
                    let (knowledge, end) = (*knowledge, *end);
                    StateEntry { key: key.as_str().into(), knowledge, end }
                });
                StoreOutcome::Listing(StoreListing {
                    entries: entries.collect::<Vec<_>>().into(),
                    is_full: *scope == PollScope::Full,
                    as_of: self.store.published.map(|_| as_of),
                    until: None,
                })
            }
        }
    }

    /// Sends requests, and hands answers to waiting tokens.
    pub fn drain(&mut self) {
        while let Some(op) = self.check.next_op() {
            match &op.kind {
                OpKind::Lookup(_) => self.lookups += 1,
                OpKind::Poll(..) => self.polls += 1,
            }
            let outcome = self.outcome(&op);
            self.outcomes.insert(op.id, outcome);
            self.in_flight.push(Reverse((self.now + self.store.latency, op.id)));
        }
        self.most_in_flight = self.most_in_flight.max(self.in_flight.len());
        while let Some((ticket, answer)) = self.check.next_wake() {
            let (key, arrival) = self.waiting.remove(&ticket).expect("a ticket is woken once");
            self.woken.push((key, arrival, self.now, answer));
        }
    }

    /// The instant of the next event.
    pub fn next(&self) -> Option<Tick> {
        let answer = self.in_flight.peek().map(|Reverse((at, _))| *at);
        answer.into_iter().chain(self.check.next_deadline()).min()
    }

    /// One event.
    pub fn step(&mut self) {
        let answer = self.in_flight.peek().map(|Reverse((at, _))| *at);
        let deadline = self.check.next_deadline();
        match (answer, deadline) {
            (Some(answer), deadline) if deadline.is_none_or(|deadline| answer <= deadline) => {
                let Some(Reverse((at, id))) = self.in_flight.pop() else { return };
                self.now = self.now.max(at);
                let outcome = self.outcomes.remove(&id).expect("an outcome");
                self.check.finished(id, outcome, self.now);
            }
            (_, Some(deadline)) => {
                self.now = self.now.max(deadline);
                self.check.tick(self.now);
            }
            _ => {}
        }
        self.drain();
    }

    /// Every event up to this instant.
    pub fn run_to(&mut self, end: Tick) {
        while self.next().is_some_and(|at| at <= end) {
            self.step();
        }
        self.now = self.now.max(end);
    }

    /// A token without an end comes in.
    pub fn present(&mut self, key: &str) -> StateAnswer {
        let ticket = Ticket { worker: 0, place: self.next_place };
        self.next_place += 1;
        let answer = self.check.ask(&token(key), ticket, self.now);
        if answer == StateAnswer::Wait {
            self.waiting.insert(ticket, (key.into(), self.now));
        }
        self.drain();
        answer
    }

    /// Whether a token would be refused now without a question.
    pub fn refuses(&self, key: &str) -> bool {
        let answer = self.check.peek(&token(key), self.now);
        matches!(answer, Some(StateAnswer::Decided(Err(_), _)))
    }

    /// A list of the store as a push sends it.
    pub fn push(&mut self, seq: Option<u64>, entry: StateEntry) {
        self.check.pushed(seq, &[entry], self.now);
        self.drain();
    }

    /// The store's answers that are still to come.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}

/// A token under this key that never ends.
pub fn token(key: &str) -> StateToken<'_> {
    StateToken { key: Some(key), version: None, issued_at: None, expires: Tick::MAX }
}
