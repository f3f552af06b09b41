//! `--state-strategy` and `--state-store` on the verbs that judge and measure.

use std::process::{Command, Output};

use jwtbench_result::{RunResult, StateResult};

fn jwtbench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jwtbench"))
        .args(arguments)
        .current_dir("..")
        .output()
        .expect("a process")
}

/// The plan, and what came of the state, of a scenario that is judged under a strategy.
fn judged(strategy: &str) -> (String, StateResult) {
    let contender = ["--contender", "core:ring", "--algorithm", "EdDSA"];
    let check = ["check", "revocation/store-down", "--state-strategy", strategy, "--json"];
    let output = jwtbench(&[&check[..], &contender].concat());
    let mut result: RunResult = serde_json::from_slice(&output.stdout).expect("a result");
    let measurement = result.measurements.remove(0);
    assert_eq!(measurement.verdicts.wrong, 0, "{strategy}: {:?}", measurement.wrong);
    (measurement.plan_hash, measurement.state.expect("a state"))
}

/// A strategy that gives tokens another lifetime changes which are issued, and not the plan.
#[test]
fn strategies_share_a_plan() {
    let [asked, held, long] = ["redis-get", "default", "wait-for-exp-1h"].map(judged);
    assert_eq!([&held.0, &long.0], [&asked.0; 2], "one plan");
    assert_eq!(asked.1.issuance_hash, held.1.issuance_hash, "the same tokens");
    assert_ne!(asked.1.issuance_hash, long.1.issuance_hash, "of another lifetime");
    assert_ne!(asked.1.strategy_hash, held.1.strategy_hash);
    assert_eq!(held.1.strategy, "default");
    assert!(held.1.text.contains("push-and-poll"), "the file is kept: {}", held.1.text);
    assert!(asked.1.lockout_causes.iter().any(|one| one.name == "state-fail-closed"));
    assert!(held.1.lockout_causes.is_empty(), "{:?}", held.1.lockout_causes);
}

#[test]
fn what_has_no_effect_is_refused() {
    let over_http = ["run", "revocation/store-down", "--state-store", "http"];
    let rows: [(&[&str], &str); 7] = [
        (&over_http, "is not; use --state-store model"),
        (&["run", "hot-path/accept", "--state-strategy", "default"], "has no [state]"),
        (&["check", "hot-path/accept", "--state-strategy", "default"], "has no [state]"),
        (&["run", "revocation/store-down", "--state-strategy", "defalt"], "default"),
        (
            &["run", "revocation/store-down", "--state-store", "memcached"],
            "known: model, http, redis",
        ),
        (&["run", "revocation/store-down", "--allow-host"], "--state-store"),
        (
            &["duel", "core:ring", "core:ring", "--state-strategy", "default"],
            "hot-path/accept has no [state]",
        ),
    ];
    for (arguments, expected) in rows {
        let output = jwtbench(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}
