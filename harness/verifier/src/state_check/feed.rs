//! How held knowledge comes by polls, and up to when it is complete.

use std::time::Duration;

use crate::key_cache::split_mix;
use crate::state_strategy::{Adopt, Feed, Poll, PollScope};
use crate::tick::Tick;

use super::link::Link;
use super::{OpId, OpKind, StateCheck, StateEntry, StoreListing, StoreOutcome};

/// The standing of what is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FeedStanding {
    /// It was complete at this instant, which is recent enough.
    Current(Tick),
    /// It was complete at this instant, which is too long ago.
    Stale(Tick),
    /// Nothing was ever complete.
    Cold,
}

/// The state of a feed.
#[derive(Clone, Debug)]
pub(super) struct FeedState {
    /// The last instant at which what is held is known to have been complete.
    complete: Option<Tick>,
    /// The instant up to which a list has told everything. A push may have lost messages since.
    listed: Option<Tick>,
    /// The instant after which the list must not be relied on, by its own word.
    until: Option<Tick>,
    /// The start of the next poll; `Tick::MAX` for none.
    next_poll: Tick,
    polling: Option<(OpId, Tick)>,
    /// Whether the next poll asks for the whole list.
    is_full_due: bool,
    /// The instant at which it was noticed that messages had been missed, until a whole list of a
    /// later instant has made up for them.
    gap_at: Option<Tick>,
    /// What was pushed since the poll under way began, which its list may lack.
    meanwhile: Vec<StateEntry>,
}

impl FeedState {
    /// A feed that has brought nothing yet. Its first poll is due at once.
    pub(super) fn new(terms: &Feed) -> FeedState {
        FeedState {
            complete: terms.is_memory().then_some(Tick::MIN),
            listed: None,
            until: None,
            next_poll: if terms.poll.is_some() { Tick::MIN } else { Tick::MAX },
            polling: None,
            is_full_due: true,
            gap_at: None,
            meanwhile: Vec::new(),
        }
    }

    /// The feed has brought everything up to `since`. Its next poll is due at `next_poll`.
    pub(super) fn warm(&mut self, since: Tick, next_poll: Tick) {
        (self.complete, self.listed) = (Some(since), Some(since));
        self.is_full_due = false;
        if self.next_poll != Tick::MAX {
            self.next_poll = next_poll;
        }
    }

    /// Whether this request is the poll under way.
    pub(super) fn is_polling(&self, id: OpId) -> bool {
        self.polling.is_some_and(|(own, _)| own == id)
    }

    /// The last instant at which what is held was complete, as far as the verifier can tell.
    fn complete_at(&self, terms: &Feed, link: Link, now: Tick) -> Option<Tick> {
        if terms.is_memory() {
            return Some(now);
        }
        let complete = self.complete?;
        let Some(push) = terms.push.filter(|_| link.is_up && self.gap_at.is_none()) else {
            return Some(complete);
        };
        // A link that says nothing is believed to have nothing to say.
        let heard = if push.heartbeat.is_some() { link.heard } else { now };
        Some(complete.max(heard))
    }

    /// The standing of what is held.
    pub(super) fn standing(&self, terms: &Feed, link: Link, now: Tick) -> FeedStanding {
        let Some(complete) = self.complete_at(terms, link, now) else {
            return FeedStanding::Cold;
        };
        let is_over = self.until.is_some_and(|until| now >= until);
        match is_over || now.since(complete) > terms.max_stale {
            true => FeedStanding::Stale(complete),
            false => FeedStanding::Current(complete),
        }
    }

    /// The start of the next poll, if none is under way.
    pub(super) fn due(&self) -> Option<Tick> {
        let next = self.polling.is_none().then_some(self.next_poll);
        next.filter(|at| *at < Tick::MAX)
    }
}

impl StateCheck {
    /// The instant until which what is held stands if nothing else comes; `at` is the instant at
    /// which it was complete.
    pub(super) fn stands_until(&self, at: Tick) -> Tick {
        let Some((feed, terms)) = self.feed.as_ref().zip(self.strategy.feed.as_ref()) else {
            return Tick::MAX;
        };
        let believes = terms.is_memory()
            || self.link.is_up
                && feed.gap_at.is_none()
                && terms.push.is_some_and(|push| push.heartbeat.is_none());
        let stale = match terms.max_stale {
            Duration::MAX => Tick::MAX,
            _ if believes => Tick::MAX,
            most => at + most,
        };
        feed.until.unwrap_or(Tick::MAX).min(stale)
    }

    /// Starts the poll that is due.
    pub(super) fn tick_feed(&mut self, now: Tick) {
        if self.feed.as_ref().and_then(FeedState::due).is_some_and(|at| at <= now) {
            self.poll(now);
        }
    }

    fn poll(&mut self, now: Tick) {
        let (Some(feed), Some(terms)) = (&self.feed, &self.strategy.feed) else {
            return;
        };
        let Some(poll) = terms.poll else { return };
        let (scope, since) = match feed.listed {
            Some(since) if poll.scope == PollScope::Delta && !feed.is_full_due => {
                (PollScope::Delta, since)
            }
            _ => (PollScope::Full, Tick::MIN),
        };
        let id = self.push_op(OpKind::Poll(scope, since), poll.timeouts);
        if let Some(feed) = &mut self.feed {
            feed.polling = Some((id, now));
            feed.meanwhile.clear();
        }
    }

    /// The outcome of the poll under way.
    pub(super) fn polled(&mut self, outcome: StoreOutcome, now: Tick) {
        let Some(poll) = self.strategy.feed.as_ref().and_then(|terms| terms.poll) else {
            return;
        };
        let Some((_, started)) = self.feed.as_mut().and_then(|feed| feed.polling.take()) else {
            return;
        };
        let shift = self.draw_shift(poll.jitter);
        let Some(feed) = &mut self.feed else { return };
        let on_the_grid = next_on_grid(started, &poll, shift, now);
        let StoreOutcome::Listing(listing) = outcome else {
            feed.next_poll = poll.retry.map_or(on_the_grid, |pause| now + pause);
            return;
        };
        let as_of = listing.as_of.unwrap_or(started).min(now);
        // A list of an older instant than one that was taken has nothing to say.
        let is_older = feed.listed.is_some_and(|listed| as_of < listed);
        if listing.is_full && feed.gap_at.is_none_or(|gap| as_of >= gap) {
            (feed.is_full_due, feed.gap_at) = (false, None);
        }
        // What was missed is asked for at once, unless the list itself is behind.
        let is_behind = feed.gap_at.is_some();
        feed.next_poll = if is_behind && listing.as_of.is_none() { now } else { on_the_grid };
        // After everything was dropped, only a list of a later instant is complete.
        if !is_older && (!is_behind || feed.complete.is_some()) {
            feed.complete = feed.complete.max(Some(as_of));
            feed.listed = feed.listed.max(Some(as_of));
            feed.until = listing.until;
        }
        if !is_older {
            self.take_list(&listing, now);
        }
        self.wake_cold(now);
    }

    /// Takes a list, and after it what was pushed since it was asked for.
    fn take_list(&mut self, listing: &StoreListing, now: Tick) {
        let adopt = self.strategy.feed.as_ref().map(|terms| terms.adopt);
        if listing.is_full && adopt == Some(Adopt::Replace) {
            self.held.clear();
        }
        self.adopt(&listing.entries, now);
        let meanwhile = self.feed.as_mut().map(|feed| std::mem::take(&mut feed.meanwhile));
        self.adopt(&meanwhile.unwrap_or_default(), now);
    }

    /// Takes entries that a push brought.
    pub(super) fn take_pushed(&mut self, entries: &[StateEntry], now: Tick) {
        if let Some(feed) = self.feed.as_mut().filter(|feed| feed.polling.is_some()) {
            feed.meanwhile.extend_from_slice(entries);
        }
        self.adopt(entries, now);
    }

    /// A draw of the shift of a poll, as a share of its interval, -jitter..=jitter.
    fn draw_shift(&mut self, jitter: f64) -> f64 {
        if jitter == 0.0 {
            return 0.0;
        }
        (split_mix(&mut self.random) as f64 / u64::MAX as f64 * 2.0 - 1.0) * jitter
    }

    /// Answers the tokens that waited for the first list, or asks for them.
    fn wake_cold(&mut self, now: Tick) {
        for wait in std::mem::take(&mut self.waits) {
            self.answer_cold(wait, now);
        }
    }

    /// What is held is complete up to `now` and no further: the link is down, or has missed
    /// something since.
    pub(super) fn freeze(&mut self, now: Tick) {
        if let Some((feed, terms)) = self.feed.as_mut().zip(self.strategy.feed.as_ref()) {
            feed.complete = feed.complete_at(terms, self.link, now);
        }
    }

    /// A push has sent everything that was missed.
    pub(super) fn caught_up(&mut self, now: Tick) {
        if let Some(feed) = &mut self.feed {
            (feed.gap_at, feed.complete) = (None, Some(now));
            self.wake_cold(now);
        }
    }

    /// Drops everything that is held, and polls the whole list at once.
    pub(super) fn flush_feed(&mut self, now: Tick) {
        if let Some(feed) = &mut self.feed {
            (feed.complete, feed.listed) = (None, None);
            self.held.clear();
            self.resync(now);
        }
    }

    /// Polls the whole list at once. What is held stands meanwhile, up to when it was complete.
    pub(super) fn resync(&mut self, now: Tick) {
        let polls = self.strategy.feed.as_ref().is_some_and(|terms| terms.poll.is_some());
        if let Some(feed) = self.feed.as_mut().filter(|_| polls) {
            (feed.gap_at, feed.is_full_due) = (Some(now), true);
            feed.next_poll = feed.next_poll.min(now);
        }
    }
}

/// The start of the next poll: a whole number of intervals after the last, and not in the past.
fn next_on_grid(started: Tick, poll: &Poll, shift: f64, now: Tick) -> Tick {
    let interval = poll.interval.as_nanos().max(1) as i64;
    let passed = now.0.saturating_sub(started.0).max(0);
    let intervals = (passed / interval + i64::from(passed % interval > 0)).max(1);
    let shift = (interval as f64 * shift) as i64;
    let next = started.0.saturating_add(intervals.saturating_mul(interval));
    Tick(next.saturating_add(shift)).max(now)
}
