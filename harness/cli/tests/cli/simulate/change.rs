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

fn replayed(base: &Path, flags: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_jwtbench"))
        .arg("replay")
        .arg(base)
        .args(flags)
        .current_dir("..")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.code(), said.concat())
}

#[test]
fn a_simulation_is_made_again_from_what_it_stores() {
    let folder = tempfile::tempdir().unwrap();
    let mine = folder.path().join("mine.toml");
    let write = |carrier: &str| std::fs::write(&mine, format!("carrier = \"{carrier}\"")).unwrap();
    write("memory");
    let strategy = mine.to_str().unwrap();
    let base = made(folder.path(), "it's mine", &["--state-strategy", strategy, "--seed", "7"]);
    let out = folder.path().join("out");
    let out = out.to_str().unwrap();
    let again = ["--quiet", "--force", "--out", out];
    let (code, said) = replayed(&base, &[&again[..], &["--strict"]].concat());
    assert!(code == Some(0) && said.contains("UNCHANGED"), "{code:?}: {said}");
    let stored = |folder: &Path| std::fs::read_to_string(folder.join("simulation.jsonl")).unwrap();
    assert_eq!(stored(&base), stored(Path::new(out)), "the same bytes, the command among them");
    // The file is another today.
    write("none");
    let (code, said) = replayed(&base, &again);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("state/steady mine"), "{said}");
    // What was replayed can be replayed.
    let (code, said) = replayed(Path::new(out), &["--quiet", "--out", &format!("{out}-2")]);
    assert_eq!(code, Some(0), "{said}");
    let rows: [(&[&str], i32, &str); 6] = [
        (&["--state-strategy", "default", "--scenario", "state/*"], 0, "34 others not"),
        (&["--scenario", "policy"], 2, "the filters leave no row"),
        (&["--contender", "core:ring"], 2, "--contender is about what is measured"),
        (&["--state-store", "redis"], 2, "--state-store is about what is measured"),
        (&["--threshold", "p50=5%"], 2, "--threshold"),
        (&["--state-strategy", "gone.toml"], 2, "gone.toml"),
    ];
    for (flags, expected, word) in rows {
        let (code, said) = replayed(&base, &[&again[..], flags].concat());
        assert_eq!(code, Some(expected), "{flags:?}: {said}");
        assert!(said.contains(word), "{flags:?}: `{word}` is not in {said}");
    }
    let list = made(folder.path(), "list", &["--state-strategy=default"]);
    let (code, said) = replayed(&list, &[&again[..], &["--state-strategy", "redis-get"]].concat());
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("state/steady default → redis-get"), "{said}");
    assert!(stored(Path::new(out)).contains("--state-strategy redis-get\""), "the new command");
    let text = stored(&base).replacen("jwtbench simulate ", "jwtbench run ", 1);
    let foreign = folder.path().join("simulation.jsonl");
    std::fs::write(&foreign, text).unwrap();
    let (code, said) = replayed(&foreign, &again);
    assert!(code == Some(2) && said.contains("no command of `jwtbench simulate`"), "{said}");
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
