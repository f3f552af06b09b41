//! A proof of possession by DPoP (RFC 9449): a small token, made for one request and signed by the
//! key to which the access token is bound. Here it is checked by itself, without a clock, a network
//! or a memory; [`replay`] remembers which proofs have been used.

pub mod fault;
pub mod replay;
pub mod target;

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use crate::algorithm::Algorithm;
use crate::backend::Backend;
use crate::claims::numeric_date;
use crate::compact::Compact;
use crate::header::is_type_allowed;
use crate::json::{self, Members, Names, Raw};
use crate::jwk::{CheckedJwk, Entry, Thumbprint};
use crate::unix_time::{NumericDate, UnixTime};

pub use fault::ProofFault;
pub use target::Target;

/// The `typ` of a proof (RFC 9449 §4.2).
const TYPE: &str = "dpop+jwt";
/// The deepest nesting of a header or a payload.
const MAX_DEPTH: usize = 16;
/// The longest `jti`, in bytes.
const MAX_ID_BYTES: usize = 256;

static HEADER: Names<&str, [&str; 5]> = Names::fixed(["typ", "alg", "jwk", "crit", "b64"]);
static CLAIMS: Names<&str, [&str; 6]> = Names::fixed(["jti", "htm", "htu", "iat", "ath", "nonce"]);
/// The members of keys that are not public (RFC 7518 §6.2.2, §6.3.2 and §6.4, RFC 8037 §2, RFC 9964
/// §3).
static PRIVATE: Names<&str, [&str; 9]> =
    Names::fixed(["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"]);

/// What a proof must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProofPolicy {
    /// The algorithms by which it may be signed.
    pub algorithms: Vec<Algorithm>,
    /// The most bytes that it has.
    pub max_bytes: usize,
    /// The greatest distance of its `iat` from now, on either side. The leeway for clocks is added.
    pub max_age: Duration,
    /// Whether it must have one of the nonces of the request.
    pub needs_nonce: bool,
}

impl Default for ProofPolicy {
    /// ES256 and EdDSA, 4096 bytes, a minute on either side, no nonce.
    fn default() -> ProofPolicy {
        ProofPolicy {
            algorithms: vec![Algorithm::ES256, Algorithm::EdDSA],
            max_bytes: 4096,
            max_age: Duration::from_mins(1),
            needs_nonce: false,
        }
    }
}

/// The request that carries a proof.
#[derive(Clone, Copy, Debug)]
pub struct ProvenRequest<'r> {
    /// The method, such as `GET`.
    pub method: &'r str,
    /// The URL.
    pub target: &'r Target,
    /// The access token; `None` at a token endpoint.
    pub token: Option<&'r [u8]>,
    /// The thumbprint of the key to which the token is bound (`jkt` in its `cnf`); `None` where
    /// there is no token.
    pub bound_to: Option<&'r str>,
    /// The nonces that were given out of late.
    pub nonces: &'r [String],
}

/// A proof that holds. It must not be used a second time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptedProof {
    /// The thumbprint of its key.
    pub thumbprint: Thumbprint,
    /// Its `jti`.
    pub jwt_id: String,
    /// The last instant at which it would be accepted.
    pub until: UnixTime,
}

/// The claims of a proof.
struct ProofClaims<'a> {
    jwt_id: Cow<'a, str>,
    method: Cow<'a, str>,
    target: Cow<'a, str>,
    issued_at: NumericDate,
    token_hash: Option<Cow<'a, str>>,
    nonce: Option<Cow<'a, str>>,
}

/// Checks a proof (RFC 9449 §4.3), with a leeway for clocks. The order of the checks is that of
/// [`ProofFault`].
///
/// # Errors
/// The first fault. That a proof was used before is not known here.
pub fn check(
    proof: &[u8],
    request: &ProvenRequest<'_>,
    (policy, leeway): (&ProofPolicy, Duration),
    backend: &dyn Backend,
    now: UnixTime,
) -> Result<AcceptedProof, ProofFault> {
    if proof.len() > policy.max_bytes {
        return Err(ProofFault::Oversized);
    }
    let malformed = ProofFault::Malformed;
    let parts = Compact::split(proof, policy.max_bytes).map_err(|_| malformed)?;
    let decoded = |part: &[u8]| URL_SAFE_NO_PAD.decode(part).map_err(|_| malformed);
    let header = decoded(parts.header)?;
    let signature = decoded(parts.signature)?;
    let key = key(&header, policy)?;
    if request.bound_to.is_some_and(|jkt| jkt != URL_SAFE_NO_PAD.encode(key.thumbprint.0)) {
        return Err(ProofFault::SenderMismatch);
    }
    if signature.len() != key.material.signature_len() {
        return Err(ProofFault::BadSignature);
    }
    let mut prepared = backend.prepare(key.algorithm, &key).map_err(|_| ProofFault::KeyInvalid)?;
    let verified = prepared.verify(parts.signing_input, &signature);
    verified.map_err(|_| ProofFault::BadSignature)?;
    let payload = decoded(parts.payload)?;
    let claims = ProofClaims::read(&payload)?;
    claims.check(request, (policy, leeway), now)?;
    let until = claims.issued_at.down() + policy.max_age + leeway;
    Ok(AcceptedProof { thumbprint: key.thumbprint, jwt_id: claims.jwt_id.into_owned(), until })
}

/// The key in a header, which is public and fits the algorithm.
fn key(header: &[u8], policy: &ProofPolicy) -> Result<CheckedJwk, ProofFault> {
    let members: Members<'_, 5> =
        json::read_object(header, MAX_DEPTH, &HEADER).ok_or(ProofFault::Malformed)?;
    let [typ, alg, jwk, crit, b64] = members;
    let alg = alg.and_then(json::text).ok_or(ProofFault::Malformed)?;
    // No extension is implemented (RFC 7515 §4.1.11).
    if crit.is_some() || b64.is_some() {
        return Err(ProofFault::Malformed);
    }
    if !is_type_allowed(typ, &[TYPE.to_owned()]) {
        return Err(ProofFault::TypeMismatch);
    }
    let mut allowed = policy.algorithms.iter().copied();
    let algorithm =
        allowed.find(|allowed| allowed.is_named(&alg)).ok_or(ProofFault::AlgNotAllowed)?;
    let jwk = jwk.ok_or(ProofFault::KeyInvalid)?.get();
    let private: Option<Members<'_, 9>> = json::read_object(jwk.as_bytes(), MAX_DEPTH, &PRIVATE);
    if private.is_none_or(|members| members.iter().any(Option::is_some)) {
        return Err(ProofFault::KeyInvalid);
    }
    match Entry::parse(jwk, &[algorithm]) {
        Ok(Entry::Fits(_, key)) if key.algorithm == algorithm => Ok((*key).clone()),
        _ => Err(ProofFault::KeyInvalid),
    }
}

impl<'a> ProofClaims<'a> {
    fn read(payload: &'a [u8]) -> Result<ProofClaims<'a>, ProofFault> {
        let members: Members<'a, 6> =
            json::read_object(payload, MAX_DEPTH, &CLAIMS).ok_or(ProofFault::Malformed)?;
        let [jti, htm, htu, iat, ath, nonce] = members;
        let invalid = ProofFault::ClaimInvalid;
        let required = |raw: Option<Raw<'a>>| raw.and_then(json::text).ok_or(invalid);
        let optional =
            |raw: Option<Raw<'a>>| raw.map(|raw| json::text(raw).ok_or(invalid)).transpose();
        Ok(ProofClaims {
            jwt_id: required(jti)?,
            method: required(htm)?,
            target: required(htu)?,
            issued_at: iat.and_then(numeric_date).ok_or(invalid)?,
            token_hash: optional(ath)?,
            nonce: optional(nonce)?,
        })
    }

    fn check(
        &self,
        request: &ProvenRequest<'_>,
        (policy, leeway): (&ProofPolicy, Duration),
        now: UnixTime,
    ) -> Result<(), ProofFault> {
        if self.method != request.method {
            return Err(ProofFault::MethodMismatch);
        }
        if !request.target.is_named_by(&self.target) {
            return Err(ProofFault::TargetMismatch);
        }
        let most = policy.max_age + leeway;
        if now > self.issued_at.down() + most || self.issued_at.up() > now + most {
            return Err(ProofFault::TimeMismatch);
        }
        let hash = request.token.map(|token| URL_SAFE_NO_PAD.encode(Sha256::digest(token)));
        if hash.is_some_and(|hash| self.token_hash.as_deref() != Some(&*hash)) {
            return Err(ProofFault::TokenMismatch);
        }
        let is_recent = |nonce: &str| request.nonces.iter().any(|known| known == nonce);
        if policy.needs_nonce && !self.nonce.as_deref().is_some_and(is_recent) {
            return Err(ProofFault::NonceMismatch);
        }
        match self.jwt_id.len() {
            1..=MAX_ID_BYTES => Ok(()),
            _ => Err(ProofFault::IdInvalid),
        }
    }
}
