//! What a token cannot say, as a state machine without I/O: the twin of
//! [`KeyCache`](crate::key_cache::KeyCache). Its inputs are tokens, the answers of a store,
//! messages of a push and the time. Its outputs are requests to a store, and tokens to wake. The
//! same machine runs in real and in virtual time.

mod answers;
mod breaker;
mod counters;
mod feed;
mod held;
mod id_set;
mod knowledge;
mod link;
mod lookup;
mod store;
mod wait;

use std::collections::VecDeque;
use std::time::Duration;

pub use counters::StateCounters;
use feed::{FeedStanding, FeedState};
use held::HeldEntries;
pub use knowledge::{Knowledge, StateEntry, StateToken};
use link::Link;
use lookup::LookupState;
pub use store::{OpId, OpKind, StoreFailure, StoreListing, StoreOp, StoreOutcome};
use wait::StateWait;

use crate::key_cache::Ticket;
use crate::rejection::Rejection;
use crate::state_strategy::{
    Asks, ColdStart, LastWord, OnOutage, Prune, StateStrategy, StoreTimeouts,
};
use crate::tick::Tick;

/// The answer to a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateAnswer {
    /// The state of the token decides, on this ground.
    Decided(Result<(), Rejection>, StateGround),
    /// The token waits. It is woken by its ticket.
    Wait,
}

/// The ground on which the state of a token was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateGround {
    /// Nothing is held and nobody is asked.
    NoCarrier,
    /// The token lacks the key.
    NotNeeded,
    /// What is held, which was complete at this instant.
    Held(Tick),
    /// What is held, which is older than the strategy lets stand; complete at this instant.
    Stale(Tick),
    /// Nothing, since nothing has been held so far.
    Cold,
    /// The filter alone.
    Filter,
    /// A cached answer to a question of this instant.
    Cached(Tick),
    /// An answer of the store to a question of this instant.
    Store(Tick),
    /// Nothing, since the store cannot be had.
    Outage,
}

/// The state machine. Every call is short and never blocks.
#[derive(Clone, Debug)]
pub struct StateCheck {
    strategy: StateStrategy,
    held: HeldEntries,
    feed: Option<FeedState>,
    link: Link,
    lookup: Option<LookupState>,
    waits: Vec<StateWait>,
    random: u64,
    next_id: u64,
    ops: VecDeque<StoreOp>,
    wakes: VecDeque<(Ticket, StateAnswer)>,
    counters: StateCounters,
}

/// What is found out about a token without a question.
enum Found {
    Answer(StateAnswer),
    /// Nothing is held yet, and the strategy lets tokens wait this long.
    Cold(Duration),
    /// The store must be asked.
    Ask,
}

impl StateCheck {
    /// A machine that holds nothing. `seed` is the seed of jitter.
    pub fn new(strategy: StateStrategy, seed: u64) -> StateCheck {
        StateCheck {
            held: HeldEntries::default(),
            feed: strategy.feed.as_ref().map(FeedState::new),
            link: Link::default(),
            lookup: strategy.lookup.as_ref().map(|_| LookupState::default()),
            strategy,
            waits: Vec::new(),
            random: seed,
            next_id: 0,
            ops: VecDeque::new(),
            wakes: VecDeque::new(),
            counters: StateCounters::default(),
        }
    }

    /// The machine with room for so many entries, which a filter before the list is made for.
    #[must_use]
    pub fn with_room(mut self, entries: usize) -> StateCheck {
        let filter = self.strategy.filter.filter(|filter| filter.last_word == LastWord::List);
        if let Some(filter) = filter {
            self.held = HeldEntries::filtered(filter.false_positives, entries);
        }
        self
    }

    /// The machine with a number among several, which distinguishes its requests from theirs. It
    /// must be set before any other call.
    pub fn numbered(mut self, instance: u32) -> StateCheck {
        self.next_id = u64::from(instance) << 32;
        self
    }

    /// The machine after a restart of its process: it holds nothing. Its requests go on to differ
    /// from those before.
    #[must_use]
    pub fn restarted(&self) -> StateCheck {
        let StateCheck { next_id, counters, .. } = *self;
        let machine = StateCheck::new(self.strategy.clone(), self.random);
        StateCheck { next_id, counters, ..machine }
    }

    /// The strategy.
    pub fn strategy(&self) -> &StateStrategy {
        &self.strategy
    }

    /// Makes the machine warm: it holds these entries, complete at `since`, and polls next at
    /// `next_poll`.
    pub fn warm(&mut self, entries: &[StateEntry], since: Tick, next_poll: Tick) {
        self.adopt(entries, since);
        if let Some(feed) = &mut self.feed {
            feed.warm(since, next_poll);
        }
        self.link = Link::up(since);
    }

    /// Answers a token from what is held; `None` if somebody must be asked. It changes nothing.
    pub fn peek(&self, token: &StateToken<'_>, now: Tick) -> Option<StateAnswer> {
        match self.find(token, now) {
            Found::Answer(answer) => Some(answer),
            Found::Cold(_) | Found::Ask => None,
        }
    }

    /// The instant until which the token is accepted if nothing else becomes known; `None` if it is
    /// refused, or if somebody must be asked.
    pub fn trusts_until(&self, token: &StateToken<'_>, now: Tick) -> Option<Tick> {
        let Found::Answer(StateAnswer::Decided(Ok(()), ground)) = self.find(token, now) else {
            return None;
        };
        Some(match ground {
            StateGround::Cached(_) => {
                let answers = self.lookup.as_ref().map(|lookup| &lookup.answers);
                let cached = answers.and_then(|answers| answers.find(token.key()));
                cached.map_or(now, |cached| cached.until)
            }
            StateGround::Held(at) if self.strategy.on_outage != OnOutage::Open => {
                self.stands_until(at)
            }
            _ => Tick::MAX,
        })
    }

    /// Answers a token, or parks it under `ticket`.
    pub fn ask(&mut self, token: &StateToken<'_>, ticket: Ticket, now: Tick) -> StateAnswer {
        self.counters.asked += 1;
        match self.find(token, now) {
            Found::Answer(answer) => self.count(answer),
            Found::Cold(_) if self.waiting() >= self.strategy.max_waits => {
                self.outage(StateGround::Cold)
            }
            Found::Cold(most) => {
                self.waits.push(StateWait::cold(token, ticket, now + most));
                StateAnswer::Wait
            }
            Found::Ask => self.look_up(token, ticket, now),
        }
    }

    fn find(&self, token: &StateToken<'_>, now: Tick) -> Found {
        use StateGround::{NoCarrier, NotNeeded};
        let accept = |ground| Found::Answer(StateAnswer::Decided(Ok(()), ground));
        let Some(key) = token.key else {
            return match (self.strategy.asks, &self.lookup) {
                (Asks::Every, Some(_)) => self.find_cached(token, now),
                _ => accept(NotNeeded),
            };
        };
        match (&self.feed, &self.lookup) {
            (None, None) => accept(NoCarrier),
            (None, Some(_)) => self.find_cached(token, now),
            (Some(feed), lookup) => {
                let terms = self.strategy.feed.as_ref();
                let standing =
                    terms.map_or(FeedStanding::Cold, |terms| feed.standing(terms, self.link, now));
                self.find_held(token, (key, now), standing, lookup.is_some())
            }
        }
    }

    /// What is held of a key. Nothing that is held makes a revoked token good, however old it is.
    fn find_held(
        &self,
        token: &StateToken<'_>,
        (key, now): (&str, Tick),
        standing: FeedStanding,
        can_ask: bool,
    ) -> Found {
        let ground = match standing {
            FeedStanding::Current(at) => StateGround::Held(at),
            FeedStanding::Stale(at) => StateGround::Stale(at),
            FeedStanding::Cold => StateGround::Cold,
        };
        let answer = |code, ground| Found::Answer(StateAnswer::Decided(code, ground));
        let verdict = self.held.find(key, now).map_or(Ok(true), |known| known.verdict(token));
        let is_caught = || self.is_caught(key);
        match (verdict, self.strategy.filter.map(|filter| filter.last_word)) {
            (Err(code), None | Some(LastWord::List)) => return answer(Err(code), ground),
            (_, Some(LastWord::Filter)) if verdict.is_err() || is_caught() => {
                return answer(Err(Rejection::Revoked), StateGround::Filter);
            }
            (_, Some(LastWord::Store)) if can_ask && (verdict.is_err() || is_caught()) => {
                return self.find_cached(token, now);
            }
            (Err(code), _) => return answer(Err(code), ground),
            // A version above the one known: the copy is behind, and the token is no older.
            (Ok(false), _) if can_ask => return self.find_cached(token, now),
            _ => {}
        }
        let outage = self.strategy.on_outage.code();
        match (standing, self.cold_start()) {
            (FeedStanding::Current(_), _) | (FeedStanding::Cold, ColdStart::Open) => {
                answer(Ok(()), ground)
            }
            (FeedStanding::Cold, ColdStart::Wait(most)) => Found::Cold(most),
            (FeedStanding::Cold | FeedStanding::Stale(_), _) => answer(outage, ground),
        }
    }

    /// Whether the filter takes a key for revoked that is not. The share of such keys is that of
    /// the strategy.
    fn is_caught(&self, key: &str) -> bool {
        self.strategy.filter.is_some_and(|filter| {
            let draw = knowledge::hash_of(key) as f64 / u64::MAX as f64;
            draw < filter.false_positives
        })
    }

    fn find_cached(&self, token: &StateToken<'_>, now: Tick) -> Found {
        let cached = self.lookup.as_ref().and_then(|lookup| lookup.answers.find(token.key()));
        match cached.filter(|cached| now < cached.until) {
            Some(cached) => match cached.knowledge.verdict(token) {
                Ok(false) => Found::Ask,
                verdict => Found::Answer(StateAnswer::Decided(
                    verdict.map(|_| ()),
                    StateGround::Cached(cached.asked),
                )),
            },
            None => Found::Ask,
        }
    }

    fn cold_start(&self) -> ColdStart {
        self.strategy.feed.as_ref().map_or(ColdStart::Closed, |feed| feed.cold_start)
    }

    /// The answer of an outage, counted.
    fn outage(&mut self, ground: StateGround) -> StateAnswer {
        self.count(StateAnswer::Decided(self.strategy.on_outage.code(), ground))
    }

    /// Counts an answer that was peeked at and given.
    pub fn note(&mut self, answer: StateAnswer) {
        self.counters.asked += 1;
        self.count(answer);
    }

    fn count(&mut self, answer: StateAnswer) -> StateAnswer {
        self.counters.see(answer);
        answer
    }

    /// Adds entries to what is held.
    fn adopt(&mut self, entries: &[StateEntry], now: Tick) {
        for entry in entries {
            let end = match self.strategy.prune {
                Prune::AtExpiry => entry.end,
                Prune::After(span) => now + span,
                Prune::Never => Tick::MAX,
            };
            self.held.insert(entry, end, now);
        }
        self.forget_answers(entries);
    }

    /// Advances the time: starts what is due, and answers the waits that are over.
    pub fn tick(&mut self, now: Tick) {
        self.tick_link(now);
        self.tick_feed(now);
        self.tick_lookups(now);
        let (over, waits) =
            std::mem::take(&mut self.waits).into_iter().partition(|wait| wait.deadline <= now);
        self.waits = waits;
        let over: Vec<StateWait> = over;
        for wait in over {
            self.answer_cold(wait, now);
        }
    }

    /// Answers a token that waited for the first list, asks for it, or parks it again unless its
    /// time is over.
    fn answer_cold(&mut self, wait: StateWait, now: Tick) {
        let (token, ticket) = (wait.token(), wait.ticket);
        let answer = match self.find(&token, now) {
            Found::Answer(answer) => self.count(answer),
            Found::Ask => self.look_up(&token, ticket, now),
            Found::Cold(_) if wait.deadline <= now => self.outage(StateGround::Cold),
            Found::Cold(_) => return self.waits.push(wait),
        };
        if answer != StateAnswer::Wait {
            self.wakes.push_back((ticket, answer));
        }
    }

    /// The number of tokens that wait.
    fn waiting(&self) -> usize {
        self.waits.len() + self.lookup.as_ref().map_or(0, |lookup| lookup.waiting)
    }

    /// The instant at which [`StateCheck::tick`] is due next.
    pub fn next_deadline(&self) -> Option<Tick> {
        let feed = self.feed.as_ref().and_then(FeedState::due);
        let silence = self.strategy.push().and_then(|push| self.link.silent_at(push));
        let lookup = self.lookup.as_ref().and_then(|lookup| lookup.due(&self.strategy));
        let waits = self.waits.iter().map(|wait| wait.deadline).min();
        [feed, silence, lookup, waits].into_iter().flatten().min()
    }

    /// The outcome of a request.
    pub fn finished(&mut self, id: OpId, outcome: StoreOutcome, now: Tick) {
        if outcome.is_failure() {
            self.counters.failures += 1;
        }
        if self.feed.as_ref().is_some_and(|feed| feed.is_polling(id)) {
            self.polled(outcome, now);
        } else {
            self.looked_up(id, outcome, now);
        }
    }

    /// The next request to make. The caller must drain these after every call.
    pub fn next_op(&mut self) -> Option<StoreOp> {
        self.ops.pop_front()
    }

    /// The next ticket to wake. The caller must drain these after every call.
    pub fn next_wake(&mut self) -> Option<(Ticket, StateAnswer)> {
        self.wakes.pop_front()
    }

    /// The counters.
    pub fn counters(&self) -> &StateCounters {
        &self.counters
    }

    /// Removes entries that have ended, which otherwise happens as others come.
    pub fn prune(&mut self, now: Tick) {
        self.held.prune(now);
    }

    /// The number of entries that are held, cached answers included.
    pub fn entries(&self) -> usize {
        self.held.len() + self.lookup.as_ref().map_or(0, |lookup| lookup.answers.len())
    }

    /// The memory that the entries take on the heap, in bytes.
    pub fn bytes(&self) -> usize {
        self.held.bytes() + self.lookup.as_ref().map_or(0, |lookup| lookup.answers.bytes())
    }

    fn push_op(&mut self, kind: OpKind, timeouts: StoreTimeouts) -> OpId {
        self.next_id += 1;
        let id = OpId(self.next_id);
        self.counters.ops += 1;
        self.ops.push_back(StoreOp { id, kind, timeouts });
        id
    }
}
