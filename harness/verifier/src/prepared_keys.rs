//! The prepared keys of one worker, by slot. Keys are prepared outside the worker. Adopting a new
//! generation moves only the keys that changed, however large the set is.

use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;

use crate::algorithm::Algorithm;
use crate::backend::{Backend, VerifyingKey};
use crate::jwk::Thumbprint;
use crate::key_set::{KeySet, Slot};
use crate::rejection::Rejection;

/// The key set of a worker, with its keys ready to verify.
#[derive(Default)]
pub struct PreparedKeys {
    set: Arc<KeySet>,
    keys: Vec<Option<PreparedKey>>,
}

/// A key ready to verify.
pub struct PreparedKey {
    /// The thumbprint (RFC 7638).
    pub thumbprint: Thumbprint,
    /// The exact length of a signature in bytes.
    pub signature_len: usize,
    /// The key in the form of the backend.
    pub verifying_key: Box<dyn VerifyingKey>,
}

/// The update of one worker from one generation to the next.
pub struct KeyUpdate {
    set: Arc<KeySet>,
    fresh: Vec<(Slot, Option<PreparedKey>)>,
    gone: Vec<Slot>,
}

impl KeyUpdate {
    /// Prepares the keys that are in `new` but not in `old`, for one worker. A key that the backend
    /// refuses stays in the set but fits no token.
    pub fn prepare(
        backend: &dyn Backend,
        allowed: &[Algorithm],
        old: &KeySet,
        new: &Arc<KeySet>,
    ) -> KeyUpdate {
        let held = |set: &KeySet| -> HashMap<Slot, (Thumbprint, Algorithm), FxBuildHasher> {
            set.keys().map(|key| (key.slot, (key.jwk.thumbprint, key.jwk.algorithm))).collect()
        };
        let (before, after) = (held(old), held(new));
        let mut fresh: HashMap<Slot, Option<PreparedKey>, FxBuildHasher> = HashMap::default();
        for key in new.keys() {
            let thumbprint = key.jwk.thumbprint;
            let kept = before.get(&key.slot) == Some(&(thumbprint, key.jwk.algorithm));
            if kept || !allowed.contains(&key.jwk.algorithm) || fresh.contains_key(&key.slot) {
                continue;
            }
            let prepared = backend.prepare(key.jwk.algorithm, &key.jwk).ok();
            let prepared = prepared.map(|verifying_key| PreparedKey {
                thumbprint,
                signature_len: key.jwk.material.signature_len(),
                verifying_key,
            });
            fresh.insert(key.slot, prepared);
        }
        let gone = before.into_keys().filter(|slot| !after.contains_key(slot)).collect();
        KeyUpdate { set: Arc::clone(new), fresh: fresh.into_iter().collect(), gone }
    }

    /// The generation after the update.
    pub fn generation(&self) -> u64 {
        self.set.generation()
    }
}

impl PreparedKeys {
    /// Prepares all keys of `set` at once, for a worker that starts with this set.
    pub fn prepare(
        backend: &dyn Backend,
        allowed: &[Algorithm],
        set: &Arc<KeySet>,
    ) -> PreparedKeys {
        let mut keys = PreparedKeys::default();
        keys.adopt(KeyUpdate::prepare(backend, allowed, &KeySet::default(), set));
        keys
    }

    /// Adopts an update. Updates must be adopted in the order in which they were prepared.
    pub fn adopt(&mut self, update: KeyUpdate) {
        for slot in update.gone {
            if let Some(key) = self.keys.get_mut(slot as usize) {
                *key = None;
            }
        }
        for (slot, key) in update.fresh {
            let slot = slot as usize;
            if self.keys.len() <= slot {
                self.keys.resize_with(slot + 1, || None);
            }
            self.keys[slot] = key;
        }
        self.set = update.set;
    }

    /// The key set.
    pub fn set(&self) -> &Arc<KeySet> {
        &self.set
    }

    /// Whether the key in a slot is ready. It is not if the backend refused it.
    pub fn is_ready(&self, slot: Slot) -> bool {
        self.keys.get(slot as usize).is_some_and(Option::is_some)
    }

    /// The prepared key for a token with this `kid` and algorithm.
    ///
    /// # Errors
    /// As for [`KeySet::find`]. Also [`Rejection::KeyMismatch`] for a key that the backend refused.
    pub fn find(
        &mut self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<&mut PreparedKey, Rejection> {
        let slot = self.set.find(kid, algorithm)?.slot as usize;
        let key = self.keys.get_mut(slot).and_then(Option::as_mut);
        key.ok_or(Rejection::KeyMismatch)
    }
}
