//! The key cache as a state machine without I/O. Its inputs are events with their times, and its
//! outputs are the fetches to make and the tokens to wake. The same machine runs in real and in
//! virtual time. It knows no thread and no socket.

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
    /// The beginning of the age of the set: the start of its request, or the end of its response.
    since: Tick,
    ttl: Duration,
    refresh_at: Tick,
}

/// The state machine of a key cache. Every call is short and never blocks.
#[derive(Clone, Debug)]
pub struct KeyCache {
    policy: CachePolicy,
    held: Option<HeldSet>,
    nothing: Arc<KeySet>,
    /// The set held last, even if it has been dropped. The next set follows it.
    latest: Arc<KeySet>,
    /// The kids that a per-kid cache keeps.
    kids: Kids,
    last: Option<LastFetch>,
    kept_empty: bool,
    /// Whether fetches fail or one is overdue. If so, stale keys are served without waiting.
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
    /// An empty cache. `seed` is the seed of the refresh jitter.
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

    /// The cache with a number among several caches of the same verifier. The number distinguishes
    /// its fetches and generations from those of the others. It must be set before any other call.
    pub fn numbered(mut self, cache: u32) -> KeyCache {
        self.next_id = u64::from(cache) << 32;
        self.nothing = Arc::new(KeySet::before(u64::from(cache) << 32));
        self.latest = Arc::clone(&self.nothing);
        self
    }

    /// Makes the cache warm: it holds `set`, fetched by a request that started at `since`.
    /// `max_age` is the one that the response allowed.
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

    /// The TTL of the held set. If no set is held, it is the TTL for a response without `max-age`.
    fn ttl(&self) -> Duration {
        self.held.as_ref().map_or(self.policy.ttl, |held| held.ttl)
    }

    /// Evicts all entries under a kid at once. Afterwards the cache has no grounds to call that kid
    /// unknown. `without` is the set that [`KeySet::without`] made of the held one.
    pub fn evict(&mut self, without: Arc<KeySet>) {
        if let Some(held) = &mut self.held {
            self.latest = Arc::clone(&without);
            held.set = without;
            self.last = None;
            self.counters.evictions += 1;
        }
    }

    /// Advances the time: starts the fetches that are due, and answers the waits that are over.
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

    /// Starts a fetch regardless of the policy, unless one is under way.
    pub fn renew(&mut self, now: Tick) {
        if self.flights.is_empty() {
            self.start_flight(None, now);
        }
    }

    /// The instant at which the timer of a periodic refresh is due.
    fn timer(&self) -> Option<Tick> {
        let is_idle = self.policy.refresh == Refresh::Periodic && self.flights.is_empty();
        let due = || self.held.as_ref().map_or(Tick::MIN, |held| held.refresh_at);
        is_idle.then(|| due().max(self.quiet_until))
    }

    /// The instant at which [`KeyCache::tick`] is due next.
    pub fn next_deadline(&self) -> Option<Tick> {
        let retries = self.flights.iter().filter_map(|flight| flight.retry_at);
        retries.chain(self.waits.due()).chain(self.timer()).min()
    }

    /// The next attempt to make. The caller must drain these after every call.
    pub fn next_fetch(&mut self) -> Option<Fetch> {
        self.fetches.pop_front()
    }

    /// The next ticket to wake. The caller must drain these after every call.
    pub fn next_wake(&mut self) -> Option<(Ticket, Answer)> {
        self.wakes.pop_front()
    }

    /// The held set, fresh or not. It is the empty set if none is held.
    pub fn keys(&self) -> &Arc<KeySet> {
        self.held.as_ref().map_or(&self.nothing, |held| &held.set)
    }

    /// The terms under which the reply of an attempt is read.
    pub fn terms(&self, id: FetchId) -> Terms {
        let flight = self.flights.iter().find(|flight| flight.id == id);
        let kid = flight.and_then(|flight| flight.kid.clone());
        let kept = self.policy.per_kid.zip(kid).map(|(most, kid)| {
            let beside = self.kids.beside(&kid, most);
            (kid, beside)
        });
        Terms::new(Arc::clone(&self.latest), kept, &self.policy)
    }

    /// The counters of the cache.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// A view of the cache as of `now`.
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

    /// The instant until which the last completed fetch is grounds to call an absent kid unknown.
    fn grounds_until(&self) -> Tick {
        match self.last {
            Some(LastFetch { ok: true, started, .. }) => {
                started + self.policy.unknown_kid_window(self.ttl())
            }
            _ => Tick::MIN,
        }
    }

    /// Starts a fetch and returns its name.
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

    /// Draws the refresh point of a set fetched at `since`. The jitter spreads the refreshes of a
    /// fleet.
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

/// A step of SplitMix64 (Steele, Lea, Flood 2014). It is good enough to spread refreshes, and gives
/// the same values on every machine.
pub(crate) fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
