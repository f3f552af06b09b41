//! The key cache as a machine without I/O: it is told what happened and when, and says what to
//! fetch and whom to wake. One machine serves real and virtual time. Knows no thread and no socket.

mod budget;
mod completion;
mod counters;
mod fetch;
mod flight;
mod kids;
mod lookup;
mod terms;
mod view;
mod wait;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use budget::BudgetState;
pub use counters::Counters;
pub use fetch::{Fetch, FetchFailure, FetchId, Outcome};
use flight::Flight;
use kids::Kids;
pub use terms::Terms;
pub use view::{Answer, Freshness, LastFetch, View};
pub use wait::Ticket;
use wait::Waits;

use crate::cache_policy::{CachePolicy, LockScope, Refresh};
use crate::jwk::Kid;
use crate::key_set::KeySet;
use crate::tick::Tick;

#[derive(Clone, Debug)]
struct HeldSet {
    set: Arc<KeySet>,
    /// Age runs from here: the request that brought it, or its response.
    since: Tick,
    ttl: Duration,
    refresh_at: Tick,
}

/// The machine. Every call is short; nothing in it waits.
#[derive(Clone, Debug)]
pub struct KeyCache {
    policy: CachePolicy,
    held: Option<HeldSet>,
    nothing: Arc<KeySet>,
    /// The set held last, dropped since or not: the next one follows it.
    latest: Arc<KeySet>,
    /// What a per-kid cache keeps of it.
    kids: Kids,
    last: Option<LastFetch>,
    kept_empty: bool,
    /// Fetches fail, or one is overdue: serve stale rather than wait.
    failing: bool,
    failures: u32,
    quiet_until: Tick,
    flights: Vec<Flight>,
    spending: BudgetState,
    waits: Waits,
    random: u64,
    next_id: u64,
    fetches: VecDeque<Fetch>,
    wakes: VecDeque<(Ticket, Answer)>,
    counters: Counters,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum KidStanding {
    Fresh,
    Stale,
    Gone,
}

impl KeyCache {
    /// An empty cache. `seed` feeds the refresh jitter.
    pub fn new(policy: CachePolicy, seed: u64) -> KeyCache {
        KeyCache {
            spending: BudgetState::new(policy.budget),
            policy,
            held: None,
            nothing: Arc::default(),
            latest: Arc::default(),
            kids: Kids::default(),
            last: None,
            kept_empty: false,
            failing: false,
            failures: 0,
            quiet_until: Tick::MIN,
            flights: Vec::new(),
            waits: Waits::default(),
            random: seed,
            next_id: 0,
            fetches: VecDeque::new(),
            wakes: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// One of several caches of the same verifier: its fetches and generations are told apart from
    /// those of the others by this number. To be called before anything else.
    pub fn numbered(mut self, cache: u32) -> KeyCache {
        self.next_id = u64::from(cache) << 32;
        self.nothing = Arc::new(KeySet::before(u64::from(cache) << 32));
        self.latest = Arc::clone(&self.nothing);
        self
    }

    /// Starts warm: `set` was fetched by a request that started at `since`; `max_age` is what its
    /// response allowed.
    pub fn warm(&mut self, set: Arc<KeySet>, max_age: Option<Duration>, since: Tick) {
        self.last = Some(LastFetch { ok: true, started: since, finished: since });
        self.kids = Kids::all(&set, since);
        self.hold(set, max_age, since);
    }

    fn hold(&mut self, set: Arc<KeySet>, max_age: Option<Duration>, since: Tick) {
        self.latest = Arc::clone(&set);
        let ttl = self.policy.ttl_of(max_age);
        let refresh_at = self.draw_refresh(since, ttl);
        self.held = Some(HeldSet { set, since, ttl, refresh_at });
    }

    /// Of the set held; without any, what a response that says nothing would get.
    fn ttl(&self) -> Duration {
        self.held.as_ref().map_or(self.policy.ttl, |held| held.ttl)
    }

    /// Drops everything under a kid at once. Nothing is known about that kid afterwards.
    /// `without` is the set that [`KeySet::without`] made of the one held.
    pub fn evict(&mut self, without: Arc<KeySet>) {
        if let Some(held) = &mut self.held {
            self.latest = Arc::clone(&without);
            held.set = without;
            self.last = None;
            self.counters.evictions += 1;
        }
    }

    /// Time has passed: what is due is started, waits that are over are answered.
    pub fn tick(&mut self, now: Tick) {
        for index in 0..self.flights.len() {
            if self.flights[index].retry_at.is_some_and(|at| at <= now) {
                let id = self.next_id();
                self.flights[index].retry(id, now);
                self.push_fetch(id);
            }
        }
        if self.timer().is_some_and(|at| at <= now) {
            self.start_flight(None, now);
        }
        for wait in self.waits.take(|wait| wait.deadline <= now) {
            self.counters.waits_expired += 1;
            self.failing |= self.standing(&wait.kid, now) == KidStanding::Stale;
            let answer = self.answer(&wait.kid, now);
            self.wakes.push_back((wait.ticket, answer));
        }
        self.take_turns(now);
    }

    /// Fetches now, whatever the policy says, unless a fetch is under way.
    pub fn renew(&mut self, now: Tick) {
        if self.flights.is_empty() {
            self.start_flight(None, now);
        }
    }

    /// When the timer of a periodic refresh is due.
    fn timer(&self) -> Option<Tick> {
        let is_idle = self.policy.refresh == Refresh::Periodic && self.flights.is_empty();
        let due = || self.held.as_ref().map_or(Tick::MIN, |held| held.refresh_at);
        is_idle.then(|| due().max(self.quiet_until))
    }

    /// When [`KeyCache::tick`] is due next.
    pub fn next_deadline(&self) -> Option<Tick> {
        let retries = self.flights.iter().filter_map(|flight| flight.retry_at);
        retries.chain(self.waits.due()).chain(self.timer()).min()
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

    /// What the reply of an attempt is read under.
    pub fn terms(&self, id: FetchId) -> Terms {
        let flight = self.flights.iter().find(|flight| flight.id == id);
        let kid = flight.and_then(|flight| flight.kid.clone());
        let kept = self.policy.per_kid.zip(kid).map(|(most, kid)| {
            let beside = self.kids.beside(&kid, most);
            (kid, beside)
        });
        Terms::new(Arc::clone(&self.latest), kept, &self.policy)
    }

    /// What it counted so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What is held, as of `now`.
    pub fn view(&self, now: Tick) -> Arc<View> {
        self.view_as(self.standing_of_set(now))
    }

    fn view_as(&self, standing: KidStanding) -> Arc<View> {
        let flying = !self.flights.is_empty();
        let last_fetch = self.last;
        let (Some(held), KidStanding::Fresh | KidStanding::Stale) = (&self.held, standing) else {
            return Arc::new(View::nothing(&self.nothing, last_fetch));
        };
        let fresh_until = held.since + held.ttl;
        let has_timer = self.policy.refresh == Refresh::Periodic;
        let (freshness, consult_at) = if standing == KidStanding::Fresh {
            let freshness = if self.kept_empty { Freshness::EmptyKept } else { Freshness::Fresh };
            let refresh = if flying || has_timer { fresh_until } else { held.refresh_at };
            (freshness, refresh.max(self.quiet_until).min(fresh_until))
        } else {
            let stale_until = fresh_until + self.policy.stale_if_error;
            let serves = self.failing || self.policy.refresh != Refresh::Lazy;
            let consult_at = match serves {
                true if flying || has_timer => stale_until,
                true if self.failing => self.quiet_until,
                _ => Tick::MIN,
            };
            (Freshness::Stale, consult_at.min(stale_until))
        };
        let absent_until = if flying { Tick::MIN } else { self.grounds_until().min(fresh_until) };
        let asks_always =
            self.policy.per_kid.is_some() || flying && self.policy.lock == LockScope::All;
        let (consult_at, absent_until) = match asks_always {
            true => (Tick::MIN, Tick::MIN),
            false => (consult_at, absent_until),
        };
        let keys = Arc::clone(&held.set);
        Arc::new(View { keys, consult_at, absent_until, freshness, last_fetch })
    }

    /// Whether keys are held for a kid, fresh or not.
    fn is_known(&self, kid: &str) -> bool {
        self.keys().has_kid(kid)
    }

    fn standing(&self, kid: &str, now: Tick) -> KidStanding {
        match self.policy.per_kid {
            None => self.standing_of_set(now),
            Some(_) => self.aged(self.kids.since(kid), now),
        }
    }

    fn standing_of_set(&self, now: Tick) -> KidStanding {
        self.aged(self.held.as_ref().map(|held| held.since), now)
    }

    fn aged(&self, since: Option<Tick>, now: Tick) -> KidStanding {
        let Some(since) = since.filter(|_| self.held.is_some()) else {
            return KidStanding::Gone;
        };
        let fresh_until = since + self.ttl();
        if now < fresh_until {
            KidStanding::Fresh
        } else if now < fresh_until + self.policy.stale_if_error {
            KidStanding::Stale
        } else {
            KidStanding::Gone
        }
    }

    /// Until when the last completed fetch is grounds to call an absent kid unknown.
    fn grounds_until(&self) -> Tick {
        match self.last {
            Some(LastFetch { ok: true, started, .. }) => {
                started + self.policy.unknown_kid_window(self.ttl())
            }
            _ => Tick::MIN,
        }
    }

    /// The name of the new flight.
    fn start_flight(&mut self, kid: Option<&str>, now: Tick) -> FetchId {
        let id = self.next_id();
        self.flights.push(Flight::start(id, kid.map(Kid::from), now));
        self.push_fetch(id);
        id
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
    fn draw_refresh(&mut self, since: Tick, ttl: Duration) -> Tick {
        let mut random = self.random;
        let draw = split_mix(&mut random) as f64 / u64::MAX as f64;
        match self.policy.refresh_after(ttl, draw) {
            Some(after) => {
                self.random = random;
                since + after
            }
            None => Tick::MAX,
        }
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
