//! What a monitor of a key cache needs to see.

use crate::key_cache::FetchFailure;
use crate::key_set::KeySet;

/// Counts since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Attempts started, retries included.
    pub attempts: u64,
    /// Attempts that brought a usable set.
    pub fetched: u64,
    /// Attempts that failed, by name of the failure.
    pub failed: Vec<(&'static str, u64)>,
    /// Adopted sets that lacked a key of the set before.
    pub shrunk: u64,
    /// Skipped entries of adopted sets, by name of the kind.
    pub skipped: Vec<(&'static str, u64)>,
    /// Lookups of kids that the fresh set lacked.
    pub unknown_kids: u64,
    /// Tokens that waited.
    pub waits: u64,
    /// Tokens answered without keys because too many waited.
    pub waits_refused: u64,
    /// Waits that ended by their own deadline.
    pub waits_expired: u64,
    /// Waiting or late lookups answered from a set past its ttl.
    pub served_stale: u64,
    /// Explicit evictions that removed something.
    pub evictions: u64,
}

impl Counters {
    /// The sum.
    pub fn add(&mut self, other: &Counters) {
        self.attempts += other.attempts;
        self.fetched += other.fetched;
        other.failed.iter().for_each(|(name, count)| add(&mut self.failed, name, *count));
        self.shrunk += other.shrunk;
        other.skipped.iter().for_each(|(name, count)| add(&mut self.skipped, name, *count));
        self.unknown_kids += other.unknown_kids;
        self.waits += other.waits;
        self.waits_refused += other.waits_refused;
        self.waits_expired += other.waits_expired;
        self.served_stale += other.served_stale;
        self.evictions += other.evictions;
    }

    pub(super) fn fail(&mut self, failure: FetchFailure) {
        add(&mut self.failed, failure.name(), 1);
    }

    pub(super) fn adopted(&mut self, old: &KeySet, new: &KeySet) {
        let kept = |thumbprint| new.keys().any(|key| key.jwk.thumbprint == thumbprint);
        if old.generation() != new.generation() && old.keys().any(|k| !kept(k.jwk.thumbprint)) {
            self.shrunk += 1;
        }
        for (kind, count) in new.skipped() {
            add(&mut self.skipped, kind.name(), u64::from(*count));
        }
    }
}

fn add(counts: &mut Vec<(&'static str, u64)>, name: &'static str, more: u64) {
    match counts.iter_mut().find(|(known, _)| *known == name) {
        Some((_, count)) => *count += more,
        None => counts.push((name, more)),
    }
}
