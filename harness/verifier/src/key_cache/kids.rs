//! The kids that a per-kid cache keeps: each with an age of its own, the one used longest ago first
//! to go.

use std::collections::HashSet;

use rustc_hash::FxBuildHasher;

use crate::jwk::Kid;
use crate::key_set::KeySet;
use crate::tick::Tick;

/// Kids, least recently used first.
#[derive(Clone, Debug, Default)]
pub(super) struct Kids(Vec<(Kid, Tick)>);

impl Kids {
    /// Since when a kid is kept.
    pub(super) fn since(&self, kid: &str) -> Option<Tick> {
        self.0.iter().find(|(known, _)| **known == *kid).map(|(_, since)| *since)
    }

    /// A lookup found it.
    pub(super) fn touch(&mut self, kid: &str) {
        if let Some(place) = self.0.iter().position(|(known, _)| **known == *kid) {
            self.0[place..].rotate_left(1);
        }
    }

    /// Those that stay beside a kid that comes in, if `most` are kept.
    pub(super) fn beside(&self, kid: &str, most: usize) -> Vec<Kid> {
        let others: Vec<&Kid> =
            self.0.iter().map(|(known, _)| known).filter(|known| ***known != *kid).collect();
        let gone = (others.len() + 1).saturating_sub(most);
        others.into_iter().skip(gone).cloned().collect()
    }

    /// A set was adopted that keeps some kids; `fetched` came with a request that started then.
    pub(super) fn adopt(&mut self, set: &KeySet, fetched: &Kid, since: Tick) {
        self.0.retain(|(kid, _)| kid != fetched && set.has_kid(kid));
        if set.has_kid(fetched) {
            self.0.push((Kid::clone(fetched), since));
        }
    }

    /// All kids of a set, fetched by a request that started then.
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
