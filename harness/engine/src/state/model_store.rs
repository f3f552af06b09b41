//! The model of a store of the state, and the links to the instances of a fleet. It learns of
//! revocations, answers requests and sends messages, with the faults of its setting.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;

use jwtbench_scenario::format::cache::Start;
use jwtbench_scenario::model::state::{DataLoss, StoreFault, StoreSetting};
use jwtbench_scenario::plan::Plan;
use jwtbench_scenario::plan::random::{self, unit};
use jwtbench_verifier::state_check::{
    Knowledge, OpId, OpKind, StateEntry, StoreFailure, StoreListing, StoreOp, StoreOutcome,
};
use jwtbench_verifier::state_strategy::{Carrier, OnOutage, PollScope, StateStrategy};
use jwtbench_verifier::tick::Tick;

use super::fleet::StateFleet;
use super::store::MAX_LIST;
use super::truth::StateTruth;

/// The number of services of the lookups that are drawn up to which a wait is not counted, where
/// others are not drawn.
const SHORT_WAIT: u32 = 50;

/// An entry of the store.
struct StoredEntry {
    entry: StateEntry,
    /// The instant at which the store learned of it.
    since: Tick,
    is_lost: bool,
}

/// What is under way to an instance.
enum InFlight {
    Outcome(OpId, StoreOutcome),
    Message { instance: u32, entries: Arc<[StateEntry]> },
    Heartbeat,
}

/// What was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// The outcome of a request, to the instance that made it.
    Outcome {
        /// The instance.
        instance: u32,
        /// Whether the request failed.
        failed: bool,
    },
    /// A message, to this instance.
    Message {
        /// The instance.
        instance: u32,
    },
    /// A heartbeat, to all instances that hear of it.
    Heartbeat,
    /// Nothing was under way.
    Nothing,
}

/// The load of the store.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoreLoad {
    /// The lookups of each second, those of tokens that are not drawn included.
    pub(crate) lookups: Vec<f64>,
    /// The polls of each second.
    pub(crate) polls: Vec<f64>,
}

/// The store.
pub(crate) struct ModelStore {
    setting: StoreSetting,
    carrier: Carrier,
    replays: bool,
    heartbeat: Option<Duration>,
    sample: f64,
    /// The end of the measured time, after which requests are not counted.
    horizon: Tick,
    random: ChaCha8Rng,
    entries: Vec<StoredEntry>,
    by_key: HashMap<Box<str>, usize>,
    /// What the issuer decided while the store could not be told.
    pending: Vec<StateEntry>,
    /// What is under way, by the instant at which it arrives and in the order of sending.
    in_flight: BTreeMap<(Tick, u64), InFlight>,
    next: u64,
    /// The instant until which the store is at work on requests.
    busy: Tick,
    /// For each instance whether its link is up.
    links: Vec<bool>,
    /// For each instance the number of entries of which it was sent a message, or was meant to.
    sent: Vec<usize>,
    /// The whole list as of the last change.
    listing: Option<(usize, Arc<[StateEntry]>)>,
    pub(crate) load: StoreLoad,
}

impl ModelStore {
    /// The store at the beginning of a plan. [`ModelStore::open`] makes its links.
    pub(crate) fn new(
        plan: &Plan,
        strategy: &StateStrategy,
        instances: u32,
        truth: &StateTruth,
    ) -> ModelStore {
        let push = strategy.push();
        let state = plan.scenario.state.as_ref();
        let seconds = plan.scenario.load.duration.as_secs_f64().ceil() as usize;
        let mut store = ModelStore {
            setting: plan.scenario.phases[0].store.clone(),
            carrier: strategy.carrier,
            replays: push.is_some_and(|push| push.replays),
            heartbeat: push.and_then(|push| push.heartbeat),
            sample: state.map_or(1.0, |state| state.sample),
            horizon: Tick::ZERO + plan.scenario.load.duration,
            random: random::stream(plan.seed, &["store"]),
            entries: Vec::with_capacity(truth.entries()),
            by_key: HashMap::with_capacity(truth.entries()),
            pending: Vec::new(),
            in_flight: BTreeMap::new(),
            next: 0,
            busy: Tick::MIN,
            links: if push.is_some() { vec![false; instances as usize] } else { Vec::new() },
            sent: vec![0; instances as usize],
            listing: None,
            load: StoreLoad { lookups: vec![0.0; seconds], polls: vec![0.0; seconds] },
        };
        truth.before.iter().for_each(|entry| store.learn(entry.clone(), Tick::MIN));
        if plan.scenario.cache.start != Start::Cold {
            // A warm instance has them.
            store.sent.fill(store.entries.len());
        }
        if let Some(pause) = store.heartbeat {
            store.send(Tick::ZERO + pause / 2, InFlight::Heartbeat);
        }
        store
    }

    fn send(&mut self, at: Tick, one: InFlight) {
        self.in_flight.insert((at, self.next), one);
        self.next += 1;
    }

    /// Whether the store can be told of a revocation. The issuer tells itself.
    fn listens(&self) -> bool {
        self.setting.fault == StoreFault::None || self.carrier == Carrier::Introspection
    }

    /// The issuer decides on tokens.
    pub(crate) fn tell(&mut self, entries: &[StateEntry], fleet: &StateFleet, now: Tick) {
        let is_memory = self.carrier == Carrier::Memory;
        if !is_memory && !self.listens() {
            self.pending.extend_from_slice(entries);
            return;
        }
        entries.iter().for_each(|entry| self.learn(entry.clone(), now));
        if is_memory {
            (0..fleet.len()).for_each(|number| fleet.pushed(number, None, entries, now));
        } else {
            self.publish(now);
        }
    }

    fn learn(&mut self, entry: StateEntry, now: Tick) {
        self.by_key.insert(entry.key.clone(), self.entries.len());
        self.entries.push(StoredEntry { entry, since: now, is_lost: false });
    }

    /// Sends each instance what it has not been sent, over links that are up.
    fn publish(&mut self, now: Tick) {
        let last = self.entries.len();
        for number in 0..self.links.len() {
            if !self.links[number] || self.is_silent(number) || self.sent[number] == last {
                continue;
            }
            let first = std::mem::replace(&mut self.sent[number], last);
            let loss = if self.replays { 0.0 } else { self.setting.push_loss };
            let mut kept = Vec::with_capacity(last - first);
            for stored in first..last {
                if loss == 0.0 || unit(&mut self.random) >= loss {
                    kept.push(self.entries[stored].entry.clone());
                }
            }
            if !kept.is_empty() {
                let (instance, entries) = (number as u32, kept.into());
                self.send(now + self.setting.propagation, InFlight::Message { instance, entries });
            }
        }
    }

    /// Whether nothing comes over the link of an instance, although it looks as if it were up.
    fn is_silent(&self, number: usize) -> bool {
        let silent = self.setting.links_silent * self.links.len() as f64;
        number < silent.round() as usize
    }

    /// Makes the links to the instances, but for those that its setting has down.
    pub(crate) fn open(&mut self, fleet: &StateFleet, now: Tick) {
        for number in 0..self.links.len() {
            self.set_link(number, self.has_link(number), fleet, now);
        }
    }

    fn has_link(&self, number: usize) -> bool {
        let down = (self.setting.links_down * self.links.len() as f64).round() as usize;
        !self.setting.fault.cuts_links() && number >= down
    }

    /// Puts another setting in force.
    pub(crate) fn apply(&mut self, setting: &StoreSetting, fleet: &StateFleet, now: Tick) {
        self.setting = setting.clone();
        self.lose(now);
        if self.listens() {
            for entry in std::mem::take(&mut self.pending) {
                self.learn(entry, now);
            }
        }
        for number in 0..self.links.len() {
            let is_up = self.has_link(number);
            if self.links[number] != is_up {
                self.set_link(number, is_up, fleet, now);
            }
        }
        if self.setting.fault == StoreFault::None {
            self.publish(now);
        }
    }

    fn set_link(&mut self, number: usize, is_up: bool, fleet: &StateFleet, now: Tick) {
        self.links[number] = is_up;
        let from = self.sent[number];
        if is_up {
            self.sent[number] = self.entries.len();
        }
        let missed: Vec<StateEntry> = match is_up && self.replays {
            true => {
                let missed = self.entries[from..].iter().filter(|stored| !stored.is_lost);
                missed.map(|stored| stored.entry.clone()).collect()
            }
            false => Vec::new(),
        };
        fleet.drive(number as u32, |check| {
            if !missed.is_empty() {
                check.pushed(None, &missed, now);
            }
            check.link(is_up, now);
        });
    }

    /// An instance that has restarted connects, if it can. Whenever it does, a replay sends it
    /// everything from the beginning.
    pub(crate) fn reconnect(&mut self, number: u32, fleet: &StateFleet, now: Tick) {
        let place = number as usize;
        self.sent[place] = 0;
        if self.links.get(place).copied().unwrap_or_default() && !self.is_silent(place) {
            self.set_link(place, true, fleet, now);
        }
    }

    /// Loses what the setting says.
    fn lose(&mut self, now: Tick) {
        let loss = self.setting.data_lost;
        if loss == DataLoss::None {
            return;
        }
        for stored in &mut self.entries {
            let draw = unit(&mut self.random);
            stored.is_lost |= match loss {
                DataLoss::None => false,
                DataLoss::All => true,
                DataLoss::Last(last) => now.since(stored.since) <= last,
                DataLoss::Share(share) => draw * 100.0 < share,
            };
        }
        self.listing = None;
    }

    /// Answers requests at this instant.
    pub(crate) fn answer(&mut self, ops: Vec<StoreOp>, now: Tick) {
        for op in ops {
            let (delay, outcome) = self.exchange(&op, now);
            self.send(now + delay, InFlight::Outcome(op.id, outcome));
        }
    }

    /// The time until the outcome of a request, and the outcome.
    fn exchange(&mut self, op: &StoreOp, now: Tick) -> (Duration, StoreOutcome) {
        self.count(&op.kind, now);
        let failed = |delay, failure| (delay, StoreOutcome::Failed(failure));
        let latency = self.latency();
        let answers = matches!(self.setting.fault, StoreFault::Reset | StoreFault::Error);
        if answers && latency > op.timeouts.answer {
            return failed(op.timeouts.answer, StoreFailure::AnswerTimeout);
        }
        match self.setting.fault {
            StoreFault::None => {}
            StoreFault::Refused => return failed(Duration::ZERO, StoreFailure::Refused),
            StoreFault::Silent => {
                return failed(op.timeouts.answer, StoreFailure::AnswerTimeout);
            }
            StoreFault::Reset => return failed(latency, StoreFailure::Reset),
            StoreFault::Error => return failed(latency, StoreFailure::Error),
        }
        let delay = latency + self.queue(&op.kind, now);
        if delay > op.timeouts.answer {
            return failed(op.timeouts.answer, StoreFailure::AnswerTimeout);
        }
        if self.carrier == Carrier::StatusList && self.setting.list_size > MAX_LIST {
            return failed(delay, StoreFailure::Error);
        }
        let as_of = now - self.setting.replica_lag;
        let outcome = match &op.kind {
            OpKind::Lookup(keys) => StoreOutcome::Answers(
                keys.iter().map(|key| self.known(key, (as_of, now))).collect(),
            ),
            OpKind::Poll(scope, since) => StoreOutcome::Listing(self.list(*scope, *since, now)),
        };
        (delay, outcome)
    }

    /// The requests of a poll: a scan is as many as there are keys.
    fn polled(&self, scope: PollScope) -> f64 {
        match (scope, self.setting.keyspace) {
            (PollScope::Full, keys) if keys > 0 && self.carrier != Carrier::StatusList => {
                keys as f64
            }
            _ => 1.0,
        }
    }

    fn count(&mut self, kind: &OpKind, now: Tick) {
        if now < Tick::ZERO || now >= self.horizon {
            return;
        }
        let second = now.since(Tick::ZERO).as_secs() as usize;
        let (is_lookup, weight) = match kind {
            // A lookup stands for those of the tokens that are not drawn.
            OpKind::Lookup(_) => (true, 1.0 / self.sample),
            OpKind::Poll(scope, _) => (false, self.polled(*scope)),
        };
        let StoreLoad { lookups, polls } = &mut self.load;
        let counts = if is_lookup { lookups } else { polls };
        if let Some(count) = counts.get_mut(second) {
            *count += weight;
        }
    }

    fn latency(&mut self) -> Duration {
        let StoreSetting { latency, jitter, .. } = self.setting;
        match jitter.is_zero() {
            true => latency,
            false => latency - jitter + jitter.mul_f64(2.0 * unit(&mut self.random)),
        }
    }

    /// The time that a request waits for those before it, and its own. A lookup stands for those of
    /// the tokens that are not drawn.
    fn queue(&mut self, kind: &OpKind, now: Tick) -> Duration {
        let Some(capacity) = self.setting.capacity else {
            return Duration::ZERO;
        };
        let (own, service) = match kind {
            OpKind::Lookup(_) => (1.0 / capacity, 1.0 / (capacity * self.sample)),
            OpKind::Poll(scope, _) => {
                (self.polled(*scope) / capacity, self.polled(*scope) / capacity)
            }
        };
        let [own, service] = [own, service].map(Duration::from_secs_f64);
        let start = self.busy.max(now);
        self.busy = start + service;
        let wait = start.since(now);
        // One lookup stands for many that come apart, so a short wait is one of the sample alone.
        if own < service && wait < service * SHORT_WAIT { own } else { wait + own }
    }

    /// What the store knew of a key at `as_of`. It forgets what concerns no token any more.
    fn known(&self, key: &str, (as_of, now): (Tick, Tick)) -> Knowledge {
        let stored = self.by_key.get(key).map(|place| &self.entries[*place]);
        match stored {
            Some(StoredEntry { entry, since, is_lost: false })
                if *since <= as_of && now < entry.end =>
            {
                entry.knowledge
            }
            _ => Knowledge::Clear,
        }
    }

    /// The instant until which the store, asked from now on, lets the tokens of a key pass; `None`
    /// if it does not.
    pub(crate) fn trusts_until(
        &self,
        key: &str,
        strategy: &StateStrategy,
        now: Tick,
    ) -> Option<Tick> {
        let answer = strategy.lookup.as_ref().map(|lookup| lookup.timeouts.answer);
        let StoreSetting { latency, jitter, .. } = self.setting;
        let is_slow = answer.is_some_and(|answer| latency - jitter > answer);
        if self.setting.fault != StoreFault::None || is_slow {
            return (strategy.on_outage == OnOutage::Open).then_some(Tick::MAX);
        }
        let stored = self.by_key.get(key).map(|place| &self.entries[*place]);
        match stored {
            Some(stored) if !stored.is_lost => {
                let known_at = stored.since + self.setting.replica_lag;
                (known_at > now).then_some(known_at)
            }
            Some(_) => Some(Tick::MAX),
            // It is being told at this instant.
            None => None,
        }
    }

    fn list(&mut self, scope: PollScope, since: Tick, now: Tick) -> StoreListing {
        let StoreSetting { replica_lag, published_every, list_lifetime, .. } = self.setting;
        let is_published = self.carrier == Carrier::StatusList && !published_every.is_zero();
        let as_of = match is_published {
            true => Tick(now.0 - now.0.rem_euclid(published_every.as_nanos() as i64)),
            false => now - replica_lag,
        };
        let last = self.entries.partition_point(|stored| stored.since <= as_of);
        let is_live = |stored: &&StoredEntry| !stored.is_lost && stored.entry.end > now;
        let entries: Arc<[StateEntry]> = match (scope, &self.listing) {
            (PollScope::Full, Some((known, listing))) if *known == last => Arc::clone(listing),
            (PollScope::Full, _) => {
                let live = self.entries[..last].iter().filter(is_live);
                let listing: Arc<[StateEntry]> = live.map(|stored| stored.entry.clone()).collect();
                self.listing = Some((last, Arc::clone(&listing)));
                listing
            }
            (PollScope::Delta, _) => {
                let first = self.entries.partition_point(|stored| stored.since < since).min(last);
                let live = self.entries[first..last].iter().filter(is_live);
                live.map(|stored| stored.entry.clone()).collect()
            }
        };
        let until = list_lifetime.filter(|_| self.carrier == Carrier::StatusList);
        StoreListing {
            entries,
            is_full: scope == PollScope::Full,
            // What a replica does not have yet is asked for again.
            as_of: (is_published || !replica_lag.is_zero()).then_some(as_of),
            until: until.map(|lifetime| as_of + lifetime),
        }
    }

    /// The instant at which the next answer or message arrives.
    pub(crate) fn next_completion(&self) -> Option<Tick> {
        self.in_flight.first_key_value().map(|((at, _), _)| *at)
    }

    /// Hands over the next answer or message.
    pub(crate) fn complete(&mut self, fleet: &StateFleet, now: Tick) -> Delivery {
        match self.in_flight.pop_first().map(|(_, one)| one) {
            Some(InFlight::Outcome(id, outcome)) => {
                let failed = outcome.is_failure();
                fleet.finished(id, outcome, now);
                Delivery::Outcome { instance: id.instance(), failed }
            }
            Some(InFlight::Message { instance, entries }) => {
                fleet.pushed(instance, None, &entries, now);
                Delivery::Message { instance }
            }
            Some(InFlight::Heartbeat) => {
                self.beat(fleet, now);
                Delivery::Heartbeat
            }
            None => Delivery::Nothing,
        }
    }

    /// Sends a heartbeat over every link that is up, while the store works.
    fn beat(&mut self, fleet: &StateFleet, now: Tick) {
        if self.setting.fault == StoreFault::None {
            let heard = (0..self.links.len())
                .filter(|number| self.links[*number] && !self.is_silent(*number));
            heard.for_each(|number| fleet.drive(number as u32, |check| check.heartbeat(now)));
        }
        if let Some(pause) = self.heartbeat {
            self.send(now + pause / 2, InFlight::Heartbeat);
        }
    }

    /// Whether instances know of a revocation at its instant.
    pub(crate) fn tells_at_once(&self) -> bool {
        self.carrier == Carrier::Memory
    }
}
