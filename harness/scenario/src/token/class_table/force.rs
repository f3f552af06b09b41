//! Rows of the classes that the clock, the purpose, state or the request decides (steps 10 to 12).

use serde_json::json;

use jwtbench_verifier::rejection::Rejection::*;

use crate::token::fit;

use super::{ClassRow, Need, Stage, age, deviation, row, unlike};

#[rustfmt::skip] // One row a class; spread out, it is twice as long and half as clear.
pub(super) static ROWS: [ClassRow; 17] = [
    row("expired", Some(Expired), Stage::Time, "Expired by a minute beyond the leeway.", |d| {
        match d.ordinal % 8 {
            6 => _ = d.claims.insert("exp".into(), json!(-1)),
            7 => _ = d.claims.insert("exp".into(), json!(0)),
            _ => age(d, d.lifetime + d.leeway()[1] + 60),
        }
    }),
    row("edge-expired", Some(Expired), Stage::Time, "Expired this very second.", |d| {
        d.claims.insert("exp".into(), json!(d.now - d.leeway()[1]));
    })
    .deviates(deviation::LEEWAY),
    row("not-yet-valid", Some(NotYetValid), Stage::Time, "`nbf` an hour ahead.", |d| {
        d.claims.insert("nbf".into(), json!(d.issued_at + 3_600 + d.lifetime + d.leeway()[1]));
    }),
    row("edge-early", Some(NotYetValid), Stage::Time, "`nbf` a second too far ahead.", |d| {
        d.claims.insert("nbf".into(), json!(d.now + d.leeway()[0] + 1));
    })
    .deviates(deviation::LEEWAY),
    row("issued-in-future", Some(IssuedInFuture), Stage::Time, "`iat` an hour ahead.", |d| {
        age(d, -(3_600 + d.lifetime + d.leeway()[1]));
    })
    .deviates(deviation::FUTURE),
    row("edge-future", Some(IssuedInFuture), Stage::Time, "`iat` a second too far ahead.", |d| {
        d.claims.insert("iat".into(), json!(d.now + d.leeway()[0] + 1));
    })
    .deviates(deviation::FUTURE),
    row("edge-old", Some(TooOld), Stage::Time, "Older than `max-age` by a second.", |d| {
        d.claims.insert("iat".into(), json!(d.now - d.max_age()[1] - d.leeway()[1] - 1));
    })
    .needs(Need::MaxAge),
    row("too-old", Some(TooOld), Stage::Time, "Older than `max-age`, yet not expired.", |d| {
        let too_old = d.max_age()[1] + d.leeway()[1] + 60;
        d.claims.insert("iat".into(), json!(d.issued_at - too_old.max(30 * 86_400)));
    })
    .needs(Need::MaxAge),
    row("refresh-token", Some(TypeMismatch), Stage::Purpose, "`token_use` other than access.", |d| {
        // A required claim that is empty counts as missing, which would be another fault.
        let is_required = d.policy.required_claims.iter().any(|name| name == "token_use");
        let empty = if is_required { "logout" } else { "" };
        let purpose = ["refresh", "id", empty, "ACCESS"][d.ordinal as usize % 4];
        d.claims.insert("token_use".into(), json!(purpose));
    }),
    row("prohibited-claim", Some(TypeMismatch), Stage::Purpose, "A claim of other tokens.", |d| {
        let named = d.policy.prohibited_claims[0].clone();
        let is_null = !d.ordinal.is_multiple_of(2) && !fit::is_typed(d.policy, &named);
        let value = if is_null { json!(null) } else { d.fitting(&named) };
        d.claims.insert(named, value);
    })
    .needs(Need::ProhibitedClaims),
    row("sender-bound", Some(SenderMismatch), Stage::Purpose, "`cnf`, and no proof.", |d| {
        let thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
        let member = ["jkt", "x5t#S256", "kid"][d.ordinal as usize % 3];
        d.claims.insert("cnf".into(), json!({ member: thumbprint }));
    })
    .needs(Need::SenderConstraint),
    row("revoked", Some(Revoked), Stage::State, "A `jti` revoked from the beginning.", |_| {})
        .needs(Need::JwtId),
    row(
        "stale-version",
        Some(StaleAuthorization),
        Stage::State,
        "Issued before the subject's rights changed: an authorization version out of force.",
        |d| {
            let claim = d.policy.claims.authorization_version.clone();
            match d.ordinal.is_multiple_of(2) || d.policy.required_claims.contains(&claim) {
                true => d.claims.insert(claim, json!(1)),
                false => d.claims.remove(&claim),
            };
        },
    )
    .versioned()
    .needs(Need::Versions),
    row("wrong-tenant", Some(TenantMismatch), Stage::Request, "For another tenant.", |d| {
        let own = d.policy.tenant.as_slice();
        d.claims.insert(d.policy.claims.tenant.clone(), json!(unlike(own, "globex".into())));
    })
    .needs(Need::Tenant),
    row("wrong-subject-kind", Some(SubjectKind), Stage::Request, "A subject not served.", |d| {
        let kind = unlike(&d.policy.subject_kinds, "service".into());
        d.claims.insert(d.policy.claims.subject_kind.clone(), json!(kind));
    })
    .needs(Need::SubjectKinds),
    row("wrong-client", Some(ClientMismatch), Stage::Request, "A client not served.", |d| {
        let client = unlike(&d.policy.clients, "crawler".into());
        d.claims.insert(fit::client_claim(d.policy).into(), json!(client));
    })
    .needs(Need::Clients),
    row("scope-missing", Some(ScopeInsufficient), Stage::Request, "A scope is not granted.", |d| {
        let claim = d.policy.claims.scope.clone();
        let granted: [&[&str]; 3] =
            [&["invoice:readonly", "ledger:read"], &["INVOICE:READ"], &["invoice"]];
        let required = &d.policy.required_scopes;
        let longer = format!("{}only", required[0]);
        let value = match granted.get(d.ordinal as usize % 4) {
            Some(words) if !required.iter().all(|scope| words.contains(&scope.as_str())) => {
                Some(d.scopes(words))
            }
            None if !d.policy.required_claims.contains(&claim) => None,
            _ => Some(d.scopes(&[&longer])),
        };
        match value {
            Some(value) => d.claims.insert(claim, value),
            None => d.claims.remove(&claim),
        };
    })
    .needs(Need::Scopes),
];
