//! A command that is killed loses at most what was under way, and what it leaves is never taken for
//! a whole result. Runs are killed at seeded instants: 6 of each signal here, 50 of each with
//! `cargo test --workspace --test cli killed:: -- --ignored`.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod empty;
mod mint;

use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use jwtbench_result::{RunResult, StoredForm};

use crate::binary::{command_in, send};

const PART: &str = "result.jsonl.part";
const ALGORITHMS: [&str; 3] = ["ES256", "EdDSA", "ES384"];
const SCENARIOS: [&str; 2] = ["hot-path/accept", "hot-path/mix"];

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = command_in(folder);
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn jwtbench(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A run of six jobs, two contenders each where both fit.
fn run(more: &[&'static str]) -> Vec<&'static str> {
    let mut arguments = vec!["run", "--quiet", "--duration", "60ms", "--rounds", "2"];
    arguments.extend(["--contender", "core:ring", "--contender", "null:*"]);
    arguments.extend(ALGORITHMS.iter().flat_map(|name| ["--algorithm", name]));
    arguments.extend(SCENARIOS);
    arguments.extend(more);
    arguments
}

/// Waits for what shall be true within a minute.
fn wait_for(what: &str, is_true: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

fn lines(path: &Path) -> usize {
    fs::read(path).map_or(0, |bytes| bytes.iter().filter(|byte| **byte == b'\n').count())
}

/// A run that is killed once so many jobs are finished: what is left is in `left`.
fn leave(folder: &Path, jobs: usize, more: &[&'static str]) {
    let before = started(&folder.join("left").join(PART));
    if before.is_some() {
        // Runs are told apart by the second that they began in.
        thread::sleep(Duration::from_millis(1100));
    }
    let mut child = command(folder, &run(&[&["--out", "left"], more].concat())).spawn().unwrap();
    let part = folder.join("left").join(PART);
    wait_for("jobs", || started(&part) != before && lines(&part) > jobs);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// When the run of a part began.
fn started(part: &Path) -> Option<String> {
    let text = fs::read_to_string(part).ok()?;
    let head: serde_json::Value = serde_json::from_str(text.lines().next()?).ok()?;
    Some(head["head"]["started_at"].to_string())
}

/// Seeded instants, each a share of a span.
struct Instants(u64);

impl Instants {
    fn next(&mut self, span: Duration) -> Duration {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        span.mul_f64((self.0 >> 11) as f64 / (1u64 << 53) as f64)
    }
}

/// What is due of each job: trials of `core:ring`, and of `null:` where all tokens are good.
fn planned() -> Vec<(String, String)> {
    let of = |name: &str| ALGORITHMS.map(|algorithm| (name.to_owned(), algorithm.to_owned()));
    SCENARIOS.iter().flat_map(|name| of(name)).collect()
}

/// What `report` makes of a folder: a partial or whole result with all that it says, or a message.
/// Whether it is a partial one.
fn reported(folder: &Path, ended: &Output) -> bool {
    let json = jwtbench(folder, &["report", "out", "--format", "json"]);
    let said = text(&json.stderr);
    match json.status.code() {
        Some(0) => {}
        // Nothing was finished: a partial result without a trial, which is no success.
        Some(1) if said.contains("run it again") => {
            let result: Option<RunResult> = serde_json::from_slice(&json.stdout).ok();
            let is_empty = result.map(|result| result.partial && result.measurements.is_empty());
            assert!(is_empty.unwrap_or(json.stdout.is_empty()), "{said}");
            return false;
        }
        code => panic!("{code:?}: {said}"),
    }
    let result: RunResult = serde_json::from_slice(&json.stdout).unwrap();
    let mut jobs: Vec<(String, String)> = Vec::new();
    for measurement in &result.measurements {
        let job = (measurement.scenario.clone(), measurement.algorithm.clone());
        if !jobs.contains(&job) {
            jobs.push(job);
        }
        assert!(!measurement.plan_hash.is_empty() && measurement.verdicts.wrong == 0);
    }
    assert_eq!(jobs, planned()[..jobs.len()], "in their order");
    if !result.partial {
        assert_eq!(jobs, planned(), "a whole result holds all: {}", text(&ended.stderr));
        return false;
    }
    if folder.join("out").join(PART).exists() {
        assert!(said.contains(&format!("{} of 6 are finished", jobs.len())), "{said}");
        let is_whole = result.measurements.iter().all(|one| one.rounds.len() == 2);
        assert!(is_whole, "a job is in it with all its rounds");
    }
    let forms = [
        ("terminal", "PARTIAL RESULT"),
        ("markdown", "PARTIAL RESULT"),
        ("html", "PARTIAL RESULT"),
        ("hgrm", "PARTIAL RESULT"),
        ("csv", "scenario"),
        ("junit", if jobs.len() < 4 { "cut short before it began" } else { "testsuite" }),
    ];
    for (form, word) in forms {
        let output = jwtbench(folder, &["report", "out", "--format", form]);
        let (shown, said) = (text(&output.stdout), text(&output.stderr));
        // Its trials may all have been ended before their first round.
        if form == "hgrm" && output.status.code() == Some(1) {
            assert!(shown.is_empty() && said.contains("no latencies"), "{said}");
            continue;
        }
        assert!(output.status.success(), "{form}: {said}");
        assert!(shown.contains(word), "{form}: {shown}");
    }
    true
}

/// Runs that get a signal at so many instants.
fn killed(signal: &str, count: u64, seed: u64) {
    let temporary = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let whole = jwtbench(temporary.path(), &run(&["--out", "out"]));
    let span = begun.elapsed();
    assert!(!temporary.path().join("out").join(PART).exists(), "{}", text(&whole.stderr));
    reported(temporary.path(), &whole);
    let mut instants = Instants(seed);
    let (mut parts, mut partial) = (0, 0);
    for _ in 0..count {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path();
        let child = command(folder, &run(&["--out", "out"])).spawn().unwrap();
        let instant = instants.next(span);
        wait_for("the folder", || folder.join("out/.jwtbench-lock").exists());
        thread::sleep(instant);
        // It may be at its end already.
        send(signal, &child);
        let ended = child.wait_with_output().unwrap();
        let code = ended.status.code().or(ended.status.signal());
        let due = [0, 1, 5, 9, 15, 143];
        assert!(due.contains(&code.unwrap()), "{code:?}: {}", text(&ended.stderr));
        parts += u64::from(folder.join("out").join(PART).exists());
        partial += u64::from(reported(folder, &ended));
    }
    let least = count / 3;
    // Who is asked to end makes a result of what it has, and leaves no part.
    assert!(
        signal != "KILL" || parts >= least,
        "{parts} of {count} were killed while they measured"
    );
    assert!(partial >= least, "{partial} of {count} left something");
}

#[test]
fn runs_that_are_killed() {
    killed("KILL", 6, 1);
}

#[test]
fn runs_that_are_ended() {
    killed("TERM", 6, 2);
}

#[test]
#[ignore = "fifty runs"]
fn fifty_runs_that_are_killed() {
    killed("KILL", 50, 3);
}

#[test]
#[ignore = "fifty runs"]
fn fifty_runs_that_are_ended() {
    killed("TERM", 50, 4);
}

#[test]
fn a_torn_line_is_left_out_and_a_broken_one_told() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    leave(folder, 3, &[]);
    let part = folder.join("left").join(PART);
    let bytes = fs::read(&part).unwrap();
    let ends: Vec<usize> = bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1)
        .collect();
    let bytes = &bytes[..ends[3]];
    let cut = folder.join(PART);
    // Cut anywhere, it holds the rows that are whole, or nothing yet.
    for at in (0..bytes.len()).step_by(97).chain([ends[2] - 1, ends[2], ends[3] - 1, ends[3]]) {
        fs::write(&cut, &bytes[..at]).unwrap();
        let rows = ends.iter().filter(|end| **end <= at).count().saturating_sub(1);
        match RunResult::read_part(&cut) {
            Ok((result, read)) => {
                assert!(result.partial && at >= ends[0], "{at}");
                assert_eq!((read.done, read.planned), (rows, 6), "{at}");
                assert_eq!(read.is_torn, !ends.contains(&at), "{at}");
                let has_all = result.has_histograms() || result.measurements.is_empty();
                assert!(has_all, "{at}: the whole histograms come with it");
            }
            Err(error) => assert!(error.is_empty() && at < ends[0], "{at}: {error}"),
        }
    }
    let mut file = fs::OpenOptions::new().append(true).open(&cut).unwrap();
    file.write_all(b"{\"elapsed_s\": 1.0, \"measu").unwrap();
    let output = jwtbench(folder, &["report", PART]);
    assert!(output.status.success() && text(&output.stdout).contains("PARTIAL RESULT"));
    assert!(text(&output.stderr).contains("last line was cut off"), "{}", text(&output.stderr));
    // Any other line that is broken is told by its number, and nothing is shown.
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let rows: [(usize, &[u8], &str); 7] = [
        (1, b"\n", ":1: "),
        (1, b"{}\n", "part_version"),
        (1, b"{\"part_version\":2,\"of\":\"run\"}\n", "part version 2"),
        (1, b"{\"part_version\":1,\"of\":\"duel\"}\n", "not of a run"),
        (2, b"{\"elapsed_s\": 1.0, \"measu\n", ":2: "),
        (3, b"\xff\xfe\n", ":3: "),
        (4, b"\0\0\0\n", ":4: "),
    ];
    for (number, broken, words) in rows {
        let mut lines = lines.clone();
        lines[number - 1] = broken;
        fs::write(&cut, lines.concat()).unwrap();
        let output = jwtbench(folder, &["report", PART]);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(words) && output.stdout.is_empty(), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[test]
fn what_is_left_is_replaced_only_when_asked() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    leave(folder, 1, &[]);
    let short = ["run", "hot-path/accept", "-q", "--rounds", "2", "--duration", "5ms"];
    let short = [&short[..], &["--contender", "core:ring", "--algorithm", "ES256"]].concat();
    let refused: [(Vec<&str>, &str); 4] = [
        ([&short[..], &["--out", "left"]].concat(), "jwtbench report left"),
        (vec!["report", "left", "--out", "left"], "add --force to replace it"),
        (vec!["compare", "left", "left"], "jwtbench report left --out DIR"),
        (vec!["simulate", "policy/drill", "-q", "--out", "left"], "holds the result of a run"),
    ];
    for (arguments, words) in refused {
        let output = jwtbench(folder, &arguments);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    // A partial result can be made of it, whose own reports say so too.
    let output = jwtbench(folder, &["report", "left", "--out", "made"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(RunResult::read(&folder.join("made/result.jsonl")).unwrap().partial);
    assert!(folder.join("made/result.hlog").is_file());
    // A run over it that is killed as well leaves what that one had finished.
    leave(folder, 1, &["--force"]);
    let output = jwtbench(folder, &[&short[..], &["--out", "left", "--force"]].concat());
    assert!(!folder.join("left").join(PART).exists(), "{}", text(&output.stderr));
    assert!(!RunResult::read(&folder.join("left/result.jsonl")).unwrap().partial);
    // Over a whole result: that stays, and is not taken for the new one.
    leave(folder, 1, &["--force"]);
    let output = jwtbench(folder, &["report", "left"]);
    let said = text(&output.stderr);
    assert!(output.status.success() && said.contains("from before a run"), "{said}");
    let output = jwtbench(folder, &["report", "left/result.jsonl.part"]);
    assert!(text(&output.stdout).contains("PARTIAL RESULT"), "{}", text(&output.stderr));
}

#[test]
fn a_simulation_that_is_killed() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let simulate = ["simulate", "policy/drill", "policy/same-kid", "-q", "--out", "s"];
    let mut child = command(folder, &simulate).spawn().unwrap();
    let part = folder.join("s/simulation.jsonl.part");
    wait_for("rows", || lines(&part) > 3);
    child.kill().unwrap();
    child.wait().unwrap();
    let rows = lines(&part) - 1;
    let output = jwtbench(folder, &["report", "s", "--format", "json"]);
    let simulation: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(simulation["rows"].as_array().unwrap().len(), rows, "{}", text(&output.stderr));
    assert_eq!(simulation["partial"], true);
    let said = format!("{rows} of ");
    assert!(text(&output.stderr).contains(&said), "{}", text(&output.stderr));
    for (form, word) in [
        ("terminal", "INTERRUPTED: rows are missing"),
        ("markdown", "INTERRUPTED: rows are missing"),
        ("html", "INTERRUPTED: rows are missing"),
        ("junit", "partial result"),
    ] {
        let output = jwtbench(folder, &["report", "s", "--format", form]);
        let shown = text(&output.stdout);
        assert!(output.status.success() && shown.contains(word), "{form}: {shown}");
    }
    // A line that is cut off is left out; another verb leaves the folder alone.
    let mut file = fs::OpenOptions::new().append(true).open(&part).unwrap();
    file.write_all(b"{\"rows\":[").unwrap();
    let output = jwtbench(folder, &["report", "s", "--out", "made"]);
    assert!(text(&output.stderr).contains("last line was cut off"), "{}", text(&output.stderr));
    let made = fs::read_to_string(folder.join("made/simulation.jsonl")).unwrap();
    assert!(made.contains("\"partial\":true"));
    let small = ["simulate", "policy/drill", "--cache-policy", "default", "--offsets", "1"];
    let small = [&small[..], &["--draws", "1", "-q", "--out", "s"]].concat();
    let output = jwtbench(folder, &small);
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("jwtbench report s"), "{said}");
    let output = jwtbench(folder, &[&small[..], &["--force"]].concat());
    assert!(output.status.success() && !part.exists(), "{}", text(&output.stderr));
}

#[test]
fn a_duel_that_is_killed() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let duel = ["duel", "core:ring", "core:ring", "--duration", "100ms", "--blocks", "6", "-q"];
    let duel = [&duel[..], &["--scenario", "hot-path/accept", "--out", "d"]].concat();
    let mut child = command(folder, &duel).spawn().unwrap();
    let part = folder.join("d/duel.jsonl.part");
    // The first of them to its end, and two blocks of the second.
    wait_for("blocks", || lines(&part) > 9);
    child.kill().unwrap();
    child.wait().unwrap();
    let blocks = lines(&part) - 8;
    let output = jwtbench(folder, &["report", "d", "--format", "json"]);
    let duels: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let cut = &duels[1];
    assert_eq!(cut["verdict"], "INVALID", "{cut}");
    assert_eq!(cut["noise"].as_array().unwrap().len(), blocks);
    assert_eq!(cut["samples"].as_array().unwrap().len(), blocks * 6);
    assert_eq!(duels[0]["samples"].as_array().unwrap().len(), 36);
    for form in ["terminal", "markdown"] {
        let output = jwtbench(folder, &["report", "d", "--format", form]);
        let shown = text(&output.stdout).replace("\n  ", " ");
        let due = format!("INTERRUPTED after {blocks} of 6 blocks");
        assert!(output.status.success() && shown.contains(&due), "{form}: {shown}");
    }
    let output = jwtbench(folder, &duel);
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("jwtbench report d"), "{said}");
}

/// What a shell says at its end: `code` and stdout and stderr.
fn shell(folder: &Path, script: &str) -> Output {
    let mut shell = Command::new("sh");
    shell.current_dir(folder).env("JWTBENCH", env!("CARGO_BIN_EXE_jwtbench"));
    shell.args(["-c", script]).output().unwrap()
}

const SHORT: &str = "run hot-path/accept --contender core:ring --algorithm ES256 \
                     --duration 60ms --rounds 2";

#[test]
fn figures_are_shown_before_they_are_written() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    // Files of 8 KB at the most (a block is 512 bytes): the head of the part fits, and no result.
    let limit = "ulimit -f 16; exec $JWTBENCH";
    let output = shell(folder, &format!("{limit} {SHORT} --out r"));
    let (shown, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(shown.contains("core:ring") && shown.contains("Verdict"), "{shown}");
    assert!(!shown.contains("Result   "), "{shown}");
    assert!(said.contains("missing: result.jsonl") && said.contains("index.html"), "{said}");
    assert!(folder.join("r/summary.md").is_file(), "what fits is written: {said}");
    let left: Vec<_> = fs::read_dir(folder.join("r")).unwrap().map(|one| one.unwrap()).collect();
    let is_passing = |name: &str| name.starts_with('.') && name.ends_with(".part");
    assert!(!left.iter().any(|one| is_passing(one.file_name().to_str().unwrap())));
    let output = shell(folder, &format!("{limit} {SHORT} --json --out j"));
    let result: RunResult = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.code() == Some(1) && result.measurements.len() == 1);
    let simulate = "simulate policy/drill --offsets 1 --draws 1";
    let output = shell(folder, &format!("$JWTBENCH {simulate} -q --out whole"));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let blocks = fs::metadata(folder.join("whole/simulation.jsonl")).unwrap().len() / 512;
    let limit = format!("ulimit -f {blocks}; exec $JWTBENCH");
    let output = shell(folder, &format!("{limit} {simulate} --out s"));
    let said = text(&output.stderr);
    assert!(
        output.status.code() == Some(1) && said.contains("missing: simulation.jsonl"),
        "{said}"
    );
    assert!(text(&output.stdout).contains("policy/drill"));
    let output = shell(folder, "$JWTBENCH report s");
    let (shown, said) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && shown.contains("INTERRUPTED"), "{said}");
    // No room for the head: nothing is measured.
    let output = shell(folder, &format!("ulimit -f 1; exec $JWTBENCH {SHORT} --out n"));
    let said = text(&output.stderr);
    assert!(output.status.code() == Some(2) && said.contains("cannot be written"), "{said}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_disk_that_is_full() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    fs::create_dir(folder.join("disk")).unwrap();
    // The mount is seen in this shell alone, and goes with it.
    let script = format!(
        "mount -t tmpfs -o size=40k none disk || exit 99; $JWTBENCH {SHORT} --out disk/r; \
         code=$?; ls disk/r; $JWTBENCH report disk/r; echo read $?; exit $code"
    );
    let script = format!("unshare --mount --map-root-user sh -c '{script}' || exit $?");
    let output = shell(folder, &script);
    let (shown, said) = (text(&output.stdout), text(&output.stderr));
    if output.status.code() != Some(1) || !said.contains("missing") {
        // A machine that lets nobody mount: nothing is known of a full disk there.
        assert!(said.contains("unshare") || said.contains("mount"), "{shown}{said}");
        eprintln!("not tried, as this machine refuses to mount: {said}");
        return;
    }
    assert!(said.contains("No space left") && said.contains("index.html"), "{said}");
    assert!(shown.contains("Verdict") && shown.contains("read 0"), "{shown}{said}");
}
