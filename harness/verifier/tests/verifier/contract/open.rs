//! Steps 1 to 6, from the text alone: length, parts, header, `alg`, `typ`, `crit`.

use jwtbench_verifier::policy::Profile;
use jwtbench_verifier::rejection::Rejection::{
    BadSignature, Encrypted, Malformed, Missing, Oversized, UnknownKid,
};

use crate::contract::token::{Draft, Key, key_set};
use crate::contract::{ACCEPT, Court};

#[test]
fn length_comes_first() {
    let token = Draft::good(Key::Ed(1)).mint();
    let at_most = |bytes| Court::of(|spec| spec.max_token_bytes = bytes);
    let just = at_most(token.len().max(2048));
    let exact = Draft::good(Key::Ed(1)).claim("pad", &format!("\"{}\"", "x".repeat(3000)));
    let exact = exact.mint();
    at_most(exact.len()).check_token(&exact, ACCEPT, "exactly max-token-bytes");
    at_most(exact.len() - 1).check_token(&exact, Err(Oversized), "one byte over");
    just.check_token("", Err(Missing), "no token at all");
    let court = Court::default();
    let rows = [
        ("x".repeat(8193), Oversized, "no dot, one byte over"),
        ("x".repeat(8192), Malformed, "no dot, and not over"),
        (".".repeat(100_000), Oversized, "100k dots are not counted"),
        (".".repeat(8192), Malformed, "as many dots as fit"),
        (format!("{token}{}", "A".repeat(8192)), Oversized, "a huge signature part"),
        (format!("{}{token}", "A".repeat(8192)), Oversized, "a huge header part"),
    ];
    for (token, code, why) in rows {
        court.check_token(&token, Err(code), why);
    }
}

#[test]
fn three_parts() {
    Court::default().check(&[
        (&|d| d.then(|t| t.replace('.', "")), Err(Malformed), "one part"),
        (
            &|d| d.then(|t| t.rsplit_once('.').expect("a dot").0.into()),
            Err(Malformed),
            "two parts: unsigned",
        ),
        (&|d| d.then(|t| t + ".e30"), Err(Malformed), "four parts"),
        (&|d| d.then(|t| t + ".e30.e30"), Err(Encrypted), "five: a JWE"),
        (&|d| d.then(|t| t + "."), Err(Malformed), "an empty fourth"),
        (&|d| d.then(|t| t + ".."), Err(Encrypted), "five, two empty"),
        (&|d| d.then(|t| t + "..."), Err(Malformed), "six parts"),
        (&|d| d.then(|t| format!(".{t}")), Err(Malformed), "an empty first"),
        (&|d| d.then(|t| format!(" {t}")), Err(Malformed), "a space in front"),
        (&|d| d.then(|t| t + "\n"), Err(Malformed), "a line break at the end"),
        (&|d| d.then(|t| t + "\0"), Err(Malformed), "a NUL at the end"),
        (&|d| d.then(|t| format!("\"{t}\"")), Err(Malformed), "in quotes"),
        (&|d| d.then(|t| format!("Bearer {t}")), Err(Malformed), "with its scheme"),
        (&|d| d.then(|t| format!("{t},{t}")), Err(Encrypted), "two in one: five parts"),
        (&|d| d.then(|_| "..".into()), Err(Malformed), "three empty parts"),
    ]);
}

#[test]
fn the_header_is_strict_base64url_and_json() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    let (at_16, at_17) = (nested(16), nested(17));
    Court::default().check_table(&format!(
        r#"
        head x {at_16}                  | ACCEPT    | 16 levels
        head x {at_17}                  | MALFORMED | 17 levels
        head x "[[[[[[[[[[[[[[[[[[[["   | ACCEPT    | brackets in a string are no levels
        head x "\"[[[[[[[[[[[[[[[[[[["  | ACCEPT    | nor after a quote that is escaped
        head x ["\\\\",{at_17}]          | MALFORMED | a backslash escaped hides no level
        no-head alg                     | MALFORMED | alg absent
        head alg 7                      | MALFORMED | alg a number
        head alg null                   | MALFORMED | alg null
        head alg ["EdDSA"]              | MALFORMED | alg an array
        head kid 1                      | MALFORMED | kid a number
        head kid null                   | MALFORMED | kid null
        head kid ["ed"]                 | MALFORMED | kid an array"#,
    ));
    let texts: [(fn(String) -> Vec<u8>, _, &str); 9] = [
        (|_| b"".to_vec(), Err(Malformed), "empty"),
        (|_| b"{".to_vec(), Err(Malformed), "cut off"),
        (|_| b"[]".to_vec(), Err(Malformed), "an array"),
        (|_| b"null".to_vec(), Err(Malformed), "null"),
        (|_| b"{}".to_vec(), Err(Malformed), "no alg"),
        (|_| b"{\"alg\":\"\xff\"}".to_vec(), Err(Malformed), "no UTF-8"),
        (|json| (json + "\0").into(), Err(Malformed), "a NUL after it"),
        (|json| (json + "{}").into(), Err(Malformed), "two objects"),
        (|json| format!(" {json}\n").into(), ACCEPT, "white space"),
    ];
    for (text, expected, why) in texts {
        let alter = |draft: Draft| {
            let json = draft.header_json();
            draft.header_text(text(json))
        };
        Court::default().check(&[(&alter, expected, why)]);
    }
    let padded = |d: Draft| d.then(|t| t.replacen('.', "=.", 1));
    let other = |d: Draft| d.then(|t| t.replacen('.', "+.", 1));
    Court::default().check(&[
        (&padded, Err(Malformed), "padding"),
        (&other, Err(Malformed), "the other alphabet"),
    ]);
    stray_bits();
    header_length();
}

/// RFC 4648 §3.5: bits that no byte takes must be zero, or one header has several texts.
fn stray_bits() {
    for key in crate::contract::OURS {
        let mut draft = Draft::good(key);
        while !draft.header_json().len().is_multiple_of(3) {
            let more = format!("{}x", draft.header_json().len());
            draft = draft.head(&more, "1");
        }
        let json = draft.header_json();
        let short = draft.clone().header_text(json.clone() + " ");
        let court = Court::default();
        court.check_token(&short.mint(), ACCEPT, "two digits for the last byte");
        let altered = short.then(|token| token.replacen("IA.", "IB.", 1));
        assert!(altered.mint().contains("IB."), "the last digit is altered");
        court.check_token(&altered.mint(), Err(Malformed), "a stray bit");
    }
}

fn header_length() {
    for key in crate::contract::OURS {
        let base = Draft::good(key).head("pad", "\"\"").header_json().len();
        let of = |bytes: usize| {
            let pad = format!("\"{}\"", "x".repeat(bytes - base));
            Draft::good(key).head("pad", &pad).mint()
        };
        let court = Court::default();
        court.check_token(&of(2048), ACCEPT, "a header of max-header-bytes");
        for bytes in [2049, 2050, 2051, 4000] {
            court.check_token(&of(bytes), Err(Malformed), "a longer one");
        }
    }
}

#[test]
fn members_that_are_read_stand_once() {
    Court::default().check_table(
        r#"
        head-again alg "EdDSA"                   | MALFORMED   | alg twice
        head-again kid "ed"                      | MALFORMED   | kid twice
        head-again typ "at+jwt"                  | MALFORMED   | typ twice
        head-again \u0061lg "none"               | MALFORMED   | alg twice, once escaped
        head-again \u006bid "x"                  | MALFORMED   | kid twice, once escaped
        head-again ty\u0070 "x"                  | MALFORMED   | typ twice, once escaped
        head crit [] & head-again crit []        | MALFORMED   | crit twice
        head b64 true & head-again b64 true      | MALFORMED   | b64 twice
        head x 1 & head-again x 2                | ACCEPT      | a member that nobody reads
        no-head kid & head k\u0069d "x"          | UNKNOWN_KID | escaped, once"#,
    );
}

#[test]
fn only_allowed_algorithms() {
    Court::default().check_table(
        r#"
        head alg "none"       | ALG_NONE        | RFC 8725 §3.2
        head alg "None"       | ALG_NONE        | in any spelling
        head alg "NONE"       | ALG_NONE        | in capitals
        head alg "nOnE"       | ALG_NONE        | mixed
        head alg "\u006eone"  | ALG_NONE        | escaped
        head alg "none "      | ALG_NOT_ALLOWED | not quite none
        head alg ""           | ALG_NOT_ALLOWED | empty
        head alg "HS256"      | ALG_NOT_ALLOWED | RS/HS confusion
        head alg "ES384"      | ALG_NOT_ALLOWED | known, not allowed
        head alg "eddsa"      | ALG_NOT_ALLOWED | case-sensitive
        head alg "es256"      | ALG_NOT_ALLOWED | case-sensitive
        head alg "ED25519"    | ALG_NOT_ALLOWED | case-sensitive
        head alg "Ed448"      | ALG_NOT_ALLOWED | another curve
        head alg "ES256K"     | ALG_NOT_ALLOWED | another curve"#,
    );
    let ed = Draft::good(Key::Ed(1)).head("alg", "\"Ed25519\"").mint();
    Court::default().check_token(&ed, ACCEPT, "RFC 9864: another name of EdDSA");
    let escaped = Draft::good(Key::Ed(1)).head("alg", "\"\\u0045dDSA\"");
    Court::default().check_token(&escaped.mint(), ACCEPT, "an escape is the same text");
    let also = key_set(&[Key::Ed(1).jwk(r#","kid":"ed","alg":"Ed25519""#)]);
    let court = Court { key_set: also, ..Court::default() };
    let good = Draft::good(Key::Ed(1)).mint();
    court.check_token(&good, ACCEPT, "a key for either name");
}

#[test]
fn only_allowed_types() {
    Court::default().check_table(
        r#"
        head typ "AT+JWT"                 | ACCEPT        | case-insensitive
        head typ "application/at+jwt"     | ACCEPT        | RFC 7515 §4.1.9
        head typ "Application/At+Jwt"     | ACCEPT        | both
        no-head typ                       | TYPE_MISMATCH | absent
        head typ "JWT"                    | TYPE_MISMATCH | an ID token's
        head typ ""                       | TYPE_MISMATCH | empty
        head typ "application/"           | TYPE_MISMATCH | only the prefix
        head typ "at+jwt "                | TYPE_MISMATCH | a space after it
        head typ "at+jwtx"                | TYPE_MISMATCH | more than it
        head typ "text/at+jwt"            | TYPE_MISMATCH | another prefix
        head typ "application/application/at+jwt" | TYPE_MISMATCH | the prefix twice
        head typ "äpplication/at+jwt"     | TYPE_MISMATCH | no ASCII
        head typ "applicationä/at+jwt"    | TYPE_MISMATCH | no ASCII where the prefix ends
        head typ "logout+jwt"             | TYPE_MISMATCH | a logout token
        head typ 7                        | TYPE_MISMATCH | a number
        head typ null                     | TYPE_MISMATCH | null is not absent
        head typ "absent"                 | TYPE_MISMATCH | the word"#,
    );
    let lax = Court::of(|spec| {
        spec.profile = Profile::Plain;
        spec.types = vec!["JWT".into(), "absent".into()];
    });
    lax.check_table(
        r#"
        no-head typ        | ACCEPT        | absent, explicitly allowed
        head typ "jwt"     | ACCEPT        | the other one allowed
        nothing            | TYPE_MISMATCH | at+jwt is not
        head typ "absent"  | TYPE_MISMATCH | the word is no type
        head typ "application/absent" | TYPE_MISMATCH | nor in full
        head typ null      | TYPE_MISMATCH | null is not absent"#,
    );
}

/// RFC 7515 §4.1.9: only a text without `/` stands for a type below `application/`.
#[test]
fn a_type_is_that_of_its_full_form() {
    let allow = |typ: &'static str| {
        Court::of(|spec| {
            spec.profile = Profile::Plain;
            spec.types = vec![typ.into()];
        })
    };
    for typ in ["application/absent", "Application/ABSENT"] {
        allow(typ).check_table(
            r#"
            no-head typ                   | TYPE_MISMATCH | the type of this name is not absence
            head typ "absent"             | ACCEPT        | the type of this name
            head typ "Absent"             | ACCEPT        | in any case
            head typ "application/absent" | ACCEPT        | in full"#,
        );
    }
    allow("application/example;part=\"1/2\"").check_table(
        r#"
        head typ "application/example;part=\"1/2\"" | ACCEPT        | as it stands
        head typ "Application/Example;Part=\"1/2\"" | ACCEPT        | in any case
        head typ "example;part=\"1/2\""             | TYPE_MISMATCH | a type of its own"#,
    );
    allow("text/x").check_table(
        r#"
        head typ "text/x"             | ACCEPT        | another tree
        head typ "application/text/x" | TYPE_MISMATCH | no short form has a second slash
        head typ "x"                  | TYPE_MISMATCH | that is application/x"#,
    );
}

#[test]
fn no_extension_is_implemented() {
    Court::default().check_table(
        r#"
        head crit ["exp"]                  | CRIT_UNSUPPORTED | unknown
        head crit []                       | CRIT_UNSUPPORTED | empty
        head crit ["x","x"]                | CRIT_UNSUPPORTED | twice the same
        head crit "x"                      | CRIT_UNSUPPORTED | no array
        head crit null                     | CRIT_UNSUPPORTED | null
        head crit ["alg"]                  | CRIT_UNSUPPORTED | a registered name
        head b64 false                     | CRIT_UNSUPPORTED | RFC 7797, not critical
        head b64 true                      | CRIT_UNSUPPORTED | even if it changes nothing
        head b64 false & head crit ["b64"] | CRIT_UNSUPPORTED | RFC 7797 as it should be"#,
    );
}

/// `jwk`, `jku`, `x5u`, `x5c` are the attacker's: neither followed nor trusted, nor a fault.
#[test]
fn keys_in_the_header_mean_nothing() {
    let own = |draft: Draft, key: Key| draft.head("jwk", &key.jwk(""));
    for key in crate::contract::OURS {
        let court = Court::default();
        let good = own(Draft::good(key), key).mint();
        court.check_token(&good, ACCEPT, "our key beside it");
        let forged = own(Draft::good(key), key.other()).forged().mint();
        court.check_token(&forged, Err(BadSignature), "signed by the embedded key");
        let unknown = own(Draft::good(key), key.other()).head("kid", "\"own\"");
        court.check_token(&unknown.forged().mint(), Err(UnknownKid), "under its own kid");
        for (name, value) in [
            ("jku", "\"https://attacker.example/jwks\""),
            ("x5u", "\"https://attacker.example/x5u\""),
            ("x5c", "[\"MIIB\"]"),
            ("x5c", "7"),
        ] {
            let good = Draft::good(key).head(name, value);
            court.check_token(&good.mint(), ACCEPT, "not even looked at");
            let forged = good.forged().mint();
            court.check_token(&forged, Err(BadSignature), "nor followed");
        }
    }
}
