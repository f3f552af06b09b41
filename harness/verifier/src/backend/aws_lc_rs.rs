//! The backend for AWS-LC through aws-lc-rs. Every key is parsed once into an `EVP_PKEY`. Each
//! worker has its own, because AWS-LC counts references to it at each verification. Sharing it
//! would move a cache line between cores each time.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ML_DSA_44, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RsaPublicKeyComponents,
};

use super::{Backend, InvalidKey, InvalidSignature, VerifyingKey};
use crate::algorithm::Algorithm;
use crate::jwk::{CheckedJwk, KeyMaterial};

/// The aws-lc-rs backend.
pub struct AwsLcRs;

impl Backend for AwsLcRs {
    fn name(&self) -> &'static str {
        "aws-lc-rs"
    }

    fn version(&self) -> &'static str {
        "aws-lc-rs 1.19.0, aws-lc-sys 0.47.0"
    }

    fn supports(&self, _: Algorithm) -> bool {
        true
    }

    fn prepare(
        &self,
        algorithm: Algorithm,
        key: &CheckedJwk,
    ) -> Result<Box<dyn VerifyingKey>, InvalidKey> {
        match (algorithm, &key.material) {
            (Algorithm::ES256, KeyMaterial::P256(point)) => {
                let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
                Ok(Box::new(P256Key(key.map_err(|_| InvalidKey)?)))
            }
            (Algorithm::ES384, KeyMaterial::P384(point)) => {
                let key = ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point);
                Ok(Box::new(P384Key(key.map_err(|_| InvalidKey)?)))
            }
            (Algorithm::EdDSA, KeyMaterial::Ed25519(point)) => {
                let key = ParsedPublicKey::new(&ED25519, point);
                Ok(Box::new(Ed25519Key(key.map_err(|_| InvalidKey)?)))
            }
            (Algorithm::MlDsa44, KeyMaterial::MlDsa44(key)) => {
                let key = ParsedPublicKey::new(&ML_DSA_44, key);
                Ok(Box::new(MlDsa44Key(key.map_err(|_| InvalidKey)?)))
            }
            (_, KeyMaterial::Rsa { n, e }) => rsa_key(algorithm, n, *e),
            _ => Err(InvalidKey),
        }
    }
}

struct RsaKey(ParsedPublicKey);

impl VerifyingKey for RsaKey {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.0.verify_sig(signing_input, signature).map_err(|_| InvalidSignature)
    }
}

struct P256Key(ParsedPublicKey);

impl VerifyingKey for P256Key {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.0.verify_sig(signing_input, signature).map_err(|_| InvalidSignature)
    }
}

struct P384Key(ParsedPublicKey);

impl VerifyingKey for P384Key {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.0.verify_sig(signing_input, signature).map_err(|_| InvalidSignature)
    }
}

struct Ed25519Key(ParsedPublicKey);

impl VerifyingKey for Ed25519Key {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.0.verify_sig(signing_input, signature).map_err(|_| InvalidSignature)
    }
}

struct MlDsa44Key(ParsedPublicKey);

impl VerifyingKey for MlDsa44Key {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.0.verify_sig(signing_input, signature).map_err(|_| InvalidSignature)
    }
}

fn rsa_key(algorithm: Algorithm, n: &[u8], e: u32) -> Result<Box<dyn VerifyingKey>, InvalidKey> {
    let parameters = match algorithm {
        Algorithm::RS256 => &RSA_PKCS1_2048_8192_SHA256,
        Algorithm::RS384 => &RSA_PKCS1_2048_8192_SHA384,
        Algorithm::RS512 => &RSA_PKCS1_2048_8192_SHA512,
        Algorithm::PS256 => &RSA_PSS_2048_8192_SHA256,
        Algorithm::PS384 => &RSA_PSS_2048_8192_SHA384,
        Algorithm::PS512 => &RSA_PSS_2048_8192_SHA512,
        Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDSA | Algorithm::MlDsa44 => {
            return Err(InvalidKey);
        }
    };
    let components = RsaPublicKeyComponents { n, e: &KeyMaterial::exponent_bytes(e)[..] };
    let key = components.to_parsed_public_key(parameters).map_err(|_| InvalidKey)?;
    Ok(Box::new(RsaKey(key)))
}
