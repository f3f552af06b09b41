//! Steps 7 and 8: the key, only from the configured issuer's set, and the signature under it.

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::rejection::Rejection::{
    self, BadSignature, KeyAmbiguous, KeyMismatch, Malformed, UnknownKid,
};

use crate::contract::token::{Draft, Key, OURS, key_set};
use crate::contract::{ACCEPT, Court};

/// Modulus of the example key of RFC 7638 §3.1.
const RSA_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxu\
                     hDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN\
                     5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5\
                     hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBni\
                     Iqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

#[test]
fn the_kid_names_the_key() {
    Court::default().check(&[
        (&|d| d.head("kid", "\"nobody\""), Err(UnknownKid), "no such kid"),
        (&|d| d.head("kid", "\"\""), Err(UnknownKid), "empty"),
        (&|d| d.head("kid", "\"ED\""), Err(UnknownKid), "exact: no other case"),
        (&|d| d.head("kid", "\"ed \""), Err(UnknownKid), "exact: no space"),
        (&|d| d.head("kid", "\"../../dev/null\""), Err(UnknownKid), "a path"),
        (&|d| d.head("kid", "\"' OR 1=1 --\""), Err(UnknownKid), "SQL"),
        (&|d| d.head("kid", "\"https://attacker.example/k\""), Err(UnknownKid), "a URL"),
        (&|d| d.head("kid", "\"ed\\u0000\""), Err(UnknownKid), "a NUL after it"),
        (&|d| d.no_head("kid"), Err(UnknownKid), "none, while kid-required"),
        (&|d| d.head("kid", "\"enc\""), Err(KeyMismatch), "a key for encryption"),
        (&|d| d.head("kid", "\"twins\""), Err(KeyAmbiguous), "two different keys"),
    ]);
    for [key, other] in [OURS, [OURS[1], OURS[0]]] {
        let kid = format!("\"{}\"", other.kid());
        let token = Draft::good(key).head("kid", &kid).mint();
        Court::default().check_token(&token, Err(KeyMismatch), "a key of another type");
    }
}

#[test]
fn a_kid_of_256_bytes_is_the_longest() {
    let rows = [
        (256, ACCEPT, "the longest"),
        (257, Err(UnknownKid), "over-long, although published"),
        (2000, Err(UnknownKid), "as long as a header allows"),
    ];
    for key in OURS {
        for (bytes, expected, why) in rows {
            let kid = "k".repeat(bytes);
            let alg = key.alg();
            let entry = key.jwk(&format!(r#","kid":"{kid}","alg":"{alg}""#));
            let court = Court { key_set: key_set(&[entry]), ..Court::default() };
            let token = Draft::good(key).head("kid", &format!("\"{kid}\""));
            court.check_token(
                &token.no_head("typ").head("typ", "\"at+jwt\"").mint(),
                expected,
                why,
            );
        }
    }
}

/// A set of these entries, each of them our key (`+`) or another of its type (`-`) with members.
fn check_set(entries: &[(char, &str)], kid: bool, expected: Result<(), Rejection>, why: &str) {
    for key in OURS {
        let one = |(who, members): &(char, &str)| {
            let who = if *who == '+' { key } else { key.other() };
            let (kid, alg) = (key.kid(), key.alg());
            let members = members.replace("KID", &format!("\"kid\":\"{kid}\""));
            who.jwk(&members.replace("ALG", &format!("\"alg\":\"{alg}\"")))
        };
        // A key of another issuer's making keeps every set usable.
        let spare = [Key::Ed(90), Key::Ec(90)][usize::from(matches!(key, Key::Ed(_)))];
        let spare = spare.jwk(&format!(r#","kid":"spare","alg":"{}""#, spare.alg()));
        let entries: Vec<String> = entries.iter().map(one).chain([spare]).collect();
        let mut court = Court { key_set: key_set(&entries), ..Court::default() };
        court.spec.kid_required = kid;
        let mut draft = Draft::good(key);
        if !kid {
            draft = draft.no_head("kid");
        }
        court.check_token(&draft.mint(), expected, why);
    }
}

#[test]
fn entries_are_filtered_before_they_are_counted() {
    let rows: [(&[(char, &str)], _, _); 17] = [
        (&[('+', ",KID,ALG")], ACCEPT, "the one key"),
        (&[('+', ",KID")], ACCEPT, "without alg: bound at load"),
        (&[('+', ",KID,ALG"), ('-', ",KID,ALG")], Err(KeyAmbiguous), "two different"),
        (&[('-', ",KID"), ('+', ",KID,ALG")], Err(KeyAmbiguous), "one of them bound"),
        (&[('+', ",KID,ALG"), ('+', ",KID,ALG")], ACCEPT, "identical: one key"),
        (&[('+', ",KID"), ('+', ",KID,ALG")], ACCEPT, "identical once bound"),
        (&[('-', r#",KID,"use":"enc""#), ('+', ",KID,ALG")], ACCEPT, "one kid for sig and enc"),
        (&[('+', r#",KID,ALG,"use":"enc""#)], Err(KeyMismatch), "for encryption"),
        (&[('+', r#",KID,"alg":"ECDH-ES""#)], Err(KeyMismatch), "alg of encryption"),
        (&[('+', r#",KID,ALG,"use":"sig""#)], ACCEPT, "for signatures"),
        (&[('+', r#",KID,ALG,"use":"SIG""#)], Err(KeyMismatch), "case-sensitive"),
        (&[('+', r#",KID,ALG,"key_ops":["verify"]"#)], ACCEPT, "may verify"),
        (&[('+', r#",KID,ALG,"key_ops":["sign","verify"]"#)], ACCEPT, "also"),
        (&[('+', r#",KID,ALG,"key_ops":["sign"]"#)], Err(KeyMismatch), "may not"),
        (&[('+', r#",KID,ALG,"key_ops":[]"#)], Err(KeyMismatch), "may do nothing"),
        (&[('+', r#",KID,"alg":"XY1""#)], Err(UnknownKid), "skipped: unknown alg"),
        (&[('+', r#",KID,ALG,"use":7"#)], Err(UnknownKid), "skipped: no JWK"),
    ];
    for (entries, expected, why) in rows {
        check_set(entries, true, expected, why);
    }
}

#[test]
fn without_a_kid_the_one_fitting_key() {
    let rows: [(&[(char, &str)], _, _); 8] = [
        (&[('+', ",KID,ALG")], ACCEPT, "the one that fits"),
        (&[('+', ",ALG")], ACCEPT, "and has no kid either"),
        (&[('+', ",ALG"), ('+', ",KID,ALG")], ACCEPT, "the same key"),
        (&[('+', ",KID,ALG"), ('-', ",ALG")], Err(KeyAmbiguous), "two that fit"),
        (&[('+', ",KID,ALG"), ('-', r#",ALG,"use":"enc""#)], ACCEPT, "the other is for encryption"),
        (&[('-', ",KID,ALG")], Err(BadSignature), "fits, and did not sign"),
        (&[('+', r#",ALG,"use":"enc""#)], Err(KeyMismatch), "none fits"),
        (&[], Err(KeyMismatch), "none of this type"),
    ];
    for (entries, expected, why) in rows {
        check_set(entries, false, expected, why);
    }
}

/// A key without `alg` is bound to the one allowed algorithm of its type; if several fit, to none.
#[test]
fn a_key_without_alg_is_bound_at_load() {
    let rsa = |members: &str| format!(r#"{{"kty":"RSA","n":"{RSA_N}","e":"AQAB"{members}}}"#);
    let [rs, ps] = [Algorithm::RS256, Algorithm::PS256];
    let rows: [(&[Algorithm], _, _, _); 6] = [
        (&[rs], "", BadSignature, "the only one that fits"),
        (&[rs, Algorithm::ES256], "", BadSignature, "one of its type"),
        (&[rs, ps], "", KeyMismatch, "two fit, so none does"),
        (&[rs, ps], r#","alg":"RS256""#, BadSignature, "it says which"),
        (&[rs, ps], r#","alg":"PS256""#, KeyMismatch, "it says the other"),
        (&[rs], r#","alg":"ES256""#, KeyMismatch, "it contradicts itself"),
    ];
    for (allowed, members, code, why) in rows {
        let own = rsa(&format!(r#","kid":"rsa"{members}"#));
        let spare = rsa(r#","kid":"spare","alg":"RS256""#);
        let mut court = Court::of(|spec| spec.algorithms = allowed.to_vec());
        court.key_set = key_set(&[own, spare]);
        // Nobody holds the private key: a key that was found shows in a bad signature.
        let token = Draft::good(Key::Ed(1)).head("alg", "\"RS256\"").head("kid", "\"rsa\"");
        court.check_token(&token.mint(), Err(code), why);
    }
}

#[test]
fn the_signature_is_checked() {
    Court::default().check(&[
        (&|d| d.forged(), Err(BadSignature), "signed by another key"),
        (&|d| d.then(|t| alter(t, 2, |_| String::new())), Err(BadSignature), "empty"),
        (&|d| d.then(|t| alter(t, 2, |s| s[..80].into())), Err(BadSignature), "truncated"),
        (&|d| d.then(|t| alter(t, 2, |s| s[..84].repeat(2))), Err(BadSignature), "doubled"),
        (&|d| d.then(|t| alter(t, 2, |s| format!("AAAA{s}"))), Err(BadSignature), "longer"),
        (&|d| d.then(|t| alter(t, 2, |_| "A".repeat(86))), Err(BadSignature), "zeros"),
        (&|d| d.then(|t| alter(t, 2, flip_first)), Err(BadSignature), "a bit flipped"),
        (&|d| d.then(|t| alter(t, 1, flip_first)), Err(BadSignature), "another payload"),
        (&|d| d.then(|t| alter(t, 1, |_| "e30".into())), Err(BadSignature), "{} for it"),
        (&|d| d.then(|t| alter(t, 1, |_| "!".into())), Err(BadSignature), "no base64url even"),
        (&|d| d.then(|t| alter(t, 2, |s| s + "==")), Err(Malformed), "padding"),
        (&|d| d.then(|t| alter(t, 2, |s| s.replace(&s[..1], "+"))), Err(Malformed), "alphabet"),
        (&|d| d.then(|t| alter(t, 2, |s| s + "!")), Err(Malformed), "trailing garbage"),
        (&|d| d.then(|t| alter(t, 2, |s| s + " ")), Err(Malformed), "a space"),
        (&|d| d.then(|t| alter(t, 2, |s| s + "AAA")), Err(Malformed), "no such length"),
        (&|d| d.then(|t| alter(t, 2, stray_bit)), Err(Malformed), "a stray bit"),
    ]);
}

/// The token with one of its parts altered.
fn alter(token: String, part: usize, alter: fn(String) -> String) -> String {
    let mut parts: Vec<String> = token.split('.').map(String::from).collect();
    parts[part] = alter(parts[part].clone());
    parts.join(".")
}

fn flip_first(text: String) -> String {
    let first = if text.starts_with('A') { "B" } else { "A" };
    format!("{first}{}", &text[1..])
}

/// 64 bytes are 86 digits, of which the last has four bits that no byte takes.
fn stray_bit(text: String) -> String {
    let (rest, last) = text.split_at(text.len() - 1);
    let next = match last {
        "A" => "B",
        "Q" => "R",
        "g" => "h",
        "w" => "x",
        other => panic!("`{other}` already has stray bits"),
    };
    format!("{rest}{next}")
}
