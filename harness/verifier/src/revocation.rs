//! The revocations of one issuer, in memory: revoked `jti`s, and authorization versions that are no
//! longer in force. They are read without a lock while the list grows. A probabilistic filter may
//! stand before the list. It recognises most tokens that are not revoked from a few bits each.

use std::sync::atomic::{AtomicBool, Ordering};

use fastbloom::AtomicBloomFilter;
use papaya::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;

/// The seed of the filter. It is fixed, so that the filter is the same on every machine.
const FILTER_SEED: u128 = 1;

/// The revoked tokens and authorization versions of one issuer. The list only grows, and its owner
/// must bound what it adds.
#[derive(Debug, Default)]
pub struct Revocations {
    jwt_ids: HashSet<Box<str>, FxBuildHasher>,
    filter: Option<AtomicBloomFilter>,
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

    /// An empty list with room for `count` entries, behind a Bloom filter. Once there are `count`
    /// entries, the filter takes the share `false_positives` (above 0, below 1) of other tokens for
    /// revoked at first. The list then decides, so no verdict depends on the filter.
    pub fn filtered(count: usize, false_positives: f64) -> Revocations {
        let filter = AtomicBloomFilter::with_false_pos(false_positives)
            .seed(&FILTER_SEED)
            .expected_items(count.max(1));
        Revocations { filter: Some(filter), ..Revocations::with_capacity(count) }
    }

    /// Revokes tokens by `jti`. A verdict that begins after the return sees all of them.
    pub fn revoke(&self, jwt_ids: impl IntoIterator<Item = Box<str>>) {
        let pinned = self.jwt_ids.pin();
        for jwt_id in jwt_ids {
            if let Some(filter) = &self.filter {
                filter.insert(&*jwt_id);
            }
            pinned.insert(jwt_id);
        }
    }

    /// Whether this `jti` is revoked.
    pub fn contains(&self, jwt_id: &str) -> bool {
        let may_be = self.filter.as_ref().is_none_or(|filter| filter.contains(jwt_id));
        may_be && self.jwt_ids.pin().contains(jwt_id)
    }

    /// The size of the filter in bytes; 0 if there is no filter.
    pub fn filter_bytes(&self) -> usize {
        self.filter.as_ref().map_or(0, |filter| filter.num_bits() / 8)
    }

    /// Requires at least this authorization version for tokens of `subject` from now on.
    pub fn require_version(&self, subject: Box<str>, version: u64) {
        self.versions.pin().insert(subject, version);
        self.has_versions.store(true, Ordering::Release);
    }

    /// The least authorization version in force for this subject, if one is required.
    pub fn required_version(&self, subject: &str) -> Option<u64> {
        let asked = self.has_versions.load(Ordering::Acquire);
        asked.then(|| self.versions.pin().get(subject).copied()).flatten()
    }

    /// Sets whether the state is available. While it is not, no token that depends on it is judged.
    pub fn set_available(&self, available: bool) {
        self.is_down.store(!available, Ordering::Release);
    }

    /// Whether the state is available.
    pub fn is_available(&self) -> bool {
        !self.is_down.load(Ordering::Acquire)
    }

    /// The number of revoked tokens.
    pub fn len(&self) -> usize {
        self.jwt_ids.len()
    }

    /// Whether no token is revoked.
    pub fn is_empty(&self) -> bool {
        self.jwt_ids.is_empty()
    }
}
