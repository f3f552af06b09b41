//! Inputs with claims that a strict reading refuses (RFC 7519 §4). Their tokens are really signed,
//! and the leeway is zero.

use serde_json::{Value, json};

use jwtbench_result::FindingTag::{BreaksMust, OurPolicy, OutOfScope, Permitted};
use jwtbench_result::record::divergence::Observed::{self, Accept, Refuse};
use jwtbench_scenario::token::draft::Draft;
use jwtbench_verifier::algorithm::Algorithm;

use super::case::{DivergenceCase, Ruling, ruling};
use super::header::in_front;
use super::mint::InputMint;

const DUPLICATE: Ruling = ruling(
    Permitted,
    "RFC 7519 §4",
    "A parser must refuse a duplicate or take the last one; which it does with claims that it \
     does not read itself is up to its caller.",
);
const AUDIENCE: Ruling = ruling(
    BreaksMust,
    "RFC 7519 §4.1.3",
    "`aud` is a string or an array of strings, and a token that does not name the recipient MUST \
     be rejected.",
);
const ISSUER: Ruling = ruling(
    Permitted,
    "RFC 7519 §4.1.1",
    "`iss` is one string, and how it is processed is up to the application; the library also takes \
     an array that holds the issuer.",
);
const SUBJECT: Ruling = ruling(
    OurPolicy,
    "RFC 9068 §2.2",
    "An empty `sub` counts as absent under our contract; no RFC says so.",
);
const MISSING: Ruling = ruling(
    BreaksMust,
    "RFC 9068 §2.2",
    "`iss`, `sub`, `aud` and `exp` are REQUIRED in an access token.",
);
const NOT_READ: Ruling = ruling(
    OutOfScope,
    "RFC 7519 §4.1",
    "The claim has to be of its type; the library does not read it and leaves it to its caller.",
);
const ON_OR_AFTER: Ruling = ruling(
    Permitted,
    "RFC 7519 §4.1.4",
    "A token MUST NOT be accepted on or after its `exp`, though some small leeway MAY be given; \
     at leeway 0 the library still accepts during that second.",
);
const ROUNDED: Ruling = ruling(
    Permitted,
    "RFC 7519 §4.1.4",
    "A token MUST NOT be accepted on or after its `exp`, though some small leeway MAY be given; \
     the library rounds to whole seconds.",
);
const ROUNDED_NBF: Ruling = ruling(
    Permitted,
    "RFC 7519 §4.1.5",
    "A token MUST NOT be accepted before its `nbf`, though some small leeway MAY be given; the \
     library rounds to whole seconds.",
);
const FAR: Ruling = ruling(
    OurPolicy,
    "RFC 7519 §2",
    "NumericDate has no upper bound; our contract ends with the year 9999.",
);
const NUMBER: Ruling =
    ruling(BreaksMust, "RFC 7519 §4.1.4", "The value of `exp` MUST be a number.");

/// A change to the claims, or to their text. The second argument is the present time in seconds
/// since 1970.
type ClaimsChange = fn(&mut Draft<'_>, i64);

/// A row of the table: the input's description, what is due, the ruling, and the change.
type ClaimRow = (&'static str, Observed, Ruling, ClaimsChange);

pub(super) fn cases(mint: &InputMint) -> Vec<DivergenceCase> {
    let key = mint.key(Algorithm::ES256);
    let case = |(input, due, ruling, change): ClaimRow| {
        let mut draft = mint.draft(&key);
        change(&mut draft, mint.now().seconds());
        let mut exhibit = mint.exhibit(key.public_jwk(), &draft);
        exhibit.raw = None;
        DivergenceCase { due, ..DivergenceCase::accepted(input, exhibit) }.library(ruling)
    };
    duplicates().into_iter().chain(types()).chain(times()).map(case).collect()
}

fn duplicates() -> [ClaimRow; 5] {
    [
        ("two `exp`, the last one good", Refuse, DUPLICATE, |d, _| front(d, r#""exp":1"#)),
        ("two `aud`, the last one good", Refuse, DUPLICATE, |d, _| front(d, r#""aud":"x""#)),
        ("two `iss`, one of them escaped", Refuse, DUPLICATE, |d, _| {
            front(d, r#""\u0069ss":"x""#);
        }),
        ("two `scope`, the last one good", Refuse, DUPLICATE, |d, _| front(d, r#""scope":"x""#)),
        ("two claims of a name that nobody reads", Accept, DUPLICATE, |d, _| {
            front(d, r#""x":1,"x":2"#);
        }),
    ]
}

fn types() -> [ClaimRow; 13] {
    [
        ("`aud` is a number", Refuse, AUDIENCE, |d, _| set(d, "aud", json!(42))),
        ("`aud` is an object with this API as a member", Refuse, AUDIENCE, |d, _| {
            set(d, "aud", json!({ "billing-api": true }));
        }),
        ("`aud` is an array with this API and a number", Refuse, AUDIENCE, |d, _| {
            set(d, "aud", json!(["billing-api", 7]));
        }),
        ("`aud` is null", Refuse, AUDIENCE, |d, _| set(d, "aud", json!(null))),
        ("`aud` is an empty array", Refuse, AUDIENCE, |d, _| set(d, "aud", json!([]))),
        ("no `aud`", Refuse, MISSING, |d, _| _ = d.claims.remove("aud")),
        ("`iss` is a number", Refuse, MISSING, |d, _| set(d, "iss", json!(7))),
        ("`iss` is an array with this issuer", Refuse, ISSUER, |d, _| {
            let issuer = d.claims["iss"].clone();
            set(d, "iss", json!([issuer]));
        }),
        ("`iss` is an array with this issuer and another", Refuse, ISSUER, |d, _| {
            let issuer = d.claims["iss"].clone();
            set(d, "iss", json!(["https://other.example", issuer]));
        }),
        ("`sub` is a number", Refuse, MISSING, |d, _| set(d, "sub", json!(42))),
        ("`sub` is empty", Refuse, SUBJECT, |d, _| set(d, "sub", json!(""))),
        ("`iat` is a string", Refuse, NOT_READ, |d, _| set(d, "iat", json!("today"))),
        ("`jti` is a number", Refuse, NOT_READ, |d, _| set(d, "jti", json!(7))),
    ]
}

fn times() -> [ClaimRow; 9] {
    [
        ("`exp` is now", Refuse, ON_OR_AFTER, |d, now| set(d, "exp", json!(now))),
        ("`exp` was a second ago", Refuse, ON_OR_AFTER, |d, now| set(d, "exp", json!(now - 1))),
        ("`exp` is a float, 0.5 s from now", Accept, ROUNDED, |d, now| {
            set(d, "exp", json!(now as f64 + 0.5));
        }),
        ("`exp` is a float, 0.25 s ago", Refuse, ROUNDED, |d, now| {
            set(d, "exp", json!(now as f64 - 0.25));
        }),
        ("`exp` is negative", Refuse, ON_OR_AFTER, |d, _| set(d, "exp", json!(-1))),
        ("`exp` is a string of digits", Refuse, NUMBER, |d, now| {
            set(d, "exp", json!((now + 300).to_string()));
        }),
        ("`exp` is 2⁶³ - 1", Refuse, FAR, |d, _| set(d, "exp", json!(i64::MAX))),
        ("`nbf` is now", Accept, ROUNDED_NBF, |d, now| set(d, "nbf", json!(now))),
        ("`nbf` is a float, 0.25 s from now", Refuse, ROUNDED_NBF, |d, now| {
            set(d, "nbf", json!(now as f64 + 0.25));
        }),
    ]
}

fn set(draft: &mut Draft<'_>, claim: &str, value: Value) {
    draft.claims.insert(claim.into(), value);
}

/// Puts claims at the front of the payload, before the claims that are already there.
fn front(draft: &mut Draft<'_>, claims: &str) {
    draft.payload_bytes = Some(in_front(&draft.claims, claims));
}
