//! The keys of one round in a store that others may use as well.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::real::clock::unix_now;

/// The keys of a round, under a prefix of its own.
#[derive(Clone, Debug)]
pub(super) struct Keys(String);

impl Keys {
    /// Keys that no other round has: by process, instant and number.
    pub(super) fn new() -> Keys {
        static ROUNDS: AtomicU64 = AtomicU64::new(0);
        let round = ROUNDS.fetch_add(1, Ordering::Relaxed);
        Keys(format!("jwtbench:{}:{}:{round}", std::process::id(), unix_now().0))
    }

    /// The key of what is known of a token, a session or a subject.
    pub(super) fn entry(&self, key: &str) -> String {
        format!("{}:e:{key}", self.0)
    }

    /// The list: a sorted set of messages by the instant of the decision.
    pub(super) fn list(&self) -> String {
        format!("{}:list", self.0)
    }

    /// The channel of messages that are sent once.
    pub(super) fn channel(&self) -> String {
        format!("{}:channel", self.0)
    }

    /// The stream of messages that can be read again.
    pub(super) fn stream(&self) -> String {
        format!("{}:stream", self.0)
    }

    /// A pattern that fits all of them.
    pub(super) fn all(&self) -> String {
        format!("{}:*", self.0)
    }
}
