//! A contender that cannot run in a scenario: exit 2 where both were named, left out and told once
//! where either came from a glob. And `list`, which is as wide as a terminal and no wider.

#![allow(clippy::unwrap_used)]

use crate::binary;

use std::process::Output;

use binary::{jwtbench, scenario_file};

use jwtbench_engine::contender::ContenderSpec;
use jwtbench_verifier::algorithm::Algorithm;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A contender with an algorithm that it does not verify.
fn unable() -> (String, &'static str) {
    let mut pairs = ContenderSpec::all()
        .into_iter()
        .flat_map(|spec| Algorithm::ALL.into_iter().map(move |algorithm| (spec, algorithm)));
    let (spec, algorithm) = pairs.find(|(spec, one)| !spec.supports(*one)).unwrap();
    (spec.to_string(), algorithm.name())
}

#[test]
fn what_was_named_and_cannot_run_is_exit_2() {
    let overlap = "rotation/planned-overlap";
    let (spec, algorithm) = unable();
    let unable = ["hot-path/accept", "--contender", &spec, "--algorithm", algorithm];
    let by_file = "scenarios/rotation/planned-overlap.toml";
    let rows: [(&[&str], &[&str], &str); 6] = [
        (
            &[overlap, "--contender", "raw:ring"],
            &["raw:ring cannot run in", overlap, "no key cache", "core:ring"],
            "a bound in a dynamic scenario",
        ),
        (
            &[overlap, "--contender", "core:ring", "--contender", "null:"],
            &["null: cannot run in"],
            "one that can does not excuse one that cannot",
        ),
        (&[by_file, "--contender", "raw:ring"], &["raw:ring cannot run in"], "named by its file"),
        (
            &["hot-path/mix", "--contender", "raw:ring"],
            &["raw:ring cannot run in", "claims", "hot-path/accept"],
            "a bound where tokens are to be refused",
        ),
        (
            &["rotation", "--contender", "raw:ring"],
            &["no contender can run in what was asked for", "raw:ring", "no key cache"],
            "a family in which nothing is left to run",
        ),
        (&unable, &[spec.as_str(), "does not verify", algorithm, "such as"], "no such algorithm"),
    ];
    for (args, words, why) in rows {
        for verb in ["run", "check"] {
            let folder = tempfile::tempdir().unwrap();
            let out = folder.path().join("out");
            let mut all = vec![verb];
            all.extend(args);
            if verb == "run" {
                all.extend(["--out", out.to_str().unwrap()]);
            }
            let output = jwtbench(&all);
            let said = said(&output);
            assert_eq!(output.status.code(), Some(2), "{verb}: {why}: {said}");
            for word in words {
                assert!(said.contains(word), "{verb}: {why}: `{word}` is not in: {said}");
            }
            assert!(output.stdout.is_empty() && !out.exists(), "{verb}: {why}: nothing is made");
        }
    }
}

#[test]
fn what_a_glob_brought_is_left_out_and_told_once() {
    let rows: [(&[&str], &[&str], &str); 3] = [
        (
            &["rotation/*", "--contender", "raw:ring", "--contender", "core:ring"],
            &["raw:ring is left out of rotation/", "more scenarios: it has no key cache"],
            "scenarios by a glob",
        ),
        (
            &["hot-path/mix", "--contender", "*:ring"],
            &["raw:ring is left out of hot-path/mix: it checks signatures"],
            "contenders by a glob",
        ),
        (&["hot-path/mix"], &[], "nobody was asked for"),
    ];
    for (args, lines, why) in rows {
        let mut all = vec!["check", "--algorithm", "ES256"];
        all.extend(args);
        let output = jwtbench(&all);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(0), "{why}: {said}");
        for line in lines {
            assert!(said.contains(line), "{why}: `{line}` is not in: {said}");
        }
        let told = said.matches("is left out").count();
        assert_eq!(told, usize::from(!lines.is_empty()), "{why}: {said}");
        let quiet = [all.as_slice(), &["-q"]].concat();
        assert!(!self::said(&jwtbench(&quiet)).contains("left out"), "{why}: -q says nothing");
    }
}

#[test]
fn a_replay_refuses_what_cannot_run_too() {
    let folder = tempfile::tempdir().unwrap();
    let [base, again] = ["base", "again"].map(|name| folder.path().join(name));
    let text = "title = \"t\"\nanalysis = \"a\"\nalgorithms = [\"EdDSA\"]\n[load]\n\
                arrivals = \"closed\"\nwarmup = \"1ms\"\nduration = \"20ms\"\n[[stream]]\n\
                name = \"users\"\ntokens = { valid = 80, expired = 20 }\n";
    let scenario = scenario_file(folder.path(), "user/tiny", text);
    let [base, again] = [&base, &again].map(|path| path.to_str().unwrap());
    let run = jwtbench(&["run", &scenario, "--contender", "core:ring", "-q", "--out", base]);
    assert_eq!(run.status.code(), Some(0), "{}", said(&run));
    let args = ["replay", base, "--contender", "raw:ring", "--scenario", "user/tiny"];
    let replay = jwtbench(&[args.as_slice(), &["--out", again]].concat());
    assert_eq!(replay.status.code(), Some(2), "{}", said(&replay));
    assert!(said(&replay).contains("raw:ring cannot run in user/tiny"), "{}", said(&replay));
}

#[test]
fn the_list_fits_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let name = "a-scenario-whose-name-has-forty-character";
    let title = "a title of many words ".repeat(5);
    let text = format!(
        "title = \"{}\"\nanalysis = \"a\"\n[load]\narrivals = \"closed\"\nduration = \"1s\"\n\
         [[stream]]\nname = \"users\"\ntokens = {{ valid = 100 }}\n",
        title.trim()
    );
    let path = scenario_file(folder.path(), &format!("user/{name}"), &text);
    for args in [&["list"][..], &["list", path.as_str()]] {
        let output = jwtbench(args);
        let text = String::from_utf8(output.stdout.clone()).unwrap();
        let wide = text.lines().find(|line| line.chars().count() > 80);
        assert_eq!((output.status.code(), wide), (Some(0), None), "{}", said(&output));
        assert!(!text.contains('…'), "{text}");
        let json = jwtbench(&[args, &["--json"]].concat());
        let listing: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
        let words: Vec<&str> = text.split_whitespace().collect();
        for (part, key) in [("scenarios", "title"), ("token_classes", "about")] {
            for line in listing[part].as_array().unwrap() {
                let name = line["name"].as_str().unwrap();
                assert!(words.iter().any(|word| word.ends_with(name)), "{name} is listed");
                let about: Vec<&str> = line[key].as_str().unwrap().split_whitespace().collect();
                let is_whole = words.windows(about.len()).any(|window| window == about);
                assert!(is_whole, "{name}: {about:?}");
            }
        }
    }
}
