//! The counters of the machine.

use super::{StateAnswer, StateGround};

/// What a monitor needs to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StateCounters {
    /// The tokens whose state was asked for.
    pub asked: u64,
    /// The requests to the store.
    pub ops: u64,
    /// The requests that failed.
    pub failures: u64,
    /// The tokens that were answered from a cached answer.
    pub cached: u64,
    /// The tokens that were answered from what is held beyond its time, or from nothing.
    pub unsure: u64,
    /// The lookups that the breaker answered.
    pub broken: u64,
    /// The messages that were missed, as far as the machine can tell.
    pub gaps: u64,
}

impl StateCounters {
    /// Counts an answer.
    pub(super) fn see(&mut self, answer: StateAnswer) {
        let StateAnswer::Decided(_, ground) = answer else {
            return;
        };
        match ground {
            StateGround::Cached(_) => self.cached += 1,
            StateGround::Stale(_) | StateGround::Cold | StateGround::Outage => self.unsure += 1,
            _ => {}
        }
    }
}
