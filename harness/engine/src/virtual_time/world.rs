//! The endpoint, the transport and the clock of virtual time, in memory.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jwtbench_scenario::model::endpoint::{EndpointSetting, Fault};
use jwtbench_scenario::model::state::StoreSetting;
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::key_cache::{FetchFailure, FetchId};
use jwtbench_verifier::tick::Tick;

use crate::jwks::caches::Caches;
use crate::jwks::document::Document;
use crate::jwks::endpoint::ServedCounts;
use crate::jwks::faults::{self, Body};
use crate::jwks::in_process::InProcess;
use crate::trial::TrialError;
use crate::trial::script::ScriptTarget;

use crate::state::world::StateWorld;

/// The result that an attempt under way will bring. It shares the bytes of the key set, as there
/// may be many attempts.
struct PendingOutcome {
    reply: Result<Body, FetchFailure>,
    key_set: Arc<[u8]>,
    max_age: Option<Duration>,
}

impl PendingOutcome {
    /// The result as it arrives.
    fn arrive(self) -> Result<Document, FetchFailure> {
        let body = match self.reply? {
            Body::KeySet => self.key_set.to_vec(),
            Body::Bytes(body) => body,
            // The body's one entry is of no known type, so the shortest such body is read the same
            // way.
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
    pub(crate) served: ServedCounts,
    in_flight: BinaryHeap<Reverse<(Tick, FetchId)>>,
    replies: HashMap<FetchId, PendingOutcome>,
    pub(crate) caches: &'s Caches,
    transport: InProcess,
    /// The state beyond tokens, if instances learn of it by a strategy.
    pub(crate) state: Option<StateWorld<'s>>,
}

impl<'s> World<'s> {
    /// The world at `now`, with the endpoint as at the beginning of the plan.
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
            state: None,
        }
    }

    /// The world with a state that instances learn of by a strategy.
    pub(crate) fn with_state(self, state: Option<StateWorld<'s>>) -> World<'s> {
        World { state, ..self }
    }

    /// The instant at which a key cache or an instance must be told that time has passed.
    pub(crate) fn next_deadline(&self) -> Option<Tick> {
        let state = self.state.as_ref().and_then(StateWorld::next_deadline);
        self.caches.next_deadline().into_iter().chain(state).min()
    }

    /// Tells the key caches and the instances that time has passed.
    pub(crate) fn tick(&mut self) {
        self.caches.tick(self.now);
        if let Some(state) = &mut self.state {
            state.tick(self.now);
        }
    }

    /// The instant of the next revocation.
    pub(crate) fn next_revocation(&self) -> Option<Tick> {
        self.state.as_ref().and_then(StateWorld::next_revocation)
    }

    /// The issuer revokes the next token.
    pub(crate) fn revoke(&mut self) {
        if let Some(state) = &mut self.state {
            state.revoke(self.now);
        }
    }

    /// Answers the attempts that were started at this instant.
    pub(crate) fn answer(&mut self) {
        if let Some(state) = &mut self.state {
            state.answer(self.now);
        }
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
        let state = self.state.as_ref().and_then(StateWorld::next_completion);
        self.next_key_set().into_iter().chain(state).min()
    }

    fn next_key_set(&self) -> Option<Tick> {
        self.in_flight.peek().map(|Reverse((at, _))| *at)
    }

    /// Whether what arrives next is a key set, or the failure to fetch one. Of a key set and
    /// something of the store at one instant, the key set comes first.
    pub(crate) fn is_key_set_next(&self) -> bool {
        let state = self.state.as_ref().and_then(StateWorld::next_completion);
        self.next_key_set().is_some_and(|at| state.is_none_or(|state| at <= state))
    }

    /// Hands over what arrives next.
    pub(crate) fn complete(&mut self) {
        if !self.is_key_set_next() {
            let now = self.now;
            self.state.iter_mut().for_each(|state| state.complete(now));
            return;
        }
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

    fn set_store(&mut self, setting: &StoreSetting) {
        if let Some(state) = &mut self.state {
            state.apply(setting, self.now);
        }
    }

    fn restart(&mut self, share: f64, turn: u32) {
        if let Some(state) = &mut self.state {
            state.restart(share, turn, self.now);
        }
    }

    fn served(&self) -> ServedCounts {
        self.served
    }

    fn now(&self) -> Tick {
        self.now
    }
}
