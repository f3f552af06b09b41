//! The backend that accepts any signature. With it, a measurement shows the cost of the core alone.
//! It is never a default, and never used for tokens that must be refused.

use super::{Backend, InvalidKey, InvalidSignature, VerifyingKey};
use crate::algorithm::Algorithm;
use crate::jwk::CheckedJwk;

/// The null backend, which accepts any signature.
pub struct Null;

impl Backend for Null {
    fn name(&self) -> &'static str {
        "null"
    }

    fn version(&self) -> &'static str {
        "none"
    }

    fn supports(&self, _: Algorithm) -> bool {
        true
    }

    fn prepare(&self, _: Algorithm, _: &CheckedJwk) -> Result<Box<dyn VerifyingKey>, InvalidKey> {
        Ok(Box::new(NullKey))
    }
}

struct NullKey;

impl VerifyingKey for NullKey {
    fn verify(&mut self, _: &[u8], _: &[u8]) -> Result<(), InvalidSignature> {
        Ok(())
    }
}
