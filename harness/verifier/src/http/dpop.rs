//! A token under the scheme `DPoP` (RFC 9449 §7): how a request carries it with its proof, and what
//! a refusal tells the client.

use std::time::Duration;

use crate::algorithm::Algorithm;
use crate::proof::ProofFault;
use crate::rejection::Rejection;

use super::{Elsewhere, InvalidRequest, Response, credentials, token68};

/// A token as a request carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credentials<'r> {
    /// The request carries no token.
    Nothing,
    /// A token under `Bearer`.
    Bearer(&'r [u8]),
    /// A token under `DPoP`, with its proof.
    Dpop {
        /// The token.
        token: &'r [u8],
        /// The proof.
        proof: &'r [u8],
    },
}

/// The reason why a request with a token under `DPoP` is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DpopRefusal {
    /// Its token is refused.
    Token(Rejection),
    /// Its proof is refused.
    Proof(ProofFault),
    /// It has not exactly one header `DPoP` (RFC 9449 §4.3, check 1).
    NotOneProof,
}

/// The reason why a request is refused before its token is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusedRequest {
    /// 400: malformed, or transmitted in more than one way.
    Invalid(InvalidRequest),
    /// 401: the scheme is `DPoP`, and there is not exactly one proof.
    NotOneProof,
}

/// The token of a request, and its proof. `authorization` and `dpop` are the values of the headers
/// of these names as received, without white space around them (RFC 9110 §5.5). Under `Bearer` a
/// proof is not looked at.
///
/// # Errors
/// [`RefusedRequest::Invalid`] as [`bearer`](super::bearer) says, and for two schemes at once;
/// [`RefusedRequest::NotOneProof`] under `DPoP` without a proof, or with several.
pub fn read<'r>(
    authorization: impl IntoIterator<Item = &'r [u8]>,
    dpop: impl IntoIterator<Item = &'r [u8]>,
    elsewhere: Elsewhere,
) -> Result<Credentials<'r>, RefusedRequest> {
    let invalid = RefusedRequest::Invalid(InvalidRequest);
    let (mut found, mut headers) = (None, 0_usize);
    for value in authorization {
        headers = headers.saturating_add(1);
        for (scheme, is_dpop) in [(&b"Bearer"[..], false), (b"DPoP", true)] {
            if let Some(rest) = credentials(value, scheme) {
                found = Some((token68(rest).ok_or(invalid)?, is_dpop));
            }
        }
    }
    let is_ambiguous = match found {
        Some(_) => headers > 1 || elsewhere != Elsewhere::default(),
        None => elsewhere.form && elsewhere.query,
    };
    if is_ambiguous {
        return Err(invalid);
    }
    match found {
        None => Ok(Credentials::Nothing),
        Some((token, false)) => Ok(Credentials::Bearer(token)),
        Some((token, true)) => {
            let mut proofs = dpop.into_iter();
            match (proofs.next(), proofs.next()) {
                (Some(proof), None) => Ok(Credentials::Dpop { token, proof }),
                _ => Err(RefusedRequest::NotOneProof),
            }
        }
    }
}

/// The value of `WWW-Authenticate` for a request without a token, where both schemes are taken (RFC
/// 9449 §7.2).
pub fn challenge(algorithms: &[Algorithm]) -> String {
    format!("Bearer, DPoP {}", algs(algorithms))
}

/// The response to a refusal under `DPoP` (RFC 9449 §7.1): the status, the value of
/// `WWW-Authenticate`, and the value of `Retry-After` in seconds. With `use_dpop_nonce` goes a
/// header `DPoP-Nonce` (§9), whose value the caller has.
pub fn response(
    refusal: DpopRefusal,
    algorithms: &[Algorithm],
    retry_after: Duration,
) -> (u16, Option<String>, Option<u64>) {
    let code = match refusal {
        DpopRefusal::Proof(ProofFault::SenderMismatch) => Rejection::SenderMismatch,
        DpopRefusal::Proof(ProofFault::ReplayUnknown) => Rejection::StateUnavailable,
        DpopRefusal::Token(code) => code,
        DpopRefusal::Proof(ProofFault::NonceMismatch) => {
            return (401, Some(error("use_dpop_nonce", algorithms)), None);
        }
        DpopRefusal::Proof(_) | DpopRefusal::NotOneProof => {
            return (401, Some(error("invalid_dpop_proof", algorithms)), None);
        }
    };
    let Response { status, challenge, retry_after } = Response::to(code, retry_after);
    let challenge = challenge.map(|bearer| match bearer.split('"').nth(1) {
        Some(name) => error(name, algorithms),
        None => self::challenge(algorithms),
    });
    (status, challenge, retry_after)
}

fn error(name: &str, algorithms: &[Algorithm]) -> String {
    format!("DPoP error=\"{name}\", {}", algs(algorithms))
}

fn algs(algorithms: &[Algorithm]) -> String {
    let names: Vec<&str> = algorithms.iter().map(|algorithm| algorithm.name()).collect();
    format!("algs=\"{}\"", names.join(" "))
}
