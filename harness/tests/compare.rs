//! `compare` as a user meets it: what it refuses, what it finds, how sure it is, and how it ends.

#![allow(clippy::unwrap_used)]

/// The result that the suite `report` renders.
#[allow(dead_code)]
mod report {
    pub mod fixture;
}

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use jwtbench::result::noise::Noise;
use jwtbench::result::{
    ClassVerdicts, ConformanceCell, Count, ExpectationResult, Measurement, Round, RunResult,
    VerdictStream, Wrong,
};

use report::fixture;

const TRIAL: &str = "hot-path/accept";

/// One trial with nine rounds, each a bit off the others, `cost` times as slow.
fn result(cost: f64, phase: usize) -> RunResult {
    let mut result = fixture::clean();
    let is_it = |m: &Measurement| {
        m.scenario == TRIAL && m.contender == "core:ring" && m.algorithm == "ES256"
    };
    result.measurements.retain(is_it);
    let wobble = |round: usize| 1.0 + 0.004 * ((round + phase) * 5 % 9) as f64;
    let round = |number: usize| Round {
        order: number as u32,
        done: 10_000,
        throughput_per_s: 20_000.0 / cost / wobble(number),
        p50_ns: (50_000.0 * cost * wobble(number)) as u64,
        p99_ns: (70_000.0 * cost * wobble(number)) as u64,
        ..Round::default()
    };
    result.measurements[0].rounds = (0..9).map(round).collect();
    result.measurements[0].verdict_stream = Some(stream("ACCEPT"));
    result
}

fn stream(code: &str) -> VerdictStream {
    let class = ClassVerdicts {
        class: "valid".into(),
        hash: code.into(),
        codes: vec![Count { name: code.into(), count: 64 }],
    };
    VerdictStream { hash: code.into(), tokens: 64, missing: 0, classes: vec![class] }
}

fn store(folder: &Path, name: &str, result: &RunResult) -> String {
    let path = folder.join(name).join("result.json");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, serde_json::to_string(result).unwrap()).unwrap();
    path.parent().unwrap().to_str().unwrap().to_owned()
}

fn compare(base: &RunResult, candidate: &RunResult, options: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let paths = [store(folder.path(), "base", base), store(folder.path(), "candidate", candidate)];
    let mut command = Command::new(env!("CARGO_BIN_EXE_jwtbench"));
    command.arg("compare").args(paths).args(options).output().unwrap()
}

/// The exit code, and words that either stream must hold.
fn check(output: &Output, code: i32, words: &[&str], reason: &str) {
    let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    // Lines are broken to a width.
    let said = format!("{out}{err}").split_whitespace().collect::<Vec<&str>>().join(" ");
    assert_eq!(output.status.code(), Some(code), "{reason}: {said}");
    for word in words {
        assert!(said.contains(word), "{reason}: `{word}` is not in: {said}");
    }
    assert!(!said.contains("panicked"), "{reason}: {said}");
}

#[test]
fn a_change_is_one_when_it_is_sure_and_large() {
    let rows: [(f64, &[&str], i32, &str, &str); 9] = [
        (1.0, &[], 0, "EQUIVALENT", "the same, other rounds"),
        (1.05, &[], 0, "EQUIVALENT", "sessions lie that far apart"),
        (1.30, &[], 3, "REGRESSED", "slower by more than any session"),
        (0.70, &[], 0, "IMPROVED", "faster by more than any session"),
        (
            1.05,
            &["--session-floor", "p50=1%", "--session-floor", "throughput=1%"],
            3,
            "REGRESSED",
            "a quiet machine, said to be one",
        ),
        (
            1.30,
            &["--threshold", "p50=50%", "--threshold", "p99=50%", "--threshold", "throughput=50%"],
            0,
            "EQUIVALENT",
            "what the user does not mind",
        ),
        (1.05, &["--threshold", "p50=1%|4%"], 3, "beyond the hard limit", "a hard limit"),
        (1.03, &["--threshold", "p50=1%|4%"], 0, "EQUIVALENT", "below the hard limit"),
        (0.90, &["--threshold", "p50=1%|4%"], 0, "Candidate", "a hard limit has one side"),
    ];
    for (cost, options, code, word, why) in rows {
        check(&compare(&result(1.0, 0), &result(cost, 3), options), code, &[word], why);
    }
}

#[test]
fn too_few_rounds_tell_nothing_and_say_how_many_would() {
    let shortened = |cost: f64, rounds: usize| {
        let mut result = result(cost, 1);
        result.measurements[0].rounds.truncate(rounds);
        result
    };
    for rounds in [1, 2, 3, 4] {
        let (base, candidate) = (shortened(1.0, rounds), shortened(1.5, rounds));
        let output = compare(&base, &candidate, &[]);
        check(&output, 0, &["INCONCLUSIVE", "--rounds"], &format!("{rounds} rounds"));
        let output = compare(&base, &candidate, &["--strict"]);
        check(&output, 6, &["INCONCLUSIVE"], &format!("{rounds} rounds, strict"));
        let output = compare(&base, &candidate, &["--threshold", "p50=3%|20%"]);
        check(&output, 3, &["beyond the hard limit"], &format!("{rounds} rounds, hard limit"));
    }
}

/// What each row does to the candidate.
type Change = fn(&mut RunResult);

#[test]
fn what_is_unlike_is_refused_unless_allowed_and_then_said() {
    let rows: [(Change, &str, &str); 5] = [
        (|r| r.seed = 7, "seed", "seed 42 against 7"),
        (|r| r.machine.cores = 64, "machine", "64 cores"),
        (|r| r.measurements[0].plan_hash = "00".into(), "plan", "plan of hot-path/accept"),
        (|r| r.measurements[0].corpus_hash = "00".into(), "plan", "plan of hot-path/accept"),
        (|r| r.schema_version = 99, "version", "schema version"),
    ];
    for (change, kind, said) in rows {
        let (base, mut candidate) = (result(1.0, 0), result(1.0, 3));
        change(&mut candidate);
        check(&compare(&base, &candidate, &[]), 2, &[said], kind);
        let other = if kind == "seed" { "machine" } else { "seed" };
        check(&compare(&base, &candidate, &["--allow", other]), 2, &[said], "another allowance");
        let output = compare(&base, &candidate, &["--allow", kind]);
        check(&output, 0, &["unlike, as allowed", said], kind);
    }
}

#[test]
fn what_is_wrong_outranks_what_is_slow() {
    let wrong = |r: &mut RunResult| {
        let m = &mut r.measurements[0];
        let (class, due) = ("valid".to_owned(), "ACCEPT".to_owned());
        m.verdicts.wrong = 3;
        m.wrong = vec![Wrong { class, due, got: "JWT_EXPIRED".into(), count: 3 }];
    };
    let missed = |r: &mut RunResult| {
        let (key, bound) = ("all.users.valid.lockouts".to_owned(), "== 0".to_owned());
        r.measurements[0].expectations =
            vec![ExpectationResult { key, bound, value: 2.0, met: false }];
    };
    let drifted = |r: &mut RunResult| {
        r.measurements[0].verdict_stream = Some(stream("JWT_REVOKED"));
    };
    let rows: [(Change, f64, i32, &[&str], &str); 8] = [
        (wrong, 1.0, 4, &["INVALID", "valid due ACCEPT, got JWT_EXPIRED, 3 times"], "wrong"),
        (wrong, 1.5, 4, &["INVALID"], "wrong and slow"),
        (missed, 1.0, 5, &["newly missed: all.users.valid.lockouts == 0, was 2"], "missed"),
        (missed, 1.5, 3, &["newly missed", "REGRESSED"], "slow and missed"),
        (drifted, 1.0, 0, &["drift: valid: 64 ACCEPT became 64 JWT_REVOKED"], "drift"),
        (|r| r.measurements[0].error = Some("no AVX2".into()), 1.0, 1, &["no AVX2"], "broken"),
        (|r| r.machine.profile = "debug".into(), 1.5, 0, &["INVALID", "debug build"], "debug"),
        (|r| r.measurements[0].virtual_time = true, 1.5, 0, &["virtual time"], "no time at all"),
    ];
    for (change, cost, code, words, why) in rows {
        let mut candidate = result(cost, 3);
        change(&mut candidate);
        check(&compare(&result(1.0, 0), &candidate, &[]), code, words, why);
    }
    for change in [drifted as Change, |r| r.measurements.clear()] {
        let mut candidate = result(1.0, 3);
        change(&mut candidate);
        let output = compare(&result(1.0, 0), &candidate, &["--strict"]);
        check(&output, 6, &[], "what proves nothing is no pass under --strict");
    }
    let (mut base, mut candidate) = (result(1.0, 0), result(1.0, 3));
    missed(&mut base);
    missed(&mut candidate);
    check(&compare(&base, &candidate, &[]), 0, &[], "missed before is not newly missed");
}

#[test]
fn codes_that_timing_decides_are_told_and_gate_nothing() {
    let mut candidate = result(1.0, 3);
    candidate.measurements[0].conformance.push(ConformanceCell {
        class: "valid".into(),
        due: "JWT_KEYS_UNAVAILABLE".into(),
        got: "JWT_KEYS_UNAVAILABLE".into(),
        count: 2,
        conforms: true,
    });
    let output = compare(&result(1.0, 0), &candidate, &["--strict"]);
    check(&output, 0, &["EQUIVALENT", "timing may decide"], "a wait that ran out");
}

#[test]
fn trials_on_one_side_only_are_listed() {
    let (base, empty) = (result(1.0, 0), {
        let mut empty = result(1.0, 0);
        empty.measurements.clear();
        empty
    });
    check(&compare(&base, &empty, &[]), 0, &["the candidate lacks hot-path/accept"], "gone");
    check(&compare(&empty, &base, &[]), 0, &["only the candidate has hot-path/accept"], "new");
}

#[test]
fn a_machine_that_moved_as_a_whole_is_no_regression_of_ours() {
    let with_raw = |cost: f64, phase: usize| {
        let mut result = result(cost, phase);
        for name in ["raw:ring", "raw:graviola", "raw:aws-lc-rs"] {
            let mut raw = result.measurements[0].clone();
            raw.contender = name.into();
            result.measurements.push(raw);
        }
        result
    };
    let output = compare(&with_raw(1.0, 0), &with_raw(1.3, 3), &[]);
    check(&output, 0, &[], "bare signature checks moved just as far");
    let mut candidate = with_raw(1.0, 3);
    candidate.measurements[0] = result(1.3, 3).measurements.remove(0);
    let output = compare(&with_raw(1.0, 0), &candidate, &[]);
    check(&output, 3, &["REGRESSED"], "they stayed");
}

/// Rounds whose control kernel took this many nanoseconds.
fn kernel(result: &mut RunResult, kernel_ns: u64) {
    for round in &mut result.measurements[0].rounds {
        round.noise = Some(Noise { kernel_ns, ..Noise::default() });
    }
}

#[test]
fn what_the_host_did_is_no_regression_of_ours() {
    type Row<'r> = (f64, u64, &'r [&'r str], i32, &'r str, &'r str);
    let rows: [Row<'_>; 5] = [
        (1.30, 100_000, &[], 3, "REGRESSED", "the kernel took as long as before"),
        (1.30, 140_000, &[], 0, "EQUIVALENT", "the kernel moved further"),
        (1.30, 110_000, &[], 3, "REGRESSED", "the kernel moved less far"),
        (0.70, 60_000, &[], 0, "EQUIVALENT", "no improvement either"),
        (1.30, 140_000, &["--threshold", "p50=3%|25%"], 3, "hard limit", "a hard limit is bare"),
    ];
    for (cost, kernel_ns, options, code, word, why) in rows {
        let (mut base, mut candidate) = (result(1.0, 0), result(cost, 3));
        kernel(&mut base, 100_000);
        kernel(&mut candidate, kernel_ns);
        check(&compare(&base, &candidate, options), code, &[word], why);
    }
    let noisy = |r: &mut RunResult| r.measurements[0].noisy = Some("steal 31 %".into());
    for (on_base, why) in [(true, "a noisy base"), (false, "a noisy candidate")] {
        let (mut base, mut candidate) = (result(1.0, 0), result(1.3, 3));
        noisy(if on_base { &mut base } else { &mut candidate });
        check(&compare(&base, &candidate, &[]), 0, &["INVALID", "steal 31 %"], why);
        check(&compare(&base, &candidate, &["--strict"]), 6, &["INVALID"], why);
    }
}

#[test]
fn json_and_markdown_say_the_same() {
    let (base, candidate) = (result(1.0, 0), result(1.3, 3));
    let output = compare(&base, &candidate, &["--json"]);
    let value: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(value["verdict"], "REGRESSED");
    let figure = &value["trials"][0]["figures"][0];
    assert_eq!(figure["metric"], "p50");
    let ratio = |key: &str| figure["ratio"][key].as_f64().unwrap();
    assert!(ratio("low") <= ratio("estimate") && ratio("estimate") <= ratio("high"));
    assert!((ratio("estimate") - 1.3).abs() < 0.01, "candidate over base");
    let throughput = value["trials"][0]["figures"][2]["ratio"]["estimate"].as_f64().unwrap();
    assert!((throughput - 1.0 / 1.3).abs() < 0.01, "throughput is plain: less of it is worse");
    let output = compare(&base, &candidate, &["--markdown"]);
    check(&output, 3, &["### Significant", "| Threshold |", "REGRESSED"], "a step summary");
    let output = compare(&base, &base, &["--markdown"]);
    check(&output, 0, &["<details>", "1 trial without a change"], "nothing changed");
    let again = compare(&base, &candidate, &["--json"]);
    assert_eq!(again.stdout, compare(&base, &candidate, &["--json"]).stdout, "repeatable");
}

#[test]
fn a_faulty_command_says_what_would_do() {
    let rows: [(&[&str], &str); 6] = [
        (&["--threshold", "p95=3%"], "known: p50, p99, throughput, cpu"),
        (&["--threshold", "p50=3"], "METRIC=SOFT%"),
        (&["--threshold", "p50=9%|3%"], "hard limit is below"),
        (&["--session-floor", "p50"], "METRIC=PERCENT%"),
        (&["--allow", "kernel"], "possible values: plan, seed, machine, version"),
        (&["--json", "--markdown"], "cannot be used with"),
    ];
    for (options, words) in rows {
        check(&compare(&result(1.0, 0), &result(1.0, 1), options), 2, &[words], words);
    }
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().to_str().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_jwtbench"))
        .args(["compare", empty, empty])
        .output()
        .unwrap();
    check(&output, 2, &["cannot read", "result.json"], "a folder without a result");
}
