//! Explanations: the step of the contract that decided, what was compared with what, and no part
//! of a token that must not be seen.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend;
use jwtbench_verifier::explanation::{Evidence, Explanation, UnusedEntries};
use jwtbench_verifier::key_set::{KeySet, ParsedSet};
use jwtbench_verifier::policy::{Policy, Profile, SenderConstraint};
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::unix_time::UnixTime;
use jwtbench_verifier::verifier::Request;

use crate::contract::order::{FAULTS, court};
use crate::contract::token::{Draft, ISSUED, Key, OURS};
use crate::contract::{Court, seconds};

/// The step of each row of [`FAULTS`].
const STEPS: [u8; 32] = [
    1, 1, 2, 2, 3, 4, 4, 5, 6, 7, 7, 7, 8, 8, 9, 9, 9, 9, 9, 9, 10, 10, 10, 10, 11, 11, 11, 11, 12,
    12, 12, 12,
];

const SUBJECT: &str = "b1946ac9-2492-4d23-a5c1-5c2b2d1f0e77";
const JWT_ID: &str = "0f1e2d3c-4b5a-4697-8877-665544332211";

/// A good token with identifiers of the usual length.
fn good(key: Key) -> Draft {
    let text = |text: &str| format!("\"{text}\"");
    Draft::good(key).claim("sub", &text(SUBJECT)).claim("jti", &text(JWT_ID))
}

/// What the verdict of a court is, and why.
fn explain(court: &Court, token: &str) -> (Result<(), Rejection>, Explanation) {
    let policy = Policy::new(court.spec.clone()).expect("a valid policy");
    let parsed = ParsedSet::parse(court.key_set.as_bytes(), &court.spec.algorithms);
    let keys = Arc::<KeySet>::default().succeed(parsed.expect("a key set"));
    let unused = UnusedEntries::of(court.key_set.as_bytes(), &court.spec.algorithms);
    let verdict = court.judge(backend::available()[0], token.as_bytes());
    let evidence = Evidence {
        token: token.as_bytes(),
        length: token.len(),
        policy: &policy,
        keys: &keys,
        unused: &unused,
        request: Request { tenant: court.tenant, proof: court.proof },
        now: court.now,
    };
    (verdict, Explanation::of(verdict, &evidence))
}

/// Nothing of the token shows: no 16 characters of it in a row, no signature, no identifiers.
fn check_hidden(token: &str, compared: &str, why: &str) {
    let mut windows = token.as_bytes().windows(16);
    let leak = windows.find(|part| compared.as_bytes().windows(16).any(|shown| shown == *part));
    assert_eq!(leak.map(String::from_utf8_lossy), None, "{why}: {compared}");
    for hidden in [SUBJECT, JWT_ID] {
        assert!(!compared.contains(hidden), "{why}: {compared}");
    }
    let signature = token.rsplit('.').next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    for part in signature.iter().flat_map(|bytes| bytes.chunks_exact(8)) {
        let hex: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(!compared.to_lowercase().contains(&hex), "{why}: {compared}");
    }
    assert!(!compared.is_empty() && compared.len() < 700, "{why}: {compared}");
    assert!(!compared.chars().any(char::is_control), "{why}: {compared:?}");
}

#[test]
fn every_fault_is_explained_by_its_step() {
    let court = court();
    for key in OURS {
        for (step, (code, _, spoil, why)) in STEPS.iter().zip(&FAULTS) {
            let draft = match code {
                // This one needs its own identifier.
                Rejection::Revoked => spoil(Draft::good(key)),
                _ => spoil(good(key)),
            };
            let token = draft.mint();
            let (verdict, explanation) = explain(&court, &token);
            assert_eq!(verdict, Err(*code), "{why}");
            let compared = &explanation.compared;
            assert_eq!(explanation.step.number(), *step, "{why}: {compared}");
            check_hidden(&token, compared, why);
        }
    }
}

type Row = (fn(Draft) -> Draft, &'static str, &'static str);

fn check(court: &Court, rows: &[Row]) {
    for (alter, step, expected) in rows {
        let token = alter(good(Key::Ec(1))).mint();
        let (verdict, explanation) = explain(court, &token);
        let got = (explanation.step.name(), explanation.compared.as_str());
        assert_eq!(got, (*step, *expected), "{verdict:?}");
        check_hidden(&token, got.1, expected);
    }
}

#[test]
fn says_what_was_compared_from_the_text_alone() {
    let twice: fn(Draft) -> Draft = |d| d.head_again("alg", "\"x\"");
    let rows: [Row; 18] = [
        (|d| d.then(|_| String::new()), "length", "no token"),
        (|d| d.then(|_| "x".repeat(9000)), "length", "9000 bytes > max-token-bytes 8192"),
        (|d| d.then(|_| "x".into()), "parts", "parts: 1; a JWS has 3"),
        (|d| d.then(|t| t + ".e30.e30"), "parts", "parts: 5 (a JWE); a JWS has 3"),
        (
            |d| d.then(|t| format!("={t}")),
            "header",
            "the header part is no strict base64url: `=` as character 1; base64url has no padding",
        ),
        (twice, "header", "the header holds a member twice that is read"),
        (|d| d.header_text("[]"), "header", "the header is no JSON object"),
        (|d| d.header_text(*b"\xff"), "header", "the header is no UTF-8"),
        (
            |d| d.head("x", &format!("{}{}", "[".repeat(16), "]".repeat(16))),
            "header",
            "the header nests deeper than 16 levels",
        ),
        (|d| d.no_head("alg"), "header", "alg is absent or no string"),
        (|d| d.head("kid", "7"), "header", "kid is no string"),
        (|d| d.head("alg", "\"nOnE\""), "algorithm", "alg `nOnE`: no token goes unsigned"),
        (
            |d| d.head("alg", "\"HS256\""),
            "algorithm",
            "alg `HS256` is not among algorithms RS256, ES256, EdDSA",
        ),
        (|d| d.head("typ", "\"JWT\""), "type", "typ `JWT` is not among types `at+jwt`"),
        (|d| d.no_head("typ"), "type", "typ is absent, which is not among types `at+jwt`"),
        (|d| d.head("typ", "7"), "type", "typ is no string, which is not among types `at+jwt`"),
        (|d| d.head("typ", "\"absent\""), "type", "typ `absent` is not among types `at+jwt`"),
        (|d| d.head("b64", "false"), "critical", "b64 in the header; no extension is implemented"),
    ];
    check(&Court::default(), &rows);
    let untyped = Court::of(|spec| {
        spec.profile = Profile::Plain;
        spec.types = vec!["absent".into(), "at+jwt".into()];
    });
    let rows: [Row; 1] = [(
        |d| d.head("typ", "\"application/absent\""),
        "type",
        "typ `application/absent` is not among types `absent`, `at+jwt`; there `absent` stands for \
         a token without `typ`",
    )];
    check(&untyped, &rows);
}

/// Half of a surrogate pair is whole JSON and no text (RFC 8259 §8.2).
#[test]
fn says_that_an_escape_is_no_character() {
    let rows: [Row; 8] = [
        (
            |d| d.head("alg", "\"\\ud800\""),
            "header",
            "alg holds the escape `\\ud800`, which is no Unicode character",
        ),
        (
            |d| d.head("kid", "\"k\\uDFFF\""),
            "header",
            "kid holds the escape `\\uDFFF`, which is no Unicode character",
        ),
        (
            |d| d.head("typ", "\"\\ud800\""),
            "type",
            "typ holds the escape `\\ud800`, which is no Unicode character; it is not among types \
             `at+jwt`",
        ),
        (
            |d| d.head("\\ud800", "1"),
            "header",
            "the name of a member of the header holds an escape that is no Unicode character",
        ),
        (
            |d| d.claim("\\ud800", "1"),
            "claims",
            "the name of a member of the payload holds an escape that is no Unicode character",
        ),
        (
            |d| d.claim("iss", "\"\\ud83d\""),
            "claims",
            "claim `iss` holds the escape `\\ud83d`, which is no Unicode character",
        ),
        (
            |d| d.claim("aud", "[\"billing-api\",\"\\ud83d\"]"),
            "claims",
            "claim `aud` holds the escape `\\ud83d`, which is no Unicode character",
        ),
        (
            |d| d.claim("note", "\"\\ud83d\""),
            "request",
            "every step passed; exp 1767225900 + \
             leeway 30 s > now 1767225660",
        ),
    ];
    let now = UnixTime::from_seconds(ISSUED + 60);
    let court = Court { now, ..Court::default() };
    check(&court, &rows);
}

/// Letters of other alphabets and characters that nobody sees: wherever texts are compared.
#[test]
fn says_where_texts_that_look_alike_differ() {
    let court = Court::of(|spec| spec.algorithms = vec![Algorithm::ES256, Algorithm::EdDSA]);
    let rows: [Row; 7] = [
        (
            |d| d.head("alg", "\"\u{415}S256\""),
            "algorithm",
            "alg `\u{415}S256` is not among algorithms ES256, EdDSA; they differ from character 1 \
             on: U+0415 and then `S256` and `ES256`",
        ),
        (
            |d| d.head("alg", "\"\u{415}d25519\""),
            "algorithm",
            "alg `\u{415}d25519` is not among algorithms ES256, EdDSA; they differ from character \
             1 on: U+0415 and then `d25519` and `Ed25519`",
        ),
        (
            |d| d.head("typ", "\"application/\u{430}t+jwt\""),
            "type",
            "typ `application/\u{430}t+jwt` is not among types `at+jwt`; they differ from \
             character 13 on: U+0430 and then `t+jwt` and `at+jwt`",
        ),
        (
            |d| d.head("typ", "\"\u{430}pplication/at+jwt\""),
            "type",
            "typ `\u{430}pplication/at+jwt` is not among types `at+jwt`; they differ from \
             character 1 on: U+0430 and then `pplication/at+jwt` and `application/at+jwt`",
        ),
        (
            |d| d.head("typ", "\"AT+\u{408}WT\""),
            "type",
            "typ `AT+\u{408}WT` is not among types `at+jwt`; they differ from character 4 on: \
             U+0408 and then `wt` and `jwt`",
        ),
        (
            |d| d.head("typ", "\"at+jwt\u{200b}\""),
            "type",
            "typ `at+jwt\u{fffd}` is not among types `at+jwt`; they differ from character 7 on: \
             U+200B and then `` and nothing",
        ),
        (
            |d| d.head("kid", "\"\u{435}c\""),
            "key",
            "kid `\u{435}c` is none of the key set's (entries: 8); they differ from character 1 \
             on: U+0435 and then `c` and `ec`",
        ),
    ];
    check(&court, &rows);
}

/// Of a claim that is not shown only the place of the difference is.
#[test]
fn says_where_a_claim_that_is_not_shown_differs() {
    let mut court = Court::of(|spec| spec.subject_kinds = vec!["user".into()]);
    court.now = UnixTime::from_seconds(ISSUED + 60);
    let rows: [Row; 5] = [
        (
            |d| d.claim("token_use", "\"\u{430}ccess\""),
            "purpose",
            "token_use is not `access`; what is there looks alike and differs from character 1 on",
        ),
        (
            |d| d.claim("tenant_id", "\"acm\u{435}\""),
            "request",
            "claim `tenant_id` is not tenant `acme`; what is there looks alike and differs from \
             character 4 on",
        ),
        (
            |d| d.claim("sub_type", "\"us\u{435}r\""),
            "request",
            "claim `sub_type` is not among subject-kinds `user`; what is there looks alike and \
             differs from character 3 on",
        ),
        (
            |d| d.claim("sub_type", "\"user \""),
            "request",
            "claim `sub_type` is not among subject-kinds `user`",
        ),
        (
            |d| d.claim("sub_type", "\"user\"").claim("scope", "\"invoice:re\u{430}d\""),
            "claims",
            "claim `scope` is not of RFC 6749 §3.3",
        ),
    ];
    check(&court, &rows);
}

#[test]
fn says_what_was_compared_under_a_key() {
    let rows: [Row; 14] = [
        (|d| d.no_head("kid"), "key", "no kid, and kid-required"),
        (|d| d.head("kid", &format!("\"{}\"", "k".repeat(257))), "key", "a kid of 257 bytes > 256"),
        (
            |d| d.head("kid", "\"a\\nb\""),
            "key",
            "kid `a\u{fffd}b` is none of the key set's (entries: 8)",
        ),
        (
            |d| d.head("kid", "\"ed\""),
            "key",
            "kid `ed` is of a key for EdDSA; the token's alg is ES256",
        ),
        (
            |d| d.head("kid", "\"enc\""),
            "key",
            "kid `enc` is of a key that fits no token (entry 6 of `keys`: `use` is `enc`, not \
             `sig`; entry 7 of `keys`: `use` is `enc`, not `sig`); the token's alg is ES256",
        ),
        (
            |d| d.head("kid", "\"twins\""),
            "key",
            "kid `twins`; different keys that fit alg ES256: 2",
        ),
        (
            |d| d.then(|t| t + "="),
            "signature",
            "the signature part is no strict base64url: `=` as character 87; base64url has no \
             padding",
        ),
        (
            |d| d.then(|t| t + "AAAA"),
            "signature",
            "a signature of 67 bytes; ES256 under kid `ec` has 64",
        ),
        (Draft::forged, "signature", "the signature does not verify: ES256 under kid `ec`"),
        (
            |d| d.encoded_payload_tail("="),
            "claims",
            "the payload part is no strict base64url: `=` as character 399; base64url has no \
             padding",
        ),
        (|d| d.claim_again("exp", "1"), "claims", "the payload holds a member twice that is read"),
        (
            |d| d.claim("exp", "\"soon\""),
            "claims",
            "claim `exp` is not a NumericDate before the year 10000",
        ),
        (
            |d| d.claim("iss", "\"https://x\""),
            "claims",
            "iss `https://x` is not issuer `https://issuer.example/realms/acme`",
        ),
        (
            |d| d.claim("aud", "[\"a\",\"b\",\"c\",\"d\",\"e\"]"),
            "claims",
            "aud `a`, `b`, `c`, `d`, 1 more holds no audience `billing-api`",
        ),
    ];
    check(&Court::default(), &rows);
}

#[test]
fn says_which_claims_are_absent_or_of_another_form() {
    let many: [Row; 3] = [
        (
            |d| d.no_claim("iat").claim("client_id", "\"\""),
            "claims",
            "required claims that are absent or empty: `iat`, `client_id`",
        ),
        (|d| d.claim("aud", "[\"\"]"), "claims", "required claims that are absent or empty: `aud`"),
        (|d| d.claim("scope", "\"a  b\""), "claims", "claim `scope` is not of RFC 6749 §3.3"),
    ];
    check(&Court::default(), &many);
}

#[test]
fn says_what_was_compared_in_time_and_for_the_request() {
    let now = UnixTime::from_seconds(ISSUED + 60);
    let mut strict = Court::of(|spec| {
        spec.max_age = Some(seconds(3600));
        spec.prohibited_claims = vec!["nonce".into()];
        spec.clients = vec!["billing-web".into()];
        spec.subject_kinds = vec!["user".into(), "service".into()];
    });
    strict.now = now;
    let rows: [Row; 13] = [
        (|d| d, "request", "every step passed; exp 1767225900 + leeway 30 s > now 1767225660"),
        (
            |d| d.claim("exp", "1767225629.5"),
            "times",
            "exp 1767225629.5 + leeway 30 s <= now 1767225660",
        ),
        (
            |d| d.claim("nbf", "1767225700"),
            "times",
            "nbf 1767225700 > now 1767225660 + leeway 30 s",
        ),
        (
            |d| d.claim("iat", "1767225700"),
            "times",
            "iat 1767225700 > now 1767225660 + leeway 30 s",
        ),
        (
            |d| d.claim("iat", "1767225690.0000000001"),
            "times",
            "iat 1767225690.000000001 > now 1767225660 + leeway 30 s",
        ),
        (
            |d| d.claim("iat", "-1.25"),
            "times",
            "iat -1.25 + max-age 3600 s + leeway 30 s < now 1767225660",
        ),
        (|d| d.claim("token_use", "\"id\""), "purpose", "token_use is not `access`"),
        (|d| d.claim("nonce", "1"), "purpose", "prohibited claims that are there: `nonce`"),
        (
            |d| d.claim("cnf", "{\"jkt\":\"x\"}"),
            "purpose",
            "cnf binds the token to a key; the request proves no key",
        ),
        (|d| d.claim("tenant_id", "\"x\""), "request", "claim `tenant_id` is not tenant `acme`"),
        (
            |d| d.claim("sub_type", "\"x\""),
            "request",
            "claim `sub_type` is not among subject-kinds `user`, `service`",
        ),
        (
            |d| d.claim("client_id", "\"crawler\""),
            "request",
            "client `crawler` is not among clients `billing-web`",
        ),
        (|d| d.claim("scope", "\"invoice:readonly\""), "request", "scopes lack `invoice:read`"),
    ];
    check(&strict, &rows);
    let plain = Court::of(|spec| {
        spec.profile = Profile::Plain;
        spec.kid_required = false;
        spec.sender_constraint = SenderConstraint::Required;
    });
    let rows: [Row; 2] = [
        (|d| d.no_head("kid"), "key", "no kid; different keys that fit alg ES256: 3"),
        (|d| d, "purpose", "no cnf, and sender-constraint required"),
    ];
    check(&plain, &rows);
}

/// A token cannot have itself shown by saying again what must not be seen.
#[test]
fn what_is_hidden_stays_hidden() {
    let court = Court::of(|spec| spec.clients = vec!["billing-web".into()]);
    let text = |text: &str| format!("\"{text}\"");
    let own = good(Key::Ec(1)).mint();
    let payload = own.split('.').nth(1).expect("a payload").to_owned();
    let rows = [
        (good(Key::Ec(1)).claim("client_id", &text(SUBJECT)), "the client is the subject"),
        (good(Key::Ec(1)).claim("iss", &text(&format!("x/{JWT_ID}"))), "jti in iss"),
        (good(Key::Ec(1)).claim("aud", &format!("[\"{SUBJECT}\",\"x\"]")), "sub in aud"),
        (good(Key::Ec(1)).head("kid", &text(SUBJECT)), "sub in kid"),
        (good(Key::Ec(1)).head("alg", &text(&payload[..40])), "the payload in alg"),
        (good(Key::Ec(1)).head("kid", &text(&payload[20..60])), "the payload in kid"),
    ];
    for (draft, why) in rows {
        let token = draft.mint();
        let (verdict, explanation) = explain(&court, &token);
        assert!(verdict.is_err(), "{why}");
        let compared = &explanation.compared;
        assert!(compared.contains("(withheld)"), "{why}: {compared}");
        check_hidden(&token, compared, why);
    }
}
