//! Inputs at the edges of Ed25519 (RFC 8032): points that are not canonical, of small order or of
//! mixed order. The vectors are those of ed25519-speccheck (ePrint 2020/1244, Apache-2.0).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::json;

use jwtbench_result::FindingTag::{BreaksMust, OutOfScope, Permitted};
use jwtbench_verifier::algorithm::Algorithm;

use super::case::{DivergenceCase, Exhibit, RawInput, Ruling, ruling};
use super::mint::InputMint;

const SMALL_ORDER: Ruling = ruling(
    Permitted,
    "RFC 8032 §5.1.7",
    "No check of the order of A is asked for; our core refuses such keys when a set is loaded, so \
     that all backends agree.",
);
const NOT_CANONICAL: Ruling = ruling(
    BreaksMust,
    "RFC 7515 §5.2, RFC 8032 §5.1.7",
    "A does not decode (§5.1.3), so the signature is invalid and MUST be rejected; no honest \
     issuer has such a key.",
);
const NOT_CANONICAL_RAW: Ruling = ruling(
    OutOfScope,
    "RFC 8032 §5.1.3",
    "Decoding fails there; some libraries take such points all the same, so a caller that cares \
     has to check the key, as our core does when it loads a set.",
);
const EQUATION: Ruling = ruling(
    Permitted,
    "RFC 8032 §5.1.7",
    "The equation has the cofactor, and to check the one without is sufficient: both answers are \
     allowed.",
);
const R_NOT_CANONICAL: Ruling = ruling(
    OutOfScope,
    "RFC 8032 §5.1.7",
    "R does not decode (§5.1.3), so the signature is invalid; to be exact here is left to the \
     caller.",
);
const RANGE: Ruling = ruling(
    BreaksMust,
    "RFC 8032 §5.1.7",
    "S out of range makes the signature invalid; without that check one text has two signatures.",
);

/// The identity, whose order is one. With the identity as A, and as R with S = 0, the verification
/// equation holds for every message.
const IDENTITY: [u8; 32] = {
    let mut point = [0; 32];
    point[0] = 1;
    point
};

/// The identity encoded with y = p + 1.
const IDENTITY_UNREDUCED: [u8; 32] = {
    let mut point = [0xff; 32];
    point[0] = 0xee;
    point[31] = 0x7f;
    point
};

/// The identity encoded with the sign bit set although x = 0.
const IDENTITY_SIGNED: [u8; 32] = {
    let mut point = IDENTITY;
    point[31] = 0x80;
    point
};

pub(super) fn cases(mint: &InputMint) -> Vec<DivergenceCase> {
    let under = |input, point: [u8; 32]| DivergenceCase::refused(input, degenerate(mint, point));
    let mut cases = vec![
        DivergenceCase::accepted("nothing odd", mint.good(Algorithm::EdDSA)),
        under("A of order 1, canonical", IDENTITY).library(SMALL_ORDER).raw(SMALL_ORDER),
        under("A not canonical: y ≥ p (and of small order)", IDENTITY_UNREDUCED)
            .library(NOT_CANONICAL)
            .raw(NOT_CANONICAL_RAW),
        under("A not canonical: x = 0 with its sign set (and of small order)", IDENTITY_SIGNED)
            .library(NOT_CANONICAL)
            .raw(NOT_CANONICAL_RAW),
    ];
    cases.extend(speccheck());
    cases
}

/// A token under a degenerate key, for which no private key is needed.
fn degenerate(mint: &InputMint, point: [u8; 32]) -> Exhibit {
    let key = mint.key(Algorithm::EdDSA);
    let mut jwk = key.public_jwk().clone();
    jwk["x"] = json!(URL_SAFE_NO_PAD.encode(point));
    mint.spoiled(&jwk, &mint.draft(&key), |parts| {
        parts.signature = [IDENTITY, [0; 32]].concat();
    })
}

/// The constructor of a case: [`DivergenceCase::accepted`] or [`DivergenceCase::refused`].
type Make = fn(&'static str, Exhibit) -> DivergenceCase;

#[derive(Deserialize)]
struct Vector {
    message: String,
    pub_key: String,
    signature: String,
}

/// The twelve published vectors. They sign no token, so whole libraries cannot be given them.
fn speccheck() -> Vec<DivergenceCase> {
    let text = include_str!("ed25519_speccheck.json");
    // The published file is part of the source, and a test counts its rows.
    let vectors: Vec<Vector> = serde_json::from_str(text).unwrap_or_default();
    let rows: [(&str, Make, Ruling); 12] = [
        ("speccheck 0: A and R of small order, S = 0", DivergenceCase::refused, SMALL_ORDER),
        ("speccheck 1: A of small order, R of mixed order", DivergenceCase::refused, SMALL_ORDER),
        ("speccheck 2: A of mixed order, R of small order", DivergenceCase::accepted, EQUATION),
        (
            "speccheck 3: A and R of mixed order, both equations hold",
            DivergenceCase::accepted,
            EQUATION,
        ),
        (
            "speccheck 4: only the equation with the cofactor holds",
            DivergenceCase::refused,
            EQUATION,
        ),
        ("speccheck 5: the same, R of great order", DivergenceCase::refused, EQUATION),
        ("speccheck 6: S above L", DivergenceCase::refused, RANGE),
        ("speccheck 7: S far above L", DivergenceCase::refused, RANGE),
        (
            "speccheck 8: R not canonical, reduced for the hash",
            DivergenceCase::refused,
            R_NOT_CANONICAL,
        ),
        (
            "speccheck 9: R not canonical, as it is for the hash",
            DivergenceCase::refused,
            R_NOT_CANONICAL,
        ),
        (
            "speccheck 10: A not canonical, reduced for the hash",
            DivergenceCase::refused,
            NOT_CANONICAL_RAW,
        ),
        (
            "speccheck 11: A not canonical, as it is for the hash",
            DivergenceCase::refused,
            NOT_CANONICAL_RAW,
        ),
    ];
    let cases = rows.into_iter().zip(&vectors);
    cases.map(|((input, make, ruling), vector)| make(input, exhibit(vector)).raw(ruling)).collect()
}

fn exhibit(vector: &Vector) -> Exhibit {
    let x = URL_SAFE_NO_PAD.encode(hex(&vector.pub_key));
    let algorithm = Algorithm::EdDSA;
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x });
    let (message, signature) = (hex(&vector.message), hex(&vector.signature));
    let raw = RawInput::unchecked(&jwk, algorithm, message, signature);
    Exhibit { algorithm, jwk, raw, token: None }
}

fn hex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).filter_map(byte).collect()
}
