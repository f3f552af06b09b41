//! The closed set of JWS algorithms (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2.2, RFC 9964 §4).
//! HMAC and `none` are absent on purpose. A resource server that accepted them could be deceived
//! with forged tokens.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A signature algorithm that a policy may allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a 32-byte salt.
    PS256,
    /// RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a 48-byte salt.
    PS384,
    /// RSASSA-PSS with SHA-512, MGF1 with SHA-512 and a 64-byte salt.
    PS512,
    /// ECDSA on P-256 with SHA-256. The signature is r || s (64 bytes).
    ES256,
    /// ECDSA on P-384 with SHA-384. The signature is r || s (96 bytes).
    ES384,
    /// Ed25519; `EdDSA` and `Ed25519` name the same algorithm (RFC 9864 §2.2).
    EdDSA,
    /// ML-DSA-44 (FIPS 204), the smallest post-quantum signature of JOSE (RFC 9964 §4).
    MlDsa44,
}

/// The type of key that an algorithm needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyType {
    /// `kty` RSA.
    Rsa,
    /// `kty` EC, `crv` P-256.
    P256,
    /// `kty` EC, `crv` P-384.
    P384,
    /// `kty` OKP, `crv` Ed25519.
    Ed25519,
    /// `kty` AKP, `alg` ML-DSA-44.
    MlDsa44,
}

impl Algorithm {
    /// Every algorithm, in the order of RFC 7518.
    pub const ALL: [Algorithm; 10] = [
        Algorithm::RS256,
        Algorithm::RS384,
        Algorithm::RS512,
        Algorithm::PS256,
        Algorithm::PS384,
        Algorithm::PS512,
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::EdDSA,
        Algorithm::MlDsa44,
    ];

    /// The name in `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::RS256 => "RS256",
            Algorithm::RS384 => "RS384",
            Algorithm::RS512 => "RS512",
            Algorithm::PS256 => "PS256",
            Algorithm::PS384 => "PS384",
            Algorithm::PS512 => "PS512",
            Algorithm::ES256 => "ES256",
            Algorithm::ES384 => "ES384",
            Algorithm::EdDSA => "EdDSA",
            Algorithm::MlDsa44 => "ML-DSA-44",
        }
    }

    /// Parses an `alg` value. The comparison is case-sensitive (RFC 7515 §4.1.1). `Ed25519` gives
    /// EdDSA.
    pub fn from_name(name: &str) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.is_named(name))
    }

    /// Whether `name` is a name of the algorithm in `alg`.
    pub fn is_named(self, name: &str) -> bool {
        self.name() == name || (self == Algorithm::EdDSA && name == "Ed25519")
    }

    /// The type of key that it needs.
    pub const fn key_type(self) -> KeyType {
        match self {
            Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512 => KeyType::Rsa,
            Algorithm::ES256 => KeyType::P256,
            Algorithm::ES384 => KeyType::P384,
            Algorithm::EdDSA => KeyType::Ed25519,
            Algorithm::MlDsa44 => KeyType::MlDsa44,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Algorithm {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Algorithm {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Algorithm::from_name(&name).ok_or_else(|| {
            let known = Algorithm::ALL.map(Algorithm::name).join(", ");
            serde::de::Error::custom(format!("unknown algorithm `{name}`; known: {known}"))
        })
    }
}
