//! One entry of a JWK set (RFC 7517 §4): parsed, checked and bound to at most one algorithm.
//! Unusable entries are distinguished by kind, so that one bad entry never affects the good ones.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::algorithm::{Algorithm, KeyType};
use crate::key_check;

/// The longest `kid`, in bytes. A longer one is an unknown kid and never causes a fetch.
pub const MAX_KID_BYTES: usize = 256;

/// A key identifier (RFC 7517 §4.5), shared and cheap to clone.
pub type Kid = Arc<str>;

/// The SHA-256 thumbprint of a public key (RFC 7638).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thumbprint(pub [u8; 32]);

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// The public key itself. It is checked and canonical.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyMaterial {
    /// An RSA key: the modulus and the exponent.
    Rsa {
        /// The modulus: big-endian without leading zeros, 2048 to 8192 bits, a multiple of 64.
        n: Vec<u8>,
        /// The public exponent: odd, 65537 ≤ e < 2³².
        e: u32,
    },
    /// A P-256 key: the uncompressed SEC 1 point, `04 || x || y`, 65 bytes, on the curve.
    P256([u8; 65]),
    /// A P-384 key: the uncompressed SEC 1 point, 97 bytes, on the curve.
    P384([u8; 97]),
    /// An Ed25519 key: the encoded point (RFC 8032 §5.1.2), canonical and not of small order.
    Ed25519([u8; 32]),
    /// An ML-DSA-44 key: the encoded public key (FIPS 204 §7.2), 1312 bytes.
    MlDsa44(Vec<u8>),
}

impl KeyMaterial {
    /// The type of the key.
    pub const fn key_type(&self) -> KeyType {
        match self {
            KeyMaterial::Rsa { .. } => KeyType::Rsa,
            KeyMaterial::P256(_) => KeyType::P256,
            KeyMaterial::P384(_) => KeyType::P384,
            KeyMaterial::Ed25519(_) => KeyType::Ed25519,
            KeyMaterial::MlDsa44(_) => KeyType::MlDsa44,
        }
    }

    /// The exact length of a raw signature under this key, in bytes.
    pub fn signature_len(&self) -> usize {
        match self {
            KeyMaterial::Rsa { n, .. } => n.len(),
            KeyMaterial::P256(_) | KeyMaterial::Ed25519(_) => 64,
            KeyMaterial::P384(_) => 96,
            // The size is from FIPS 204 §4, table 2.
            KeyMaterial::MlDsa44(_) => 2420,
        }
    }

    /// The minimal big-endian bytes of an RSA exponent.
    pub fn exponent_bytes(e: u32) -> Vec<u8> {
        e.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
    }
}

/// A usable public key. This is the only form in which a key reaches a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedJwk {
    /// The thumbprint (RFC 7638), which identifies the key.
    pub thumbprint: Thumbprint,
    /// The one algorithm for which it may be used: its `alg`, or the only allowed one that fits its
    /// type.
    pub algorithm: Algorithm,
    /// The key itself.
    pub material: KeyMaterial,
}

/// The use of an entry of the set.
#[derive(Clone, Debug)]
pub enum Entry {
    /// The entry is a key that verifies signatures of one algorithm.
    Fits(Option<Kid>, Arc<CheckedJwk>),
    /// The entry stays in the set under its kid but fits no token. These are encryption keys, keys
    /// whose `key_ops` exclude verify, and keys bound to no single algorithm.
    NeverFits(Option<Kid>),
}

/// The reason why an entry was skipped. The kid of a skipped entry is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipKind {
    /// The entry is not an object, or a member has the wrong JSON type or occurs twice.
    NotAJwk,
    /// `kty` is unknown.
    UnknownKty,
    /// `crv` is unknown.
    UnknownCrv,
    /// `alg` is unknown.
    UnknownAlg,
    /// `kty` is `oct`. A symmetric key does not belong in a public set.
    Symmetric,
    /// A member that the key type requires is absent.
    MissingMember,
    /// A member is not strict base64url (padding, stray bits, wrong alphabet).
    BadBase64,
    /// The key is too weak: an RSA modulus or exponent out of bounds, or an Ed25519 point of small
    /// order.
    WeakKey,
    /// The length of the RSA modulus is not a multiple of 64 bits. One backend cannot load such a
    /// key, and no verdict may depend on the backend.
    UnusualSize,
    /// The public key is not valid: wrong length, not on the curve, or not canonical.
    InvalidKey,
}

impl SkipKind {
    /// The name in counters.
    pub const fn name(self) -> &'static str {
        match self {
            SkipKind::NotAJwk => "not-a-jwk",
            SkipKind::UnknownKty => "unknown-kty",
            SkipKind::UnknownCrv => "unknown-crv",
            SkipKind::UnknownAlg => "unknown-alg",
            SkipKind::Symmetric => "symmetric",
            SkipKind::MissingMember => "missing-member",
            SkipKind::BadBase64 => "bad-base64",
            SkipKind::WeakKey => "weak-key",
            SkipKind::UnusualSize => "unusual-size",
            SkipKind::InvalidKey => "invalid-key",
        }
    }
}

#[derive(Deserialize)]
struct WireJwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    use_: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    #[serde(rename = "pub")]
    pub_: Option<String>,
}

impl Entry {
    /// Parses one entry. `allowed` are the algorithms of the policy. A key without `alg` is bound
    /// to the only one of them that fits its type.
    ///
    /// # Errors
    /// The kind of fault for which the entry is skipped.
    pub fn parse(json: &str, allowed: &[Algorithm]) -> Result<Entry, SkipKind> {
        let wire: WireJwk = serde_json::from_str(json).map_err(|_| SkipKind::NotAJwk)?;
        let kid = wire.kid.as_deref().map(Kid::from);
        match wire.kty.as_str() {
            "RSA" | "EC" | "OKP" | "AKP" => {}
            "oct" => return Err(SkipKind::Symmetric),
            _ => return Err(SkipKind::UnknownKty),
        }
        let for_encryption = wire.use_.as_deref().is_some_and(|purpose| purpose != "sig")
            || wire.alg.as_deref().is_some_and(is_encryption);
        if for_encryption || wire.key_ops.as_ref().is_some_and(|ops| !ops.iter().any(is_verify)) {
            return Ok(Entry::NeverFits(kid));
        }
        let material = material(&wire)?;
        let Some(algorithm) = bind(&wire, &material, allowed)? else {
            return Ok(Entry::NeverFits(kid));
        };
        let thumbprint = thumbprint(&material);
        Ok(Entry::Fits(kid, Arc::new(CheckedJwk { thumbprint, algorithm, material })))
    }
}

fn is_verify(operation: &String) -> bool {
    operation == "verify"
}

/// Whether `alg` is a registered key-management algorithm for asymmetric keys (RFC 7518 §4.1).
pub(crate) fn is_encryption(alg: &str) -> bool {
    alg == "RSA1_5" || alg.starts_with("RSA-OAEP") || alg.starts_with("ECDH-ES")
}

/// The algorithm of the key, or `None` if it fits none.
fn bind(
    wire: &WireJwk,
    material: &KeyMaterial,
    allowed: &[Algorithm],
) -> Result<Option<Algorithm>, SkipKind> {
    let fits = |algorithm: &Algorithm| algorithm.key_type() == material.key_type();
    if let Some(alg) = &wire.alg {
        let algorithm = Algorithm::from_name(alg).ok_or(SkipKind::UnknownAlg)?;
        return Ok(Some(algorithm).filter(fits));
    }
    let mut fitting = allowed.iter().copied().filter(fits);
    Ok(fitting.next().filter(|_| fitting.next().is_none()))
}

fn material(wire: &WireJwk) -> Result<KeyMaterial, SkipKind> {
    if wire.kty == "RSA" {
        return key_check::rsa(&decode(&wire.n)?, &decode(&wire.e)?);
    }
    if wire.kty == "AKP" {
        // The parameters of an AKP key are those of its `alg` (RFC 9964 §3).
        return match wire.alg.as_deref() {
            Some("ML-DSA-44") => key_check::ml_dsa_44(&decode(&wire.pub_)?),
            Some(_) => Err(SkipKind::UnknownAlg),
            None => Err(SkipKind::MissingMember),
        };
    }
    let crv = wire.crv.as_deref().ok_or(SkipKind::MissingMember)?;
    match (wire.kty.as_str(), crv) {
        ("EC", "P-256") => key_check::p256(&decode(&wire.x)?, &decode(&wire.y)?),
        ("EC", "P-384") => key_check::p384(&decode(&wire.x)?, &decode(&wire.y)?),
        ("OKP", "Ed25519") => key_check::ed25519(&decode(&wire.x)?),
        _ => Err(SkipKind::UnknownCrv),
    }
}

fn decode(member: &Option<String>) -> Result<Vec<u8>, SkipKind> {
    let text = member.as_deref().ok_or(SkipKind::MissingMember)?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| SkipKind::BadBase64)
}

/// The thumbprint of a key: SHA-256 over the required members in lexicographic order, without white
/// space (RFC 7638 §3).
fn thumbprint(material: &KeyMaterial) -> Thumbprint {
    let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let ec = |crv: &str, point: &[u8]| {
        let (x, y) = point[1..].split_at(point.len() / 2);
        format!(r#"{{"crv":"{crv}","kty":"EC","x":"{}","y":"{}"}}"#, b64(x), b64(y))
    };
    let canonical = match material {
        KeyMaterial::Rsa { n, e } => {
            let e = b64(&KeyMaterial::exponent_bytes(*e));
            format!(r#"{{"e":"{e}","kty":"RSA","n":"{}"}}"#, b64(n))
        }
        KeyMaterial::P256(point) => ec("P-256", point),
        KeyMaterial::P384(point) => ec("P-384", point),
        KeyMaterial::Ed25519(x) => {
            format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, b64(x))
        }
        // The required members are those of RFC 9964 §6.
        KeyMaterial::MlDsa44(key) => {
            format!(r#"{{"alg":"ML-DSA-44","kty":"AKP","pub":"{}"}}"#, b64(key))
        }
    };
    Thumbprint(Sha256::digest(canonical.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7638 §3.1.
    #[test]
    fn thumbprint_of_the_published_example() {
        let n = concat!(
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1",
            "L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4",
            "QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbO",
            "pbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csF",
            "Cur-kEgU8awapJzKnqDKgw",
        );
        let json =
            format!(r#"{{"kty":"RSA","n":"{n}","e":"AQAB","alg":"RS256","kid":"2011-04-29"}}"#);
        let Ok(Entry::Fits(kid, jwk)) = Entry::parse(&json, &[Algorithm::RS256]) else {
            panic!("the example key is usable");
        };
        assert_eq!(kid.as_deref(), Some("2011-04-29"));
        assert_eq!(format!("{:?}", jwk.thumbprint), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }
}
