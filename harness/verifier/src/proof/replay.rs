//! The proofs that have been used, each for as long as it would be accepted again (RFC 9449 §11.1).

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use crate::unix_time::UnixTime;

use super::{AcceptedProof, ProofFault};

/// The used proofs of one instance, at most so many.
#[derive(Clone, Debug)]
pub struct ReplayCache {
    /// The last instant at which a proof would be accepted, by the hash of its key and its `jti`.
    used: BTreeMap<[u8; 32], UnixTime>,
    capacity: usize,
    /// The number of entries from which on those that have ended are looked for.
    next_prune: usize,
}

/// The least entries that are worth a search for those that have ended.
const LEAST: usize = 1024;

impl ReplayCache {
    /// An empty cache for so many proofs.
    pub fn new(capacity: usize) -> ReplayCache {
        ReplayCache { used: BTreeMap::new(), capacity, next_prune: LEAST.min(capacity) }
    }

    /// Uses a proof. This is the last step: a proof that is refused for another reason is not used.
    ///
    /// # Errors
    /// [`ProofFault::Replayed`] if it was used before, and [`ProofFault::ReplayUnknown`] if the
    /// cache is full of proofs that would be accepted.
    pub fn burn(&mut self, proof: &AcceptedProof, now: UnixTime) -> Result<(), ProofFault> {
        let mut hash = Sha256::new();
        hash.update(proof.thumbprint.0);
        hash.update(&proof.jwt_id);
        let name: [u8; 32] = hash.finalize().into();
        if self.used.get(&name).is_some_and(|until| now <= *until) {
            return Err(ProofFault::Replayed);
        }
        if self.used.len() >= self.next_prune {
            self.used.retain(|_, until| now <= *until);
            self.next_prune = (self.used.len() * 2).clamp(LEAST, self.capacity.max(LEAST));
            self.next_prune = self.next_prune.min(self.capacity);
        }
        if self.used.len() >= self.capacity {
            return Err(ProofFault::ReplayUnknown);
        }
        self.used.insert(name, proof.until);
        Ok(())
    }

    /// The number of proofs that are remembered.
    pub fn len(&self) -> usize {
        self.used.len()
    }

    /// Whether none is remembered.
    pub fn is_empty(&self) -> bool {
        self.used.is_empty()
    }
}
