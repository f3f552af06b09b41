//! What a token is presented with: a proof of possession (RFC 9449), a client certificate (RFC
//! 8705), or neither.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use jwtbench_verifier::backend::Backend;
use jwtbench_verifier::proof::{
    self, AcceptedProof, ProofFault, ProofPolicy, ProvenRequest, Target,
};
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::unix_time::UnixTime;

/// The request that carries the tokens, and what their proofs must be.
pub struct PresentedRequest {
    /// Its method.
    pub method: String,
    /// Its URL.
    pub target: Target,
    /// The nonces that were given out of late.
    pub nonces: Vec<String>,
    /// What a proof must be.
    pub policy: ProofPolicy,
    /// The leeway for clocks.
    pub leeway: Duration,
}

/// What one token is presented with. An empty proof or certificate is none.
pub struct Presentation<'p> {
    /// The request; `None` where no proofs are known.
    pub request: Option<&'p PresentedRequest>,
    /// The proof. With one, the scheme is `DPoP`, else `Bearer`.
    pub proof: &'p [u8],
    /// The certificate, as a header field has it: `:base64 of DER:` (RFC 9440 §2.2).
    pub certificate: &'p [u8],
}

/// Why a presented token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Because of the token.
    Token(Rejection),
    /// Because of its proof.
    Proof(ProofFault),
    /// Because the certificate is none.
    Certificate,
}

impl Refusal {
    /// The code.
    pub fn code(self) -> &'static str {
        match self {
            Refusal::Token(code) => code.code(),
            Refusal::Proof(fault) => fault.code(),
            Refusal::Certificate => "JWT_CERTIFICATE_MALFORMED",
        }
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Refusal::Token(code) => code.status(),
            Refusal::Proof(fault) => fault.status(),
            Refusal::Certificate => 401,
        }
    }
}

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl From<Rejection> for Refusal {
    fn from(code: Rejection) -> Refusal {
        Refusal::Token(code)
    }
}

impl Presentation<'_> {
    /// Checks the proof against the key to which a token is bound. A bound token under `Bearer` is
    /// refused, and an unbound one under `DPoP` too.
    pub fn prove(
        &self,
        token: &[u8],
        jkt: Option<&str>,
        (backend, now): (&dyn Backend, UnixTime),
    ) -> Result<Option<AcceptedProof>, Refusal> {
        let mismatch = Refusal::Proof(ProofFault::SenderMismatch);
        let Some(request) = self.request.filter(|_| !self.proof.is_empty()) else {
            return if jkt.is_some() { Err(mismatch) } else { Ok(None) };
        };
        let proven = ProvenRequest {
            method: &request.method,
            target: &request.target,
            token: Some(token),
            // No thumbprint is empty.
            bound_to: Some(jkt.unwrap_or_default()),
            nonces: &request.nonces,
        };
        let checked =
            proof::check(self.proof, &proven, (&request.policy, request.leeway), backend, now);
        checked.map(Some).map_err(Refusal::Proof)
    }

    /// Checks the certificate against the one to which a token is bound.
    pub fn certify(&self, x5t: Option<&str>) -> Result<(), Refusal> {
        let Some(x5t) = x5t else {
            return Ok(());
        };
        if self.certificate.is_empty() {
            return Err(Rejection::SenderMismatch.into());
        }
        let inside = self.certificate.strip_prefix(b":").and_then(|rest| rest.strip_suffix(b":"));
        let der = inside.and_then(|text| STANDARD.decode(text).ok());
        // A certificate is a sequence (RFC 5280 §4.1).
        let der = der.filter(|der| der.first() == Some(&0x30)).ok_or(Refusal::Certificate)?;
        match URL_SAFE_NO_PAD.encode(Sha256::digest(der)) == x5t {
            true => Ok(()),
            false => Err(Rejection::SenderMismatch.into()),
        }
    }
}
