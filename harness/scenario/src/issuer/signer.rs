//! The issuer's keys, derived from the seed alone. This is the only module that signs. Private keys
//! leave it only through [`Signers::private_jwks`].

mod prime_candidates;
mod public_form;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aws_lc_rs::signature::{self as aws, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::Signer as _;
use prime_candidates::PrimeCandidates;
use rand_chacha::ChaCha8Rng;
use rand_core::RngCore as _;
use rsa_signer::pkcs1::EncodeRsaPrivateKey as _;
use rsa_signer::traits::{PrivateKeyParts as _, PublicKeyParts as _};
use rsa_signer::{BigUint, RsaPrivateKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use jwtbench_verifier::algorithm::{Algorithm, KeyType};
use jwtbench_verifier::jwk::{Entry, Thumbprint};

use crate::plan::random;

pub use public_form::PublicForm;

/// The default size of the issuer's RSA keys, in bits.
pub const RSA_BITS: usize = 2048;

/// The size of an ML-DSA-44 signature in bytes (FIPS 204 §4, table 2).
const ML_DSA_44_SIGNATURE: usize = 2420;

/// A key pair of the issuer or of an attacker.
pub struct SigningKey {
    label: String,
    kid: String,
    algorithm: Algorithm,
    thumbprint: Thumbprint,
    public: Value,
    secret: Secret,
}

enum Secret {
    /// `fast` is present only if the key has a sound size and exponent.
    Rsa {
        key: Box<RsaPrivateKey>,
        fast: Option<Box<RsaKeyPair>>,
    },
    P256(Box<p256::ecdsa::SigningKey>),
    P384(Box<p384::ecdsa::SigningKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
    MlDsa44(Box<ml_dsa::SigningKey<ml_dsa::MlDsa44>>),
}

/// The keys of one seed. Each is generated when it is first requested.
pub struct Signers {
    seed: u64,
    rsa_bits: usize,
    made: Arc<Mutex<BTreeMap<KeyName, MadeKey>>>,
}

/// The label, the algorithm, and the size of RSA keys in bits.
type KeyName = (String, Algorithm, usize);

/// A key that is made once, however many threads ask for it at the same time.
type MadeKey = Arc<OnceLock<Arc<SigningKey>>>;

impl Signers {
    /// The keys of `seed`.
    pub fn new(seed: u64) -> Signers {
        Signers { seed, rsa_bits: RSA_BITS, made: Arc::default() }
    }

    /// The same keys, except that RSA keys have this many bits.
    pub fn with_rsa_bits(&self, rsa_bits: usize) -> Signers {
        Signers { seed: self.seed, rsa_bits, made: Arc::clone(&self.made) }
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The key with this label for this algorithm. The same seed, label and algorithm give the same
    /// key on every machine.
    pub fn key(&self, label: &str, algorithm: Algorithm) -> Arc<SigningKey> {
        let bits = self.rsa_bits;
        self.made(label, algorithm, || SigningKey::derive(self.seed, label, algorithm, bits))
    }

    /// An RS256 key with a modulus of this many bits and this exponent, whether sound or not. Some
    /// issuers publish keys that they should not. The divergence report shows how verifiers treat
    /// them.
    pub fn rsa(&self, bits: usize, exponent: u64) -> Arc<SigningKey> {
        let label = format!("rsa-{bits}-{exponent}");
        self.made(&label, Algorithm::RS256, || {
            let mut rng = random::stream(self.seed, &["key", &label, "RSA"]);
            SigningKey::of_rsa(&label, rsa_key(&mut rng, bits, exponent))
        })
    }

    fn made(
        &self,
        label: &str,
        algorithm: Algorithm,
        make: impl FnOnce() -> SigningKey,
    ) -> Arc<SigningKey> {
        let name = (label.to_owned(), algorithm, self.rsa_bits);
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let key = Arc::clone(made.entry(name).or_default());
        // Other keys are made meanwhile.
        drop(made);
        Arc::clone(key.get_or_init(|| Arc::new(make())))
    }
}

impl Signers {
    /// The private keys generated so far for an algorithm, as a JWK set (RFC 7518 §6). They are for
    /// users who explicitly ask for them.
    pub fn private_jwks(&self, algorithm: Algorithm) -> Value {
        let made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let own = made.iter().filter(|((_, other, _), _)| *other == algorithm);
        let keys = own.filter_map(|(_, key)| Some(key.get()?.private_jwk()));
        json!({ "keys": keys.collect::<Vec<Value>>() })
    }
}

impl SigningKey {
    fn private_jwk(&self) -> Value {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = self.public.clone();
        match &self.secret {
            Secret::Rsa { key, .. } => {
                let number = |number: &rsa_signer::BigUint| json!(b64(&number.to_bytes_be()));
                jwk["d"] = number(key.d());
                jwk["p"] = number(&key.primes()[0]);
                jwk["q"] = number(&key.primes()[1]);
                for (name, part) in [("dp", key.dp()), ("dq", key.dq())] {
                    if let Some(part) = part {
                        jwk[name] = number(part);
                    }
                }
                if let Some(coefficient) = key.crt_coefficient() {
                    jwk["qi"] = number(&coefficient);
                }
            }
            Secret::P256(key) => jwk["d"] = json!(b64(&key.to_bytes())),
            Secret::P384(key) => jwk["d"] = json!(b64(&key.to_bytes())),
            Secret::Ed25519(key) => jwk["d"] = json!(b64(key.as_bytes())),
            // The private key is the seed (RFC 9964 §3).
            Secret::MlDsa44(key) => jwk["priv"] = json!(b64(key.as_seed())),
        }
        jwk
    }

    fn derive(seed: u64, label: &str, algorithm: Algorithm, rsa_bits: usize) -> SigningKey {
        let kind = match algorithm.key_type() {
            KeyType::Rsa => "RSA",
            KeyType::P256 => "P-256",
            KeyType::P384 => "P-384",
            KeyType::Ed25519 => "Ed25519",
            KeyType::MlDsa44 => "ML-DSA-44",
        };
        let mut rng = random::stream(seed, &["key", label, kind]);
        let secret = Secret::derive(algorithm.key_type(), rsa_bits, &mut rng);
        let mut public = secret.public_members();
        public["alg"] = json!(algorithm.name());
        let Ok(Entry::Fits(_, jwk)) = Entry::parse(&public.to_string(), &[algorithm]) else {
            // The generators here make valid keys only. If one does not, no result can be trusted.
            unreachable!("a generated {kind} key is a usable JWK");
        };
        let short: String = format!("{:?}", jwk.thumbprint).chars().take(8).collect();
        let kid = format!("{label}-{short}");
        public["kid"] = json!(kid);
        public["use"] = json!("sig");
        public.sort_all_objects();
        let label = label.to_owned();
        SigningKey { label, kid, algorithm, thumbprint: jwk.thumbprint, public, secret }
    }

    /// Makes a signing key from an RSA key that may be too weak for [`Entry`] to accept.
    fn of_rsa(label: &str, key: RsaPrivateKey) -> SigningKey {
        let secret = Secret::rsa(key);
        let mut public = secret.public_members();
        // RFC 7638 §3 requires lexicographic order of the members, and no white space.
        public.sort_all_objects();
        let thumbprint = Thumbprint(Sha256::digest(public.to_string()).into());
        let algorithm = Algorithm::RS256;
        for (member, value) in [("alg", algorithm.name()), ("kid", label), ("use", "sig")] {
            public[member] = json!(value);
        }
        let (label, kid) = (label.to_owned(), label.to_owned());
        SigningKey { label, kid, algorithm, thumbprint, public, secret }
    }

    /// The label from which it was derived.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The key's own kid.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its thumbprint (RFC 7638).
    pub fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }

    /// The public JWK (RFC 7517), with `alg`, `kid` and `use`.
    pub fn public_jwk(&self) -> &Value {
        &self.public
    }

    /// The length of a raw signature, in bytes.
    pub fn signature_len(&self) -> usize {
        match &self.secret {
            Secret::Rsa { key, .. } => key.size(),
            Secret::P256(_) | Secret::Ed25519(_) => 64,
            Secret::P384(_) => 96,
            Secret::MlDsa44(_) => ML_DSA_44_SIGNATURE,
        }
    }

    /// Signs `input`. `salt` is the source of the PSS salt. PSS is the only scheme here that is not
    /// deterministic: ECDSA follows RFC 6979, and ML-DSA uses its deterministic variant (FIPS 204
    /// §3.4).
    pub fn sign(&self, input: &[u8], salt: &mut ChaCha8Rng) -> Vec<u8> {
        match (&self.secret, self.algorithm) {
            (Secret::Rsa { fast: Some(fast), .. }, Algorithm::RS256) => {
                pkcs1(fast, &aws::RSA_PKCS1_SHA256, input)
            }
            (Secret::Rsa { fast: Some(fast), .. }, Algorithm::RS384) => {
                pkcs1(fast, &aws::RSA_PKCS1_SHA384, input)
            }
            (Secret::Rsa { fast: Some(fast), .. }, Algorithm::RS512) => {
                pkcs1(fast, &aws::RSA_PKCS1_SHA512, input)
            }
            (Secret::Rsa { key, .. }, Algorithm::RS256) => {
                let padding = rsa_signer::Pkcs1v15Sign::new::<rsa_signer::sha2::Sha256>();
                let signed = key.sign(padding, &Sha256::digest(input));
                signed.expect("every key that is made here has room for SHA-256")
            }
            (Secret::Rsa { key, .. }, algorithm) => pss(key, algorithm, input, salt),
            (Secret::P256(key), _) => {
                let signature: p256::ecdsa::Signature = key.sign(input);
                signature.to_bytes().to_vec()
            }
            (Secret::P384(key), _) => {
                let signature: p384::ecdsa::Signature = key.sign(input);
                signature.to_bytes().to_vec()
            }
            (Secret::Ed25519(key), _) => key.sign(input).to_bytes().to_vec(),
            (Secret::MlDsa44(key), _) => {
                let signed = key.expanded_key().sign_deterministic(input, &[]);
                signed.expect("an empty context is not too long").encode().to_vec()
            }
        }
    }
}

/// The second ECDSA signature that is valid for the same text, with `s` in the upper half of its
/// range. `None` if the input is not a signature on this curve.
macro_rules! high_s {
    ($curve:ident, $raw:expr) => {{
        let signature = $curve::ecdsa::Signature::from_slice($raw).ok();
        let (r, s) = signature.map(|signature| signature.normalize_s().split_scalars()).unzip();
        let twin = r.zip(s).and_then(|(r, s)| $curve::ecdsa::Signature::from_scalars(r, -s).ok());
        twin.map(|twin| twin.to_bytes().to_vec())
    }};
}

/// The order of a curve's group, big-endian.
macro_rules! order {
    ($curve:ty) => {
        <$curve as p256::elliptic_curve::Curve>::ORDER.to_be_bytes().as_ref().to_vec()
    };
}

/// The form in which a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureForm {
    /// The form of JOSE (RFC 7518 §3.4, RFC 8037 §3.1).
    Raw,
    /// ECDSA with `s` in the upper half of its range. It is as valid as the one with the lower `s`.
    HighS,
    /// ECDSA in DER.
    Der,
    /// Ed25519 with the group order added to `S`. RFC 8032 §5.1.7 refuses it.
    PlusOrder,
    /// ECDSA with `r` and `s` zero. It fits any text if a verifier does not check their range.
    Zero,
    /// ECDSA with `r` and `s` equal to the group order. They are zero if a verifier reduces them
    /// first.
    Order,
}

/// The order of the group of Ed25519, little-endian (RFC 8032 §5.1).
const ED25519_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

impl SignatureForm {
    /// The raw signature under `key`, rewritten in this form. It stays as it is if the form does
    /// not apply to the key.
    pub fn of(self, key: &SigningKey, raw: Vec<u8>) -> Vec<u8> {
        match (self, &key.secret) {
            (SignatureForm::HighS, Secret::P256(_)) => with_high_s(&raw).unwrap_or(raw),
            (SignatureForm::HighS, Secret::P384(_)) => high_s!(p384, &raw).unwrap_or(raw),
            (SignatureForm::Der, Secret::P256(_)) => in_der(&raw).unwrap_or(raw),
            (SignatureForm::Der, Secret::P384(_)) => p384::ecdsa::Signature::from_slice(&raw)
                .map_or(raw, |signature| signature.to_der().as_bytes().to_vec()),
            (SignatureForm::PlusOrder, Secret::Ed25519(_)) => plus_order(raw),
            (SignatureForm::Zero, Secret::P256(_) | Secret::P384(_)) => vec![0; raw.len()],
            (SignatureForm::Order, Secret::P256(_)) => order!(p256::NistP256).repeat(2),
            (SignatureForm::Order, Secret::P384(_)) => order!(p384::NistP384).repeat(2),
            _ => raw,
        }
    }
}

fn plus_order(mut signature: Vec<u8>) -> Vec<u8> {
    let mut carry = 0;
    for (byte, order) in signature[32..].iter_mut().zip(ED25519_ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    signature
}

impl Secret {
    fn derive(key_type: KeyType, rsa_bits: usize, rng: &mut ChaCha8Rng) -> Secret {
        match key_type {
            KeyType::Rsa => {
                let key = RsaPrivateKey::new(&mut PrimeCandidates(rng), rsa_bits);
                Secret::rsa(key.expect("the generator never fails at a legal size"))
            }
            KeyType::P256 => loop {
                let mut bytes = [0; 32];
                rng.fill_bytes(&mut bytes);
                if let Ok(key) = p256::ecdsa::SigningKey::from_slice(&bytes) {
                    return Secret::P256(Box::new(key));
                }
            },
            KeyType::P384 => loop {
                let mut bytes = [0; 48];
                rng.fill_bytes(&mut bytes);
                if let Ok(key) = p384::ecdsa::SigningKey::from_slice(&bytes) {
                    return Secret::P384(Box::new(key));
                }
            },
            KeyType::Ed25519 => {
                let mut bytes = [0; 32];
                rng.fill_bytes(&mut bytes);
                Secret::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&bytes)))
            }
            KeyType::MlDsa44 => {
                let mut seed = ml_dsa::Seed::default();
                rng.fill_bytes(&mut seed);
                Secret::MlDsa44(Box::new(ml_dsa::SigningKey::from_seed(&seed)))
            }
        }
    }

    fn rsa(key: RsaPrivateKey) -> Secret {
        let der = key.to_pkcs1_der().ok();
        let fast = der.and_then(|der| RsaKeyPair::from_der(der.as_bytes()).ok());
        Secret::Rsa { key: Box::new(key), fast: fast.map(Box::new) }
    }

    fn public_members(&self) -> Value {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let ec = |crv: &str, point: &[u8]| {
            let (x, y) = point[1..].split_at(point.len() / 2);
            json!({ "kty": "EC", "crv": crv, "x": b64(x), "y": b64(y) })
        };
        match self {
            Secret::Rsa { key, .. } => json!({
                "kty": "RSA",
                "n": b64(&key.n().to_bytes_be()),
                "e": b64(&key.e().to_bytes_be()),
            }),
            Secret::P256(key) => ec("P-256", key.verifying_key().to_sec1_point(false).as_bytes()),
            Secret::P384(key) => ec("P-384", key.verifying_key().to_sec1_point(false).as_bytes()),
            Secret::Ed25519(key) => {
                let x = b64(key.verifying_key().as_bytes());
                json!({ "kty": "OKP", "crv": "Ed25519", "x": x })
            }
            Secret::MlDsa44(key) => {
                let encoded = key.expanded_key().verifying_key().encode();
                json!({ "kty": "AKP", "pub": b64(&encoded) })
            }
        }
    }
}

/// Generates an RSA key. A modulus over 4096 bits has more than two primes (RFC 8017 §3.1). Its
/// public key is like any other, and generating it takes a hundredth of the time.
fn rsa_key(rng: &mut ChaCha8Rng, bits: usize, exponent: u64) -> RsaPrivateKey {
    let e = BigUint::from(exponent);
    let mut part = |bits: usize| {
        let key = RsaPrivateKey::new_with_exp(rng, bits, &e);
        key.expect("the generator never fails at a legal size")
    };
    if bits <= 4096 {
        return part(bits);
    }
    let parts: Vec<RsaPrivateKey> = (1..bits / RSA_BITS).map(|_| part(RSA_BITS)).collect();
    let product: BigUint = parts.iter().map(|part| part.n()).product();
    let primes: Vec<BigUint> = parts.iter().flat_map(|part| part.primes().to_vec()).collect();
    loop {
        let last = part(bits - product.bits() + 1);
        let primes = [&primes[..], last.primes()].concat();
        match RsaPrivateKey::from_primes(primes, e.clone()) {
            Ok(key) if key.n().bits() == bits => return key,
            _ => {}
        }
    }
}

/// The second ECDSA signature that is valid for the same text, with `s` in the upper half of its
/// range. `None` if the input is not a signature on P-256.
pub fn with_high_s(signature: &[u8]) -> Option<Vec<u8>> {
    high_s!(p256, signature)
}

/// A P-256 signature in the DER form of X.509. `None` if the input is not a signature on P-256.
pub fn in_der(signature: &[u8]) -> Option<Vec<u8>> {
    let signature = p256::ecdsa::Signature::from_slice(signature).ok()?;
    Some(signature.to_der().as_bytes().to_vec())
}

/// Signs with PKCS #1 v1.5. This scheme has one signature per key and text, so a faster library
/// gives the same result.
fn pkcs1(key: &RsaKeyPair, padding: &'static aws::RsaSignatureEncoding, input: &[u8]) -> Vec<u8> {
    let mut signature = vec![0; key.public_modulus_len()];
    // PKCS #1 v1.5 reads nothing from this source of randomness.
    let entropy = aws_lc_rs::rand::SystemRandom::new();
    let signed = key.sign(padding, &entropy, input, &mut signature);
    signed.expect("a valid key signs any text");
    signature
}

fn pss(key: &RsaPrivateKey, algorithm: Algorithm, input: &[u8], salt: &mut ChaCha8Rng) -> Vec<u8> {
    use rsa_signer::{Pss, sha2 as hash};
    let signed = match algorithm {
        Algorithm::PS384 => {
            let digest = sha2::Sha384::digest(input);
            key.sign_with_rng(salt, Pss::new_with_salt::<hash::Sha384>(48), &digest)
        }
        Algorithm::PS512 => {
            let digest = sha2::Sha512::digest(input);
            key.sign_with_rng(salt, Pss::new_with_salt::<hash::Sha512>(64), &digest)
        }
        _ => {
            let digest = Sha256::digest(input);
            key.sign_with_rng(salt, Pss::new_with_salt::<hash::Sha256>(32), &digest)
        }
    };
    signed.expect("a valid key signs any digest")
}
