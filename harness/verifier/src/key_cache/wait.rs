//! Tokens that wait for keys.

use super::FetchId;
use crate::jwk::Kid;
use crate::tick::Tick;

/// Names a parked token: chosen by its worker, unique among those it has parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    /// The worker.
    pub worker: u32,
    /// The place where it parked the token.
    pub place: u32,
}

/// A wait with a deadline of its own.
#[derive(Clone, Debug)]
pub(super) struct Wait {
    /// Whom to wake.
    pub(super) ticket: Ticket,
    /// For which kid.
    pub(super) kid: Kid,
    /// When to answer at the latest.
    pub(super) deadline: Tick,
    /// What for.
    pub(super) on: On,
}

/// What a wait waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// The end of this fetch, named by its first attempt.
    Flight(FetchId),
    /// Its turn behind a fetch that locks everybody out: it asks again.
    Turn,
    /// The budget, which is free again at this instant: it asks again.
    Budget(Tick),
}

impl Wait {
    /// When something must be done about it at the latest.
    fn due(&self) -> Tick {
        match self.on {
            On::Budget(free_at) => self.deadline.min(free_at),
            On::Flight(_) | On::Turn => self.deadline,
        }
    }
}

/// All that wait, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Waits {
    all: Vec<Wait>,
    /// When the first of them is due.
    due: Option<Tick>,
}

impl Waits {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// When the first of them is due.
    pub(super) fn due(&self) -> Option<Tick> {
        self.due
    }

    pub(super) fn push(&mut self, wait: Wait) {
        let due = wait.due();
        self.due = Some(self.due.map_or(due, |first| first.min(due)));
        self.all.push(wait);
    }

    /// Those that wait no longer, taken out.
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
