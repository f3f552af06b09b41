//! The tokens that wait for keys.

use super::FetchId;
use crate::jwk::Kid;
use crate::tick::Tick;

/// The name of a parked token. Its worker chooses it, and it is unique among the tokens that the
/// worker has parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    /// The worker.
    pub worker: u32,
    /// The place where the worker parked the token.
    pub place: u32,
}

/// A waiting token with its deadline.
#[derive(Clone, Debug)]
pub(super) struct Wait {
    /// The ticket to wake.
    pub(super) ticket: Ticket,
    /// The kid of the token.
    pub(super) kid: Kid,
    /// The instant by which the token must be answered.
    pub(super) deadline: Tick,
    /// The event for which the token waits.
    pub(super) on: On,
}

/// The event for which a token waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// The token waits for the end of this fetch, named by its first attempt.
    Flight(FetchId),
    /// The token waits for its turn behind a fetch that locks the cache. It then looks up again.
    Turn,
    /// The token waits for the budget, which allows a fetch at this instant. It then looks up
    /// again.
    Budget(Tick),
}

impl Wait {
    /// The instant at which the wait must be handled.
    fn due(&self) -> Tick {
        match self.on {
            On::Budget(free_at) => self.deadline.min(free_at),
            On::Flight(_) | On::Turn => self.deadline,
        }
    }
}

/// All waiting tokens, in their order of arrival.
#[derive(Clone, Debug, Default)]
pub(super) struct Waits {
    all: Vec<Wait>,
    /// The instant at which the first of them is due.
    due: Option<Tick>,
}

impl Waits {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The instant at which the first of them is due.
    pub(super) fn due(&self) -> Option<Tick> {
        self.due
    }

    pub(super) fn push(&mut self, wait: Wait) {
        let due = wait.due();
        self.due = Some(self.due.map_or(due, |first| first.min(due)));
        self.all.push(wait);
    }

    /// Removes and returns the waits that are over.
    pub(super) fn take(&mut self, is_over: impl Fn(&Wait) -> bool) -> Vec<Wait> {
        if !self.all.iter().any(&is_over) {
            return Vec::new();
        }
        let (over, all) = std::mem::take(&mut self.all).into_iter().partition(is_over);
        self.all = all;
        self.due = self.all.iter().map(Wait::due).min();
        over
    }
}
