//! `replay` as a user meets it: a tiny run, and the same plans again, changed or not.

#![allow(clippy::unwrap_used)]

use crate::binary;
mod outcome;

use std::fs;
use std::process::Output;
use std::sync::LazyLock;

use binary::{check, command_in, jwtbench, scenario_file};

use jwtbench_result::{RunResult, StoredForm};

const SCENARIO: &str = r#"
title = "t"
analysis = "a"
algorithms = ["EdDSA"]
[load]
arrivals = "closed"
warmup = "1ms"
duration = "20ms"
[[stream]]
name = "users"
tokens = { valid = 80, expired = 10, wrong-audience = 10 }
"#;

/// A folder with a scenario, and the result of running it on core:ring.
static STORED: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let scenario = scenario_file(folder.path(), "user/tiny", SCENARIO);
    let out = folder.path().join("base").to_str().unwrap().to_owned();
    let output = jwtbench(&[
        "run",
        &scenario,
        "--contender",
        "core:ring",
        "--rounds",
        "2",
        "--duration",
        "30ms",
        "--seed",
        "9",
        "--out",
        &out,
        "-q",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    folder
});

fn stored() -> RunResult {
    RunResult::read(&STORED.path().join("base/result.jsonl")).unwrap()
}

/// Replays a result, and gives what came of it.
fn replay(result: &RunResult, options: &[&str]) -> (Output, Option<RunResult>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result.jsonl");
    fs::write(&path, serde_json::to_string(result).unwrap()).unwrap();
    let out = folder.path().join("out");
    let mut args = vec!["replay", path.to_str().unwrap(), "-q", "--out", out.to_str().unwrap()];
    args.extend(options);
    let output = jwtbench(&args);
    let replayed = RunResult::read(&out.join("result.jsonl")).ok();
    (output, replayed)
}

#[test]
fn the_same_plan_gives_the_same_verdicts() {
    let base = stored();
    let load = base.scenarios[0].load.as_ref().unwrap();
    assert_eq!((load.rounds, load.duration_ns), (2, 30_000_000), "as the command line said");
    let (output, again) = replay(&base, &[]);
    check(&output, 0, &["user/tiny EdDSA core:ring"], "a replay");
    let again = again.unwrap();
    let (one, other) = (&base.measurements[0], &again.measurements[0]);
    assert_eq!(again.seed, 9);
    assert_eq!((&one.plan_hash, &one.corpus_hash), (&other.plan_hash, &other.corpus_hash));
    assert_eq!(one.verdict_stream, other.verdict_stream);
    let stream = one.verdict_stream.as_ref().unwrap();
    assert!(stream.tokens > 0 && stream.missing == 0, "every token has its verdict: {stream:?}");
    assert_eq!(other.rounds.len(), 2);
}

/// A share is of the capacity that was measured then: the plan stays the same on a faster machine.
#[test]
fn shares_of_capacity_stay_what_they_came_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shares.toml");
    let open = SCENARIO.replace("\"closed\"", "\"poisson\"").replace("20ms", "200ms");
    fs::write(&path, open.replace("\"users\"", "\"users\"\nrate = \"40%\"")).unwrap();
    let out = folder.path().join("base");
    let [path, to] = [&path, &out].map(|path| path.to_str().unwrap());
    let output = jwtbench(&["run", path, "--contender", "core:ring", "--out", to, "-q"]);
    check(&output, 0, &[], "a run");
    let base = RunResult::read(&out.join("result.jsonl")).unwrap();
    let (output, again) = replay(&base, &[]);
    check(&output, 0, &["core:ring"], "a replay");
    let again = again.unwrap();
    assert_eq!(base.measurements[0].plan_hash, again.measurements[0].plan_hash);
    let rate = |result: &RunResult| result.rate_bases[0].rates[0].rate_per_s;
    assert!(rate(&base) > 0.0, "{:?}", base.rate_bases);
    assert_eq!(base.measurements[0].arrivals.planned, again.measurements[0].arrivals.planned);
}

#[test]
fn another_contender_gives_the_same_verdicts() {
    let base = stored();
    let (output, again) = replay(&base, &["--contender", "core:aws-lc-rs"]);
    check(&output, 0, &["core:ring → core:aws-lc-rs"], "two backends");
    let again = again.unwrap();
    assert_eq!(base.measurements[0].verdict_stream, again.measurements[0].verdict_stream);
    let (output, _) = replay(&base, &["--contender", "jsonwebtoken:aws-lc-rs"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!said.contains("drift: expired"), "refused is refused, by any name: {said}");
}

#[test]
fn a_changed_configuration_shows_class_by_class() {
    let base = stored();
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| {
        let path = folder.path().join("api.toml");
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let path = write("audience = [\"somebody-else\"]");
    let (output, _) = replay(&base, &["--policy", &path]);
    let words = ["drift: valid:", "became", "JWT_AUDIENCE_MISMATCH", "judged under another policy"];
    check(&output, 0, &words, "another audience: drift, and not wrong");
    let (output, _) = replay(&base, &["--policy", &path, "--strict"]);
    check(&output, 6, &["INVALID"], "times of other work prove nothing");
    let path = write("audiance = \"x\"");
    let (output, replayed) = replay(&base, &["--policy", &path]);
    check(&output, 2, &["api.toml", "audiance"], "a faulty policy");
    assert!(replayed.is_none(), "nothing is measured");
    let (output, again) = replay(&base, &["--cache-policy", "no-such"]);
    check(&output, 2, &["no cache policy `no-such`", "default"], "no such preset");
    assert!(again.is_none());
}

#[test]
fn another_cache_policy_is_the_same_plan() {
    let presets = STORED.path().join("scenarios/cache-policies");
    fs::create_dir_all(&presets).unwrap();
    fs::write(presets.join("default.toml"), "").unwrap();
    fs::write(presets.join("brief.toml"), "ttl = \"10s\"").unwrap();
    let out = STORED.path().join("brief");
    let output = command_in(STORED.path())
        .args(["replay", "base", "-q", "--cache-policy", "brief", "--out", "brief"])
        .output()
        .unwrap();
    check(&output, 0, &["default → brief", "another cache policy"], "another preset");
    let again = RunResult::read(&out.join("result.jsonl")).unwrap();
    let (one, other) = (&stored().measurements[0], &again.measurements[0]);
    assert_eq!(one.plan_hash, other.plan_hash, "no part of the plan");
    assert_ne!(one.cache_policy_hash, other.cache_policy_hash);
    assert_eq!(one.policy_hash, other.policy_hash);
    assert_eq!(other.cache_policy, "brief");
}

/// What each row does to the stored result.
type Change = fn(&mut RunResult);

#[test]
fn what_cannot_be_made_again_is_refused_before_it_runs() {
    let rows: [(Change, &[&str], &str); 9] = [
        (|r| r.measurements[0].plan_hash = "00".into(), &["its tokens are the same"], "plan"),
        (
            |r| {
                r.measurements[0].plan_hash = "00".into();
                r.measurements[0].corpus_hash = "00".into();
            },
            &["its tokens are not the same"],
            "corpus",
        ),
        (|r| r.seed = 10, &["cannot be made again"], "seed"),
        (|r| r.scenarios[0].load = None, &["arrivals, events, faults or load"], "no load kept"),
        (
            |r| r.scenarios[0].load.as_mut().unwrap().arrivals = "bursts".into(),
            &["user/tiny", "`bursts`"],
            "arrivals of another version",
        ),
        (|r| r.scenarios[0].text = "title = 1".into(), &["no scenario here"], "its text"),
        (|r| r.scenarios.clear(), &["its text is not kept"], "no text"),
        (|r| r.measurements[0].family = "own".into(), &["your own tokens", "--tokens"], "own"),
        (|r| r.measurements[0].virtual_time = true, &["virtual time"], "check"),
    ];
    for (change, words, why) in rows {
        let mut result = stored();
        change(&mut result);
        let (output, replayed) = replay(&result, &[]);
        check(&output, 2, words, why);
        assert!(replayed.is_none(), "{why}: nothing is measured");
    }
}

#[test]
fn filters_that_leave_nothing_are_refused() {
    let rows: [(&[&str], &str); 4] = [
        (&["--scenario", "rotation/*"], "leave no trial"),
        (&["--algorithm", "RS256"], "leave no trial"),
        (&["--contender", "core:x"], "core:ring"),
        (&["--contender", "core:ring", "--base", "core:graviola"], "--base: core:ring"),
    ];
    for (options, words) in rows {
        check(&replay(&stored(), options).0, 2, &[words], words);
    }
}
