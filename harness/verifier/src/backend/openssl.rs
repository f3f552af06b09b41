//! The backend for the system's OpenSSL through rust-openssl. Contexts for RSA are set up once per
//! key and worker. ECDSA takes the two halves of a signature without a conversion to DER. The
//! digests are the low-level ones, which fetch nothing from a provider.

use std::sync::LazyLock;

use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::md::{Md, MdRef};
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Public};
use openssl::pkey_ctx::PkeyCtx;
use openssl::rsa::{Padding, Rsa};
use openssl::sha::{sha256, sha384, sha512};
use openssl::sign::{RsaPssSaltlen, Verifier};

use super::{Backend, InvalidKey, InvalidSignature, VerifyingKey};
use crate::algorithm::Algorithm;
use crate::jwk::{CheckedJwk, KeyMaterial};

/// The OpenSSL backend.
pub struct OpenSsl;

impl Backend for OpenSsl {
    fn name(&self) -> &'static str {
        "openssl"
    }

    fn version(&self) -> &'static str {
        static VERSION: LazyLock<String> =
            LazyLock::new(|| format!("openssl 0.10.82, {}", openssl::version::version()));
        &VERSION
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        algorithm != Algorithm::MlDsa44
    }

    fn prepare(
        &self,
        algorithm: Algorithm,
        key: &CheckedJwk,
    ) -> Result<Box<dyn VerifyingKey>, InvalidKey> {
        let key = match (algorithm, &key.material) {
            (Algorithm::ES256, KeyMaterial::P256(point)) => {
                ec_key(Nid::X9_62_PRIME256V1, point).map(|key| Box::new(P256Key(key)) as _)
            }
            (Algorithm::ES384, KeyMaterial::P384(point)) => {
                ec_key(Nid::SECP384R1, point).map(|key| Box::new(P384Key(key)) as _)
            }
            (Algorithm::EdDSA, KeyMaterial::Ed25519(point)) => {
                let key = PKey::public_key_from_raw_bytes(point, Id::ED25519);
                key.map(|key| Box::new(Ed25519Key(key)) as _)
            }
            (_, KeyMaterial::Rsa { n, e }) => return rsa_key(algorithm, n, *e),
            _ => return Err(InvalidKey),
        };
        key.map_err(|_| InvalidKey)
    }
}

/// A digest of one of the three lengths.
enum Digest {
    Sha256([u8; 32]),
    Sha384([u8; 48]),
    Sha512([u8; 64]),
}

impl AsRef<[u8]> for Digest {
    fn as_ref(&self) -> &[u8] {
        match self {
            Digest::Sha256(digest) => digest,
            Digest::Sha384(digest) => digest,
            Digest::Sha512(digest) => digest,
        }
    }
}

struct RsaKey {
    context: PkeyCtx<Public>,
    digest: fn(&[u8]) -> Digest,
}

impl VerifyingKey for RsaKey {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let digest = (self.digest)(signing_input);
        accepted(self.context.verify(digest.as_ref(), signature))
    }
}

struct P256Key(EcKey<Public>);

impl VerifyingKey for P256Key {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        accepted(ecdsa(&self.0, &sha256(signing_input), signature, 32))
    }
}

struct P384Key(EcKey<Public>);

impl VerifyingKey for P384Key {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        accepted(ecdsa(&self.0, &sha384(signing_input), signature, 48))
    }
}

struct Ed25519Key(PKey<Public>);

impl VerifyingKey for Ed25519Key {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let verifier = Verifier::new_without_digest(&self.0);
        accepted(verifier.and_then(|mut v| v.verify_oneshot(signature, signing_input)))
    }
}

fn accepted(answer: Result<bool, ErrorStack>) -> Result<(), InvalidSignature> {
    answer.is_ok_and(|is_valid| is_valid).then_some(()).ok_or(InvalidSignature)
}

/// Verifies a signature in P1363 form, whose two halves must each have exactly the curve's length.
/// OpenSSL takes them as numbers, so it does not check the length.
fn ecdsa(
    key: &EcKey<Public>,
    digest: &[u8],
    signature: &[u8],
    half: usize,
) -> Result<bool, ErrorStack> {
    if signature.len() != 2 * half {
        return Ok(false);
    }
    let (r, s) = signature.split_at(half);
    let signature =
        EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?;
    signature.verify(digest, key)
}

fn ec_key(curve: Nid, point: &[u8]) -> Result<EcKey<Public>, ErrorStack> {
    let group = EcGroup::from_curve_name(curve)?;
    let mut numbers = openssl::bn::BigNumContext::new()?;
    let point = EcPoint::from_bytes(&group, point, &mut numbers)?;
    EcKey::from_public_key(&group, &point)
}

fn rsa_key(algorithm: Algorithm, n: &[u8], e: u32) -> Result<Box<dyn VerifyingKey>, InvalidKey> {
    type Row = (&'static str, fn(&[u8]) -> Digest, Padding);
    let (name, digest, padding): Row = match algorithm {
        Algorithm::RS256 => ("SHA2-256", |text| Digest::Sha256(sha256(text)), Padding::PKCS1),
        Algorithm::RS384 => ("SHA2-384", |text| Digest::Sha384(sha384(text)), Padding::PKCS1),
        Algorithm::RS512 => ("SHA2-512", |text| Digest::Sha512(sha512(text)), Padding::PKCS1),
        Algorithm::PS256 => ("SHA2-256", |text| Digest::Sha256(sha256(text)), Padding::PKCS1_PSS),
        Algorithm::PS384 => ("SHA2-384", |text| Digest::Sha384(sha384(text)), Padding::PKCS1_PSS),
        Algorithm::PS512 => ("SHA2-512", |text| Digest::Sha512(sha512(text)), Padding::PKCS1_PSS),
        Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDSA | Algorithm::MlDsa44 => {
            return Err(InvalidKey);
        }
    };
    let context = || {
        let rsa = Rsa::from_public_components(BigNum::from_slice(n)?, BigNum::from_u32(e)?)?;
        let digest = Md::fetch(None, name, None)?;
        rsa_context(&PKey::from_rsa(rsa)?, &digest, padding)
    };
    let context = context().map_err(|_: ErrorStack| InvalidKey)?;
    Ok(Box::new(RsaKey { context, digest }))
}

/// The context of an RSA key. It is set up once, and each verification starts from it.
fn rsa_context(
    key: &PKey<Public>,
    digest: &MdRef,
    padding: Padding,
) -> Result<PkeyCtx<Public>, ErrorStack> {
    let mut context = PkeyCtx::new(key)?;
    context.verify_init()?;
    context.set_rsa_padding(padding)?;
    context.set_signature_md(digest)?;
    if padding == Padding::PKCS1_PSS {
        context.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
        context.set_rsa_mgf1_md(digest)?;
    }
    Ok(context)
}
