//! What is spelled out is read back: codes, algorithms, kinds, instants. Names are for logs,
//! counters and dashboards of others, so none may change or stand for two things.

use std::collections::BTreeSet;
use std::time::Duration;

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::jwk::SkipKind;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::tenants::Tenants;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;

#[test]
fn reason_codes_are_read_back() {
    let codes: BTreeSet<&str> = Rejection::ALL.into_iter().map(Rejection::code).collect();
    assert_eq!(codes.len(), Rejection::ALL.len(), "one code each");
    for rejection in Rejection::ALL {
        let code = rejection.code();
        assert!(code.starts_with("JWT_"), "{code}");
        assert_eq!(format!("{rejection:>32}").trim_start(), code, "shown, and aligned");
        let json = serde_json::to_string(&rejection).expect("a string");
        assert_eq!(json, format!("\"{code}\""));
        assert_eq!(serde_json::from_str::<Rejection>(&json).expect("a code"), rejection);
    }
    for unknown in ["", "JWT_", "jwt_expired", "JWT_EXPIRED ", "ACCEPT"] {
        let json = serde_json::to_string(unknown).expect("a string");
        let error = serde_json::from_str::<Rejection>(&json).expect_err(unknown).to_string();
        assert!(error.contains("unknown reason code"), "{error}");
    }
}

#[test]
fn algorithms_are_read_back() {
    for algorithm in Algorithm::ALL {
        let json = serde_json::to_string(&algorithm).expect("a string");
        assert_eq!(json, format!("\"{algorithm}\""));
        assert_eq!(serde_json::from_str::<Algorithm>(&json).expect("a name"), algorithm);
    }
    for unknown in ["", "none", "rs256", "HS256", "ES512", "RS256 "] {
        let json = serde_json::to_string(unknown).expect("a string");
        let error = serde_json::from_str::<Algorithm>(&json).expect_err(unknown).to_string();
        assert!(error.contains("known: RS256"), "names the remedy: {error}");
    }
}

#[test]
fn kinds_of_skipped_entries_have_one_name_each() {
    use SkipKind::{
        BadBase64, InvalidKey, MissingMember, NotAJwk, Symmetric, UnknownAlg, UnknownCrv,
        UnknownKty, UnusualSize, WeakKey,
    };
    let rows = [
        (NotAJwk, "not-a-jwk"),
        (UnknownKty, "unknown-kty"),
        (UnknownCrv, "unknown-crv"),
        (UnknownAlg, "unknown-alg"),
        (Symmetric, "symmetric"),
        (MissingMember, "missing-member"),
        (BadBase64, "bad-base64"),
        (WeakKey, "weak-key"),
        (UnusualSize, "unusual-size"),
        (InvalidKey, "invalid-key"),
    ];
    for (kind, name) in rows {
        assert_eq!(kind.name(), name);
    }
}

#[test]
fn tenants_that_cannot_be_told_apart_are_refused_in_words() {
    let words = |names: &[&str]| {
        let tenants = Tenants::new(names.iter().map(|name| (*name, ())));
        tenants.err().map(|error| error.to_string())
    };
    let twice = "tenant `a` stands twice; give each tenant one verifier";
    assert_eq!(words(&["a", "b", "a"]).as_deref(), Some(twice));
    assert_eq!(words(&["a", ""]).as_deref(), Some("a tenant has an empty name; name it"));
    assert_eq!(words(&["a", "A"]), None, "names are compared to the byte");
    let mut tenants = Tenants::new([("a", 1), ("b", 2)]).expect("two tenants");
    *tenants.choose_mut("a").expect("a tenant") = 3;
    assert_eq!(tenants.choose("a"), Some(&3));
    assert_eq!(tenants.choose("b"), Some(&2), "the other is left alone");
    assert_eq!(tenants.choose_mut("c"), None);
}

#[test]
fn instants_saturate_and_round_down() {
    let second = Duration::from_secs(1);
    let rows = [
        (Tick::ZERO + second, Tick::ZERO, second, "after"),
        (Tick::ZERO, Tick::ZERO + second, Duration::ZERO, "before: no negative spans"),
        (Tick::ZERO, Tick::ZERO - second, second, "from before the start"),
        (Tick::MIN - second, Tick::MIN, Duration::ZERO, "not below the first instant"),
        (Tick::MAX + second, Tick::MAX, Duration::ZERO, "not beyond the last"),
    ];
    for (later, earlier, span, why) in rows {
        assert_eq!(later.since(earlier), span, "{why}");
    }
    let epoch = UnixTime::from_seconds(1_000);
    let rows = [
        (epoch, 1_000, "whole"),
        (epoch.at(Tick(1_999_999_999)), 1_001, "rounded down"),
        (epoch.at(Tick(-1)), 999, "just before"),
        (UnixTime::from_seconds(0).at(Tick(-1)), -1, "down, not towards zero"),
        (UnixTime(i128::MAX), i64::MAX, "beyond what seconds can say"),
        (UnixTime(i128::MIN), i64::MIN, "and below"),
    ];
    for (instant, seconds, why) in rows {
        assert_eq!(instant.seconds(), seconds, "{why}");
    }
}
