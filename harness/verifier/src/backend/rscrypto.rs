//! The backend for rscrypto: pure Rust with assembly, a table per EC key, and scratch memory kept
//! per RSA key. It is experimental: young, by one author, not audited. Its Ed25519 is not used
//! here, because it refuses an R of small order. The equation of RFC 8032 §5.1.7 accepts such an R,
//! and so does every other backend.

use rscrypto::{
    EcdsaP256PublicKey, EcdsaP256Signature, EcdsaP384PublicKey, EcdsaP384Signature,
    RsaPkcs1v15Profile, RsaPssProfile, RsaPublicKey, RsaPublicKeyPolicy, RsaPublicScratch,
};

use super::{Backend, InvalidKey, InvalidSignature, VerifyingKey};
use crate::algorithm::{Algorithm, KeyType};
use crate::jwk::{CheckedJwk, KeyMaterial};

/// The rscrypto backend.
pub struct RsCrypto;

impl Backend for RsCrypto {
    fn name(&self) -> &'static str {
        "rscrypto"
    }

    fn version(&self) -> &'static str {
        "rscrypto 0.9.0"
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        matches!(algorithm.key_type(), KeyType::Rsa | KeyType::P256 | KeyType::P384)
    }

    fn prepare(
        &self,
        algorithm: Algorithm,
        key: &CheckedJwk,
    ) -> Result<Box<dyn VerifyingKey>, InvalidKey> {
        match (algorithm, &key.material) {
            (Algorithm::ES256, KeyMaterial::P256(point)) => {
                let key = EcdsaP256PublicKey::from_sec1_bytes(point);
                Ok(Box::new(P256Key(key.map_err(|_| InvalidKey)?)))
            }
            (Algorithm::ES384, KeyMaterial::P384(point)) => {
                let key = EcdsaP384PublicKey::from_sec1_bytes(point);
                Ok(Box::new(P384Key(key.map_err(|_| InvalidKey)?)))
            }
            (_, KeyMaterial::Rsa { n, e }) => {
                let padding = padding(algorithm).ok_or(InvalidKey)?;
                // Unlike the default policy, this one accepts 2048 bits and exponents other than
                // 65537.
                let policy = RsaPublicKeyPolicy::legacy_verification().allow_legacy_odd_exponents();
                let key =
                    RsaPublicKey::from_modulus_exponent_with_policy(n, u64::from(*e), &policy)
                        .map_err(|_| InvalidKey)?;
                let scratch = key.public_scratch();
                Ok(Box::new(RsaKey { key, scratch, padding }))
            }
            _ => Err(InvalidKey),
        }
    }
}

#[derive(Clone, Copy)]
enum Padding {
    Pkcs1v15(RsaPkcs1v15Profile),
    Pss(RsaPssProfile),
}

struct RsaKey {
    key: RsaPublicKey,
    scratch: RsaPublicScratch,
    padding: Padding,
}

impl VerifyingKey for RsaKey {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let RsaKey { key, scratch, padding } = self;
        let verdict = match *padding {
            Padding::Pkcs1v15(profile) => {
                key.verify_pkcs1v15_with_scratch(profile, signing_input, signature, scratch)
            }
            Padding::Pss(profile) => {
                key.verify_pss_with_scratch(profile, signing_input, signature, scratch)
            }
        };
        verdict.map_err(|_| InvalidSignature)
    }
}

struct P256Key(EcdsaP256PublicKey);

impl VerifyingKey for P256Key {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let signature = signature.try_into().map_err(|_| InvalidSignature)?;
        let signature = EcdsaP256Signature::from_bytes(signature).map_err(|_| InvalidSignature)?;
        self.0.verify(signing_input, &signature).map_err(|_| InvalidSignature)
    }
}

struct P384Key(EcdsaP384PublicKey);

impl VerifyingKey for P384Key {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let signature = signature.try_into().map_err(|_| InvalidSignature)?;
        let signature = EcdsaP384Signature::from_bytes(signature).map_err(|_| InvalidSignature)?;
        self.0.verify(signing_input, &signature).map_err(|_| InvalidSignature)
    }
}

/// The padding of an RSA algorithm. The PSS salt is as long as the hash (RFC 7518 §3.5).
fn padding(algorithm: Algorithm) -> Option<Padding> {
    Some(match algorithm {
        Algorithm::RS256 => Padding::Pkcs1v15(RsaPkcs1v15Profile::Sha256),
        Algorithm::RS384 => Padding::Pkcs1v15(RsaPkcs1v15Profile::Sha384),
        Algorithm::RS512 => Padding::Pkcs1v15(RsaPkcs1v15Profile::Sha512),
        Algorithm::PS256 => Padding::Pss(RsaPssProfile::Sha256),
        Algorithm::PS384 => Padding::Pss(RsaPssProfile::Sha384),
        Algorithm::PS512 => Padding::Pss(RsaPssProfile::Sha512),
        Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDSA | Algorithm::MlDsa44 => return None,
    })
}
