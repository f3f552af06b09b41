//! The HTTP face of the verifier: which requests carry a token, and what each refusal says to the
//! client, to the byte.

mod dpop;

use std::time::Duration;

use jwtbench_verifier::http::{Elsewhere, InvalidRequest, Response, bearer};
use jwtbench_verifier::rejection::Rejection;

const NOWHERE: Elsewhere = Elsewhere { form: false, query: false };
const FORM: Elsewhere = Elsewhere { form: true, query: false };
const QUERY: Elsewhere = Elsewhere { form: false, query: true };
const BOTH: Elsewhere = Elsewhere { form: true, query: true };

const NONE: Result<Option<&str>, InvalidRequest> = Ok(None);
const INVALID: Result<Option<&str>, InvalidRequest> = Err(InvalidRequest);

fn check(
    headers: &[&str],
    elsewhere: Elsewhere,
    expected: Result<Option<&str>, InvalidRequest>,
    why: &str,
) {
    let got = bearer(headers.iter().map(|value| value.as_bytes()), elsewhere);
    let expected = expected.map(|token| token.map(str::as_bytes));
    assert_eq!(got, expected, "{why}: {headers:?}");
}

fn check_one(value: &str, expected: Result<Option<&str>, InvalidRequest>, why: &str) {
    check(&[value], NOWHERE, expected, why);
}

#[test]
fn a_bearer_token_is_one_token68() {
    let token = Ok(Some("a.b-c_d~e+f/09"));
    let rows = [
        ("Bearer a.b-c_d~e+f/09", token, "every symbol of RFC 9110 §11.2"),
        ("bearer a.b-c_d~e+f/09", token, "the scheme in lower case"),
        ("BEARER a.b-c_d~e+f/09", token, "in upper case"),
        ("bEaReR a.b-c_d~e+f/09", token, "in any case"),
        ("Bearer   a.b-c_d~e+f/09", token, "1*SP"),
        ("Bearer a", Ok(Some("a")), "one symbol"),
        ("Bearer a==", Ok(Some("a==")), "padding belongs to it"),
        ("Bearer a=====", Ok(Some("a=====")), "any number of it"),
        ("Bearer bearer", Ok(Some("bearer")), "a token may be called so"),
        ("Bearer", INVALID, "no token"),
        ("Bearer ", INVALID, "a space and no token"),
        ("Bearer =", INVALID, "padding of nothing"),
        ("Bearer a=b", INVALID, "padding in the middle"),
        ("Bearer a b", INVALID, "two tokens"),
        ("Bearer a ", INVALID, "a space after it"),
        ("Bearer a\t", INVALID, "a tab after it"),
        ("Bearer\ta", INVALID, "a tab before it"),
        ("Bearer \ta", INVALID, "a space and a tab before it"),
        ("Bearer a,b", INVALID, "a list"),
        ("Bearer a, Bearer b", INVALID, "two headers made one"),
        ("Bearer,a", INVALID, "a comma for the space"),
        ("Bearer=a", INVALID, "a sign of equality for the space"),
        ("Bearer \"a\"", INVALID, "quoted"),
        ("Bearer token=a", INVALID, "a parameter"),
        ("Bearer token=\"a\"", INVALID, "a parameter, quoted"),
        ("Bearer a\0", INVALID, "NUL"),
        ("Bearer a\r\nX: b", INVALID, "another header smuggled in"),
        ("Bearer ä", INVALID, "not ASCII"),
        ("Bearer a%20b", INVALID, "percent-encoded"),
        ("Bearer <a>", INVALID, "another symbol"),
    ];
    for (value, expected, why) in rows {
        check_one(value, expected, why);
    }
    check(&[], NOWHERE, NONE, "no header");
    let long = "a".repeat(1 << 20);
    check_one(&format!("Bearer {long}"), Ok(Some(&long)), "its length is for the verifier");
    let bytes: [&[u8]; 1] = [b"Bearer \xff"];
    assert_eq!(bearer(bytes, NOWHERE), Err(InvalidRequest), "not UTF-8");
}

#[test]
fn another_scheme_is_no_token() {
    let rows = [
        ("", "empty"),
        ("Basic dXNlcjpwYXNz", "Basic"),
        ("DPoP a.b.c", "bound to a key (RFC 9449)"),
        ("Bearers a", "a longer word"),
        ("Bearer-a", "the scheme goes on"),
        ("Beare r", "a shorter word"),
        (" Bearer a", "white space is not ours to take away"),
        ("a.b.c", "a token without a scheme"),
        ("Token Bearer a", "another word in front"),
        ("Basic a, Bearer b", "one header is one scheme"),
        ("\"Bearer\" a", "quoted"),
        ("Вearer a", "a letter that only looks like B"),
    ];
    for (value, why) in rows {
        check_one(value, NONE, why);
    }
}

#[test]
fn two_tokens_are_none() {
    let rows: [(&[&str], _, _, _); 15] = [
        (&["Bearer a", "Bearer a"], NOWHERE, INVALID, "the same twice"),
        (&["Bearer a", "Bearer b"], NOWHERE, INVALID, "two"),
        (&["Bearer a", "Basic b"], NOWHERE, INVALID, "another scheme beside it"),
        (&["Basic b", "Bearer a"], NOWHERE, INVALID, "in either order"),
        (&["", "Bearer a"], NOWHERE, INVALID, "an empty one is a header too"),
        (&["Basic a", "Bearer"], NOWHERE, INVALID, "malformed beside another"),
        (&["Basic a", "Basic b"], NOWHERE, NONE, "neither is ours"),
        (&["Bearer a"], FORM, INVALID, "header and form"),
        (&["Bearer a"], QUERY, INVALID, "header and query"),
        (&["Bearer a"], BOTH, INVALID, "all three"),
        (&["Bearer"], QUERY, INVALID, "a malformed header and query"),
        (&[], BOTH, INVALID, "form and query"),
        (&[], FORM, NONE, "a form alone: not taken from there"),
        (&[], QUERY, NONE, "a query alone: not taken from there"),
        (&["Basic a"], QUERY, NONE, "another scheme and a query"),
    ];
    for (headers, elsewhere, expected, why) in rows {
        check(headers, elsewhere, expected, why);
    }
}

/// The contract's table, whole: status, challenge, and whether to come again.
#[test]
fn a_refusal_says_no_more_than_it_must() {
    let invalid = Some(r#"Bearer error="invalid_token""#);
    for rejection in Rejection::ALL {
        let (status, challenge, retry_after) = match rejection {
            Rejection::Missing => (401, Some("Bearer"), None),
            Rejection::ScopeInsufficient => {
                (403, Some(r#"Bearer error="insufficient_scope""#), None)
            }
            Rejection::TenantMismatch | Rejection::SubjectKind | Rejection::ClientMismatch => {
                (403, None, None)
            }
            Rejection::KeysUnavailable | Rejection::StateUnavailable => (503, None, Some(7)),
            _ => (401, invalid, None),
        };
        let expected = Response { status, challenge, retry_after };
        assert_eq!(Response::to(rejection, Duration::from_secs(7)), expected, "{rejection}");
    }
    let challenge = Some(r#"Bearer error="invalid_request""#);
    let expected = Response { status: 400, challenge, retry_after: None };
    assert_eq!(Response::from(InvalidRequest), expected);
}

#[test]
fn a_pause_is_whole_seconds_and_never_too_short() {
    let rows = [
        (Duration::ZERO, 0, "at once"),
        (Duration::from_nanos(1), 1, "rounded up"),
        (Duration::from_millis(999), 1, "rounded up"),
        (Duration::from_secs(1), 1, "exact"),
        (Duration::from_millis(1001), 2, "rounded up"),
        (Duration::from_secs(3600), 3600, "an hour"),
        (Duration::MAX, u64::MAX, "saturates"),
    ];
    for (pause, seconds, why) in rows {
        let response = Response::to(Rejection::KeysUnavailable, pause);
        assert_eq!(response.retry_after, Some(seconds), "{why}");
    }
}
