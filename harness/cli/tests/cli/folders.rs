//! Folders that verbs write to: none writes over what another verb or another process writes, and
//! nothing is written outside of them.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jwtbench_result::StoredForm;
use jwtbench_result::simulation::Simulation;

use crate::binary::command_in;

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = command_in(folder);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Exit code and stderr.
fn jwtbench(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let output = command(folder, arguments).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

const ONE: [&str; 5] = ["--contender", "core:ring", "--algorithm", "ES256", "--quiet"];

fn run<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let run = ["run", "hot-path/accept", "--rounds", "2", "--duration", "50ms"];
    [&run[..], &ONE[..], more].concat()
}

fn simulate<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let simulate = ["simulate", "policy/drill", "--cache-policy", "default", "--offsets", "1"];
    [&simulate[..], &["--draws", "1", "-q"], more].concat()
}

fn duel<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let duel = ["duel", "core:ring", "core:ring", "--algorithm", "ES256", "--blocks", "6", "-q"];
    [&duel[..], more].concat()
}

#[test]
fn no_verb_writes_over_another() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let rows = [
        (run(&["--out", "r"]), 0, ""),
        (simulate(&["--out", "s"]), 0, ""),
        (duel(&["--out", "d"]), 0, ""),
        (run(&["--out", "r"]), 2, "holds a result already"),
        (simulate(&["--out", "s"]), 2, "holds a simulation already"),
        (duel(&["--out", "d"]), 2, "holds a duel already"),
        (run(&["--out", "r", "--force"]), 0, ""),
        (simulate(&["--out", "s", "--force"]), 0, ""),
        (run(&["--out", "s", "--force"]), 2, "holds a simulation; choose another"),
        (run(&["--out", "d", "--force"]), 2, "holds a duel; choose another"),
        (simulate(&["--out", "r", "--force"]), 2, "holds the result of a run; choose another"),
        (duel(&["--out", "r", "--force"]), 2, "holds the result of a run; choose another"),
        (vec!["report", "r", "--out", "s", "--force"], 2, "holds a simulation; choose another"),
        (vec!["report", "s", "--out", "r", "--force"], 2, "holds the result of a run"),
        (vec!["report", "s", "--out", "s", "--force"], 0, ""),
    ];
    for (arguments, due, words) in rows {
        let (code, said) = jwtbench(folder, &arguments);
        assert_eq!(code, due, "{arguments:?}: {said}");
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    let left = fs::read_dir(folder.join("r")).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<String> = left.map(|name| name.into_string().unwrap()).collect();
    assert!(left.iter().all(|name| !name.starts_with('.')), "{left:?}");
    // Whoever puts both into one folder is asked which is meant.
    fs::copy(folder.join("s/simulation.jsonl"), folder.join("r/simulation.jsonl")).unwrap();
    let (code, said) = jwtbench(folder, &["report", "r"]);
    assert!(code == 2 && said.contains("holds a run and a simulation"), "{said}");
    assert_eq!(jwtbench(folder, &["report", "r/simulation.jsonl"]).0, 0);
    assert_eq!(jwtbench(folder, &["report", "r/result.jsonl"]).0, 0);
}

/// Files that no verb made are not written over unasked.
#[test]
fn files_of_the_user_stay() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    assert_eq!(jwtbench(folder, &run(&["--out", "r"])).0, 0);
    let rows = [
        ("index.html", run(&["--out", "mine"])),
        ("result.hlog", run(&["--out", "mine"])),
        ("index.html", vec!["report", "r", "--out", "mine"]),
        ("junit.xml", vec!["report", "r", "--format", "junit", "--out", "mine"]),
        ("result.csv", vec!["report", "r", "--format", "csv", "--out", "mine"]),
        ("frontier.svg", simulate(&["--out", "mine"])),
        ("duel.md", duel(&["--out", "mine"])),
    ];
    for (name, arguments) in rows {
        let mine = folder.join("mine");
        fs::create_dir_all(&mine).unwrap();
        fs::write(mine.join(name), "mine").unwrap();
        let (code, said) = jwtbench(folder, &arguments);
        assert!(code == 2 && said.contains(&format!("holds {name} already")), "{name}: {said}");
        assert_eq!(fs::read_to_string(mine.join(name)).unwrap(), "mine");
        let (code, said) = jwtbench(folder, &[&arguments[..], &["--force"]].concat());
        assert!(code == 0, "{name}: {said}");
        fs::remove_dir_all(&mine).unwrap();
    }
}

#[test]
fn one_process_at_a_time() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let long = ["run", "hot-path/accept", "--rounds", "1", "--duration", "3s", "--out", "r"];
    let long = [&long[..], &ONE[..]].concat();
    let mut first = command(folder, &long).spawn().unwrap();
    let begun = Instant::now();
    while !folder.join("r/.jwtbench-lock").exists() && begun.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let (code, said) = jwtbench(folder, &run(&["--out", "r", "--force"]));
    assert!(code == 2 && said.contains("written by another jwtbench"), "{said}");
    first.kill().unwrap();
    first.wait().unwrap();
    let (code, said) = jwtbench(folder, &run(&["--out", "r"]));
    assert_eq!(code, 0, "one that was killed locks nobody out: {said}");
}

#[test]
fn runs_of_one_second_have_folders_of_their_own() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let all: Vec<_> = (0..4).map(|_| command(folder, &run(&[])).spawn().unwrap()).collect();
    for one in all {
        let output = one.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let folders = fs::read_dir(folder.join("reports/runs")).unwrap().map(|one| one.unwrap().path());
    let results = folders.filter(|folder| folder.join("result.jsonl").is_file());
    assert_eq!(results.count(), 4);
}

#[test]
fn a_foreign_file_writes_nowhere_else() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    assert_eq!(jwtbench(folder, &simulate(&["--out", "s"])).0, 0);
    let stored = Simulation::read(&folder.join("s/simulation.jsonl")).unwrap();
    let absolute = folder.join("evil").display().to_string();
    for name in ["../../evil", "..", "a/b", "", &absolute] {
        let mut simulation = serde_json::to_value(&stored).unwrap();
        simulation["policies"][0]["name"] = name.into();
        fs::write(folder.join("simulation.jsonl"), simulation.to_string()).unwrap();
        let (code, said) =
            jwtbench(folder, &["report", "simulation.jsonl", "--out", "deep/out", "--force"]);
        let is_told = said.contains("is no name of a file");
        // Without a name the page is called `.md`, and stays where it belongs.
        assert!((code == 2 && is_told) || (name.is_empty() || name == ".."), "{name}: {said}");
        for place in ["evil.md", "deep/evil.md", "deep/out/evil.md", "evil"] {
            assert!(!folder.join(place).exists(), "{name}: {place}");
        }
    }
}
