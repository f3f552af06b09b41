//! The cache of a store's answers. Answers are kept in the order of their questions. If there are
//! too many, they are dropped in that order.

use std::collections::{HashMap, VecDeque};

use rustc_hash::FxBuildHasher;

use crate::state_strategy::AnswerCache;
use crate::tick::Tick;

use super::Knowledge;

/// The keys that may stand in the order without an answer, beside as many as there are answers.
const SPARE: usize = 64;

/// A cached answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cached {
    pub(super) knowledge: Knowledge,
    /// The instant of the question.
    pub(super) asked: Tick,
    /// The instant until which the answer is used.
    pub(super) until: Tick,
}

/// The answers.
#[derive(Clone, Debug, Default)]
pub(super) struct CachedAnswers {
    known: HashMap<Box<str>, Cached, FxBuildHasher>,
    /// The keys in the order of their questions. A key that was asked for again is there twice.
    order: VecDeque<(Tick, Box<str>)>,
}

impl CachedAnswers {
    /// The answer under a key, whether it has ended or not.
    pub(super) fn find(&self, key: &str) -> Option<Cached> {
        self.known.get(key).copied()
    }

    /// Keeps an answer to a question of `asked` that came at `now`.
    pub(super) fn keep(
        &mut self,
        terms: &AnswerCache,
        (key, expires): (&str, Tick),
        knowledge: Knowledge,
        (asked, now): (Tick, Tick),
    ) {
        // The answer to an earlier question may come later.
        if self.known.get(key).is_some_and(|known| known.asked > asked) {
            return;
        }
        let is_clear = !matches!(knowledge, Knowledge::Revoked);
        let ttl = if is_clear { terms.positive } else { terms.negative };
        let end = now + ttl;
        let until = if terms.caps_at_expiry { end.min(expires) } else { end };
        if until <= now || terms.entries == 0 {
            self.forget(key);
            return;
        }
        self.drop_ended(terms, now);
        self.known.insert(key.into(), Cached { knowledge, asked, until });
        self.order.push_back((asked, key.into()));
        while self.known.len() > terms.entries {
            self.drop_first();
        }
        if self.order.len() > 2 * self.known.len() + SPARE {
            let known = &self.known;
            let is_held = |(asked, key): &(Tick, Box<str>)| {
                known.get(key).is_some_and(|cached| cached.asked == *asked)
            };
            self.order.retain(is_held);
        }
    }

    fn drop_ended(&mut self, terms: &AnswerCache, now: Tick) {
        while let Some((asked, key)) = self.order.front() {
            let has_ended = match self.known.get(key) {
                Some(cached) if cached.asked == *asked => {
                    cached.until + terms.stale_if_error <= now
                }
                _ => true,
            };
            if !has_ended {
                return;
            }
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some((asked, key)) = self.order.pop_front()
            && self.known.get(&key).is_some_and(|cached| cached.asked == asked)
        {
            self.known.remove(&key);
        }
    }

    /// Drops the answer under a key.
    pub(super) fn forget(&mut self, key: &str) {
        self.known.remove(key);
    }

    /// Drops all answers.
    pub(super) fn clear(&mut self) {
        *self = CachedAnswers::default();
    }

    /// The number of answers.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// The memory that they take on the heap, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let slot = size_of::<(Box<str>, Cached)>() + 1;
        let texts = self.known.keys().map(|key| key.len()).sum::<usize>()
            + self.order.iter().map(|(_, key)| key.len()).sum::<usize>();
        let order = self.order.capacity() * size_of::<(Tick, Box<str>)>();
        self.known.capacity() * slot + order + texts
    }
}
