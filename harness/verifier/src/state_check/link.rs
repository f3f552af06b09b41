//! The link of a push: whether it is up, and what came over it.

use std::time::Duration;

use crate::state_strategy::{OnGap, Push, StateStrategy};
use crate::tick::Tick;

use super::{StateCheck, StateEntry};

/// The state of a link.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Link {
    pub(super) is_up: bool,
    /// The last message or heartbeat.
    pub(super) heard: Tick,
    next_seq: Option<u64>,
}

impl Link {
    /// A link that is up since `since`.
    pub(super) fn up(since: Tick) -> Link {
        Link { is_up: true, heard: since, next_seq: None }
    }

    /// The end of the longest silence that the terms allow; `None` if there is no such end.
    pub(super) fn silent_at(&self, push: Push) -> Option<Tick> {
        let longest: Duration = push.heartbeat.filter(|_| self.is_up)?;
        Some(self.heard + longest)
    }
}

impl StateStrategy {
    /// The terms of the push: that of the feed, or that which drops cached answers.
    pub(super) fn push(&self) -> Option<Push> {
        let tracking = || self.lookup.as_ref()?.cache.as_ref()?.tracking;
        self.feed.as_ref().and_then(|feed| feed.push).or_else(tracking)
    }
}

impl StateCheck {
    /// Takes a link for down that has been silent for too long.
    pub(super) fn tick_link(&mut self, now: Tick) {
        let silent_at = self.strategy.push().and_then(|push| self.link.silent_at(push));
        if silent_at.is_some_and(|at| at <= now) {
            self.link(false, now);
        }
    }

    /// Entries that a push brought. `seq` is the number of the message, if messages have numbers.
    pub fn pushed(&mut self, seq: Option<u64>, entries: &[StateEntry], now: Tick) {
        let is_missing = seq.zip(self.link.next_seq).is_some_and(|(seq, next)| seq > next);
        if is_missing {
            self.freeze(self.link.heard);
        }
        self.link.heard = now;
        self.link.next_seq = seq.map(|seq| seq + 1);
        match self.feed {
            Some(_) => self.adopt(entries, now),
            None => self.forget_answers(entries),
        }
        if is_missing {
            self.missed(now);
        }
    }

    /// A heartbeat of the push, or a message that concerns nobody.
    pub fn heartbeat(&mut self, now: Tick) {
        self.link.heard = now;
    }

    /// The link of the push is up or down. A push that replays is up once it has sent everything
    /// that was missed.
    pub fn link(&mut self, is_up: bool, now: Tick) {
        let Some(push) = self.strategy.push().filter(|_| self.link.is_up != is_up) else {
            return;
        };
        if !is_up {
            self.freeze(now);
            self.link.is_up = false;
            if self.feed.is_none() && push.on_gap == OnGap::Flush {
                self.flush_answers();
            }
            return;
        }
        (self.link.is_up, self.link.heard) = (true, now);
        match push.replays {
            true => self.caught_up(now),
            false => self.missed(now),
        }
    }

    /// Messages were missed, as far as the verifier can tell.
    fn missed(&mut self, now: Tick) {
        self.counters.gaps += 1;
        match self.strategy.push().map(|push| push.on_gap) {
            Some(OnGap::Flush) => self.flush(),
            Some(OnGap::Resync) => self.resync(now),
            Some(OnGap::Keep) | None => {}
        }
    }

    fn flush(&mut self) {
        self.flush_answers();
        self.flush_feed();
    }
}
