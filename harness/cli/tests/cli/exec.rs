//! A verifier of the user's own behind a pipe: measured and judged like a library, with the cost of
//! the pipe beside it; what it does wrong is an error of its own trial, or a forgery let through.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use jwtbench_result::{Measurement, RunResult, StoredForm};

use crate::binary::{check, jwtbench};

/// The core at the other end of a pipe.
fn core() -> String {
    format!("exec:{} exec-peer ring", env!("CARGO_BIN_EXE_jwtbench"))
}

/// A short run with these contenders: how it ended, what it said, what it stored.
fn run(scenario: &str, contenders: &[&str], folder: &Path) -> (Option<i32>, String, RunResult) {
    let out = folder.join("out");
    let mut args = vec!["run", scenario, "--algorithm", "ES256", "--duration", "80ms"];
    args.extend(["--rounds", "2", "--force", "--out", out.to_str().unwrap()]);
    args.extend(contenders.iter().flat_map(|name| ["--contender", name]));
    let output = jwtbench(&args);
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    let said = said.split_whitespace().collect::<Vec<&str>>().join(" ");
    (output.status.code(), said, RunResult::read(&out.join("result.jsonl")).unwrap())
}

fn of<'r>(result: &'r RunResult, name: &str) -> &'r Measurement {
    let found = result.measurements.iter().find(|trial| trial.contender == name);
    found.unwrap_or_else(|| panic!("{name} is there"))
}

#[test]
fn it_is_measured_like_a_library_beside_the_cost_of_its_pipe() {
    let folder = tempfile::tempdir().unwrap();
    let own = core();
    let (code, said, result) = run("hot-path/accept", &[&own, "core:ring"], folder.path());
    assert_eq!(code, Some(0), "{said}");
    for name in [&*own, "null:pipe", "core:ring"] {
        let trial = of(&result, name);
        assert!(trial.verdicts.judged > 0 && trial.verdicts.wrong == 0, "{name}: {said}");
        assert!(trial.error.is_none() && trial.rounds.len() == 2, "{name}: {:?}", trial.error);
    }
    let p50 = |name: &str| of(&result, name).rounds.iter().map(|round| round.p50_ns).min().unwrap();
    assert!(p50(&own) > p50("null:pipe"), "the pipe is the floor");
    let cpu = |name: &str| of(&result, name).rounds[0].cpu_ns_per_op;
    assert!(cpu(&own).is_none() && cpu("core:ring").is_some(), "its CPU time is not its worker's");
}

/// Every class, each of its variants, gets the verdict due: the same as through no pipe.
#[test]
fn a_right_verifier_is_right_behind_a_pipe_too() {
    let args = ["check", "conformance/every-class", "hot-path/mix", "--algorithm", "ES256"];
    let output = jwtbench(&[&args[..], &["--contender", &core()]].concat());
    check(&output, 0, &["PASSED"], "the core behind a pipe");
}

/// A script that reads its first line and then answers.
fn script(folder: &Path, name: &str, body: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, format!("read -r setup\n{body}\n")).unwrap();
    // Without a shell of its own around it, which would hold the pipes open.
    format!("exec:exec sh {}", path.display())
}

#[test]
fn one_that_accepts_everything_lets_forgeries_through() {
    let folder = tempfile::tempdir().unwrap();
    let yes = script(folder.path(), "yes", "while read -r token; do echo accept; done");
    let (code, said, result) = run("hot-path/mix", &[&yes], folder.path());
    assert_eq!(code, Some(4), "{said}");
    assert!(of(&result, &yes).verdicts.wrong > 0, "{said}");
}

#[test]
fn what_is_no_verdict_is_an_error_of_its_own_trial() {
    let rows = [
        (
            "read -r token; echo perhaps; sleep 60",
            "it said \"perhaps\"; a verdict is `accept` or `reject`",
        ),
        ("exit 3", "it ended (exit status: 3) before it had judged every token"),
        ("read -r token; echo accept; exec 1>&-; sleep 60", "it closed its pipes"),
        ("sleep 60", "it took over 5 s for a token"),
        ("read -r token; yes | tr -d '\\n'", "it wrote a line without end"),
        ("read -r token; while printf a; do sleep 0.005; done", "it took over 5 s for a token"),
        ("yes accept", "it said more than it was asked"),
        ("while read -r token; do echo accept; echo accept; done", "it said more than"),
    ];
    let check = |body: &str, words: &str| {
        let folder = tempfile::tempdir().unwrap();
        let own = script(folder.path(), "own", body);
        let begun = Instant::now();
        let (code, said, result) = run("hot-path/accept", &[&own, "core:ring"], folder.path());
        assert_eq!(code, Some(1), "{body}: {said}");
        assert!(said.contains(words), "{body}: `{words}` is not in: {said}");
        let error = of(&result, &own).error.clone().unwrap_or_default();
        assert!(error.starts_with(&own) && error.contains(words), "{body}: {error}");
        assert!(of(&result, "core:ring").error.is_none(), "{body}: the others go on");
        assert!(begun.elapsed() < Duration::from_secs(50), "{body}: nobody waits for it");
    };
    // All at a time: each of them waits.
    thread::scope(|scope| {
        for (body, words) in rows {
            scope.spawn(move || check(body, words));
        }
    });
}

/// Silence is no way to end: who sees no summary is told which trial it is and why.
#[test]
fn who_sees_no_summary_is_told_why_it_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let yes = script(folder.path(), "yes", "while read -r token; do echo accept; done");
    let odd = script(folder.path(), "odd", "read -r token; echo perhaps; sleep 60");
    let (fine, out, again) = (core(), path("out"), path("again"));
    let short = ["--duration", "60ms", "--rounds", "2"];
    let run = [&["run", "hot-path/mix", "--force", "--out", &out], &short[..]].concat();
    let check = ["check", "hot-path/mix", "--json"];
    let replay = ["replay", &out, "--json", "--base", &fine, "--force", "--out", &again];
    type Row<'a> = (&'a [&'a str], &'a [&'a str], &'a str, i32, &'a str);
    let rows: [Row<'_>; 6] = [
        (&run, &["--quiet"], &yes, 4, "wrong verdict"),
        (&run, &["--json"], &yes, 4, "wrong verdict"),
        (&run, &["--quiet"], &odd, 1, "it said \"perhaps\""),
        (&run, &["--json"], &odd, 1, "it said \"perhaps\""),
        (&check, &[], &yes, 4, "wrong verdict"),
        (&run, &["--quiet"], &fine, 0, ""),
    ];
    let said = |args: &[&str], own: &str, code: i32, words: &str| {
        let output = jwtbench(&[args, &["--algorithm", "ES256", "--contender", own]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
        let about = format!("jwtbench: hot-path/mix ES256 {own}: ");
        let line = said.lines().find_map(|line| line.strip_prefix(&about)).unwrap_or_default();
        assert!(line.contains(words), "{args:?}: `{words}` is not in: {said}");
        assert_eq!(line.is_empty(), code == 0, "{args:?}: {said}");
    };
    for (args, more, own, code, words) in rows {
        said(&[args, more].concat(), own, code, words);
    }
    said(&replay, &yes, 4, "wrong verdict");
    said(&replay, &odd, 1, "it said \"perhaps\"");
}

#[test]
fn what_cannot_be_started_or_is_named_by_a_file_alone_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let short = ["--algorithm", "ES256", "--duration", "60ms", "--rounds", "1"];
    let (code, said, _) = run("hot-path/accept", &["exec:./no-such-file"], folder.path());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("exec:./no-such-file: it ended"), "{said}");
    let args = ["run", "hot-path/accept", "--contender", "exec: "];
    check(&jwtbench(&[&args[..], &short].concat()), 2, &["names no command"], "no command");
    let args = ["run", "rotation/planned-overlap", "--contender", "exec:cat"];
    check(&jwtbench(&args), 2, &["has no key cache"], "keys that travel");
    // A stored result does not start programs.
    let own = core();
    let (code, said, _) = run("hot-path/accept", &[&own], folder.path());
    assert_eq!(code, Some(0), "{said}");
    let out = folder.path().join("out").to_str().unwrap().to_owned();
    let again = folder.path().join("again").to_str().unwrap().to_owned();
    let replay = ["replay", &out, "--quiet", "--out", &again];
    check(&jwtbench(&replay), 2, &["no command is started because a file names it"], "a file");
    let named = jwtbench(&[&replay[..], &["--contender", &own]].concat());
    let said = String::from_utf8_lossy(&named.stderr);
    assert!(matches!(named.status.code(), Some(0 | 3)), "{said}");
}
