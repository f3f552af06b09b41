//! The completion of an attempt: its effects on the cache and the tokens it wakes.

use std::sync::Arc;
use std::time::Duration;

use super::kids::Kids;
use super::lookup::Asker;
use super::wait::{On, Wait};
use super::{Answer, FetchFailure, FetchId, Flight, KeyCache, KidStanding, LastFetch, Outcome};
use crate::cache_policy::{AgeFrom, LockScope, OnFailure, Refresh};
use crate::key_set::{KeySet, SetFault};
use crate::rejection::Rejection;
use crate::tick::Tick;

impl KeyCache {
    /// Completes an attempt. An attempt that was never made, or has already ended, has no effect.
    pub fn finished(&mut self, id: FetchId, outcome: Outcome, now: Tick) {
        let is_under_way = |flight: &Flight| flight.id == id && flight.retry_at.is_none();
        let Some(index) = self.flights.iter().position(is_under_way) else {
            return;
        };
        let first = self.flights[index].first;
        let is_ok = match outcome {
            Outcome::Set(set, max_age) => {
                let flight = self.flights.remove(index);
                self.counters.fetched += 1;
                let missed = flight.kid.as_ref().is_some_and(|kid| !set.has_kid(kid));
                self.spending.succeeded(missed, now);
                self.adopt((set, max_age), &flight, now);
                true
            }
            Outcome::Failed(failure) => {
                self.counters.fail(failure);
                let flight = &mut self.flights[index];
                let asked = failure.retry_after().unwrap_or_default();
                let may_retry = failure.may_pass() && asked <= self.policy.retry_delay;
                if may_retry && flight.attempts <= self.policy.retries {
                    flight.retry_at = Some(now + self.policy.retry_delay);
                    return;
                }
                let flight = self.flights.remove(index);
                self.fail(failure, &flight, now);
                false
            }
        };
        self.wake(first, is_ok, now);
        self.take_turns(now);
    }

    /// Adopts a fetched set. If age counts from the request, an older request never replaces the
    /// result of a newer one.
    fn adopt(
        &mut self,
        (set, max_age): (Arc<KeySet>, Option<Duration>),
        flight: &Flight,
        now: Tick,
    ) {
        let started = flight.started;
        let since = match self.policy.age_from {
            AgeFrom::Request => started,
            AgeFrom::Response => now,
        };
        self.failing = false;
        self.failures = 0;
        self.quiet_until = Tick::MIN;
        self.last = Some(LastFetch { ok: true, started, finished: now });
        let newer = match (self.policy.per_kid, &flight.kid) {
            (Some(_), Some(kid)) => self.kids.since(kid),
            _ => self.held.as_ref().map(|held| held.since),
        };
        if newer.is_some_and(|newer| newer > since) {
            return;
        }
        self.kept_empty = false;
        let old = Arc::clone(self.keys());
        self.counters.adopted(&old, &set);
        if let Some(kid) = &flight.kid {
            self.kids.adopt(&set, kid, since);
        }
        self.hold(set, max_age, since);
    }

    fn fail(&mut self, failure: FetchFailure, flight: &Flight, now: Tick) {
        self.last = Some(LastFetch { ok: false, started: flight.started, finished: now });
        self.failing = true;
        let empty = SetFault::Empty;
        self.kept_empty = failure == FetchFailure::Set(empty)
            || failure == FetchFailure::Set(SetFault::NoUsableKey);
        // The failure of a fetch for a token does not delay a timer.
        if self.policy.refresh != Refresh::Periodic || flight.kid.is_none() {
            let doubled = 1u32 << self.failures.min(20);
            self.failures += 1;
            let backoff = self.policy.backoff_min.saturating_mul(doubled);
            let asked = failure.retry_after().unwrap_or_default();
            self.quiet_until = now + backoff.max(asked).min(self.policy.backoff_max);
        }
        if self.policy.on_failure == OnFailure::Clear {
            self.held = None;
            self.kids = Kids::default();
        }
    }

    /// Answers every token that waits for a fetch, from the held set. A successful fetch is grounds
    /// for the tokens that waited for it, however long it took. With a TTL of zero, they use its
    /// set although it is not fresh.
    fn wake(&mut self, first: FetchId, is_ok: bool, now: Tick) {
        for wait in self.waits.take(|wait| wait.on == On::Flight(first)) {
            let answer = match self.answer(&wait.kid, now) {
                Answer::Refuse { view, at, .. } if is_ok && !self.is_known(&wait.kid) => {
                    Answer::Refuse { code: Rejection::UnknownKid, view, at }
                }
                Answer::Refuse { .. } if is_ok && self.ttl().is_zero() => {
                    Answer::Use(self.view_as(KidStanding::Fresh))
                }
                answer => answer,
            };
            self.wakes.push_back((wait.ticket, answer));
        }
    }

    /// Looks up again for the tokens whose turn has come, in their order of arrival.
    pub(super) fn take_turns(&mut self, now: Tick) {
        let is_next = |wait: &Wait| match wait.on {
            On::Flight(_) => false,
            On::Turn => true,
            On::Budget(free_at) => free_at <= now,
        };
        for wait in self.waits.take(is_next) {
            // Once one of them has started a fetch, the others wait again.
            if self.policy.lock == LockScope::All && !self.flights.is_empty() {
                self.waits.push(Wait { on: On::Turn, ..wait });
                continue;
            }
            let Wait { ticket, kid, deadline, .. } = wait;
            let asker = Asker { kid: &kid, ticket, deadline, again: true };
            let answer = self.look_up(asker, now);
            if !matches!(answer, Answer::Wait) {
                self.wakes.push_back((ticket, answer));
            }
        }
    }
}
