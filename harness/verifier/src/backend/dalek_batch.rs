//! The backend for batches of Ed25519 signatures, with ed25519-dalek's `verify_batch`. The
//! divergence report also uses it for one signature repeated. A batch may pass with signatures that
//! a single check refuses: an R that is not canonical, or points whose components of small order
//! cancel out over the batch. Only the holder of the private key can make such a signature.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ed25519_dalek::{Signature, Verifier as _, VerifyingKey as DalekKey, verify_batch};

use super::{Backend, InvalidKey, InvalidSignature, VerifyingKey};
use crate::algorithm::Algorithm;
use crate::jwk::{CheckedJwk, KeyMaterial};

/// A backend that verifies each signature as a batch of several copies of it.
pub struct DalekBatch {
    /// The number of copies of the signature in the batch, at least one.
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

/// Signatures that are verified together. Used as a backend, its keys accept every signature of the
/// right length and store it here. [`Batch::verify`] then decides on all of them.
#[derive(Clone, Default)]
pub struct Batch(Arc<Mutex<Gathered>>);

#[derive(Default)]
struct Gathered {
    /// The signing inputs one after the other. `ends` holds the end of each.
    text: Vec<u8>,
    ends: Vec<usize>,
    signatures: Vec<Signature>,
    keys: Vec<DalekKey>,
}

impl Batch {
    /// The number of stored signatures.
    pub fn len(&self) -> usize {
        self.gathered().signatures.len()
    }

    /// Whether no signature is stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Decides on all stored signatures in their order, and clears them. If a batch fails, or holds
    /// one signature only, each signature is verified on its own.
    pub fn verify(&self, verdicts: &mut Vec<Result<(), InvalidSignature>>) {
        let mut gathered = self.gathered();
        let Gathered { text, ends, signatures, keys } = &mut *gathered;
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let messages: Vec<&[u8]> =
            starts.zip(ends.iter()).map(|(start, end)| &text[start..*end]).collect();
        if messages.len() > 1 && verify_batch(&messages, signatures, keys).is_ok() {
            verdicts.extend(messages.iter().map(|_| Ok(())));
        } else {
            let each = messages.iter().zip(signatures.iter()).zip(keys.iter());
            verdicts.extend(each.map(|((message, signature), key)| {
                key.verify(message, signature).map_err(|_| InvalidSignature)
            }));
        }
        text.clear();
        ends.clear();
        signatures.clear();
        keys.clear();
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backend for Batch {
    fn name(&self) -> &'static str {
        "dalek"
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
                Ok(Box::new(GatheringKey { key, batch: self.clone() }))
            }
            _ => Err(InvalidKey),
        }
    }
}

struct GatheringKey {
    key: DalekKey,
    batch: Batch,
}

impl VerifyingKey for GatheringKey {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let signature = Signature::from_slice(signature).map_err(|_| InvalidSignature)?;
        let mut gathered = self.batch.gathered();
        gathered.text.extend_from_slice(signing_input);
        let end = gathered.text.len();
        gathered.ends.push(end);
        gathered.signatures.push(signature);
        gathered.keys.push(self.key);
        Ok(())
    }
}
