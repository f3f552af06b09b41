//! The backend for the RustCrypto crates rsa, p256 and p384, with ed25519-dalek for Ed25519. All
//! are pure Rust. Prepared keys are held by value, those of RSA with their Montgomery constants.

use p256::ecdsa::signature::Verifier as _;
use rsa::pkcs8::AssociatedOid;
use rsa::sha2::digest::{Digest, FixedOutputReset};
use rsa::sha2::{Sha256, Sha384, Sha512};
use rsa::signature::hazmat::PrehashVerifier as _;
use rsa::{BoxedUint, PublicKey, pkcs1v15, pss};

use super::{Backend, InvalidKey, InvalidSignature, VerifyingKey};
use crate::algorithm::Algorithm;
use crate::jwk::{CheckedJwk, KeyMaterial};

/// The backend of the RustCrypto and dalek crates.
pub struct RustCrypto;

impl Backend for RustCrypto {
    fn name(&self) -> &'static str {
        "rust-crypto"
    }

    fn version(&self) -> &'static str {
        "rsa 0.10.0, p256 0.14.0, p384 0.14.0, ed25519-dalek 3.0.0"
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        algorithm != Algorithm::MlDsa44
    }

    fn prepare(
        &self,
        algorithm: Algorithm,
        key: &CheckedJwk,
    ) -> Result<Box<dyn VerifyingKey>, InvalidKey> {
        match (algorithm, &key.material) {
            (Algorithm::ES256, KeyMaterial::P256(point)) => {
                let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point);
                Ok(Box::new(P256Key(key.map_err(|_| InvalidKey)?)))
            }
            (Algorithm::ES384, KeyMaterial::P384(point)) => {
                let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point);
                Ok(Box::new(P384Key(key.map_err(|_| InvalidKey)?)))
            }
            (Algorithm::EdDSA, KeyMaterial::Ed25519(point)) => {
                let key = ed25519_dalek::VerifyingKey::from_bytes(point);
                Ok(Box::new(Ed25519Key(key.map_err(|_| InvalidKey)?)))
            }
            (_, KeyMaterial::Rsa { n, e }) => rsa_key(algorithm, n, *e),
            _ => Err(InvalidKey),
        }
    }
}

struct Pkcs1v15Key<D: Digest>(pkcs1v15::VerifyingKey<D>);

impl<D: Digest + Send> VerifyingKey for Pkcs1v15Key<D> {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let signature = pkcs1v15::Signature::try_from(signature).map_err(|_| InvalidSignature)?;
        // `verify` is not used, because it clones the DigestInfo prefix.
        let hash = D::digest(signing_input);
        self.0.verify_prehash(&hash, &signature).map_err(|_| InvalidSignature)
    }
}

struct PssKey<D: Digest>(pss::VerifyingKey<D>);

impl<D: Digest + FixedOutputReset + Send> VerifyingKey for PssKey<D> {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let signature = pss::Signature::try_from(signature).map_err(|_| InvalidSignature)?;
        let hash = D::digest(signing_input);
        self.0.verify_prehash(&hash, &signature).map_err(|_| InvalidSignature)
    }
}

struct P256Key(p256::ecdsa::VerifyingKey);

impl VerifyingKey for P256Key {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let signature =
            p256::ecdsa::Signature::from_slice(signature).map_err(|_| InvalidSignature)?;
        self.0.verify(signing_input, &signature).map_err(|_| InvalidSignature)
    }
}

struct P384Key(p384::ecdsa::VerifyingKey);

impl VerifyingKey for P384Key {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let signature =
            p384::ecdsa::Signature::from_slice(signature).map_err(|_| InvalidSignature)?;
        self.0.verify(signing_input, &signature).map_err(|_| InvalidSignature)
    }
}

struct Ed25519Key(ed25519_dalek::VerifyingKey);

impl VerifyingKey for Ed25519Key {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let signature =
            ed25519_dalek::Signature::from_slice(signature).map_err(|_| InvalidSignature)?;
        self.0.verify(signing_input, &signature).map_err(|_| InvalidSignature)
    }
}

fn rsa_key(algorithm: Algorithm, n: &[u8], e: u32) -> Result<Box<dyn VerifyingKey>, InvalidKey> {
    let key = PublicKey::new(BoxedUint::from_be_slice_vartime(n), BoxedUint::from(e))
        .map_err(|_| InvalidKey)?;
    match algorithm {
        Algorithm::RS256 => Ok(pkcs1v15_key::<Sha256>(key)),
        Algorithm::RS384 => Ok(pkcs1v15_key::<Sha384>(key)),
        Algorithm::RS512 => Ok(pkcs1v15_key::<Sha512>(key)),
        Algorithm::PS256 => Ok(pss_key::<Sha256>(key)),
        Algorithm::PS384 => Ok(pss_key::<Sha384>(key)),
        Algorithm::PS512 => Ok(pss_key::<Sha512>(key)),
        Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDSA | Algorithm::MlDsa44 => {
            Err(InvalidKey)
        }
    }
}

fn pkcs1v15_key<D>(key: PublicKey) -> Box<dyn VerifyingKey>
where
    D: Digest + AssociatedOid + Send + 'static,
{
    Box::new(Pkcs1v15Key(pkcs1v15::VerifyingKey::<D>::new(key)))
}

/// The PSS key. Its salt is as long as the hash (RFC 7518 §3.5), which is the default of `new`.
fn pss_key<D>(key: PublicKey) -> Box<dyn VerifyingKey>
where
    D: Digest + FixedOutputReset + Send + 'static,
{
    Box::new(PssKey(pss::VerifyingKey::<D>::new(key)))
}
