//! The kids that a per-kid cache keeps. Each has its own age, and the least recently used one is
//! dropped first.

use std::collections::HashSet;

use rustc_hash::FxBuildHasher;

use crate::jwk::Kid;
use crate::key_set::KeySet;
use crate::tick::Tick;

/// The kept kids with the beginnings of their ages, least recently used first.
#[derive(Clone, Debug, Default)]
pub(super) struct Kids(Vec<(Kid, Tick)>);

impl Kids {
    /// The beginning of the age of a kid, if it is kept.
    pub(super) fn since(&self, kid: &str) -> Option<Tick> {
        self.0.iter().find(|(known, _)| **known == *kid).map(|(_, since)| *since)
    }

    /// Marks a kid as used by a lookup.
    pub(super) fn touch(&mut self, kid: &str) {
        if let Some(place) = self.0.iter().position(|(known, _)| **known == *kid) {
            self.0[place..].rotate_left(1);
        }
    }

    /// The other kids that stay when `kid` is added and at most `most` are kept.
    pub(super) fn beside(&self, kid: &str, most: usize) -> Vec<Kid> {
        let others: Vec<&Kid> =
            self.0.iter().map(|(known, _)| known).filter(|known| ***known != *kid).collect();
        let gone = (others.len() + 1).saturating_sub(most);
        others.into_iter().skip(gone).cloned().collect()
    }

    /// Keeps the kids of an adopted set. `fetched` is the kid that was fetched, and `since` the
    /// beginning of its age.
    pub(super) fn adopt(&mut self, set: &KeySet, fetched: &Kid, since: Tick) {
        self.0.retain(|(kid, _)| kid != fetched && set.has_kid(kid));
        if set.has_kid(fetched) {
            self.0.push((Kid::clone(fetched), since));
        }
    }

    /// All kids of a set, whose ages begin at `since`.
    pub(super) fn all(set: &KeySet, since: Tick) -> Kids {
        let mut kids = Kids::default();
        let mut seen: HashSet<&str, FxBuildHasher> = HashSet::default();
        for kid in set.entries().iter().filter_map(|entry| entry.kid.as_ref()) {
            if seen.insert(kid) {
                kids.0.push((Kid::clone(kid), since));
            }
        }
        kids
    }
}
