//! A policy of the user's own on the command line: what beats it, what to change, and sweeps.

use super::*;

use crate::binary::scenario_file;

/// Half an hour with a theft in it.
const THEFT: &str = "title = \"A theft\"\nanalysis = \"None.\"\nsweep = [\"ttl=5m..20m:2\"]\n\
    [load]\narrivals = \"poisson\"\nduration = \"30m\"\n\
    [[stream]]\nname = \"users\"\nrate = 0.5\ntokens = { valid = 100 }\n\
    [[event]]\nat = \"2m\"\npublish-key = \"next\"\n\
    [[event]]\nat = \"2m\"\nsign-with = \"next\"\n\
    [[event]]\nat = \"2m\"\nwithdraw-key = \"current\"\n";

fn simulated(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let theft = scenario_file(folder, "policy/theft", THEFT);
    let mine = folder.join("mine.toml");
    std::fs::write(&mine, "ttl = \"20m\"\nrefresh-ahead = \"off\"\nunknown-kid = \"refuse\"\n")
        .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_jwtbench"))
        .arg("simulate")
        .arg(&theft)
        .arg("--cache-policy")
        .arg(&mine)
        .args(["--offsets", "3", "--draws", "2"])
        .args(arguments)
        .current_dir("..")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn the_key_to_change_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let (code, _, said) = simulated(folder.path(), &["--out", out.to_str().unwrap(), "--quiet"]);
    assert_eq!(code, Some(0), "{said}");
    let file = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    let markdown = file("simulation.md");
    let advice = "Of all changes of one key, unknown-kid = \"refetch\" helps most: exposure";
    assert!(markdown.contains("mine is dominated by ") && markdown.contains(advice), "{markdown}");
    let simulation = Simulation::read(&out.join("simulation.jsonl")).unwrap();
    assert!(simulation.rows.iter().all(|row| !row.cache_policy.contains('=')), "no swept row");
    let lines: Vec<(&str, &str)> =
        simulation.sweep.iter().map(|point| (&*point.line, &*point.label)).collect();
    assert_eq!(lines, [("mine", "5m"), ("mine", "20m")], "the scenario's sweep, of the user's own");
    let exposures = simulation.sweep.iter().map(|point| point.exposure_s.unwrap().max.unwrap());
    assert!(exposures.is_sorted(), "a longer ttl trusts for longer");
    let minutes = simulation.rows.iter().map(|row| row.timeline.len());
    assert!(minutes.into_iter().all(|minutes| minutes == 30));
    let of_mine = simulation.rows.iter().find(|row| row.cache_policy == "mine").unwrap();
    let sum: u64 = of_mine.timeline.iter().map(|minute| minute.refused).sum();
    assert_eq!(sum, of_mine.counts.lockouts + of_mine.counts.late, "the minutes are the whole");
    let report = |form: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jwtbench"));
        let output = command.args(["report", out.to_str().unwrap(), "--format", form]).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    assert_eq!(report("markdown"), markdown, "rendered again from what is stored");
    assert_eq!(report("json"), serde_json::to_string(&simulation).unwrap() + "\n");
    assert_eq!(report("csv"), "", "no such form");
    let page = file("index.html");
    for part in ["Minute by minute", "withdraw-key current", "By <code>ttl</code>", "hindsight, "] {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn a_sweep_of_two_keys_stands_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let sweep = ["--sweep", "ttl=5m..20m:2", "--sweep", "retries=0..1:2", "--json"];
    let (code, json, said) = simulated(folder.path(), &sweep);
    assert_eq!(code, Some(0), "{said}");
    let simulation: Simulation = serde_json::from_str(&json).unwrap();
    let names: Vec<&str> = simulation.rows.iter().map(|row| &*row.cache_policy).collect();
    let expected = [
        "mine retries=0 ttl=5m",
        "mine retries=0 ttl=20m",
        "mine retries=1 ttl=5m",
        "mine retries=1 ttl=20m",
    ];
    assert_eq!(names, expected);
    let lines: Vec<&str> = simulation.sweep.iter().map(|point| &*point.line).collect();
    assert_eq!(lines, ["mine retries=0", "mine retries=0", "mine retries=1", "mine retries=1"]);
}

#[test]
fn a_file_says_what_its_cache_holds_at_the_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [
        ("", 3, "as the scenario says, and it says nothing: warm, of as many ages as asked for"),
        ("start = \"warm\"", 3, "the same in words"),
        ("start = \"cold\"", 1, "nothing, which has one age"),
        ("start = \"10m\"", 1, "a set of this age"),
    ];
    let mut lockouts = Vec::new();
    for (line, ages, reason) in rows {
        let mine = folder.path().join("begun.toml");
        std::fs::write(&mine, line.to_owned() + "\nunknown-kid = \"refuse\"\n").unwrap();
        let mine = mine.to_str().unwrap();
        let more = ["--cache-policy", mine, "--cache-policy", "default", "--json"];
        let (code, text, said) = simulated(folder.path(), &more);
        assert!(matches!(code, Some(0 | 5)), "{line}: {said}");
        let simulation: Simulation = serde_json::from_str(&text).unwrap();
        let row = |name: &str| simulation.rows.iter().find(|row| row.cache_policy == name).unwrap();
        assert_eq!((row("begun").ages, row("default").ages), (ages, 3), "{line}: {reason}");
        let has_regret = row("begun").metric("regret_s").is_some();
        assert_eq!(has_regret, !line.contains("cold"), "{line}: held to its own beginning");
        lockouts.push(row("begun").metric("lockout_s").unwrap().max);
    }
    assert_eq!(lockouts[0], lockouts[1], "two words for one");
    assert!(lockouts[3] != lockouts[0], "{lockouts:?}: one age is another worst than three");
}
