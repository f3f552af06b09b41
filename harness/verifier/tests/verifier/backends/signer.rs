//! Private keys for the suite over backends, made once per run from fixed seeds, and what signs
//! with them: RustCrypto, so that every other backend judges the work of another library.

use std::sync::{Arc, LazyLock, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use curve25519_dalek::Scalar;
use jwtbench_verifier::algorithm::{Algorithm, KeyType};
use jwtbench_verifier::jwk::{CheckedJwk, Entry};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use rsa_signer::sha2::{Digest as _, Sha256, Sha384, Sha512};
use rsa_signer::traits::PublicKeyParts as _;
use rsa_signer::{BigUint, Pkcs1v15Sign, Pss, RsaPrivateKey};

/// A private key.
pub enum Signer {
    Rsa(RsaPrivateKey),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
    MlDsa44(Box<ml_dsa::SigningKey<ml_dsa::MlDsa44>>),
}

/// Every private key of the suite.
pub struct Signers {
    rsa: [Signer; 2],
    p256: [Signer; 2],
    p384: [Signer; 2],
    ed25519: [Signer; 2],
    ml_dsa_44: [Signer; 2],
    /// RSA with 3072 bits.
    pub rsa_3072: LazyLock<Signer>,
    /// RSA with the prime exponent 2³² - 5.
    pub rsa_wide_exponent: LazyLock<Signer>,
}

impl Signers {
    /// The keys of this run.
    pub fn of_the_run() -> &'static Signers {
        static SIGNERS: OnceLock<Signers> = OnceLock::new();
        SIGNERS.get_or_init(|| Signers {
            rsa: [rsa(1, 2048, 65537), rsa(2, 2048, 65537)],
            p256: [p256(3), p256(4)],
            p384: [p384(5), p384(6)],
            ed25519: [ed25519(7), ed25519(8)],
            ml_dsa_44: [ml_dsa_44(13), ml_dsa_44(14)],
            rsa_3072: LazyLock::new(|| rsa(9, 3072, 65537)),
            rsa_wide_exponent: LazyLock::new(|| rsa(11, 2048, 0xffff_fffb)),
        })
    }

    /// The usual key for this algorithm, and another of the same size.
    pub fn pair(&self, algorithm: Algorithm) -> &[Signer; 2] {
        match algorithm.key_type() {
            KeyType::Rsa => &self.rsa,
            KeyType::P256 => &self.p256,
            KeyType::P384 => &self.p384,
            KeyType::Ed25519 => &self.ed25519,
            KeyType::MlDsa44 => &self.ml_dsa_44,
        }
    }
}

impl Signer {
    /// The public key, as the core takes it from an issuer.
    pub fn jwk(&self, algorithm: Algorithm) -> Arc<CheckedJwk> {
        parse(&self.json(algorithm, "any"))
    }

    /// The public key, as an issuer would publish it under this kid.
    pub fn json(&self, algorithm: Algorithm, kid: &str) -> String {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let point = |kty: &str, crv: &str, x: &[u8], y: &[u8]| {
            let (x, y) = (b64(x), b64(y));
            format!(r#""kty":"{kty}","crv":"{crv}","x":"{x}","y":"{y}""#)
        };
        let members = match self {
            Signer::Rsa(key) => {
                let (n, e) = (b64(&key.n().to_bytes_be()), b64(&key.e().to_bytes_be()));
                format!(r#""kty":"RSA","n":"{n}","e":"{e}""#)
            }
            Signer::P256(key) => {
                let q = key.verifying_key().to_sec1_point(false);
                point("EC", "P-256", &q.as_bytes()[1..33], &q.as_bytes()[33..])
            }
            Signer::P384(key) => {
                let q = key.verifying_key().to_sec1_point(false);
                point("EC", "P-384", &q.as_bytes()[1..49], &q.as_bytes()[49..])
            }
            Signer::Ed25519(key) => point("OKP", "Ed25519", key.verifying_key().as_bytes(), &[]),
            Signer::MlDsa44(key) => {
                let public = b64(&key.expanded_key().verifying_key().encode());
                format!(r#""kty":"AKP","pub":"{public}""#)
            }
        };
        format!(r#"{{"alg":"{algorithm}","kid":"{kid}",{members}}}"#)
    }

    /// Signs as the algorithm says. PSS takes the same salt for every message.
    ///
    /// # Panics
    /// If the key is of another type.
    pub fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Vec<u8> {
        match (algorithm, self) {
            (Algorithm::RS256, Signer::Rsa(key)) => {
                key.sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(message)).expect("RS256")
            }
            (Algorithm::RS384, Signer::Rsa(key)) => {
                key.sign(Pkcs1v15Sign::new::<Sha384>(), &Sha384::digest(message)).expect("RS384")
            }
            (Algorithm::RS512, Signer::Rsa(key)) => {
                key.sign(Pkcs1v15Sign::new::<Sha512>(), &Sha512::digest(message)).expect("RS512")
            }
            (Algorithm::PS256, Signer::Rsa(key)) => {
                pss(key, Pss::new::<Sha256>(), &Sha256::digest(message))
            }
            (Algorithm::PS384, Signer::Rsa(key)) => {
                pss(key, Pss::new::<Sha384>(), &Sha384::digest(message))
            }
            (Algorithm::PS512, Signer::Rsa(key)) => {
                pss(key, Pss::new::<Sha512>(), &Sha512::digest(message))
            }
            (Algorithm::ES256, Signer::P256(key)) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            (Algorithm::ES384, Signer::P384(key)) => {
                let signature: p384::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            (Algorithm::EdDSA, Signer::Ed25519(key)) => key.sign(message).to_bytes().to_vec(),
            (Algorithm::MlDsa44, Signer::MlDsa44(key)) => {
                let signature = key.expanded_key().sign_deterministic(message, &[]);
                signature.expect("no context").encode().to_vec()
            }
            _ => panic!("the key is not for {algorithm}"),
        }
    }

    /// Signs the hash of the other curve's algorithm.
    ///
    /// # Panics
    /// If the key is not for ECDSA.
    pub fn sign_other_hash(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Signer::P256(key) => {
                let signature: p256::ecdsa::Signature =
                    key.sign_prehash(&Sha384::digest(message)).expect("a signature");
                signature.to_bytes().to_vec()
            }
            Signer::P384(key) => {
                let signature: p384::ecdsa::Signature =
                    key.sign_prehash(&Sha256::digest(message)).expect("a signature");
                signature.to_bytes().to_vec()
            }
            Signer::Rsa(_) | Signer::Ed25519(_) | Signer::MlDsa44(_) => panic!("not an ECDSA key"),
        }
    }

    /// Signs with the neutral point as R, and the sign of its x set, which is zero (RFC 8032
    /// §5.1.3 does not decode it).
    ///
    /// # Panics
    /// If the key is not for Ed25519.
    pub fn sign_with_neutral_r(&self, message: &[u8]) -> Vec<u8> {
        let Signer::Ed25519(key) = self else { panic!("not an Ed25519 key") };
        let mut r = [0; 32];
        (r[0], r[31]) = (1, 0x80);
        let hash = Sha512::new().chain_update(r).chain_update(key.verifying_key().as_bytes());
        let hash = hash.chain_update(message).finalize();
        let s = Scalar::from_bytes_mod_order_wide(&hash.into()) * key.to_scalar();
        [r, s.to_bytes()].concat()
    }

    /// The RSA key inside.
    ///
    /// # Panics
    /// If it is of another type.
    pub fn rsa(&self) -> &RsaPrivateKey {
        match self {
            Signer::Rsa(key) => key,
            _ => panic!("not an RSA key"),
        }
    }
}

/// A usable JWK from its JSON; its `alg` binds it.
pub fn parse(json: &str) -> Arc<CheckedJwk> {
    match Entry::parse(json, &[]) {
        Ok(Entry::Fits(_, jwk)) => jwk,
        other => panic!("{json}: {other:?}"),
    }
}

/// An RSASSA-PSS signature of a hash, with the salt length of `padding`.
pub fn pss(key: &RsaPrivateKey, padding: Pss, hash: &[u8]) -> Vec<u8> {
    let mut rng = ChaCha20Rng::seed_from_u64(12);
    key.sign_with_rng(&mut rng, padding, hash).expect("PSS")
}

/// An ECDSA signature as X.509 has it.
pub fn der(algorithm: Algorithm, p1363: &[u8]) -> Vec<u8> {
    if algorithm == Algorithm::ES256 {
        let signature = p256::ecdsa::Signature::from_slice(p1363).expect("a signature");
        return signature.to_der().as_bytes().to_vec();
    }
    let signature = p384::ecdsa::Signature::from_slice(p1363).expect("a signature");
    signature.to_der().as_bytes().to_vec()
}

fn rsa(seed: u64, bits: usize, e: u64) -> Signer {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let key = RsaPrivateKey::new_with_exp(&mut rng, bits, &BigUint::from(e));
    Signer::Rsa(key.expect("an RSA key"))
}

fn p256(seed: u64) -> Signer {
    Signer::P256(p256::ecdsa::SigningKey::from_slice(&bytes::<32>(seed)).expect("a scalar"))
}

fn p384(seed: u64) -> Signer {
    Signer::P384(p384::ecdsa::SigningKey::from_slice(&bytes::<48>(seed)).expect("a scalar"))
}

fn ed25519(seed: u64) -> Signer {
    Signer::Ed25519(ed25519_dalek::SigningKey::from_bytes(&bytes(seed)))
}

fn ml_dsa_44(seed: u64) -> Signer {
    Signer::MlDsa44(Box::new(ml_dsa::SigningKey::from_seed(&bytes(seed).into())))
}

fn bytes<const N: usize>(seed: u64) -> [u8; N] {
    let mut bytes = [0; N];
    ChaCha20Rng::seed_from_u64(seed).fill_bytes(&mut bytes);
    bytes
}
