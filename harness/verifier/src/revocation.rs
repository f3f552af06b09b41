//! What one issuer took back, in memory: revoked `jti`s and authorization versions out of force.
//! Read without a lock while it grows.

use std::sync::atomic::{AtomicBool, Ordering};

use papaya::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;

/// Revoked tokens and authorization versions of one issuer. Grows only; bounded by what its owner
/// puts in.
#[derive(Debug, Default)]
pub struct Revocations {
    jwt_ids: HashSet<Box<str>, FxBuildHasher>,
    versions: HashMap<Box<str>, u64, FxBuildHasher>,
    has_versions: AtomicBool,
    is_down: AtomicBool,
}

impl Revocations {
    /// An empty list with room for `count` entries.
    pub fn with_capacity(count: usize) -> Revocations {
        let jwt_ids = HashSet::with_capacity_and_hasher(count, FxBuildHasher);
        Revocations { jwt_ids, ..Revocations::default() }
    }

    /// Revokes tokens by `jti`. Verdicts that begin after this returns see them all.
    pub fn revoke(&self, jwt_ids: impl IntoIterator<Item = Box<str>>) {
        let pinned = self.jwt_ids.pin();
        for jwt_id in jwt_ids {
            pinned.insert(jwt_id);
        }
    }

    /// Whether this `jti` is revoked.
    pub fn contains(&self, jwt_id: &str) -> bool {
        self.jwt_ids.pin().contains(jwt_id)
    }

    /// From now on tokens of `subject` need at least this authorization version.
    pub fn require_version(&self, subject: Box<str>, version: u64) {
        self.versions.pin().insert(subject, version);
        self.has_versions.store(true, Ordering::Release);
    }

    /// The least authorization version in force for this subject, if one is required.
    pub fn required_version(&self, subject: &str) -> Option<u64> {
        let asked = self.has_versions.load(Ordering::Acquire);
        asked.then(|| self.versions.pin().get(subject).copied()).flatten()
    }

    /// Says whether the state can be had: while it cannot, no token that depends on it is judged.
    pub fn set_available(&self, available: bool) {
        self.is_down.store(!available, Ordering::Release);
    }

    /// Whether the state can be had.
    pub fn is_available(&self) -> bool {
        !self.is_down.load(Ordering::Acquire)
    }

    /// Revoked tokens.
    pub fn len(&self) -> usize {
        self.jwt_ids.len()
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.jwt_ids.is_empty()
    }
}
