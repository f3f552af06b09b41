//! A backend that checks each signature once: the verifier runs whole on every arrival, and what a
//! key said of a text and a signature is remembered for all policies and ages that are simulated.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use rustc_hash::FxBuildHasher;
use sha2::{Digest as _, Sha256};

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::ring::Ring;
use jwtbench_verifier::backend::{Backend, InvalidKey, InvalidSignature, VerifyingKey};
use jwtbench_verifier::jwk::{CheckedJwk, Thumbprint};

/// ring with a memory.
pub(crate) struct Remembering;

/// By the SHA-256 hash of key, algorithm, signing input and signature: nothing can pass for
/// another. A pure function of these, so that it does not matter who asked first.
type Memory = RwLock<HashMap<[u8; 32], Result<(), InvalidSignature>, FxBuildHasher>>;

/// In parts, by the first byte of the hash, so that cores do not wait for one another.
static SAID: [Memory; 256] = [const { RwLock::new(HashMap::with_hasher(FxBuildHasher)) }; 256];

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
        let memory = &SAID[usize::from(hash[0])];
        let said = memory.read().unwrap_or_else(PoisonError::into_inner).get(&hash).copied();
        said.unwrap_or_else(|| {
            let verdict = self.key.verify(signing_input, signature);
            memory.write().unwrap_or_else(PoisonError::into_inner).insert(hash, verdict);
            verdict
        })
    }
}
