//! The program away from its checkout: scenarios and presets are in it, and a folder that is named
//! is used instead. `scripts/installed` names an installed binary by JWTBENCH, and hides the
//! checkout.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::binary::command_in;

/// Exit code, stdout and stderr of a command in this folder.
fn jwtbench(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let built = || env!("CARGO_BIN_EXE_jwtbench").into();
    let binary = std::env::var_os("JWTBENCH").unwrap_or_else(built);
    let output = Command::new(binary)
        .current_dir(folder)
        .env_remove("JWTBENCH_SCENARIOS")
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// One round of one contender, a few milliseconds long.
const TINY: &str = "title = \"Tiny\"\nanalysis = \"None.\"\n\
    [load]\narrivals = \"closed\"\nrounds = 1\nwarmup = \"1ms\"\nduration = \"5ms\"\n\
    [[stream]]\nname = \"users\"\ntokens = { valid = 100 }\n";

#[test]
fn every_verb_runs_in_an_empty_folder() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let one = ["--contender", "core:ring", "--algorithm", "ES256", "--quiet"];
    let rows: [(&[&str], &[&str]); 11] = [
        (&["list"], &[]),
        (&["mint", "--out", "pack", "--per-class", "1"], &["--algorithm", "ES256", "--quiet"]),
        (&["run", "hot-path/accept", "--duration", "50ms", "--rounds", "2", "--out", "a"], &one),
        (&["check", "rotation/planned-overlap"], &one),
        (&["simulate", "policy/drill", "--cache-policy", "default", "--offsets", "1"], &["-q"]),
        (&["duel", "core:ring", "core:ring", "--blocks", "6"], &["--algorithm", "ES256", "-q"]),
        (&["report", "a", "--format", "markdown"], &[]),
        (&["compare", "a", "a"], &[]),
        (&["replay", "a", "--out", "b", "--quiet"], &[]),
        (&["diverge", "--json"], &[]),
        (&["report", "--schema"], &[]),
    ];
    for (arguments, more) in rows {
        let arguments = [arguments, more].concat();
        let (code, _, said) = jwtbench(folder, &arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        assert!(!said.contains("scenarios of "), "{arguments:?}: {said}");
    }
    for verb in ["report", "trend"] {
        let (code, _, said) = jwtbench(folder, &[verb, "a", "--contender", "ring"]);
        assert!(code != 0 && said.contains("did you mean `core:ring`?"), "{verb}: {said}");
    }
    let (code, out, said) = jwtbench(folder, &["endpoint", "rotation/planned-overlap"]);
    // It has said where it serves, and nobody has told it when to begin.
    assert!(code == 2 && out.contains("http://") && said.contains("no instant"), "{out} {said}");
    let own = "pack/ES256";
    let (policy, keys) = (format!("{own}/policy.toml"), format!("{own}/jwks.json"));
    fs::write(folder.join("tokens.txt"), "not.a.token\n").unwrap();
    let verify = ["verify", "--policy", &policy, "--jwks", &keys, "tokens.txt"];
    let (code, out, said) = jwtbench(folder, &verify);
    assert!(code == 0 && out.contains("JWT_MALFORMED"), "{out} {said}");
}

/// Whatever stands where the program is run: no git is asked, so that no hook of a repository runs.
#[cfg(unix)]
#[test]
fn the_revision_is_that_of_the_build() {
    use std::os::unix::fs::PermissionsExt as _;

    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let git = folder.join("git");
    fs::write(&git, "#!/bin/sh\n: > \"$0.called\"\necho 0123456789ab\n").unwrap();
    fs::set_permissions(&git, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.join("tiny.toml"), TINY).unwrap();
    let output = command_in(folder)
        .env("PATH", folder)
        .args(["run", "tiny.toml", "--contender", "core:ring", "--algorithm", "ES256", "--quiet"])
        .args(["--out", "a"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!folder.join("git.called").exists(), "git was run");
    let text = fs::read_to_string(folder.join("a/result.jsonl")).unwrap();
    let header: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let revision = header["machine"]["revision"].as_str().unwrap();
    let is_one = |text: &str| text.len() == 12 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let told = revision.strip_suffix('+').unwrap_or(revision);
    assert!(revision == "unknown" || is_one(told) && told != "0123456789ab", "{revision}");
}

#[test]
fn a_folder_that_is_written_can_be_named() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let (code, out, _) = jwtbench(folder, &["list", "--write", "mine"]);
    assert!(code == 0 && out.contains("--scenarios mine uses them"), "{out}");
    let (code, _, said) = jwtbench(folder, &["list", "--write", "mine"]);
    assert!(code == 2 && said.contains("name a new folder"), "{said}");
    fs::remove_dir_all(folder.join("mine/outage")).unwrap();
    fs::create_dir(folder.join("mine/own")).unwrap();
    fs::write(folder.join("mine/own/tiny.toml"), TINY).unwrap();
    let (code, out, said) = jwtbench(folder, &["list", "--scenarios", "mine"]);
    assert!(code == 0 && out.contains("own/tiny") && !out.contains("outage/"), "{out}");
    assert_eq!(said, "jwtbench: scenarios of mine\n", "which folder it is, is said");
    let (code, _, said) = jwtbench(folder, &["list", "--scenarios", "mine/own"]);
    assert!(code == 2 && said.contains("list --write"), "{said}");
    // In a checkout its own folder is used, and said.
    fs::rename(folder.join("mine"), folder.join("scenarios")).unwrap();
    fs::create_dir(folder.join("deep")).unwrap();
    let (_, out, said) = jwtbench(&folder.join("deep"), &["list"]);
    assert!(out.contains("own/tiny") && said.contains("scenarios of "), "{said}");
}

/// An empty variable names no folder; one that is set, the folder that every verb uses and says.
#[test]
fn the_variable_names_a_folder() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    jwtbench(folder, &["list", "--write", "mine"]);
    fs::write(folder.join("mine/outage/tiny.toml"), TINY).unwrap();
    let one = ["--contender", "core:ring", "--algorithm", "ES256"];
    for (name, due) in [("", 2), ("mine", 0)] {
        let output = command_in(folder)
            .env("JWTBENCH_SCENARIOS", name)
            .args(["check", "outage/tiny", "--json"])
            .args(one)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(due), "{name:?}: {said}");
        assert_eq!(said.contains("scenarios of mine"), due == 0, "{name:?}: {said}");
    }
}

#[test]
fn a_broken_file_stops_who_asks_for_it() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    jwtbench(folder, &["list", "--write", "scenarios"]);
    fs::write(folder.join("scenarios/outage/broken.toml"), "title = 1\n").unwrap();
    fs::write(folder.join("tiny.toml"), TINY).unwrap();
    let one = ["--contender", "core:ring", "--algorithm", "ES256", "--quiet"];
    let rows: [(&[&str], i32, &str); 5] = [
        (&["check", "tiny.toml"], 0, "a file by path"),
        (&["check", "rotation/planned-overlap"], 0, "another scenario"),
        (&["check", "outage/broken"], 2, "the broken one"),
        (&["check", "outage"], 2, "its family"),
        (&["check", "scenarios/outage/broken.toml"], 2, "its path"),
    ];
    for (arguments, due, why) in rows {
        let arguments = [arguments, &one[..]].concat();
        let (code, _, said) = jwtbench(folder, &arguments);
        assert_eq!(code, due, "{why}: {said}");
        assert_eq!(said.contains("broken.toml"), due == 2, "{why}: {said}");
    }
    let (code, out, said) = jwtbench(folder, &["list"]);
    assert!(code == 2 && out.contains("outage/garbage") && said.contains("broken.toml"), "{said}");
    // The same of cache policies.
    fs::remove_file(folder.join("scenarios/outage/broken.toml")).unwrap();
    fs::write(folder.join("scenarios/cache-policies/broken.toml"), "ttl = 1\n").unwrap();
    for (arguments, due) in [(&["list"][..], 2), (&["list", "rotation"], 0)] {
        let (code, out, said) = jwtbench(folder, arguments);
        assert!(code == due && said.contains("broken.toml"), "{arguments:?}: {said}");
        assert!(out.contains("rotation/planned-overlap") && out.contains("spring-like"), "{out}");
    }
}

#[test]
fn two_files_of_one_name_are_refused() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    for place in ["a/own", "b/own"] {
        fs::create_dir_all(folder.join(place)).unwrap();
        fs::write(folder.join(place).join("tiny.toml"), TINY).unwrap();
    }
    let one = ["--contender", "core:ring", "--algorithm", "ES256", "--quiet"];
    let rows: [(&[&str], i32, &str); 3] = [
        (&["check", "a/own/tiny.toml", "b/own/tiny.toml"], 2, "two files"),
        (&["check", "a/own/tiny.toml", "a/../a/own/tiny.toml"], 0, "one file twice"),
        (&["check", "rotation/planned-overlap", "rotation/planned*"], 0, "one scenario twice"),
    ];
    for (arguments, due, why) in rows {
        let (code, _, said) = jwtbench(folder, &[arguments, &one[..]].concat());
        assert_eq!(code, due, "{why}: {said}");
        assert_eq!(said.contains("two scenarios are called `own/tiny`"), due == 2, "{why}: {said}");
    }
}

#[test]
fn a_name_nearly_right_is_offered() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path();
    let rows: [(&[&str], &str); 11] = [
        (&["chek"], "did you mean the verb `check`?"),
        (&["rnu"], "did you mean the verb `run`?"),
        (&["rn"], "did you mean the verb `run`?"),
        (&["hepl"], "did you mean the verb `help`?"),
        (&["mna"], "did you mean the verb `man`?"),
        (&["check", "--contender", "ring"], "did you mean `core:ring`?"),
        (&["check", "--contender", "core:opensl"], "core:openssl is not in this build; build with"),
        (&["check", "--contender", "openssl"], "--features openssl"),
        (&["check", "rotation/emergency-withdrawl"], "`rotation/emergency-withdrawal`?"),
        (&["check", "--cache-policy", "spring-lik"], "did you mean `spring-like`?"),
        (&["duel", "ring", "core:ring"], "did you mean `core:ring`?"),
    ];
    for (arguments, words) in rows {
        let (code, _, said) = jwtbench(folder, arguments);
        assert!(code == 2 && said.contains(words), "{arguments:?}: {said}");
    }
}

#[test]
fn shells_and_manuals_know_every_verb() {
    let temporary = tempfile::tempdir().unwrap();
    let verbs = ["run", "check", "simulate", "duel", "compare", "replay", "verify", "mint"];
    let rows: [&[&str]; 4] =
        [&["completions", "bash"], &["completions", "zsh"], &["completions", "fish"], &["man"]];
    for arguments in rows {
        let (code, out, said) = jwtbench(temporary.path(), arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        for word in verbs.into_iter().chain(["cache-policy"]) {
            let word = if arguments == ["man"] { word.replace('-', "\\-") } else { word.into() };
            assert!(out.contains(&word), "{arguments:?}: {word}");
        }
    }
    // What is not for users is offered to none.
    for shell in ["bash", "zsh", "fish"] {
        let (_, out, _) = jwtbench(temporary.path(), &["completions", shell]);
        for word in ["duel-arm", "duel__arm", "exec-peer", "statistics", "plant"] {
            assert!(!out.contains(word), "{shell}: {word}");
        }
    }
    for (word, hidden) in [("duel-ram", "duel-arm"), ("statistic", "statistics")] {
        let (code, _, said) = jwtbench(temporary.path(), &[word]);
        assert!(code == 2 && !said.contains(&format!("`{hidden}`")), "{word}: {said}");
    }
    let (code, _, said) = jwtbench(temporary.path(), &["completions", "tcsh"]);
    assert!(code == 2 && said.contains("bash, zsh, fish"), "{said}");
}
