//! Nothing that comes from outside makes the core panic, and nothing that was not signed as it is
//! gets through.

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::http::{Elsewhere, bearer};
use jwtbench_verifier::jwk::Entry;
use jwtbench_verifier::key_set::ParsedSet;
use jwtbench_verifier::unix_time::UnixTime;
use proptest::prelude::*;

use crate::properties::{CLAIMS, Court, hold};

/// Pieces that make text more like what is read here than random bytes are.
const PIECES: [&str; 48] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u0061",
    "\\ud800",
    "\u{0}",
    "\u{e9}",
    " ",
    "\n",
    "null",
    "true",
    "0",
    "-1",
    "1e400",
    "1767225600.5",
    "99999999999999999999",
    "\"alg\":\"EdDSA\"",
    "\"alg\":\"none\"",
    "\"kid\":\"ours\"",
    "\"typ\":\"at+jwt\"",
    "\"crit\":[]",
    "\"b64\":false",
    "\"iss\":",
    "\"aud\":",
    "\"exp\":",
    "\"nbf\":-1",
    "\"cnf\":{\"jkt\":",
    "\"scope\":\"a  b\"",
    "\"kty\":\"OKP\"",
    "\"kty\":\"RSA\"",
    "\"kty\":\"EC\"",
    "\"crv\":\"P-256\"",
    "\"n\":\"AQ\"",
    "\"e\":\"AQAB\"",
    "\"x\":\"\"",
    "\"y\":\"AA\"",
    "\"key_ops\":[",
    "{\"keys\":[",
    "\"keys\":",
    "eyJhbGciOiJFZERTQSJ9",
    ".",
    "Bearer ",
    "=",
];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..60)
        .prop_map(|pieces| pieces.concat())
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let soup = prop::collection::vec(any::<u8>(), 0..400);
    let object = text().prop_map(|text| format!("{{{text}}}").into_bytes());
    prop_oneof![soup, text().prop_map(String::into_bytes), object]
}

fn elsewhere() -> impl Strategy<Value = Elsewhere> {
    any::<(bool, bool)>().prop_map(|(form, query)| Elsewhere { form, query })
}

#[test]
fn whatever_comes_for_a_token_is_refused() {
    let court = Court::of(Algorithm::EdDSA);
    hold(4000, bytes(), |token| court.refuses(&token, "no token"));
}

/// Any header and payload, really signed: whatever they hold, each is read or refused, and all
/// backends say the same.
#[test]
fn whatever_is_signed_gets_one_verdict() {
    let court = Court::of(Algorithm::EdDSA);
    let good = br#"{"alg":"EdDSA","kid":"ours","typ":"at+jwt"}"#.to_vec();
    let header = prop_oneof![1 => bytes(), 3 => Just(good)];
    hold(4000, (header, bytes(), any::<i64>()), |(header, payload, now)| {
        let token = court.sign(&header, &payload);
        let verdicts = court.judge_at(&token, UnixTime::from_seconds(now));
        let (_, first) = verdicts[0];
        assert!(verdicts.iter().all(|(_, verdict)| *verdict == first), "{verdicts:?}");
    });
}

/// What is done to a token: bytes cut out from one place, and put in at another.
type Edit = (prop::sample::Index, usize, prop::sample::Index, Vec<u8>);

#[test]
fn altered_tokens_are_refused() {
    let edit = (
        any::<prop::sample::Index>(),
        0..40_usize,
        any::<prop::sample::Index>(),
        prop_oneof![prop::collection::vec(any::<u8>(), 0..8), Just(b".".to_vec())],
    );
    let edits = prop::collection::vec(edit, 1..4);
    let court = Court::of(Algorithm::ES256);
    let good = court.mint(CLAIMS.as_bytes());
    let twice = [&good[..], &good].concat();
    court.refuses(&twice, "doubled");
    hold(2000, edits, |edits: Vec<Edit>| {
        let mut token = good.clone();
        for (from, length, to, piece) in edits {
            let from = from.index(token.len() + 1);
            let end = (from + length).min(token.len());
            token.drain(from..end);
            let to = to.index(token.len() + 1);
            token.splice(to..to, piece);
        }
        if token != good {
            court.refuses(&token, "altered");
        }
    });
    court.accepts(&good);
}

#[test]
fn whatever_a_key_set_holds_is_read_or_refused() {
    let entry = prop_oneof![text(), text().prop_map(|text| format!("{{{text}}}"))];
    let entries = prop::collection::vec(entry, 0..4);
    hold(4000, (bytes(), entries), |(body, entries)| {
        for entry in &entries {
            // Either is fine; a panic is not.
            let _ = Entry::parse(entry, &Algorithm::ALL);
        }
        let set = format!(r#"{{"keys":[{}]}}"#, entries.join(","));
        for body in [&body[..], set.as_bytes()] {
            let _ = ParsedSet::parse(body, &Algorithm::ALL);
        }
    });
}

/// A bearer token is a part of one header, has no white space, and stands alone.
#[test]
fn what_is_taken_for_a_bearer_token_is_one() {
    let value = prop_oneof![
        bytes(),
        text().prop_map(|text| format!("Bearer {text}").into_bytes()),
        "[bB]earer {1,2}[A-Za-z0-9._~+/-]{0,40}={0,2}".prop_map(String::into_bytes),
    ];
    let values = prop::collection::vec(value, 0..3);
    hold(4000, (values, elsewhere()), |(values, elsewhere)| {
        let Ok(Some(token)) = bearer(values.iter().map(Vec::as_slice), elsewhere) else {
            return;
        };
        assert_eq!((values.len(), elsewhere), (1, Elsewhere::default()));
        let rest = values[0].strip_suffix(token).expect("the end of the value");
        assert!(rest.to_ascii_lowercase().starts_with(b"bearer "), "{values:?}");
        assert!(rest[6..].iter().all(|byte| *byte == b' '), "{values:?}");
        assert!(token.iter().all(u8::is_ascii_graphic) && !token.contains(&b','), "{values:?}");
    });
}
