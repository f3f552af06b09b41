//! Tokens and policies as people bring them: what came out wrong once, with what is right.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// An instant within the life of every token here.
const NOW: &str = "1795000000";

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(name)
}

/// What each line is said to have been compared with.
fn explained(name: &str) -> Vec<String> {
    let file = |file: &str| folder(name).join(file);
    let output = Command::new(env!("CARGO_BIN_EXE_jwtbench"))
        .args(["verify", "--now", NOW, "--explain", "--policy"])
        .arg(file("policy.toml"))
        .arg("--jwks")
        .args([file("jwks.json"), file("tokens.txt")])
        .output()
        .unwrap();
    let compared = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        line["compared"].as_str().unwrap_or_default().to_owned()
    };
    String::from_utf8(output.stdout).unwrap().lines().map(compared).collect()
}

/// Exit code, the code of each line, and stderr.
fn verify(policy: &Path, key_set: &Path, tokens: &Path) -> (i32, Vec<String>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_jwtbench"))
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
    let rows: [(&str, &[&str], &str); 2] = [
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

/// Seventeen files that people took for a key set; RFC 8259 section 8.1 lets a mark be ignored.
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
        ("discovery.json", "`jwks_uri`"),
        ("empty-file.json", "is empty"),
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
}
