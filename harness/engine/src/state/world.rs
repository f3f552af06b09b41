//! The state of a run: the truth, the store, the instances, and how long revoked
//! tokens stay trusted.

use std::sync::Arc;
use std::time::Duration;

use jwtbench_scenario::model::place::{TokenPlace, WorkerPlace};
use jwtbench_scenario::model::state::StoreSetting;
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::state_strategy::{Adopt, Feed, OnGap, Prune, StateStrategy};
use jwtbench_verifier::tick::Tick;

use super::bound::bounds;
use super::exposures::{ExposureTimes, Exposures};
use super::fleet::StateFleet;
use super::model_store::{Delivery, ModelStore, StoreLoad};
use super::truth::StateTruth;

/// The state of a run.
pub(crate) struct StateWorld<'s> {
    pub(crate) fleet: &'s StateFleet,
    pub(crate) truth: Arc<StateTruth>,
    pub(crate) store: ModelStore,
    pub(crate) exposures: Exposures,
    /// The number of revocations that have happened, and of batches of others.
    revoked: usize,
    others: usize,
    most_held: (usize, usize),
    horizon: Tick,
    /// The most by which something was done later than it was due.
    pub(crate) late: Duration,
}

/// What is due of the state, in the order of things at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum StateTurn {
    /// An answer or a message arrives.
    Completion,
    /// A deadline of a machine.
    Deadline,
    /// The issuer revokes a token.
    Revocation,
}

/// What came of the state of a run.
pub(crate) struct StateRecord {
    /// The store.
    pub(crate) store: String,
    pub(crate) load: StoreLoad,
    pub(crate) times: ExposureTimes,
    /// For each revocation the least exposure of whoever locks nobody out, in seconds; `None` if it
    /// is beyond the horizon.
    pub(crate) bounds: Vec<Option<f64>>,
    /// The most entries that the first instance held just after a revocation, and the most bytes
    /// that they took.
    pub(crate) most_held: (usize, usize),
}

/// The store that the harness plays.
const MODEL: &str = "model";

impl StateRecord {
    /// A record of the revocations of a plan alone.
    pub(crate) fn unobserved(plan: &Plan, truth: &StateTruth) -> StateRecord {
        let horizon = Tick::ZERO + plan.scenario.load.duration;
        StateRecord {
            store: String::new(),
            load: StoreLoad::default(),
            times: ExposureTimes::default(),
            bounds: bounds(plan, truth, horizon),
            most_held: (0, 0),
        }
    }
}

impl<'s> StateWorld<'s> {
    /// What came of it.
    pub(crate) fn finish(self, plan: &Plan) -> StateRecord {
        let bounds = bounds(plan, &self.truth, self.horizon);
        let (load, most_held) = (self.store.load, self.most_held);
        let (store, times) = (MODEL.to_owned(), self.exposures.finish(self.horizon));
        StateRecord { store, load, times, bounds, most_held }
    }

    /// The state of a plan at the beginning, before which nothing has happened.
    pub(crate) fn new(
        plan: &Plan,
        fleet: &'s StateFleet,
        truth: Arc<StateTruth>,
        beginning: Tick,
    ) -> StateWorld<'s> {
        let mut store = ModelStore::new(plan, fleet.strategy(), fleet.len(), &truth);
        store.open(fleet, beginning);
        let horizon = Tick::ZERO + plan.scenario.load.duration;
        let reopens = plan.scenario.first_restart().is_some() || may_forget(fleet.strategy());
        let exposures = Exposures::new(Arc::clone(&truth), fleet.len(), reopens);
        let mut world = StateWorld {
            fleet,
            truth,
            store,
            exposures,
            revoked: 0,
            others: 0,
            most_held: (0, 0),
            horizon,
            late: Duration::ZERO,
        };
        world.note_held();
        world
    }

    /// Does everything that is due, each at its own instant and in the order of the engine, and
    /// answers the requests that were made. In real time this is done a little late, so a request
    /// is answered by what is true after it was made.
    pub(crate) fn catch_up(&mut self, clock: impl Fn() -> Tick) {
        loop {
            let ops = self.fleet.take_ops();
            let now = clock();
            let mut is_done = ops.is_empty();
            while let Some((at, turn)) = self.next_turn().filter(|(at, _)| *at <= now) {
                is_done = false;
                match turn {
                    StateTurn::Completion => self.complete(at),
                    StateTurn::Deadline => self.tick(at),
                    StateTurn::Revocation => self.revoke(at),
                }
                self.late = self.late.max(clock().since(at));
            }
            self.store.answer(ops, now);
            if is_done {
                return;
            }
        }
    }

    /// The next instant at which something is due; `None` if nothing is.
    pub(crate) fn next_at(&self) -> Option<Tick> {
        self.next_turn().map(|(at, _)| at)
    }

    /// Whether nothing is due, and no machine will ever ask for anything.
    pub(crate) fn is_still(&self) -> bool {
        let strategy = self.fleet.strategy();
        let asks_nobody =
            strategy.lookup.is_none() && strategy.feed.as_ref().is_none_or(Feed::is_memory);
        asks_nobody && self.next_turn().is_none()
    }

    fn next_turn(&self) -> Option<(Tick, StateTurn)> {
        let turns = [
            self.next_completion().map(|at| (at, StateTurn::Completion)),
            self.next_deadline().map(|at| (at, StateTurn::Deadline)),
            self.next_revocation().map(|at| (at, StateTurn::Revocation)),
        ];
        turns.into_iter().flatten().min()
    }

    pub(crate) fn next_deadline(&self) -> Option<Tick> {
        self.fleet.next_deadline().map(|(at, _)| at)
    }

    /// Tells every instance that is due that time has passed.
    pub(crate) fn tick(&mut self, now: Tick) {
        while let Some((_, number)) = self.fleet.next_deadline().filter(|(at, _)| *at <= now) {
            self.fleet.drive(number, |check| check.tick(now));
            self.look(number, now);
            // A machine that stays due would hold up the time.
            if self.fleet.next_deadline() == Some((now, number)) {
                break;
            }
        }
    }

    pub(crate) fn next_revocation(&self) -> Option<Tick> {
        let others = self.truth.others.get(self.others).map(|(at, _)| *at);
        self.next_of_holders().into_iter().chain(others).min()
    }

    fn next_of_holders(&self) -> Option<Tick> {
        self.truth.revocations.get(self.revoked).map(|one| one.at)
    }

    /// The issuer revokes the next token, or tokens that never arrive. The exposure begins before
    /// anybody is told.
    pub(crate) fn revoke(&mut self, now: Tick) {
        let truth = Arc::clone(&self.truth);
        if self.next_of_holders() != self.next_revocation()
            && let Some((_, entries)) = truth.others.get(self.others)
        {
            self.others += 1;
            self.note_held();
            self.store.tell(entries, self.fleet, now);
            return;
        }
        let Some(revocation) = truth.revocations.get(self.revoked) else {
            return;
        };
        let (fleet, store) = (self.fleet, &self.store);
        let asked = |key: &str| store.trusts_until(key, fleet.strategy(), now);
        self.exposures.begin(self.revoked as u32, fleet, &asked, now);
        self.revoked += 1;
        self.note_held();
        if revocation.is_told {
            self.store.tell(std::slice::from_ref(&revocation.entry), self.fleet, now);
        }
        // Whoever asks may still hear of nothing, from a replica.
        if self.store.tells_at_once() || self.fleet.strategy().feed.is_none() {
            self.look_at_all(now);
        }
    }

    /// Notes what the first instance holds.
    fn note_held(&mut self) {
        let (entries, bytes) = self.most_held;
        self.most_held =
            self.fleet.look(0, |check| (check.entries().max(entries), check.bytes().max(bytes)));
    }

    fn look_at_all(&mut self, now: Tick) {
        (0..self.fleet.len()).for_each(|number| self.look(number, now));
    }

    fn look(&mut self, number: u32, now: Tick) {
        let (fleet, store) = (self.fleet, &self.store);
        let asked = |key: &str| store.trusts_until(key, fleet.strategy(), now);
        self.exposures.look(number, fleet, &asked, now);
    }

    /// Answers the requests that were made at this instant.
    pub(crate) fn answer(&mut self, now: Tick) {
        self.store.answer(self.fleet.take_ops(), now);
    }

    pub(crate) fn next_completion(&self) -> Option<Tick> {
        self.store.next_completion()
    }

    /// Hands over what arrives next.
    pub(crate) fn complete(&mut self, now: Tick) {
        let asks_alone = self.fleet.strategy().feed.is_none();
        match self.store.complete(self.fleet, now) {
            Delivery::Outcome { instance, failed: true } if asks_alone => {
                self.exposures.alarm(instance, self.fleet, now);
            }
            // An answer to a question changes nothing for a token that was revoked before.
            Delivery::Outcome { .. } if asks_alone => {}
            Delivery::Outcome { instance, .. } | Delivery::Message { instance } => {
                self.look(instance, now);
            }
            Delivery::Heartbeat => self.look_at_all(now),
            Delivery::Nothing => {}
        }
    }

    /// Puts another setting of the store in force.
    pub(crate) fn apply(&mut self, setting: &StoreSetting, now: Tick) {
        self.store.apply(setting, self.fleet, now);
        self.look_at_all(now);
    }

    /// Restarts this share of the instances, in percent, after those of earlier turns. Each
    /// connects again at once, if it can.
    pub(crate) fn restart(&mut self, share: f64, turn: u32, now: Tick) {
        for number in self.fleet.restarted_by(share, turn) {
            self.fleet.restart(number);
            self.store.reconnect(number, self.fleet, now);
            self.fleet.drive(number, |check| check.tick(now));
            self.look(number, now);
        }
    }

    /// A token was accepted. If it was revoked before it arrived, it is exposed at least until now.
    pub(crate) fn accepted(&mut self, worker: WorkerPlace, token: TokenPlace, span: (Tick, Tick)) {
        let (arrival, now) = span;
        if self.truth.revoked_at(token) <= arrival && now <= self.horizon {
            self.exposures.accepted(worker, token, now);
        }
    }
}

/// Whether an instance may trust a revoked token again that it refused: what it holds is replaced
/// by a list, or dropped, or it asks a store that may forget or fail.
fn may_forget(strategy: &StateStrategy) -> bool {
    let drops = |feed: &Feed| {
        feed.adopt == Adopt::Replace || feed.push.is_some_and(|push| push.on_gap == OnGap::Flush)
    };
    strategy.lookup.is_some()
        || matches!(strategy.prune, Prune::After(_))
        || strategy.feed.as_ref().is_some_and(drops)
}
