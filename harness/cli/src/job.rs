//! The jobs of a command, which a session measures while progress is shown and the part of the
//! output is kept. Every verb that measures a result shares this code; it knows no verb's
//! arguments.

pub(crate) mod capacity;

use std::cell::RefCell;
use std::sync::atomic::Ordering;

use jwtbench_engine::contender::ContenderSpec;
use jwtbench_engine::real::clock::{Stopwatch, utc_now};
use jwtbench_engine::session::{Job, Session, head};
use jwtbench_engine::state::store::StateStore;
use jwtbench_engine::trial::PlantedFault;
use jwtbench_result::{CachePolicyRecord, Measurement, RunResult};
use jwtbench_scenario::Arrivals;

use crate::job::capacity::{Agenda, CapacityBench, CapacityTask};
use crate::output::part::RunPart;

use super::Failure;
use super::interruption::stop_on_signal;
use super::machine::{describe, profile};
use super::output::{Output, tell};
use super::own;
use super::progress::LiveProgress;

/// The settings that the jobs of one command share.
pub struct JobSetting {
    /// The command line.
    pub command: String,
    /// Seed of keys, tokens, arrivals and faults.
    pub seed: u64,
    /// Port of the mocked endpoint; `None` for any free port.
    pub port: Option<u16>,
    /// A fault to plant in every trial.
    pub plant: Option<PlantedFault>,
    /// The store of the state of tokens.
    pub store: StateStore,
    /// Whether messages are suppressed.
    pub is_quiet: bool,
    /// Whether progress is shown.
    pub shows_progress: bool,
    /// The task of finding capacities, which replaces running the scenarios as they are.
    pub capacity: Option<CapacityTask>,
    /// The records of the jobs' cache policies, except our own recommendation.
    pub cache_policies: Vec<CachePolicyRecord>,
    /// A change to each trial before it is kept.
    pub revise: fn(&mut Measurement),
}

/// Measures jobs one after the other. Returns the result, marked as partial after a failure, and
/// the failure. What a job has measured is written to the part of the output at once.
pub fn measure(
    jobs: &[Job],
    setting: JobSetting,
    output: &Output,
) -> Result<(RunResult, Option<Failure>), Failure> {
    let (started_at, stopwatch) = (utc_now(), Stopwatch::start());
    let stop = stop_on_signal()?;
    let machine = describe();
    let (calibration, cores) = (machine.calibration.clone(), machine.cores);
    let (command, policies) = (setting.command.clone(), setting.cache_policies.clone());
    let begun = head(jobs, command, setting.seed, machine, policies);
    let result = RunResult { started_at, ..begun };
    let part = RunPart::begin(output, jobs.iter().map(ToString::to_string).collect(), &result)?;
    warn(jobs, &setting, cores);
    let rounds = |job: &Job| u64::from(job.scenario.load.rounds) * job.contenders.len() as u64;
    let mut agenda = setting.capacity.as_ref().map(|task| task.agenda(jobs));
    let steps = agenda.as_ref().map(Agenda::steps);
    let steps = steps.unwrap_or_else(|| jobs.iter().map(rounds).sum());
    let progress = LiveProgress::new(steps, !setting.shows_progress);
    progress.will_last(jobs.iter().map(Job::lasting).sum());
    let part = RefCell::new(part);
    let keep = |result: &RunResult| part.borrow_mut().add(result);
    let session = Session::new(setting.seed, stop, &progress)
        .keeping(&keep)
        .at_port(setting.port)
        .over(setting.store)
        .calibrated(calibration)
        .with_plant(setting.plant)
        .revising(setting.revise);
    let (mut result, failure) = match setting.capacity.as_ref().zip(agenda.as_mut()) {
        None => {
            let (result, failure) = session.run(jobs, result);
            (result, failure.map(Failure::from))
        }
        Some((task, agenda)) => {
            let mut result = result;
            let failure = session.each(jobs, &mut result, |job, result| {
                let bench = CapacityBench { job, session: &session, progress: &progress };
                task.measure(&bench, agenda, result)
            });
            result.partial = failure.is_some() || stop.load(Ordering::Relaxed);
            (result, failure)
        }
    };
    drop(session);
    progress.finish();
    result.elapsed_s = stopwatch.elapsed().as_secs_f64();
    Ok((result, failure))
}

/// Warns about conditions that make times less reliable.
fn warn(jobs: &[Job], setting: &JobSetting, processors: u32) {
    if setting.is_quiet {
        return;
    }
    if profile() == "debug" {
        tell("a debug build: its times mean nothing; use cargo run --release");
    }
    if let Some(crowded) = crowded(jobs, processors) {
        tell(crowded);
    }
}

/// A warning about open loops whose workers leave no processor to the endpoint and the harness.
fn crowded(jobs: &[Job], processors: u32) -> Option<String> {
    let is_crowded = |job: &&Job| {
        let load = &job.scenario.load;
        load.arrivals != Arrivals::Closed && load.workers >= processors
    };
    let mut names: Vec<&str> =
        jobs.iter().filter(is_crowded).map(|job| job.scenario.name.as_str()).collect();
    names.dedup();
    let remedy = match processors {
        0 | 1 => "a machine with another processor gives steadier tails".to_owned(),
        more => format!("--workers {} leaves one", more - 1),
    };
    let (first, count) = (names.first()?, names.len());
    let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
    Some(format!(
        "{first}{more}: as many workers as processors ({processors}), so none is left for the \
         endpoint and the harness; {remedy}"
    ))
}

/// Adds to a job the contenders that can run it. Returns a message for each reason why the others
/// cannot.
pub fn take(job: &mut Job, contenders: &[ContenderSpec]) -> Vec<String> {
    let algorithm = job.algorithm;
    let (mut strangers, mut guessing) = (Vec::new(), Vec::new());
    for contender in contenders {
        match (contender.supports(algorithm), job.is_known_to(*contender)) {
            (true, true) => job.contenders.push(*contender),
            (true, false) => guessing.push(contender.to_string()),
            (false, _) => strangers.push(contender.to_string()),
        }
    }
    let mut why = Vec::new();
    if !strangers.is_empty() {
        why.push(format!("{algorithm}: not verified by {}", strangers.join(", ")));
    }
    if !guessing.is_empty() {
        let (count, refused) = job.own.as_ref().map_or((0, 0), |own| own.refused(algorithm));
        why.push(format!(
            "{algorithm}: tokens refused: {refused} of {count}; bounds and floors take every \
             token for good and are left out: {}",
            guessing.join(", ")
        ));
    }
    why
}

/// The messages about the user's own tokens, printed before these jobs are measured. The analyses
/// of their scenarios also get a sentence on how many verdicts depend on the stopped clock.
pub fn told_of_own(jobs: &mut [Job]) -> Vec<String> {
    let Some(own) = jobs.iter().find_map(|job| job.own.clone()) else {
        return Vec::new();
    };
    let is_own = |job: &Job| job.own.is_some();
    let lasting = jobs.iter().filter(|job| is_own(job)).map(Job::lasting).sum();
    for job in jobs.iter_mut().filter(|job| is_own(job)) {
        let sentence = format!("Of these, {}.", own::changing(&own, lasting));
        job.scenario = job.scenario.clone().noting(&sentence);
    }
    own::told(&own, lasting)
}
