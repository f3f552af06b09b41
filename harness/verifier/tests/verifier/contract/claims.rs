//! Step 9: the payload, not decoded before its signature has verified; types, presence, issuer,
//! audience, scope syntax.

use jwtbench_verifier::policy::{Profile, ScopeForm, SenderConstraint};
use jwtbench_verifier::rejection::Rejection::{ClaimInvalid, ClaimMissing, Malformed};
use jwtbench_verifier::unix_time::UnixTime;

use crate::contract::token::{Draft, EXPIRES, ISSUED};
use crate::contract::{ACCEPT, Court, seconds};

#[test]
fn the_payload_is_strict_base64url_and_json() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    let (at_64, at_65) = (nested(64), nested(65));
    Court::default().check_table(&format!(
        r#"
        claim x {at_64}       | ACCEPT        | 64 levels
        claim x {at_65}       | MALFORMED     | 65 levels
        claim x "\ud800"      | ACCEPT        | half a surrogate pair, not read
        claim sub "\ud800"    | CLAIM_INVALID | read: no text"#,
    ));
    let texts: [(&[u8], &str); 9] = [
        (b"", "empty"),
        (b"[]", "an array"),
        (b"\"x\"", "a string"),
        (b"null", "null"),
        (b"{", "cut off"),
        (b"{\"a\":1,}", "a trailing comma"),
        (b"{\"a\":\"\xc3\x28\"}", "no UTF-8"),
        (b"\xef\xbb\xbf{}", "a byte order mark"),
        (b"{'a':1}", "single quotes"),
    ];
    for (text, why) in texts {
        Court::default().check(&[(&|d| d.payload_text(text), Err(Malformed), why)]);
    }
    Court::default().check(&[
        (&|d| d.encoded_payload_tail("="), Err(Malformed), "padding"),
        (&|d| d.encoded_payload_tail("+"), Err(Malformed), "alphabet"),
        (&|d| d.encoded_payload_tail("\n"), Err(Malformed), "a break"),
        (&|d| d.payload_tail("{}"), Err(Malformed), "two objects"),
        (&|d| d.payload_tail("\0"), Err(Malformed), "a NUL after it"),
        (&|d| d.payload_tail(" \r\n"), ACCEPT, "white space is JSON"),
    ]);
}

#[test]
fn claims_that_are_read_stand_once() {
    let read = "iss sub aud exp nbf iat jti client_id tenant_id scope";
    for name in read.split(' ') {
        let escaped = format!("\\u{:04x}{}", name.as_bytes()[0], &name[1..]);
        let again = |draft: Draft, name: &str, of: &str| {
            let value = draft.claim_json(of);
            draft.claim_again(name, &value)
        };
        Court::default().check(&[
            (&|d| again(d, name, name), Err(Malformed), "the same twice"),
            (&|d| again(d, &escaped, name), Err(Malformed), "once escaped"),
        ]);
    }
    Court::default().check_table(
        r#"
        claim cnf {} & claim-again cnf {}                       | MALFORMED | cnf
        claim token_use "access" & claim-again token_use "id"   | MALFORMED | token_use
        claim email "x" & claim-again email "x"                 | ACCEPT    | nobody reads it
        claim nonce 1 & claim-again nonce 2                     | ACCEPT    | nor this one
        claim azp "x" & claim-again azp "x"                     | ACCEPT    | all are served
        claim sub_type "x" & claim-again sub_type "y"           | ACCEPT    | all kinds are
        claim auth_version 1 & claim-again auth_version 2       | ACCEPT    | no state asks"#,
    );
    let court = Court::of(|spec| {
        spec.required_claims = vec!["email".into()];
        spec.prohibited_claims = vec!["nonce".into()];
        spec.clients = vec!["billing-web".into()];
        spec.subject_kinds = vec!["user".into()];
    });
    court.check_table(
        r#"
        claim email "x" & claim sub_type "user"    | ACCEPT        | once
        claim email "x" & claim-again email "x"    | MALFORMED     | read as required
        claim nonce 1 & claim-again nonce 2        | MALFORMED     | read as prohibited
        claim azp "x" & claim-again azp "x"        | MALFORMED     | read for the client
        claim sub_type "user" & claim-again sub_type "user" | MALFORMED | read for the kind"#,
    );
}

/// A policy that asks for everything.
fn asking() -> Court {
    Court::of(|spec| {
        spec.clients = vec!["billing-web".into()];
        spec.subject_kinds = vec!["user".into()];
    })
}

#[test]
fn claims_have_their_json_type() {
    let check = |names: &str, values: &[&str]| {
        for name in names.split(' ') {
            for value in values {
                let why = format!("{name} = {value}");
                asking().check(&[(&|d| d.claim(name, value), Err(ClaimInvalid), &why)]);
            }
        }
    };
    let texts = ["7", "null", "true", "[\"acme\"]", "{}"];
    check("iss sub jti client_id azp tenant_id sub_type token_use", &texts);
    for value in texts {
        let why = "the profile asks for a text, whoever is served";
        Court::default().check(&[(&|d| d.claim("client_id", value), Err(ClaimInvalid), why)]);
    }
    check("aud", &["7", "null", "true", "{}", "[7]"]);
    check("aud", &["[\"billing-api\",7]", "[[\"billing-api\"]]"]);
    check("scope", &["7", "null", "[\"invoice:read\"]", "{}"]);
    check("cnf", &["7", "null", "\"x\"", "[]", "{\"jkt\":7}"]);
    check("cnf", &["{\"x5t#S256\":null}"]);
}

/// RFC 7519 §4: what nobody asks for is not looked at, whatever it holds and however often.
#[test]
fn claims_that_are_not_asked_for_do_not_decide() {
    let court = Court::of(|spec| {
        spec.profile = Profile::Plain;
        spec.tenant = None;
        spec.required_scopes.clear();
        spec.sender_constraint = SenderConstraint::Off;
    });
    let values = "7 null true [\"a\",7] {\"k\":\"v\"} \"\" \"a__b\" \"\\u0000\"";
    for name in "tenant_id sub_type client_id azp scope auth_version cnf".split(' ') {
        for value in values.split(' ') {
            let value = value.replace("__", "  ");
            let why = format!("{name} = {value}: nobody asks");
            court.check(&[
                (&|d| d.claim(name, &value), ACCEPT, &why),
                (&|d| d.claim(name, &value).claim_again(name, "8"), ACCEPT, &why),
            ]);
        }
    }
    court.check_table(
        r#"
        claim nbf null       | CLAIM_INVALID | always read
        claim iat "today"    | CLAIM_INVALID | always read
        claim jti 7          | CLAIM_INVALID | always read
        claim token_use null | CLAIM_INVALID | the purpose is always asked for"#,
    );
}

/// A list that holds a name asks that it be there, and no more.
#[test]
fn a_claim_that_is_only_required_may_have_any_type() {
    let names = ["tenant_id", "sub_type", "azp", "scope", "auth_version", "cnf"];
    let court = Court::of(|spec| {
        spec.profile = Profile::Plain;
        spec.tenant = None;
        spec.required_scopes.clear();
        spec.sender_constraint = SenderConstraint::Off;
        spec.required_claims = names.map(String::from).to_vec();
    });
    let all = |draft: Draft| names.iter().fold(draft, |draft, name| draft.claim(name, "7"));
    for name in names {
        court.check(&[
            (&all, ACCEPT, "all there"),
            (&|d| all(d).no_claim(name), Err(ClaimMissing), name),
            (&|d| all(d).claim_again(name, "8"), Err(Malformed), name),
        ]);
    }
}

#[test]
fn numeric_dates() {
    let at =
        |nanos: i128| Court { now: UnixTime(nanos), ..Court::of(|spec| spec.leeway = seconds(0)) };
    let issued = at(i128::from(ISSUED) * 1_000_000_000);
    let invalid = "\"1767225600\" true null [1767225600] {} 9223372036854775807 \
                   9223372036854775808 253402300800 253402300800.0 1e400 -1e400 1e300";
    for value in invalid.split(' ') {
        for name in ["exp", "nbf", "iat"] {
            let why = format!("{name} = {value}: no NumericDate up to the year 9999");
            issued.check(&[(&|d| d.claim(name, value), Err(ClaimInvalid), &why)]);
        }
    }
    issued.check_table(
        r#"
        claim exp 253402300799           | ACCEPT    | the last second of 9999
        claim exp 253402300799.999999999 | ACCEPT    | and its last nanosecond
        claim exp 1.767225900e9          | ACCEPT    | an exponent
        claim exp 17672259E+2            | ACCEPT    | a capital, a sign
        claim exp -1                     | EXPIRED   | before 1970
        claim exp -0.5                   | EXPIRED   | just before 1970
        claim exp 0                      | EXPIRED   | 1970
        claim exp -1e300                 | EXPIRED   | before everything: saturates
        claim exp -9223372036854775809   | EXPIRED   | below an i64
        claim nbf -1e300                 | ACCEPT    | for ever begun
        claim iat -9223372036854775809   | ACCEPT    | ages ago, no max-age
        claim exp 01767225900            | MALFORMED | no JSON number
        claim exp +1767225900            | MALFORMED | no JSON number
        claim exp 1767225900.            | MALFORMED | no JSON number
        claim exp 0x69600000             | MALFORMED | no JSON number
        claim exp NaN                    | MALFORMED | no JSON
        claim exp Infinity               | MALFORMED | no JSON"#,
    );
    let expiring = at(i128::from(EXPIRES) * 1_000_000_000 - 1);
    expiring.check_table(
        r#"
        nothing                          | ACCEPT    | 1 ns before exp
        claim exp 1767225899.999999999   | EXPIRED   | exp itself, not rounded up
        claim exp 1767225899.9999999999  | ACCEPT    | after it, by less than a nanosecond
        claim exp 1.7672258999999999999e9 | ACCEPT   | the same with an exponent
        claim exp 1767225899.99999999899 | EXPIRED   | before it, by less than a nanosecond
        claim exp 1.767225899999999999e9 | EXPIRED   | exp itself, with an exponent
        claim exp 1767225900.5           | ACCEPT    | half a second later, not rounded down
        claim exp 1767225899.5           | EXPIRED   | half a second earlier
        claim exp 1.7672258995e9         | EXPIRED   | the same with an exponent
        claim exp 1.7672259005e9         | ACCEPT    | half a second later likewise"#,
    );
}

#[test]
fn required_claims_are_there_and_not_empty() {
    for name in "iss sub aud exp iat jti client_id tenant_id".split(' ') {
        let why = format!("no {name}: RFC 9068 §2.2, and the tenant");
        Court::default().check(&[(&|d| d.no_claim(name), Err(ClaimMissing), &why)]);
    }
    for name in "iss sub aud jti client_id tenant_id".split(' ') {
        let why = format!("an empty {name}");
        Court::default().check(&[(&|d| d.claim(name, "\"\""), Err(ClaimMissing), &why)]);
    }
    Court::default().check(&[(&|d| d.payload_text("{}"), Err(ClaimMissing), "no claim at all")]);
    Court::default().check_table(
        r#"
        claim aud []                              | CLAIM_MISSING | nobody
        claim aud [ ]                             | CLAIM_MISSING | nobody, spaced
        claim aud [""]                            | CLAIM_MISSING | an empty name
        no-claim client_id & claim azp "x"        | CLAIM_MISSING | rfc9068 wants client_id
        no-claim nbf                              | ACCEPT        | nbf may be absent
        no-claim sub_type                         | ACCEPT        | nobody asks for it"#,
    );
    let plain = Court::of(|spec| {
        spec.profile = Profile::Plain;
        spec.tenant = None;
        spec.required_scopes.clear();
    });
    for name in "iat jti client_id tenant_id scope nbf".split(' ') {
        let why = format!("no {name}: nobody asks for it");
        plain.check(&[(&|d| d.no_claim(name), ACCEPT, &why)]);
    }
    for name in "iss sub aud exp".split(' ') {
        plain.check(&[(&|d| d.no_claim(name), Err(ClaimMissing), "always required")]);
    }
    let aged = Court::of(|spec| {
        spec.profile = Profile::Plain;
        spec.max_age = Some(seconds(3600));
        spec.required_claims = vec!["email".into()];
    });
    aged.check_table(
        r#"
        claim email "a@example"                   | ACCEPT        | all there
        claim email "a@example" & no-claim iat    | CLAIM_MISSING | iat, for max-age
        nothing                                   | CLAIM_MISSING | a claim the policy names
        claim email ""                            | CLAIM_MISSING | empty
        claim email []                            | CLAIM_MISSING | empty
        claim email null                          | CLAIM_MISSING | null
        claim email false                         | ACCEPT        | of no known type: there"#,
    );
}

#[test]
fn the_issuer_is_exact() {
    Court::default().check_table(
        r#"
        claim iss "https://issuer.example/realms/acm"      | ISSUER_MISMATCH | a prefix
        claim iss "https://issuer.example/realms/acme2"    | ISSUER_MISMATCH | a suffix more
        claim iss "https://issuer.example/realms/acme/"    | ISSUER_MISMATCH | a trailing slash
        claim iss "https://ISSUER.example/realms/acme"     | ISSUER_MISMATCH | another case
        claim iss "http://issuer.example/realms/acme"      | ISSUER_MISMATCH | another scheme
        claim iss "https://issuer.example:443/realms/acme" | ISSUER_MISMATCH | the port spelt out
        claim iss "https://issuer.example/realms/%61cme"   | ISSUER_MISMATCH | percent-encoded
        claim iss " https://issuer.example/realms/acme"    | ISSUER_MISMATCH | a space
        claim iss "https://other.example/realms/acme"      | ISSUER_MISMATCH | trusted elsewhere
        claim iss "https:\/\/issuer.example\/realms\/\u0061cme" | ACCEPT | escapes are that text"#,
    );
}

#[test]
fn the_audience_names_this_api() {
    Court::default().check_table(
        r#"
        claim aud ["billing-api"]      | ACCEPT            | an array of it
        claim aud ["x","billing-api"]  | ACCEPT            | among others
        claim aud ["","billing-api"]   | ACCEPT            | beside an empty name
        claim aud ["b\u0069lling-api"] | ACCEPT            | escaped
        claim aud "billing"            | AUDIENCE_MISMATCH | a prefix
        claim aud "billing-api-2"      | AUDIENCE_MISMATCH | longer
        claim aud "Billing-API"        | AUDIENCE_MISMATCH | another case
        claim aud "billing-api other"  | AUDIENCE_MISMATCH | no list
        claim aud "billing-api,other"  | AUDIENCE_MISMATCH | no list
        claim aud ["x","y"]            | AUDIENCE_MISMATCH | an array without us
        claim aud ["x",""]             | AUDIENCE_MISMATCH | somebody else"#,
    );
    let two = Court::of(|spec| spec.audience.push("billing-v2".into()));
    two.check_table(
        r#"
        claim aud "billing-v2"         | ACCEPT            | either name
        nothing                        | ACCEPT            | the other one
        claim aud "billing-v3"         | AUDIENCE_MISMATCH | neither"#,
    );
}

#[test]
fn scopes_as_a_string() {
    Court::default().check_table(
        r#"
        claim scope "invoice:read"        | ACCEPT             | the one
        claim scope "invoice:read a b"    | ACCEPT             | first of several
        claim scope "a  invoice:read"     | SCOPE_INVALID      | double space
        claim scope " invoice:read"       | SCOPE_INVALID      | leading space
        claim scope "invoice:read "       | SCOPE_INVALID      | trailing space
        claim scope "a\tinvoice:read"     | SCOPE_INVALID      | a tab
        claim scope "invoice:read \""     | SCOPE_INVALID      | a quote
        claim scope "invoice:read \\"     | SCOPE_INVALID      | a backslash
        claim scope "invoice:read é"      | SCOPE_INVALID      | no ASCII
        claim scope "invoice:read \u007f" | SCOPE_INVALID      | DEL
        claim scope "invoice:read\u0000"  | SCOPE_INVALID      | NUL
        claim scope ""                    | SCOPE_INVALID      | empty
        claim scope "!~#[]^"              | SCOPE_INSUFFICIENT | the edges of the syntax
        no-claim scope                    | SCOPE_INSUFFICIENT | absent
        claim scope "openid"              | SCOPE_INSUFFICIENT | another
        claim scope "invoice:rea"         | SCOPE_INSUFFICIENT | a prefix
        claim scope "invoice:reader"      | SCOPE_INSUFFICIENT | longer
        claim scope "Invoice:Read"        | SCOPE_INSUFFICIENT | another case
        claim scope "invoice: read"       | SCOPE_INSUFFICIENT | in pieces"#,
    );
    let two = Court::of(|spec| spec.required_scopes.push("openid".into()));
    two.check_table(
        r#"
        nothing                           | ACCEPT             | both
        claim scope "invoice:read"        | SCOPE_INSUFFICIENT | one of two"#,
    );
    let none = Court::of(|spec| spec.required_scopes.clear());
    none.check_table(
        r#"
        no-claim scope                    | ACCEPT             | none asked for
        claim scope "a  b"                | ACCEPT             | nor is the syntax looked at"#,
    );
}

#[test]
fn claim_names_and_forms_are_the_policys() {
    let court = Court::of(|spec| {
        spec.claims.scope = "scp".into();
        spec.claims.scope_form = ScopeForm::Array;
        spec.claims.tenant = "org".into();
    });
    court.check_table(
        r#"
        claim org "acme" & claim scp ["x","invoice:read"]  | ACCEPT | where the policy says
        claim org "acme" & claim scp ["x"]                 | SCOPE_INSUFFICIENT | scope not read
        claim org "acme" & claim scp []                    | SCOPE_INSUFFICIENT | none granted
        claim org "acme" & claim scp "invoice:read"        | CLAIM_INVALID | not the form
        claim org "acme" & claim scp ["invoice:read",7]    | CLAIM_INVALID | not only strings
        claim org "acme" & claim scp ["invoice:read x"]    | SCOPE_INVALID | a space in a token
        claim org "acme" & claim scp ["invoice:read",""]   | SCOPE_INVALID | an empty token
        claim org "x" & claim scp ["invoice:read"]         | TENANT_MISMATCH | another tenant
        claim org 7 & claim scp ["invoice:read"]           | CLAIM_INVALID | no string
        claim scp ["invoice:read"]                         | CLAIM_MISSING | no `org`"#,
    );
}
