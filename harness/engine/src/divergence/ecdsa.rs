//! Inputs with ECDSA signatures in forms of other protocols (RFC 7518 §3.4), and with P-256 keys
//! whose coordinates are not of full length (RFC 7518 §6.2.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use jwtbench_result::FindingTag::{BreaksMust, OutOfScope};
use jwtbench_scenario::issuer::signer::{in_der, with_high_s};
use jwtbench_scenario::token::draft::Parts;
use jwtbench_verifier::algorithm::Algorithm;

use super::case::{DivergenceCase, Exhibit, Ruling, ruling};
use super::mint::InputMint;

const HIGH_S: Ruling = ruling(
    OutOfScope,
    "RFC 7518 §3.4",
    "JWS has no rule on the size of S; to ask for the lower one is a rule of other protocols.",
);
const DER: Ruling =
    ruling(BreaksMust, "RFC 7518 §3.4", "The signature MUST be R and S as 64 octets, not DER.");
const SHORT: Ruling = ruling(
    BreaksMust,
    "RFC 7518 §6.2.1.2",
    "The octet string of a coordinate MUST have the full length of one.",
);

pub(super) fn cases(mint: &InputMint) -> Vec<DivergenceCase> {
    let signed = |change: fn(&[u8]) -> Option<Vec<u8>>| {
        let key = mint.key(Algorithm::ES256);
        mint.spoiled(key.public_jwk(), &mint.draft(&key), |parts: &mut Parts| {
            parts.signature = change(&parts.signature).unwrap_or_default();
        })
    };
    vec![
        DivergenceCase::accepted("nothing odd", mint.good(Algorithm::ES256)),
        DivergenceCase::accepted("the higher of the two valid S", signed(with_high_s))
            .library(HIGH_S)
            .raw(HIGH_S),
        DivergenceCase::refused("a signature in DER instead of R and S", signed(in_der))
            .library(DER)
            .raw(DER),
        DivergenceCase::refused("a JWK coordinate stripped of its leading zero", stripped(mint))
            .library(SHORT),
        DivergenceCase::refused("a JWK coordinate with a zero byte more", lengthened(mint))
            .library(SHORT),
    ]
}

/// An input whose key lacks the leading zero byte of `x`. One key in 256 has an `x` that begins
/// with such a byte.
fn stripped(mint: &InputMint) -> Exhibit {
    let mut keys = (0..=u32::MAX).map(|number| {
        let label = format!("short-{number}");
        mint.signers().key(&label, Algorithm::ES256)
    });
    let begins_with_zero = |jwk: &Value| x(jwk).first() == Some(&0);
    let found = keys.find(|key| begins_with_zero(key.public_jwk()));
    let key = found.unwrap_or_else(|| mint.key(Algorithm::ES256));
    let mut jwk = key.public_jwk().clone();
    jwk["x"] = json!(URL_SAFE_NO_PAD.encode(&x(&jwk)[1..]));
    mint.exhibit(&jwk, &mint.draft(&key))
}

fn lengthened(mint: &InputMint) -> Exhibit {
    let key = mint.key(Algorithm::ES256);
    let mut jwk = key.public_jwk().clone();
    jwk["x"] = json!(URL_SAFE_NO_PAD.encode([&[0], &x(&jwk)[..]].concat()));
    mint.exhibit(&jwk, &mint.draft(&key))
}

fn x(jwk: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(jwk["x"].as_str().unwrap_or_default()).unwrap_or_default()
}
