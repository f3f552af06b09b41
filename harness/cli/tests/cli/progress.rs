//! Progress where standard error is no terminal: plain lines now and then, none when told to be
//! quiet, and never an escape code.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use crate::binary::{ROOT, command_in, scenario_file};

const SCENARIO: &str = r#"
title = "t"
analysis = "a"
algorithms = ["EdDSA"]
[load]
arrivals = "poisson"
warmup = "20ms"
duration = "6s"
[[stream]]
name = "users"
rate = 300
tokens = { valid = 90, expired = 10 }
[endpoint]
latency = "1ms"
[[phase]]
name = "later"
at = "1s"
"#;

/// What a run of six seconds says on standard error.
fn said(option: Option<&str>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = scenario_file(folder.path(), "user/scenario", SCENARIO);
    let mut command = command_in(Path::new(ROOT));
    command.arg("run").arg(&path).args(["--contender", "core:ring", "--out"]);
    command.arg(folder.path().join("out")).args(option).env_remove("CI");
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(!said.contains('\u{1b}'), "{said}");
    said
}

#[test]
fn piped_it_is_a_plain_line_now_and_then() {
    let rows = [(None, true), (Some("--json"), false), (Some("--quiet"), false)];
    let runs =
        rows.map(|(option, speaks)| (option, speaks, std::thread::spawn(move || said(option))));
    for (option, speaks, run) in runs {
        let said = run.join().unwrap();
        let lines: Vec<&str> = said.lines().filter(|line| line.contains(" · ")).collect();
        assert_eq!(!lines.is_empty(), speaks, "{option:?}: {said}");
        assert!(lines.len() <= 4, "{option:?}: no spam: {said}");
        for line in lines.iter().filter(|line| line.contains("p50")) {
            let parts = ["jwtbench: 0/1", "left", "core:ring", "later", " of ", "fetch", "ACCEPT "];
            assert!(parts.iter().all(|part| line.contains(part)), "{line}");
        }
    }
}
