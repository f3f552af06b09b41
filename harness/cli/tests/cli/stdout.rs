//! Standard output that cannot be written is an error of every verb and form; a reader that has
//! gone away is none.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::binary::command_in;

/// Exit code and stderr of a command that prints to `out`.
fn jwtbench(folder: &Path, arguments: &[&str], out: Stdio) -> (i32, String) {
    let output = command_in(folder).args(arguments).stdout(out).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

/// A device on which no byte has room.
fn full() -> Stdio {
    OpenOptions::new().write(true).open("/dev/full").unwrap().into()
}

/// A pipe that nobody reads any more.
fn gone() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

/// A folder with a result, a simulation, a pack and tokens.
fn stored() -> tempfile::TempDir {
    let temporary = tempfile::tempdir().unwrap();
    let made: [&[&str]; 3] = [
        &[
            "run",
            "hot-path/accept",
            "--rounds",
            "2",
            "--duration",
            "50ms",
            "--contender",
            "core:ring",
            "--algorithm",
            "ES256",
            "--quiet",
            "--out",
            "a",
        ],
        &["simulate", "policy/drill", "--cache-policy", "default", "-q", "--out", "s"],
        &["mint", "--out", "pack", "--algorithm", "ES256", "--per-class", "1", "-q"],
    ];
    for arguments in made {
        let (code, said) = jwtbench(temporary.path(), arguments, Stdio::null());
        assert_eq!(code, 0, "{arguments:?}: {said}");
    }
    fs::write(temporary.path().join("tokens.txt"), "not.a.token\n").unwrap();
    temporary
}

/// A result of a release build.
const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../reports/reference");
const ONE: [&str; 4] = ["--contender", "core:ring", "--algorithm", "ES256"];

#[test]
fn what_cannot_be_written_is_an_error() {
    let stored = stored();
    let verify = ["verify", "--policy", "pack/ES256/policy.toml", "--jwks", "pack/ES256/jwks.json"];
    let check = [&["check", "conformance", "--json"][..], &ONE[..]].concat();
    let run = ["run", "hot-path/accept", "--rounds", "2", "--duration", "5ms", "--json"];
    let run = [&run[..], &ONE[..], &["--out", "b", "--force"]].concat();
    let simulate = ["simulate", "policy/drill", "--cache-policy", "default", "--offsets", "1"];
    let mut rows: Vec<Vec<&str>> = vec![
        vec!["--help"],
        vec!["run", "--help"],
        vec!["--version"],
        vec!["list"],
        vec!["list", "--json"],
        check,
        run,
        simulate.to_vec(),
        [&simulate[..], &["--json"]].concat(),
        vec!["compare", "a", "a"],
        vec!["compare", "a", "a", "--json"],
        vec!["compare", "a", "a", "--markdown"],
        vec!["diverge", "--json"],
        vec!["endpoint", "rotation/planned-overlap"],
        vec!["mint", "--out", "another", "--algorithm", "ES256", "--per-class", "1"],
        [&verify[..], &["tokens.txt"]].concat(),
        vec!["report", "--schema"],
        vec!["report", "s", "--format", "html"],
    ];
    for form in ["terminal", "markdown", "html", "json", "csv", "junit"] {
        rows.push(vec!["report", "a", "--format", form]);
    }
    // What a debug build made is not handed on.
    let one = ["--scenario", "hot-path/accept", "--contender", "core:ring"];
    for form in ["opentelemetry", "prometheus", "bencher", "github-action-benchmark"] {
        rows.push([&["report", REFERENCE, "--format", form][..], &one].concat());
    }
    rows.push(vec!["trend", REFERENCE]);
    rows.push(vec!["trend", REFERENCE, "--json"]);
    for arguments in rows {
        let (code, said) = jwtbench(stored.path(), &arguments, full());
        assert_eq!(code, 1, "{arguments:?}: {said}");
        assert!(said.contains("cannot write"), "{arguments:?}: {said}");
    }
}

#[test]
fn a_reader_that_has_gone_away_is_no_fault() {
    let stored = stored();
    let rows: [&[&str]; 4] =
        [&["list"], &["report", "a", "--format", "html"], &["compare", "a", "a"], &["--help"]];
    for arguments in rows {
        let (code, said) = jwtbench(stored.path(), arguments, gone());
        assert_eq!((code, said.as_str()), (0, ""), "{arguments:?}");
    }
}

/// It would wait for its input without end.
#[test]
fn an_endpoint_that_nobody_reads_ends() {
    for (out, due) in [(full(), 1), (gone(), 0)] {
        let temporary = tempfile::tempdir().unwrap();
        let mut command = command_in(temporary.path());
        command.args(["endpoint", "rotation/planned-overlap"]).stdin(Stdio::piped()).stdout(out);
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take();
        let begun = Instant::now();
        let ended = loop {
            match child.try_wait().unwrap() {
                None if begun.elapsed() < Duration::from_secs(60) => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                ended => break ended,
            }
        };
        _ = child.kill();
        assert_eq!(ended.map(|status| status.code()), Some(Some(due)), "it waits for its input");
        drop(input);
    }
}
