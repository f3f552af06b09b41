//! The arms of a duel. Each runs its rounds in this process or in another.

use serde::{Deserialize, Serialize};

use jwtbench_result::duel::Reading;
use jwtbench_result::host::noise::Noise;
use jwtbench_result::{Calibration, Wrong};
use jwtbench_scenario::Arrivals;
use jwtbench_scenario::plan::Plan;

use crate::contender::ContenderSpec;
use crate::real::Control;
use crate::real::turns::Lane;
use crate::session::SessionError;
use crate::trial::{Gathering, PlantedFault, Trial, class_state, cpu_ns_per_op};

use super::DuelSide;

/// The outcome of one round of an arm.
#[derive(Serialize, Deserialize)]
pub struct ArmRound {
    /// The round's figures.
    pub reading: Reading,
    /// Verdicts that were not the one due.
    pub wrong: Vec<Wrong>,
    /// The noise of the host in the round; `None` from a build that does not report it.
    #[serde(default)]
    pub noise: Option<Noise>,
    /// The lateness of its watching thread at each wake, in nanoseconds.
    #[serde(default)]
    pub hiccups: Vec<u64>,
}

/// A runner of an arm's rounds.
pub trait RoundRunner: Send {
    /// The number of members that the arm's lane needs to run rounds in turns; `None` if the arm
    /// cannot.
    fn members(&self) -> Option<usize>;

    /// The id of the process in which the rounds are run, if it is another one.
    fn process(&self) -> Option<u32>;

    /// Runs the control kernel and one round, either whole or in the turns of its lane.
    ///
    /// # Errors
    /// If the round cannot be run, or the other process does not answer.
    fn round(&mut self, lane: Option<&Lane<'_>>) -> Result<ArmRound, SessionError>;
}

/// An arm in this process.
pub struct LocalArm<'p> {
    plan: &'p Plan,
    contender: ContenderSpec,
    trial: Trial<'p>,
    control: Control<'p>,
}

impl<'p> LocalArm<'p> {
    /// An arm that runs this plan on a calibrated machine.
    ///
    /// # Errors
    /// If the policy is not valid for the algorithm.
    pub fn new(
        side: &DuelSide,
        plan: &'p Plan,
        control: Control<'p>,
        calibration: Option<Calibration>,
    ) -> Result<LocalArm<'p>, SessionError> {
        let state = class_state(plan);
        let trial = Trial::new(plan, side.contender, state.as_ref())?;
        let plant = Some(side.setting.planted).filter(|share| *share > 0.0).map(PlantedFault::Drag);
        let trial = trial.calibrated(calibration).with_plant(plant);
        Ok(LocalArm { plan, contender: side.contender, trial, control })
    }
}

impl RoundRunner for LocalArm<'_> {
    fn members(&self) -> Option<usize> {
        let workers = self.plan.scenario.load.workers as usize;
        self.trial.can_take_turns().then_some(workers)
    }

    fn process(&self) -> Option<u32> {
        None
    }

    fn round(&mut self, lane: Option<&Lane<'_>>) -> Result<ArmRound, SessionError> {
        let mut record = self.trial.run_in_turns(self.control, lane)?;
        let course = record.course.take();
        let (noise, hiccups) = course.map(|course| (course.noise, course.hiccups)).unzip();
        let control_ns = noise.as_ref().map_or(0, |noise: &Noise| noise.kernel_ns);
        let load = &self.plan.scenario.load;
        let headline = record.ledger.headline().summarise();
        let latency = match load.arrivals {
            Arrivals::Closed => headline.service,
            Arrivals::Constant | Arrivals::Poisson | Arrivals::Ramp => headline.response,
        };
        let done = record.arrivals.done;
        let seconds = record.active.as_secs_f64() / f64::from(load.workers);
        let reading = Reading {
            done,
            p50_ns: latency.p50_ns,
            p99_ns: latency.p99_ns,
            throughput_per_s: if seconds > 0.0 { done as f64 / seconds } else { 0.0 },
            cpu_ns_per_op: cpu_ns_per_op(record.cpu, done),
            control_ns,
        };
        let mut gathering = Gathering::new(self.plan, self.contender, false);
        gathering.add(0, record);
        let (wrong, hiccups) = (gathering.finish().wrong, hiccups.unwrap_or_default());
        Ok(ArmRound { reading, wrong, noise, hiccups })
    }
}
