//! Good tokens, in every form that the contract lets in.

use serde_json::json;

use super::{Alter, ClassRow, Family, Need, Stage, row};
use crate::scenario::draft::Draft;
use crate::scenario::signer::Form;

#[rustfmt::skip] // One row a class; spread out, it is twice as long and half as clear.
pub(super) static ROWS: [ClassRow; 10] = [
    row("valid", None, Stage::Good, "A good token, reissued to its holder as it expires.", |_| {}),
    row("valid-2k", None, Stage::Good, "A good token of about 2 KB.", |d| d.pad_to(2048)),
    row("valid-4k", None, Stage::Good, "A good token of about 4 KB.", |d| d.pad_to(4096)),
    row("valid-8k", None, Stage::Good, "A good token just under 8 KB.", |d| d.pad_to(8100)),
    row(
        "stolen-key",
        None,
        Stage::Good,
        "Signed with the first key whatever the issuer signs with now: the thief of that key.",
        |_| {},
    ),
    row("valid-form", None, Stage::Good, "A good token in a form that is rare and right.", |d| {
        FORMS[d.ordinal as usize % FORMS.len()](d);
    }),
    row(
        "shared-kid",
        None,
        Stage::Good,
        "Under a kid that others share, and none of them fits.",
        |_| {},
    ),
    row(
        "high-s",
        None,
        Stage::Good,
        "ECDSA with `s` in the upper half: JOSE asks for no lower one.",
        |d| d.form = Form::HighS,
    )
    .only(Family::Ecdsa),
    row("edge-valid", None, Stage::Time, "The last second within every bound of time.", |d| {
        let now = d.now;
        match d.ordinal % 4 {
            0 => _ = d.claims.insert("exp".into(), json!(now - d.leeway + 1)),
            1 => _ = d.claims.insert("nbf".into(), json!(now + d.leeway)),
            2 => _ = d.claims.insert("iat".into(), json!(now + d.leeway)),
            _ => _ = d.claims.insert("iat".into(), json!(now - d.max_age - d.leeway)),
        }
    })
    .needs(Need::MaxAge),
    row("current-version", None, Stage::State, "Under the authorization version in force.", |d| {
        let claim = d.names.authorization_version.clone();
        d.claims.insert(claim, json!(2 + d.ordinal % 2));
    }),
];

const FORMS: [Alter; 16] = [
    |d| _ = d.claims.insert("aud".into(), json!(d.audience)),
    |d| _ = d.claims.insert("aud".into(), json!(["ledger-api", "reports-api", d.audience])),
    |d| _ = d.claims.insert("exp".into(), json!((d.issued_at + d.lifetime) as f64 + 0.5)),
    |d| _ = d.claims.insert("iat".into(), json!(d.issued_at as f64 - 0.25)),
    |d| _ = d.claims.insert("nbf".into(), json!(d.issued_at)),
    |d| retype(d, |typ| typ.to_uppercase()),
    |d| retype(d, |typ| format!("application/{typ}")),
    |d| retype(d, |typ| format!("Application/{}", typ.to_uppercase())),
    |d| _ = d.header.insert("cty".into(), json!("json")),
    |d| _ = d.header.insert("jwk".into(), d.keys.signing.public_jwk().clone()),
    |d| _ = d.header.insert("x5c".into(), json!(["not looked at"])),
    |d| d.payload_bytes = Some(format!(" \n{}\t ", json!(d.claims)).into_bytes()),
    |d| {
        d.payload_bytes =
            Some(json!(d.claims).to_string().replacen("\"exp\"", "\"\\u0065xp\"", 1).into_bytes())
    },
    |d| {
        let nest = format!("{}1{}", "[".repeat(63), "]".repeat(63));
        let text = json!(d.claims).to_string();
        d.payload_bytes = Some(text.replacen('{', &format!("{{\"x\":{nest},"), 1).into_bytes());
    },
    |d| {
        // What nobody reads may stand twice.
        let text = json!(d.claims).to_string();
        d.payload_bytes = Some(text.replacen('{', "{\"x\":1,\"x\":2,", 1).into_bytes());
    },
    |d| {
        if d.algorithm().name() == "EdDSA" {
            // RFC 9864: the same algorithm by its new name.
            d.header.insert("alg".into(), json!("Ed25519"));
        }
    },
];

fn retype(draft: &mut Draft<'_>, change: impl Fn(&str) -> String) {
    if let Some(typ) = draft.header.get("typ").and_then(|typ| typ.as_str()).map(change) {
        draft.header.insert("typ".into(), json!(typ));
    }
}
