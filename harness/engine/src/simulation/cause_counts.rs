//! Exposed accepts and lockouts, counted by cause.

use std::collections::BTreeMap;

/// The counts by cause.
#[derive(Default)]
pub(super) struct CauseCounts {
    exposed: BTreeMap<&'static str, u64>,
    /// Of the lockouts those that state or the issuer caused.
    lockouts: BTreeMap<&'static str, u64>,
}

impl CauseCounts {
    /// Counts an exposed accept.
    pub(super) fn expose(&mut self, cause: &'static str) {
        *self.exposed.entry(cause).or_default() += 1;
    }

    /// Counts a lockout.
    pub(super) fn lock_out(&mut self, cause: &'static str) {
        *self.lockouts.entry(cause).or_default() += 1;
    }

    /// Adds the counts of others.
    pub(super) fn add(&mut self, other: &CauseCounts) {
        let pairs = [(&mut self.exposed, &other.exposed), (&mut self.lockouts, &other.lockouts)];
        for (own, other) in pairs {
            for (cause, count) in other {
                *own.entry(cause).or_default() += count;
            }
        }
    }

    /// The exposed accepts and the lockouts, as they are stored.
    pub(super) fn stored(self) -> [BTreeMap<String, u64>; 2] {
        [self.exposed, self.lockouts].map(|counts| {
            counts.into_iter().map(|(cause, count)| (cause.to_owned(), count)).collect()
        })
    }
}
