//! A fetch under way, with its retries.

use super::FetchId;
use crate::jwk::Kid;
use crate::tick::Tick;

/// One fetch: an attempt in flight, or a pause before the next.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    /// Its first attempt: what names it through its retries.
    pub(super) first: FetchId,
    /// Its attempt, the last one made.
    pub(super) id: FetchId,
    /// The kid that it is made for; `None` for a refresh of the set.
    pub(super) kid: Option<Kid>,
    /// Start of that attempt.
    pub(super) started: Tick,
    /// Attempts made.
    pub(super) attempts: u32,
    /// When the next attempt is due, if the last one failed.
    pub(super) retry_at: Option<Tick>,
}

impl Flight {
    /// A first attempt.
    pub(super) fn start(id: FetchId, kid: Option<Kid>, now: Tick) -> Flight {
        Flight { first: id, id, kid, started: now, attempts: 1, retry_at: None }
    }

    /// A further attempt.
    pub(super) fn retry(&mut self, id: FetchId, now: Tick) {
        (self.id, self.started, self.retry_at) = (id, now, None);
        self.attempts += 1;
    }
}
