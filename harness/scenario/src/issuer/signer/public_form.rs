//! The forms in which public keys are distributed and configured. An attacker can use any of them
//! as an HMAC key against a verifier that takes a public key for a secret.

use p256::pkcs8::EncodePublicKey;
use rsa_signer::pkcs1::EncodeRsaPublicKey as _;
use rsa_signer::pkcs8::EncodePublicKey as _;
use rsa_signer::traits::PublicKeyParts as _;

use super::{Secret, SigningKey};

/// One form of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PublicForm {
    /// The compact JWK (RFC 7517 §4) from the key set.
    Jwk,
    /// `PUBLIC KEY` in PEM (RFC 7468 §13).
    Pem,
    /// [`PublicForm::Pem`] without its last line break.
    PemCut,
    /// `RSA PUBLIC KEY` in PEM (RFC 8017 appendix A.1.1).
    Pkcs1Pem,
    /// [`PublicForm::Pkcs1Pem`] without its last line break.
    Pkcs1PemCut,
    /// A SubjectPublicKeyInfo in DER (RFC 5280 §4.1.2.7).
    Der,
    /// An RSAPublicKey in DER (RFC 8017 appendix A.1.1).
    Pkcs1Der,
    /// The bytes of `n`, of the uncompressed point, or of the encoded key.
    Raw,
}

use PublicForm::{Der, Jwk, Pem, PemCut, Pkcs1Der, Pkcs1Pem, Pkcs1PemCut, Raw};

const RSA: [PublicForm; 8] = [Jwk, Pem, PemCut, Pkcs1Pem, Pkcs1PemCut, Der, Pkcs1Der, Raw];
const OTHERS: [PublicForm; 5] = [Jwk, Pem, PemCut, Der, Raw];
/// The reason why no encoding fails.
const MADE_HERE: &str = "a key that was made here can be encoded";

impl SigningKey {
    /// The forms that exist for the key's type.
    pub fn public_forms(&self) -> &'static [PublicForm] {
        match self.secret {
            Secret::Rsa { .. } => &RSA,
            _ => &OTHERS,
        }
    }

    /// The public key in one of these forms.
    pub fn public_text(&self, form: PublicForm) -> Vec<u8> {
        match form {
            Jwk => self.public.to_string().into_bytes(),
            Pem => self.pem().into_bytes(),
            PemCut => self.pem().trim_end().as_bytes().to_vec(),
            Pkcs1Pem => self.pkcs1_pem().into_bytes(),
            Pkcs1PemCut => self.pkcs1_pem().trim_end().as_bytes().to_vec(),
            Der => self.der(),
            Pkcs1Der => self.pkcs1_der(),
            Raw => self.raw(),
        }
    }

    fn pem(&self) -> String {
        match &self.secret {
            Secret::Rsa { key, .. } => {
                let ending = rsa_signer::pkcs8::LineEnding::LF;
                key.to_public_key().to_public_key_pem(ending).expect(MADE_HERE)
            }
            Secret::P256(key) => pem(key.verifying_key()),
            Secret::P384(key) => pem(key.verifying_key()),
            Secret::Ed25519(key) => pem(&key.verifying_key()),
            Secret::MlDsa44(key) => pem(&key.expanded_key().verifying_key()),
        }
    }

    fn der(&self) -> Vec<u8> {
        match &self.secret {
            Secret::Rsa { key, .. } => {
                key.to_public_key().to_public_key_der().expect(MADE_HERE).into_vec()
            }
            Secret::P256(key) => der(key.verifying_key()),
            Secret::P384(key) => der(key.verifying_key()),
            Secret::Ed25519(key) => der(&key.verifying_key()),
            Secret::MlDsa44(key) => der(&key.expanded_key().verifying_key()),
        }
    }

    /// The PKCS #1 PEM of an RSA key. Keys of other types give their usual PEM.
    fn pkcs1_pem(&self) -> String {
        match &self.secret {
            Secret::Rsa { key, .. } => {
                let ending = rsa_signer::pkcs1::LineEnding::LF;
                key.to_public_key().to_pkcs1_pem(ending).expect(MADE_HERE)
            }
            _ => self.pem(),
        }
    }

    /// The PKCS #1 DER of an RSA key. Keys of other types give their usual DER.
    fn pkcs1_der(&self) -> Vec<u8> {
        match &self.secret {
            Secret::Rsa { key, .. } => {
                key.to_public_key().to_pkcs1_der().expect(MADE_HERE).as_bytes().to_vec()
            }
            _ => self.der(),
        }
    }

    fn raw(&self) -> Vec<u8> {
        match &self.secret {
            Secret::Rsa { key, .. } => key.n().to_bytes_be(),
            Secret::P256(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            Secret::P384(key) => key.verifying_key().to_sec1_point(false).as_bytes().to_vec(),
            Secret::Ed25519(key) => key.verifying_key().as_bytes().to_vec(),
            Secret::MlDsa44(key) => key.expanded_key().verifying_key().encode().to_vec(),
        }
    }
}

fn pem(key: &impl EncodePublicKey) -> String {
    key.to_public_key_pem(p256::pkcs8::LineEnding::LF).expect(MADE_HERE)
}

fn der(key: &impl EncodePublicKey) -> Vec<u8> {
    key.to_public_key_der().expect(MADE_HERE).into_vec()
}
