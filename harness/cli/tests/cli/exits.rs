//! What is cut short, shed, empty or disjoint never passes: commands with the exit code of each.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use jwtbench_result::{RunResult, StoredForm};

use crate::binary::{ROOT, command_in, scenario_file, send};

/// What the load of a hundred seconds is, and what is expected of it.
const SLOW: &str = r#"
rate = 50
tokens = { valid = 100 }
[expect]
"all.users.ACCEPT.count" = ">= 100"
"#;

/// Tokens that are refused at once, and so many that other seeds take longer than two seconds.
const DRAWN: &str = r#"
rate = 100000
tokens = { oversized-16k = 100 }
[[phase]]
name = "later"
at = "1s"
"#;

/// A folder with a scenario of one worker that lasts so long, with the rest of its only stream.
fn folder_of(duration: &str, stream: &str) -> (tempfile::TempDir, String) {
    let scenario = format!(
        "title = \"t\"\nanalysis = \"a\"\nalgorithms = [\"EdDSA\"]\n[load]\n\
         arrivals = \"constant\"\nworkers = 1\nwarmup = \"1ms\"\nduration = \"{duration}\"\n\
         [[stream]]\nname = \"users\"{stream}"
    );
    let folder = tempfile::tempdir().unwrap();
    let path = scenario_file(folder.path(), "user/slow", &scenario);
    (folder, path)
}

/// A folder with a scenario of a hundred seconds.
fn folder() -> (tempfile::TempDir, String) {
    folder_of("100s", SLOW)
}

fn command(args: &[&str]) -> Command {
    let mut command = command_in(Path::new(ROOT));
    command.args(args);
    command
}

fn text(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{out}{err}")
}

/// Sends a signal, and waits for the end.
fn end(signal: &str, child: Child) -> Output {
    send(signal, &child);
    child.wait_with_output().unwrap()
}

/// Waits for what shall be true within a minute.
fn wait_for(is_true: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_true() && begun.elapsed() < Duration::from_secs(60) {
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether anybody listens on a port of this machine.
fn is_bound(port: u16) -> bool {
    let sockets = fs::read_to_string("/proc/net/tcp").unwrap();
    // Local address and state; 0A is listening.
    let mine = format!(":{port:04X}");
    let fields = sockets.lines().map(|line| line.split_whitespace().collect::<Vec<&str>>());
    let mut open = fields.filter(|fields| fields.get(3) == Some(&"0A"));
    open.any(|fields| fields[1].ends_with(&mine))
}

/// Sends a signal once the command listens for it and measures.
fn end_by(signal: &str, child: Child) -> Output {
    // Beyond signing and calibration, into the trial.
    end_after(Duration::from_secs(3), signal, child)
}

/// Sends a signal so long after the command began to listen for it.
fn end_after(delay: Duration, signal: &str, child: Child) -> Output {
    let handler = format!("/proc/{}/status", child.id());
    // SigCgt: the signals that are caught; SIGINT is bit 1.
    let listens = || {
        let status = fs::read_to_string(&handler).unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|m| m & 2 != 0)
    };
    wait_for(listens);
    thread::sleep(delay);
    end(signal, child)
}

fn junit(out: &Path) -> String {
    let shown = command(&["report", out.to_str().unwrap(), "--format", "junit"]).output().unwrap();
    String::from_utf8(shown.stdout).unwrap()
}

#[test]
fn an_interrupted_run_is_partial_and_says_so() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let (folder, scenario) = folder();
        let out = folder.path().join("out");
        let args = ["run", &scenario, "--contender", "core:ring", "--out", out.to_str().unwrap()];
        let child = command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = end_by(signal, child);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(code), "{signal}: {said}");
        assert!(said.contains("INTERRUPTED") && !said.contains("PASSED"), "{signal}: {said}");
        let stored = fs::read_to_string(out.join("result.jsonl")).unwrap();
        assert!(stored.contains("\"partial\":true"), "{signal}: the partial result is kept");
        let xml = junit(&out);
        assert!(xml.contains("errors=\"1\""), "{signal}: JUnit is not green: {xml}");
    }
}

/// `timeout` signals the command and then its process group: that is one request. One that comes
/// later ends at once.
#[test]
fn a_signal_that_comes_twice_at_once_is_one() {
    let (folder, scenario) = folder();
    let out = folder.path().join("out");
    let inner = [env!("CARGO_BIN_EXE_jwtbench"), "run", &scenario, "--contender", "core:ring"];
    let mut timeout = std::process::Command::new("timeout");
    timeout.args(["-s", "TERM", "6"]).args(inner).args(["--out", out.to_str().unwrap()]);
    let output = timeout.current_dir(folder.path()).output().unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(124), "it was ended: {said}");
    assert!(said.contains("INTERRUPTED") && !said.contains("PASSED"), "{said}");
    let stored = fs::read_to_string(out.join("result.jsonl")).unwrap();
    assert!(stored.contains("\"partial\":true"), "the partial result is kept: {said}");
}

/// What the warm-up alone gave is judged, and measures nothing.
#[test]
fn a_measured_time_without_an_operation_does_not_pass() {
    for duration in ["1ns", "10ns"] {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let args = ["run", "hot-path/accept", "--contender", "core:ring", "--algorithm", "EdDSA"];
        let short = ["--rounds", "1", "--duration", duration, "--out", out.to_str().unwrap()];
        let output = command(&[&args[..], &short].concat()).output().unwrap();
        let said = text(&output);
        assert_eq!(output.status.code(), Some(1), "{duration}: {said}");
        assert!(said.contains("nothing was measured") && !said.contains("PASSED"), "{said}");
        assert!(junit(&out).contains("errors=\"1\""), "{duration}: JUnit is not green");
    }
}

/// A rate that is a share of a capacity is worked out first: at whatever instant that is ended, the
/// result is partial.
#[test]
fn a_run_interrupted_while_it_calibrates_is_partial_too() {
    for delay in [600, 1000, 1500, 2200].map(Duration::from_millis) {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let args = ["run", "hot-path/ramp", "--contender", "core:ring", "--algorithm", "EdDSA"];
        let args = [&args[..], &["--out", out.to_str().unwrap()]].concat();
        let child = command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = end_after(delay, "INT", child);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(130), "{delay:?}: {said}");
        assert!(!said.contains("panicked") && !said.contains("PASSED"), "{delay:?}: {said}");
        let stored = fs::read_to_string(out.join("result.jsonl")).unwrap();
        assert!(stored.contains("\"partial\":true"), "{delay:?}: the partial result is kept");
    }
}

/// Once the mocked endpoint is closed all is measured: what a signal cuts short then are the ranges
/// by which `compare` gates the outcome.
#[test]
fn a_run_interrupted_after_measuring_is_whole_but_for_its_ranges() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let (folder, scenario) = folder_of("2s", DRAWN);
        let out = folder.path().join("out");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (to, at) = (out.to_str().unwrap(), port.to_string());
        let args = ["run", &scenario, "--contender", "core:ring", "--out", to, "--port", &at];
        let child = command(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_for(|| is_bound(port));
        wait_for(|| !is_bound(port));
        let output = end(signal, child);
        let said = text(&output).split_whitespace().collect::<Vec<&str>>().join(" ");
        assert_eq!(output.status.code(), Some(code), "{signal}: {said}");
        assert!(said.contains("PASSED: ") && !said.contains("INTERRUPTED"), "{signal}: {said}");
        assert!(said.contains("!! NO OUTCOME RANGES: the run was interrupted"), "{signal}: {said}");
        let mut result = RunResult::read(&out.join("result.jsonl")).unwrap();
        assert!(!result.partial && result.measurements[0].rounds.len() == 1, "{signal}: {said}");
        let [range] = result.outcome_ranges.as_slice() else {
            panic!("{signal}: a range for the trial: {:?}", result.outcome_ranges);
        };
        assert!(range.cut_short && range.figures.is_empty(), "{signal}: {range:?}");
        let xml = junit(&out);
        assert!(xml.contains("errors=\"0\"") && xml.contains("NO OUTCOME RANGES"), "{xml}");

        result.started_at = "later".into();
        let other = folder.path().join("other.json");
        fs::write(&other, serde_json::to_string(&result).unwrap()).unwrap();
        let compared = command(&["compare", to, other.to_str().unwrap()]).output().unwrap();
        let said = text(&compared).split_whitespace().collect::<Vec<&str>>().join(" ");
        let words = "not gated: user/slow: the base was interrupted before its seeds were drawn";
        assert!(said.contains(words), "{signal}: {said}");
    }
}

#[test]
fn what_is_not_judged_does_not_pass() {
    let (folder, scenario) = folder();
    let out: PathBuf = folder.path().join("out");
    let out_arg = out.to_str().unwrap().to_owned();
    let base =
        ["run", &scenario, "--contender", "core:ring", "--duration", "2s", "--out", &out_arg];
    let rows: [(&[&str], i32, &[&str], &str); 3] = [
        (
            &["--shed-after", "1ns"],
            1,
            &["no verdict: all", "were shed", "0 of 1 expectation met"],
            "all shed",
        ),
        (&["--force", "--rate", "10"], 5, &["ACCEPT.count >= 100, was 20"], "too few"),
        (&["--force"], 0, &["PASSED", "the one expectation met"], "enough"),
    ];
    for (more, code, words, why) in rows {
        let output = command(&[&base, more].concat()).output().unwrap();
        let said = text(&output).split_whitespace().collect::<Vec<&str>>().join(" ");
        assert_eq!(output.status.code(), Some(code), "{why}: {said}");
        for word in words {
            assert!(said.contains(word), "{why}: `{word}` is not in: {said}");
        }
        let xml = junit(&out);
        let is_green = xml.contains("failures=\"0\"") && xml.contains("errors=\"0\"");
        assert_eq!(is_green, code == 0, "{why}: {xml}");
    }
    let stored = fs::read_to_string(out.join("result.jsonl")).unwrap();
    assert!(stored.contains("\"shed\":0"), "the last result is whole");
}
