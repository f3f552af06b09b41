//! The counters of a key cache, for monitoring.

use crate::key_cache::FetchFailure;
use crate::key_set::KeySet;

/// The counts since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// The attempts started, including retries.
    pub attempts: u64,
    /// The attempts that returned a usable set.
    pub fetched: u64,
    /// The attempts that failed, by the name of the failure.
    pub failed: Vec<(&'static str, u64)>,
    /// The adopted sets that lacked a key of the previous set.
    pub shrunk: u64,
    /// The skipped entries of adopted sets, by the name of the kind.
    pub skipped: Vec<(&'static str, u64)>,
    /// The lookups of kids that the fresh set lacked.
    pub unknown_kids: u64,
    /// The tokens that waited.
    pub waits: u64,
    /// The tokens answered without a wait because too many were waiting.
    pub waits_refused: u64,
    /// The waits that reached their deadline.
    pub waits_expired: u64,
    /// The lookups that the cache answered from a set past its TTL. Lookups in a published view do
    /// not count.
    pub served_stale: u64,
    /// The explicit evictions of a held kid.
    pub evictions: u64,
}

impl Counters {
    /// Adds the counts of another cache.
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
