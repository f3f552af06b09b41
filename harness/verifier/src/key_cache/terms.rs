//! The terms under which the reply of an attempt becomes the next key set. They depend on the
//! previous set and the policy only.

use std::sync::Arc;

use super::FetchFailure;
use crate::algorithm::Algorithm;
use crate::cache_policy::{BadEntry, CachePolicy, EmptySet};
use crate::jwk::Kid;
use crate::key_set::{KeySet, ParsedSet, SetFault};

/// The terms under which a reply is read.
#[derive(Clone, Debug)]
pub struct Terms {
    old: Arc<KeySet>,
    /// In a per-kid cache, the kid that was fetched, and those that stay beside it.
    kept: Option<(Kid, Vec<Kid>)>,
    bad_entry: BadEntry,
    empty_set: EmptySet,
}

impl Terms {
    pub(super) fn new(
        old: Arc<KeySet>,
        kept: Option<(Kid, Vec<Kid>)>,
        policy: &CachePolicy,
    ) -> Terms {
        let CachePolicy { bad_entry, empty_set, .. } = *policy;
        Terms { old, kept, bad_entry, empty_set }
    }

    /// The terms of the first fetch of a cache that holds whole sets.
    pub fn of(policy: &CachePolicy) -> Terms {
        Terms::new(Arc::new(KeySet::before(0)), None, policy)
    }

    /// The set that the next one follows.
    pub fn old(&self) -> &Arc<KeySet> {
        &self.old
    }

    /// Reads the next set from a body. `allowed` are the algorithms of the verifier's policy.
    ///
    /// # Errors
    /// If the body is not a key set that the cache policy accepts.
    pub fn read(&self, body: &[u8], allowed: &[Algorithm]) -> Result<Arc<KeySet>, FetchFailure> {
        let accepts_empty = self.empty_set == EmptySet::Accept;
        let parsed = match ParsedSet::read(body, allowed) {
            Err(SetFault::Empty) if accepts_empty => ParsedSet::nothing(),
            parsed => parsed.map_err(FetchFailure::Set)?,
        };
        let fits = match self.bad_entry {
            BadEntry::Skip => true,
            BadEntry::FailMalformed => parsed.is_well_formed(),
            BadEntry::FailSet => parsed.is_whole(),
        };
        if !fits {
            return Err(FetchFailure::Set(SetFault::BadEntry));
        }
        if !accepts_empty && !parsed.is_usable(allowed) {
            return Err(FetchFailure::Set(SetFault::NoUsableKey));
        }
        let parsed = match &self.kept {
            Some((kid, beside)) => parsed.under(kid, &self.old, beside),
            None => parsed,
        };
        Ok(self.old.succeed(parsed))
    }
}
