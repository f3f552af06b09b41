//! Several faults at once: the first in the order of work decides. Also that every reason code is
//! reached, and what a token says of itself before a fetch is spent on it.

use std::collections::BTreeSet;
use std::sync::Arc;

use jwtbench_verifier::backend;
use jwtbench_verifier::key_set::KeySet;
use jwtbench_verifier::policy::Policy;
use jwtbench_verifier::prepared_keys::PreparedKeys;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::unix_time::UnixTime;
use jwtbench_verifier::verifier::{Scratch, Verifier};

use crate::contract::token::{Draft, EXPIRES, ISSUED, Key, OURS};
use crate::contract::{Court, fitting, seconds};

/// What a fault is done to: two faults of one place cannot both be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Whole,
    Dots,
    Alg,
    Typ,
    Crit,
    Kid,
    Signature,
    Payload,
    Claim(&'static str),
}

pub type Fault = (Rejection, Place, fn(Draft) -> Draft, &'static str);

/// One fault of each step, in the order of work.
pub const FAULTS: [Fault; 32] = {
    use Place::*;
    use Rejection::*;
    [
        (Missing, Whole, |d| d.then(|_| String::new()), "no token"),
        (Oversized, Whole, |d| d.then(|t| t + &"A".repeat(9000)), "too long"),
        (Encrypted, Dots, |d| d.then(|t| t + ".e30.e30"), "five parts"),
        (Malformed, Dots, |d| d.then(|t| t + ".e30"), "four parts"),
        (Malformed, Crit, |d| d.head_again("b64", "1").head_again("b64", "1"), "header"),
        (AlgNone, Alg, |d| d.head("alg", "\"none\""), "none"),
        (AlgNotAllowed, Alg, |d| d.head("alg", "\"HS256\""), "HMAC"),
        (TypeMismatch, Typ, |d| d.head("typ", "\"JWT\""), "an ID token's typ"),
        (CritUnsupported, Crit, |d| d.head("crit", "[\"x\"]"), "crit"),
        (UnknownKid, Kid, |d| d.head("kid", "\"nobody\""), "no such kid"),
        (KeyMismatch, Kid, |d| d.head("kid", "\"enc\""), "a key that does not fit"),
        (KeyAmbiguous, Kid, |d| d.head("kid", "\"twins\""), "two that fit"),
        (Malformed, Signature, |d| d.then(|t| t + "!"), "no base64url"),
        (BadSignature, Signature, Draft::forged, "another's signature"),
        (Malformed, Payload, |d| d.payload_tail("x"), "payload"),
        (ClaimInvalid, Claim("azp"), |d| d.claim("azp", "7"), "a type"),
        (ClaimMissing, Claim("sub"), |d| d.no_claim("sub"), "absent"),
        (IssuerMismatch, Claim("iss"), |d| d.claim("iss", "\"https://x\""), "iss"),
        (AudienceMismatch, Claim("aud"), |d| d.claim("aud", "\"x\""), "aud"),
        (ScopeInvalid, Claim("scope"), |d| d.claim("scope", "\"a  b\""), "syntax"),
        (Expired, Claim("exp"), |d| d.claim("exp", "1"), "exp"),
        (NotYetValid, Claim("nbf"), |d| d.claim("nbf", "1900000000"), "nbf"),
        (IssuedInFuture, Claim("iat"), |d| d.claim("iat", "1900000000"), "iat"),
        (TooOld, Claim("iat"), |d| d.claim("iat", "1700000000"), "age"),
        (TypeMismatch, Claim("token_use"), |d| d.claim("token_use", "\"id\""), "purpose"),
        (SenderMismatch, Claim("cnf"), |d| d.claim("cnf", "{\"jkt\":\"x\"}"), "cnf"),
        (Revoked, Claim("jti"), |d| d.claim("jti", "\"revoked\""), "revoked"),
        (StaleAuthorization, Claim("sub"), |d| d.claim("sub", "\"stale\""), "version"),
        (TenantMismatch, Claim("tenant_id"), |d| d.claim("tenant_id", "\"x\""), "tenant"),
        (SubjectKind, Claim("sub_type"), |d| d.claim("sub_type", "\"x\""), "kind"),
        (ClientMismatch, Claim("client_id"), |d| d.claim("client_id", "\"x\""), "client"),
        (ScopeInsufficient, Claim("scope"), |d| d.claim("scope", "\"a\""), "scope"),
    ]
};

pub fn court() -> Court {
    Court {
        revoked: Some("revoked"),
        versioned: Some("stale"),
        ..Court::of(|spec| {
            spec.max_age = Some(seconds(3600));
            spec.clients = vec!["billing-web".into()];
            spec.subject_kinds = vec!["user".into()];
        })
    }
}

#[test]
fn one_fault_has_its_code() {
    let court = court();
    court.check(&[(&|d| d, Ok(()), "no fault")]);
    for (code, _, apply, why) in &FAULTS {
        court.check(&[(apply, Err(*code), why)]);
    }
}

/// Every code that a token can have while keys and state can be had.
#[test]
fn every_code_is_reached() {
    let reached: BTreeSet<Rejection> = FAULTS.iter().map(|(code, ..)| *code).collect();
    let unreachable = [Rejection::KeysUnavailable, Rejection::StateUnavailable];
    let all = Rejection::ALL.into_iter().filter(|code| !unreachable.contains(code));
    assert_eq!(reached, all.collect());
}

#[test]
fn of_two_faults_the_first_decides() {
    let court = court();
    let backend = backend::available()[0];
    let mut pairs = 0;
    for (index, (code, place, first, why)) in FAULTS.iter().enumerate() {
        for (_, other_place, second, other_why) in &FAULTS[index + 1..] {
            if place == other_place {
                continue;
            }
            for key in OURS {
                let token = first(second(Draft::good(key))).mint();
                let got = court.judge(backend, token.as_bytes());
                assert_eq!(got, Err(*code), "{why}, and {other_why}: {token}");
            }
            pairs += 1;
        }
    }
    assert!(pairs > 400, "{pairs} pairs");
}

/// All faults of the claims at once, taken away one by one.
#[test]
fn many_faults_come_out_in_order() {
    let court = court();
    let claims = FAULTS.iter().filter(|(_, place, ..)| matches!(place, Place::Claim(_)));
    let mut left: Vec<&Fault> = claims.collect();
    // Of two faults in one claim, only the earlier can stand.
    let mut seen = Vec::new();
    left.retain(|(_, place, ..)| {
        let new = !seen.contains(place);
        seen.push(*place);
        new
    });
    while let Some((code, _, _, why)) = left.first() {
        let all = |draft: Draft| left.iter().fold(draft, |draft, (_, _, apply, _)| apply(draft));
        court.check(&[(&all, Err(*code), why)]);
        left.remove(0);
    }
}

/// To withhold a fetch for an absent kid: whatever signed it, this token would be refused.
#[test]
fn a_token_refuses_itself() {
    let leeway = 30;
    let rows: [(fn(Draft) -> Draft, i64, bool, &str); 14] = [
        (|d| d, ISSUED, false, "in force"),
        (Draft::forged, ISSUED, false, "no signature is looked at"),
        (|d| d, EXPIRES + leeway - 1, false, "the last second"),
        (|d| d, EXPIRES + leeway, true, "expired"),
        (|d| d.claim("exp", "1"), ISSUED, true, "long expired"),
        (|d| d.claim("iss", "\"x\""), ISSUED, true, "another issuer"),
        (|d| d.claim("aud", "\"x\""), ISSUED, true, "another API"),
        (|d| d.no_claim("sub"), ISSUED, true, "a claim missing"),
        (|d| d.claim("jti", "7"), ISSUED, true, "a claim of another type"),
        (|d| d.payload_text("x"), ISSUED, true, "no JSON"),
        (|d| d.encoded_payload_tail("="), ISSUED, true, "no base64url"),
        (|d| d.claim("nbf", "1900000000"), ISSUED, false, "time will mend it"),
        (|d| d.claim("tenant_id", "\"x\""), ISSUED, false, "a matter of the request"),
        (|d| d.claim("token_use", "\"id\""), ISSUED, false, "judged when proven"),
    ];
    let policy = Policy::new(Court::default().spec).expect("a valid policy");
    let mut scratch = Scratch::new(&policy);
    let verifier = Verifier::new(policy);
    for (alter, now, expected, why) in rows {
        let token = alter(Draft::good(Key::Ed(1)).head("kid", "\"new\"")).mint();
        let mut opened = verifier.open(token.as_bytes(), &mut scratch).expect("a fine header");
        let got = verifier.refuses_itself(&mut opened, UnixTime::from_seconds(now));
        assert_eq!(got, expected, "{why}");
    }
}

/// Looking into a token that does not verify yet changes nothing of its later verdict.
#[test]
fn to_look_into_a_token_changes_nothing() {
    let court = Court::default();
    let policy = Policy::new(court.spec.clone()).expect("a valid policy");
    let allowed = &court.spec.algorithms;
    let parsed = jwtbench_verifier::key_set::ParsedSet::parse(court.key_set.as_bytes(), allowed);
    let set = Arc::<KeySet>::default().succeed(parsed.expect("a key set"));
    let mut scratch = Scratch::new(&policy);
    let verifier = Verifier::new(policy);
    let token = Draft::good(Key::Ec(1)).mint();
    for backend in fitting(allowed) {
        let mut keys = PreparedKeys::prepare(backend, allowed, &set);
        let mut opened = verifier.open(token.as_bytes(), &mut scratch).expect("a fine header");
        assert!(!verifier.refuses_itself(&mut opened, court.now));
        assert!(verifier.prove(opened, &mut keys).is_ok(), "{}", backend.name());
    }
}
