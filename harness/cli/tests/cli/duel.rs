//! Duels as a user meets them: what is refused and with which remedy, the shape of the JSON, exit
//! codes, a planted slowdown, and builds in lock step. No test asserts a time.

#![allow(clippy::unwrap_used)]

use crate::binary;

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use binary::jwtbench;

use jwtbench_result::StoredForm;
use jwtbench_result::duel::{
    Arm, BlockNoise, DuelMetric, DuelResult, Duels, LIMIT, Reading, Rules, SLOTS, weigh,
};
use jwtbench_result::statistics::Decision;

const BINARY: &str = env!("CARGO_BIN_EXE_jwtbench");

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn read(output: &Output) -> DuelResult {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// A small duel of the core with itself, and more arguments.
fn small(more: &[&str]) -> Output {
    let mut args = vec!["duel", "core:ring", "core:ring", "--algorithm", "EdDSA", "--blocks", "6"];
    args.extend(more);
    jwtbench(&args)
}

#[test]
fn what_cannot_be_fought_is_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("other.toml"), "issuer = \"https://other.example\"\n").unwrap();
    std::fs::write(path("faulty.toml"), "isuer = \"x\"\n").unwrap();
    std::fs::write(path("duel.jsonl"), "{}").unwrap();
    let (other, faulty, held) = (path("other.toml"), path("faulty.toml"), path(""));
    let rows: [(&[&str], &[&str], &str); 21] = [
        (&["core:ring"], &["<B>"], "one side only"),
        (&["core:ring", "core:x"], &["core:x", "known:", "core:ring"], "no such contender"),
        (&["core:ring", "core:*"], &["core:*", "one of them"], "several contenders"),
        (&["core:ring", "core:ring", "--blocks", "5"], &["--blocks", "16 is usual"], "too few"),
        (&["core:ring", "core:ring", "--blocks", "0"], &["--blocks", "16 is usual"], "none"),
        (&["core:ring", "core:ring", "--blocks", "9999"], &["--blocks", "1000"], "too many"),
        (&["core:ring", "core:ring", "--threshold", "p50"], &["METRIC=PERCENT"], "no limit"),
        (&["core:ring", "core:ring", "--threshold", "p9=3%"], &["p9", "p50, p99"], "no metric"),
        (&["core:ring", "core:ring", "--threshold", "p50=0%"], &["above 0%"], "zero"),
        (&["core:ring", "core:ring", "--gate", "mean"], &["mean", "known: p50"], "no metric"),
        (&["core:ring", "core:ring", "--algorithm", "HS256"], &["HS256", "ES256"], "unknown"),
        (&["core:ring", "core:ring", "--duration", "50ms"], &["jitter", "100ms"], "too short"),
        (&["core:ring", "core:ring", "--scenario", "no/such"], &["no/such"], "no scenario"),
        (&["core:ring", "core:ring", "--scenario", "hot-path"], &["over one"], "a family"),
        (&["null:", "raw:ring", "--scenario", "hot-path/mix"], &["cannot run in"], "a floor"),
        (&["core:ring", "core:ring", "--scenario", "hot-path/ramp"], &["rates per second"], "70 %"),
        (&["core:ring", "core:ring", "--scenario", "state/steady"], &["lasts hours"], "no duel"),
        (&["core:ring", "core:ring", "--cache-policy", "x"], &["`x`", "default"], "no preset"),
        (&["core:ring", "core:ring", "--policy", &faulty], &["faulty.toml:1", "isuer"], "a fault"),
        (&["core:ring", "core:ring", "--policy", &other], &["different tokens"], "two corpora"),
        (&["core:ring", "core:ring", "--out", &held], &["a duel already", "--force"], "kept"),
    ];
    for (args, words, why) in rows {
        let mut all = vec!["duel"];
        all.extend(args);
        let output = jwtbench(&all);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{why}: {said}");
        for word in words {
            assert!(said.contains(word), "{why}: `{word}` is not in: {said}");
        }
        assert!(output.stdout.is_empty() && !said.contains("panicked"), "{why}: {said}");
    }
}

/// The host was watched in every block by the rule for rounds, and too many are never left out.
fn is_watched(duel: &DuelResult) {
    assert_eq!(duel.noise.len(), 6, "every block");
    for (place, BlockNoise { block, disturbed, noise }) in duel.noise.iter().enumerate() {
        assert_eq!((*block as usize, disturbed), (place, &noise.disturbance()));
        assert!(noise.kernel_ns > 0, "{noise:?}");
        if cfg!(target_os = "linux") {
            assert!(noise.others.is_some() && noise.steal.is_some(), "{noise:?}");
            assert!(noise.worker_wait.is_some() && noise.kernel_drift.is_some(), "{noise:?}");
        }
    }
    let disturbed = duel.noise.iter().filter(|block| block.disturbed.is_some()).count();
    assert_eq!(duel.dropped_blocks, if disturbed == 1 { 1 } else { 0 }, "a fifth of six is one");
    // With one left out five are too few.
    assert_eq!(duel.verdict == Decision::Invalid, disturbed > 0 || is_favoured(duel));
}

fn is_favoured(duel: &DuelResult) -> bool {
    duel.control.as_ref().is_some_and(|control| control.moved)
}

/// Two gates share 5 %, and six blocks cannot say more than 2 in 64: no change may be claimed.
#[test]
fn a_duel_with_itself_is_whole_and_claims_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("aa");
    let output = small(&["--json", "--strict", "--out", out.to_str().unwrap()]);
    let duel = read(&output);
    let verdicts = [Decision::Equivalent, Decision::Inconclusive, Decision::Invalid];
    assert!(verdicts.contains(&duel.verdict), "{:?}: {}", duel.verdict, duel.reason);
    let proven = duel.verdict == Decision::Equivalent;
    assert_eq!(output.status.code(), Some(if proven { 0 } else { 6 }), "--strict wants proof");

    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["base"], "core:ring");
    assert_eq!(value["candidate"], "core:ring");
    assert_eq!(value["algorithm"], "EdDSA");
    assert_eq!(value["verdict"], duel.verdict.to_string());
    for metric in ["p50", "p99", "throughput", "cpu"] {
        let ratio = &value["ratio"][metric];
        let [estimate, low, high] = ["estimate", "low", "high"].map(|end| ratio[end].as_f64());
        assert!(low <= estimate && estimate <= high && low > Some(0.0), "{metric}: {ratio}");
    }
    assert_eq!(duel.plan_hash.len(), 64);
    assert_eq!(duel.corpus_hash.len(), 64);
    let gates: Vec<DuelMetric> =
        duel.metrics.iter().filter(|metric| metric.gated).map(|metric| metric.metric).collect();
    assert_eq!(gates, [DuelMetric::P50, DuelMetric::Cpu], "what noise moves least decides");
    assert!(duel.metrics.iter().all(|metric| metric.gated == metric.p_holm.is_some()));
    assert!(duel.metrics.iter().all(|metric| metric.candidate > 0.0 && metric.base > 0.0));
    assert!(duel.metrics.iter().all(|metric| metric.test.exact && metric.floor >= 0.0));

    assert_eq!(duel.samples.len(), 6 * SLOTS, "raw samples are kept");
    for block in 0..6 {
        for arm in [Arm::Candidate, Arm::Base, Arm::Again] {
            let rounds = duel.samples.iter().filter(|s| s.block == block && s.arm == arm);
            assert_eq!(rounds.count(), 2, "block {block}, {arm:?}");
        }
    }
    let is_full = |reading: &Reading| {
        let cpu = reading.cpu_ns_per_op.unwrap_or(0.0);
        reading.done > 0 && reading.p50_ns > 0 && reading.control_ns > 0 && cpu > 0.0
    };
    assert!(duel.samples.iter().all(|sample| is_full(&sample.reading)));
    assert!(duel.in_turns, "a closed loop without an endpoint");
    is_watched(&duel);
    let rules = Rules { thresholds: [].into(), gates, limit: Some(LIMIT), seed: duel.seed };
    let again = weigh(&duel.samples, &duel.noise, &rules);
    assert_eq!(again.metrics, duel.metrics, "the samples alone give the same verdicts");

    let stored = Duels::read(&out.join("duel.jsonl")).unwrap().duels;
    let [stored] = stored.as_slice() else { panic!("one duel") };
    let lines = std::fs::read_to_string(out.join("duel.jsonl")).unwrap();
    let rows = |name: &str| lines.lines().filter(|line| line.starts_with(name)).count();
    assert_eq!(rows("{\"samples\":{\"duel\":0,"), duel.samples.len(), "a round is a line");
    assert_eq!(rows("{\"noise\":{\"duel\":0,"), duel.noise.len(), "and so is a block");
    let foreign = lines.replace("{\"samples\":{\"duel\":0,", "{\"samples\":{\"duel\":7,");
    let error = Duels::parse(&out.join("duel.jsonl"), &foreign).unwrap_err().to_string();
    assert!(error.contains("a row is of duel 7, and there is none"), "{error}");
    let printed = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(serde_json::to_string(stored).unwrap() + "\n", printed, "what is printed");
    let markdown = std::fs::read_to_string(out.join("duel.md")).unwrap();
    assert!(markdown.contains(&format!("**EdDSA {}: ", duel.verdict)), "{markdown}");
    assert!(!markdown.contains(env!("CARGO_MANIFEST_DIR")), "no path of this machine");
}

/// One gate, so that six blocks suffice.
#[test]
fn a_planted_slowdown_is_found() {
    let output = small(&["--plant", "100%", "--gate", "p50"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // A host that favours an arm by chance makes a duel invalid, never anything else.
    let invalid = text.contains("INVALID: ");
    assert!(invalid || text.contains("EdDSA REGRESSED: A takes "), "{text}");
    assert_eq!(output.status.code(), Some(if invalid { 0 } else { 3 }), "{text}");
    assert!(!text.contains('\u{1b}'), "no escape codes in a pipe");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "80 columns: {text}");
    assert!(text.contains("planted 100 %") && text.contains("(p99)"), "{text}");
    assert!(text.contains("debug build") == cfg!(debug_assertions), "{text}");
}

/// Without an algorithm each of the scenario's is fought over, and JSON is an array.
#[test]
fn a_duel_covers_all_algorithms_of_both_sides() {
    let args = ["duel", "core:ring", "core:ring", "--blocks", "6", "--duration", "100ms"];
    let output = jwtbench(&[&args[..], &["--json"]].concat());
    assert!(matches!(output.status.code(), Some(0 | 3)), "{}", said(&output));
    let duels: Vec<DuelResult> = serde_json::from_slice(&output.stdout).unwrap();
    let algorithms: Vec<&str> = duels.iter().map(|duel| duel.algorithm.as_str()).collect();
    assert_eq!(algorithms, ["RS256", "ES256", "EdDSA"]);
    assert!(duels.iter().all(|duel| duel.blocks == 6 && duel.scenario == "hot-path/accept"));
}

/// A stand-in for another build, that says and answers what a test wants.
fn stand_in(folder: &Path, hello: &str, answer: &str) -> String {
    let path = folder.join("jwtbench");
    let text = format!("#!/bin/sh\necho '{hello}'\nwhile read _; do echo '{answer}'; done\n");
    write_executable(&path, &text);
    path.to_str().unwrap().to_owned()
}

/// Written by another process: this one would hand the open file on to what it starts.
fn write_executable(path: &Path, text: &str) {
    let write = "printf %s \"$1\" > \"$2\" && chmod +x \"$2\"";
    let mut command = Command::new("sh");
    let status = command.args(["-c", write, "sh", text]).arg(path).status().unwrap();
    assert!(status.success());
}

/// Whether a process is there and at work.
fn is_alive(id: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}

/// Whatever stands in for another build: it is ended in time, with all that it has started.
#[test]
fn a_build_that_does_not_answer_is_ended() {
    let rows = [
        ("sleep 1000 & echo $! >> ids; wait", "gave no answer within", "it hangs"),
        ("trap '' TERM INT HUP; while :; do sleep 1; done", "gave no answer", "it ignores SIGTERM"),
        ("exec cat /dev/zero", "wrote without end", "one line without end"),
        ("exec yes", "no valid answer", "lines without end"),
        ("while :; do printf x; sleep 0.1; done", "gave no answer", "a line that never ends"),
        ("exec 1>&-; sleep 1000", "ended without an answer", "it hangs with its output closed"),
    ];
    let check = |does: &str, words: &str, why: &str| {
        let folder = tempfile::tempdir().unwrap();
        let ids = folder.path().join("ids");
        let does = does.replace("ids", ids.to_str().unwrap());
        let path = folder.path().join("jwtbench");
        let text = format!("#!/bin/sh\necho $$ >> {}\n{does}\n", ids.display());
        write_executable(&path, &text);
        let begun = Instant::now();
        let output = small(&["--base-timeout", "3s", "--base-binary", path.to_str().unwrap()]);
        let took = begun.elapsed();
        let said = said(&output);
        assert!(matches!(output.status.code(), Some(1 | 2)), "{why}: {said}");
        assert!(said.contains(words) && !said.contains("panicked"), "{why}: {said}");
        assert!(took < Duration::from_secs(60), "{why}: after {took:?}");
        let ids = std::fs::read_to_string(&ids).unwrap();
        assert!(ids.lines().count() > 0 && !ids.lines().any(is_alive), "{why}: left over: {ids}");
    };
    // All at a time: each of them waits.
    std::thread::scope(|scope| {
        for (does, words, why) in rows {
            scope.spawn(move || check(does, words, why));
        }
    });
}

#[test]
fn builds_fight_in_lock_step_over_one_plan() {
    let duel = read(&small(&["--json", "--base-binary", BINARY]));
    assert_eq!(duel.samples.len(), 6 * SLOTS);
    assert!(duel.base_setting.build.starts_with("sha256:"), "{:?}", duel.base_setting);
    assert_eq!(duel.candidate_setting.build, "this");
    is_watched(&duel);
    let is_stranger = |block: &BlockNoise| block.noise.foreign_pressure.is_some();
    assert!(!duel.noise.iter().any(is_stranger), "whose threads waited is not told");

    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    let hello = |plan: &str, profile: &str| {
        let corpus = &duel.corpus_hash;
        let fields = format!(r#""plan_hash":"{plan}","corpus_hash":"{corpus}""#);
        format!(r#"{{{fields},"profile":"{profile}"}}"#)
    };
    let latency = r#""done":1,"p50_ns":1,"p99_ns":1,"control_ns":1"#;
    let reading = format!(r#"{{{latency},"throughput_per_s":1.0,"cpu_ns_per_op":1.0}}"#);
    let wrong = r#"[{"class":"valid","due":"ACCEPT","got":"expired","count":3}]"#;
    let answer = format!(r#"{{"reading":{reading},"wrong":{wrong}}}"#);
    let good = hello(&duel.plan_hash, profile);
    let rows = [
        (hello("00", profile), &*answer, 2, "another plan", "not the same plan"),
        (hello(&duel.plan_hash, "other"), &*answer, 2, "build both alike", "not the same profile"),
        ("hello".to_owned(), &*answer, 1, "no valid answer", "no jwtbench"),
        (good.clone(), "oh", 1, "no valid answer", "not a round"),
        (good.clone(), "'$(sleep 1000)'", 2, "gave no answer", "hangs in a round"),
        (good, &*answer, 4, "", "a wrong verdict"),
    ];
    for (hello, answer, code, words, why) in rows {
        let folder = tempfile::tempdir().unwrap();
        let path = stand_in(folder.path(), &hello, answer);
        let output = small(&["--json", "--base-timeout", "3s", "--base-binary", &path]);
        assert_eq!(output.status.code(), Some(code), "{why}: {}", said(&output));
        assert!(said(&output).contains(words), "{why}: {}", said(&output));
        if code == 4 {
            let duel = read(&output);
            assert_eq!(duel.verdict, Decision::Invalid);
            let silent = duel.ratio.is_none() && duel.metrics.is_empty() && duel.samples.is_empty();
            assert!(silent, "a wrong verdict has no figures beside it");
            assert_eq!(duel.wrong[0].wrong.count, 3);
        }
    }
    let rows = [("/no/such/binary", "cannot be run"), ("/bin/false", "ended without an answer")];
    for (path, words) in rows {
        let output = small(&["--base-binary", path]);
        assert_eq!(output.status.code(), Some(2), "{path}");
        assert!(said(&output).contains(words), "{path}: {}", said(&output));
    }
}
