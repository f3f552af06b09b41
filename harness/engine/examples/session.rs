//! Measures three contenders in one scenario, in real time, and prints the report:
//! `cargo run --release --package jwtbench-engine --example session`.

use std::error::Error;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use jwtbench_engine::contender::ContenderSpec;
use jwtbench_engine::session::{Job, Session, describe, head};
use jwtbench_report::{TerminalStyle, terminal};
use jwtbench_scenario::catalogue::Catalogue;
use jwtbench_scenario::format::overrides::Overrides;
use jwtbench_verifier::algorithm::Algorithm;

const SEED: u64 = 1;

fn main() -> Result<(), Box<dyn Error>> {
    let short = Overrides {
        duration: Some(Duration::from_millis(100)),
        rounds: Some(3),
        ..Overrides::default()
    };
    let known = |name: &str| ContenderSpec::find(name).ok_or(format!("{name} does not run here"));
    let contenders = [known("core:ring")?, known("core:aws-lc-rs")?, known("raw:ring")?];
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
    match failure {
        Some(failure) => Err(failure.into()),
        None if !result.is_judged() || result.wrong() > 0 => Err("a verdict was wrong".into()),
        None => Ok(()),
    }
}
