//! What a verifier holds of the state: entries by key, each with its end.

use std::collections::HashMap;

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

/// The entries.
#[derive(Clone, Debug, Default)]
pub(super) struct HeldEntries {
    /// The revoked keys that are UUIDs.
    revoked: IdSet,
    /// All other entries.
    others: HashMap<Box<str>, HeldEntry, FxBuildHasher>,
    prune_at: usize,
}

/// Seconds on the scenario clock, rounded up.
fn seconds(at: Tick) -> i32 {
    let seconds = at.0.div_euclid(1_000_000_000) + i64::from(at.0.rem_euclid(1_000_000_000) > 0);
    i32::try_from(seconds).unwrap_or(if seconds > 0 { i32::MAX } else { i32::MIN })
}

impl HeldEntries {
    /// What is known under a key.
    pub(super) fn find(&self, key: &str) -> Option<Knowledge> {
        let is_revoked = canonical(key).is_some_and(|id| self.revoked.contains(&id));
        match is_revoked {
            true => Some(Knowledge::Revoked),
            false => self.others.get(key).map(|entry| entry.knowledge),
        }
    }

    /// Adds an entry until `end`, or takes one away if it is clear.
    pub(super) fn insert(&mut self, entry: &StateEntry, end: Tick, now: Tick) {
        let (key, now) = (&entry.key, seconds(now));
        // The end is rounded up, so that no entry goes before the tokens that it concerns.
        let end = seconds(end);
        match (canonical(key), entry.knowledge) {
            (Some(id), Knowledge::Revoked) => self.revoked.insert(id, end, now),
            (Some(id), Knowledge::Clear) => self.revoked.remove(&id),
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
        *self = HeldEntries::default();
    }

    /// Removes what has ended.
    pub(super) fn prune(&mut self, now: Tick) {
        let now = seconds(now);
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
        self.revoked.bytes() + self.others.capacity() * slot + texts
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
