//! The reasons to refuse a proof, in the order in which they are looked for.

use std::fmt;

use serde::{Serialize, Serializer};

/// The reason why a proof of possession was refused. The first fault decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProofFault {
    /// The proof has more bytes than are taken.
    Oversized,
    /// The proof is not a compact JWS of valid base64url and JSON, or asks for an extension (RFC
    /// 9449 §4.3, check 2).
    Malformed,
    /// `typ` is not `dpop+jwt` (check 4).
    TypeMismatch,
    /// `alg` is not allowed (check 5).
    AlgNotAllowed,
    /// `jwk` is absent, not a usable key of that algorithm, or private (checks 6 and 7).
    KeyInvalid,
    /// The key is not the one to which the token is bound, or the token is bound to none (check
    /// 11).
    SenderMismatch,
    /// The signature does not verify (check 6).
    BadSignature,
    /// A required claim is absent, or one has the wrong JSON type (check 3).
    ClaimInvalid,
    /// `htm` is not the method of the request (check 8).
    MethodMismatch,
    /// `htu` is not the URL of the request, without query and fragment (check 9).
    TargetMismatch,
    /// `iat` is too far from now (check 11).
    TimeMismatch,
    /// `ath` is not the hash of the access token (check 12).
    TokenMismatch,
    /// `nonce` is none of those that were given out of late (check 10).
    NonceMismatch,
    /// `jti` is empty or too long.
    IdInvalid,
    /// The proof was used before (RFC 9449 §11.1).
    Replayed,
    /// Whether the proof was used before cannot be known, since too many are remembered.
    ReplayUnknown,
}

impl ProofFault {
    /// Every fault, in order.
    pub const ALL: [ProofFault; 16] = [
        ProofFault::Oversized,
        ProofFault::Malformed,
        ProofFault::TypeMismatch,
        ProofFault::AlgNotAllowed,
        ProofFault::KeyInvalid,
        ProofFault::SenderMismatch,
        ProofFault::BadSignature,
        ProofFault::ClaimInvalid,
        ProofFault::MethodMismatch,
        ProofFault::TargetMismatch,
        ProofFault::TimeMismatch,
        ProofFault::TokenMismatch,
        ProofFault::NonceMismatch,
        ProofFault::IdInvalid,
        ProofFault::Replayed,
        ProofFault::ReplayUnknown,
    ];

    /// The code in results and reports. Two of them are codes of tokens as well.
    pub const fn code(self) -> &'static str {
        match self {
            ProofFault::Oversized => "JWT_PROOF_OVERSIZED",
            ProofFault::Malformed => "JWT_PROOF_MALFORMED",
            ProofFault::TypeMismatch => "JWT_PROOF_TYPE_MISMATCH",
            ProofFault::AlgNotAllowed => "JWT_PROOF_ALG_NOT_ALLOWED",
            ProofFault::KeyInvalid => "JWT_PROOF_KEY_INVALID",
            ProofFault::SenderMismatch => "JWT_SENDER_MISMATCH",
            ProofFault::BadSignature => "JWT_PROOF_BAD_SIGNATURE",
            ProofFault::ClaimInvalid => "JWT_PROOF_CLAIM_INVALID",
            ProofFault::MethodMismatch => "JWT_PROOF_METHOD_MISMATCH",
            ProofFault::TargetMismatch => "JWT_PROOF_TARGET_MISMATCH",
            ProofFault::TimeMismatch => "JWT_PROOF_TIME_MISMATCH",
            ProofFault::TokenMismatch => "JWT_PROOF_TOKEN_MISMATCH",
            ProofFault::NonceMismatch => "JWT_PROOF_NONCE_MISMATCH",
            ProofFault::IdInvalid => "JWT_PROOF_ID_INVALID",
            ProofFault::Replayed => "JWT_PROOF_REPLAYED",
            ProofFault::ReplayUnknown => "JWT_STATE_UNAVAILABLE",
        }
    }

    /// The HTTP status of the response.
    pub const fn status(self) -> u16 {
        match self {
            ProofFault::ReplayUnknown => 503,
            _ => 401,
        }
    }

    /// What was compared, in one line. It shows nothing of the proof.
    pub const fn compared(self) -> &'static str {
        match self {
            ProofFault::Oversized => "the proof has more bytes than are taken",
            ProofFault::Malformed => "the proof is not a compact JWS without extensions",
            ProofFault::TypeMismatch => "typ of the proof is not dpop+jwt",
            ProofFault::AlgNotAllowed => "alg of the proof is not among the allowed ones",
            ProofFault::KeyInvalid => "jwk of the proof is no public key of its alg",
            ProofFault::SenderMismatch => "cnf names another key than the proof, or none",
            ProofFault::BadSignature => "the signature of the proof does not verify",
            ProofFault::ClaimInvalid => "jti, htm, htu or iat is absent or of the wrong type",
            ProofFault::MethodMismatch => "htm is not the method of the request",
            ProofFault::TargetMismatch => "htu is not the URL of the request without its query",
            ProofFault::TimeMismatch => "iat of the proof is too far from now",
            ProofFault::TokenMismatch => "ath is not the hash of the token",
            ProofFault::NonceMismatch => "nonce is none of the recent ones",
            ProofFault::IdInvalid => "jti of the proof is empty, or longer than 256 bytes",
            ProofFault::Replayed => "the proof was used before",
            ProofFault::ReplayUnknown => "too many proofs are remembered to know a new one",
        }
    }
}

impl fmt::Display for ProofFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl std::error::Error for ProofFault {}

impl Serialize for ProofFault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}
