//! Inputs with JWKs that are declared for another use, or that are not well formed (RFC 7517 §4).
//! Each comes with a token that the key really signed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use jwtbench_result::FindingTag::{OutOfScope, Permitted};
use jwtbench_verifier::algorithm::Algorithm;

use super::case::{DivergenceCase, Ruling, ruling};
use super::mint::InputMint;

const USE: Ruling = ruling(
    OutOfScope,
    "RFC 7517 §4.2",
    "`use` says what the issuer means the key for; the library parses it and leaves the choice of \
     the key to its caller.",
);
const KEY_OPS: Ruling = ruling(
    OutOfScope,
    "RFC 7517 §4.3",
    "`key_ops` says what the key is for; the library parses it and leaves the choice of the key \
     to its caller.",
);
const ALG: Ruling = ruling(
    OutOfScope,
    "RFC 8725 §3.1",
    "A key MUST be used with one algorithm only and somebody has to check it; the library parses \
     `alg` and leaves that to its caller.",
);
const BASE64: Ruling = ruling(
    Permitted,
    "RFC 7517 §5",
    "Values are base64url without padding (RFC 7515 §2); keys with members that are not SHOULD be \
     ignored.",
);
const POINT_LENGTH: Ruling = ruling(
    Permitted,
    "RFC 7517 §5, RFC 8037 §2",
    "An Ed25519 key has 32 octets, and keys with values out of range SHOULD be ignored; no RFC \
     says what a verifier does that is handed one.",
);

/// The inputs. Backends never see a JWK, so they are not given these.
pub(super) fn cases(mint: &InputMint) -> Vec<DivergenceCase> {
    let with = |algorithm, changes: &[(&str, Value)]| {
        let key = mint.key(algorithm);
        let mut jwk = key.public_jwk().clone();
        for (member, value) in changes {
            jwk[*member] = value.clone();
        }
        let mut exhibit = mint.exhibit(&jwk, &mint.draft(&key));
        exhibit.raw = None;
        exhibit
    };
    let es256 = |changes: &[(&str, Value)]| with(Algorithm::ES256, changes);
    let x = |change: fn(&mut Vec<u8>)| {
        let key = mint.key(Algorithm::EdDSA);
        let text = key.public_jwk()["x"].as_str().unwrap_or_default().to_owned();
        let mut point = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        change(&mut point);
        with(Algorithm::EdDSA, &[("x", json!(URL_SAFE_NO_PAD.encode(point)))])
    };
    let padded = {
        let key = mint.key(Algorithm::ES256);
        let text = key.public_jwk()["x"].as_str().unwrap_or_default().to_owned();
        es256(&[("x", json!(text + "="))])
    };
    let rs256 = |changes: &[(&str, Value)]| with(Algorithm::RS256, changes);
    vec![
        DivergenceCase::refused("`use` is enc", es256(&[("use", json!("enc"))])).library(USE),
        DivergenceCase::refused(
            "`key_ops` without verify",
            es256(&[("key_ops", json!(["deriveKey"]))]),
        )
        .library(KEY_OPS),
        DivergenceCase::refused(
            "`alg` is PS256, the token's is RS256",
            rs256(&[("alg", json!("PS256"))]),
        )
        .library(ALG),
        DivergenceCase::refused("`alg` is RSA-OAEP-256", rs256(&[("alg", json!("RSA-OAEP-256"))]))
            .library(ALG),
        DivergenceCase::refused("padding in the base64url of `x`", padded).library(BASE64),
        DivergenceCase::refused("Ed25519 `x` of 31 bytes", x(|point| _ = point.pop()))
            .library(POINT_LENGTH),
        DivergenceCase::refused(
            "Ed25519 `x` of 33 bytes: one more behind a good key",
            x(|p| p.push(0)),
        )
        .library(POINT_LENGTH),
        DivergenceCase::refused("Ed25519 `x` is empty", x(Vec::clear)).library(POINT_LENGTH),
    ]
}
