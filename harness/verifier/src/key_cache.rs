//! The key cache as a machine without I/O: it is told what happened and when, and says what to
//! fetch and whom to wake. One machine serves real and virtual time. Knows no thread and no socket.

mod budget;
mod counters;
mod fetch;
mod flight;
mod view;
mod wait;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use budget::Budget;
pub use counters::Counters;
pub use fetch::{Fetch, FetchFailure, FetchId, Outcome};
use flight::Flight;
pub use view::{Answer, Freshness, LastFetch, View};
pub use wait::Ticket;
use wait::Wait;

use crate::cache_policy::{CachePolicy, UnknownKid};
use crate::key_set::{KeySet, SetFault};
use crate::rejection::Rejection;
use crate::tick::Tick;

#[derive(Clone, Debug)]
struct Held {
    set: Arc<KeySet>,
    /// Start of the request that brought it: age runs from here.
    since: Tick,
    refresh_at: Tick,
}

/// The machine. Every call is short; nothing in it waits.
#[derive(Clone, Debug)]
pub struct KeyCache {
    policy: CachePolicy,
    held: Option<Held>,
    nothing: Arc<KeySet>,
    last: Option<LastFetch>,
    kept_empty: bool,
    /// Fetches fail, or one is overdue: serve stale rather than wait.
    failing: bool,
    failures: u32,
    quiet_until: Tick,
    flights: Vec<Flight>,
    budget: Budget,
    waits: Vec<Wait>,
    random: u64,
    next_id: u64,
    fetches: VecDeque<Fetch>,
    wakes: VecDeque<(Ticket, Answer)>,
    counters: Counters,
}

enum Standing {
    Fresh,
    Stale,
    Gone,
}

impl KeyCache {
    /// An empty cache. `seed` feeds the refresh jitter.
    pub fn new(policy: CachePolicy, seed: u64) -> KeyCache {
        KeyCache {
            budget: Budget::new(policy.unknown_kid),
            policy,
            held: None,
            nothing: Arc::default(),
            last: None,
            kept_empty: false,
            failing: false,
            failures: 0,
            quiet_until: Tick::MIN,
            flights: Vec::new(),
            waits: Vec::new(),
            random: seed,
            next_id: 0,
            fetches: VecDeque::new(),
            wakes: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// Starts warm: `set` was fetched by a request that started at `since`.
    pub fn warm(&mut self, set: Arc<KeySet>, since: Tick) {
        self.last = Some(LastFetch { ok: true, started: since, finished: since });
        let refresh_at = self.draw_refresh(since);
        self.held = Some(Held { set, since, refresh_at });
    }

    /// A token with this `kid` wants a verdict. The caller parks the token under `ticket` before it
    /// calls, so that no wake precedes its park.
    pub fn ask(&mut self, kid: &str, ticket: Ticket, now: Tick) -> Answer {
        let known = self.keys().has_kid(kid);
        match self.standing(now) {
            Standing::Fresh if known => {
                if self.held.as_ref().is_some_and(|held| now >= held.refresh_at) {
                    self.fetch_unless_quiet(now);
                }
                Answer::Use(self.view(now))
            }
            Standing::Fresh => self.ask_unknown(kid, ticket, now),
            Standing::Stale if known && self.failing => {
                self.fetch_unless_quiet(now);
                self.answer(kid, now)
            }
            Standing::Stale | Standing::Gone => {
                if self.fetch_unless_quiet(now) {
                    self.wait(kid, ticket, now)
                } else {
                    self.answer(kid, now)
                }
            }
        }
    }

    fn ask_unknown(&mut self, kid: &str, ticket: Ticket, now: Tick) -> Answer {
        self.counters.unknown_kids += 1;
        if !self.flights.is_empty() {
            return self.wait(kid, ticket, now);
        }
        if now < self.grounds_until() {
            return self.refuse(kid, now);
        }
        let may_fetch = self.policy.unknown_kid != UnknownKid::Refuse
            && now >= self.quiet_until
            && self.budget.take(now);
        if !may_fetch {
            return self.refuse(kid, now);
        }
        self.start_flight(now);
        self.wait(kid, ticket, now)
    }

    fn wait(&mut self, kid: &str, ticket: Ticket, now: Tick) -> Answer {
        if self.waits.len() >= self.policy.max_waits {
            self.counters.waits_refused += 1;
            return self.answer(kid, now);
        }
        self.counters.waits += 1;
        let deadline = now + self.policy.max_wait;
        self.waits.push(Wait { ticket, kid: kid.into(), deadline });
        Answer::Wait
    }

    /// The answer without any further fetch.
    fn answer(&mut self, kid: &str, now: Tick) -> Answer {
        let view = self.view(now);
        if !view.keys.has_kid(kid) {
            return self.refuse(kid, now);
        }
        if view.freshness == Freshness::Stale {
            self.counters.served_stale += 1;
        }
        Answer::Use(view)
    }

    /// An absent kid is unknown on grounds only; otherwise nothing is known. A kid of a set that is
    /// too old to be served is not absent.
    fn refuse(&self, kid: &str, now: Tick) -> Answer {
        let lacks = !self.keys().has_kid(kid);
        let code = match lacks && now < self.grounds_until() {
            true => Rejection::UnknownKid,
            false => Rejection::KeysUnavailable,
        };
        Answer::Refuse { code, view: self.view(now), at: now }
    }

    /// An attempt ended. An attempt that was never made, or ended before, has no effect.
    pub fn finished(&mut self, id: FetchId, outcome: Outcome, now: Tick) {
        let is_under_way = |flight: &Flight| flight.id == id && flight.retry_at.is_none();
        let Some(index) = self.flights.iter().position(is_under_way) else {
            return;
        };
        match outcome {
            Outcome::Set(set) => {
                let flight = self.flights.swap_remove(index);
                self.counters.fetched += 1;
                self.adopt(set, flight.started, now);
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
                let flight = self.flights.swap_remove(index);
                self.fail(failure, flight.started, now);
            }
        }
        self.wake_all(now);
    }

    /// An older request never replaces what a newer one brought.
    fn adopt(&mut self, set: Arc<KeySet>, started: Tick, now: Tick) {
        self.failing = false;
        self.failures = 0;
        self.quiet_until = Tick::MIN;
        self.last = Some(LastFetch { ok: true, started, finished: now });
        if self.held.as_ref().is_some_and(|held| held.since > started) {
            return;
        }
        self.kept_empty = false;
        let old = Arc::clone(self.keys());
        self.counters.adopted(&old, &set);
        let refresh_at = self.draw_refresh(started);
        self.held = Some(Held { set, since: started, refresh_at });
    }

    fn fail(&mut self, failure: FetchFailure, started: Tick, now: Tick) {
        self.last = Some(LastFetch { ok: false, started, finished: now });
        self.failing = true;
        let empty = SetFault::Empty;
        self.kept_empty = failure == FetchFailure::Set(empty)
            || failure == FetchFailure::Set(SetFault::NoUsableKey);
        let doubled = 1u32 << self.failures.min(20);
        self.failures += 1;
        let backoff = self.policy.backoff_min.saturating_mul(doubled);
        let asked = failure.retry_after().unwrap_or_default();
        self.quiet_until = now + backoff.max(asked).min(self.policy.backoff_max);
    }

    /// Answers everyone who waits, from what is held now. A fetch that succeeded is grounds for
    /// those who waited for it, however long it took.
    fn wake_all(&mut self, now: Tick) {
        let grounds = self.last.is_some_and(|last| last.ok);
        for wait in std::mem::take(&mut self.waits) {
            let answer = match self.answer(&wait.kid, now) {
                Answer::Refuse { view, at, .. } if grounds && !self.keys().has_kid(&wait.kid) => {
                    Answer::Refuse { code: Rejection::UnknownKid, view, at }
                }
                answer => answer,
            };
            self.wakes.push_back((wait.ticket, answer));
        }
    }

    /// Drops everything under `kid` at once. Nothing is known about that kid afterwards.
    /// `without` is the set that [`KeySet::without`] made of the one held.
    pub fn evict(&mut self, without: Arc<KeySet>) {
        if let Some(held) = &mut self.held {
            held.set = without;
            self.last = None;
            self.counters.evictions += 1;
        }
    }

    /// Time has passed: retries that are due are started, waits that are over are answered.
    pub fn tick(&mut self, now: Tick) {
        for index in 0..self.flights.len() {
            if self.flights[index].retry_at.is_some_and(|at| at <= now) {
                let id = self.next_id();
                self.flights[index].retry(id, now);
                self.push_fetch(id);
            }
        }
        let waits = std::mem::take(&mut self.waits);
        let (over, waits): (Vec<Wait>, Vec<Wait>) =
            waits.into_iter().partition(|wait| wait.deadline <= now);
        self.waits = waits;
        for wait in over {
            self.counters.waits_expired += 1;
            self.failing |= matches!(self.standing(now), Standing::Stale);
            let answer = self.answer(&wait.kid, now);
            self.wakes.push_back((wait.ticket, answer));
        }
    }

    /// When [`KeyCache::tick`] is due next.
    pub fn next_deadline(&self) -> Option<Tick> {
        let retries = self.flights.iter().filter_map(|flight| flight.retry_at);
        retries.chain(self.waits.iter().map(|wait| wait.deadline)).min()
    }

    /// The next attempt to make. Drained after every call.
    pub fn next_fetch(&mut self) -> Option<Fetch> {
        self.fetches.pop_front()
    }

    /// The next ticket to wake. Drained after every call.
    pub fn next_wake(&mut self) -> Option<(Ticket, Answer)> {
        self.wakes.pop_front()
    }

    /// The set held now, fresh or not; the empty set if there is none.
    pub fn keys(&self) -> &Arc<KeySet> {
        self.held.as_ref().map_or(&self.nothing, |held| &held.set)
    }

    /// What it counted so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What is held, as of `now`.
    pub fn view(&self, now: Tick) -> Arc<View> {
        let flying = !self.flights.is_empty();
        let last_fetch = self.last;
        let (Some(held), Standing::Fresh | Standing::Stale) = (&self.held, self.standing(now))
        else {
            return Arc::new(View::nothing(&self.nothing, last_fetch));
        };
        let fresh_until = held.since + self.policy.ttl;
        let (freshness, consult_at) = match self.standing(now) {
            Standing::Fresh => {
                let freshness =
                    if self.kept_empty { Freshness::EmptyKept } else { Freshness::Fresh };
                let refresh = if flying { fresh_until } else { held.refresh_at };
                (freshness, refresh.max(self.quiet_until).min(fresh_until))
            }
            _ if self.failing => {
                let stale_until = fresh_until + self.policy.stale_if_error;
                let consult_at = if flying { stale_until } else { self.quiet_until };
                (Freshness::Stale, consult_at.min(stale_until))
            }
            _ => (Freshness::Stale, Tick::MIN),
        };
        let absent_until = if flying { Tick::MIN } else { self.grounds_until().min(fresh_until) };
        let keys = Arc::clone(&held.set);
        Arc::new(View { keys, consult_at, absent_until, freshness, last_fetch })
    }

    fn standing(&self, now: Tick) -> Standing {
        let Some(held) = &self.held else {
            return Standing::Gone;
        };
        let fresh_until = held.since + self.policy.ttl;
        if now < fresh_until {
            Standing::Fresh
        } else if now < fresh_until + self.policy.stale_if_error {
            Standing::Stale
        } else {
            Standing::Gone
        }
    }

    /// Until when the last completed fetch is grounds to call an absent kid unknown.
    fn grounds_until(&self) -> Tick {
        match self.last {
            Some(LastFetch { ok: true, started, .. }) => started + self.policy.unknown_kid_window(),
            _ => Tick::MIN,
        }
    }

    /// Single flight: joins the one under way, or starts one unless failures ask for a pause.
    fn fetch_unless_quiet(&mut self, now: Tick) -> bool {
        if self.flights.is_empty() && now >= self.quiet_until {
            self.start_flight(now);
        }
        !self.flights.is_empty()
    }

    fn start_flight(&mut self, now: Tick) {
        let id = self.next_id();
        self.flights.push(Flight::start(id, now));
        self.push_fetch(id);
    }

    fn push_fetch(&mut self, id: FetchId) {
        self.counters.attempts += 1;
        let timeouts = self.policy.timeouts;
        self.fetches.push_back(Fetch { id, timeouts, max_body: self.policy.max_body });
    }

    fn next_id(&mut self) -> FetchId {
        self.next_id += 1;
        FetchId(self.next_id)
    }

    /// The refresh point for a set fetched at `since`; jittered so that a fleet spreads out.
    fn draw_refresh(&mut self, since: Tick) -> Tick {
        let Some(share) = self.policy.refresh_ahead else {
            return Tick::MAX;
        };
        if self.policy.ttl == Duration::MAX {
            return Tick::MAX;
        }
        let even = split_mix(&mut self.random) as f64 / u64::MAX as f64;
        let share = share + self.policy.refresh_jitter * (2.0 * even - 1.0);
        since + self.policy.ttl.mul_f64(share.clamp(0.0, 1.0))
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): enough to spread refreshes, and the same everywhere.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
