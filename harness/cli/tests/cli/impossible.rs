//! Stored files that hold what cannot be: each verb that reads them says where, and ends with 2.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

const RUN: &str = include_str!("../../../engine/tests/cases/stored/run.json");
const SIMULATION: &str = include_str!("../../../engine/tests/cases/stored/simulation.json");

/// The exit code, and what was said, with nothing printed.
fn refused(args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_jwtbench")).args(args).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.stdout.is_empty() && !said.contains("panicked"), "{args:?}: {said}");
    (output.status.code(), said)
}

fn changed(text: &str, pointer: &str, to: &Value) -> String {
    let mut value: Value = serde_json::from_str(text).unwrap();
    *value.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is there")) = to.clone();
    value.to_string()
}

#[test]
fn impossible_figures_are_refused_by_file_and_key() {
    let folder = tempfile::tempdir().unwrap();
    let [run, simulation] =
        ["result.jsonl", "simulation.jsonl"].map(|name| folder.path().join(name));
    let [run_path, simulation_path] = [&run, &simulation].map(|path| path.to_str().unwrap());
    let rows = [
        ("/measurements/0/verdicts/judged", json!(u64::MAX), "measurements[0].verdicts.judged"),
        ("/elapsed_s", json!(1e300), "`elapsed_s` is 1e300"),
        ("/measurements/0/phases/0/start_ns", json!(i64::MIN), "phases[0].start_ns"),
    ];
    for (pointer, figure, key) in rows {
        fs::write(&run, changed(RUN, pointer, &figure)).unwrap();
        let verbs: [&[&str]; 3] =
            [&["report", run_path], &["compare", run_path, run_path], &["replay", run_path]];
        for args in verbs {
            let (code, said) = refused(args);
            assert_eq!(code, Some(2), "{args:?}: {said}");
            assert!(said.contains("result.jsonl") && said.contains(key), "{args:?}: {said}");
        }
    }
    fs::write(&simulation, changed(SIMULATION, "/rows/0/counts/arrivals", &json!(u64::MAX)))
        .unwrap();
    let (code, said) = refused(&["report", simulation_path]);
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("simulation.jsonl") && said.contains("rows[0].counts.arrivals"),
        "{said}"
    );
}

#[test]
fn a_load_that_no_scenario_has_is_not_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("result.jsonl");
    let rows = [
        ("workers", json!(u32::MAX), "workers 4294967295"),
        ("rounds", json!(0), "rounds 0"),
        ("duration_ns", json!(9_000_000_000_000_000u64), "duration_ns"),
        ("duration_ns", json!(1_000_000), "ends before the last phase"),
    ];
    for (key, value, words) in rows {
        let pointer = format!("/scenarios/0/load/{key}");
        fs::write(&run, changed(RUN, &pointer, &value)).unwrap();
        let out = folder.path().join("out");
        let args = ["replay", run.to_str().unwrap(), "--out", out.to_str().unwrap()];
        let (code, said) = refused(&args);
        assert_eq!(code, Some(2), "{key}: {said}");
        assert!(said.contains("result.jsonl") && said.contains(words), "{key}: {said}");
        assert!(!out.exists(), "{key}: nothing is made");
    }
}
