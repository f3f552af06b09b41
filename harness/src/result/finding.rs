//! How grave a foreign library's deviation from our contract is, by token class, with the reason. A
//! finding says how a library differs, not that it is bad.

use crate::scenario::class::{Class, Stage};

use super::measurement::FindingTag;

/// The tag and the reason for a library that accepted a token of this class, or refused a good one.
pub fn classify(class: Class, accepted: bool) -> (FindingTag, &'static str) {
    use FindingTag::{BreaksMust, OurPolicy, OutOfScope, Permitted};
    if !accepted {
        return (OurPolicy, "Our contract accepts this token; the library is stricter.");
    }
    match class.name() {
        "own" => (OurPolicy, "The core refuses this token of yours; the code due says why."),
        "crit-unknown" | "unencoded-payload" => (
            BreaksMust,
            "RFC 7515 §4.1.11: a token whose `crit` is not understood MUST be refused.",
        ),
        "crit-empty" | "crit-invalid" => (
            Permitted,
            "RFC 7515 §4.1.11: producers MUST NOT write such a `crit`, recipients MAY refuse it.",
        ),
        "edge-expired" | "edge-early" => (
            Permitted,
            "RFC 7519 §4.1.4 and §4.1.5: how much leeway is given, to the second, is left open.",
        ),
        "huge-number" => (OurPolicy, "RFC 7519 §2 sets no last date; our contract does."),
        "id-token" | "no-typ" | "other-typ" => (
            OutOfScope,
            "RFC 9068 §4 asks resource servers to check `typ`; the library leaves it to them.",
        ),
        "key-ambiguous" => {
            (OurPolicy, "Several keys under one kid: RFC 7517 §4.5 only says SHOULD be distinct.")
        }
        "long-header" | "deep-header" | "deep-json" => {
            (OurPolicy, "RFC 7515 sets no limits on size or depth; our contract does.")
        }
        "duplicate-header" | "duplicate-claim" => {
            (Permitted, "RFC 7515 §4 and RFC 7519 §4 let a parser take the last member.")
        }
        "empty-claim" => (OurPolicy, "An empty claim counts as absent under our contract."),
        "missing-jti" => (OutOfScope, "`jti` and `client_id` are demanded by RFC 9068 §2.2 only."),
        "claim-type" => (
            OutOfScope,
            "The library types the claims it checks; the others are the application's to type.",
        ),
        "issued-in-future" | "edge-future" => {
            (OurPolicy, "RFC 7519 §4.1.6 does not ask to refuse a future `iat`.")
        }
        "other-algorithm" | "alg-case" | "hmac-confusion" | "hmac-weak-key" => {
            (BreaksMust, "RFC 7515 §4.1.1: `alg` is case-sensitive and must be acceptable.")
        }
        _ => match class.row().stage {
            Stage::Key | Stage::SignatureText | Stage::Signature => {
                (BreaksMust, "RFC 7515 §5.2: the signature is not valid under the issuer's key.")
            }
            Stage::Time => (OutOfScope, "A time check that the library does not offer."),
            Stage::Purpose | Stage::State | Stage::Request => {
                (OutOfScope, "A check that the library leaves to the application.")
            }
            _ => (OurPolicy, "Our contract refuses this token."),
        },
    }
}
