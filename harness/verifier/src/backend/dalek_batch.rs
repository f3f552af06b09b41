//! ed25519-dalek through `verify_batch`: for the divergence report. No contender uses it, since the
//! verdict on a signature may depend on what else is in its batch.

use ed25519_dalek::{Signature, VerifyingKey as DalekKey, verify_batch};

use super::{Backend, InvalidKey, InvalidSignature, VerifyingKey};
use crate::algorithm::Algorithm;
use crate::jwk::{CheckedJwk, KeyMaterial};

/// ed25519-dalek's batch of one signature, so many times.
pub struct DalekBatch {
    /// How often the signature stands in the batch, at least once.
    pub copies: usize,
}

impl Backend for DalekBatch {
    fn name(&self) -> &'static str {
        "ed25519-dalek-batch"
    }

    fn version(&self) -> &'static str {
        "ed25519-dalek 3.0.0"
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        algorithm == Algorithm::EdDSA
    }

    fn prepare(
        &self,
        algorithm: Algorithm,
        key: &CheckedJwk,
    ) -> Result<Box<dyn VerifyingKey>, InvalidKey> {
        match (algorithm, &key.material) {
            (Algorithm::EdDSA, KeyMaterial::Ed25519(point)) => {
                let key = DalekKey::from_bytes(point).map_err(|_| InvalidKey)?;
                Ok(Box::new(BatchKey { key, copies: self.copies }))
            }
            _ => Err(InvalidKey),
        }
    }
}

struct BatchKey {
    key: DalekKey,
    copies: usize,
}

impl VerifyingKey for BatchKey {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let signature = Signature::from_slice(signature).map_err(|_| InvalidSignature)?;
        let (messages, signatures) =
            (vec![signing_input; self.copies], vec![signature; self.copies]);
        let keys = vec![self.key; self.copies];
        verify_batch(&messages, &signatures, &keys).map_err(|_| InvalidSignature)
    }
}
