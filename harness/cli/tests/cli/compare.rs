//! `compare` as a user meets it: what it refuses, what it finds, how sure it is, and how it ends.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use binary::check;
use report::fixture;

use jwtbench_result::host::noise::Noise;
use jwtbench_result::{
    ClassVerdicts, ConformanceCell, Count, ExpectationResult, Measurement, Round, RunResult,
    VerdictStream, Wrong,
};

use crate::binary;
use crate::report;

const TRIAL: &str = "hot-path/accept";

/// One trial with nine rounds, each a bit off the others, `cost` times as slow, and behind it the
/// bound that took turns with it.
fn result(cost: f64, phase: usize) -> RunResult {
    let mut result = fixture::clean();
    let is_it = |m: &Measurement| {
        m.scenario == TRIAL && m.contender == "core:ring" && m.algorithm == "ES256"
    };
    result.measurements.retain(is_it);
    result.measurements[0].rounds = rounds(cost, Some(phase));
    result.measurements[0].verdict_stream = Some(stream("ACCEPT"));
    let mut bound = result.measurements[0].clone();
    bound.contender = "raw:ring".into();
    bound.rounds = rounds(0.9, None);
    result.measurements.push(bound);
    result
}

/// Rounds of this cost; each a bit off the others, unless they are a bound's.
fn rounds(cost: f64, phase: Option<usize>) -> Vec<Round> {
    let off = |round: usize| phase.map_or(0, |phase| (round + phase) * 5 % 9);
    let wobble = |round: usize| 1.0 + 0.004 * off(round) as f64;
    let round = |number: usize| Round {
        order: number as u32,
        done: 10_000,
        throughput_per_s: 20_000.0 / cost / wobble(number),
        p50_ns: (50_000.0 * cost * wobble(number)) as u64,
        p99_ns: (70_000.0 * cost * wobble(number)) as u64,
        cpu_ns_per_op: Some(51_000.0 * cost * wobble(number)),
        turns: vec![1.0, 0.99, 1.02, 1.0],
        ..Round::default()
    };
    (0..9).map(round).collect()
}

/// The same without its bound.
fn bare(cost: f64, phase: usize) -> RunResult {
    let mut result = result(cost, phase);
    result.measurements.truncate(1);
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
    let path = folder.join(name).join("result.jsonl");
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

#[test]
fn a_change_is_one_when_it_is_sure_and_large() {
    let rows: [(f64, &[&str], i32, &str, &str); 13] = [
        (1.0, &[], 0, "EQUIVALENT", "the same, other rounds"),
        (1.03, &[], 0, "EQUIVALENT", "below the threshold"),
        (1.10, &[], 3, "REGRESSED", "slower by more than the threshold"),
        (0.90, &[], 0, "IMPROVED", "faster by more than the threshold"),
        (1.10, &["--primary", "cpu"], 3, "REGRESSED", "by CPU time"),
        (1.02, &["--threshold", "p50=1%"], 3, "REGRESSED", "a threshold of one's own"),
        (1.30, &["--threshold", "p50=50%"], 0, "EQUIVALENT", "what the user does not mind"),
        (1.20, &["--threshold", "p50=50%|19%"], 2, "below the soft", "limits out of order"),
        (1.30, &[], 3, "beyond the hard limit of 25.0 %", "a hard limit by default"),
        (1.05, &["--threshold", "p50=1%|4%"], 3, "beyond the hard limit", "a hard limit"),
        (0.70, &["--threshold", "p50=1%|4%"], 0, "Candidate", "a hard limit has one side"),
        (2.50, &["--threshold", "p50=900%"], 3, "p99 over its bound may rise", "p99 has its own"),
        (13.0, &[], 3, "REGRESSED", "another order of magnitude"),
    ];
    for (cost, options, code, word, why) in rows {
        check(&compare(&result(1.0, 0), &result(cost, 3), options), code, &[word], why);
    }
}

#[test]
fn too_few_rounds_tell_nothing_small_and_say_how_many_would() {
    let shortened = |cost: f64, rounds: usize| {
        let mut result = result(cost, 1);
        result.measurements.iter_mut().for_each(|m| m.rounds.truncate(rounds));
        result
    };
    for rounds in [1, 2, 3] {
        let (base, candidate) = (shortened(1.0, rounds), shortened(1.15, rounds));
        let output = compare(&base, &candidate, &[]);
        check(&output, 0, &["INCONCLUSIVE", "--rounds"], &format!("{rounds} rounds"));
        let output = compare(&base, &candidate, &["--strict"]);
        check(&output, 6, &["INCONCLUSIVE"], &format!("{rounds} rounds, strict"));
        let output = compare(&base, &shortened(1.5, rounds), &[]);
        check(&output, 3, &["beyond the hard limit"], &format!("{rounds} rounds, hard limit"));
    }
}

/// Without a bound beside it a median moves with the host: only a multiple tells.
#[test]
fn without_a_bound_only_a_multiple_is_a_regression() {
    let rows: [(f64, &[&str], i32, &str, &str); 5] = [
        (1.0, &[], 0, "TIMES NOT GATED", "the same"),
        (2.0, &[], 0, "TIMES NOT GATED", "sessions of one build lie that far apart"),
        (2.0, &["--strict"], 0, "let `raw:` contenders take turns", "what would gate it"),
        (3.5, &[], 3, "beyond the hard limit of 200.0 %", "no session does that"),
        (2.0, &["--threshold", "bare=|50%"], 3, "REGRESSED", "a machine said to be quiet"),
    ];
    for (cost, options, code, word, why) in rows {
        check(&compare(&bare(1.0, 0), &bare(cost, 3), options), code, &[word, "x ("], why);
    }
    let mut floor = bare(9.0, 3);
    let mut base = bare(1.0, 0);
    for result in [&mut base, &mut floor] {
        result.measurements[0].contender = "core:null".into();
    }
    check(&compare(&base, &floor, &[]), 0, &["TIMES NOT GATED"], "a floor is shown");
}

#[test]
fn a_result_is_the_same_as_itself() {
    for options in [&[] as &[&str], &["--strict"], &["--markdown"]] {
        let output = compare(&result(1.0, 0), &result(1.0, 0), options);
        check(&output, 0, &["THE SAME RESULT", "nothing was compared"], "to the last figure");
    }
    let mut wrong = result(1.0, 0);
    let (class, due) = ("valid".to_owned(), "ACCEPT".to_owned());
    wrong.measurements[0].wrong = vec![Wrong { class, due, got: "JWT_EXPIRED".into(), count: 3 }];
    wrong.measurements[0].verdicts.wrong = 3;
    check(&compare(&wrong, &wrong, &[]), 4, &[], "wrong twice is wrong");
    let mut other = result(1.0, 0);
    other.measurements[0].rounds[4].p50_ns += 1;
    check(&compare(&result(1.0, 0), &other, &[]), 0, &["EQUIVALENT"], "a nanosecond is another");
}

#[test]
fn turns_tell_apart_what_rounds_cannot() {
    // A host that was slow for most of the core's turns and few of the bound's.
    let mut candidate = result(1.0, 3);
    for round in &mut candidate.measurements[0].rounds {
        round.p50_ns = round.p50_ns * 3 / 2;
        round.turns = vec![2.0 / 3.0, 2.0 / 3.0, 1.0, 1.0, 1.0];
    }
    for round in &mut candidate.measurements[1].rounds {
        round.turns = vec![1.0, 1.0, 1.5, 1.5, 1.5];
    }
    let output = compare(&result(1.0, 0), &candidate, &[]);
    check(&output, 0, &["EQUIVALENT"], "turn by turn nothing changed");
    candidate.measurements[1].rounds.iter_mut().for_each(|round| round.turns.clear());
    let output = compare(&result(1.0, 0), &candidate, &[]);
    check(&output, 3, &["REGRESSED"], "rounds without turns are held as they are");
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
    let rows: [(Change, i32, &str); 3] = [
        (drifted, 6, "what proves nothing is no pass under --strict"),
        (|r| r.measurements.truncate(1), 6, "a trial that is missing"),
        (|r| r.measurements.clear(), 1, "nothing at all was compared"),
    ];
    for (change, code, why) in rows {
        let mut candidate = result(1.0, 3);
        change(&mut candidate);
        let output = compare(&result(1.0, 0), &candidate, &["--strict"]);
        check(&output, code, &[], why);
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
    let gone = ["NOTHING COMPARED", "the candidate lacks hot-path/accept"];
    check(&compare(&base, &empty, &[]), 1, &gone, "gone");
    let new = ["NOTHING COMPARED", "only the candidate has hot-path/accept"];
    check(&compare(&empty, &base, &[]), 1, &new, "new");
    let mut other = result(1.0, 3);
    other.measurements.iter_mut().for_each(|m| m.algorithm = "RS256".into());
    check(&compare(&base, &other, &["--markdown"]), 1, &["NOTHING COMPARED"], "disjoint");
    other.seed = 7;
    check(&compare(&base, &other, &[]), 2, &["not alike"], "not alike comes first");
}

#[test]
fn a_machine_that_moved_as_a_whole_is_no_regression_of_ours() {
    let slowed = |core: f64, raw: f64| {
        let mut result = result(core, 3);
        result.measurements[1].rounds = rounds(0.9 * raw, None);
        result
    };
    let rows = [
        (1.0, 1.0, 0, "EQUIVALENT", "still"),
        (1.9, 1.9, 0, "EQUIVALENT", "the bound moved just as far"),
        (0.6, 0.6, 0, "EQUIVALENT", "no improvement either"),
        (1.9, 1.7, 3, "REGRESSED", "the bound moved less far"),
        (1.0, 3.5, 3, "raw:ring", "a bound is gated loosely, by itself"),
    ];
    for (core, raw, code, word, why) in rows {
        check(&compare(&result(1.0, 0), &slowed(core, raw), &[]), code, &[word], why);
    }
    let mut other = slowed(1.0, 1.0);
    other.versions.insert("raw:ring".into(), "ring 9.9".into());
    let mut base = result(1.0, 0);
    base.versions.insert("raw:ring".into(), "ring 0.17".into());
    let words = ["ring 0.17 became ring 9.9", "--base-binary"];
    check(&compare(&base, &other, &[]), 0, &words, "another version is said in the verdict");
}

/// Rounds whose control kernel took this many nanoseconds.
fn kernel(result: &mut RunResult, kernel_ns: u64) {
    for round in &mut result.measurements[0].rounds {
        round.noise = Some(Noise { kernel_ns, ..Noise::default() });
    }
}

#[test]
fn what_the_host_did_is_marked_and_shown() {
    let (mut base, mut candidate) = (result(1.0, 0), result(1.3, 3));
    kernel(&mut base, 100_000);
    kernel(&mut candidate, 140_000);
    let output = compare(&base, &candidate, &[]);
    check(&output, 3, &["kernel took 40 % longer", "REGRESSED"], "a kernel marks, no more");
    let noisy = |r: &mut RunResult| r.measurements[0].noisy = Some("steal 31 %".into());
    for (on_base, why) in [(true, "a noisy base"), (false, "a noisy candidate")] {
        let (mut base, mut candidate) = (result(1.0, 0), result(13.0, 3));
        noisy(if on_base { &mut base } else { &mut candidate });
        let output = compare(&base, &candidate, &[]);
        check(&output, 0, &["INVALID", "steal 31 %", "13.", "disturbed"], why);
        check(&compare(&base, &candidate, &["--strict"]), 6, &["INVALID"], why);
    }
    let mut dropped = result(1.0, 3);
    for round in &mut dropped.measurements[0].rounds[..2] {
        round.p50_ns *= 9;
        round.dropped = Some("steal 31 %".into());
    }
    let output = compare(&result(1.0, 0), &dropped, &[]);
    check(&output, 0, &["EQUIVALENT"], "a dropped round is in no figure");
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
    assert_eq!((&figure["gate"], &figure["bound"]), (&"primary".into(), &"raw:ring".into()));
    let throughput = value["trials"][0]["figures"][2]["ratio"]["estimate"].as_f64().unwrap();
    assert!((throughput - 1.0 / 1.3).abs() < 0.01, "throughput is plain: less of it is worse");
    let output = compare(&base, &candidate, &["--markdown"]);
    check(&output, 3, &["### Significant", "| Threshold |", "REGRESSED"], "a step summary");
    let output = compare(&base, &result(1.0, 3), &["--markdown"]);
    check(&output, 0, &["<details>", "2 trials without a change"], "nothing changed");
    let again = compare(&base, &candidate, &["--json"]);
    assert_eq!(again.stdout, compare(&base, &candidate, &["--json"]).stdout, "repeatable");
}

#[test]
fn a_faulty_command_says_what_would_do() {
    let rows: [(&[&str], &str); 6] = [
        (&["--threshold", "p95=3%"], "known: p50, cpu, p99, throughput, bare"),
        (&["--threshold", "p50=3"], "METRIC=SOFT%"),
        (&["--threshold", "p50=9%|3%"], "hard limit is below"),
        (&["--threshold", "p99=3%"], "a limit alone: write p99=|100%"),
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
    check(&output, 2, &["cannot read", "result.jsonl"], "a folder without a result");
}
