//! `--cache-policy NAME|FILE` and `--policy FILE` on every verb that has them: what they replace,
//! what they keep, what they refuse, and that a replay finds again what a run was told.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::LazyLock;

use serde_json::Value;

use jwtbench_result::record::standing::{Standing, UNDRIVEN};
use jwtbench_result::{RunResult, StoredForm};
use jwtbench_scenario::catalogue::source::Source;
use jwtbench_scenario::format::cache::{
    Preset, Presets, Start, parse_preset, read_cache_policy, read_preset,
};
use jwtbench_verifier::cache_policy::CachePolicy;

use crate::binary::{check, jwtbench_on};

fn shipped() -> Presets {
    Presets::of(Source::Binary)
}

const SCENARIO: &str = r#"
title = "t"
analysis = "a"
algorithms = ["EdDSA"]
[load]
arrivals = "poisson"
warmup = "1ms"
duration = "200ms"
[[stream]]
name = "users"
rate = 200
tokens = { valid = 80, wrong-audience = 20 }
[cache]
start = "cold"
ttl = "100ms"
max-wait = "150ms"
"#;

/// A folder with a scenario, cache policies and a policy.
static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("tiny.toml", SCENARIO);
    write("patient.toml", "policy = \"spring-like\"\nttl = \"7m\"\n");
    write("warm.toml", "start = \"warm\"\n");
    write("default.toml", "ttl = \"7m\"\n");
    write("typo.toml", "\nttll = \"7m\"\n");
    write("span.toml", "ttl = 7\n");
    write("twice.toml", "unknown-kid-budget = 0\n");
    write("base.toml", "ttl = \"1m\"\npolicy = \"no-such\"\n");
    write("api.toml", "audience = [\"somebody-else\"]\nalgorithms = [\"EdDSA\"]\n");
    write("no-tenant.toml", "tenant = \"\"\n");
    folder
});

/// Runs a command line, in which `@name` is a file of the folder.
fn jwtbench(args: &[&str]) -> Output {
    jwtbench_on(FOLDER.path(), args)
}

#[test]
fn a_file_stands_on_the_preset_that_it_names() {
    let read = |text: &str| parse_preset(Path::new("own.toml"), text, &shipped());
    let spring = read_cache_policy(&shipped(), "spring-like").unwrap().policy;
    let rows = [
        ("", CachePolicy::default(), None, "nothing: the default"),
        ("policy = \"spring-like\"", spring.clone(), None, "a preset, and nothing else"),
        ("start = \"cold\"", CachePolicy::default(), Some(Start::Cold), "a start"),
        (
            "policy = \"spring-like\"\nretries = 2",
            CachePolicy { retries: 2, ..spring },
            None,
            "the file's keys over those of the preset",
        ),
    ];
    for (text, policy, start, reason) in rows {
        let preset = read(text).unwrap();
        assert_eq!((preset.policy, preset.start), (policy, start), "{reason}");
        assert_eq!((&*preset.name, &*preset.text), ("own", text), "{reason}");
    }
}

#[test]
fn a_preset_that_leads_back_to_itself_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let presets = folder.path().join("cache-policies");
    fs::create_dir(&presets).unwrap();
    let write = |name: &str, text: &str| fs::write(presets.join(name), text).unwrap();
    write("a.toml", "policy = \"b\"");
    write("b.toml", "policy = \"a\"");
    write("c.toml", "policy = \"c\"");
    let presets = Presets::of(Source::Folder(folder.path().into()));
    for name in ["a", "b", "c"] {
        let fault = read_cache_policy(&presets, name).unwrap_err();
        assert!(fault.contains("leads back"), "{name}: {fault}");
    }
}

/// Each verb, up to where its cache policy is named.
const VERBS: [&[&str]; 6] = [
    &["run", "@tiny.toml", "-q", "--contender", "core:ring", "--cache-policy"],
    &["check", "@tiny.toml", "-q", "--contender", "core:ring", "--cache-policy"],
    &["duel", "core:ring", "core:ring", "-q", "--scenario", "@tiny.toml", "--cache-policy"],
    &["duel", "core:ring", "core:ring", "-q", "--scenario", "@tiny.toml", "--base-cache-policy"],
    &["endpoint", "@tiny.toml", "--algorithm", "EdDSA", "--cache-policy"],
    &["simulate", "policy/outage", "-q", "--offsets", "1", "--cache-policy"],
];

#[test]
fn what_cannot_be_read_is_refused_on_every_verb() {
    let rows: [(&str, &[&str], &str); 7] = [
        ("no-such", &["no-such", "known:", "spring-like", ".toml"], "no preset"),
        ("@missing.toml", &["missing.toml", "cannot be read"], "no file"),
        ("@typo.toml", &["typo.toml:2", "`ttll`", "`ttl`", "top level"], "no key"),
        ("@span.toml", &["span.toml:1", "`ttl`"], "no value of its key"),
        ("@twice.toml", &["twice.toml:1", "`unknown-kid-budget`", "refuse"], "no policy"),
        ("@base.toml", &["base.toml:2", "`policy`", "no-such", "known:"], "no base"),
        ("@default.toml", &["default.toml", "preset", "rename"], "the name of another"),
    ];
    for verb in VERBS {
        for (given, words, reason) in rows {
            let output = jwtbench(&[verb, &[given]].concat());
            check(&output, 2, words, &format!("{reason}: {verb:?}"));
        }
    }
}

#[test]
fn the_whole_table_is_replaced_and_what_is_dropped_is_told() {
    let args = ["check", "@tiny.toml", "--contender", "core:ring", "--json", "--cache-policy"];
    let judged = |policy: &str, words: &[&str]| -> Value {
        let output = jwtbench(&[&args[..], &[policy]].concat());
        check(&output, 0, words, policy);
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let dropped = "drops from [cache]: max-wait = \"150ms\", ttl = \"100ms\" of ";
    for (policy, name) in [("@patient.toml", "patient"), ("spring-like", "spring-like")] {
        let result = judged(policy, &[dropped]);
        let measurement = &result["measurements"][0];
        assert_eq!(measurement["cache_policy"], name);
        let waits = &result["scenarios"][0]["cache_dropped"];
        assert_eq!(waits.as_array().map(Vec::len), Some(2), "{waits}");
        assert_eq!(result["cache_policies"][0]["name"], name);
        assert!(result["cache_policies"][0]["text"].is_string());
        // A start that the policy does not name is the scenario's: somebody had to wait.
        assert!(measurement["endpoint"]["attempts"].as_u64() > Some(0), "{policy}: cold");
    }
    let whole = judged("spring-like", &[])["measurements"][0]["cache_policy_hash"].clone();
    let own = judged("@patient.toml", &[])["measurements"][0]["cache_policy_hash"].clone();
    assert_ne!(whole, own, "the file's own keys hold");
    let warm = judged("@warm.toml", &[]);
    let endpoint = &warm["measurements"][0]["endpoint"];
    assert!(endpoint.is_null(), "a file may say that it begins warm: {endpoint}");
}

#[test]
fn check_takes_many_and_globs() {
    let args = ["check", "@tiny.toml", "--contender", "core:ring", "--json"];
    let named = |policies: &[&str]| -> Vec<String> {
        let flags = policies.iter().flat_map(|name| ["--cache-policy", name]);
        let args: Vec<&str> = args.iter().copied().chain(flags).collect();
        let output = jwtbench(&args);
        check(&output, 0, &[], "many");
        let result: Value = serde_json::from_slice(&output.stdout).unwrap();
        let measurements = result["measurements"].as_array().unwrap().iter();
        measurements.map(|m| m["cache_policy"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(named(&["pyjwt*", "pyjwt-2.13-like", "@warm.toml"]).len(), 4, "each once");
    let every = named(&["*"]);
    assert_eq!(every, shipped().names(), "every preset");
}

#[test]
fn a_run_and_its_replay_are_under_the_same_files() {
    let base = FOLDER.path().join("kept").display().to_string();
    let again = FOLDER.path().join("kept-again").display().to_string();
    let run = ["run", "@tiny.toml", "-q", "--contender", "core:ring", "--out", &base];
    let options = ["--cache-policy", "@gone.toml", "--policy", "@gone-too.toml"];
    let (cache, policy) = (FOLDER.path().join("gone.toml"), FOLDER.path().join("gone-too.toml"));
    fs::copy(FOLDER.path().join("patient.toml"), &cache).unwrap();
    fs::copy(FOLDER.path().join("api.toml"), &policy).unwrap();
    check(&jwtbench(&[&run[..], &options[..]].concat()), 0, &[], "a run");
    fs::remove_file(cache).unwrap();
    fs::remove_file(policy).unwrap();
    let output = jwtbench(&["replay", &base, "-q", "--out", &again]);
    check(&output, 0, &[], "a replay, the files gone");
    let [base, again] = [base, again].map(|folder| {
        let result = RunResult::read(&Path::new(&folder).join("result.jsonl")).unwrap();
        let m = result.measurements[0].clone();
        let accepted = m.conformance.iter().any(|cell| cell.due == "ACCEPT");
        assert!(accepted, "minted to the policy: its own audience is accepted");
        (m.plan_hash, m.policy_hash, m.cache_policy, m.cache_policy_hash, result.cache_policies)
    });
    assert_eq!(base, again);
}

#[test]
fn policies_that_do_not_fit_are_refused() {
    let tiny = ["check", "@tiny.toml", "-q", "--contender", "core:ring", "--policy"];
    let every = ["check", "conformance", "-q", "--contender", "core:ring", "--policy"];
    let run = ["run", "@tiny.toml", "-q", "--policy"];
    /// A command, the file and what follows it, the words of the refusal, and why.
    type Row<'r> = (&'r [&'r str], &'r [&'r str], &'r [&'r str], &'r str);
    let rows: [Row<'_>; 5] = [
        (&tiny, &["@missing.toml"], &["missing.toml", "cannot be read"], "no file"),
        (&tiny, &["@typo.toml"], &["typo.toml:2", "`ttll`"], "no policy"),
        (&every, &["@no-tenant.toml"], &["no-tenant.toml", "class", "tenant"], "a class too many"),
        (
            &tiny,
            &["@api.toml", "--algorithm", "RS256"],
            &["api.toml", "`algorithms`", "RS256", "--algorithm"],
            "an algorithm that it does not allow",
        ),
        (&run, &["@typo.toml"], &["typo.toml:2", "`ttll`"], "no policy for a run"),
    ];
    for (verb, rest, words, reason) in rows {
        check(&jwtbench(&[verb, rest].concat()), 2, words, reason);
    }
    let given = [&tiny[..], &["@api.toml"]].concat();
    check(&jwtbench(&given), 0, &[], "tokens are minted to the policy that was named");
}

/// Whoever waits behind a fetch that was not his own may have grounds by it or none; the judge
/// knows from the policy. Under one that shares every fetch it still asks for the one code.
#[test]
fn a_lock_for_all_is_no_breach_of_the_contract() {
    let scenarios = ["unknown-kid/slow-endpoint", "rotation/emergency-withdrawal"];
    let flags = ["--contender", "core:ring", "--algorithm", "ES256", "--json", "--cache-policy"];
    let args = [&["check"], &scenarios[..], &flags[..], &["pyjwt-2.15-like"]].concat();
    // What is expected of another policy may be missed.
    let output = jwtbench(&args);
    let code = output.status.code();
    assert!(matches!(code, Some(0 | 5)), "{code:?}: {}", String::from_utf8_lossy(&output.stderr));
    let result: Value = serde_json::from_slice(&output.stdout).unwrap();
    let conformance = result["measurements"][0]["conformance"].as_array().unwrap();
    let codes: BTreeSet<&str> = conformance
        .iter()
        .filter(|cell| cell["class"] == "unknown-kid")
        .map(|cell| cell["got"].as_str().unwrap())
        .collect();
    assert!(codes.len() > 1, "both codes are given: {codes:?}");
}

/// What a preset emulates, from where that is known, and what it leaves out.
#[test]
fn every_preset_says_what_it_is_worth() {
    let shipped = shipped();
    let reference = include_str!("../../../../scenarios/FORMAT.md");
    let drivers = include_str!("../../../../reports/drivers.md");
    let mut known: Vec<(String, CachePolicy)> = Vec::new();
    let mut differing = 0;
    for name in shipped.names() {
        let Preset { policy, about, .. } = read_preset(&shipped, &name).unwrap();
        let twin = known.iter().find(|(_, other)| *other == policy);
        assert!(twin.is_none(), "{name} is the same as {twin:?}");
        known.push((name.clone(), policy));
        if name == "default" {
            continue;
        }
        assert!(name.ends_with("-like"), "{name}: a preset is like a library, not that library");
        let about = about.unwrap_or_else(|| panic!("{name} lacks `about`"));
        assert!(about.source.is_some() && about.not_modelled.is_some(), "{name}: {about:?}");
        let is_driven = drivers.contains(&format!("and `{name}`\n"));
        // How it was held to the library: by a script that anybody can run, once beside the real
        // thing, or not at all; and in what it is known to differ.
        let checked = about.checked.unwrap_or_else(|| panic!("{name} does not say how"));
        assert_eq!(checked.starts_with("scripts/drive"), is_driven, "{name}: {checked}");
        let words = ["scripts/drive: ", "driven beside ", "sources of "];
        let is_held = words.iter().any(|word| checked.starts_with(word));
        assert!(is_held || checked == UNDRIVEN, "{name}: {checked}");
        let standing = Standing::of(about.differs.as_deref(), Some(&checked));
        let row = format!("| `{}` |", name) + &format!(" {} |", standing.mark().unwrap_or(' '));
        let row = row.replace("|   |", "| |");
        assert!(reference.contains(&row), "scenarios/FORMAT.md lacks {row}");
        differing += usize::from(about.differs.is_some());
    }
    assert!(known.len() > 28, "only {} presets", known.len());
    assert!(differing > 0 && differing < known.len(), "{differing} presets differ");
}
