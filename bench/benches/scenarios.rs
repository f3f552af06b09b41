//! A quick set of scenarios through a session, with one comparison report; CI runs it. The bench
//! ends with the exit code of the result: non-zero on a wrong verdict or a missed expectation.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

use jwtbench::{Exit, Failure, describe, stop_on_signal};
use jwtbench_bench::flags::{Flags, Task};
use jwtbench_bench::{SEED, shipped};
use jwtbench_engine::contender::ContenderSpec;
use jwtbench_engine::session::{Job, Session, head};
use jwtbench_report::{self as report, TerminalStyle};
use jwtbench_result::{RunResult, StoredForm};
use jwtbench_scenario::Scenario;
use jwtbench_scenario::format::overrides::Overrides;
use jwtbench_verifier::algorithm::Algorithm;

/// Scenarios that run one round with every contender and algorithm.
const HOT_PATH: [&str; 4] =
    ["hot-path/accept", "hot-path/mix", "hot-path/reject-claims", "hot-path/reject-signature"];

/// Scenarios that run with one contender and one algorithm, because they last seconds.
const DYNAMIC: [&str; 2] = ["outage/refused", "rotation/planned-overlap"];

/// The contender and the algorithm of the dynamic scenarios.
const ONE: (&str, Algorithm) = ("core:aws-lc-rs", Algorithm::ES256);

const STYLE: TerminalStyle = TerminalStyle { colour: false, width: 100 };

/// The number of operations in a trial that is only judged.
const FEW: f64 = 400.0;

fn main() -> ExitCode {
    let flags = Flags::parse(std::env::args().skip(1));
    let ended = match flags.task {
        Task::List => {
            let quick = HOT_PATH.iter().chain(&DYNAMIC);
            quick.for_each(|name| println!("{name}: benchmark"));
            Ok(Exit::Passed)
        }
        Task::Test => test(&flags),
        Task::Measure => measure(&flags),
    };
    let ended = ended.unwrap_or_else(|failure| {
        eprintln!("scenarios: {failure}");
        failure.exit()
    });
    ended.into()
}

/// The result of these jobs before anything has been measured.
fn begun(jobs: &[Job]) -> RunResult {
    head(jobs, "cargo bench --bench scenarios".into(), SEED, describe(), Vec::new())
}

/// One pass over one scenario: every verdict is checked once, and nothing is measured.
fn test(flags: &Flags) -> Result<Exit, Failure> {
    if !flags.wants(HOT_PATH[0]) {
        return Ok(Exit::Passed);
    }
    let mut jobs = Vec::new();
    for scenario in named(&HOT_PATH[..1])? {
        let few = scenario.for_check(FEW);
        jobs.push(Job::fitting(few, Algorithm::EdDSA, &ContenderSpec::all()));
    }
    let never = AtomicBool::new(false);
    let session = Session::new(SEED, &never, &());
    let mut result = begun(&jobs);
    for job in &jobs {
        result.measurements.extend(session.judge(job)?);
    }
    print!("{}", report::terminal_verdict(&result, STYLE));
    Ok(Exit::of(&result))
}

fn measure(flags: &Flags) -> Result<Exit, Failure> {
    let folder = folder();
    // A result of an earlier run must not be mistaken for the result of this one.
    _ = fs::remove_dir_all(&folder);
    let jobs = jobs(flags)?;
    if jobs.is_empty() {
        let filters = flags.filters.join(" or ");
        println!("scenarios: none that lasts seconds has {filters} in its name");
        return Ok(Exit::Passed);
    }
    let result = begun(&jobs);
    let calibration = result.machine.calibration.clone();
    let session = Session::new(SEED, stop_on_signal()?, &()).calibrated(calibration);
    let (result, failure) = session.run(&jobs, result);
    let shown = show(&result, &folder);
    match failure.map(Failure::from) {
        // A wrong verdict outranks the failure that ended the run.
        Some(failure) if shown.as_ref().is_ok_and(|ended| *ended != Exit::Wrong) => Err(failure),
        _ => shown,
    }
}

/// The jobs of the quick set. With filters, the jobs of every shipped scenario that matches them
/// and lasts only seconds. Dynamic scenarios come first.
fn jobs(flags: &Flags) -> Result<Vec<Job>, Failure> {
    let scenarios = match flags.filters.is_empty() {
        true => named(&[&HOT_PATH[..], &DYNAMIC].concat())?,
        false => {
            let is_wanted =
                |scenario: &Scenario| flags.wants(&scenario.name) && !scenario.is_simulated();
            shipped().into_iter().filter(is_wanted).collect()
        }
    };
    let (dynamic, hot_path): (Vec<Scenario>, Vec<Scenario>) =
        scenarios.into_iter().partition(|scenario| scenario.is_dynamic());
    let mut jobs = Vec::new();
    let one = ContenderSpec::find(ONE.0)
        .ok_or_else(|| Failure::Error(format!("{} does not run on this machine", ONE.0)))?;
    for scenario in dynamic {
        jobs.push(Job::fitting(scenario, ONE.1, &[one]));
    }
    let once = Overrides { rounds: Some(1), ..Overrides::default() };
    for scenario in hot_path {
        let scenario = scenario.with(&once)?;
        for algorithm in scenario.algorithms.clone() {
            jobs.push(Job::fitting(scenario.clone(), algorithm, &ContenderSpec::all()));
        }
    }
    Ok(jobs)
}

/// The shipped scenarios with these names. A missing one is a failure.
fn named(names: &[&str]) -> Result<Vec<Scenario>, Failure> {
    let mut all = shipped();
    let found = names.iter().map(|name| {
        let place = all.iter().position(|scenario| scenario.name == *name);
        let gone = || Failure::Error(format!("no scenario is called {name} any more"));
        place.map(|place| all.swap_remove(place)).ok_or_else(gone)
    });
    found.collect()
}

/// The folder `target/jwtbench/bench`, wherever the target folder is.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("jwtbench/bench")
}

fn show(result: &RunResult, folder: &Path) -> Result<Exit, Failure> {
    println!("{}", report::terminal(result, STYLE));
    let lines = result
        .to_lines()
        .map_err(|error| Failure::Error(format!("the result cannot be written: {error}")))?;
    let files = [
        ("result.jsonl", lines),
        ("summary.md", report::markdown(result)),
        ("index.html", report::html(result)),
    ];
    let fault = |path: &Path, error: std::io::Error| {
        Failure::Error(format!("cannot write {}: {error}", path.display()))
    };
    fs::create_dir_all(folder).map_err(|error| fault(folder, error))?;
    for (name, text) in files {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|error| fault(&path, error))?;
    }
    println!("Report   {}", folder.join("index.html").display());
    Ok(Exit::of(result))
}
