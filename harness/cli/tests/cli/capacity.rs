//! Capacity from the command line: a result with curve, knee, real open loops and card; rates that
//! are shares of a capacity; and requests that mean nothing, refused with the remedy.

#![allow(clippy::unwrap_used)]

use crate::binary;

use std::path::Path;
use std::process::Output;

use binary::{check_stderr, jwtbench, scenario_file};

use jwtbench_report::{TerminalStyle, html, markdown, terminal};
use jwtbench_result::capacity::Capacity;
use jwtbench_result::{RunResult, StoredForm};

/// A scenario file, and the result of running it.
fn run(text: &str, args: &[&str]) -> (Output, Option<RunResult>) {
    let folder = tempfile::tempdir().unwrap();
    let path = scenario_file(folder.path(), "user/scenario", text);
    let out = folder.path().join("out");
    let mut all = vec!["run", &path, "--out", out.to_str().unwrap(), "-q"];
    all.extend_from_slice(args);
    let output = jwtbench(&all);
    let result = RunResult::read(Path::new(&out.join("result.jsonl"))).ok();
    (output, result)
}

/// Why the host disturbed the loops behind a capacity, those of them that it did.
fn disturbances(found: &Capacity) -> Vec<&String> {
    let forged = found.card.forged.iter().flat_map(|forged| &forged.disturbed);
    let open = found.checks.iter().flat_map(|check| &check.disturbed);
    found.disturbed.iter().chain(open).chain(forged).collect()
}

const MIX: &str = r#"
title = "t"
analysis = "a"
algorithms = ["EdDSA"]
[load]
arrivals = "closed"
warmup = "5ms"
duration = "50ms"
[[stream]]
name = "users"
tokens = { valid = 95, expired = 5 }
"#;

const SHARES: &str = r#"
title = "t"
analysis = "a"
algorithms = ["EdDSA"]
[load]
arrivals = "ramp"
capacity-of = "core:ring"
warmup = "5ms"
duration = "200ms"
[[stream]]
name = "users"
rate = "5%"
rate-to = "20%"
tokens = { valid = 100 }
[[stream]]
name = "others"
rate = 50
tokens = { expired = 100 }
"#;

#[test]
fn a_capacity_has_a_knee_real_runs_and_a_card() {
    let args = ["--capacity", "--contender", "core:ring", "--for-rate", "200k"];
    let slow = ["--slo", "p99 < 1s", "--duration", "200ms"];
    let (output, result) = run(MIX, &[&args[..], &slow].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let result = result.unwrap();
    let [found] = &result.capacities[..] else { panic!("{} capacities", result.capacities.len()) };
    assert_eq!((found.contender.as_str(), found.workers), ("core:ring", 1));
    assert!(found.curve.windows(2).all(|p| p[0].response.p99_ns <= p[1].response.p99_ns));
    let limit = found.limit_per_s.unwrap();
    assert!(limit <= found.capacity_per_s);
    assert_eq!(found.checks.len(), 2);
    for check in &found.checks {
        assert!(check.done > 0 && check.wrong == 0, "{check:?}");
        assert!(check.modelled.p50_ns > 0 && check.disagreement > 0.0, "{check:?}");
    }
    assert_eq!(found.disturbed, result.measurements[0].disturbance(), "by the rule for rounds");
    // A busy machine may measure what no model says: then there is no number, and a reason.
    let agrees = found.disturbed.is_none()
        && found
            .checks
            .iter()
            .all(|check| (0.8..=1.25).contains(&check.disagreement) && check.disturbed.is_none());
    let cores = agrees.then(|| (200_000.0 / limit).ceil() as u64);
    assert_eq!(found.card.cores, cores, "one worker");
    assert_eq!(found.card.no_cores.is_none(), agrees, "{:?}", found.card);
    assert!(found.card.cpu_s_per_million.is_some_and(|seconds| seconds > 0.0));
    assert!(found.card.forged.as_ref().is_some_and(|forged| forged.forged_per_s > 0.0));
    assert_eq!(result.measurements.len(), 1, "the closed loop behind it");
    assert!(result.measurements[0].verdicts.judged > 0);
    let style = TerminalStyle { colour: false, width: 80 };
    for text in [terminal(&result, style), markdown(&result), html(&result)] {
        for word in ["holds up to", "one queue per worker", "cores for 200 k/s", "forged tokens"] {
            let plain = text.replace("&lt;", "<");
            assert!(plain.contains(word), "`{word}` is not in: {plain}");
        }
        let is_marked = text.contains(": INVALID: ");
        assert_eq!(
            is_marked,
            !disturbances(found).is_empty(),
            "what was disturbed is told: {text}"
        );
    }
}

#[test]
fn contenders_take_turns_and_share_a_picture() {
    let args = ["--capacity", "--contender", "core:ring", "--contender", "null:"];
    let valid = MIX.replace("{ valid = 95, expired = 5 }", "{ valid = 100 }");
    let (output, result) = run(&valid, &[&args[..], &["--duration", "200ms"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let result = result.unwrap();
    let names: Vec<&str> = result.capacities.iter().map(|c| c.contender.as_str()).collect();
    assert_eq!(names, ["core:ring", "null:"]);
    let forged: Vec<bool> =
        result.capacities.iter().map(|found| found.card.forged.is_some()).collect();
    assert!(!forged[1], "what judges no tokens is not asked to refuse any: {forged:?}");
    let [one, other] = &result.measurements[..] else { panic!("two closed loops") };
    assert_eq!(one.plan_hash, other.plan_hash, "one plan, so that they can take turns");
    let orders = [one, other].map(|m| m.rounds.iter().map(|round| round.order).collect::<Vec<_>>());
    assert_eq!(orders, [vec![0, 3, 4], vec![1, 2, 5]], "in rotating order");
    let page = html(&result);
    let pictures = page.matches("p99 of response times by arrivals").count();
    assert_eq!(pictures, 1, "one picture with both");
    assert!(page.contains("p99 &lt; 1ms"), "with the objective's line");
}

#[test]
fn shares_of_capacity_give_all_contenders_the_same_load() {
    let args = ["--contender", "core:ring", "--contender", "core:rust-crypto"];
    let (output, result) = run(SHARES, &args);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let result = result.unwrap();
    let [basis] = &result.rate_bases[..] else { panic!("{:?}", result.rate_bases) };
    assert_eq!(basis.contender, "core:ring");
    let [rate] = &basis.rates[..] else { panic!("{:?}", basis.rates) };
    let near = |got: f64, share: f64| (got / basis.capacity_per_s - share).abs() < 1e-9;
    assert!(near(rate.rate_per_s, 0.05) && near(rate.rate_to_per_s, 0.2), "{rate:?}");
    assert_eq!(result.measurements.len(), 2);
    let [one, other] = [0, 1].map(|at| &result.measurements[at]);
    assert_eq!(one.plan_hash, other.plan_hash, "the same plan");
    assert_eq!(one.arrivals.planned, other.arrivals.planned);
}

#[test]
fn requests_that_mean_nothing_are_refused() {
    let mix = "hot-path/mix";
    let rows: [(&[&str], &[&str], &str); 8] = [
        (&["--slo", "p99 < 1ms"], &["--capacity"], "an objective for nothing"),
        (&["--for-rate", "5"], &["--capacity"], "cores for nothing"),
        (&["--capacity", "--slo", "mean < 1ms"], &["percentile", "p99 < 1ms"], "a mean"),
        (&["--capacity", "--slo", "p99 < 1"], &["no duration"], "no unit"),
        (&["--capacity", "--for-rate", "0"], &["200k"], "no rate"),
        (&["--capacity", "--for-rate", "5g"], &["200k"], "an unknown unit"),
        (&["--capacity", "--rate", "5"], &["cannot be used with"], "capacity finds the rate"),
        (&["--capacity", "--full"], &["cannot be used with"], "one scenario at a time"),
    ];
    for (args, words, reason) in rows {
        let mut all = vec!["run"];
        all.extend((!args.contains(&"--full")).then_some(mix));
        all.extend_from_slice(args);
        check_stderr(&jwtbench(&all), 2, words, reason);
    }
    for (name, word) in [("core:nobody", "known: core:ring"), ("null:x", "no contender")] {
        let text = SHARES.replace("core:ring", name);
        let (output, result) = run(&text, &["--contender", "core:ring"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{name}: {said}");
        assert!(said.contains("capacity-of") && said.contains(word), "{name}: {said}");
        assert!(result.is_none(), "nothing was measured");
    }
}

/// Virtual time measures nothing: a nominal capacity stands in, and the plan is the same each time.
#[test]
fn check_takes_the_nominal_capacity() {
    let hashes = || {
        let args = ["check", "hot-path/ramp", "--contender", "core:ring", "--algorithm", "ES256"];
        let output = jwtbench(&[&args[..], &["--json"]].concat());
        let result: RunResult = serde_json::from_slice(&output.stdout).unwrap();
        assert!(result.rate_bases.is_empty(), "nothing was calibrated");
        result.measurements.iter().map(|m| m.plan_hash.clone()).collect::<Vec<_>>()
    };
    let once = hashes();
    assert_eq!((once.len(), &once), (1, &hashes()));
}
