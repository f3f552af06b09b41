//! Rows of the classes that the payload decides (step 9).

use serde_json::{Value, json};

use jwtbench_verifier::rejection::Rejection::*;

use crate::token::draft::Draft;
use crate::token::fit;

use super::{ClassRow, Need, Stage, base64_url, deviation, row, stray_bits, unlike};

#[rustfmt::skip] // One row a class; spread out, it is twice as long and half as clear.
pub(super) static ROWS: [ClassRow; 13] = [
    row("bad-payload", Some(Malformed), Stage::Claims, "Signed, and no JSON object.", |d| {
        let payloads: [&[u8]; 8] =
            [b"[]", b"{", b"{\"sub\":\"\xff\"}", b"{}\0", b"", b"null", b"{}{}", b"\xef\xbb\xbf{}"];
        d.payload_bytes = Some(payloads[d.ordinal as usize % payloads.len()].to_vec());
    }),
    row("payload-text", Some(Malformed), Stage::Claims, "Signed, and no strict base64url.", |d| {
        let text = base64_url(json!(d.claims).to_string().as_bytes());
        d.payload_text = Some(match d.ordinal % 4 {
            0 => text + "=",
            1 => text + "\n",
            2 => stray_bits(&text).unwrap_or_else(|| text + "!"),
            _ => text.replacen(|_: char| true, "+", 1),
        });
    }),
    row("deep-json", Some(Malformed), Stage::Claims, "Signed claims nested 65 or 1 000 deep.", |d| {
        let levels = if d.ordinal.is_multiple_of(2) { 64 } else { 999 };
        let nest = format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
        let text = json!(d.claims).to_string();
        d.payload_bytes = Some(text.replacen('{', &format!("{{\"x\":{nest},"), 1).into_bytes());
    })
    .deviates(deviation::LIMITS),
    row("duplicate-claim", Some(Malformed), Stage::Claims, "A claim that stands twice.", |d| {
        let twice = ["{\"exp\":1,", "{\"\\u0061ud\":\"x\",", "{\"iss\":\"x\",", "{\"sub\":\"x\","];
        let text = json!(d.claims).to_string();
        let spoiled = text.replacen('{', twice[d.ordinal as usize % twice.len()], 1);
        d.payload_bytes = Some(spoiled.into_bytes());
    })
    .deviates(deviation::DUPLICATES),
    row("claim-type", Some(ClaimInvalid), Stage::Claims, "A claim of the wrong JSON type.", |d| {
        let wrong = wrong_types(d);
        let (name, value) = wrong[d.ordinal as usize % wrong.len()].clone();
        d.claims.insert(name.into(), value);
    })
    .deviates(deviation::CLAIM_TYPES),
    row("huge-number", Some(ClaimInvalid), Stage::Claims, "A time beyond the year 9999.", |d| {
        let (name, number) = match d.ordinal % 4 {
            0 => ("exp", "1e400"),
            1 => ("exp", "253402300800"),
            2 => ("nbf", "1e99"),
            _ => ("iat", "9e18"),
        };
        d.claims.remove(name);
        let text = json!(d.claims).to_string();
        let spoiled = text.replacen('{', &format!("{{\"{name}\":{number},"), 1);
        d.payload_bytes = Some(spoiled.into_bytes());
    })
    .deviates(deviation::LAST_DATE),
    row("missing-claim", Some(ClaimMissing), Stage::Claims, "A required claim is absent.", |d| {
        let name = ["exp", "sub", "aud", "iss"][d.ordinal as usize % 4];
        d.claims.remove(name);
    }),
    row("empty-claim", Some(ClaimMissing), Stage::Claims, "A required claim is empty.", |d| {
        let (name, value) = match d.ordinal % 3 {
            0 => ("aud", json!([])),
            1 => ("sub", json!("")),
            _ => ("aud", json!("")),
        };
        d.claims.insert(name.into(), value);
    })
    .deviates(deviation::EMPTY),
    row("missing-jti", Some(ClaimMissing), Stage::Claims, "No `jti`, `client_id` or `iat`.", |d| {
        d.claims.remove(["jti", "client_id", "iat"][d.ordinal as usize % 3]);
    })
    .deviates(deviation::RFC_9068)
    .needs(Need::Rfc9068),
    row("missing-tenant", Some(ClaimMissing), Stage::Claims, "No tenant, or an empty one.", |d| {
        match d.ordinal.is_multiple_of(2) {
            true => d.claims.remove(&d.policy.claims.tenant),
            false => d.claims.insert(d.policy.claims.tenant.clone(), json!("")),
        };
    })
    .needs(Need::Tenant),
    row("wrong-issuer", Some(IssuerMismatch), Stage::Claims, "Another `iss`, nearly alike.", |d| {
        let good = d.policy.issuer.clone();
        let spoiled = match d.ordinal % 6 {
            0 => format!("{good}/"),
            1 => good.to_uppercase(),
            2 => format!("{good}.attacker.example"),
            3 => good.chars().skip(1).collect(),
            4 => good.chars().take(good.chars().count() - 1).collect(),
            _ => "https://issuer.example/realms/other".into(),
        };
        let own = std::slice::from_ref(&d.policy.issuer);
        d.claims.insert("iss".into(), json!(unlike(own, spoiled)));
    }),
    row("wrong-audience", Some(AudienceMismatch), Stage::Claims, "For another API.", |d| {
        let good = d.policy.audience[0].as_str();
        let other = |name: &str| unlike(&d.policy.audience, name.to_owned());
        let spoiled = match d.ordinal % 6 {
            0 => json!(other("ledger-api")),
            1 => json!([other("ledger-api"), other("reports-api")]),
            2 => json!(other(&format!("{good}-v2"))),
            3 => json!([other(&good.to_uppercase())]),
            4 => json!(other(&format!("{good} "))),
            _ => json!([other(&good.chars().skip(1).collect::<String>())]),
        };
        d.claims.insert("aud".into(), spoiled);
    }),
    row("scope-syntax", Some(ScopeInvalid), Stage::Claims, "`scope` of no valid syntax.", |d| {
        // A required claim that is empty counts as missing, which would be another fault.
        let is_required = d.policy.required_claims.contains(&d.policy.claims.scope);
        let empty = if is_required { " " } else { "" };
        let spoiled = ["read  x", "read\tx", "\"read\"", empty, " read", "a\\b"];
        let spoiled = spoiled[d.ordinal as usize % spoiled.len()];
        d.claims.insert(d.policy.claims.scope.clone(), d.scopes(&[spoiled]));
    })
    .needs(Need::Scopes),
];

/// Claims with values of a wrong type.
fn wrong_types(draft: &Draft<'_>) -> Vec<(&'static str, Value)> {
    let exp = draft.issued_at + draft.lifetime;
    let audience = draft.policy.audience[0].as_str();
    let mut wrong = vec![
        ("exp", json!(exp.to_string())),
        ("exp", json!(null)),
        ("exp", json!(true)),
        ("exp", json!([exp])),
        ("exp", json!(i64::MAX)),
        ("nbf", json!("now")),
        ("iat", json!("today")),
        ("iat", json!(false)),
        ("aud", json!([audience, 7])),
        ("aud", json!([[audience]])),
        ("aud", json!({ audience: true })),
        ("aud", json!(7)),
        ("iss", json!([draft.claims["iss"]])),
        ("sub", json!(42)),
        ("jti", json!(42)),
        ("client_id", json!(["billing-web"])),
        ("cnf", json!("jkt")),
        ("token_use", json!(["access"])),
    ];
    // A claim that the policy does not check may have any type (RFC 7519 §4).
    wrong.retain(|(name, _)| fit::is_typed(draft.policy, name));
    wrong
}
