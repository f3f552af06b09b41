//! Files of any size: what is over its limit is refused by name, size and limit, and what is within
//! it takes time and memory in proportion. The figures are for a release build; a debug build gets
//! eight times as long, which is still far less than the square of anything.

#![allow(clippy::unwrap_used)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use jwtbench_result::record::stored_file::LIMIT as RESULT;
use jwtbench_scenario::format::bounded_file;

use crate::binary::scenario_file;

const BINARY: &str = env!("CARGO_BIN_EXE_jwtbench");
/// How long it may take.
const TIME: Duration = Duration::from_secs(if cfg!(debug_assertions) { 40 } else { 5 });
/// How much may be resident.
const MEMORY: u64 = 1 << 30;
/// Events, and usable keys under one kid.
const MANY: usize = 100_000;

/// Runs a command within limits of time and memory.
fn bounded(args: &[&str], why: &str) -> Output {
    let begun = Instant::now();
    let mut command = Command::new(BINARY);
    let out = tempfile::tempfile().unwrap();
    let err = tempfile::tempfile().unwrap();
    command.args(args).stdin(Stdio::null());
    command.stdout(out.try_clone().unwrap()).stderr(err.try_clone().unwrap());
    let mut child = command.spawn().unwrap();
    let mut highest = 0;
    let status = loop {
        // Of a process that has ended there is nothing to read.
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kb = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
        highest = highest.max(kb.unwrap_or(0) << 10);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > TIME || highest > MEMORY {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{why}: after {:?} with {highest} bytes", begun.elapsed());
        }
        thread::sleep(Duration::from_millis(5));
    };
    let read = |mut file: File| {
        use std::io::{Read as _, Seek as _};
        let mut text = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut text).unwrap();
        text
    };
    Output { status, stdout: read(out), stderr: read(err) }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A file of so many bytes, all of them zero, which take no room.
fn sparse(path: &Path, bytes: u64) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    File::create(path).unwrap().set_len(bytes).unwrap();
    path.to_owned()
}

#[test]
fn a_file_over_its_limit_is_refused_by_name_size_and_limit() {
    use bounded_file::{KEY_SET, POLICY, SCENARIO, TOKENS};
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    fs::write(at("policy.toml"), "algorithms = [\"EdDSA\"]\n").unwrap();
    let entry = r#"{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"one","x":"#;
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    fs::write(at("set.json"), format!(r#"{{"keys":[{entry}"{x}"}}]}}"#)).unwrap();
    fs::write(at("tokens.txt"), "a.b.c\n").unwrap();
    let (policy, set, tokens) =
        (text(&at("policy.toml")), text(&at("set.json")), text(&at("tokens.txt")));
    let big = |name: &str, limit: u64| text(&sparse(&at(name), limit + 7));
    let scenario = big("user/big.toml", SCENARIO);
    let (rules, cache) = (big("rules.toml", POLICY), big("cache.toml", POLICY));
    let (keys, many) = (big("keys.json", KEY_SET), big("many.txt", TOKENS));
    let (result, simulation) = (big("a/result.jsonl", RESULT), big("b/simulation.jsonl", RESULT));
    let rows: [(&[&str], &str, u64); 9] = [
        (&["check", &scenario], &scenario, SCENARIO),
        (&["run", "hot-path/accept", "--policy", &rules], &rules, POLICY),
        (&["run", "hot-path/accept", "--cache-policy", &cache], &cache, POLICY),
        (&["verify", "--policy", &rules, "--jwks", &set, &tokens], &rules, POLICY),
        (&["verify", "--policy", &policy, "--jwks", &keys, &tokens], &keys, KEY_SET),
        (&["run", "--policy", &policy, "--jwks", &set, "--tokens", &many], &many, TOKENS),
        (&["report", &result], &result, RESULT),
        (&["compare", &result, &result], &result, RESULT),
        (&["report", &simulation], &simulation, RESULT),
    ];
    for (args, file, limit) in rows {
        let output = bounded(args, &args.join(" "));
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        let (size, limit) = (format!("{} bytes", limit + 7), format!("at most {limit} bytes"));
        for words in [file, &size, &limit] {
            assert!(said.contains(words), "{args:?}: `{words}` is not in: {said}");
        }
        assert!(!said.contains("panicked"), "{args:?}: {said}");
    }
    let endless = ["verify", "--policy", &policy, "--jwks", "/dev/zero", &tokens];
    let said = said(&bounded(&endless, "a file without an end"));
    assert!(said.contains("/dev/zero") && said.contains("it goes on"), "{said}");
}

/// A scenario of a second with so many events, each of them as `action` says for its number.
fn events(folder: &Path, action: &dyn Fn(usize) -> String) -> String {
    let mut text = "title = \"t\"\nanalysis = \"a\"\nalgorithms = [\"EdDSA\"]\n[load]\n\
                    arrivals = \"constant\"\nworkers = 1\nwarmup = \"1ms\"\nduration = \"1s\"\n\
                    [[stream]]\nname = \"users\"\nrate = 100\ntokens = { valid = 100 }\n\
                    [[event]]\nat = \"1ms\"\npublish-key = \"next\"\n"
        .to_owned();
    if action(0).starts_with("revoke-tokens") {
        text.push_str("[state]\n");
    }
    for number in 0..MANY {
        let at = 10_000 + 9 * number;
        text.push_str(&format!("[[event]]\nat = \"{at}us\"\n{}\n", action(number)));
    }
    scenario_file(folder, "user/events", &text)
}

#[test]
fn a_hundred_thousand_events_end_in_time() {
    let either = |number: usize, one: &str, other: &str| match number % 2 {
        0 => one.to_owned(),
        _ => other.to_owned(),
    };
    let keys = |number| either(number, "withdraw-key = \"next\"", "publish-key = \"next\"");
    let signs = |number| either(number, "sign-with = \"next\"", "sign-with = \"current\"");
    let revokes = |_| "revoke-tokens = { stream = \"users\", share = 1 }".to_owned();
    let evicts = |_| "evict = \"next\"".to_owned();
    let fresh = |number| format!("publish-key = \"key-{number}\"");
    let others = |_| "revoke-tokens = { others = 1000 }".to_owned();
    type Row<'r> = (&'r dyn Fn(usize) -> String, i32, &'r str, &'r str);
    let rows: [Row<'_>; 6] = [
        (&keys, 0, "PASSED", "a key comes and goes"),
        (&signs, 0, "PASSED", "keys take turns"),
        (&revokes, 0, "PASSED", "tokens are revoked"),
        (&evicts, 0, "PASSED", "a key is evicted"),
        (&fresh, 2, "hold over 500000 keys together", "a set that only grows"),
        (&others, 2, "over 1000000 tokens under `others`", "a list that only grows"),
    ];
    for (action, code, words, why) in rows {
        let folder = tempfile::tempdir().unwrap();
        let path = events(folder.path(), action);
        let output = bounded(&["check", &path, "--contender", "core:ring"], why);
        let said = said(&output) + &String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{why}: {said}");
        assert!(said.contains(words), "{why}: {said}");
    }
}

/// About half of all texts of 32 bytes are a point of the curve; the others are skipped.
fn entries(differ: bool) -> String {
    let entry = |number: usize| {
        let x = URL_SAFE_NO_PAD.encode(Sha256::digest(number.to_be_bytes()));
        format!(r#"{{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"one","x":"{x}"}}"#)
    };
    let entries: Vec<String> = match differ {
        true => (0..2 * MANY).map(entry).collect(),
        // Of the first few at least one is a point.
        false => (0..MANY).map(|number| entry(number % 8)).collect(),
    };
    format!(r#"{{"keys":[{}]}}"#, entries.join(","))
}

#[test]
fn a_hundred_thousand_keys_under_one_kid_end_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (policy, set, tokens) = (at("policy.toml"), at("set.json"), at("tokens.txt"));
    fs::write(&policy, "algorithms = [\"EdDSA\"]\n").unwrap();
    let parts = [&br#"{"alg":"EdDSA","kid":"one","typ":"at+jwt"}"#[..], b"{}", &[1; 64]];
    let token = parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".");
    fs::write(&tokens, format!("{token}\n").repeat(100)).unwrap();
    for differ in [true, false] {
        fs::write(&set, entries(differ)).unwrap();
        let named = ["--policy", &policy, "--jwks", &set];
        for explain in [&[][..], &["--explain"]] {
            let args = [&["verify"][..], &named, explain, &[&tokens]].concat();
            let output = bounded(&args, &format!("verify, different: {differ}"));
            let out = String::from_utf8_lossy(&output.stdout);
            assert_eq!(out.lines().count(), 100, "{}", said(&output));
            assert!(out.contains("JWT_KEY_AMBIGUOUS"), "{out}");
        }
        let out = at("out");
        let rest = ["--tokens", &tokens, "--contender", "core:ring", "--rounds", "1"];
        let last = ["--duration", "200ms", "--out", &out, "--force"];
        let args = [&["run"][..], &named, &rest, &last].concat();
        let output = bounded(&args, &format!("run, different: {differ}"));
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }
}
