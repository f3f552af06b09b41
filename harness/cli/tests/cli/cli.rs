//! The command line as a user meets it: exit codes, messages that name file and remedy, nothing
//! overwritten, a partial result on Ctrl-C, and no secret in anything it writes.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use binary::{ROOT, check_stderr, command_in, jwtbench, scenario_file, send};

use jwtbench_result::{RunResult, SCHEMA_VERSION, StoredForm};
use jwtbench_scenario::catalogue::Catalogue;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::plan::Plan;

use crate::binary;

const GOOD: &str = r#"
title = "t"
analysis = "a"
algorithms = ["EdDSA"]
[load]
arrivals = "poisson"
warmup = "20ms"
duration = "200ms"
[[stream]]
name = "users"
rate = 300
tokens = { valid = 90, expired = 10 }
[endpoint]
latency = "1ms"
[expect]
"all.users.valid.lockouts" = "== 0"
"#;

fn out(folder: &Path) -> String {
    folder.join("out").to_str().unwrap().to_owned()
}

#[test]
fn a_faulty_scenario_is_named_with_line_and_remedy() {
    let rows: [(&str, &str, &[&str]); 13] = [
        ("rate = 300", "rat = 300", &["scenario.toml:11", "rat"]),
        ("valid = 90", "vald = 90", &["scenario.toml:9", "vald", "jwtbench list"]),
        ("expired = 10", "expired = 9", &["scenario.toml:9", "sum to 99"]),
        ("rate = 300", "rate = 0", &["scenario.toml:11", "rate"]),
        (".lockouts", ".lockout", &["unknown metric `lockout`", "lockouts"]),
        ("latency = \"1ms\"", "fault = \"refusd\"", &["unknown fault `refusd`", "refused"]),
        ("[endpoint]", "[cache]\npolicy = \"x\"\n[endpoint]", &["cache policy `x`", "default"]),
        ("[expect]", "[expect.strict]", &["no such cache policy", "default"]),
        (
            "[expect]",
            "[expect.default]\n\"all.all.all.late\" = \"== 0\"\n\"all.x.y.late\" = \"== 0\"",
            &["scenario.toml:17", "unknown stream `x`", "users"],
        ),
        ("all.users", "alll.users", &["scenario.toml:16", "unknown phase `alll`", "start"]),
        ("all.users", "all.usrs", &["scenario.toml:16", "unknown stream `usrs`", "users"]),
        (".valid.lockouts", ".vald.lockouts", &["scenario.toml:16", "class or code `vald`"]),
        (
            "[expect]",
            "[[phase]]\nname = \"late\"\nat = \"1s\"\n[expect]",
            &["begins after the end", "duration"],
        ),
    ];
    for (old, new, words) in rows {
        let folder = tempfile::tempdir().unwrap();
        let path = scenario_file(folder.path(), "user/scenario", &GOOD.replace(old, new));
        let output = jwtbench(&["run", &path, "--out", &out(folder.path())]);
        check_stderr(&output, 2, words, new);
        assert!(!folder.path().join("out").exists(), "{new}: nothing is written");
    }
}

#[test]
fn a_faulty_command_says_what_would_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = scenario_file(folder.path(), "user/scenario", GOOD);
    let out = out(folder.path());
    let blocked = folder.path().join("blocked");
    fs::write(&blocked, "a file").unwrap();
    let inside = blocked.join("out").to_str().unwrap().to_owned();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    let rows: [(&[&str], &[&str]); 9] = [
        (&["run", "no/such", "--out", &out], &["no scenario matches `no/such`"]),
        (&["run", &path, "--contender", "core:x", "--out", &out], &["core:x", "core:ring"]),
        (&["run", &path, "--algorithm", "HS256", "--out", &out], &["HS256", "ES256"]),
        (&["run", &path, "--rate", "0", "--out", &out], &["--rate"]),
        (&["run", &path, "--workers", "0", "--out", &out], &["--workers"]),
        (&["run", &path, "--out", &inside], &["cannot be written", "choose another"]),
        (&["run", &path, "--port", &port, "--out", &out], &[&port, "in use"]),
        (&["report", "no-such.json"], &["cannot read no-such.json"]),
        (&["diverge", "--out", &inside], &["cannot be written", "choose another"]),
    ];
    for (args, words) in rows {
        check_stderr(&jwtbench(args), 2, words, &args.join(" "));
    }
}

/// A library that panics on an input is a row of the table, and no noise on the terminal.
#[test]
fn diverge_answers_quietly() {
    let output = jwtbench(&["diverge", "--json"]);
    check_stderr(&output, 0, &[], "diverge");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let table: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(table["groups"][0]["rows"][0]["observed"].is_array(), "the answers to an input");
}

#[test]
fn a_result_is_whole_kept_and_rendered_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = scenario_file(folder.path(), "user/scenario", GOOD);
    let out = out(folder.path());
    let run = ["run", &path, "--contender", "core:*", "--out", &out, "-q"];
    let first = jwtbench(&run);
    check_stderr(&first, 0, &[], "a good run");
    assert!(first.stdout.is_empty(), "-q prints nothing");
    let stored = PathBuf::from(&out).join("result.jsonl");
    let before = fs::read(&stored).unwrap();
    check_stderr(&jwtbench(&run), 2, &["holds a result already", "--force"], "a second run");
    assert_eq!(fs::read(&stored).unwrap(), before, "nothing is overwritten");

    let result = RunResult::read(&stored).unwrap();
    assert!(!result.partial && result.wrong() == 0 && !result.measurements.is_empty());
    let html = fs::read(PathBuf::from(&out).join("index.html")).unwrap();
    let again = jwtbench(&["report", &out, "--format", "html"]);
    assert_eq!(again.stdout, html, "a stored result renders to the same page");
    let piped = String::from_utf8(jwtbench(&["report", &out]).stdout).unwrap();
    assert!(!piped.contains('\u{1b}'), "no escape codes in a pipe");
    assert!(piped.lines().all(|line| line.chars().count() <= 80), "80 columns in a pipe");

    let half = folder.path().join("half.json");
    fs::write(&half, &before[..before.len() / 2]).unwrap();
    let output = jwtbench(&["report", half.to_str().unwrap()]);
    let words = ["half.json", "not a whole jwtbench result"];
    check_stderr(&output, 2, &words, "a half-written result");
    let other = String::from_utf8(before).unwrap();
    let version = format!("\"schema_version\":{SCHEMA_VERSION}");
    let other = other.replacen(&version, "\"schema_version\":99", 1);
    fs::write(&half, other).unwrap();
    let output = jwtbench(&["report", half.to_str().unwrap()]);
    check_stderr(&output, 2, &["schema version 99"], "a result of another version");
}

#[test]
fn lists_and_results_are_json_alone() {
    let listing = jwtbench(&["list", "--json"]);
    let listing: serde_json::Value = serde_json::from_slice(&listing.stdout).unwrap();
    assert!(listing["token_classes"].as_array().unwrap().len() > 50);
    let folder = tempfile::tempdir().unwrap();
    let path = scenario_file(folder.path(), "user/scenario", GOOD);
    let output = jwtbench(&["check", &path, "--json"]);
    check_stderr(&output, 0, &[], "check --json");
    let result: RunResult = serde_json::from_slice(&output.stdout).unwrap();
    assert!(result.measurements.iter().all(|m| m.virtual_time && m.verdicts.wrong == 0));
}

#[test]
fn an_expectation_that_is_missed_ends_with_5() {
    let folder = tempfile::tempdir().unwrap();
    let text = GOOD.replace("all.users.valid.lockouts\" = \"== 0", "all.all.all.count\" = \"== 0");
    let path = scenario_file(folder.path(), "user/scenario", &text);
    let output = jwtbench(&["check", &path, "--contender", "core:ring"]);
    assert_eq!(output.status.code(), Some(5));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("expected all.all.all.count == 0"), "{said}");
    let out = out(folder.path());
    let output = jwtbench(&["run", &path, "--contender", "core:ring", "--out", &out, "-q"]);
    let words = ["user/scenario EdDSA core:ring: expected all.all.all.count == 0: "];
    check_stderr(&output, 5, &words, "named even where nothing else is said");
}

#[test]
fn ctrl_c_leaves_a_partial_result_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = scenario_file(folder.path(), "user/scenario", &GOOD.replace("200ms", "700ms"));
    let out = out(folder.path());
    let mut child = command_in(Path::new(ROOT))
        .args(["run", &path, "--rounds", "200", "--contender", "core:ring", "--out", &out, "-q"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(3));
    send("INT", &child);
    child.wait().unwrap();
    let result = RunResult::read(&PathBuf::from(&out).join("result.jsonl")).unwrap();
    assert!(result.partial, "the result says that it is partial");
    assert_eq!(result.wrong(), 0);
    let html = fs::read_to_string(PathBuf::from(&out).join("index.html")).unwrap();
    assert!(html.to_lowercase().contains("partial"), "the page says so too");
}

/// No part of a token, and nothing of a private key, in anything that a run or a check writes.
#[test]
fn nothing_secret_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = out(folder.path());
    let names = ["conformance/every-class", "hot-path/reject-signature", "hot-path/mix"];
    let mut args = vec!["run", "--algorithm", "EdDSA", "--rounds", "1", "--out", &out];
    args.extend(names);
    let output = jwtbench(&args);
    check_stderr(&output, 0, &[], "a run over all classes");
    let mut written = String::from_utf8_lossy(&output.stdout).into_owned();
    written += &String::from_utf8_lossy(&output.stderr);
    for name in ["result.jsonl", "summary.md", "index.html"] {
        written += &fs::read_to_string(PathBuf::from(&out).join(name)).unwrap();
    }
    let signers = Signers::new(1);
    let library = Catalogue::find(Path::new(ROOT));
    let mut parts = 0;
    for scenario in library.select(&names.map(String::from)).unwrap() {
        let algorithm = scenario.algorithms[2];
        let plan = Plan::new(&scenario, algorithm, &signers, &|_| {});
        for token in &plan.corpus.tokens {
            let text = String::from_utf8_lossy(&token.bytes).into_owned();
            for part in text.split('.').filter(|part| part.len() >= 24) {
                parts += 1;
                assert!(!written.contains(part), "{:?}: a part of a token", token.class);
            }
        }
    }
    assert!(parts > 1_000, "{parts}");
    assert!(!written.contains("\"d\":") && !written.contains("PRIVATE KEY"));
}

#[test]
fn rows_are_unique_by_phase_stream_class_and_code() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("mix");
    let more = ["--rounds", "2", "--duration", "20ms", "--algorithm", "ES256", "--json", "--out"];
    let arguments = [&["run", "hot-path/mix"], &more[..], &[out.to_str().unwrap()]].concat();
    let result: serde_json::Value = serde_json::from_slice(&jwtbench(&arguments).stdout).unwrap();
    let mut of_libraries = 0;
    for measurement in result["measurements"].as_array().unwrap() {
        let contender = measurement["contender"].as_str().unwrap();
        for phase in measurement["phases"].as_array().unwrap() {
            let rows = phase["outcomes"].as_array().unwrap();
            let keys = rows.iter().map(|row| ["stream", "class", "code"].map(|key| &row[key]));
            let keys: Vec<String> = keys.map(|key| format!("{key:?}")).collect();
            let unique: std::collections::BTreeSet<&String> = keys.iter().collect();
            assert_eq!(unique.len(), keys.len(), "{contender}: {keys:?}");
            of_libraries += usize::from(keys.iter().any(|key| key.contains("REFUSE")));
        }
    }
    assert!(of_libraries >= 2, "libraries refuse without a code");
}
