//! A session: jobs, measured in real time or judged in virtual time, into one result. A job is a
//! scenario under one algorithm on several contenders. The binary and the benches use sessions, and
//! so can a test or benchmark of a user's own. A session knows no terminal and no file.

mod calibration;
mod duel;
mod head;
mod job;
pub mod load;
mod machine;
mod misfit;
mod plan;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jwtbench_result::record::outcome::OutcomeRange;
use jwtbench_result::{Calibration, Measurement, RunResult};
use jwtbench_scenario::Scenario;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::plan::{Minting, Plan};
use jwtbench_scenario::token::fit::UnfitClass;
use jwtbench_verifier::policy::PolicySpec;

use crate::contender::ContenderSpec;
use crate::real::clock::Stopwatch;
use crate::real::host::CpuTime;
use crate::real::live_view::LiveView;
use crate::real::{Control, interleaved};
use crate::state::store::StateStore;
use crate::trial::{Gathering, PlantedFault, RoundRecord, Trial, TrialError, class_state};
use crate::virtual_time::outcome_range;

pub use duel::{ArmRound, DuelJob, DuelSide, LocalArm, ProcessArm, ProcessStarter, RoundRunner};
pub use head::{head, records, versions};
pub use job::{Job, OwnCorpus, PlanHashes};
pub use machine::{describe, profile};
pub use misfit::{Misfit, fitting, misfit};

/// An observer of a session's progress. Every method may do nothing.
pub trait SessionObserver {
    /// Reports what is being done now.
    fn say(&self, _what: String) {}

    /// The function that is called for each token that is signed.
    fn minting(&self) -> Box<dyn Fn(Minting) + Sync> {
        Box::new(|_| {})
    }

    /// The view to which rounds report their progress; `None` if nothing displays it.
    fn live_view(&self) -> Option<&LiveView> {
        None
    }

    /// Reports that rounds are over: their number, and the time that they take together.
    fn rounds(&self, _count: u64, _lasting: Duration) {}

    /// Reports that rounds are over or will not be run: their number.
    fn skip(&self, _count: u64) {}
}

/// An observer that does nothing.
impl SessionObserver for () {}

/// Why a job could not be done.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The request cannot be carried out. The text says what is wrong, and the remedy.
    #[error("{0}")]
    Unusable(String),
    /// A class of tokens cannot hold under the policy.
    #[error(transparent)]
    Unfit(#[from] UnfitClass),
    /// A verdict is wrong that must be right before anything is measured.
    #[error("{0}")]
    Wrong(String),
    /// A trial could not be run.
    #[error(transparent)]
    Trial(#[from] TrialError),
    /// The session was told to stop before it had a result.
    #[error("interrupted: {0}")]
    Interrupted(&'static str),
    /// Another process that runs a part of the job failed.
    #[error("{0}")]
    Process(String),
}

/// A session: jobs under one seed on one machine.
///
/// ```
/// use std::sync::atomic::AtomicBool;
///
/// use jwtbench_engine::contender::ContenderSpec;
/// use jwtbench_engine::session::{Job, Session};
/// use jwtbench_scenario::catalogue::Catalogue;
/// use jwtbench_verifier::algorithm::Algorithm;
///
/// let mut scenarios = Catalogue::shipped().select(&["hot-path/mix".into()])?;
/// let scenario = scenarios.remove(0).thinned(100.0);
/// let job = Job::fitting(scenario, Algorithm::EdDSA, &ContenderSpec::all());
/// let stop = AtomicBool::new(false);
/// let judged = Session::new(1, &stop, &()).judge(&job)?;
/// assert!(!judged.is_empty(), "somebody verifies it");
/// for measurement in judged {
///     assert!(measurement.verdicts.judged > 0, "{}", measurement.contender);
///     assert_eq!(measurement.verdicts.wrong, 0, "{}", measurement.contender);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Session<'s> {
    signers: Signers,
    stop: &'s AtomicBool,
    observer: &'s dyn SessionObserver,
    port: Option<u16>,
    store: StateStore,
    calibration: Option<Calibration>,
    plant: Option<PlantedFault>,
    revise: fn(&mut Measurement),
    keep: &'s dyn Fn(&RunResult),
    began: Stopwatch,
    cpu: Option<CpuTime>,
}

/// A job that has been measured.
struct MeasuredJob {
    /// The measurements of the contenders, in their order.
    measurements: Vec<Measurement>,
    /// The plan that all contenders ran.
    plan: Plan,
    /// The policy for which the tokens were minted, if the plan is to be drawn again under other
    /// seeds.
    minted_for: Option<PolicySpec>,
}

impl<'s> Session<'s> {
    /// A session under a seed. Once `stop` is set, it ends with the result so far, marked as
    /// partial.
    pub fn new(seed: u64, stop: &'s AtomicBool, observer: &'s dyn SessionObserver) -> Session<'s> {
        Session {
            signers: Signers::new(seed),
            stop,
            observer,
            port: None,
            store: StateStore::Model,
            calibration: None,
            plant: None,
            revise: |_| {},
            keep: &|_| {},
            began: Stopwatch::start(),
            cpu: CpuTime::read(),
        }
    }

    /// The session with the mocked endpoint at this port of the loopback interface; any free one if
    /// `None`.
    #[must_use]
    pub fn at_port(self, port: Option<u16>) -> Session<'s> {
        Session { port, ..self }
    }

    /// The session with this store of the state of tokens, in scenarios that have one.
    #[must_use]
    pub fn over(self, store: StateStore) -> Session<'s> {
        Session { store, ..self }
    }

    /// The session on a machine that has been calibrated. Waits then spin where sleeps are too
    /// inexact, and the control kernel's time has a value to be compared with.
    #[must_use]
    pub fn calibrated(self, calibration: Option<Calibration>) -> Session<'s> {
        Session { calibration, ..self }
    }

    /// The session with a fault planted in every trial that it concerns, to show that it is found.
    #[must_use]
    pub fn with_plant(self, plant: Option<PlantedFault>) -> Session<'s> {
        Session { plant, ..self }
    }

    /// The session with a function that changes each measurement before it is kept.
    #[must_use]
    pub fn revising(self, revise: fn(&mut Measurement)) -> Session<'s> {
        Session { revise, ..self }
    }

    /// With a function that is given what is measured so far, after every job.
    #[must_use]
    pub fn keeping(self, keep: &'s dyn Fn(&RunResult)) -> Session<'s> {
        Session { keep, ..self }
    }

    /// The issuer's keys under the session's seed.
    pub fn signers(&self) -> &Signers {
        &self.signers
    }

    /// The control of the session's trials, without a view.
    pub fn control(&self) -> Control<'s> {
        Control { port: self.port, store: self.store, ..Control::new(self.stop) }
    }

    /// The machine's calibration, if there is one.
    pub fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_ref()
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Measures jobs in real time, one after the other. Once all is measured, it draws dynamic
    /// plans again under other seeds. `result` is what [`head`] begins. What was measured before a
    /// failure is kept and marked as partial.
    pub fn run(&self, jobs: &[Job], mut result: RunResult) -> (RunResult, Option<SessionError>) {
        let mut measured = Vec::new();
        let mut failure = self.each(jobs, &mut result, |job, result| {
            let mut done = self.measure(job)?;
            done.measurements.iter_mut().for_each(self.revise);
            result.measurements.append(&mut done.measurements);
            // Plans that are not drawn again are large and no longer needed.
            if done.minted_for.is_some() {
                measured.push(done);
            }
            Ok(())
        });
        if failure.is_none() {
            failure = self.draw_again(&measured, &mut result).err();
        }
        // A stop after all is measured cuts only outcome ranges short, which say so themselves.
        result.partial = failure.is_some() || (self.is_stopped() && !is_whole(jobs, &result));
        result.elapsed_s = self.began.elapsed().as_secs_f64();
        (result, failure)
    }

    /// Calls `work` with each job, after its relative rates are worked out. It ends when the
    /// session is told to stop, or when something fails.
    pub fn each<E: From<SessionError>>(
        &self,
        jobs: &[Job],
        result: &mut RunResult,
        mut work: impl FnMut(&Job, &mut RunResult) -> Result<(), E>,
    ) -> Option<E> {
        let mut failure = None;
        for job in jobs {
            if self.is_stopped() || failure.is_some() {
                break;
            }
            let resolved = self.resolved(job).map_err(E::from);
            let done = resolved.and_then(|resolved| {
                // Without a resolved job, the session was told to stop before there was a load.
                let Some((job, basis)) = resolved else {
                    return Ok(());
                };
                result.rate_bases.extend(basis);
                work(&job, result)
            });
            failure = done.err();
            result.elapsed_s = self.began.elapsed().as_secs_f64();
            (self.keep)(result);
        }
        let steal = self.cpu.zip(CpuTime::read());
        result.machine.steal = steal.map(|(then, now)| now.steal_since(then));
        failure
    }

    /// Adds the outcomes of the plans under other seeds. This comes after all measurements, so that
    /// it disturbs none.
    fn draw_again(
        &self,
        measured: &[MeasuredJob],
        result: &mut RunResult,
    ) -> Result<(), SessionError> {
        for MeasuredJob { plan, minted_for, .. } in measured {
            let Some(minted_for) = minted_for else {
                continue;
            };
            let name = format!("{} {}", plan.scenario.name, plan.algorithm);
            self.observer.say(format!("{name}: other seeds, in virtual time"));
            let range: Option<OutcomeRange> =
                outcome_range(plan, &self.signers, minted_for, self.stop)?;
            result.outcome_ranges.extend(range);
            result.elapsed_s = self.began.elapsed().as_secs_f64();
            (self.keep)(result);
        }
        Ok(())
    }

    /// Judges every verdict of a job once, in virtual time. Each contender gets a measurement,
    /// whose times mean nothing. The call is short, and regards neither `stop` nor the observer.
    ///
    /// # Errors
    /// If the tokens cannot be minted, or the policy does not allow the algorithm.
    pub fn judge(&self, job: &Job) -> Result<Vec<Measurement>, SessionError> {
        self.judge_under(job, &[(&job.scenario, &job.contenders)])
    }

    /// Judges a job as [`Session::judge`] does, under several cache policies. `under` has the job's
    /// scenario under each policy, and the contenders that can run it. Tokens, arrivals and issuer
    /// do not depend on the cache policy, and are made once.
    ///
    /// # Errors
    /// The errors of [`Session::judge`].
    pub fn judge_under(
        &self,
        job: &Job,
        under: &[(&Scenario, &[ContenderSpec])],
    ) -> Result<Vec<Measurement>, SessionError> {
        let mut plan = job.plan(&self.signers, &|_| {})?;
        under.iter().try_for_each(|(_, contenders)| named_once(job, contenders))?;
        let state = class_state(&plan);
        let mut judged = Vec::new();
        for (scenario, contenders) in under {
            let lifetime = scenario.issuer.token_lifetime;
            plan = match lifetime == plan.scenario.issuer.token_lifetime {
                true => plan.under(scenario),
                // A state strategy gives tokens another lifetime.
                false => {
                    let job = Job { scenario: (*scenario).clone(), ..job.clone() };
                    job.plan(&self.signers, &|_| {})?
                }
            };
            if let Some(policy) = &job.policy {
                plan = plan.judged_by(policy);
            }
            for contender in *contenders {
                judged.push(Trial::new(&plan, *contender, state.as_ref())?.simulated()?);
            }
        }
        Ok(judged)
    }

    /// Measures one job in real time. Each round runs every contender, in rotating order, and in
    /// turns if all contenders can.
    ///
    /// # Errors
    /// If the job's plan cannot be made, or the host gives no thread or port. A trial that a limit
    /// of this host or a contender's own process ended is no error: it has no figures, and the
    /// others go on.
    fn measure(&self, job: &Job) -> Result<MeasuredJob, SessionError> {
        let (name, observer) = (job.to_string(), self.observer);
        if job.contenders.is_empty() {
            let message = format!("{name}: no contender; name one that runs in this scenario");
            return Err(SessionError::Unusable(message));
        }
        named_once(job, &job.contenders)?;
        observer.say(format!("{name}: signing"));
        let plan = job.plan(&self.signers, &*observer.minting())?;
        let state = class_state(&plan);
        let mut trials: Vec<(Trial<'_>, Gathering<'_>)> = Vec::new();
        for contender in &job.contenders {
            let plant = self.plant.filter(|plant| plant.concerns(*contender));
            let trial = Trial::new(&plan, *contender, state.as_ref())?
                .calibrated(self.calibration.clone())
                .with_plant(plant);
            let gathering = Gathering::new(&plan, *contender, false).with_plant(plant);
            trials.push((trial, gathering));
        }
        let control = Control { watch: observer.live_view(), ..self.control() };
        let takes_turns =
            trials.len() > 1 && trials.iter().all(|(trial, _)| trial.can_take_turns());
        for round in 0..job.scenario.load.rounds as usize {
            let count = trials.len();
            let mut order = neighbours(&job.contenders);
            order.rotate_left(round % count);
            if takes_turns && !self.is_stopped() {
                observer.say(format!("{name}: {count} contenders, taking turns"));
                let racing: Vec<&Trial<'_>> = order.iter().map(|at| &trials[*at].0).collect();
                let records = interleaved(&racing, round, control);
                for (place, (record, index)) in records.into_iter().zip(order).enumerate() {
                    enter(&mut trials[index].1, (round * count + place) as u32, record)?;
                }
                observer.rounds(count as u64, job.lasting() / job.scenario.load.rounds);
                continue;
            }
            for (place, index) in order.into_iter().enumerate() {
                let (trial, gathering) = &mut trials[index];
                if self.is_stopped() || gathering.has_failed() {
                    observer.skip(1);
                    continue;
                }
                observer.say(format!("{name} {}", job.contenders[index]));
                enter(gathering, (round * count + place) as u32, trial.run(control))?;
                observer.skip(1);
            }
        }
        // A measurement without verdicts stays, with the reason, so that it does not disappear.
        let measurements = trials.into_iter().map(|(_, gathering)| gathering.finish()).collect();
        Ok(MeasuredJob { measurements, minted_for: job.minted_for(&plan), plan })
    }
}

/// Refuses two contenders of one name, since their rows could not be distinguished.
fn named_once(job: &Job, contenders: &[ContenderSpec]) -> Result<(), SessionError> {
    let mut names: Vec<String> = contenders.iter().map(ToString::to_string).collect();
    names.sort();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(twice) => {
            let message = format!("{job}: two contenders are called {}; rename one", twice[0]);
            Err(SessionError::Unusable(message))
        }
        None => Ok(()),
    }
}

/// Whether every contender of every job has all its rounds.
fn is_whole(jobs: &[Job], result: &RunResult) -> bool {
    let due = |job: &Job| vec![job.scenario.load.rounds as usize; job.contenders.len()];
    let measured = result.measurements.iter().map(|measurement| measurement.rounds.len());
    jobs.iter().flat_map(due).eq(measured)
}

/// Enters a round. If a limit of this host or a contender's own process ended it, its trial has no
/// figures. The other trials are not affected.
fn enter(
    gathering: &mut Gathering<'_>,
    order: u32,
    round: Result<RoundRecord, TrialError>,
) -> Result<(), TrialError> {
    match round {
        Ok(record) => _ = gathering.add(order, record),
        Err(fault @ (TrialError::Host(_) | TrialError::Contender(_))) => {
            gathering.fail(fault.to_string());
        }
        Err(fault) => return Err(fault),
    }
    Ok(())
}

/// The order of contenders in which those of one backend take turns one after the other. A bound is
/// compared turn by turn with the contenders next to it.
fn neighbours(contenders: &[ContenderSpec]) -> Vec<usize> {
    let names: Vec<String> = contenders.iter().map(ContenderSpec::to_string).collect();
    let backend = |place: &usize| names[*place].split_once(':').map(|(_, backend)| backend);
    let mut places: Vec<usize> = (0..names.len()).collect();
    places
        .sort_by_key(|place| (0..names.len()).position(|first| backend(&first) == backend(place)));
    places
}
