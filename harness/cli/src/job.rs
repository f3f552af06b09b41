//! A job: one scenario under one algorithm on several contenders, and how jobs are measured. Shared
//! by every verb that makes a result; knows no verb's arguments.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::policy::PolicySpec;

use jwtbench_engine::contender::ContenderSpec;
use jwtbench_engine::trial::clock::{Stopwatch, utc_now};
use jwtbench_engine::trial::{
    Control, Gathering, PlantedFault, RoundRecord, Trial, TrialError, initial_revocations,
    interleaved, outcome_range,
};
use jwtbench_result::outcome::OutcomeRange;
use jwtbench_result::{
    CachePolicyRecord, Calibration, LoadRecord, Measurement, RunResult, SCHEMA_VERSION,
    ScenarioRecord,
};
use jwtbench_scenario::own::OWN;
use jwtbench_scenario::plan::Plan;
use jwtbench_scenario::policy_file;
use jwtbench_scenario::signer::Signers;
use jwtbench_scenario::{Arrivals, Scenario};

use super::Failure;
use super::capacity::{Agenda, CapacityBench, CapacityTask};
use super::interruption::stop_on_signal;
use super::machine::{CpuTime, describe, profile};
use super::output::{Output, tell};
use super::own::OwnTokens;
use super::part::RunPart;
use super::progress::LiveProgress;

/// One scenario under one algorithm, on several contenders.
#[derive(Clone)]
pub struct Job {
    /// What is run, overrides included.
    pub scenario: Scenario,
    /// The algorithm of its tokens.
    pub algorithm: Algorithm,
    /// Who runs it, in the order of the first round.
    pub contenders: Vec<ContenderSpec>,
    /// The user's tokens instead of minted ones.
    pub own: Option<Arc<OwnTokens>>,
    /// Judges instead of the scenario's policy; the tokens stay those of the scenario's.
    pub policy: Option<PolicySpec>,
    /// What the plan must be, if it is made again.
    pub due: Option<PlanHashes>,
}

impl Job {
    /// A job on minted tokens.
    pub fn minted(scenario: Scenario, algorithm: Algorithm, contenders: Vec<ContenderSpec>) -> Job {
        Job { scenario, algorithm, contenders, own: None, policy: None, due: None }
    }
}

/// The hashes of a stored plan.
#[derive(Clone)]
pub struct PlanHashes {
    /// SHA-256 of the plan, in hex.
    pub plan: String,
    /// SHA-256 of the corpus, in hex.
    pub corpus: String,
}

impl PlanHashes {
    /// Refuses a plan that is another one, and says in what.
    fn check(&self, plan: &Plan) -> Result<(), Failure> {
        if self.plan == plan.hash {
            return Ok(());
        }
        let (name, algorithm) = (&plan.scenario.name, plan.algorithm);
        let part = match self.corpus == plan.corpus.hash {
            true => "its tokens are the same, its arrivals, events, faults or load are not",
            false => "its tokens are not the same",
        };
        let remedy = match plan.scenario.family == OWN {
            true => "name the file of tokens that the result was made of",
            false => {
                "use the jwtbench that wrote the result, or run the scenario again with this one"
            }
        };
        Err(Failure::Usage(format!(
            "{name} {algorithm}: the plan cannot be made again: {part}; {remedy}"
        )))
    }
}

/// What the jobs of one command have in common.
pub struct JobSetting {
    /// The command line.
    pub command: String,
    /// Seed of keys, tokens, arrivals and faults.
    pub seed: u64,
    /// Port of the mocked endpoint; any if `None`.
    pub port: Option<u16>,
    /// A fault to plant in every trial.
    pub plant: Option<PlantedFault>,
    /// Whether nothing is said.
    pub is_quiet: bool,
    /// Whether a person is shown how far it is.
    pub shows_progress: bool,
    /// Find capacities instead of running the scenarios as they are.
    pub capacity: Option<CapacityTask>,
    /// The cache policies of the jobs that are not our own recommendation.
    pub cache_policies: Vec<CachePolicyRecord>,
    /// What is changed in each trial before it is kept.
    pub revise: fn(&mut Measurement),
}

/// Measures jobs one after the other: the result, marked as partial after a failure, and the
/// failure. What is finished is kept in the part of the output at once.
pub fn measure(
    jobs: &[Job],
    setting: JobSetting,
    output: &Output,
) -> Result<(RunResult, Option<Failure>), Failure> {
    let (started_at, stopwatch, cpu) = (utc_now(), Stopwatch::start(), CpuTime::read());
    let stop = stop_on_signal()?;
    let mut result = RunResult { started_at, ..nothing_yet(jobs, &setting) };
    let planned = |job: &Job| format!("{} {}", job.scenario.name, job.algorithm);
    let mut part = RunPart::begin(output, jobs.iter().map(planned).collect(), &result)?;
    warn(jobs, &setting, result.machine.cores);
    let rounds = |job: &Job| u64::from(job.scenario.load.rounds) * job.contenders.len() as u64;
    let mut agenda = setting.capacity.as_ref().map(|task| task.agenda(jobs));
    let steps = agenda.as_ref().map(Agenda::steps);
    let steps = steps.unwrap_or_else(|| jobs.iter().map(rounds).sum());
    let progress = LiveProgress::new(steps, !setting.shows_progress);
    progress.will_last(jobs.iter().map(Job::lasting).sum());
    let signers = Signers::new(setting.seed);
    let control = Control { stop, port: setting.port };
    let conditions =
        Conditions { calibration: result.machine.calibration.clone(), plant: setting.plant };
    let (mut failure, mut measured_plans) = (None, Vec::new());
    for job in jobs {
        if stop.load(Ordering::Relaxed) || failure.is_some() {
            break;
        }
        let calibration = conditions.calibration.as_ref();
        let calibrated = job.calibrated(&signers, (control, calibration), &progress);
        let measured = calibrated.and_then(|(job, basis)| {
            result.rate_bases.extend(basis);
            match setting.capacity.as_ref().zip(agenda.as_mut()) {
                Some((task, agenda)) => {
                    let (job, signers, progress) = (&job, &signers, &progress);
                    let bench = CapacityBench { job, signers, control, calibration, progress };
                    task.measure(&bench, agenda, &mut result)
                }
                None => job.measure(&signers, control, &conditions, &progress).map(|measured| {
                    let (mut measurements, plan) = measured;
                    measurements.iter_mut().for_each(setting.revise);
                    result.measurements.extend(measurements);
                    measured_plans.extend(MeasuredPlan::of(&job, plan));
                }),
            }
        });
        failure = measured.err();
        result.elapsed_s = stopwatch.elapsed().as_secs_f64();
        part.add(&result);
    }
    result.machine.steal = cpu.zip(CpuTime::read()).map(|(then, now)| now.steal_since(then));
    if failure.is_none() {
        failure = draw_again(&measured_plans, &signers, (stop, &progress), |ranges| {
            result.outcome_ranges.extend(ranges);
            result.elapsed_s = stopwatch.elapsed().as_secs_f64();
            part.add(&result);
        })
        .err();
    }
    progress.finish();
    // A stop that comes once all is measured cuts outcome ranges short, which say so themselves.
    let is_whole = setting.capacity.is_none() && is_measured(jobs, &result);
    result.partial = failure.is_some() || (stop.load(Ordering::Relaxed) && !is_whole);
    result.elapsed_s = stopwatch.elapsed().as_secs_f64();
    Ok((result, failure))
}

/// The result before anything is measured.
fn nothing_yet(jobs: &[Job], setting: &JobSetting) -> RunResult {
    RunResult {
        schema_version: SCHEMA_VERSION,
        command: setting.command.clone(),
        started_at: String::new(),
        elapsed_s: 0.0,
        seed: setting.seed,
        partial: false,
        machine: describe(None),
        versions: versions(jobs.iter().flat_map(|job| &job.contenders)),
        scenarios: job_records(jobs),
        cache_policies: setting.cache_policies.clone(),
        measurements: Vec::new(),
        rate_bases: Vec::new(),
        capacities: Vec::new(),
        outcome_ranges: Vec::new(),
    }
}

/// Says what makes times worth less.
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

/// Whether every contender of every job has all its rounds.
fn is_measured(jobs: &[Job], result: &RunResult) -> bool {
    let due = |job: &Job| vec![job.scenario.load.rounds as usize; job.contenders.len()];
    let measured = result.measurements.iter().map(|measurement| measurement.rounds.len());
    jobs.iter().flat_map(due).eq(measured)
}

/// A plan that has been measured, and the policy that its tokens were minted for.
struct MeasuredPlan {
    plan: Plan,
    minted_for: PolicySpec,
}

impl MeasuredPlan {
    /// Of a job; `None` where time does not matter to it, and for tokens that a user brought.
    fn of(job: &Job, plan: Plan) -> Option<MeasuredPlan> {
        let is_kept = job.own.is_none() && plan.scenario.is_dynamic();
        is_kept.then(|| MeasuredPlan { plan, minted_for: job.scenario.policy.clone() })
    }
}

/// What other seeds make of the plans: once everything is measured, so that it disturbs nothing.
fn draw_again(
    measured: &[MeasuredPlan],
    signers: &Signers,
    (stop, progress): (&AtomicBool, &LiveProgress),
    mut add: impl FnMut(Vec<OutcomeRange>),
) -> Result<(), Failure> {
    for MeasuredPlan { plan, minted_for } in measured {
        let name = format!("{} {}", plan.scenario.name, plan.algorithm);
        progress.say(format!("{name}: other seeds, in virtual time"));
        add(outcome_range(plan, signers, minted_for, stop)?.into_iter().collect());
    }
    Ok(())
}

/// What to say of open loops whose workers leave no processor to endpoint and harness.
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

/// What all trials of a command are run under.
struct Conditions {
    calibration: Option<Calibration>,
    plant: Option<PlantedFault>,
}

impl Job {
    /// Takes of these contenders those that can run it, and says of the others why they cannot.
    pub fn take(&mut self, contenders: &[ContenderSpec]) -> Vec<String> {
        let algorithm = self.algorithm;
        let (mut strangers, mut guessing) = (Vec::new(), Vec::new());
        for contender in contenders {
            match (contender.supports(algorithm), self.is_known_to(*contender)) {
                (true, true) => self.contenders.push(*contender),
                (true, false) => guessing.push(contender.to_string()),
                (false, _) => strangers.push(contender.to_string()),
            }
        }
        let mut why = Vec::new();
        if !strangers.is_empty() {
            why.push(format!("{algorithm}: not verified by {}", strangers.join(", ")));
        }
        if !guessing.is_empty() {
            let (count, refused) = self.own.as_ref().map_or((0, 0), |own| own.refused(algorithm));
            why.push(format!(
                "{algorithm}: tokens refused: {refused} of {count}; bounds and floors take every \
                 token for good and are left out: {}",
                guessing.join(", ")
            ));
        }
        why
    }

    /// Whether a contender can know what is due to every token. Floors and bounds take each one for
    /// good; a user's may not be.
    pub fn is_known_to(&self, contender: ContenderSpec) -> bool {
        let refused = self.own.as_ref().map_or(0, |own| own.refused(self.algorithm).1);
        contender.judges() || refused == 0
    }

    /// Warm-up and measured time of all rounds.
    fn lasting(&self) -> Duration {
        let load = &self.scenario.load;
        (load.warmup + load.duration) * load.rounds * self.contenders.len() as u32
    }

    /// Rounds outside, contenders inside, in rotating order; slice by slice where all can.
    fn measure(
        &self,
        signers: &Signers,
        control: Control<'_>,
        conditions: &Conditions,
        progress: &LiveProgress,
    ) -> Result<(Vec<Measurement>, Plan), Failure> {
        let name = format!("{} {}", self.scenario.name, self.algorithm);
        progress.say(format!("{name}: signing"));
        let mut plan = match &self.own {
            None => {
                let minting = progress.minting();
                Plan::new(&self.scenario, self.algorithm, signers, &minting).checked()?
            }
            Some(own) => {
                let tokens = &own.tokens[&self.algorithm];
                Plan::of_own(&self.scenario, self.algorithm, &own.judge, tokens)
            }
        };
        if let Some(due) = &self.due {
            due.check(&plan)?;
        }
        if let Some(policy) = &self.policy {
            plan.scenario.policy = policy.clone();
        }
        let revoked = initial_revocations(&plan);
        let mut trials: Vec<(Trial<'_>, Gathering<'_>)> = Vec::new();
        for contender in &self.contenders {
            let plant = conditions.plant.filter(|plant| plant.concerns(*contender));
            let trial = Trial::new(&plan, *contender, revoked.as_ref())?
                .watched(progress.watch())
                .calibrated(conditions.calibration.clone())
                .with_plant(plant);
            let gathering = Gathering::new(&plan, *contender, false).with_plant(plant);
            trials.push((trial, gathering));
        }
        let takes_turns =
            trials.len() > 1 && trials.iter().all(|(trial, _)| trial.can_take_turns());
        for round in 0..self.scenario.load.rounds as usize {
            let count = trials.len();
            let mut order = neighbours(&self.contenders);
            order.rotate_left(round % count);
            if takes_turns && !control.stop.load(Ordering::Relaxed) {
                progress.say(format!("{name}: {count} contenders, taking turns"));
                let racing: Vec<&Trial<'_>> = order.iter().map(|at| &trials[*at].0).collect();
                let records = interleaved(&racing, round, control);
                for (place, (record, index)) in records.into_iter().zip(order).enumerate() {
                    enter(&mut trials[index].1, (round * count + place) as u32, record)?;
                }
                progress.rounds(count as u64, self.lasting() / self.scenario.load.rounds);
                continue;
            }
            for (place, index) in order.into_iter().enumerate() {
                let (trial, gathering) = &mut trials[index];
                if control.stop.load(Ordering::Relaxed) || gathering.has_failed() {
                    progress.skip(1);
                    continue;
                }
                progress.say(format!("{name} {}", self.contenders[index]));
                enter(gathering, (round * count + place) as u32, trial.run(control))?;
                progress.step();
            }
        }
        // One without verdicts stays, with the reason: what was not judged must not vanish.
        let finished = trials.into_iter().map(|(_, gathering)| gathering.finish());
        let measurements = finished.collect();
        Ok((measurements, plan))
    }
}

/// What is to be said of the user's own tokens before these jobs are measured. Their scenarios are
/// told how many verdicts depend on that the clock stands.
pub fn told_of_own(jobs: &mut [Job]) -> Vec<String> {
    let Some(own) = jobs.iter().find_map(|job| job.own.clone()) else {
        return Vec::new();
    };
    let is_own = |job: &Job| job.own.is_some();
    let lasting = jobs.iter().filter(|job| is_own(job)).map(Job::lasting).sum();
    for job in jobs.iter_mut().filter(|job| is_own(job)) {
        let Scenario { analysis, .. } = &mut job.scenario;
        *analysis = format!("{analysis} Of these, {}.", own.changing(lasting));
    }
    own.told(lasting)
}

/// Enters a round. One that a limit of this host or a contender's own process ended leaves its
/// trial without figures, and says nothing of the others.
fn enter(
    gathering: &mut Gathering<'_>,
    order: u32,
    round: Result<RoundRecord, TrialError>,
) -> Result<(), Failure> {
    match round {
        Ok(record) => _ = gathering.add(order, record),
        Err(fault @ (TrialError::Host(_) | TrialError::Contender(_))) => {
            gathering.fail(fault.to_string());
        }
        Err(fault) => return Err(fault.into()),
    }
    Ok(())
}

/// The places of contenders so that those of one backend take turns one after the other: a bound is
/// held against its neighbours turn by turn.
fn neighbours(contenders: &[ContenderSpec]) -> Vec<usize> {
    let names: Vec<String> = contenders.iter().map(ContenderSpec::to_string).collect();
    let backend = |place: &usize| names[*place].split_once(':').map(|(_, backend)| backend);
    let mut places: Vec<usize> = (0..names.len()).collect();
    places
        .sort_by_key(|place| (0..names.len()).position(|first| backend(&first) == backend(place)));
    places
}

/// The versions behind the contenders, and our own.
pub fn versions<'a>(
    contenders: impl Iterator<Item = &'a ContenderSpec>,
) -> BTreeMap<String, String> {
    let mut versions: BTreeMap<String, String> =
        contenders.map(|spec| (spec.to_string(), spec.version())).collect();
    versions.insert("jwtbench".into(), env!("CARGO_PKG_VERSION").into());
    versions
}

/// The scenarios as a result keeps them, each once.
pub fn records<'a>(scenarios: impl Iterator<Item = &'a Scenario>) -> Vec<ScenarioRecord> {
    let mut records: Vec<ScenarioRecord> = Vec::new();
    for scenario in scenarios {
        if records.iter().any(|known| known.name == scenario.name) {
            continue;
        }
        records.push(ScenarioRecord {
            name: scenario.name.clone(),
            family: scenario.family.clone(),
            title: scenario.title.clone(),
            analysis: scenario.analysis.clone(),
            dynamic: scenario.is_dynamic(),
            text: scenario.text.clone(),
            load: Some(LoadRecord::of(scenario)),
            policy: scenario.replaced.policy.then(|| policy_file::text(&scenario.policy)),
            cache_dropped: match scenario.replaced.cache {
                true => scenario.cache_keys(),
                false => Vec::new(),
            },
            judged_at_s: None,
        });
    }
    records
}

/// The scenarios of jobs, with the instant by which the user's own tokens were judged.
fn job_records(jobs: &[Job]) -> Vec<ScenarioRecord> {
    let mut records = records(jobs.iter().map(|job| &job.scenario));
    for (job, own) in jobs.iter().filter_map(|job| Some((job, job.own.as_ref()?))) {
        let mine = records.iter_mut().find(|record| record.name == job.scenario.name);
        if let Some(record) = mine {
            record.judged_at_s = Some(own.judge.now.seconds());
        }
    }
    records
}
