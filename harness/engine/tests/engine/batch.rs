//! Ed25519 in batches: the same verdicts as one by one, in real and in virtual time; nothing is
//! lost, and the wait for the batch is in the latencies.

use std::sync::atomic::AtomicBool;

use inline::scenario;

use jwtbench_engine::contender::ContenderSpec;
use jwtbench_engine::real::Control;
use jwtbench_engine::trial::{Gathering, Trial};
use jwtbench_result::Measurement;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend;

use crate::inline;

/// So many tokens a second that a batch is never full within its wait of 1 ms.
const QUIET: &str = r#"
title = "Quiet"
analysis = "None."
[load]
arrivals = "constant"
workers = 1
warmup = "10ms"
duration = "400ms"
[[stream]]
name = "users"
rate = 500
tokens = { valid = 70, expired = 10, bad-signature = 10, malformed = 10 }
"#;

/// As many as one worker can verify.
const BUSY: &str = r#"
title = "Busy"
analysis = "None."
[load]
arrivals = "closed"
workers = 1
warmup = "10ms"
duration = "300ms"
[[stream]]
name = "users"
tokens = { valid = 70, expired = 10, bad-signature = 10, malformed = 10 }
"#;

fn batch() -> ContenderSpec {
    let known = ContenderSpec::known();
    let is_batch = |spec: &ContenderSpec| spec.to_string() == "batch:dalek";
    known.into_iter().find(is_batch).expect("it is known")
}

fn plan(text: &str) -> Plan {
    Plan::new(&scenario(text), Algorithm::EdDSA, &Signers::new(1), &|_| {})
}

fn run(plan: &Plan, contender: ContenderSpec) -> Measurement {
    let trial = Trial::new(plan, contender, None).expect("a trial");
    let mut gathering = Gathering::new(plan, contender, false);
    let stop = AtomicBool::new(false);
    gathering.add(0, trial.run(Control::new(&stop)).expect("a round"));
    gathering.finish()
}

fn simulate(plan: &Plan, contender: ContenderSpec) -> Measurement {
    let trial = Trial::new(plan, contender, None).expect("a trial");
    trial.simulated().expect("a round")
}

/// What the signatures of a batch cost is in the time of a closed loop: no worker does more than
/// its CPU time allows. A tenth is for readings at the edges.
#[test]
fn the_time_of_a_batch_counts() {
    let measurement = run(&plan(BUSY), batch());
    let cpu_ns = measurement.rounds[0].cpu_ns_per_op.expect("a closed loop");
    let share = measurement.throughput_per_s * cpu_ns / 1e9;
    assert!(share < 1.1, "{share}: {} ops/s of {cpu_ns} ns", measurement.throughput_per_s);
}

/// Each has its verdict, and the one due to it.
fn check(measurement: &Measurement, why: &str) {
    assert!(measurement.wrong.is_empty(), "{why}: {:?}", measurement.wrong);
    let arrivals = &measurement.arrivals;
    assert!(arrivals.done > 100, "{why}: {arrivals:?}");
    assert_eq!(arrivals.unfinished, 0, "{why}: {arrivals:?}");
    let codes = [
        ("valid", "ACCEPT"),
        ("expired", "JWT_EXPIRED"),
        ("bad-signature", "JWT_BAD_SIGNATURE"),
        ("malformed", "JWT_MALFORMED"),
    ];
    for (class, code) in codes {
        let rows = measurement.phases.iter().flat_map(|phase| &phase.outcomes);
        let mut rows = rows.filter(|row| row.class == class);
        assert!(rows.all(|row| row.code == code && row.count > 0), "{why}: {class}");
    }
}

#[test]
fn a_batch_changes_no_verdict() {
    let busy = plan(BUSY);
    check(&run(&busy, batch()), "closed loop");
    let quiet = plan(QUIET);
    check(&run(&quiet, batch()), "open loop");
    let simulated = simulate(&quiet, batch());
    check(&simulated, "virtual time");
    let single = ContenderSpec::Core(backend::find("rust-crypto").expect("a backend"));
    let stream = |measurement: Measurement| measurement.verdict_stream.expect("one").hash;
    assert_eq!(stream(simulated), stream(simulate(&quiet, single)), "as one by one");
}

/// In virtual time verifying takes no time: what is left is the wait.
#[test]
fn the_wait_for_the_batch_is_in_the_latency() {
    let simulated = simulate(&plan(QUIET), batch());
    let rows = simulated.phases.iter().flat_map(|phase| &phase.outcomes);
    for row in rows {
        let latency = row.latency.as_ref().expect("a latency");
        // A malformed token has no signature to wait for. The histogram keeps three digits.
        let due = if row.class == "malformed" { 0.0 } else { 1_000_000.0 };
        for (what, ns) in
            [("response", latency.response.mean_ns), ("service", latency.service.mean_ns)]
        {
            assert!((ns - due).abs() <= 1000.0, "{}: {what} {ns} ns", row.class);
        }
    }
}

#[test]
fn it_runs_where_it_is_named() {
    assert!(ContenderSpec::all().iter().all(|spec| spec.to_string() != "batch:dalek"));
    for algorithm in Algorithm::ALL {
        assert_eq!(batch().supports(algorithm), algorithm == Algorithm::EdDSA, "{algorithm}");
    }
    assert!(!batch().has_key_cache(), "it judges under the set of the beginning");
}
