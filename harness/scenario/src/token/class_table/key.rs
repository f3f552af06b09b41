//! Rows of the classes that the key or the signature decides (steps 7 and 8).

use serde_json::json;

use jwtbench_verifier::rejection::Rejection::*;

use crate::issuer::signer::SignatureForm;
use crate::token::draft::{Draft, Signed};

use super::{
    ClassRow, Family, Flood, KeyRole, Need, Stage, age, base64_url, deviation, row, stray_bits,
};

#[rustfmt::skip] // One row a class; spread out, it is twice as long and half as clear.
pub(super) static ROWS: [ClassRow; 22] = [
    row(
        "unknown-kid",
        Some(UnknownKid),
        Stage::Key,
        "A kid that the issuer never published, another one in each token.",
        |d| {
            let kid = format!("{}-{}", d.keys.attacker().kid(), d.ordinal);
            d.header.insert("kid".into(), json!(kid));
            d.signed_by = Signed::By(d.keys.attacker());
        },
    )
    .pool(2048)
    .asks_for_key()
    .flood(Flood::UnknownKid)
    .forged(),
    row(
        "unknown-kid-one",
        Some(UnknownKid),
        Stage::Key,
        "A kid that the issuer never published, always the same.",
        |d| {
            d.header.insert("kid".into(), json!(d.keys.attacker().kid()));
            d.signed_by = Signed::By(d.keys.attacker());
        },
    )
    .asks_for_key()
    .flood(Flood::UnknownKid)
    .forged(),
    row(
        "kid-injection",
        Some(UnknownKid),
        Stage::Key,
        "A kid that is a path, a query or an address.",
        |d| {
            let kids = [
                "../../../../dev/null",
                "x' UNION SELECT 'key'; --",
                "https://attacker.example/jwks.json",
                "\u{0}",
                "",
                "\u{1b}[2J",
            ];
            d.header.insert("kid".into(), json!(kids[d.ordinal as usize % kids.len()]));
            d.signed_by = Signed::By(d.keys.attacker());
        },
    )
    .asks_for_key()
    .forged(),
    row("long-kid", Some(UnknownKid), Stage::Key, "A kid of 257 bytes.", |d| {
        d.header.insert("kid".into(), json!("k".repeat(257)));
        d.signed_by = Signed::By(d.keys.attacker());
    })
    .forged(),
    row("no-kid", Some(UnknownKid), Stage::Key, "A good token without `kid`.", |d| {
        d.header.remove("kid");
    })
    .needs(Need::KidRequired),
    row(
        "embedded-jwk-new-kid",
        Some(UnknownKid),
        Stage::Key,
        "Signed by an attacker whose public key stands in the header under a kid of its own.",
        |d| {
            d.header.insert("kid".into(), json!(d.keys.attacker().kid()));
            d.header.insert("jwk".into(), d.keys.attacker().public_jwk().clone());
            d.signed_by = Signed::By(d.keys.attacker());
        },
    )
    .asks_for_key()
    .forged(),
    row(
        "unknown-kid-expired",
        Some(UnknownKid),
        Stage::Key,
        "An unknown kid in a token that refuses itself: it must never cause a fetch.",
        |d| {
            let kid = format!("{}-{}", d.keys.attacker().kid(), d.ordinal);
            d.header.insert("kid".into(), json!(kid));
            d.signed_by = Signed::By(d.keys.attacker());
            age(d, d.lifetime + d.leeway()[1] + 60);
        },
    )
    .forged(),
    row(
        "other-issuer",
        Some(UnknownKid),
        Stage::Key,
        "A good token of another trusted issuer, under its own kid.",
        |d| {
            other_issuer(d);
            d.header.insert("kid".into(), json!(d.keys.other_issuer().kid()));
        },
    )
    .forged(),
    row(
        "key-mismatch",
        Some(KeyMismatch),
        Stage::Key,
        "The kid of a key of the issuer that is for another algorithm.",
        |d| _ = d.header.insert("kid".into(), json!(d.keys.other_type().kid())),
    ),
    row(
        "key-ambiguous",
        Some(KeyAmbiguous),
        Stage::Key,
        "A kid under which the issuer publishes two different keys that fit.",
        |_| {},
    )
    .signed_with(KeyRole::Ambiguous)
    .deviates(deviation::AMBIGUOUS),
    row(
        "signature-padding",
        Some(Malformed),
        Stage::SignatureText,
        "Padding, stray bits or a foreign character in the signature part.",
        |d| {
            d.after = Some(|parts, ordinal| {
                let text = base64_url(&parts.signature);
                parts.signature_text = Some(match ordinal % 7 {
                    0 => text + "=",
                    1 => text + "!",
                    2 => text + " ",
                    3 => text + "\n",
                    4 => text + "\0",
                    5 => text.replacen(|_: char| true, "+", 1),
                    _ => stray_bits(&text).unwrap_or_else(|| text + "A"),
                });
            });
        },
    ),
    row("bad-signature", Some(BadSignature), Stage::Signature, "One bit flipped.", |d| {
        d.after = Some(|parts, ordinal| {
            let bit = ordinal as usize * 37 % (parts.signature.len() * 8);
            parts.signature[bit / 8] ^= 1 << (bit % 8);
        });
    })
    .flood(Flood::BadSignature)
    .forged(),
    row(
        "other-key",
        Some(BadSignature),
        Stage::Signature,
        "Signed by an attacker under the issuer's kid.",
        |d| d.signed_by = Signed::By(d.keys.attacker()),
    )
    .forged(),
    row(
        "other-issuer-kid",
        Some(BadSignature),
        Stage::Signature,
        "A good token of another trusted issuer, that has a kid of ours.",
        other_issuer,
    )
    .forged(),
    row(
        "embedded-jwk",
        Some(BadSignature),
        Stage::Signature,
        "Signed by an attacker whose public key stands in the header.",
        |d| {
            d.header.insert("jwk".into(), d.keys.attacker().public_jwk().clone());
            d.signed_by = Signed::By(d.keys.attacker());
        },
    )
    .forged(),
    row(
        "key-url",
        Some(BadSignature),
        Stage::Signature,
        "Signed by an attacker who says in `jku`, `x5u` or `x5c` where to find the key.",
        |d| {
            let member = ["jku", "x5u", "x5c"][d.ordinal as usize % 3];
            let value = match member {
                "x5c" => json!(["bm8gY2VydGlmaWNhdGU="]),
                _ => json!("http://127.0.0.1:9/jwks.json"),
            };
            d.header.insert(member.into(), value);
            d.signed_by = Signed::By(d.keys.attacker());
        },
    )
    .forged(),
    row("tampered", Some(BadSignature), Stage::Signature, "Claims changed after signing.", |d| {
        d.after = Some(|parts, _| {
            let claims = json!({ "scope": "invoice:read invoice:write", "sub": "admin" });
            parts.payload = base64_url(claims.to_string().as_bytes());
        });
    })
    .forged(),
    row(
        "cut-signature",
        Some(BadSignature),
        Stage::Signature,
        "A signature cut short, empty or doubled.",
        |d| {
            d.after = Some(|parts, ordinal| match ordinal % 3 {
                0 => parts.signature.truncate(parts.signature.len() - 1),
                1 => parts.signature.clear(),
                _ => parts.signature.extend_from_within(..),
            });
        },
    )
    .forged(),
    row(
        "long-signature",
        Some(BadSignature),
        Stage::Signature,
        "A signature part of 4 000 characters in a token under the limit.",
        |d| d.after = Some(|parts, _| parts.signature.resize(3_000, 7)),
    )
    .forged(),
    row(
        "der-signature",
        Some(BadSignature),
        Stage::Signature,
        "ECDSA in DER where JOSE has `r || s` (RFC 7518 §3.4).",
        |d| d.form = SignatureForm::Der,
    )
    .only(Family::Ecdsa),
    row(
        "zero-signature",
        Some(BadSignature),
        Stage::Signature,
        "ECDSA with `r` and `s` both 0, or both the order of the group (CVE-2022-21449).",
        |d| {
            let is_even = d.ordinal.is_multiple_of(2);
            d.form = if is_even { SignatureForm::Zero } else { SignatureForm::Order };
        },
    )
    .only(Family::Ecdsa)
    .forged(),
    row(
        "s-plus-order",
        Some(BadSignature),
        Stage::Signature,
        "Ed25519 with the group order added to `S` (RFC 8032 §5.1.7).",
        |d| d.form = SignatureForm::PlusOrder,
    )
    .only(Family::Ed25519),
];

/// The token as the other trusted issuer would issue it.
fn other_issuer(draft: &mut Draft<'_>) {
    draft.claims.insert("iss".into(), json!("https://issuer.example/realms/globex"));
    draft.claims.insert(draft.policy.claims.tenant.clone(), json!("globex"));
    draft.signed_by = Signed::By(draft.keys.other_issuer());
}
