//! The link of a push: whether it is up, and what came over it.

use std::time::Duration;

use crate::state_strategy::{OnGap, Push, StateStrategy};
use crate::tick::Tick;

use super::{StateCheck, StateEntry};

/// The state of a link.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Link {
    pub(super) is_up: bool,
    /// Whether it was taken for down because it was silent.
    is_silent: bool,
    /// The last message or heartbeat.
    pub(super) heard: Tick,
    /// The last message.
    last_message: Tick,
    next_seq: Option<u64>,
}

impl Link {
    /// A link that is up since `since`.
    pub(super) fn up(since: Tick) -> Link {
        Link { is_up: true, heard: since, last_message: since, ..Link::default() }
    }

    /// The first instant at which the link has been silent for longer than the terms allow; `None`
    /// if there is none.
    pub(super) fn silent_at(&self, push: Push) -> Option<Tick> {
        let longest: Duration = push.heartbeat.filter(|_| self.is_up)?;
        Some(self.heard + longest + Duration::from_nanos(1))
    }
}

impl StateStrategy {
    /// The terms of the push: that of the feed, or that which drops cached answers.
    pub fn push(&self) -> Option<Push> {
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
            self.link.is_silent = true;
        }
    }

    /// Entries that a push brought. `seq` is the number of the message, if messages have numbers.
    pub fn pushed(&mut self, seq: Option<u64>, entries: &[StateEntry], now: Tick) {
        let is_missing = seq.zip(self.link.next_seq).is_some_and(|(seq, next)| seq > next);
        if is_missing {
            self.freeze(self.link.last_message);
        }
        if is_missing || self.is_heard_again() {
            self.missed(now);
        }
        (self.link.heard, self.link.last_message) = (now, now);
        if let Some(seq) = seq {
            self.link.next_seq = self.link.next_seq.max(Some(seq.saturating_add(1)));
        }
        match self.feed {
            Some(_) => self.take_pushed(entries, now),
            None => self.forget_answers(entries),
        }
    }

    /// Whether a link that was taken for down says something again, on the same connection.
    fn is_heard_again(&mut self) -> bool {
        let is_again = std::mem::take(&mut self.link.is_silent);
        self.link.is_up |= is_again;
        is_again
    }

    /// A heartbeat of the push, or a message that concerns nobody.
    pub fn heartbeat(&mut self, now: Tick) {
        if self.is_heard_again() {
            self.missed(now);
        }
        self.link.heard = now;
    }

    /// The link of the push is up or down. A push that replays is up once it has sent everything
    /// that was missed.
    pub fn link(&mut self, is_up: bool, now: Tick) {
        let Some(push) = self.strategy.push().filter(|_| self.link.is_up != is_up) else {
            return;
        };
        self.link.is_silent = false;
        if !is_up {
            self.freeze(now);
            self.link.is_up = false;
            if self.feed.is_none() && push.on_gap == OnGap::Flush {
                self.flush_answers();
            }
            return;
        }
        (self.link.is_up, self.link.heard, self.link.last_message) = (true, now, now);
        if push.replays {
            return self.caught_up(now);
        }
        // Another connection counts its messages anew.
        self.link.next_seq = None;
        self.missed(now);
    }

    /// Messages were missed, as far as the verifier can tell.
    fn missed(&mut self, now: Tick) {
        self.counters.gaps += 1;
        match self.strategy.push().map(|push| push.on_gap) {
            Some(OnGap::Flush) => {
                self.flush_answers();
                self.flush_feed(now);
            }
            Some(OnGap::Resync) => self.resync(now),
            Some(OnGap::Keep) | None => {}
        }
    }
}
