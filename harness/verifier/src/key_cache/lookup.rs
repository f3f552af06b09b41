//! What a token is told that asks for keys, and what its asking causes.

use super::wait::{On, Wait};
use super::{Answer, FetchId, Freshness, KeyCache, KidStanding, Ticket};
use crate::cache_policy::{Coalescing, LockScope, OutageAnswer, Refresh, UnknownKid};
use crate::rejection::Rejection;
use crate::tick::Tick;

/// A token that asks.
#[derive(Clone, Copy)]
pub(super) struct Asker<'k> {
    pub(super) kid: &'k str,
    pub(super) ticket: Ticket,
    /// When it must be answered at the latest.
    pub(super) deadline: Tick,
    /// Whether it has waited before.
    pub(super) again: bool,
}

impl KeyCache {
    /// A token with this `kid` wants a verdict. The caller parks the token under `ticket` before it
    /// calls, so that no wake precedes its park.
    pub fn ask(&mut self, kid: &str, ticket: Ticket, now: Tick) -> Answer {
        let deadline = now + self.policy.max_wait;
        self.look_up(Asker { kid, ticket, deadline, again: false }, now)
    }

    /// A signature did not verify under a key of this `kid`: the token may wait for a fetch, or the
    /// answer is what it had.
    pub fn ask_again(&mut self, kid: &str, ticket: Ticket, now: Tick) -> Answer {
        let deadline = now + self.policy.max_wait;
        let asker = Asker { kid, ticket, deadline, again: false };
        let flight = match self.policy.refetch_bad_signature {
            true => self.joined(kid).or_else(|| self.fetch_within_budget(kid, now)),
            false => None,
        };
        match flight {
            Some(flight) => self.wait(asker, On::Flight(flight), now),
            None => self.answer(kid, now),
        }
    }

    /// What a token with this kid would be told now, without any effect. One that would have to
    /// wait for its turn is told what the set says that it waits behind.
    pub fn peek(&self, kid: &str, now: Tick) -> Answer {
        let mut twin = self.clone();
        twin.policy.lock = LockScope::Misses;
        twin.ask(kid, Ticket { worker: u32::MAX, place: 0 }, now)
    }

    pub(super) fn look_up(&mut self, asker: Asker<'_>, now: Tick) -> Answer {
        let kid = asker.kid;
        if self.policy.lock == LockScope::All && !self.flights.is_empty() {
            return self.wait(asker, On::Turn, now);
        }
        let known = self.is_known(kid);
        match self.standing(kid, now) {
            KidStanding::Fresh if known => {
                self.kids.touch(kid);
                if self.is_refresh_due(kid, now) {
                    self.refresh(kid, now);
                }
                Answer::Use(self.view_as(KidStanding::Fresh))
            }
            KidStanding::Fresh => self.look_up_unknown(asker, now),
            KidStanding::Stale if known && self.serves_stale() => {
                self.refresh(kid, now);
                self.answer(kid, now)
            }
            // Nobody waits for the refresh, or the cache never held the set whole.
            KidStanding::Stale if !known && self.policy.refresh != Refresh::Lazy => {
                self.look_up_unknown(asker, now)
            }
            // Only the timer fetches what tokens know to be missing.
            KidStanding::Gone if known && self.policy.refresh == Refresh::Periodic => {
                self.refuse(kid, now)
            }
            KidStanding::Gone
                if !known
                    && (self.policy.per_kid.is_some()
                        || self.policy.refresh == Refresh::Periodic) =>
            {
                self.look_up_unknown(asker, now)
            }
            KidStanding::Stale | KidStanding::Gone => match self.fetch(kid, now) {
                Some(flight) => self.wait(asker, On::Flight(flight), now),
                None => self.answer(kid, now),
            },
        }
    }

    fn look_up_unknown(&mut self, asker: Asker<'_>, now: Tick) -> Answer {
        let kid = asker.kid;
        self.counters.unknown_kids += u64::from(!asker.again);
        let waits = match self.policy.unknown_kid {
            UnknownKid::Refetch => true,
            // Nobody waits for a timer, unless for the first set of all.
            UnknownKid::Refuse => self.policy.refresh == Refresh::Lazy || self.held.is_none(),
            UnknownKid::RefetchInBackground => false,
        };
        if let Some(flight) = self.joined(kid) {
            return match waits {
                true => self.wait(asker, On::Flight(flight), now),
                false => self.refuse(kid, now),
            };
        }
        if now < self.grounds_until() || self.policy.unknown_kid == UnknownKid::Refuse {
            return self.refuse(kid, now);
        }
        let free_at = self.spending.free_at(now);
        let patience = self.policy.budget.map_or(Tick::MIN, |budget| now + budget.max_wait);
        if waits && free_at > now && free_at <= patience && !self.is_quiet(now) {
            let deadline = asker.deadline.max(free_at + self.policy.max_wait);
            return self.wait(Asker { deadline, ..asker }, On::Budget(free_at), now);
        }
        match self.fetch_within_budget(kid, now) {
            Some(flight) if waits => self.wait(asker, On::Flight(flight), now),
            _ => self.refuse(kid, now),
        }
    }

    /// Whether a set past its ttl is served while somebody fetches another.
    fn serves_stale(&self) -> bool {
        self.failing || self.policy.refresh != Refresh::Lazy
    }

    fn is_refresh_due(&self, kid: &str, now: Tick) -> bool {
        let Some(held) = &self.held else {
            return false;
        };
        // A kid of its own age is as far from its refresh as the set was.
        let since = self.policy.per_kid.and_then(|_| self.kids.since(kid)).unwrap_or(held.since);
        held.refresh_at != Tick::MAX && now >= since + held.refresh_at.since(held.since)
    }

    /// Fetches in the background, unless somebody does, a timer will or failures ask for a pause.
    fn refresh(&mut self, kid: &str, now: Tick) {
        let is_mine = self.policy.refresh != Refresh::Periodic && self.flights.is_empty();
        if is_mine && now >= self.quiet_until && self.may_refresh(now) {
            self.start_flight(self.policy.per_kid.map(|_| kid), now);
        }
    }

    /// The fetch for a token whose keys are too old: one under way, or a new one unless failures
    /// ask for a pause.
    fn fetch(&mut self, kid: &str, now: Tick) -> Option<FetchId> {
        if let Some(flight) = self.joined(kid) {
            return Some(flight);
        }
        let may = !self.is_quiet(now) && self.has_room() && self.may_refresh(now);
        may.then(|| self.start_flight(Some(kid), now))
    }

    fn fetch_within_budget(&mut self, kid: &str, now: Tick) -> Option<FetchId> {
        let may = !self.is_quiet(now) && self.has_room() && self.spending.take(now);
        may.then(|| self.start_flight(Some(kid), now))
    }

    /// Whether failures ask tokens for a pause. With a timer they ask only that.
    fn is_quiet(&self, now: Tick) -> bool {
        now < self.quiet_until && self.policy.refresh != Refresh::Periodic
    }

    fn may_refresh(&mut self, now: Tick) -> bool {
        let is_shared = self.policy.budget.is_some_and(|budget| budget.is_shared);
        !is_shared || self.spending.take(now)
    }

    /// A fetch of its own for each token: none for one that could not wait for it.
    fn has_room(&self) -> bool {
        self.policy.coalescing == Coalescing::SingleFlight
            || self.waits.len() < self.policy.max_waits
    }

    /// The flight under way that a token with this kid waits for.
    fn joined(&self, kid: &str) -> Option<FetchId> {
        let mut flights = self.flights.iter();
        let flight = match self.policy.coalescing {
            Coalescing::SingleFlight => flights.next_back(),
            Coalescing::PerKid => flights.find(|flight| flight.kid.as_deref() == Some(kid)),
            Coalescing::None => None,
        };
        flight.map(|flight| flight.first)
    }

    fn wait(&mut self, asker: Asker<'_>, on: On, now: Tick) -> Answer {
        let Asker { kid, ticket, deadline, again } = asker;
        if self.waits.len() >= self.policy.max_waits {
            self.counters.waits_refused += 1;
            return self.answer(kid, now);
        }
        self.counters.waits += u64::from(!again);
        self.waits.push(Wait { ticket, kid: kid.into(), deadline, on });
        Answer::Wait
    }

    /// The answer without any further fetch.
    pub(super) fn answer(&mut self, kid: &str, now: Tick) -> Answer {
        let standing = self.standing(kid, now);
        if standing == KidStanding::Gone || !self.is_known(kid) {
            return self.refuse(kid, now);
        }
        let view = self.view_as(standing);
        self.counters.served_stale += u64::from(view.freshness == Freshness::Stale);
        Answer::Use(view)
    }

    /// An absent kid is unknown on grounds only; otherwise nothing is known. A kid of a set that is
    /// too old to be served is not absent.
    fn refuse(&self, kid: &str, now: Tick) -> Answer {
        let lacks = !self.is_known(kid);
        let code = match self.policy.outage {
            _ if lacks && now < self.grounds_until() => Rejection::UnknownKid,
            OutageAnswer::Unauthorized => Rejection::UnknownKid,
            OutageAnswer::Unavailable => Rejection::KeysUnavailable,
        };
        let standing = if lacks { self.standing_of_set(now) } else { KidStanding::Gone };
        Answer::Refuse { code, view: self.view_as(standing), at: now }
    }
}
