//! ed25519-dalek through `verify_batch`: many signatures gathered and decided on at once, and for
//! the divergence report one signature many times. A batch that passes may hold what a single check
//! refuses: an R that is not canonical, or points whose components of small order cancel out over
//! the whole batch. Only who holds the private key can make such a signature.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ed25519_dalek::{Signature, Verifier as _, VerifyingKey as DalekKey, verify_batch};

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

/// Signatures that are verified together. As a backend its keys accept every signature of the right
/// length and keep it here; [`Batch::verify`] decides on all of them.
#[derive(Clone, Default)]
pub struct Batch(Arc<Mutex<Gathered>>);

#[derive(Default)]
struct Gathered {
    /// The signing inputs one after the other, and where each ends.
    text: Vec<u8>,
    ends: Vec<usize>,
    signatures: Vec<Signature>,
    keys: Vec<DalekKey>,
}

impl Batch {
    /// How many signatures wait.
    pub fn len(&self) -> usize {
        self.gathered().signatures.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Decides on all signatures in the order in which they came, and forgets them. Those of a
    /// batch that fails are verified one by one, and so is one that is alone.
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
