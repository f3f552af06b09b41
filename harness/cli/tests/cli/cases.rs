//! Tokens and policies as people bring them: what came out wrong once, with what is right.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use crate::binary::{ROOT, command_in};

/// An instant within the life of every token here.
const NOW: &str = "1795000000";

/// Private claims of any type, then `token_use`, `cnf`, `nbf`, `iat` and `jti`: the policy asks for
/// a purpose, for a proof where a token is bound, and for what RFC 7519 registers.
const UNUSED: [&str; 15] = [
    "ACCEPT",
    "ACCEPT",
    "ACCEPT",
    "ACCEPT",
    "ACCEPT",
    "ACCEPT",
    "ACCEPT",
    "ACCEPT",
    "ACCEPT",
    "ACCEPT",
    "JWT_CLAIM_INVALID",
    "JWT_CLAIM_INVALID",
    "JWT_CLAIM_INVALID",
    "JWT_CLAIM_INVALID",
    "JWT_CLAIM_INVALID",
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name)
}

/// What each line is said to have been compared with.
fn explained(name: &str) -> Vec<String> {
    explained_of(name, "jwks.json", "tokens.txt")
}

/// The same of these files; no explanation is empty.
fn explained_of(name: &str, keys: &str, tokens: &str) -> Vec<String> {
    let file = |file: &str| folder(name).join(file);
    let output = command_in(Path::new(ROOT))
        .args(["verify", "--now", NOW, "--explain", "--policy"])
        .arg(file("policy.toml"))
        .arg("--jwks")
        .args([file(keys), file(tokens)])
        .output()
        .unwrap();
    let compared = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let compared = line["compared"].as_str().unwrap().to_owned();
        assert!(!compared.is_empty(), "{name}: {line}");
        compared
    };
    String::from_utf8(output.stdout).unwrap().lines().map(compared).collect()
}

/// Exit code, the code of each line, and stderr.
fn verify(policy: &Path, key_set: &Path, tokens: &Path) -> (i32, Vec<String>, String) {
    let output = command_in(Path::new(ROOT))
        .args(["verify", "--now", NOW, "--policy"])
        .arg(policy)
        .arg("--jwks")
        .args([key_set, tokens])
        .output()
        .unwrap();
    let code = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["code"].as_str().unwrap_or("ACCEPT").to_owned()
    };
    let codes = String::from_utf8(output.stdout).unwrap().lines().map(code).collect();
    (output.status.code().unwrap(), codes, String::from_utf8(output.stderr).unwrap())
}

#[test]
fn every_token_gets_what_is_due() {
    const TYPE: &str = "JWT_TYPE_MISMATCH";
    let rows: [(&str, &[&str], &str); 5] = [
        (
            "type-called-absent",
            &[TYPE, "ACCEPT", "ACCEPT"],
            "with application/ the word is a media type, and a token must have it",
        ),
        (
            "type-with-two-slashes",
            &[TYPE, "ACCEPT"],
            "RFC 7515 section 4.1.9: nothing is left out where another / follows",
        ),
        (
            "types-in-full",
            &["ACCEPT", "ACCEPT", "ACCEPT"],
            "RFC 7515 section 4.1.9: application/ may be left out, on either side",
        ),
        (
            "one-algorithm-twice",
            &["ACCEPT", "ACCEPT"],
            "RFC 9864 section 2.2: EdDSA and Ed25519 are one, and a key without alg is bound to it",
        ),
        (
            "unused-claims-of-other-types",
            &UNUSED,
            "RFC 7519 section 4: what a policy does not ask for is ignored, whatever its type",
        ),
    ];
    for (name, due, why) in rows {
        let file = |file: &str| folder(name).join(file);
        let (code, codes, said) =
            verify(&file("policy.toml"), &file("jwks.json"), &file("tokens.txt"));
        assert_eq!(code, 0, "{why}: {said}");
        assert_eq!(codes, due, "{why}: {said}");
    }
}

/// Issuers of Entra have 75 characters and differ in the last ones.
#[test]
fn an_explanation_tells_apart_what_looks_alike() {
    let due = [
        "they differ from character 76 on: `/` and nothing",
        "they differ from character 73 on: `1.0` and `2.0`",
        "they differ from character 70 on: `6/v2.0` and `5/v2.0`",
    ];
    let compared = explained("issuers-that-look-alike");
    assert_eq!(compared.len(), due.len());
    for (said, due) in compared.iter().zip(due) {
        assert!(said.contains(due), "{said}: {due}");
    }
}

/// Letters of other alphabets, in the header and in the keys.
#[test]
fn letters_that_look_alike_are_told_apart_wherever_they_stand() {
    let due = [
        "character 1 on: U+0415 and then `S256` and `ES256`",
        "character 13 on: U+0408 and then `WT` and `JWT`",
        "character 1 on: U+0455 and then `ig` and `sig`",
        "character 1 on: U+0420 and then `-256` and `P-256`",
        "character 1 on: U+0415 and then `C` and `EC`",
        "character 1 on: U+0415 and then `S256` and `ES256`",
    ];
    let compared = explained("letters-that-look-alike");
    assert_eq!(compared.len(), due.len());
    for (said, due) in compared.iter().zip(due) {
        assert!(said.contains(due), "{said}: {due}");
    }
}

/// Half of a surrogate pair as a kid, of a key and of a token (RFC 8259 section 8.2).
#[test]
fn an_escape_that_is_no_character_is_told() {
    let said = &explained("half-a-pair")[0];
    assert_eq!(said, "kid holds the escape `\\ud800`, which is no Unicode character");
    let file = |file: &str| folder("half-a-pair").join(file);
    let (code, codes, said) = verify(&file("policy.toml"), &file("jwks.json"), &file("tokens.txt"));
    assert_eq!((code, &codes[..]), (0, &["JWT_MALFORMED".to_owned()][..]), "{said}");
    let due = "entry 0 of `keys` is skipped, not-a-jwk: `kid` holds the escape `\\ud800` at line \
               1, column 152";
    assert!(said.contains(due), "{said}");
}

/// What is due of a token: its code, a part of its explanation, and of what is said of the key set.
type Due = (&'static str, &'static str, &'static str);

/// Key sets that hold keys which are not used.
const UNUSED_KEYS: [(&str, &[Due]); 5] = [
    (
        "rsa-forms",
        &[
            ("ACCEPT", "every step passed", ""),
            ("ACCEPT", "every step passed", ""),
            ("ACCEPT", "every step passed", ""),
            ("JWT_UNKNOWN_KID", "3 of `keys`, bad-base64: `n`", "entry 3 of `keys` (kid `std`)"),
            ("JWT_UNKNOWN_KID", "no padding", "entry 4 of `keys` (kid `pad`) is skipped, bad-"),
            ("JWT_UNKNOWN_KID", "white space", "entry 5 of `keys` (kid `newline`)"),
            ("JWT_UNKNOWN_KID", "`e` is no string", "entry 6 of `keys` (kid `e-int`)"),
            ("JWT_UNKNOWN_KID", "`n` has 3071 bits", "entry 7 of `keys` (kid `n-hex`)"),
            ("JWT_UNKNOWN_KID", "`e` is 3", "entry 8 of `keys` (kid `e3-claimed`)"),
        ],
    ),
    (
        "ec-forms",
        &[
            ("ACCEPT", "every step passed", ""),
            ("JWT_UNKNOWN_KID", "`x` has 31 bytes; 32 are due", "entry 1 of `keys` (kid `short`)"),
            ("JWT_UNKNOWN_KID", "`y` has 33 bytes; 32 are due", "entry 2 of `keys` (kid `long`)"),
            (
                "JWT_KEY_MISMATCH",
                "no algorithm of RS256, ES256, EdDSA is for P-384",
                "entry 3 of `keys` (kid `",
            ),
            (
                "JWT_UNKNOWN_KID",
                "`crv` `P-521` is not known for EC",
                "entry 4 of `keys` (kid `p521`)",
            ),
        ],
    ),
    (
        "key-without-alg",
        &[
            ("JWT_KEY_MISMATCH", "(RS256, PS256); allow one of them", "(kid `k1`) fits no token"),
            ("ACCEPT", "every step passed", ""),
        ],
    ),
    (
        "rsa-sizes",
        &[
            ("JWT_UNKNOWN_KID", "`n` has 2500 bits; a multiple of 64", "(kid `r2500`) is skipped"),
            ("JWT_UNKNOWN_KID", "`e` is 3; odd and from 65537", "(kid `e3`) is skipped, weak-key"),
        ],
    ),
    (
        "keys-for-encryption",
        &[("JWT_KEY_MISMATCH", "`use` is `enc`, not `sig`", "entry 1 of `keys` (kid `example")],
    ),
];

/// RFC 7517 section 5: an entry that is not understood is ignored. A person has to learn of it.
#[test]
fn a_key_that_is_not_used_is_told_by_its_place_its_kid_and_the_reason() {
    for (name, due) in UNUSED_KEYS {
        let file = |file: &str| folder(name).join(file);
        let (code, codes, said) =
            verify(&file("policy.toml"), &file("jwks.json"), &file("tokens.txt"));
        assert_eq!((code, codes.len()), (0, due.len()), "{name}: {said}");
        for ((got, compared), (code, why, note)) in codes.iter().zip(explained(name)).zip(due) {
            assert_eq!(got, code, "{name}: {compared}");
            assert!(compared.contains(why), "{name}: {compared}: {why}");
            assert!(said.contains(note), "{name}: {said}: {note}");
        }
    }
}

/// A SPIFFE bundle, whose keys are for JWT-SVIDs (its format, section 4.2.2), is not understood.
#[test]
fn a_set_without_a_usable_key_says_why_of_each() {
    let file = |name: &str| folder("spiffe-bundle").join(name);
    let (code, _, said) = verify(&file("policy.toml"), &file("jwks.json"), &file("tokens.txt"));
    assert_eq!(code, 2, "{said}");
    for words in [
        "(ES256): 2 for no token; entry 0 of `keys` (no kid) fits no token: `use` is `x509-svid`",
        "`use` is `jwt-svid`",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

/// RFC 7515 section 2: base64url without padding, and nothing around it.
#[test]
fn what_hinders_a_token_from_being_read_is_told() {
    let padded = explained("padded-parts");
    assert!(padded[0].contains("base64url has no padding"), "{padded:?}");
    assert!(padded[1].contains("the signature does not verify"), "{padded:?}");
    let rows = [
        ("authorization", "leave out what stands before the token"),
        ("bearer", "leave out what stands before the token"),
        ("json", "only the compact form is taken"),
        ("quoted", "leave out the quotation marks"),
        ("utf16", "UTF-16"),
    ];
    for (name, words) in rows {
        let compared = explained_of("key-set-files", "plain.json", &format!("tokens-{name}.txt"));
        assert!(compared[0].contains(words), "{name}: {compared:?}");
    }
}

#[test]
fn a_policy_that_contradicts_itself_is_refused_by_its_key() {
    let rows = [
        ("absent-upper", "types"),
        ("empty-client", "clients"),
        ("empty-claim", "required-claims"),
        ("empty-kind", "subject-kinds"),
        ("nonce-both", "prohibited-claims"),
        ("prohibit-exp", "prohibited-claims"),
    ];
    let keys = folder("types-in-full");
    for (name, key) in rows {
        let policy = folder("contradictions").join(format!("{name}.toml"));
        let (code, codes, said) =
            verify(&policy, &keys.join("jwks.json"), &keys.join("tokens.txt"));
        assert_eq!((code, codes.len()), (2, 0), "{name}: {said}");
        assert!(said.contains(&format!("{name}.toml")) && said.contains(key), "{name}: {said}");
    }
    // No scope is asked for, so that a token may be refused for having any.
    let policy = folder("contradictions").join("prohibit-scope-required.toml");
    let (code, _, said) = verify(&policy, &keys.join("jwks.json"), &keys.join("tokens.txt"));
    assert_eq!(code, 0, "{said}");
}

/// Nineteen files that people took for a key set; RFC 8259 section 8.1 lets a mark be ignored.
#[test]
fn faults_of_a_key_set_file_are_told_apart() {
    let file = |name: &str| folder("key-set-files").join(name);
    let verify =
        |keys: &str, tokens: &str| verify(&file("policy.toml"), &file(keys), &file(tokens));
    for (keys, tokens) in
        [("plain.json", "tokens.txt"), ("bom.json", "tokens.txt"), ("plain.json", "tokens-bom.txt")]
    {
        let (code, codes, said) = verify(keys, tokens);
        assert_eq!(code, 0, "{keys} {tokens}: {said}");
        assert!(codes.iter().all(|code| code == "ACCEPT"), "{keys} {tokens}: {codes:?}");
    }
    let rows = [
        ("array.json", "a JSON array"),
        ("bag-attributes.pem", "is PEM"),
        ("discovery.json", "`jwks_uri`"),
        ("empty-file.json", "is empty"),
        ("empty-in-latin1.json", "is no UTF-8 at line 1, column 7"),
        ("gzip.json", "gzip"),
        ("invalid-utf8-in-x5c.json", "is no UTF-8"),
        ("keys-null.json", "has null"),
        ("keys-object.json", "has an object"),
        ("keys-twice.json", "twice"),
        ("oidc-error.json", "an error of the issuer"),
        ("pem.json", "PEM"),
        ("single.json", "a single key"),
        ("string-in-string.json", "a JSON string that holds JSON"),
        ("trailing-comma.json", "trailing comma"),
        ("trailing-text.json", "trailing characters"),
        ("utf16.json", "UTF-16"),
        ("x509-map.json", "X.509"),
    ];
    for (name, words) in rows {
        let (code, _, said) = verify(name, "tokens.txt");
        assert_eq!(code, 2, "{name}: {said}");
        assert!(said.contains(name) && said.contains(words), "{name}: {said}");
    }
}

/// RFC 7517 section 9.2: whoever can read it can sign.
#[test]
fn a_published_private_key_is_told() {
    let file = |name: &str| folder("private-key-published").join(name);
    let (code, _, said) = verify(&file("policy.toml"), &file("jwks.json"), &file("tokens.txt"));
    assert!(code == 0 && said.contains("holds `d`, which is private"), "{said}");
    let secret = "Ejj77x9ai_Qqv7_cczeXMlRoL3qtK_qCoP72KUuho78";
    assert!(std::fs::read_to_string(file("jwks.json")).unwrap().contains(secret), "in the file");
    assert!(!said.contains(secret), "and nowhere else");
    // Also where the set is refused.
    let folder = tempfile::tempdir().unwrap();
    let refused = folder.path().join("jwks.json");
    let keys = format!("{{\"keys\":[{{\"kty\":\"EC\",\"kid\":\"leak\",\"d\":\"{secret}\"}}]}}");
    std::fs::write(&refused, keys).unwrap();
    let (code, _, said) = verify(&file("policy.toml"), &refused, &file("tokens.txt"));
    assert!(code == 2 && said.contains("(kid `leak`) holds `d`, which is private"), "{said}");
    assert!(!said.contains(secret), "{said}");
}

/// Exit code, stdout and stderr of a command, neither of which drives a terminal.
fn shown(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = command_in(folder).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, said) = (text(output.stdout), text(output.stderr));
    let odd = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    assert!(!out.contains(odd) && !said.contains(odd), "{arguments:?}: {out:?} {said:?}");
    (output.status.code().unwrap(), out, said)
}

/// A title and a contender that would drive a terminal, through every form that is shown.
#[test]
fn control_characters_of_a_file_reach_nobody() {
    let temporary = tempfile::tempdir().unwrap();
    let jwtbench = |arguments: &[&str]| shown(temporary.path(), arguments);
    let scenario = folder("odd-names").join("esc.toml");
    let scenario = scenario.to_str().unwrap();
    let (code, out, _) = jwtbench(&["list", scenario]);
    assert!(code == 0 && out.contains("bell"), "{out}");
    jwtbench(&["list", scenario, "--json"]);
    // With its bound, so that it is ranked.
    let contenders = ["--contender", "core:ring", "--contender", "raw:ring"];
    let (code, _, said) = jwtbench(&[&["run", scenario, "--out", "a"], &contenders[..]].concat());
    assert_eq!(code, 0, "{said}");
    let stored = temporary.path().join("a/result.jsonl");
    let text = std::fs::read_to_string(&stored).unwrap();
    let odd = text.replace("core:ring", "core:ring\\u001b]0;x\\u0007\u{9b}2J\u{7f}");
    assert_ne!(odd, text);
    std::fs::write(&stored, odd).unwrap();
    for form in [
        "terminal", "markdown", "ranking", "answers", "machine", "html", "json", "junit", "picture",
    ] {
        let (code, out, said) = jwtbench(&["report", "a", "--format", form]);
        assert!(code == 0 && !out.is_empty(), "{form}: {said}");
    }
    jwtbench(&["compare", "a", "a"]);
    jwtbench(&["compare", "a", "a", "--markdown"]);
    // What is wrong with a file is told in its own words.
    std::fs::write(&stored, "{\"schema_version\": \"\u{9b}2J\"}").unwrap();
    assert_ne!(jwtbench(&["report", "a"]).0, 0);
    let (code, _, said) = jwtbench(&["run", "no-such-\u{1b}[2J.toml"]);
    assert!(code == 2 && said.contains("no-such-"), "{said}");
}

/// The same of a simulation: titles, prose and names of policies.
#[test]
fn control_characters_of_a_simulation_reach_nobody() {
    let temporary = tempfile::tempdir().unwrap();
    let jwtbench = |arguments: &[&str]| shown(temporary.path(), arguments);
    let simulate = ["simulate", "policy/drill", "--cache-policy", "default", "--offsets", "1"];
    let (code, _, said) = jwtbench(&[&simulate[..], &["-q", "--out", "s"]].concat());
    assert_eq!(code, 0, "{said}");
    let stored = temporary.path().join("s/simulation.jsonl");
    let text = std::fs::read_to_string(&stored).unwrap();
    let odd = "\\u001b]0;x\\u0007\u{9b}2J\u{7f}\\u0000";
    let mut spoilt = text.replace("policy/drill", &format!("policy/drill{odd}"));
    for name in ["default", "users"] {
        spoilt = spoilt.replace(&format!("\"{name}\""), &format!("\"{name}{odd}\""));
    }
    for member in ["title", "analysis", "about"] {
        let begin = format!("\"{member}\":\"");
        spoilt = spoilt.replace(&begin, &format!("{begin}{odd}"));
    }
    assert!(spoilt.matches(odd).count() > 4, "{spoilt}");
    std::fs::write(&stored, spoilt).unwrap();
    for form in ["terminal", "markdown", "html", "junit", "json", "picture"] {
        let (code, out, said) = jwtbench(&["report", "s", "--format", form]);
        assert!(code == 0 && !out.is_empty(), "{form}: {said}");
    }
}

/// A policy's own values are no faults: its tokens fit it, or the scenario is refused by name.
#[test]
fn the_minter_fits_the_policy_or_says_what_cannot_be() {
    let fits = ["audience-begins-beyond-ascii", "audience-upper", "required-email", "required-nbf"];
    let fits = fits.into_iter().chain(["types-in-full"]).map(|name| (name, 0, ""));
    let refused = [
        ("limit-64k", 2, "class `oversized-16k` cannot hold"),
        ("limit-64k", 2, "`max-token-bytes` = 65536"),
        ("required-and-prohibited", 2, "`prohibited-claims`: prohibits `nonce`"),
    ];
    for (name, exit, words) in fits.chain(refused) {
        let path = folder("minter-and-policy").join(format!("{name}.toml"));
        let output = command_in(Path::new(ROOT))
            .args(["check", "--contender", "core:*", "--contender", "jsonwebtoken:*"])
            .arg(&path)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{name}: {said}");
        assert!(said.contains(words), "{name}: {said}");
    }
}
