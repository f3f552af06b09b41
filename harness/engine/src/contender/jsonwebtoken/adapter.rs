//! The jsonwebtoken library, used as its documentation shows and configured as strictly as it
//! allows. The parent module names the major version. Both providers live in one process: a static
//! provider dispatches to one of them per thread. The library reads the wall clock itself. Its time
//! checks are therefore off, and this adapter judges the times by the library's own rule.

use std::cell::Cell;

use serde::Deserialize;

use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::Verdict;
use jwtbench_verifier::wall_clock::WallClock;

use crate::contender::keyring::Keyring;
use crate::contender::{Contender, Presented, Progress, Provider, Setup};

use super::library::crypto::{CryptoProvider, JwtVerifier, KeyUtils, aws_lc, rust_crypto};
use super::library::errors::{ErrorKind, Result};
use super::library::jwk::Jwk;
use super::library::{Algorithm, DecodingKey, Validation, decode, decode_header};

thread_local! {
    static PROVIDER: Cell<Provider> = const { Cell::new(Provider::AwsLcRs) };
}

static DISPATCH: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| (aws_lc::DEFAULT_PROVIDER.signer_factory)(algorithm, key),
    verifier_factory,
    key_utils: KeyUtils::new_unimplemented(),
};

fn verifier_factory(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    match PROVIDER.get() {
        Provider::AwsLcRs => (aws_lc::DEFAULT_PROVIDER.verifier_factory)(algorithm, key),
        Provider::RustCrypto => (rust_crypto::DEFAULT_PROVIDER.verifier_factory)(algorithm, key),
    }
}

/// The claims that an application would have the library read.
#[derive(Deserialize)]
struct LibraryClaims {
    exp: f64,
    nbf: Option<f64>,
}

pub(in crate::contender) struct Jsonwebtoken {
    provider: Provider,
    keys: Keyring<DecodingKey>,
    validation: Validation,
    clock: WallClock,
    leeway: f64,
    max_bytes: usize,
}

impl Jsonwebtoken {
    pub(in crate::contender) fn new(provider: Provider, setup: &Setup<'_>) -> Jsonwebtoken {
        // A second install is refused, which changes nothing: the first installed this same
        // provider.
        _ = DISPATCH.install_default();
        let policy = setup.policy.spec();
        let name = setup.algorithm.name();
        // The library has the same names. It lacks ML-DSA-44 alone, which never reaches this
        // adapter.
        let algorithm: Algorithm = name.parse().unwrap_or(Algorithm::HS256);
        let mut validation = Validation::new(algorithm);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&policy.issuer]);
        validation.set_audience(&policy.audience);
        validation.leeway = policy.leeway.as_secs();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        // Entries are read one by one, so that an entry that the library cannot read does not lose
        // the others.
        let key = |jwk: &str| {
            let jwk: Jwk = serde_json::from_str(jwk).ok()?;
            DecodingKey::from_jwk(&jwk).ok()
        };
        Jsonwebtoken {
            provider,
            keys: Keyring::new(setup, key),
            validation,
            clock: setup.clock.clone(),
            leeway: policy.leeway.as_secs_f64(),
            max_bytes: policy.max_token_bytes,
        }
    }

    fn verify(&self, token: &[u8], now: Tick) -> std::result::Result<(), Rejection> {
        // The library has no limit on size; any server applies one before it.
        if token.len() > self.max_bytes {
            return Err(Rejection::Oversized);
        }
        let header = decode_header(token).map_err(|_| Rejection::Malformed)?;
        let key = self.keys.find(header.kid.as_deref())?;
        let claims = decode::<LibraryClaims>(token, key, &self.validation)
            .map_err(|error| code(error.kind()))?
            .claims;
        // The library's own rule (its validation.rs) refuses exp < now - leeway and nbf > now +
        // leeway, in rounded seconds.
        let now = self.clock.at(now).seconds() as f64;
        if claims.exp.round() < now - self.leeway {
            return Err(Rejection::Expired);
        }
        match claims.nbf {
            Some(not_before) if not_before.round() > now + self.leeway => {
                Err(Rejection::NotYetValid)
            }
            _ => Ok(()),
        }
    }
}

/// The nearest reason code. The library is judged by accept or refuse alone.
fn code(kind: &ErrorKind) -> Rejection {
    match kind {
        ErrorKind::InvalidSignature => Rejection::BadSignature,
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => Rejection::AlgNotAllowed,
        ErrorKind::InvalidIssuer => Rejection::IssuerMismatch,
        ErrorKind::InvalidAudience => Rejection::AudienceMismatch,
        ErrorKind::MissingRequiredClaim(_) => Rejection::ClaimMissing,
        ErrorKind::InvalidClaimFormat(_) => Rejection::ClaimInvalid,
        _ => Rejection::Malformed,
    }
}

impl<'c> Contender<'c> for Jsonwebtoken {
    fn begin(&mut self, _: u32, token: Presented<'c>, now: Tick) -> Progress {
        PROVIDER.set(self.provider);
        Progress::Done(Verdict::new(self.verify(token.bytes, now), now, None))
    }
}
