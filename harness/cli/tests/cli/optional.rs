//! Contenders that only some builds have: one that lacks them names the feature instead of
//! measuring something else, and one that has them runs them.

#![allow(clippy::unwrap_used)]

use crate::binary;

use std::fs;

use binary::jwtbench;

use serde_json::Value;

const HAS_FORMER: bool = cfg!(feature = "jsonwebtoken-11");
const FORMER: &str = "jsonwebtoken-11:aws-lc-rs";
const REMEDY: &str = "build with `--features jsonwebtoken-11`";

/// Without the feature: exit code 2, and words on standard error.
fn check_refused(args: &[&str], words: &[&str]) {
    let output = jwtbench(args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
    for word in words {
        assert!(said.contains(word), "{args:?}: `{word}` is not in: {said}");
    }
}

#[test]
fn what_the_build_lacks_is_refused_by_its_feature() {
    if HAS_FORMER {
        return;
    }
    let rows: [(&[&str], &[&str]); 5] = [
        (&["duel", "jsonwebtoken:aws-lc-rs", FORMER], &[FORMER, REMEDY]),
        (&["run", "hot-path/accept", "--contender", FORMER], &[FORMER, REMEDY]),
        (&["check", "hot-path/accept", "--contender", "jsonwebtoken-11:*"], &[FORMER, REMEDY]),
        (&["check", "hot-path/accept", "--contender", "jsonwebtoken-10:*"], &["no contender"]),
        (&["list", "--contender", FORMER], &[REMEDY]),
    ];
    for (args, words) in rows {
        check_refused(args, words);
    }
}

/// A result of a build that had it, replayed by one that has not.
#[test]
fn a_stored_contender_that_the_build_lacks_is_named() {
    if HAS_FORMER {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let shown = out.to_str().unwrap();
    let choice = ["run", "hot-path/accept", "--contender", "core:ring", "--algorithm", "EdDSA"];
    let short = ["--duration", "20ms", "--rounds", "1", "--quiet", "--out", shown];
    let output = jwtbench(&[&choice[..], &short].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let path = out.join("result.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"core:ring\"", &format!("\"{FORMER}\""))).unwrap();
    check_refused(&["replay", shown, "--quiet"], &[FORMER, REMEDY, "--contender"]);
}

#[test]
fn the_list_names_what_other_builds_have() {
    let listed = |args: &[&str]| {
        let output = jwtbench(&[&["list", "--json"], args].concat());
        let listing: Value = serde_json::from_slice(&output.stdout).unwrap();
        let names = |key: &str| {
            let lines = listing[key].as_array().unwrap().iter();
            lines.map(|line| line["name"].as_str().unwrap().to_owned()).collect::<Vec<String>>()
        };
        (names("contenders"), names("contenders_of_other_builds"))
    };
    let (here, elsewhere) = listed(&[]);
    assert_eq!(here.iter().any(|name| name == FORMER), HAS_FORMER);
    assert_eq!(elsewhere.iter().any(|name| name == FORMER), !HAS_FORMER);
    let (here, elsewhere) = listed(&["--contender", "core:ring"]);
    assert_eq!((here.len(), elsewhere.len()), (1, 0), "only what was asked for");
}

/// Both majors judge good tokens alike; the newer refuses more, and `divergence` tells what.
#[test]
fn both_majors_run_side_by_side() {
    if !HAS_FORMER {
        return;
    }
    let both = ["--contender", "jsonwebtoken*:*", "--algorithm", "ES256", "--json"];
    let output = jwtbench(&[&["check", "hot-path/accept", "conformance"], &both[..]].concat());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for name in ["jsonwebtoken:rust-crypto", FORMER, "jsonwebtoken-11:rust-crypto"] {
        assert!(text.contains(name), "{name}");
    }
}
