//! The lookup of keys for a token: its answer and its effects.

use super::wait::{On, Wait};
use super::{Answer, FetchId, Freshness, KeyCache, KidStanding, Ticket};
use crate::cache_policy::{Coalescing, LockScope, OutageAnswer, Refresh, UnknownKid};
use crate::rejection::Rejection;
use crate::tick::Tick;

/// A token that looks up its keys.
#[derive(Clone, Copy)]
pub(super) struct Asker<'k> {
    pub(super) kid: &'k str,
    pub(super) ticket: Ticket,
    /// The instant by which it must be answered.
    pub(super) deadline: Tick,
    /// Whether it has already waited.
    pub(super) again: bool,
}

impl KeyCache {
    /// Looks up the keys for a token with this `kid`. The caller must park the token under `ticket`
    /// before the call, so that no wake comes before the token is parked.
    pub fn ask(&mut self, kid: &str, ticket: Ticket, now: Tick) -> Answer {
        let deadline = now + self.policy.max_wait;
        self.look_up(Asker { kid, ticket, deadline, again: false }, now)
    }

    /// Looks up again after a signature did not verify under a key of this `kid`. The token may
    /// wait for a fetch; otherwise the answer is from the held set.
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

    /// The answer that a token with this kid would get now, without any effect. If a lock would
    /// make the token wait for its turn, the answer is that without the lock.
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
            // No token waits for the refresh, or the cache never held the whole set.
            KidStanding::Stale if !known && self.policy.refresh != Refresh::Lazy => {
                self.look_up_unknown(asker, now)
            }
            // Only the timer fetches known kids whose keys are too old.
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
            // No token waits for a timer, except for the first set.
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

    /// Whether a set past its TTL is served while another one is fetched.
    fn serves_stale(&self) -> bool {
        self.failing || self.policy.refresh != Refresh::Lazy
    }

    fn is_refresh_due(&self, kid: &str, now: Tick) -> bool {
        let Some(held) = &self.held else {
            return false;
        };
        // A kid with its own age has the same time to its refresh as the whole set had.
        let since = self.policy.per_kid.and_then(|_| self.kids.since(kid)).unwrap_or(held.since);
        held.refresh_at != Tick::MAX && now >= since + held.refresh_at.since(held.since)
    }

    /// Starts a fetch in the background, unless one is under way, a timer will start one, or a
    /// pause after failures is not over.
    fn refresh(&mut self, kid: &str, now: Tick) {
        let is_mine = self.policy.refresh != Refresh::Periodic && self.flights.is_empty();
        if is_mine && now >= self.quiet_until && self.may_refresh(now) {
            self.start_flight(self.policy.per_kid.map(|_| kid), now);
        }
    }

    /// The fetch for a token whose keys are too old: one under way, or a new one. `None` if no
    /// fetch may start, for example during a pause after failures.
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

    /// Whether a pause after failures applies to fetches for tokens. In a periodic cache it applies
    /// to the timer only.
    fn is_quiet(&self, now: Tick) -> bool {
        now < self.quiet_until && self.policy.refresh != Refresh::Periodic
    }

    fn may_refresh(&mut self, now: Tick) -> bool {
        let is_shared = self.policy.budget.is_some_and(|budget| budget.is_shared);
        !is_shared || self.spending.take(now)
    }

    /// Whether the token can wait for a fetch that it starts. This matters only if tokens do not
    /// share all fetches.
    fn has_room(&self) -> bool {
        self.policy.coalescing == Coalescing::SingleFlight
            || self.waits.len() < self.policy.max_waits
    }

    /// The fetch under way that a token with this kid waits for.
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

    /// The answer from the held set, without any further fetch.
    pub(super) fn answer(&mut self, kid: &str, now: Tick) -> Answer {
        let standing = self.standing(kid, now);
        if standing == KidStanding::Gone || !self.is_known(kid) {
            return self.refuse(kid, now);
        }
        let view = self.view_as(standing);
        self.counters.served_stale += u64::from(view.freshness == Freshness::Stale);
        Answer::Use(view)
    }

    /// The refusal of a kid. An absent kid is called unknown only on grounds of a recent fetch;
    /// otherwise the keys count as unavailable. A kid whose set is too old to be served does not
    /// count as absent.
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
