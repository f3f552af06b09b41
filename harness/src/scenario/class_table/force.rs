//! Refused by the clock, the purpose, state or the request: steps 10 to 12.

use jwtbench_verifier::rejection::Rejection::*;
use serde_json::json;

use super::{ClassRow, Need, Stage, age, row};

#[rustfmt::skip] // One row a class; spread out, it is twice as long and half as clear.
pub(super) static ROWS: [ClassRow; 17] = [
    row("expired", Some(Expired), Stage::Time, "Expired by a minute beyond the leeway.", |d| {
        match d.ordinal % 8 {
            6 => _ = d.claims.insert("exp".into(), json!(-1)),
            7 => _ = d.claims.insert("exp".into(), json!(0)),
            _ => age(d, d.lifetime + d.leeway + 60),
        }
    }),
    row("edge-expired", Some(Expired), Stage::Time, "Expired this very second.", |d| {
        d.claims.insert("exp".into(), json!(d.now - d.leeway));
    }),
    row("not-yet-valid", Some(NotYetValid), Stage::Time, "`nbf` an hour ahead.", |d| {
        d.claims.insert("nbf".into(), json!(d.issued_at + 3_600 + d.lifetime + d.leeway));
    }),
    row("edge-early", Some(NotYetValid), Stage::Time, "`nbf` a second too far ahead.", |d| {
        d.claims.insert("nbf".into(), json!(d.now + d.leeway + 1));
    }),
    row("issued-in-future", Some(IssuedInFuture), Stage::Time, "`iat` an hour ahead.", |d| {
        age(d, -(3_600 + d.lifetime + d.leeway));
    }),
    row("edge-future", Some(IssuedInFuture), Stage::Time, "`iat` a second too far ahead.", |d| {
        d.claims.insert("iat".into(), json!(d.now + d.leeway + 1));
    }),
    row("edge-old", Some(TooOld), Stage::Time, "Older than `max-age` by a second.", |d| {
        d.claims.insert("iat".into(), json!(d.now - d.max_age - d.leeway - 1));
    })
    .needs(Need::MaxAge),
    row("too-old", Some(TooOld), Stage::Time, "Older than `max-age`, yet not expired.", |d| {
        d.claims.insert("iat".into(), json!(d.issued_at - 30 * 86_400));
    })
    .needs(Need::MaxAge),
    row("refresh-token", Some(TypeMismatch), Stage::Purpose, "`token_use` other than access.", |d| {
        let purpose = ["refresh", "id", "", "ACCESS"][d.ordinal as usize % 4];
        d.claims.insert("token_use".into(), json!(purpose));
    }),
    row("prohibited-claim", Some(TypeMismatch), Stage::Purpose, "A claim of other tokens.", |d| {
        let named = d.prohibited.first().cloned().unwrap_or_default();
        d.claims.insert(named, if d.ordinal.is_multiple_of(2) { json!("x") } else { json!(null) });
    })
    .needs(Need::ProhibitedClaims),
    row("sender-bound", Some(SenderMismatch), Stage::Purpose, "`cnf`, and no proof.", |d| {
        let thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
        let member = ["jkt", "x5t#S256", "kid"][d.ordinal as usize % 3];
        d.claims.insert("cnf".into(), json!({ member: thumbprint }));
    })
    .needs(Need::SenderConstraint),
    row("revoked", Some(Revoked), Stage::State, "A `jti` revoked from the beginning.", |_| {}),
    row(
        "stale-version",
        Some(StaleAuthorization),
        Stage::State,
        "Issued before the subject's rights changed: an authorization version out of force.",
        |d| {
            let claim = d.names.authorization_version.clone();
            match d.ordinal.is_multiple_of(2) {
                true => d.claims.insert(claim, json!(1)),
                false => d.claims.remove(&claim),
            };
        },
    ),
    row("wrong-tenant", Some(TenantMismatch), Stage::Request, "For another tenant.", |d| {
        d.claims.insert(d.names.tenant.clone(), json!("globex"));
    })
    .needs(Need::Tenant),
    row("wrong-subject-kind", Some(SubjectKind), Stage::Request, "A subject not served.", |d| {
        d.claims.insert(d.names.subject_kind.clone(), json!("service"));
    })
    .needs(Need::SubjectKinds),
    row("wrong-client", Some(ClientMismatch), Stage::Request, "A client not served.", |d| {
        d.claims.insert(d.names.client[0].clone(), json!("crawler"));
    })
    .needs(Need::Clients),
    row("scope-missing", Some(ScopeInsufficient), Stage::Request, "A scope is not granted.", |d| {
        let claim = d.names.scope.clone();
        let granted = ["invoice:readonly ledger:read", "INVOICE:READ", "invoice"];
        match granted.get(d.ordinal as usize % 4) {
            Some(words) if d.scope_is_array => {
                let list: Vec<&str> = words.split(' ').collect();
                d.claims.insert(claim, json!(list))
            }
            Some(words) => d.claims.insert(claim, json!(words)),
            None => d.claims.remove(&claim),
        };
    })
    .needs(Need::Scopes),
];
