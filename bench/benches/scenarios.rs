//! A quick set of scenarios through a session, with one comparison report: what CI runs. Ends with
//! the exit code of the result: non-zero on a wrong verdict or a missed expectation.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use jwtbench::Exit;
use jwtbench_engine::contender::ContenderSpec;
use jwtbench_engine::session::{Job, Session, SessionError, describe, head};
use jwtbench_report::{self as report, TerminalStyle};
use jwtbench_result::{RunResult, StoredForm};
use jwtbench_scenario::Scenario;
use jwtbench_scenario::overrides::Overrides;
use jwtbench_verifier::algorithm::Algorithm;

use jwtbench_bench::flags::{Flags, Task};
use jwtbench_bench::{SEED, shipped};

/// Crossed with every contender and algorithm, one round each.
const HOT_PATH: [&str; 4] =
    ["hot-path/accept", "hot-path/mix", "hot-path/reject-claims", "hot-path/reject-signature"];

/// On one contender and one algorithm, as they last seconds.
const DYNAMIC: [&str; 2] = ["outage/refused", "rotation/planned-overlap"];

/// The contender and the algorithm of dynamic scenarios.
const ONE: (&str, Algorithm) = ("core:aws-lc-rs", Algorithm::ES256);

/// Operations of a trial that is only judged.
const FEW: f64 = 400.0;

fn main() -> ExitCode {
    let flags = Flags::parse(std::env::args().skip(1));
    let ended = match flags.task {
        Task::List => {
            let quick = HOT_PATH.iter().chain(&DYNAMIC);
            quick.for_each(|name| println!("{name}: benchmark"));
            Ok(ExitCode::SUCCESS)
        }
        Task::Test => test(&flags),
        Task::Measure => measure(&flags),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("scenarios: {error}");
        Exit::Error.into()
    })
}

/// One pass over one scenario: every verdict once, nothing measured.
fn test(flags: &Flags) -> Result<ExitCode, SessionError> {
    let mut scenarios = shipped();
    scenarios.retain(|scenario| scenario.name == HOT_PATH[0] && flags.wants(&scenario.name));
    let never = AtomicBool::new(false);
    let session = Session::new(SEED, &never, &());
    let mut wrong = 0;
    for scenario in scenarios {
        let scenario = scenario.thinned(FEW);
        let job = Job::fitting(scenario, Algorithm::EdDSA, &ContenderSpec::all());
        let judged = session.judge(&job)?;
        let nothing = judged.iter().filter(|trial| trial.verdicts.judged == 0).count() as u64;
        wrong += nothing + judged.iter().map(|trial| trial.verdicts.wrong).sum::<u64>();
        println!("{job}: {} contenders, {wrong} wrong verdicts", judged.len());
    }
    Ok(if wrong == 0 { ExitCode::SUCCESS } else { Exit::Wrong.into() })
}

fn measure(flags: &Flags) -> Result<ExitCode, SessionError> {
    let jobs = jobs(flags)?;
    if jobs.is_empty() {
        println!("scenarios: none has {} in its name", flags.filters.join(" or "));
        return Ok(ExitCode::SUCCESS);
    }
    let machine = describe(None, None);
    let never = AtomicBool::new(false);
    let session = Session::new(SEED, &never, &()).calibrated(machine.calibration.clone());
    let command = "cargo bench --bench scenarios".to_owned();
    let (result, failure) = session.run(&jobs, head(&jobs, command, SEED, machine, Vec::new()));
    let shown = show(&result, &folder());
    failure.map_or(Ok(shown), Err)
}

/// The quick set; with filters, every shipped scenario that they fit and that lasts seconds.
/// Dynamic ones come first.
fn jobs(flags: &Flags) -> Result<Vec<Job>, SessionError> {
    let is_quick = |name: &str| HOT_PATH.contains(&name) || DYNAMIC.contains(&name);
    let mut scenarios = shipped();
    scenarios.retain(|scenario| match flags.filters.is_empty() {
        true => is_quick(&scenario.name),
        false => flags.wants(&scenario.name) && !scenario.is_simulated(),
    });
    let (dynamic, hot_path): (Vec<Scenario>, Vec<Scenario>) =
        scenarios.into_iter().partition(Scenario::is_dynamic);
    let mut jobs = Vec::new();
    let one: Vec<ContenderSpec> = ContenderSpec::find(ONE.0).into_iter().collect();
    for scenario in dynamic {
        jobs.push(Job::fitting(scenario, ONE.1, &one));
    }
    let once = Overrides { rounds: Some(1), ..Overrides::default() };
    for scenario in hot_path {
        let scenario =
            scenario.with(&once).map_err(|error| SessionError::Unusable(error.to_string()))?;
        for algorithm in scenario.algorithms.clone() {
            jobs.push(Job::fitting(scenario.clone(), algorithm, &ContenderSpec::all()));
        }
    }
    jobs.retain(|job| !job.contenders.is_empty());
    Ok(jobs)
}

/// `target/jwtbench/bench`, wherever the target folder is.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("jwtbench/bench")
}

fn show(result: &RunResult, folder: &Path) -> ExitCode {
    let lines = result.to_lines().expect("a result that was read can be written");
    let files = [
        ("result.jsonl", lines),
        ("summary.md", report::markdown(result)),
        ("index.html", report::html(result)),
    ];
    // A result of an earlier run must not be taken for one of this.
    _ = fs::remove_dir_all(folder);
    let made = fs::create_dir_all(folder);
    if let Err(error) = made {
        eprintln!("scenarios: cannot write {}: {error}", folder.display());
        return Exit::Error.into();
    }
    for (name, text) in files {
        let path = folder.join(name);
        if let Err(error) = fs::write(&path, text) {
            eprintln!("scenarios: cannot write {}: {error}", path.display());
            return Exit::Error.into();
        }
    }
    let style = TerminalStyle { colour: false, width: 100 };
    println!("{}", report::terminal(result, style));
    println!("Report   {}", folder.join("index.html").display());
    Exit::of(result).into()
}
