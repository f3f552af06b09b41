//! Limits of this host, and a pause of the process: the trial is a row of the host or its rounds
//! are disturbed, and never is any of it an outcome of what was measured.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use jwtbench_result::host::disturbance::MAX_PAUSED;
use jwtbench_result::{RunResult, StoredForm};

use crate::binary::scenario_file;

const BINARY: &str = env!("CARGO_BIN_EXE_jwtbench");

/// A cache policy that does not coalesce: each token of an unknown kid starts a fetch. With what
/// is expected of its endpoint, and further lines.
fn scenario(endpoint: &str) -> String {
    format!(
        "title = \"t\"\nanalysis = \"a\"\nalgorithms = [\"EdDSA\"]\n[load]\n\
         arrivals = \"constant\"\nworkers = 1\nwarmup = \"10ms\"\nduration = \"1s\"\n\
         [[stream]]\nname = \"users\"\nrate = 200\ntokens = {{ unknown-kid = 100 }}\n\
         [cache]\npolicy = \"pyjwt-2.12-like\"\n[endpoint]\n{endpoint}\n\
         [expect]\n\"all.endpoint.failures\" = \"== 0\"\n"
    )
}

/// Runs a scenario behind a shell that prepares its limits.
fn run(folder: &Path, endpoint: &str, limits: &str) -> Command {
    let path = scenario_file(folder, "user/limited", &scenario(endpoint));
    let script = format!("{limits} exec \"$0\" run \"$1\" --contender core:ring --out \"$2\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, BINARY]).arg(path).arg(folder.join("out"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The row is one of the host with these words, in every form, and nothing else came of it.
fn check(folder: &Path, output: &Output, words: &str, why: &str) {
    let out = folder.join("out");
    let said = String::from_utf8_lossy(&output.stdout).replace("\n    ", " ");
    let also = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{why}: {said}{also}");
    assert!(!also.contains("panicked"), "{why}: {also}");
    assert!(said.contains("this host ended the trial") && said.contains(words), "{why}: {said}");
    let result = RunResult::read(&out.join("result.jsonl")).unwrap();
    let [row] = result.measurements.as_slice() else { panic!("{why}: one trial") };
    assert!(row.error.as_ref().is_some_and(|error| error.contains(words)), "{why}: {row:?}");
    assert_eq!((row.scenario.as_str(), row.contender.as_str()), ("user/limited", "core:ring"));
    assert_eq!((row.verdicts.judged, row.expectations.len()), (0, 0), "{why}: nothing is judged");
    let outcomes = row.phases.iter().map(|phase| phase.outcomes.len()).sum::<usize>();
    assert_eq!((outcomes, row.endpoint.is_none()), (0, true), "{why}: no outcome of anybody");
    let mut command = Command::new(BINARY);
    let junit = command.arg("report").arg(&out).args(["--format", "junit"]).output().unwrap();
    let junit = String::from_utf8(junit.stdout).unwrap();
    assert!(junit.contains("<error ") && !junit.contains("<failure"), "{why}: {junit}");
    assert!(junit.contains("this host ended the trial"), "{why}: {junit}");
}

#[test]
fn a_limit_of_this_host_is_no_outcome() {
    const SLOW: &str = "latency = \"200ms\"";
    const ALONE: &str = "ip link set lo up; echo 40000 40040 > \
                         /proc/sys/net/ipv4/ip_local_port_range;";
    let rows = [
        ("ulimit -n 64;", "EMFILE", false, "descriptors run out in the flood"),
        ("ulimit -n 16;", "EMFILE", false, "descriptors run out before it"),
        ("", "ENETUNREACH", true, "the loopback interface is down"),
        (ALONE, "EADDRNOTAVAIL", true, "40 ephemeral ports"),
    ];
    let mut command = Command::new("unshare");
    let has_namespaces = command.args(["-rn", "ip", "link", "set", "lo", "up"]).output();
    let has_namespaces = has_namespaces.is_ok_and(|output| output.status.success());
    for (limits, words, needs_namespace, why) in rows {
        if needs_namespace && !has_namespaces {
            eprintln!("left out, as this host gives no network namespace: {why}");
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        let mut command = run(folder.path(), SLOW, limits);
        if needs_namespace {
            let mut inside = Command::new("unshare");
            inside.args(["-rn", "sh"]).args(command.get_args());
            command = inside;
        }
        check(folder.path(), &command.output().unwrap(), words, why);
    }
}

/// The most memory that a process has had resident while it ran, in bytes.
fn highest_resident(child: &Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut highest = 0;
    loop {
        let status = fs::read_to_string(&status).unwrap_or_default();
        let Some(line) = status.lines().find_map(|line| line.strip_prefix("VmHWM:")) else {
            // Ended, and not waited for yet.
            return highest * 1024;
        };
        highest = line.trim().trim_end_matches(" kB").parse().unwrap();
        thread::sleep(Duration::from_millis(5));
    }
}

/// 200 fetches of 50 MB each, and a policy that takes a gigabyte from each.
#[test]
fn bodies_in_flight_are_bounded_together() {
    let folder = tempfile::tempdir().unwrap();
    let child = run(folder.path(), "fault = \"huge-body\"", "").spawn().unwrap();
    let highest = highest_resident(&child);
    check(folder.path(), &child.wait_with_output().unwrap(), "256 MiB together", "huge bodies");
    assert!(highest > 0 && highest < 700 << 20, "{highest} bytes were resident");
}

/// Stops a process for 300 ms again and again, until it has ended.
fn stop_and_go(mut child: Child) -> Output {
    let id = child.id().to_string();
    let send = |signal: &str| Command::new("kill").args([signal, &id]).status().unwrap();
    while child.try_wait().unwrap().is_none() {
        send("-STOP");
        thread::sleep(Duration::from_millis(300));
        send("-CONT");
        thread::sleep(Duration::from_millis(500));
    }
    child.wait_with_output().unwrap()
}

#[test]
fn a_pause_of_the_process_disturbs_closed_loops_and_open_ones() {
    let rows: [(&[&str], &str); 3] = [
        (&["hot-path/accept", "--contender", "core:ring"], "a closed loop alone"),
        (&["hot-path/accept", "--contender", "*:ring"], "closed loops that take turns"),
        (&["hot-path/accept", "--contender", "core:ring", "--rate", "500"], "an open loop"),
    ];
    for (args, why) in rows {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let mut command = Command::new(BINARY);
        command.arg("run").args(args).args(["--algorithm", "EdDSA", "--rounds", "1"]);
        command.args(["--duration", "2s", "--quiet", "--out"]).arg(&out);
        let output = stop_and_go(command.stderr(Stdio::piped()).spawn().unwrap());
        let result = RunResult::read(&out.join("result.jsonl"));
        let result = result.unwrap_or_else(|error| panic!("{why}: {error}: {output:?}"));
        let mut hit = 0;
        for row in &result.measurements {
            let [round] = row.rounds.as_slice() else { panic!("{why}: one round") };
            let paused = round.noise.as_ref().and_then(|noise| noise.paused).unwrap_or(0.0);
            assert!(paused < 0.9, "{why}: {} stood still {paused}", row.contender);
            let reason = round.disturbed.as_ref();
            let is_told = reason.is_some_and(|reason| reason.contains("process stood still"));
            assert_eq!(is_told, paused > MAX_PAUSED, "{why}: {}: {reason:?}", row.contender);
            hit += usize::from(paused > 0.05);
        }
        // In turns a pause falls on one of them, and some may be spared.
        assert!(hit > 0, "{why}: nobody stood still");
    }
}
