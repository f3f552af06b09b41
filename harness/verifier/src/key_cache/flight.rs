//! A fetch under way, with its retries.

use super::FetchId;
use crate::tick::Tick;

/// One fetch: an attempt in flight, or a pause before the next.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    /// Its attempt, the last one made.
    pub(super) id: FetchId,
    /// Start of that attempt.
    pub(super) started: Tick,
    /// Attempts made.
    pub(super) attempts: u32,
    /// When the next attempt is due, if the last one failed.
    pub(super) retry_at: Option<Tick>,
}

impl Flight {
    /// A first attempt.
    pub(super) fn start(id: FetchId, now: Tick) -> Flight {
        Flight { id, started: now, attempts: 1, retry_at: None }
    }

    /// A further attempt.
    pub(super) fn retry(&mut self, id: FetchId, now: Tick) {
        *self = Flight { id, started: now, attempts: self.attempts + 1, retry_at: None };
    }
}
