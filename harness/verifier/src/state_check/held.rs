//! What a verifier holds of the state: entries by key, each with its end.

use std::collections::HashMap;

use fastbloom::BloomFilter;
use rustc_hash::FxBuildHasher;

use crate::tick::Tick;

use super::id_set::{IdSet, canonical};
use super::{Knowledge, StateEntry};

/// The size at which entries under other keys than UUIDs are pruned for the first time.
const FIRST_PRUNE: usize = 64;

/// An entry under a key that is no UUID, or one that says more than "revoked".
#[derive(Clone, Copy, Debug)]
struct HeldEntry {
    knowledge: Knowledge,
    end: i32,
}

/// The seed of the filter. It is fixed, so that the filter is the same on every machine.
const FILTER_SEED: u128 = 1;

/// The entries.
#[derive(Clone, Debug, Default)]
pub(super) struct HeldEntries {
    /// A filter before the entries. It recognises most keys that are not there from a few bits
    /// each; the entries decide on the others, so no answer depends on it.
    filter: Option<BloomFilter>,
    /// The revoked keys that are UUIDs.
    revoked: IdSet,
    /// All other entries.
    others: HashMap<Box<str>, HeldEntry, FxBuildHasher>,
    prune_at: usize,
}

/// Whole seconds, of those that can be kept.
fn kept(seconds: i64) -> i32 {
    i32::try_from(seconds).unwrap_or(if seconds > 0 { i32::MAX } else { i32::MIN })
}

/// An end in seconds on the scenario clock, rounded up, so that no entry goes before the tokens
/// that it concerns.
fn seconds_up(end: Tick) -> i32 {
    kept(end.0.div_euclid(1_000_000_000) + i64::from(end.0.rem_euclid(1_000_000_000) > 0))
}

/// Now in seconds on the scenario clock, rounded down, so that nothing ends before its time.
fn seconds_down(now: Tick) -> i32 {
    kept(now.0.div_euclid(1_000_000_000))
}

impl HeldEntries {
    /// No entries, with a filter made for so many.
    pub(super) fn filtered(false_positives: f64, entries: usize) -> HeldEntries {
        let filter = BloomFilter::with_false_pos(false_positives)
            .seed(&FILTER_SEED)
            .expected_items(entries.max(1));
        HeldEntries { filter: Some(filter), ..HeldEntries::default() }
    }

    /// What is known under a key.
    pub(super) fn find(&self, key: &str, now: Tick) -> Option<Knowledge> {
        if self.filter.as_ref().is_some_and(|filter| !filter.contains(key)) {
            return None;
        }
        let now = seconds_down(now);
        if canonical(key).is_some_and(|id| self.revoked.contains(&id, now)) {
            return Some(Knowledge::Revoked);
        }
        self.others.get(key).filter(|entry| entry.end > now).map(|entry| entry.knowledge)
    }

    /// Adds an entry until `end`, or takes one away if it is clear.
    pub(super) fn insert(&mut self, entry: &StateEntry, end: Tick, now: Tick) {
        let (key, now) = (&entry.key, seconds_down(now));
        if let Some(filter) = self.filter.as_mut().filter(|_| entry.knowledge != Knowledge::Clear) {
            filter.insert(&**key);
        }
        let end = seconds_up(end);
        match (canonical(key), entry.knowledge) {
            (Some(id), Knowledge::Revoked) => self.revoked.insert(id, end, now),
            (Some(id), Knowledge::Clear) => {
                self.revoked.remove(&id);
                self.others.remove(key);
            }
            (None, Knowledge::Clear) => _ = self.others.remove(key),
            (_, knowledge) => {
                if self.others.len() >= self.prune_at {
                    self.others.retain(|_, entry| entry.end > now);
                    self.prune_at = (self.others.len() * 5 / 4).max(FIRST_PRUNE);
                }
                let entry = HeldEntry { knowledge, end };
                match self.others.get_mut(key) {
                    Some(known) => known.rise(entry),
                    None => _ = self.others.insert(key.clone(), entry),
                }
            }
        }
    }

    /// Drops everything.
    pub(super) fn clear(&mut self) {
        if let Some(filter) = &mut self.filter {
            filter.clear();
        }
        let filter = self.filter.take();
        *self = HeldEntries { filter, ..HeldEntries::default() };
    }

    /// Removes what has ended.
    pub(super) fn prune(&mut self, now: Tick) {
        let now = seconds_down(now);
        self.revoked.prune(now);
        self.others.retain(|_, entry| entry.end > now);
    }

    /// The number of entries.
    pub(super) fn len(&self) -> usize {
        self.revoked.len() + self.others.len()
    }

    /// The memory that the entries take on the heap, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let slot = size_of::<(Box<str>, HeldEntry)>() + 1;
        let texts: usize = self.others.keys().map(|key| key.len()).sum();
        let filter = self.filter.as_ref().map_or(0, |filter| filter.num_bits() / 8);
        self.revoked.bytes() + self.others.capacity() * slot + texts + filter
    }
}

impl HeldEntry {
    /// Takes a newer entry. A version or an instant never goes back: an older message may come
    /// later.
    fn rise(&mut self, newer: HeldEntry) {
        self.end = self.end.max(newer.end);
        self.knowledge = match (self.knowledge, newer.knowledge) {
            (Knowledge::Version(known), Knowledge::Version(version)) => {
                Knowledge::Version(known.max(version))
            }
            (Knowledge::NotBefore(known), Knowledge::NotBefore(at)) => {
                Knowledge::NotBefore(known.max(at))
            }
            (_, knowledge) => knowledge,
        };
    }
}
