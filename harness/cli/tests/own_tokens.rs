//! `run --tokens`: the user's own tokens as a corpus, with the verdicts on which the core agrees.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

fn jwtbench(folder: &Path, args: &[&str]) -> Output {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let named = |arg: &&str| match arg.strip_prefix('@') {
        Some(file) => folder.join(file).display().to_string(),
        None => (*arg).to_owned(),
    };
    let args: Vec<String> = args.iter().map(named).collect();
    Command::new(env!("CARGO_BIN_EXE_jwtbench")).current_dir(root).args(args).output().unwrap()
}

/// A pack of one algorithm, its texts one a line in `tokens.txt`.
fn pack() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let args = ["mint", "--out", "@", "--algorithm", "EdDSA", "--per-class", "2"];
    assert!(jwtbench(folder.path(), &args).status.success());
    let inner = folder.path().join("EdDSA");
    (folder, inner)
}

fn tokens(folder: &Path, keep: impl Fn(&Value) -> bool) -> usize {
    let lines = fs::read_to_string(folder.join("tokens.jsonl")).unwrap();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    // Revocation is the issuer's to tell, and no file says it.
    let stateless =
        |line: &Value| !["revoked", "stale-version"].contains(&line["class"].as_str().unwrap());
    let texts: Vec<String> = lines
        .filter(|line| stateless(line) && keep(line))
        .filter_map(|line| line["token"].as_str().map(str::to_owned))
        .filter(|text| !text.contains(['\n', '\r']))
        .collect();
    fs::write(folder.join("tokens.txt"), texts.join("\n") + "\n").unwrap();
    texts.len()
}

const FILES: [&str; 10] = [
    "run",
    "--tokens",
    "@tokens.txt",
    "--jwks",
    "@jwks.json",
    "--policy",
    "@policy.toml",
    "--now",
    "1767225600",
    "--json",
];

#[test]
fn measures_and_judges_the_users_tokens() {
    let (_pack, folder) = pack();
    let count = tokens(&folder, |_| true);
    assert!(count > 100, "{count} tokens");
    let more = ["--out", "@out", "--duration", "60ms", "--rounds", "1", "--contender", "core:*"];
    let output = jwtbench(&folder, &[&FILES[..], &more].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("JWT_EXPIRED") && said.contains("ACCEPT"), "{said}");
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let measurements = result["measurements"].as_array().unwrap();
    assert!(measurements.len() >= 3, "every backend");
    for measurement in measurements {
        assert_eq!(measurement["scenario"], "own/tokens");
        assert_eq!(measurement["verdicts"]["wrong"], 0);
        let codes = measurement["conformance"].as_array().unwrap().iter();
        let codes: BTreeSet<&str> = codes.map(|cell| cell["got"].as_str().unwrap()).collect();
        assert!(codes.len() > 20, "{codes:?}");
    }
    assert!(folder.join("out/index.html").exists());
}

#[test]
fn bounds_run_where_every_token_is_good() {
    let (_pack, folder) = pack();
    assert!(tokens(&folder, |line| line["class"] == "valid") > 0);
    let more = ["--out", "@out", "--duration", "20ms", "--rounds", "1"];
    let output = jwtbench(&folder, &[&FILES[..], &more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let contenders = result["measurements"].as_array().unwrap().iter();
    let contenders: Vec<&str> = contenders.map(|m| m["contender"].as_str().unwrap()).collect();
    for name in ["core:ring", "raw:ring", "jsonwebtoken:aws-lc-rs", "null:"] {
        assert!(contenders.contains(&name), "{name} is not among {contenders:?}");
    }
}

/// What a replay is told, what it ends with and what it says.
type Row<'a> = (&'a [&'a str], i32, &'a str);

#[test]
fn a_replay_takes_the_same_tokens_again_and_no_others() {
    let (_pack, folder) = pack();
    tokens(&folder, |line| line["class"] == "valid" || line["class"] == "expired");
    let more = ["--out", "@out", "--duration", "20ms", "--rounds", "1", "--contender", "core:ring"];
    let output = jwtbench(&folder, &[&FILES[..], &more].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(folder.join("tokens.txt")).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    fs::write(folder.join("others.txt"), rest).unwrap();
    assert!(!first.is_empty());
    let rows: [Row<'_>; 6] = [
        (&["--tokens", "@tokens.txt", "--jwks", "@jwks.json"], 0, "core:ring"),
        (&["--tokens", "@others.txt", "--jwks", "@jwks.json"], 2, "tokens are not the same"),
        (&["--tokens", "@none.txt", "--jwks", "@jwks.json"], 2, "none.txt: cannot be read"),
        (&["--tokens", "@tokens.txt", "--jwks", "@none.json"], 2, "none.json: cannot be read"),
        (&["--tokens", "@tokens.txt"], 2, "--jwks"),
        (&[], 2, "name them again with --tokens and --jwks"),
    ];
    for (options, code, words) in rows {
        let replay = ["replay", "@out", "-q", "--out", "@again", "--force"];
        let output = jwtbench(&folder, &[&replay[..], options].concat());
        let [out, err] = [output.stdout, output.stderr].map(|t| String::from_utf8(t).unwrap());
        assert_eq!(output.status.code(), Some(code), "{options:?}: {err}");
        let said = format!("{out}{err}").split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(words), "{options:?}: {said}");
    }
    let [base, again] = ["out", "again"].map(|name| {
        let text = fs::read_to_string(folder.join(name).join("result.json")).unwrap();
        let result: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(result["scenarios"][0]["judged_at_s"], 1_767_225_600);
        result["measurements"][0]["verdict_stream"]["hash"].clone()
    });
    assert_eq!(base, again, "the same verdicts, as of the same instant");
}

#[test]
fn faults_are_named() {
    let (_pack, folder) = pack();
    tokens(&folder, |line| line["class"] == "valid");
    fs::write(folder.join("empty.txt"), "").unwrap();
    let swap = |from: &'static str, to: &'static str| {
        FILES.map(|arg| if arg == from { to } else { arg }).to_vec()
    };
    let rows = [
        (swap("@tokens.txt", "@none.txt"), "cannot be read"),
        (swap("@tokens.txt", "@empty.txt"), "holds no token"),
        (swap("@jwks.json", "@policy.toml"), "no JSON object with an array `keys`"),
        (swap("@policy.toml", "@jwks.json"), "jwks.json"),
        (vec!["run", "--tokens", "@tokens.txt"], "--jwks"),
        ([&FILES[..], &["hot-path/accept"]].concat(), "cannot be used with"),
        ([&FILES[..], &["--algorithm", "RS256", "--out", "@out"]].concat(), "none of your tokens"),
    ];
    for (args, words) in rows {
        let output = jwtbench(&folder, &args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {said}");
    }
}
