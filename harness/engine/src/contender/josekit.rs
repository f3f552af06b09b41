//! The josekit library over OpenSSL, used as its documentation shows. Verifiers are made of JWKs
//! once and found by `kid`; a payload validator is then given the time. The library has no leeway
//! and no limit on size.

use std::time::{Duration, UNIX_EPOCH};

use josekit::JoseError;
use josekit::jwk::Jwk;
use josekit::jws::{ES256, ES384, EdDSA, JwsVerifier, PS256, PS384, PS512, RS256, RS384, RS512};
use josekit::jwt::{JwtPayloadValidator, decode_with_verifier_selector};
use serde_json::Value;

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::Backend as _;
use jwtbench_verifier::backend::openssl::OpenSsl;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::Verdict;
use jwtbench_verifier::wall_clock::WallClock;

use super::keyring::Keyring;
use super::{Contender, Presented, Progress, Setup};

/// Claims that hold a date.
const DATES: [&str; 3] = ["exp", "nbf", "iat"];
/// The first second of the year 10000.
const END_OF_9999: f64 = 253_402_300_800.0;

pub(super) fn version() -> String {
    format!("josekit 0.10.3, {}", OpenSsl.version())
}

pub(super) struct Josekit {
    keys: Keyring<Box<dyn JwsVerifier>>,
    /// One validator for each audience, since a validator takes only one. A token for any of them
    /// is good.
    validators: Vec<JwtPayloadValidator>,
    clock: WallClock,
    leeway: Duration,
    max_bytes: usize,
}

impl Josekit {
    pub(super) fn new(setup: &Setup<'_>) -> Josekit {
        let policy = setup.policy.spec();
        let validator = |audience: &String| {
            let mut validator = JwtPayloadValidator::new();
            validator.set_issuer(&policy.issuer);
            validator.set_audience(audience);
            validator
        };
        Josekit {
            keys: Keyring::new(setup, |jwk| verifier(setup.algorithm, jwk)),
            validators: policy.audience.iter().map(validator).collect(),
            clock: setup.clock.clone(),
            leeway: policy.leeway,
            max_bytes: policy.max_token_bytes,
        }
    }

    fn verify(&mut self, token: &[u8], now: Tick) -> Result<(), Rejection> {
        // The library has no limit on size; any server applies one before it.
        if token.len() > self.max_bytes {
            return Err(Rejection::Oversized);
        }
        let keys = &self.keys;
        let (payload, _) = decode_with_verifier_selector(token, |header| {
            Ok(keys.find(header.key_id()).ok().map(|key| &**key))
        })
        .map_err(|error| code(&error))?;
        if !DATES.iter().all(|name| is_representable(payload.claim(name))) {
            return Err(Rejection::ClaimInvalid);
        }
        // The library checks claims that are present. The application must check that they are.
        let (expires, audience) = (payload.expires_at(), payload.audience());
        if expires.is_none() || audience.is_none() || payload.subject().is_none() {
            return Err(Rejection::ClaimMissing);
        }
        let seconds = u64::try_from(self.clock.at(now).seconds()).unwrap_or(0);
        let now = UNIX_EPOCH + Duration::from_secs(seconds);
        let mut verdict = Err(Rejection::AudienceMismatch);
        for validator in &mut self.validators {
            validator.set_base_time(now);
            validator.set_max_issued_time(now + self.leeway);
            verdict = validator.validate(&payload).map_err(|error| code(&error));
            if verdict.is_ok() {
                break;
            }
        }
        verdict
    }
}

/// Whether the library can read this date. It panics on a signed date that is negative or far
/// beyond the year 9999, either in reading it or in writing its error. A server that must not crash
/// checks first.
fn is_representable(date: Option<&Value>) -> bool {
    let seconds = date.and_then(Value::as_f64);
    seconds.is_none_or(|seconds| (0.0..END_OF_9999).contains(&seconds))
}

/// A verifier for this algorithm alone.
fn verifier(algorithm: Algorithm, jwk: &str) -> Option<Box<dyn JwsVerifier>> {
    let mut jwk = Jwk::from_bytes(jwk).ok()?;
    // A verifier with a kid accepts no token without one, and this one was already found by kid.
    jwk.set_parameter("kid", None).ok()?;
    Some(match algorithm {
        Algorithm::RS256 => Box::new(RS256.verifier_from_jwk(&jwk).ok()?),
        Algorithm::RS384 => Box::new(RS384.verifier_from_jwk(&jwk).ok()?),
        Algorithm::RS512 => Box::new(RS512.verifier_from_jwk(&jwk).ok()?),
        Algorithm::PS256 => Box::new(PS256.verifier_from_jwk(&jwk).ok()?),
        Algorithm::PS384 => Box::new(PS384.verifier_from_jwk(&jwk).ok()?),
        Algorithm::PS512 => Box::new(PS512.verifier_from_jwk(&jwk).ok()?),
        Algorithm::ES256 => Box::new(ES256.verifier_from_jwk(&jwk).ok()?),
        Algorithm::ES384 => Box::new(ES384.verifier_from_jwk(&jwk).ok()?),
        Algorithm::EdDSA => Box::new(EdDSA.verifier_from_jwk(&jwk).ok()?),
        Algorithm::MlDsa44 => return None,
    })
}

/// The nearest reason code. The library is judged by accept or refuse alone.
fn code(error: &JoseError) -> Rejection {
    match error {
        JoseError::InvalidSignature(_) => Rejection::BadSignature,
        JoseError::UnsupportedSignatureAlgorithm(_) => Rejection::AlgNotAllowed,
        JoseError::InvalidClaim(_) => Rejection::ClaimInvalid,
        _ => Rejection::Malformed,
    }
}

impl<'c> Contender<'c> for Josekit {
    fn begin(&mut self, _: u32, token: Presented<'c>, now: Tick) -> Progress {
        Progress::Done(Verdict::new(self.verify(token.bytes, now), now, None))
    }
}
