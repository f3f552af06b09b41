//! A cache of proven tokens, by their whole text. A token seen again costs a lookup instead of a
//! signature verification. Only the result of `prove` is kept. Checks that depend on the time and
//! on state are made at every hit. Only good tokens are added, so an attacker can neither fill the
//! cache nor cause collisions.

use std::sync::Arc;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{OptionsBuilder, Weighter};
use rustc_hash::FxBuildHasher;

use crate::cache_policy::VerdictCachePolicy;
use crate::verifier::Proven;

/// A verdict cache, shared by the workers of one verifier.
#[derive(Debug)]
pub struct VerdictCache {
    proven: Cache<Box<[u8]>, Arc<Remembered>, Weight, FxBuildHasher>,
    is_tied: bool,
}

/// A proven token, with the generation of the key set under which it was proven.
#[derive(Debug)]
pub struct Remembered {
    /// The generation of the key set.
    pub generation: u64,
    /// The proven content of the token.
    pub proven: Proven<'static>,
}

/// The weight of an entry. It is the entry's bytes, but at least its share of the capacity, which
/// bounds the number of entries.
#[derive(Clone, Debug)]
struct Weight {
    least: u64,
}

/// The estimated size of an entry beside its token, in bytes: its claims and its place.
const OVERHEAD: u64 = 640;
/// The number of shards, each with its own lock. It is fixed, so that the same entries are evicted
/// on every machine.
const SHARDS: usize = 16;

impl Weighter<Box<[u8]>, Arc<Remembered>> for Weight {
    fn weight(&self, token: &Box<[u8]>, _: &Arc<Remembered>) -> u64 {
        (token.len() as u64 + OVERHEAD).max(self.least)
    }
}

impl VerdictCache {
    /// An empty cache with the limits of a policy.
    pub fn new(policy: &VerdictCachePolicy) -> VerdictCache {
        let entries = policy.entries.max(1);
        let options = OptionsBuilder::new()
            .estimated_items_capacity(entries)
            .weight_capacity(policy.bytes)
            .shards(SHARDS)
            .build()
            .expect("both bounds are given");
        let weight = Weight { least: policy.bytes.div_ceil(entries as u64) };
        let lifecycle = DefaultLifecycle::default();
        let proven = Cache::with_options(options, weight, FxBuildHasher, lifecycle);
        VerdictCache { proven, is_tied: policy.is_tied }
    }

    /// The proven content of this token. If the policy ties verdicts to the key set, only a proof
    /// under this generation counts. The call allocates nothing on the heap.
    pub fn get(&self, token: &[u8], generation: u64) -> Option<Arc<Remembered>> {
        let known = self.proven.get(token)?;
        (!self.is_tied || known.generation == generation).then_some(known)
    }

    /// Whether a verdict becomes invalid with the generation of the key set under which it was
    /// given.
    pub fn is_tied(&self) -> bool {
        self.is_tied
    }

    /// Keeps the proven content of a token under a generation of the key set.
    pub fn keep(&self, token: &[u8], generation: u64, proven: Proven<'_>) {
        let proven = proven.into_owned();
        self.proven.insert(token.into(), Arc::new(Remembered { generation, proven }));
    }

    /// Removes a token, for instance one that has expired.
    pub fn forget(&self, token: &[u8]) {
        self.proven.remove(token);
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.proven.len()
    }

    /// Whether the cache is empty.
    pub fn is_empty(&self) -> bool {
        self.proven.is_empty()
    }

    /// The weight of all entries, in bytes.
    pub fn bytes(&self) -> u64 {
        self.proven.weight()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::Claims;
    use crate::jwk::Thumbprint;
    use crate::unix_time::UnixTime;

    fn proven(subject: &str) -> Proven<'_> {
        let claims = Claims {
            subject: subject.into(),
            expires: UnixTime::from_seconds(1),
            not_before: None,
            issued_at: None,
            is_issued_between: false,
            jwt_id: None,
            client: None,
            tenant: None,
            subject_kind: None,
            authorization_version: None,
            token_use: None,
            is_other_kind: false,
            has_scopes: true,
            confirmation: None,
        };
        Proven { claims, thumbprint: Thumbprint([7; 32]) }
    }

    fn cache(entries: usize, bytes: u64, is_tied: bool) -> VerdictCache {
        VerdictCache::new(&VerdictCachePolicy { entries, bytes, is_tied })
    }

    #[test]
    fn a_verdict_is_of_one_text_and_one_generation() {
        for is_tied in [true, false] {
            let cache = cache(100, 1 << 20, is_tied);
            cache.keep(b"token", 3, proven("alice"));
            let known = cache.get(b"token", 3).expect("the same token, the same keys");
            assert_eq!((known.generation, &*known.proven.claims.subject), (3, "alice"));
            assert!(cache.get(b"tokeN", 3).is_none(), "one bit else");
            assert!(cache.get(b"toke", 3).is_none(), "cut");
            assert_eq!(cache.get(b"token", 4).is_none(), is_tied, "the key set has changed");
            cache.keep(b"token", 4, proven("alice"));
            assert!(cache.get(b"token", 4).is_some(), "proven anew");
            assert_eq!(cache.len(), 1, "in the same place");
            cache.forget(b"token");
            assert!(cache.get(b"token", 4).is_none() && cache.is_empty());
        }
    }

    #[test]
    fn entries_and_bytes_are_bounded() {
        for (entries, bytes, length) in [(64, 1 << 30, 10), (1_000_000, 1 << 20, 5000)] {
            let cache = cache(entries, bytes, true);
            for number in 0..4096u32 {
                let mut token = vec![b'x'; length];
                token.extend_from_slice(&number.to_be_bytes());
                cache.keep(&token, 1, proven("bob"));
                assert!(cache.len() <= entries && cache.bytes() <= bytes, "{}", cache.len());
            }
            assert!(cache.len() * 2 > entries.min(bytes as usize / (length + 644)), "well used");
        }
    }
}
