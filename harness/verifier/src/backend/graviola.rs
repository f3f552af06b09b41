//! The backend for graviola: Rust around the formally verified assembly of s2n-bignum, for the CPUs
//! that it supports. A prepared ECDSA key holds a table of the point, and a prepared RSA key its
//! Montgomery constants.

use graviola::hashing::{Sha256, Sha384};
use graviola::signing::ecdsa::{self, P256, P384};
use graviola::signing::eddsa::Ed25519VerifyingKey;
use graviola::signing::rsa::VerifyingKey as RsaVerifyingKey;
use graviola::{Error, util};
use rsa::pkcs1::der::Encode as _;
use rsa::pkcs1::{RsaPublicKey, UintRef};

use super::{Backend, InvalidKey, InvalidSignature, VerifyingKey};
use crate::algorithm::Algorithm;
use crate::jwk::{CheckedJwk, KeyMaterial};

/// The graviola backend.
pub struct Graviola;

/// Whether graviola runs on this CPU. If it does not, [`Graviola`] supports no algorithm.
pub fn is_supported() -> bool {
    util::is_cpu_supported()
}

impl Backend for Graviola {
    fn name(&self) -> &'static str {
        "graviola"
    }

    fn version(&self) -> &'static str {
        "graviola 0.4.4"
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        is_supported() && algorithm != Algorithm::MlDsa44
    }

    fn prepare(
        &self,
        algorithm: Algorithm,
        key: &CheckedJwk,
    ) -> Result<Box<dyn VerifyingKey>, InvalidKey> {
        // On an unsupported CPU every call into graviola panics.
        if !is_supported() {
            return Err(InvalidKey);
        }
        match (algorithm, &key.material) {
            (Algorithm::ES256, KeyMaterial::P256(point)) => {
                let key = ecdsa::VerifyingKey::from_x962_uncompressed(point);
                Ok(Box::new(P256Key(key.map_err(|_| InvalidKey)?)))
            }
            (Algorithm::ES384, KeyMaterial::P384(point)) => {
                let key = ecdsa::VerifyingKey::from_x962_uncompressed(point);
                Ok(Box::new(P384Key(key.map_err(|_| InvalidKey)?)))
            }
            (Algorithm::EdDSA, KeyMaterial::Ed25519(point)) => {
                let key = Ed25519VerifyingKey::from_bytes(point);
                Ok(Box::new(Ed25519Key(key.map_err(|_| InvalidKey)?)))
            }
            // graviola writes the padded message in whole 64-bit words. With a modulus of any other
            // size it would refuse valid signatures.
            (_, KeyMaterial::Rsa { n, .. }) if !is_whole_words(n) => Err(InvalidKey),
            (_, KeyMaterial::Rsa { n, e }) => rsa_key(algorithm, n, *e),
            _ => Err(InvalidKey),
        }
    }
}

/// graviola with RSA moduli of any size, without the check of [`Graviola`]. It is only for the
/// divergence report, which shows the behaviour of the library.
pub struct AnyModulus;

impl Backend for AnyModulus {
    fn name(&self) -> &'static str {
        Graviola.name()
    }

    fn version(&self) -> &'static str {
        Graviola.version()
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        Graviola.supports(algorithm)
    }

    fn prepare(
        &self,
        algorithm: Algorithm,
        key: &CheckedJwk,
    ) -> Result<Box<dyn VerifyingKey>, InvalidKey> {
        match &key.material {
            KeyMaterial::Rsa { n, e } if is_supported() => rsa_key(algorithm, n, *e),
            _ => Graviola.prepare(algorithm, key),
        }
    }
}

/// A verification method of graviola. Its arguments are key, signature and message.
type RsaVerify = fn(&RsaVerifyingKey, &[u8], &[u8]) -> Result<(), Error>;

struct RsaKey {
    verify: RsaVerify,
    key: RsaVerifyingKey,
}

impl VerifyingKey for RsaKey {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        (self.verify)(&self.key, signature, signing_input).map_err(|_| InvalidSignature)
    }
}

struct P256Key(ecdsa::VerifyingKey<P256>);

impl VerifyingKey for P256Key {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.0.verify::<Sha256>(&[signing_input], signature).map_err(|_| InvalidSignature)
    }
}

struct P384Key(ecdsa::VerifyingKey<P384>);

impl VerifyingKey for P384Key {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.0.verify::<Sha384>(&[signing_input], signature).map_err(|_| InvalidSignature)
    }
}

struct Ed25519Key(Ed25519VerifyingKey);

impl VerifyingKey for Ed25519Key {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.0.verify(signature, signing_input).map_err(|_| InvalidSignature)
    }
}

fn is_whole_words(n: &[u8]) -> bool {
    n.len().is_multiple_of(8) && n.first().is_some_and(|byte| byte.leading_zeros() == 0)
}

fn rsa_key(algorithm: Algorithm, n: &[u8], e: u32) -> Result<Box<dyn VerifyingKey>, InvalidKey> {
    let verify: RsaVerify = match algorithm {
        Algorithm::RS256 => RsaVerifyingKey::verify_pkcs1_sha256,
        Algorithm::RS384 => RsaVerifyingKey::verify_pkcs1_sha384,
        Algorithm::RS512 => RsaVerifyingKey::verify_pkcs1_sha512,
        Algorithm::PS256 => RsaVerifyingKey::verify_pss_sha256,
        Algorithm::PS384 => RsaVerifyingKey::verify_pss_sha384,
        Algorithm::PS512 => RsaVerifyingKey::verify_pss_sha512,
        Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDSA | Algorithm::MlDsa44 => {
            return Err(InvalidKey);
        }
    };
    let key = RsaVerifyingKey::from_pkcs1_der(&pkcs1_der(n, e)?).map_err(|_| InvalidKey)?;
    Ok(Box::new(RsaKey { verify, key }))
}

/// The RSA key in PKCS #1 DER (RFC 8017 §A.1.1), the only form that graviola takes.
fn pkcs1_der(n: &[u8], e: u32) -> Result<Vec<u8>, InvalidKey> {
    let e = e.to_be_bytes();
    let modulus = UintRef::new(n).map_err(|_| InvalidKey)?;
    let public_exponent = UintRef::new(&e).map_err(|_| InvalidKey)?;
    RsaPublicKey { modulus, public_exponent }.to_der().map_err(|_| InvalidKey)
}
