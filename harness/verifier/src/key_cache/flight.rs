//! A fetch under way, with its retries.

use super::FetchId;
use crate::jwk::Kid;
use crate::tick::Tick;

/// A fetch under way: an attempt in flight, or a pause before the next one.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    /// The first attempt, which names the fetch through its retries.
    pub(super) first: FetchId,
    /// The latest attempt.
    pub(super) id: FetchId,
    /// The kid for which it is made; `None` for a refresh of the set.
    pub(super) kid: Option<Kid>,
    /// The start of the latest attempt.
    pub(super) started: Tick,
    /// The number of attempts made.
    pub(super) attempts: u32,
    /// The instant at which the next attempt is due, if the latest one failed.
    pub(super) retry_at: Option<Tick>,
}

impl Flight {
    /// Starts a fetch with its first attempt.
    pub(super) fn start(id: FetchId, kid: Option<Kid>, now: Tick) -> Flight {
        Flight { first: id, id, kid, started: now, attempts: 1, retry_at: None }
    }

    /// Starts a further attempt.
    pub(super) fn retry(&mut self, id: FetchId, now: Tick) {
        (self.id, self.started, self.retry_at) = (id, now, None);
        self.attempts += 1;
    }
}
