//! Questions to a store, one token at a time: shared, sent together, repeated, cut off.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::key_cache::Ticket;
use crate::rejection::Rejection;
use crate::state_strategy::{Lookup, LookupCoalescing, OnGap, StateStrategy, StoreTimeouts};
use crate::tick::Tick;

use super::answers::CachedAnswers;
use super::breaker::BreakerState;
use super::wait::StateWait;
use super::{
    OpId, OpKind, StateAnswer, StateCheck, StateEntry, StateGround, StateToken, StoreOutcome,
};

/// The state of lookups.
#[derive(Clone, Debug, Default)]
pub(super) struct LookupState {
    pub(super) answers: CachedAnswers,
    breaker: BreakerState,
    /// The requests under way, by the name of their present attempt.
    flights: BTreeMap<OpId, LookupFlight>,
    /// The keys that wait for others, with the start of the first.
    batch: Option<LookupFlight>,
    pub(super) waiting: usize,
}

/// A request under way, and the tokens that wait for it.
#[derive(Clone, Debug)]
struct LookupFlight {
    keys: Vec<Arc<str>>,
    waits: Vec<StateWait>,
    started: Tick,
    retries: u32,
    /// The start of the next attempt, if the last one failed.
    retry_at: Option<Tick>,
    /// Whether the answer may be older than what is known by now. It is not kept then.
    is_outdated: bool,
}

impl LookupFlight {
    fn new(key: Arc<str>, wait: StateWait, started: Tick) -> LookupFlight {
        LookupFlight {
            keys: vec![key],
            waits: vec![wait],
            started,
            retries: 0,
            retry_at: None,
            is_outdated: false,
        }
    }
}

impl LookupState {
    /// The instant at which something is due.
    pub(super) fn due(&self, strategy: &StateStrategy) -> Option<Tick> {
        let retries = self.flights.values().filter_map(|flight| flight.retry_at);
        let batch = self.batch.as_ref().zip(strategy.lookup.as_ref());
        let batch = batch.and_then(|(batch, terms)| match terms.coalescing {
            LookupCoalescing::Batch { window, .. } => Some(batch.started + window),
            _ => None,
        });
        retries.chain(batch).min()
    }

    fn take_due(&mut self, now: Tick) -> Vec<LookupFlight> {
        let is_due = |flight: &LookupFlight| flight.retry_at.is_some_and(|at| at <= now);
        let due: Vec<OpId> =
            self.flights.iter().filter(|(_, flight)| is_due(flight)).map(|(id, _)| *id).collect();
        due.into_iter().filter_map(|id| self.flights.remove(&id)).collect()
    }

    /// Answers to earlier questions for a key are not kept any more.
    fn outdate(&mut self, key: &str, before: Tick) {
        let earlier = self.flights.values_mut().filter(|flight| flight.started < before);
        for flight in earlier.filter(|flight| flight.keys.iter().any(|own| **own == *key)) {
            flight.is_outdated = true;
        }
    }

    /// The request under way, or to be sent, that asks for a key.
    fn asking(&mut self, key: &str) -> Option<&mut LookupFlight> {
        let flights = self.flights.values_mut().chain(self.batch.as_mut());
        flights.into_iter().find(|flight| flight.keys.iter().any(|own| **own == *key))
    }
}

impl StateCheck {
    /// Asks the store for a token, or answers in its place.
    pub(super) fn look_up(
        &mut self,
        token: &StateToken<'_>,
        ticket: Ticket,
        now: Tick,
    ) -> StateAnswer {
        let (Some(state), Some(terms)) = (&mut self.lookup, &self.strategy.lookup) else {
            return self.outage(StateGround::Outage);
        };
        if self.waits.len() + state.waiting >= self.strategy.max_waits {
            return self.outage(StateGround::Outage);
        }
        let wait = StateWait::lookup(token, ticket);
        let shares = terms.coalescing != LookupCoalescing::None;
        if let Some(flight) = state.asking(token.key()).filter(|_| shares) {
            flight.waits.push(wait);
            state.waiting += 1;
            return StateAnswer::Wait;
        }
        if terms.breaker.is_some() && !state.breaker.lets_pass(now) {
            self.counters.broken += 1;
            return self.without_store(token, now);
        }
        state.waiting += 1;
        let key: Arc<str> = Arc::from(token.key());
        let LookupCoalescing::Batch { most, .. } = terms.coalescing else {
            self.send(LookupFlight::new(key, wait, now));
            return StateAnswer::Wait;
        };
        match &mut state.batch {
            Some(batch) => {
                batch.keys.push(key);
                batch.waits.push(wait);
            }
            None => state.batch = Some(LookupFlight::new(key, wait, now)),
        }
        if state.batch.as_ref().is_some_and(|batch| batch.keys.len() >= most) {
            self.send_batch(now);
        }
        StateAnswer::Wait
    }

    fn send(&mut self, flight: LookupFlight) {
        let Some(timeouts) = self.strategy.lookup.as_ref().map(|terms| terms.timeouts) else {
            return;
        };
        let id = self.push_op(OpKind::Lookup(flight.keys.clone()), timeouts);
        // Nothing drops an answer that was asked for while the link was down.
        let is_outdated = self.drops_answers() && !self.link.is_up;
        if let Some(state) = &mut self.lookup {
            state.flights.insert(id, LookupFlight { retry_at: None, is_outdated, ..flight });
        }
    }

    fn send_batch(&mut self, now: Tick) {
        if let Some(batch) = self.lookup.as_mut().and_then(|state| state.batch.take()) {
            self.send(LookupFlight { started: now, ..batch });
        }
    }

    /// Sends what is due.
    pub(super) fn tick_lookups(&mut self, now: Tick) {
        let Some((state, terms)) = self.lookup.as_mut().zip(self.strategy.lookup.as_ref()) else {
            return;
        };
        let is_batch_due = match (terms.coalescing, &state.batch) {
            (LookupCoalescing::Batch { window, .. }, Some(batch)) => batch.started + window <= now,
            _ => false,
        };
        let due = state.take_due(now);
        if is_batch_due {
            self.send_batch(now);
        }
        for flight in due {
            self.send(LookupFlight { started: now, ..flight });
        }
    }

    /// The outcome of a lookup.
    pub(super) fn looked_up(&mut self, id: OpId, outcome: StoreOutcome, now: Tick) {
        let (Some(state), Some(terms)) = (&mut self.lookup, &self.strategy.lookup) else {
            return;
        };
        let Some(mut flight) = state.flights.remove(&id) else {
            return;
        };
        let answers = match outcome {
            StoreOutcome::Answers(answers) if answers.len() == flight.keys.len() => Some(answers),
            _ => None,
        };
        state.breaker.see(terms.breaker, answers.is_none(), now);
        let may_retry = terms.breaker.is_none() || !state.breaker.is_open(now);
        if answers.is_none() && flight.retries < terms.retries && may_retry {
            flight.retries += 1;
            flight.retry_at = Some(now + terms.retry_delay);
            state.flights.insert(id, flight);
            return;
        }
        state.waiting = state.waiting.saturating_sub(flight.waits.len());
        let cache = terms.cache.clone();
        let Some(answers) = answers else {
            for wait in flight.waits {
                let answer = self.without_store(&wait.token(), now);
                self.wakes.push_back((wait.ticket, answer));
            }
            return;
        };
        for (key, knowledge) in flight.keys.iter().zip(answers) {
            if let Some(state) = &mut self.lookup {
                state.outdate(key, flight.started);
            }
            let waits = flight.waits.iter().filter(|wait| *wait.key == **key);
            let expires = waits.clone().map(|wait| wait.expires).min().unwrap_or(Tick::MAX);
            let cache = cache.as_ref().filter(|_| !flight.is_outdated);
            if let (Some(terms), Some(state)) = (cache, &mut self.lookup) {
                let times = (flight.started, now);
                state.answers.keep(terms, (key, expires), knowledge, times);
            }
            for wait in waits {
                let code = knowledge.verdict(&wait.token()).map(|_| ());
                let answer = StateAnswer::Decided(code, StateGround::Store(flight.started));
                self.wakes.push_back((wait.ticket, answer));
            }
        }
    }

    /// The answer to a token while the store cannot be had: that of a cached answer which may be
    /// used beyond its end, or that of an outage.
    fn without_store(&mut self, token: &StateToken<'_>, now: Tick) -> StateAnswer {
        let terms = self.strategy.lookup.as_ref().and_then(|terms| terms.cache.as_ref());
        let stale = terms.map(|terms| terms.stale_if_error).unwrap_or_default();
        let cached = self.lookup.as_ref().and_then(|state| state.answers.find(token.key()));
        let Some(cached) = cached.filter(|cached| now < cached.until + stale) else {
            return self.outage(StateGround::Outage);
        };
        let code: Result<(), Rejection> = cached.knowledge.verdict(token).map(|_| ());
        self.count(StateAnswer::Decided(code, StateGround::Stale(cached.asked)))
    }

    /// Whether a push drops cached answers, and its loss all of them.
    fn drops_answers(&self) -> bool {
        let tracking = || self.strategy.lookup.as_ref()?.cache.as_ref()?.tracking;
        tracking().is_some_and(|push| push.on_gap != OnGap::Keep)
    }

    /// Drops the cached answers under these keys, and does not keep those that are under way.
    pub(super) fn forget_answers(&mut self, entries: &[StateEntry]) {
        if let Some(state) = &mut self.lookup {
            for StateEntry { key, .. } in entries {
                state.answers.forget(key);
                state.outdate(key, Tick::MAX);
            }
        }
    }

    /// Drops all cached answers, and does not keep those that are under way.
    pub(super) fn flush_answers(&mut self) {
        if let Some(state) = &mut self.lookup {
            state.answers.clear();
            state.flights.values_mut().for_each(|flight| flight.is_outdated = true);
        }
    }
}

impl Lookup {
    /// A question for every token, with the limits of a client of Redis: no cache, a second to
    /// connect, half a second for the answer.
    pub fn uncached() -> Lookup {
        Lookup {
            cache: None,
            coalescing: LookupCoalescing::None,
            timeouts: StoreTimeouts {
                connect: Duration::from_secs(1),
                answer: Duration::from_millis(500),
            },
            retries: 0,
            retry_delay: Duration::ZERO,
            breaker: None,
        }
    }
}
