//! The closed set of reasons to refuse a token, each with its HTTP status.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The reason why a token was refused. The first fault in the order of work decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Rejection {
    /// The token is missing (RFC 6750 §3.1).
    Missing,
    /// The token is longer than `max-token-bytes`.
    Oversized,
    /// The token is not a compact JWS of valid base64url and JSON (RFC 7515 §7.1, RFC 7519 §7.2).
    Malformed,
    /// The token has five parts, so it is a JWE (RFC 7516 §7.1).
    Encrypted,
    /// `alg` is `none`, in any upper or lower case (RFC 8725 §3.2).
    AlgNone,
    /// `alg` is not in the allowlist (RFC 8725 §3.1).
    AlgNotAllowed,
    /// `typ`, `token_use` or a prohibited claim says that this is another kind of token (RFC 8725
    /// §3.11).
    TypeMismatch,
    /// `crit` or `b64` asks for something that is not implemented (RFC 7515 §4.1.11, RFC 7797).
    CritUnsupported,
    /// The issuer's key set has no key with this `kid`.
    UnknownKid,
    /// A key with this `kid` exists, but it does not fit the algorithm (RFC 7517 §4).
    KeyMismatch,
    /// Several different keys fit.
    KeyAmbiguous,
    /// The signature does not verify.
    BadSignature,
    /// A required claim is absent or empty.
    ClaimMissing,
    /// A claim has the wrong JSON type or is out of range.
    ClaimInvalid,
    /// `scope` is not of the syntax of RFC 6749 §3.3.
    ScopeInvalid,
    /// `iss` is not the configured issuer (RFC 8725 §3.8).
    IssuerMismatch,
    /// `aud` does not name this API (RFC 8725 §3.9).
    AudienceMismatch,
    /// `exp` has passed (RFC 7519 §4.1.4).
    Expired,
    /// `nbf` is in the future (RFC 7519 §4.1.5).
    NotYetValid,
    /// `iat` is in the future.
    IssuedInFuture,
    /// The token is older than `max-age`.
    TooOld,
    /// The token has a `cnf` without a matching proof of possession, or lacks a required `cnf` (RFC
    /// 7800).
    SenderMismatch,
    /// The `jti` is revoked.
    Revoked,
    /// The token was issued under an authorization version that is no longer in force.
    StaleAuthorization,
    /// The token was issued for another tenant.
    TenantMismatch,
    /// The subject is of a kind that this API does not serve.
    SubjectKind,
    /// The token was issued to another client.
    ClientMismatch,
    /// A required scope is not granted (RFC 6750 §3.1).
    ScopeInsufficient,
    /// The keys are not available now, so there are no grounds to call the token good or bad.
    KeysUnavailable,
    /// State that the verdict needs is not available now.
    StateUnavailable,
}

impl Rejection {
    /// Every reason.
    pub const ALL: [Rejection; 30] = [
        Rejection::Missing,
        Rejection::Oversized,
        Rejection::Malformed,
        Rejection::Encrypted,
        Rejection::AlgNone,
        Rejection::AlgNotAllowed,
        Rejection::TypeMismatch,
        Rejection::CritUnsupported,
        Rejection::UnknownKid,
        Rejection::KeyMismatch,
        Rejection::KeyAmbiguous,
        Rejection::BadSignature,
        Rejection::ClaimMissing,
        Rejection::ClaimInvalid,
        Rejection::ScopeInvalid,
        Rejection::IssuerMismatch,
        Rejection::AudienceMismatch,
        Rejection::Expired,
        Rejection::NotYetValid,
        Rejection::IssuedInFuture,
        Rejection::TooOld,
        Rejection::SenderMismatch,
        Rejection::Revoked,
        Rejection::StaleAuthorization,
        Rejection::TenantMismatch,
        Rejection::SubjectKind,
        Rejection::ClientMismatch,
        Rejection::ScopeInsufficient,
        Rejection::KeysUnavailable,
        Rejection::StateUnavailable,
    ];

    /// The code for logs, results and scenario files.
    pub const fn code(self) -> &'static str {
        match self {
            Rejection::Missing => "JWT_MISSING",
            Rejection::Oversized => "JWT_OVERSIZED",
            Rejection::Malformed => "JWT_MALFORMED",
            Rejection::Encrypted => "JWT_ENCRYPTED",
            Rejection::AlgNone => "JWT_ALG_NONE",
            Rejection::AlgNotAllowed => "JWT_ALG_NOT_ALLOWED",
            Rejection::TypeMismatch => "JWT_TYPE_MISMATCH",
            Rejection::CritUnsupported => "JWT_CRIT_UNSUPPORTED",
            Rejection::UnknownKid => "JWT_UNKNOWN_KID",
            Rejection::KeyMismatch => "JWT_KEY_MISMATCH",
            Rejection::KeyAmbiguous => "JWT_KEY_AMBIGUOUS",
            Rejection::BadSignature => "JWT_BAD_SIGNATURE",
            Rejection::ClaimMissing => "JWT_CLAIM_MISSING",
            Rejection::ClaimInvalid => "JWT_CLAIM_INVALID",
            Rejection::ScopeInvalid => "JWT_SCOPE_INVALID",
            Rejection::IssuerMismatch => "JWT_ISSUER_MISMATCH",
            Rejection::AudienceMismatch => "JWT_AUDIENCE_MISMATCH",
            Rejection::Expired => "JWT_EXPIRED",
            Rejection::NotYetValid => "JWT_NOT_YET_VALID",
            Rejection::IssuedInFuture => "JWT_ISSUED_IN_FUTURE",
            Rejection::TooOld => "JWT_TOO_OLD",
            Rejection::SenderMismatch => "JWT_SENDER_MISMATCH",
            Rejection::Revoked => "JWT_REVOKED",
            Rejection::StaleAuthorization => "JWT_STALE_AUTHORIZATION",
            Rejection::TenantMismatch => "JWT_TENANT_MISMATCH",
            Rejection::SubjectKind => "JWT_SUBJECT_KIND",
            Rejection::ClientMismatch => "JWT_CLIENT_MISMATCH",
            Rejection::ScopeInsufficient => "JWT_SCOPE_INSUFFICIENT",
            Rejection::KeysUnavailable => "JWT_KEYS_UNAVAILABLE",
            Rejection::StateUnavailable => "JWT_STATE_UNAVAILABLE",
        }
    }

    /// The reason with this code.
    pub fn from_code(code: &str) -> Option<Rejection> {
        Rejection::ALL.into_iter().find(|rejection| rejection.code() == code)
    }

    /// The HTTP status for the client. 401 means that the token is bad. 403 means that the token is
    /// good but this request is not allowed. 503 means that the client is not at fault.
    pub const fn status(self) -> u16 {
        match self {
            Rejection::TenantMismatch
            | Rejection::SubjectKind
            | Rejection::ClientMismatch
            | Rejection::ScopeInsufficient => 403,
            Rejection::KeysUnavailable | Rejection::StateUnavailable => 503,
            _ => 401,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl std::error::Error for Rejection {}

impl Serialize for Rejection {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Rejection {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = String::deserialize(deserializer)?;
        Rejection::from_code(&code)
            .ok_or_else(|| serde::de::Error::custom(format!("unknown reason code `{code}`")))
    }
}
