//! The jwt-simple library with its feature `pure-rust`, used as its documentation shows. Keys are
//! made of JWKs once and found by `kid`. Every check that the library offers is on, and
//! `artificial_time` gives it the time.

use jwt_simple::prelude::*;
use jwt_simple::{Error, JWTError};

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::policy::ABSENT;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::Verdict;
use jwtbench_verifier::wall_clock::WallClock;

use super::keyring::Keyring;
use super::{Contender, Presented, Progress, Setup};

pub(super) const VERSION: &str =
    "jwt-simple 0.15.0 (pure-rust), superboring 0.1.17, p256 0.14.0, ed25519-compact 2.6.0";

/// A key of one algorithm, ready to verify tokens.
type Check = Box<dyn Fn(&str, VerificationOptions) -> Result<(), Error> + Send>;

pub(super) struct JwtSimple {
    keys: Keyring<Check>,
    options: VerificationOptions,
    clock: WallClock,
}

impl JwtSimple {
    pub(super) fn new(setup: &Setup<'_>) -> JwtSimple {
        let policy = setup.policy.spec();
        let options = VerificationOptions {
            allowed_issuers: Some(HashSet::from([policy.issuer.clone()])),
            allowed_audiences: Some(policy.audience.iter().cloned().collect()),
            // It compares whole values, so that one can be demanded if there is but one; that
            // there is none cannot be.
            required_signature_type: match &policy.types[..] {
                [only] if only != ABSENT => Some(only.clone()),
                _ => None,
            },
            time_tolerance: Some(Duration::from_secs(policy.leeway.as_secs())),
            max_validity: policy.max_age.map(|age| Duration::from_secs(age.as_secs())),
            max_token_length: Some(policy.max_token_bytes),
            max_header_length: Some(policy.max_header_bytes),
            ..VerificationOptions::default()
        };
        let keys = Keyring::new(setup, |jwk| check(setup.algorithm, jwk).ok());
        JwtSimple { keys, options, clock: setup.clock.clone() }
    }

    fn verify(&self, token: &[u8], now: Tick) -> Result<(), Rejection> {
        // Decoding the header comes first and has a limit of its own.
        if self.options.max_token_length.is_some_and(|most| token.len() > most) {
            return Err(Rejection::Oversized);
        }
        let token = std::str::from_utf8(token).map_err(|_| Rejection::Malformed)?;
        let header = Token::decode_metadata(token).map_err(|_| Rejection::Malformed)?;
        let check = self.keys.find(header.key_id())?;
        let seconds = u64::try_from(self.clock.at(now).seconds()).unwrap_or(0);
        let now = UnixTimeStamp::from_secs(seconds);
        // The library takes its options by value.
        let options = VerificationOptions { artificial_time: Some(now), ..self.options.clone() };
        check(token, options).map_err(|error| code(&error))
    }
}

fn check(algorithm: Algorithm, jwk: &str) -> Result<Check, Error> {
    Ok(match algorithm {
        Algorithm::RS256 => rsa(RS256PublicKey::from_jwk(jwk)?),
        Algorithm::RS384 => rsa(RS384PublicKey::from_jwk(jwk)?),
        Algorithm::RS512 => rsa(RS512PublicKey::from_jwk(jwk)?),
        Algorithm::PS256 => rsa(PS256PublicKey::from_jwk(jwk)?),
        Algorithm::PS384 => rsa(PS384PublicKey::from_jwk(jwk)?),
        Algorithm::PS512 => rsa(PS512PublicKey::from_jwk(jwk)?),
        Algorithm::ES256 => {
            let key = ES256PublicKey::from_jwk(jwk)?;
            Box::new(move |token, options| demand(key.verify_token(token, Some(options))?))
        }
        Algorithm::ES384 => {
            let key = ES384PublicKey::from_jwk(jwk)?;
            Box::new(move |token, options| demand(key.verify_token(token, Some(options))?))
        }
        Algorithm::EdDSA => {
            let key = Ed25519PublicKey::from_jwk(jwk)?;
            Box::new(move |token, options| demand(key.verify_token(token, Some(options))?))
        }
        Algorithm::MlDsa44 => {
            let key = MLDSA44PublicKey::from_jwk(jwk)?;
            Box::new(move |token, options| demand(key.verify_token(token, Some(options))?))
        }
    })
}

fn rsa<K: RSAPublicKeyLike + Send + 'static>(key: K) -> Check {
    Box::new(move |token, options| demand(key.verify_token(token, Some(options))?))
}

/// Requires `exp` and `sub`. The library checks them only if they are present.
fn demand(claims: JWTClaims<NoCustomClaims>) -> Result<(), Error> {
    let (expires, subject) = (claims.expires_at, claims.subject);
    if expires.is_some() && subject.is_some() {
        Ok(())
    } else {
        Err(JWTError::RequiredSubjectMissing.into())
    }
}

/// The nearest reason code. The library is judged by accept or refuse alone.
fn code(error: &Error) -> Rejection {
    match error.downcast_ref() {
        Some(JWTError::InvalidSignature) => Rejection::BadSignature,
        Some(JWTError::AlgorithmMismatch) => Rejection::AlgNotAllowed,
        Some(JWTError::RequiredIssuerMismatch) => Rejection::IssuerMismatch,
        Some(JWTError::RequiredAudienceMismatch) => Rejection::AudienceMismatch,
        Some(JWTError::TokenHasExpired) => Rejection::Expired,
        Some(JWTError::TokenNotValidYet) => Rejection::NotYetValid,
        Some(JWTError::ClockDrift) => Rejection::IssuedInFuture,
        Some(JWTError::RequiredSignatureTypeMismatch) => Rejection::TypeMismatch,
        _ => Rejection::Malformed,
    }
}

impl<'c> Contender<'c> for JwtSimple {
    fn begin(&mut self, _: u32, token: Presented<'c>, now: Tick) -> Progress {
        Progress::Done(Verdict::new(self.verify(token.bytes, now), now, None))
    }
}
