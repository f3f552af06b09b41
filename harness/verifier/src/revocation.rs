//! Revoked `jti`s in memory: read without a lock while the list grows.

use papaya::HashSet;
use rustc_hash::FxBuildHasher;

/// The revoked tokens of one issuer. Grows only; bounded by what its owner puts in.
#[derive(Debug, Default)]
pub struct Revocations {
    jwt_ids: HashSet<Box<str>, FxBuildHasher>,
}

impl Revocations {
    /// An empty list with room for `count` entries.
    pub fn with_capacity(count: usize) -> Revocations {
        Revocations { jwt_ids: HashSet::with_capacity_and_hasher(count, FxBuildHasher) }
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

    /// Entries.
    pub fn len(&self) -> usize {
        self.jwt_ids.len()
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.jwt_ids.is_empty()
    }
}
