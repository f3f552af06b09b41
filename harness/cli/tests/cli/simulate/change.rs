//! Two simulations, compared on the command line.

use std::path::PathBuf;

use super::*;

/// Simulates two minutes of a small fleet into a folder.
fn made(parent: &Path, name: &str, flags: &[&str]) -> PathBuf {
    let folder = parent.join(name);
    let output = Command::new(env!("CARGO_BIN_EXE_jwtbench"))
        .args(["simulate", "state/steady", "--horizon", "2m", "--draws", "2", "--quiet", "--out"])
        .arg(&folder)
        .args(flags)
        .current_dir("..")
        .output()
        .unwrap();
    // 5: what is expected of sixteen minutes.
    let code = output.status.code();
    assert!([Some(0), Some(5)].contains(&code), "{}", String::from_utf8_lossy(&output.stderr));
    folder
}

fn compared(paths: [&Path; 2], flags: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_jwtbench"))
        .arg("compare")
        .args(paths)
        .args(flags)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.code(), said.concat())
}

#[test]
fn what_a_change_of_strategy_did_is_said_and_gated() {
    let folder = tempfile::tempdir().unwrap();
    let made = |name, flags: &[&str]| made(folder.path(), name, flags);
    let list = made("list", &["--state-strategy", "default"]);
    let again = made("again", &["--state-strategy", "default"]);
    let ask = made("ask", &["--state-strategy", "redis-get"]);
    let both = made("both", &["--state-strategy", "default", "--state-strategy", "redis-get"]);
    let other = made("other", &["--state-strategy", "default", "--seed", "7"]);
    type Row<'r> = (&'r str, [&'r Path; 2], &'r [&'r str], i32, &'r str);
    let rows: [Row<'_>; 9] = [
        ("the same again", [&list, &again], &["--strict"], 0, "UNCHANGED"),
        ("one that costs more", [&list, &ask], &[], 3, "state/steady default → redis-get"),
        ("as it says", [&list, &ask], &["--markdown"], 3, "| ops/token |"),
        ("one that costs less and trusts longer", [&ask, &list], &[], 3, "and 2 better"),
        ("another seed", [&list, &other], &[], 2, "--allow seed"),
        ("another seed, allowed", [&list, &other], &["--allow", "seed"], 0, "as allowed"),
        ("rows of one side alone", [&list, &both], &["--strict"], 6, "only in the candidate"),
        ("itself", [&list, &list], &[], 2, "with itself"),
        ("a flag of times", [&list, &again], &["--threshold", "p50=5%"], 2, "--threshold"),
    ];
    for (reason, paths, flags, expected, word) in rows {
        let (code, said) = compared(paths, flags);
        assert_eq!(code, Some(expected), "{reason}: {said}");
        assert!(said.contains(word), "{reason}: `{word}` is not in {said}");
    }
    let renamed = folder.path().join("before.jsonl");
    std::fs::copy(list.join("simulation.jsonl"), &renamed).unwrap();
    let (code, said) = compared([&renamed, &again], &[]);
    assert!(code == Some(0) && said.contains("UNCHANGED"), "{said}");
    let gone = folder.path().join("gone");
    let (code, said) = compared([&list, &gone], &[]);
    assert!(code == Some(2) && said.contains("cannot read"), "{said}");
    let reference = Path::new("../../reports/reference");
    let (code, said) = compared([&list, reference], &[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("compare two of a kind"), "{said}");
    let (_, json) = compared([&list, &ask], &["--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let figures = json["rows"][0]["figures"].as_array().unwrap();
    let ops = figures.iter().find(|one| one["metric"] == "store_ops_per_token").unwrap();
    assert_eq!((&ops["shift"], &ops["decides"]), (&"worse".into(), &true.into()));
}
