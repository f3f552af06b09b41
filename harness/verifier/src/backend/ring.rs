//! The backend for ring: C and assembly from BoringSSL. ring has no prepared keys, so every
//! verification parses the key again. RSA keys use `RsaPublicKeyComponents`, which at least avoids
//! parsing DER.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey,
};

use super::{Backend, InvalidKey, InvalidSignature, VerifyingKey};
use crate::algorithm::Algorithm;
use crate::jwk::{CheckedJwk, KeyMaterial};

/// The ring backend.
pub struct Ring;

impl Backend for Ring {
    fn name(&self) -> &'static str {
        "ring"
    }

    fn version(&self) -> &'static str {
        "ring 0.17.14"
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
                Ok(Box::new(P256Key(UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, *point))))
            }
            (Algorithm::ES384, KeyMaterial::P384(point)) => {
                Ok(Box::new(P384Key(UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, *point))))
            }
            (Algorithm::EdDSA, KeyMaterial::Ed25519(point)) => {
                Ok(Box::new(Ed25519Key(UnparsedPublicKey::new(&ED25519, *point))))
            }
            (_, KeyMaterial::Rsa { n, e }) => rsa_key(algorithm, n, *e),
            _ => Err(InvalidKey),
        }
    }
}

struct RsaKey {
    parameters: &'static RsaParameters,
    components: RsaPublicKeyComponents<Vec<u8>>,
}

impl VerifyingKey for RsaKey {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.components
            .verify(self.parameters, signing_input, signature)
            .map_err(|_| InvalidSignature)
    }
}

struct P256Key(UnparsedPublicKey<[u8; 65]>);

impl VerifyingKey for P256Key {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.0.verify(signing_input, signature).map_err(|_| InvalidSignature)
    }
}

struct P384Key(UnparsedPublicKey<[u8; 97]>);

impl VerifyingKey for P384Key {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.0.verify(signing_input, signature).map_err(|_| InvalidSignature)
    }
}

struct Ed25519Key(UnparsedPublicKey<[u8; 32]>);

impl VerifyingKey for Ed25519Key {
    fn verify(&mut self, signing_input: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.0.verify(signing_input, signature).map_err(|_| InvalidSignature)
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
    let components = RsaPublicKeyComponents { n: n.to_vec(), e: KeyMaterial::exponent_bytes(e) };
    Ok(Box::new(RsaKey { parameters, components }))
}
