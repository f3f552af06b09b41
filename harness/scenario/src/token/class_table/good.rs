//! Rows of the good classes, in every form that the contract accepts.

use serde_json::json;

use crate::issuer::signer::SignatureForm;
use crate::token::draft::Draft;
use crate::token::fit;

use super::{Alter, ClassRow, Family, KeyRole, Need, Stage, row};

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
    )
    .signed_with(KeyRole::First)
    .kept(),
    row("valid-form", None, Stage::Good, "A good token in a form that is rare and right.", |d| {
        FORMS[d.ordinal as usize % FORMS.len()](d);
    }),
    row(
        "shared-kid",
        None,
        Stage::Good,
        "Under a kid that others share, and none of them fits.",
        |_| {},
    )
    .signed_with(KeyRole::Shared),
    row(
        "high-s",
        None,
        Stage::Good,
        "ECDSA with `s` in the upper half: JOSE asks for no lower one.",
        |d| d.form = SignatureForm::HighS,
    )
    .only(Family::Ecdsa),
    row("edge-valid", None, Stage::Time, "The last second within every bound of time.", |d| {
        let (now, leeway, max_age) = (d.now, d.leeway()[0], d.max_age()[0]);
        match d.ordinal % 4 {
            1 if d.allows("nbf") => _ = d.claims.insert("nbf".into(), json!(now + leeway)),
            0 | 1 => _ = d.claims.insert("exp".into(), json!(now - leeway + 1)),
            2 => _ = d.claims.insert("iat".into(), json!(now + leeway)),
            _ => _ = d.claims.insert("iat".into(), json!(now - max_age - leeway)),
        }
    })
    .needs(Need::MaxAge),
    row("current-version", None, Stage::State, "Under the authorization version in force.", |d| {
        let claim = d.policy.claims.authorization_version.clone();
        d.claims.insert(claim, json!(2 + d.ordinal % 2));
    })
    .versioned()
    .needs(Need::Versions),
];

const FORMS: [Alter; 16] = [
    |d| _ = d.claims.insert("aud".into(), json!(d.policy.audience[0])),
    |d| {
        let audience = json!(["ledger-api", "reports-api", d.policy.audience[0]]);
        d.claims.insert("aud".into(), audience);
    },
    |d| _ = d.claims.insert("exp".into(), json!((d.issued_at + d.lifetime) as f64 + 0.5)),
    |d| {
        if d.allows("iat") {
            d.claims.insert("iat".into(), json!(d.issued_at as f64 - 0.25));
        }
    },
    |d| {
        if d.allows("nbf") {
            d.claims.insert("nbf".into(), json!(d.issued_at));
        }
    },
    |d| retype(d, |typ| typ.to_ascii_uppercase()),
    |d| retype(d, |typ| format!("application/{typ}")),
    |d| retype(d, |typ| format!("Application/{}", typ.to_ascii_uppercase())),
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
        let name = json!(fit::unread(d.policy, "x"));
        d.payload_bytes = Some(text.replacen('{', &format!("{{{name}:{nest},"), 1).into_bytes());
    },
    |d| {
        // A member that the policy does not read may occur twice.
        let text = json!(d.claims).to_string();
        let name = json!(fit::unread(d.policy, "x"));
        let twice = format!("{{{name}:1,{name}:2,");
        d.payload_bytes = Some(text.replacen('{', &twice, 1).into_bytes());
    },
    |d| {
        if d.algorithm().name() == "EdDSA" {
            // The new name of the same algorithm (RFC 9864).
            d.header.insert("alg".into(), json!("Ed25519"));
        }
    },
];

/// Changes the spelling of `typ` if it has another one (RFC 7515 §4.1.9).
fn retype(draft: &mut Draft<'_>, change: impl Fn(&str) -> String) {
    let typ = draft.header.get("typ").and_then(|typ| typ.as_str());
    if let Some(typ) = typ.filter(|typ| !typ.contains('/')).map(change) {
        draft.header.insert("typ".into(), json!(typ));
    }
}
