//! `jwtbench verify` as a user meets it: a verdict a line, explanations that show nothing of a
//! token, files with faults, and any input in bounded memory.

#![allow(clippy::unwrap_used)]

mod presented;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use inline::scenario;
use tempfile::TempDir;

use jwtbench_scenario::format::policy_file;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::plan::{EPOCH, Plan};
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::tick::Tick;

use crate::binary::command_in;
use crate::inline;

const SCENARIO: &str = r#"
title = "t"
analysis = "a"
[load]
arrivals = "constant"
duration = "1s"
[[stream]]
name = "users"
rate = 2000
tokens = { valid = 50, expired = 20, bad-signature = 10, scope-missing = 10, unknown-kid = 10 }
"#;

/// A policy, a key set and tokens in a folder.
struct TestIssuer {
    folder: TempDir,
    plan: Plan,
}

impl TestIssuer {
    fn new() -> TestIssuer {
        let folder = tempfile::tempdir().unwrap();
        let scenario = scenario(SCENARIO);
        let plan = Plan::new(&scenario, Algorithm::ES256, &Signers::new(1), &|_| {});
        let test_issuer = TestIssuer { folder, plan };
        test_issuer.put("api.toml", policy_file::text(&scenario.policy));
        test_issuer.put("jwks.json", &test_issuer.plan.timeline.at(Tick::ZERO).body);
        test_issuer
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn put(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The first token of a class.
    fn token(&self, class: &str) -> String {
        let mut tokens = self.plan.corpus.tokens.iter();
        let found = tokens.find(|token| token.class.name() == class).unwrap();
        String::from_utf8(found.bytes.to_vec()).unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = command_in(self.folder.path());
        command.args(["verify", "--policy", "api.toml", "--jwks", "jwks.json"]).args(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn spawn(&self, args: &[&str]) -> Child {
        let now = EPOCH.seconds().to_string();
        self.command(args).args(["--now", &now]).spawn().unwrap()
    }

    /// What comes out when this goes in.
    fn run(&self, args: &[&str], input: &[u8]) -> Output {
        fed(self.spawn(args), input)
    }

    /// The lines that come out when this goes in; the command passes and says nothing else.
    fn verdicts(&self, args: &[&str], input: &[u8]) -> Vec<String> {
        let output = self.run(args, input);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.as_str()), (Some(0), ""));
        String::from_utf8(output.stdout).unwrap().lines().map(String::from).collect()
    }

    /// A faulty command ends with 2, says nothing on standard output, and these words.
    fn check_fault(&self, args: &[&str], words: &[&str]) {
        let output = self.run(args, b"");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(output.stdout.is_empty(), "{args:?}");
        for word in words {
            assert!(said.contains(word), "{args:?}: `{word}` is not in: {said}");
        }
    }
}

/// Feeds a child and gathers what it says. Whether it reads to the end is its own matter.
fn fed(mut child: Child, input: &[u8]) -> Output {
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || _ = stdin.write_all(input));
        child.wait_with_output().unwrap()
    })
}

fn accept(line: u64) -> String {
    format!("{{\"line\":{line},\"verdict\":\"accept\"}}")
}

fn reject(line: u64, code: &str, status: u16) -> String {
    format!("{{\"line\":{line},\"verdict\":\"reject\",\"code\":\"{code}\",\"status\":{status}}}")
}

#[test]
fn a_verdict_a_line() {
    let test_issuer = TestIssuer::new();
    let classes = ["valid", "expired", "bad-signature", "scope-missing", "unknown-kid"];
    let tokens = classes.map(|class| test_issuer.token(class)).join("\n");
    let expected = [
        accept(1),
        reject(2, "JWT_EXPIRED", 401),
        reject(3, "JWT_BAD_SIGNATURE", 401),
        reject(4, "JWT_SCOPE_INSUFFICIENT", 403),
        reject(5, "JWT_UNKNOWN_KID", 401),
    ];
    assert_eq!(test_issuer.verdicts(&[], tokens.as_bytes()), expected, "standard input");
    assert_eq!(test_issuer.verdicts(&["-"], tokens.as_bytes()), expected, "the same, named");
    test_issuer.put("tokens.txt", format!("{tokens}\n"));
    assert_eq!(test_issuer.verdicts(&["tokens.txt"], b""), expected, "a file");
    for backend in jwtbench_verifier::backend::available() {
        let contender = format!("core:{}", backend.name());
        let got = test_issuer.verdicts(&["--contender", &contender, "tokens.txt"], b"");
        assert_eq!(got, expected, "{contender}");
    }
    test_issuer.put("tokens.txt", "");
    assert!(test_issuer.verdicts(&["tokens.txt"], b"").is_empty(), "an empty file");
}

#[test]
fn every_token_of_a_corpus_gets_the_code_due() {
    let test_issuer = TestIssuer::new();
    let tokens = &test_issuer.plan.corpus.tokens;
    let text: Vec<u8> =
        tokens.iter().flat_map(|token| [&token.bytes[..], b"\n"].concat()).collect();
    let got = test_issuer.verdicts(&[], &text);
    let due = tokens.iter().zip(1..).map(|(token, line)| match token.class.row().due {
        None => accept(line),
        Some(code) => reject(line, code.code(), code.status()),
    });
    assert!(tokens.len() > 200);
    assert_eq!(got, due.collect::<Vec<String>>());
}

#[test]
fn now_is_what_it_is_told() {
    let test_issuer = TestIssuer::new();
    let token = test_issuer.token("valid");
    let later = |seconds: i64| (EPOCH.seconds() + seconds).to_string();
    let expired = || reject(1, "JWT_EXPIRED", 401);
    let rows: [(&[&str], String); 4] = [
        (&["--now", &later(10)], accept(1)),
        (&["--now", &later(10_000_000)], expired()),
        (&["--now", "-1"], reject(1, "JWT_ISSUED_IN_FUTURE", 401)),
        // The wall clock is past the first of January 2026.
        (&[], expired()),
    ];
    for (args, expected) in rows {
        let output = fed(test_issuer.command(args).spawn().unwrap(), token.as_bytes());
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(said, expected + "\n", "{args:?}");
    }
}

#[test]
fn a_line_is_judged_to_the_byte() {
    let test_issuer = TestIssuer::new();
    let good = test_issuer.token("valid");
    let malformed = |line| reject(line, "JWT_MALFORMED", 401);
    let missing = |line| reject(line, "JWT_MISSING", 401);
    let oversized = |line| reject(line, "JWT_OVERSIZED", 401);
    let rows: [(Vec<u8>, Vec<String>, &str); 8] = [
        (format!("\n{good}\n\n").into(), vec![missing(1), accept(2), missing(3)], "empty lines"),
        (format!("{good}\r\n\r\n").into(), vec![accept(1), missing(2)], "CR LF"),
        (format!("{good}\n{good}").into(), vec![accept(1), accept(2)], "no end of the last"),
        (format!(" {good}\n{good}\t\n").into(), vec![malformed(1), malformed(2)], "white space"),
        (format!("{good}\0\n").into(), vec![malformed(1)], "a NUL"),
        (format!("Bearer {good}\n").into(), vec![malformed(1)], "a scheme"),
        (vec![0xff, 0, b'\n', b'.', 0x80, b'.', b'\n'], vec![malformed(1), malformed(2)], "bytes"),
        (
            format!("{}\n{good}\n{}\n", "x".repeat(8193), "x".repeat(8192)).into(),
            vec![oversized(1), accept(2), malformed(3)],
            "the limit",
        ),
    ];
    for (input, expected, why) in rows {
        assert_eq!(test_issuer.verdicts(&[], &input), expected, "{why}");
    }
}

#[test]
fn a_long_line_is_not_kept() {
    let test_issuer = TestIssuer::new();
    let mut input = vec![b'.'; 10 << 20];
    input.extend(b"\r\n");
    input.extend(test_issuer.token("valid").as_bytes());
    let got = test_issuer.verdicts(&["--explain"], &input);
    let expected = "\"step\":1,\"step_name\":\"length\",\
                    \"compared\":\"10485760 bytes > max-token-bytes 8192\"}";
    assert!(got[0].ends_with(expected), "{}", got[0]);
    assert!(got[1].starts_with("{\"line\":2,\"verdict\":\"accept\""), "{}", got[1]);
}

#[test]
fn an_explanation_names_the_step_and_shows_no_token() {
    let test_issuer = TestIssuer::new();
    let tokens = &test_issuer.plan.corpus.tokens;
    let text: Vec<u8> =
        tokens.iter().flat_map(|token| [&token.bytes[..], b"\n"].concat()).collect();
    let got = test_issuer.verdicts(&["--explain"], &text);
    assert_eq!(got.len(), tokens.len());
    for (token, line) in tokens.iter().zip(&got) {
        let answer: serde_json::Value = serde_json::from_str(line).unwrap();
        let (step, words) = match token.class.name() {
            "expired" => (10, " + leeway 30 s <= now 1767225600"),
            "bad-signature" => (8, "does not verify: ES256 under kid `current-"),
            "scope-missing" => (12, "scopes lack `invoice:read`"),
            "unknown-kid" => (7, "is none of the key set's"),
            _ => (12, "every step passed"),
        };
        assert_eq!(answer["step"], step, "{line}");
        let compared = answer["compared"].as_str().unwrap();
        assert!(compared.contains(words), "{line}");
        assert!(!line.contains(&*token.facts.jwt_id), "{line}");
        let mut parts = token.bytes.windows(16).map(String::from_utf8_lossy);
        let shown = parts.find(|part| line.contains(&**part));
        assert_eq!(shown, None, "a part of the token is in {line}");
    }
}

#[test]
fn a_faulty_policy_is_named_with_its_line() {
    let test_issuer = TestIssuer::new();
    let rows: [(&str, &[&str]); 5] = [
        ("isuer = \"x\"", &["api.toml:1: ", "`isuer`", "`issuer`"]),
        ("\nleeway = \"1h\"", &["api.toml:2: ", "`leeway`", "choose 0 s to 300 s"]),
        ("algorithms = [\"none\"]", &["api.toml:1: ", "`none`", "ES256"]),
        (SCENARIO, &["api.toml:", "unknown field", "at its top level"]),
        ("issuer =", &["api.toml:1: "]),
    ];
    for (text, words) in rows {
        test_issuer.put("api.toml", text);
        test_issuer.check_fault(&[], words);
    }
    fs::remove_file(test_issuer.path("api.toml")).unwrap();
    test_issuer.check_fault(&[], &["api.toml: cannot be read", "name a policy file"]);
}

#[test]
fn a_faulty_key_set_is_named_with_its_remedy() {
    let test_issuer = TestIssuer::new();
    let oct = r#"{"keys":[{"kty":"oct","k":"AAAA"},{"kty":"EC","crv":"P-256"}]}"#;
    let rows: [(&str, &[&str]); 5] = [
        ("<html>", &["jwks.json: no JSON object with an array `keys`", "HTML", "`jwks_uri`"]),
        ("{\"kty\":\"EC\"}", &["jwks.json: no JSON object", "a single key; wrap it"]),
        ("{\"keys\":[]}", &["jwks.json: the array `keys` is empty"]),
        (oct, &["jwks.json: no entry is a usable key", "1 symmetric", "1 missing-member"]),
        (oct, &["RS256, ES256, EdDSA", "`algorithms` in api.toml"]),
    ];
    for (text, words) in rows {
        test_issuer.put("jwks.json", text);
        test_issuer.check_fault(&[], words);
    }
    fs::remove_file(test_issuer.path("jwks.json")).unwrap();
    test_issuer.check_fault(&[], &["jwks.json: cannot be read"]);
}

#[test]
fn entries_that_are_not_used_are_told() {
    let test_issuer = TestIssuer::new();
    let body = &test_issuer.plan.timeline.at(Tick::ZERO).body;
    let mut set: serde_json::Value = serde_json::from_slice(body).unwrap();
    let keys = set["keys"].as_array_mut().unwrap();
    let keys_before = keys.len();
    keys.push(serde_json::json!({ "kty": "oct", "k": "AAAA", "kid": "a" }));
    keys.push(serde_json::json!({ "kty": "oct", "k": "BBBB" }));
    keys.push(serde_json::json!("a text"));
    test_issuer.put("jwks.json", set.to_string());
    let token = test_issuer.token("valid");
    let output = test_issuer.run(&[], token.as_bytes());
    let said = String::from_utf8(output.stderr).unwrap();
    let last = keys_before + 2;
    let words = [
        format!("jwks.json: entry {keys_before} of `keys` (kid `a`) is skipped, symmetric: "),
        format!("jwks.json: entry {last} of `keys` is skipped, not-a-jwk: it is no JSON"),
    ];
    for words in words {
        assert!(said.contains(&words), "{words}: {said}");
    }
    assert_eq!(String::from_utf8(output.stdout).unwrap(), accept(1) + "\n");
    // With -q nothing of that, but what must not be published is told.
    let output = test_issuer.run(&["-q"], token.as_bytes());
    assert_eq!(String::from_utf8(output.stdout).unwrap(), accept(1) + "\n");
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(said.lines().all(|line| line.contains("holds `k`, which is private")), "{said}");
    let keys = set["keys"].as_array_mut().unwrap();
    keys.extend((0..20).map(|_| serde_json::json!({ "kty": "oct" })));
    test_issuer.put("jwks.json", set.to_string());
    let said = String::from_utf8(test_issuer.run(&[], token.as_bytes()).stderr).unwrap();
    assert!(said.contains("jwks.json: 7 more entries are not used: 7 symmetric"), "{said}");
    assert!(said.lines().count() < 25, "{said}");
}

#[test]
fn only_the_verifier_core_judges() {
    let test_issuer = TestIssuer::new();
    for contender in ["core:null", "null:", "raw:ring", "jsonwebtoken:aws-lc-rs", "ring", "core:*"]
    {
        test_issuer
            .check_fault(&["--contender", contender], &[contender, "core:ring", "core:aws-lc-rs"]);
    }
    let rows = [("ring", "mean `core:ring`?"), ("core:opensl", "build with `--features openssl`")];
    for (contender, words) in rows {
        test_issuer.check_fault(&["--contender", contender], &[words]);
    }
    test_issuer.check_fault(&["no-such.txt"], &["no-such.txt: cannot be read", "or `-`"]);
    test_issuer.check_fault(&["."], &[".: cannot be read"]);
    test_issuer.check_fault(&["--now", "1"], &["--now", "multiple times"]);
}

/// Peak memory of a process, in kilobytes; `None` where there is no /proc.
fn peak_kilobytes(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Verdicts come while the input still goes on, and memory does not grow with it.
#[test]
fn many_lines_stream_in_bounded_memory() {
    let test_issuer = TestIssuer::new();
    let mut child = test_issuer.spawn(&[]);
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    writeln!(stdin, "{}", test_issuer.token("valid")).unwrap();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line.trim_end(), accept(1), "the first verdict, before the second token");
    let before = peak_kilobytes(&child);
    let reader = std::thread::spawn(move || stdout.lines().count());
    // 200 000 lines, and 100 MB in a few long ones.
    for _ in 0..200 {
        stdin.write_all(&b"e30.e30.e30\n".repeat(1000)).unwrap();
    }
    for _ in 0..100 {
        stdin.write_all(&[b'x'; 1 << 20]).unwrap();
        stdin.write_all(b"\n").unwrap();
    }
    let after = peak_kilobytes(&child);
    drop(stdin);
    assert_eq!(reader.join().unwrap(), 200_100);
    assert!(child.wait().unwrap().success());
    if let (Some(before), Some(after)) = (before, after) {
        assert!(after < before + 4096, "{before} kB, then {after} kB");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let test_issuer = TestIssuer::new();
    let mut child = test_issuer.spawn(&[]);
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    // It ends with nobody to read, so this may find nobody to write to.
    _ = stdin.write_all(&b"e30.e30.e30\n".repeat(50_000));
    drop(stdin);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}
