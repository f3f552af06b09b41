//! The interface to the crypto libraries, with one file per library. A backend prepares a key once,
//! and the prepared key verifies signatures. A backend knows nothing of tokens or claims.

pub mod aws_lc_rs;
pub mod dalek_batch;
pub mod graviola;
pub mod null;
#[cfg(feature = "openssl")]
pub mod openssl;
pub mod ring;
#[cfg(feature = "rscrypto")]
pub mod rscrypto;
pub mod rust_crypto;

use std::fmt;

use crate::algorithm::Algorithm;
use crate::jwk::CheckedJwk;

/// A crypto library.
pub trait Backend: Send + Sync {
    /// The name in a contender: `ring`, `aws-lc-rs`, `rust-crypto`, `graviola`.
    fn name(&self) -> &'static str;

    /// The versions of the crates that it uses, such as `ring 0.17.14`.
    fn version(&self) -> &'static str;

    /// Whether it supports this algorithm.
    fn supports(&self, algorithm: Algorithm) -> bool;

    /// Prepares a key for one worker: does once all the work that depends on the key alone.
    ///
    /// # Errors
    /// Returns [`InvalidKey`] if the library refuses a key that passed the core's own check, or
    /// does not support the algorithm.
    fn prepare(
        &self,
        algorithm: Algorithm,
        key: &CheckedJwk,
    ) -> Result<Box<dyn VerifyingKey>, InvalidKey>;
}

/// A prepared public key, owned by one worker.
pub trait VerifyingKey: Send {
    /// Verifies `signature` (raw bytes, P1363 form for ECDSA) over `signing_input`
    /// (`header.payload` as transmitted, RFC 7515 §5.2).
    ///
    /// # Errors
    /// Returns [`InvalidSignature`] if the signature does not verify. There is no other reason.
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature>;
}

/// The error for a key that the library refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidKey;

/// The error for a signature that does not verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidSignature;

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the backend refused the key")
    }
}

impl fmt::Display for InvalidSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signature does not verify")
    }
}

impl std::error::Error for InvalidKey {}
impl std::error::Error for InvalidSignature {}

/// Every real backend that runs on this CPU, in the order of the design document.
pub fn available() -> Vec<&'static dyn Backend> {
    let mut backends: Vec<&'static dyn Backend> =
        vec![&ring::Ring, &aws_lc_rs::AwsLcRs, &rust_crypto::RustCrypto];
    if graviola::is_supported() {
        backends.push(&graviola::Graviola);
    }
    #[cfg(feature = "openssl")]
    backends.push(&openssl::OpenSsl);
    #[cfg(feature = "rscrypto")]
    backends.push(&rscrypto::RsCrypto);
    backends
}

/// The backend with this name, real or null.
pub fn find(name: &str) -> Option<&'static dyn Backend> {
    if name == null::Null.name() {
        return Some(&null::Null);
    }
    available().into_iter().find(|backend| backend.name() == name)
}
