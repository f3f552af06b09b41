//! A backend that checks each signature once. The whole verifier runs on every arrival. The result
//! of a key for a text and a signature is remembered for all policies and ages that are simulated.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use rustc_hash::FxBuildHasher;
use sha2::{Digest as _, Sha256};

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::ring::Ring;
use jwtbench_verifier::backend::{Backend, InvalidKey, InvalidSignature, VerifyingKey};
use jwtbench_verifier::jwk::{CheckedJwk, Thumbprint};

/// The backend of ring, with a memory.
pub(crate) struct Remembering;

/// Results by the SHA-256 hash of key, algorithm, signing input and signature, so that no entry can
/// be taken for another. The result depends on these alone, whichever caller asked first.
type Memory = RwLock<HashMap<[u8; 32], Result<(), InvalidSignature>, FxBuildHasher>>;

/// The memory in parts by the first byte of the hash, so that cores do not wait for one another.
static VERDICTS: [Memory; 256] = [const { RwLock::new(HashMap::with_hasher(FxBuildHasher)) }; 256];

struct RememberingBackend {
    key: Box<dyn VerifyingKey>,
    thumbprint: Thumbprint,
    algorithm: Algorithm,
}

impl RememberingBackend {
    fn hash(&self, signing_input: &[u8], signature: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new_with_prefix(self.thumbprint.0);
        for part in [self.algorithm.name().as_bytes(), signing_input, signature] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

impl Backend for Remembering {
    fn name(&self) -> &'static str {
        Ring.name()
    }

    fn version(&self) -> &'static str {
        Ring.version()
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        Ring.supports(algorithm)
    }

    fn prepare(
        &self,
        algorithm: Algorithm,
        key: &CheckedJwk,
    ) -> Result<Box<dyn VerifyingKey>, InvalidKey> {
        let thumbprint = key.thumbprint;
        let key = Ring.prepare(algorithm, key)?;
        Ok(Box::new(RememberingBackend { key, thumbprint, algorithm }))
    }
}

impl VerifyingKey for RememberingBackend {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let hash = self.hash(signing_input, signature);
        let memory = &VERDICTS[usize::from(hash[0])];
        let known = memory.read().unwrap_or_else(PoisonError::into_inner).get(&hash).copied();
        known.unwrap_or_else(|| {
            let verdict = self.key.verify(signing_input, signature);
            memory.write().unwrap_or_else(PoisonError::into_inner).insert(hash, verdict);
            verdict
        })
    }
}
