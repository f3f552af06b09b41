//! Inputs with headers that a strict reading refuses (RFC 7515 §4). Their tokens are really signed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use jwtbench_result::FindingTag::{BreaksMust, OurPolicy, OutOfScope, Permitted};
use jwtbench_result::record::divergence::Observed::{self, Accept, Refuse};
use jwtbench_scenario::token::draft::Draft;
use jwtbench_verifier::algorithm::Algorithm;

use super::case::{DivergenceCase, Ruling, ruling};
use super::mint::InputMint;

const DUPLICATE: Ruling = ruling(
    Permitted,
    "RFC 7515 §4",
    "A parser must refuse a duplicate or take the last one, and the last one here is good.",
);
const TYP: Ruling = ruling(
    OutOfScope,
    "RFC 9068 §4",
    "A resource server MUST check that `typ` is at+jwt; the library hands the header to its \
     caller, who is the resource server.",
);
const CRIT: Ruling = ruling(
    BreaksMust,
    "RFC 7515 §4.1.11",
    "A token with a critical parameter that the recipient does not understand is invalid; the \
     recipient MUST understand and process it.",
);
const CRIT_EMPTY: Ruling = ruling(
    Permitted,
    "RFC 7515 §4.1.11",
    "Producers MUST NOT use an empty list; a recipient MAY refuse it.",
);
const ALG_CASE: Ruling =
    ruling(BreaksMust, "RFC 7515 §4.1.1", "`alg` is case-sensitive and must be supported.");
const NEW_NAME: Ruling = ruling(
    OutOfScope,
    "RFC 9864 §2.2",
    "The name is of October 2025; the library does not list it among its algorithms.",
);
const B64: Ruling = ruling(
    OurPolicy,
    "RFC 7797 §6",
    "`b64` without `crit` may pass for an unknown parameter, which MUST be ignored; our contract \
     refuses what another reader would take for another text.",
);

const B64_TRUE: Ruling = ruling(
    OurPolicy,
    "RFC 7797 §6",
    "`true` is what holds without `b64`, so a recipient that knows the parameter may take it; our \
     contract knows none.",
);

/// A change to the header, or to its text.
type HeaderChange = fn(&mut Draft<'_>);

pub(super) fn cases(mint: &InputMint) -> Vec<DivergenceCase> {
    let rows: [(&str, Observed, Ruling, HeaderChange); 15] = [
        ("two `alg`, the last one good", Refuse, DUPLICATE, |d| front(d, r#""alg":"HS256""#)),
        ("two `alg`, one of them escaped", Refuse, DUPLICATE, |d| {
            front(d, r#""\u0061lg":"HS256""#);
        }),
        ("two `kid`, the last one good", Refuse, DUPLICATE, |d| front(d, r#""kid":"other""#)),
        ("two members of a name that nobody reads", Accept, DUPLICATE, |d| {
            front(d, r#""x":1,"x":2"#);
        }),
        ("`alg` in lower case", Refuse, ALG_CASE, |d| set(d, "alg", json!("es256"))),
        ("`typ` is JWT", Refuse, TYP, |d| set(d, "typ", json!("JWT"))),
        ("no `typ`", Refuse, TYP, |d| _ = d.header.remove("typ")),
        ("`typ` is a number", Refuse, TYP, |d| set(d, "typ", json!(7))),
        ("`typ` is application/AT+JWT", Accept, TYP, |d| {
            set(d, "typ", json!("application/AT+JWT"));
        }),
        ("`crit` names an unknown parameter", Refuse, CRIT, |d| {
            set(d, "crit", json!(["urn:example:understand-me"]));
            set(d, "urn:example:understand-me", json!(true));
        }),
        ("`crit` is empty", Refuse, CRIT_EMPTY, |d| set(d, "crit", json!([]))),
        ("`crit` names `b64`, which is false; the payload is encoded", Refuse, CRIT, |d| {
            set(d, "crit", json!(["b64"]));
            set(d, "b64", json!(false));
        }),
        ("`crit` names `b64`, which is true", Refuse, B64_TRUE, |d| {
            set(d, "crit", json!(["b64"]));
            set(d, "b64", json!(true));
        }),
        ("`b64` is false, no `crit`", Refuse, B64, |d| set(d, "b64", json!(false))),
        ("`alg` is Ed25519 instead of EdDSA", Accept, NEW_NAME, |d| {
            set(d, "alg", json!("Ed25519"));
        }),
    ];
    let case = |(input, due, ruling, change): (&'static str, Observed, Ruling, HeaderChange)| {
        let algorithm = if input.contains("Ed25519") { Algorithm::EdDSA } else { Algorithm::ES256 };
        let key = mint.key(algorithm);
        let mut draft = mint.draft(&key);
        change(&mut draft);
        let mut exhibit = mint.exhibit(key.public_jwk(), &draft);
        exhibit.raw = None;
        DivergenceCase { due, ..DivergenceCase::accepted(input, exhibit) }.library(ruling)
    };
    rows.into_iter().map(case).collect()
}

fn set(draft: &mut Draft<'_>, member: &str, value: Value) {
    draft.header.insert(member.into(), value);
}

/// Puts members at the front of the header, before the members that are already there.
fn front(draft: &mut Draft<'_>, members: &str) {
    draft.header_bytes = Some(in_front(&draft.header, members));
}

/// The JSON text of an object with further members at its front.
pub(super) fn in_front(object: &BTreeMap<String, Value>, members: &str) -> Vec<u8> {
    let text = json!(object).to_string();
    text.replacen('{', &format!("{{{members},"), 1).into_bytes()
}
