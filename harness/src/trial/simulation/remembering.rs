//! A backend that checks each signature once: the verifier runs whole on every arrival, and what a
//! key said of a text and a signature is remembered as long as the key is prepared.

use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::ring::Ring;
use jwtbench_verifier::backend::{Backend, InvalidKey, InvalidSignature, VerifyingKey};
use jwtbench_verifier::jwk::CheckedJwk;

/// ring with a memory.
pub(super) struct Remembering;

struct Memory {
    key: Box<dyn VerifyingKey>,
    /// By signature and signing input, whole: nothing can pass for another.
    said: HashMap<Box<[u8]>, Vec<Said>, FxBuildHasher>,
}

struct Said {
    signing_input: Box<[u8]>,
    verdict: Result<(), InvalidSignature>,
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
        let key = Ring.prepare(algorithm, key)?;
        Ok(Box::new(Memory { key, said: HashMap::default() }))
    }
}

impl VerifyingKey for Memory {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let known = self.said.get(signature).into_iter().flatten();
        let mut known = known.filter(|said| *said.signing_input == *signing_input);
        if let Some(said) = known.next() {
            return said.verdict;
        }
        let verdict = self.key.verify(signing_input, signature);
        let said = Said { signing_input: signing_input.into(), verdict };
        self.said.entry(signature.into()).or_default().push(said);
        verdict
    }
}
