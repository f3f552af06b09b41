//! Measures three contenders in one scenario, in real time, and prints the report:
//! `cargo run --release --package jwtbench-engine --example session`.

use std::error::Error;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use jwtbench_engine::contender::ContenderSpec;
use jwtbench_engine::session::{Job, Session, describe, head};
use jwtbench_report::{TerminalStyle, terminal};
use jwtbench_scenario::catalogue::Catalogue;
use jwtbench_scenario::overrides::Overrides;
use jwtbench_verifier::algorithm::Algorithm;

const SEED: u64 = 1;

fn main() -> Result<(), Box<dyn Error>> {
    let short = Overrides {
        duration: Some(Duration::from_millis(100)),
        rounds: Some(3),
        ..Overrides::default()
    };
    let contenders: Vec<ContenderSpec> = ["core:ring", "core:aws-lc-rs", "raw:ring"]
        .into_iter()
        .filter_map(ContenderSpec::find)
        .collect();
    let mut jobs = Vec::new();
    for scenario in Catalogue::shipped().select(&["hot-path/accept".into()])? {
        let scenario = scenario.with(&short)?;
        for algorithm in [Algorithm::ES256, Algorithm::EdDSA] {
            jobs.push(Job::fitting(scenario.clone(), algorithm, &contenders));
        }
    }

    let machine = describe(None, None);
    // Set it, from another thread or at a signal, and the session ends with what it has.
    let stop = AtomicBool::new(false);
    let session = Session::new(SEED, &stop, &()).calibrated(machine.calibration.clone());
    let command = "cargo run --release --example session".into();
    let (result, failure) = session.run(&jobs, head(&jobs, command, SEED, machine, Vec::new()));
    println!("{}", terminal(&result, TerminalStyle { colour: false, width: 100 }));
    failure.map_or(Ok(()), |failure| Err(failure.into()))
}
