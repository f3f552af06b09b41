//! Rows of the classes that the text alone decides (steps 1 to 6).

use serde_json::json;

use jwtbench_verifier::rejection::Rejection::*;

use crate::token::draft::{Draft, Hmac, HmacKey, Parts, Signed};

use super::{ClassRow, Need, Stage, deviation, row};

#[rustfmt::skip] // One row a class; spread out, it is twice as long and half as clear.
pub(super) static ROWS: [ClassRow; 26] = [
    row("missing", Some(Missing), Stage::Open, "No token at all.", |d| d.text = Some(Vec::new())),
    row(
        "oversized-16k",
        Some(Oversized),
        Stage::Open,
        "A signed token of 16 KB.",
        |d| d.pad_to(16 << 10),
    )
    .pool(16),
    row(
        "oversized-64k",
        Some(Oversized),
        Stage::Open,
        "A signed token of 64 KB.",
        |d| d.pad_to(64 << 10),
    )
    .pool(16),
    row(
        "oversized-256k",
        Some(Oversized),
        Stage::Open,
        "A signed token of 256 KB.",
        |d| d.pad_to(256 << 10),
    )
    .pool(4),
    row(
        "oversized-1m",
        Some(Oversized),
        Stage::Open,
        "A signed token of 1 MB.",
        |d| d.pad_to(1 << 20),
    )
    .pool(4),
    row("oversized-dots", Some(Oversized), Stage::Open, "100 000 dots.", |d| {
        d.text = Some(vec![b'.'; 100_000]);
    })
    .pool(16),
    row(
        "oversized-header",
        Some(Oversized),
        Stage::Open,
        "A header of 64 KB: a certificate chain that nobody asked for, or a kid.",
        |d| {
            let filler = "M".repeat(48 << 10);
            match d.ordinal.is_multiple_of(2) {
                true => d.header.insert("x5c".into(), json!([filler])),
                false => d.header.insert("kid".into(), json!(filler)),
            };
        },
    )
    .pool(16),
    row(
        "oversized-signature",
        Some(Oversized),
        Stage::Open,
        "A signature part of 21 840 characters.",
        |d| d.after = Some(|parts, _| parts.signature.resize(16_380, 7)),
    )
    .pool(16)
    .forged(),
    row("malformed", Some(Malformed), Stage::Open, "No compact JWS, in many ways.", |d| {
        MALFORMED[d.ordinal as usize % MALFORMED.len()](d);
    }),
    row(
        "long-header",
        Some(Malformed),
        Stage::Open,
        "A header over the limit, or over 2048 bytes, in a token under the limit.",
        |d| {
            let note = "n".repeat(d.policy.max_header_bytes.max(2048));
            d.header.insert("note".into(), json!(note));
        },
    )
    .deviates(deviation::LIMITS),
    row("deep-header", Some(Malformed), Stage::Open, "A header nested 17 levels deep.", |d| {
        let nest = format!("{}1{}", "[".repeat(16), "]".repeat(16));
        let text = json!(d.header).to_string();
        d.header_bytes = Some(text.replacen('{', &format!("{{\"x\":{nest},"), 1).into_bytes());
    })
    .deviates(deviation::LIMITS),
    row("duplicate-header", Some(Malformed), Stage::Open, "A header with two `alg`.", |d| {
        let text = json!(d.header).to_string();
        d.header_bytes = Some(text.replacen('{', "{\"\\u0061lg\":\"none\",", 1).into_bytes());
    })
    .deviates(deviation::DUPLICATES),
    row("encrypted", Some(Encrypted), Stage::Open, "Five parts: a JWE.", |d| {
        let part = "eyJlbmMiOiJBMjU2R0NNIiwiYWxnIjoiUlNBLU9BRVAifQ";
        d.text = Some(format!("{part}.{part}.{part}.{part}.{part}").into_bytes());
    }),
    row("alg-none", Some(AlgNone), Stage::Open, "Unsigned, `alg` none in all spellings.", |d| {
        let spelling = ["none", "None", "NONE", "nOnE"][d.ordinal as usize % 4];
        d.header.insert("alg".into(), json!(spelling));
        if d.ordinal % 5 != 4 {
            d.signed_by = Signed::Not;
        }
    })
    .forged(),
    row(
        "other-algorithm",
        Some(AlgNotAllowed),
        Stage::Open,
        "Really signed by the issuer, with an algorithm that the policy does not allow.",
        |d| {
            d.header.insert("alg".into(), json!(d.keys.other_type().algorithm().name()));
            d.header.insert("kid".into(), json!(d.keys.other_type().kid()));
            d.signed_by = Signed::By(d.keys.other_type());
        },
    )
    .deviates(deviation::ALGORITHM),
    row(
        "hmac-confusion",
        Some(AlgNotAllowed),
        Stage::Open,
        "An HMAC keyed with the issuer's public key, in each form that keys go about in.",
        |d| {
            let forms = d.keys.signing.public_forms();
            let (turn, form) = (d.ordinal as usize / forms.len(), d.ordinal as usize % forms.len());
            sign_with(d, turn + form, HmacKey::Public(d.keys.signing, forms[form]));
        },
    )
    .deviates(deviation::ALGORITHM)
    .forged(),
    row(
        "hmac-weak-key",
        Some(AlgNotAllowed),
        Stage::Open,
        "An HMAC keyed with nothing, or with one byte.",
        |d| {
            let keys: [&[u8]; 3] = [b"", b"\0", b"0"];
            let (turn, key) = (d.ordinal as usize / keys.len(), d.ordinal as usize % keys.len());
            sign_with(d, turn + key, HmacKey::Bytes(keys[key]));
        },
    )
    .deviates(deviation::ALGORITHM)
    .forged(),
    row(
        "alg-case",
        Some(AlgNotAllowed),
        Stage::Open,
        "The right algorithm in lower case.",
        |d| _ = d.header.insert("alg".into(), json!(d.algorithm().name().to_lowercase())),
    )
    .deviates(deviation::ALGORITHM),
    row(
        "several-faults",
        Some(AlgNotAllowed),
        Stage::Open,
        "An algorithm, a type, a critical parameter, a kid, an issuer and a time, all of them bad.",
        |d| {
            let alg = ["HS256", "ES256K", "rs256", ""][d.ordinal as usize % 4];
            d.header.insert("alg".into(), json!(alg));
            d.header.insert("typ".into(), json!("JWT"));
            d.header.insert("crit".into(), json!(["exp"]));
            d.header.insert("kid".into(), json!("nobody"));
            d.claims.insert("iss".into(), json!("https://attacker.example"));
            d.claims.insert("exp".into(), json!(1));
            d.signed_by = Signed::By(d.keys.attacker());
        },
    )
    .forged(),
    row("id-token", Some(TypeMismatch), Stage::Open, "An ID token: `typ` JWT, a nonce.", |d| {
        d.header.insert("typ".into(), json!("JWT"));
        d.claims.insert("nonce".into(), json!("n-0S6_WzA2Mj"));
    })
    .deviates(deviation::TYPE)
    .needs(Need::Types),
    row("other-typ", Some(TypeMismatch), Stage::Open, "`typ` of another kind of token.", |d| {
        let texts = ["logout+jwt", "dpop+jwt", "secevent+jwt", "at+jwt+jwt", "application/", ""];
        let own = &d.policy.types;
        let is_other = |typ: &&str| !own.iter().any(|own| own.eq_ignore_ascii_case(typ));
        let texts: Vec<_> =
            texts.into_iter().filter(is_other).map(|typ| json!(typ)).collect();
        let typ = [&texts[..], &[json!(7), json!(null)]].concat();
        d.header.insert("typ".into(), typ[d.ordinal as usize % typ.len()].clone());
    })
    .deviates(deviation::TYPE),
    row("no-typ", Some(TypeMismatch), Stage::Open, "No `typ`.", |d| _ = d.header.remove("typ"))
    .deviates(deviation::TYPE)
        .needs(Need::Rfc9068),
    row("crit-unknown", Some(CritUnsupported), Stage::Open, "An unknown critical parameter.", |d| {
        d.header.insert("crit".into(), json!(["urn:example:must-understand"]));
        d.header.insert("urn:example:must-understand".into(), json!(true));
    })
    .deviates(deviation::CRIT_UNKNOWN),
    row("crit-empty", Some(CritUnsupported), Stage::Open, "An empty `crit`.", |d| {
        d.header.insert("crit".into(), json!([]));
    })
    .deviates(deviation::CRIT_FORM),
    row("crit-invalid", Some(CritUnsupported), Stage::Open, "`crit` that no token may have.", |d| {
        let crit = [json!(["alg", "alg"]), json!("alg"), json!([7]), json!(null), json!(["alg"])];
        d.header.insert("crit".into(), crit[d.ordinal as usize % crit.len()].clone());
    })
    .deviates(deviation::CRIT_FORM),
    row("unencoded-payload", Some(CritUnsupported), Stage::Open, "`b64` false (RFC 7797).", |d| {
        d.header.insert("b64".into(), json!(false));
        if d.ordinal.is_multiple_of(2) {
            d.header.insert("crit".into(), json!(["b64"]));
        }
    })
    .deviates(deviation::CRIT_UNKNOWN),
];

/// Signs with one of the HMACs, in turn.
fn sign_with<'a>(draft: &mut Draft<'a>, turn: usize, key: HmacKey<'a>) {
    let hmac = Hmac::ALL[turn % Hmac::ALL.len()];
    draft.header.insert("alg".into(), json!(hmac.name()));
    draft.signed_by = Signed::Hmac(hmac, key);
}

const MALFORMED: [fn(&mut Draft<'_>); 22] = [
    |d| d.text = Some(b"not a token".to_vec()),
    |d| d.text = Some(b"e30.e30".to_vec()),
    |d| d.text = Some(b"....".repeat(3)),
    |d| d.text = Some(b"..".to_vec()),
    |d| d.text = Some(b".".to_vec()),
    |d| d.text = Some(b"\0".to_vec()),
    |d| d.text = Some(vec![0xff; 64]),
    |d| d.header_bytes = Some(b"not json".to_vec()),
    |d| d.header_bytes = Some(b"[]".to_vec()),
    |d| d.header_bytes = Some(b"{}".to_vec()),
    |d| d.header_bytes = Some(b"{\"alg\":5}".to_vec()),
    |d| d.header_bytes = Some(b"{\"alg\":null}".to_vec()),
    |d| d.header_bytes = Some(b"{\"alg\":\"\xff\"}".to_vec()),
    |d| {
        let text = json!(d.header).to_string();
        d.header_bytes = Some((text + "}").into_bytes());
    },
    |d| _ = d.header.insert("kid".into(), json!(7)),
    |d| _ = d.header.insert("kid".into(), json!(null)),
    |d| _ = d.header.insert("kid".into(), json!(["a"])),
    |d| d.after = Some(|parts: &mut Parts, _| parts.header.push('=')),
    |d| d.after = Some(|parts: &mut Parts, _| parts.header.insert(0, ' ')),
    |d| d.after = Some(|parts: &mut Parts, _| parts.header.push('\n')),
    |d| {
        d.after = Some(|parts: &mut Parts, _| parts.header = parts.header.replacen("eyJ", "ey+", 1))
    },
    |d| d.after = Some(|parts: &mut Parts, _| parts.payload.push('.')),
];
