//! Policies that no verifier may have: the fault names its key.

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::policy::{Policy, PolicySpec, Profile};

use crate::contract::seconds;

/// Whether the default policy altered like this is valid; if not, the key at fault.
fn check(alter: fn(&mut PolicySpec), expected: Result<(), &str>, why: &str) {
    let mut spec = PolicySpec::default();
    alter(&mut spec);
    match (Policy::new(spec), expected) {
        (Ok(_), Ok(())) => {}
        (Err(invalid), Err(key)) => {
            assert_eq!(invalid.key, key, "{why}");
            let shown = invalid.to_string();
            assert!(shown.starts_with(&format!("policy key `{key}`: ")), "{shown}");
        }
        (got, _) => panic!("{why}: {got:?}"),
    }
}

type Row = (fn(&mut PolicySpec), Result<(), &'static str>, &'static str);

#[test]
fn a_policy_is_valid_or_names_its_fault() {
    let rows: [Row; 27] = [
        (|_| (), Ok(()), "the default"),
        (|s| s.leeway = seconds(0), Ok(()), "no leeway"),
        (|s| s.leeway = seconds(300), Ok(()), "the most leeway"),
        (|s| s.max_token_bytes = 1 << 20, Ok(()), "the longest token"),
        (|s| s.max_header_bytes = s.max_token_bytes, Ok(()), "the longest header"),
        (|s| s.types = vec!["AT+JWT".into()], Ok(()), "types compare without case"),
        (
            |s| s.required_claims = (0..19).map(|n| format!("c{n}")).collect(),
            Ok(()),
            "as many claims as are read",
        ),
        (|s| s.issuer.clear(), Err("issuer"), "nobody is trusted"),
        (|s| s.audience.clear(), Err("audience"), "no name for this API"),
        (|s| s.audience.push(String::new()), Err("audience"), "an empty name"),
        (|s| s.algorithms.clear(), Err("algorithms"), "nothing is allowed"),
        (|s| s.types.clear(), Err("types"), "nothing is allowed"),
        (|s| s.types = vec!["JWT".into()], Err("types"), "rfc9068 wants at+jwt"),
        (|s| s.types.push("absent".into()), Err("types"), "nor may it be absent"),
        (|s| s.types = vec!["Application/AT+JWT".into()], Ok(()), "the same type in full"),
        (|s| s.leeway = seconds(301), Err("leeway"), "a second too many"),
        (|s| s.leeway = std::time::Duration::new(300, 1), Err("leeway"), "a nanosecond too many"),
        (|s| s.max_token_bytes = 0, Err("max-token-bytes"), "no token fits"),
        (|s| s.max_token_bytes = (1 << 20) + 1, Err("max-token-bytes"), "over 1 MiB"),
        (|s| s.max_header_bytes = 0, Err("max-header-bytes"), "no header fits"),
        (|s| s.max_header_bytes = 8193, Err("max-header-bytes"), "over the token"),
        (|s| s.required_scopes.push(String::new()), Err("required-scopes"), "empty"),
        (|s| s.required_scopes.push("a b".into()), Err("required-scopes"), "two in one"),
        (|s| s.required_scopes.push("a\"".into()), Err("required-scopes"), "a quote"),
        (|s| s.required_scopes.push("é".into()), Err("required-scopes"), "not ASCII"),
        (|s| s.claims.client.clear(), Err("claims.client"), "no claim for the client"),
        (
            |s| s.required_claims = (0..20).map(|n| format!("c{n}")).collect(),
            Err("required-claims"),
            "more claims than are read",
        ),
    ];
    for (alter, expected, why) in rows {
        check(alter, expected, why);
    }
    check(
        |spec| {
            spec.profile = Profile::Plain;
            spec.types = vec!["JWT".into(), "absent".into()];
        },
        Ok(()),
        "the plain profile leaves types open",
    );
    check(
        |spec| {
            spec.profile = Profile::Plain;
            spec.types = vec!["JWT".into(), "Absent".into()];
        },
        Err("types"),
        "no type is called so",
    );
}

fn plain(spec: &mut PolicySpec, types: &[&str]) {
    spec.profile = Profile::Plain;
    spec.types = types.iter().map(|typ| String::from(*typ)).collect();
}

#[test]
fn what_no_token_can_be_is_refused() {
    let rows: [Row; 18] = [
        (|s| plain(s, &["application/"]), Err("types"), "no type behind the prefix"),
        (|s| plain(s, &["Application/APPLICATION/"]), Err("types"), "twice, and nothing behind it"),
        (|s| plain(s, &["absenT"]), Err("types"), "the word in another case"),
        (|s| plain(s, &["application/Absent"]), Ok(()), "a media type that is called so"),
        (|s| plain(s, &["application/application/x"]), Err("types"), "the prefix twice"),
        (
            |s| {
                plain(s, &["JWT"]);
                s.clients.push("billing-web".into());
                s.prohibited_claims.extend(["azp", "client_id"].map(String::from));
            },
            Err("prohibited-claims"),
            "the client is in one of them",
        ),
        (|s| s.types = vec!["absent".into(), "ABSENT".into()], Err("types"), "profile rfc9068"),
        (|s| s.clients.push(String::new()), Err("clients"), "a client without a name"),
        (|s| s.subject_kinds.push(String::new()), Err("subject-kinds"), "a kind without a name"),
        (|s| s.required_claims.push(String::new()), Err("required-claims"), "no claim"),
        (|s| s.prohibited_claims.push(String::new()), Err("prohibited-claims"), "no claim"),
        (|s| s.prohibited_claims.push("exp".into()), Err("prohibited-claims"), "always there"),
        (|s| s.prohibited_claims.push("jti".into()), Err("prohibited-claims"), "by the profile"),
        (|s| s.prohibited_claims.push("scope".into()), Err("prohibited-claims"), "scopes in it"),
        (
            |s| s.prohibited_claims.push("tenant_id".into()),
            Err("prohibited-claims"),
            "the tenant is in it",
        ),
        (
            |s| {
                s.required_claims.push("nonce".into());
                s.prohibited_claims.push("nonce".into());
            },
            Err("prohibited-claims"),
            "required and prohibited",
        ),
        (
            |s| {
                s.subject_kinds.push("user".into());
                s.prohibited_claims.push("sub_type".into());
            },
            Err("prohibited-claims"),
            "the kind is in it",
        ),
        (|s| s.prohibited_claims.push("nonce".into()), Ok(()), "what nobody asks for"),
    ];
    for (alter, expected, why) in rows {
        check(alter, expected, why);
    }
}

/// RFC 7515 §4.1.9 and RFC 9864 §2.2: two names for one thing.
#[test]
fn what_is_named_twice_counts_once() {
    let spec = PolicySpec {
        algorithms: vec![Algorithm::EdDSA, Algorithm::ES256, Algorithm::EdDSA],
        types: vec!["application/at+jwt".into()],
        ..PolicySpec::default()
    };
    let policy = Policy::new(spec).unwrap();
    assert_eq!(policy.spec().algorithms, [Algorithm::EdDSA, Algorithm::ES256]);
    assert_eq!(policy.spec().types, ["at+jwt"]);
}

/// RFC 7515 §4.1.9: where another `/` follows, `application/` is a part of the type. A policy that
/// is read again is the same one.
#[test]
fn a_type_keeps_the_prefix_without_which_it_is_another() {
    let rows = [
        ("Application/JWT", "JWT"),
        ("absent", "absent"),
        ("application/absent", "application/absent"),
        ("APPLICATION/Absent", "application/Absent"),
        ("application/x;part=\"1/2\"", "application/x;part=\"1/2\""),
        ("text/x", "text/x"),
    ];
    for (typ, due) in rows {
        let mut spec = PolicySpec::default();
        plain(&mut spec, &[typ]);
        let policy = Policy::new(spec).unwrap();
        assert_eq!(policy.spec().types, [due], "{typ}");
        let again = Policy::new(policy.spec().clone()).unwrap();
        assert_eq!(again.spec(), policy.spec(), "{typ}");
    }
}

/// `none` and HMAC cannot be configured: there is no such algorithm.
#[test]
fn no_algorithm_without_a_key_pair() {
    for name in ["none", "None", "HS256", "HS384", "HS512", "", "rs256", "EDDSA", "Ed448"] {
        assert_eq!(Algorithm::from_name(name), None, "{name}");
    }
    for algorithm in Algorithm::ALL {
        assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
    }
    assert_eq!(Algorithm::from_name("Ed25519"), Some(Algorithm::EdDSA), "RFC 9864");
}
