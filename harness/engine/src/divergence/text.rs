//! Inputs whose token text is changed around or below its JSON: the base64url encoding, and what
//! stands before and after it (RFC 7515 §2 and §7.1). Changed headers and payloads are signed as
//! they stand.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use jwtbench_result::FindingTag::{BreaksMust, Permitted};
use jwtbench_scenario::issuer::signer::SigningKey;
use jwtbench_scenario::token::draft::{Draft, Parts};
use jwtbench_verifier::algorithm::Algorithm;

use super::case::{DivergenceCase, Exhibit, Ruling, ruling};
use super::mint::InputMint;

const BASE64: Ruling = ruling(
    BreaksMust,
    "RFC 7515 §2 and §5.2",
    "Base64url here has no padding, no white space and no other characters, and decoding MUST \
     succeed.",
);
const TRAILING_BITS: Ruling = ruling(
    Permitted,
    "RFC 4648 §3.5",
    "The encoder MUST set the unused bits to zero; a decoder MAY reject others, and then one token \
     has one text.",
);
const AROUND: Ruling = ruling(
    BreaksMust,
    "RFC 7515 §7.1 and §5.2",
    "A token is three base64url texts and two periods; whatever is around it is no part of one.",
);

/// The part of a token that is changed.
#[derive(Clone, Copy)]
enum SpoiledPart {
    Header,
    Payload,
    Signature,
}

pub(super) fn cases(mint: &InputMint) -> Vec<DivergenceCase> {
    use SpoiledPart::{Header, Payload, Signature};
    let key = mint.key(Algorithm::EdDSA);
    let spoiled = |part, spoil: fn(&str) -> String| spoiled(mint, &key, part, spoil);
    let around = |before: &str, after: &str| {
        let mut exhibit = token_only(mint.exhibit(key.public_jwk(), &mint.draft(&key)));
        let token = exhibit.token.take().unwrap_or_default();
        exhibit.token = Some([before.as_bytes(), &token, after.as_bytes()].concat());
        exhibit
    };
    let refused = |input, exhibit, ruling| DivergenceCase::refused(input, exhibit).library(ruling);
    let bits = TRAILING_BITS;
    vec![
        refused("padding after the header", spoiled(Header, padded), BASE64),
        refused("padding after the payload", spoiled(Payload, padded), BASE64),
        refused("padding after the signature", spoiled(Signature, padded), BASE64),
        refused("unused bits of the header are set", spoiled(Header, with_bits), bits),
        refused("unused bits of the payload are set", spoiled(Payload, with_bits), bits),
        refused("unused bits of the signature are set", spoiled(Signature, with_bits), bits),
        refused("a line break in the payload", spoiled(Payload, broken), BASE64),
        refused("a space after the token", around("", " "), AROUND),
        refused("a line break after the token", around("", "\n"), AROUND),
        refused("a NUL after the token", around("", "\0"), AROUND),
        refused("a space before the token", around(" ", ""), AROUND),
        refused("a period after the token", around("", "."), AROUND),
    ]
}

/// A token with one changed part. A changed header or payload is signed as it stands.
fn spoiled(
    mint: &InputMint,
    key: &Arc<SigningKey>,
    part: SpoiledPart,
    spoil: fn(&str) -> String,
) -> Exhibit {
    let mut draft = mint.draft(key);
    fill(&mut draft);
    token_only(mint.spoiled(key.public_jwk(), &draft, |parts: &mut Parts| match part {
        SpoiledPart::Header => {
            parts.header = spoil(&parts.header);
            mint.sign(key, parts);
        }
        SpoiledPart::Payload => {
            parts.payload = spoil(&parts.payload);
            mint.sign(key, parts);
        }
        SpoiledPart::Signature => {
            parts.signature_text = Some(spoil(&URL_SAFE_NO_PAD.encode(&parts.signature)));
        }
    }))
}

/// Lengthens header and payload until both are one byte over a multiple of three. Their last
/// base64url character then has four unused bits, like that of a signature of 64 bytes.
fn fill(draft: &mut Draft<'_>) {
    for object in [&mut draft.header, &mut draft.claims] {
        for length in 0..3 {
            object.insert("fill".into(), json!("x".repeat(length)));
            if json!(object).to_string().len() % 3 == 1 {
                break;
            }
        }
    }
}

fn padded(text: &str) -> String {
    format!("{text}==")
}

/// Replaces the last character, which has four unused bits, by the next one of the alphabet.
fn with_bits(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    // Only the upper two bits count, so the last character is A, Q, g or w.
    if let Some(last) = bytes.last_mut() {
        *last += 1;
    }
    String::from_utf8(bytes).unwrap_or_default()
}

fn broken(text: &str) -> String {
    let (left, right) = text.split_at(text.len() / 2);
    format!("{left}\n{right}")
}

fn token_only(exhibit: Exhibit) -> Exhibit {
    Exhibit { raw: None, ..exhibit }
}
