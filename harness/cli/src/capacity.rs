//! `run --capacity`: what a contender can carry, and what its users would wait below that. Also
//! the calibration behind rates such as `"70%"`.

mod agenda;
mod task;

use std::time::Duration;

use clap::Args;

use jwtbench_engine::contender::{ContenderSpec, Optional};
use jwtbench_engine::trial::Control;
use jwtbench_result::Calibration;
use jwtbench_result::capacity::{RateBasis, ResolvedRate, Slo};
use jwtbench_scenario::grammar;
use jwtbench_scenario::plan::MAX_ARRIVALS;
use jwtbench_scenario::signer::Signers;

use super::Failure;
use super::job::Job;
use super::progress::LiveProgress;

pub use agenda::Agenda;
pub use task::{CapacityBench, CapacityTask};

/// What `--capacity` measures unless told otherwise.
pub const SCENARIO: &str = "hot-path/mix";
/// The objective unless told otherwise.
const SLO: &str = "p99 < 1ms";
/// Measured time of a closed round, and its rounds.
const CLOSED: (Duration, u32) = (Duration::from_millis(500), 3);
/// Measured time of a real open loop.
const OPEN: Duration = Duration::from_secs(2);

/// Flags of `run` for capacities.
#[derive(Args, Clone, Debug)]
pub struct CapacityArgs {
    /// Find the capacity of a scenario's mix, response times below it, and the highest rate that
    /// holds --slo [scenario: hot-path/mix]
    #[arg(long, conflicts_with_all = ["full", "rate", "tokens"])]
    capacity: bool,
    /// The objective [default: 'p99 < 1ms']
    #[arg(long, value_name = "SLO", requires = "capacity", value_parser = Slo::parse)]
    slo: Option<Slo>,
    /// Count the cores for this rate per second, such as 200k
    #[arg(long, value_name = "RATE", requires = "capacity", value_parser = grammar::rate)]
    for_rate: Option<f64>,
}

impl CapacityArgs {
    /// Whether capacities are to be found.
    pub fn is_asked(&self) -> bool {
        self.capacity
    }

    /// The task, if capacities are to be found; `duration` and `rounds` as the user gave them.
    pub fn task(&self, duration: Option<Duration>, rounds: Option<u32>) -> Option<CapacityTask> {
        let slo = self.slo.clone().or_else(|| Slo::parse(SLO).ok())?;
        self.capacity.then(|| CapacityTask {
            slo,
            for_rate: self.for_rate,
            closed: (duration.unwrap_or(CLOSED.0), rounds.unwrap_or(CLOSED.1)),
            open: duration.unwrap_or(OPEN),
        })
    }
}

impl Job {
    /// The job with relative rates worked out, and what they were shares of: the capacity of the
    /// scenario's `capacity-of`, or of the first contender. All contenders get the same load.
    pub fn calibrated(
        &self,
        signers: &Signers,
        (control, calibration): (Control<'_>, Option<&Calibration>),
        progress: &LiveProgress,
    ) -> Result<(Job, Option<RateBasis>), Failure> {
        let Some(closed) = self.scenario.calibration() else {
            return Ok((self.clone(), None));
        };
        let contender = self.calibrated_contender()?;
        let bench = CapacityBench { job: self, signers, control, calibration, progress };
        bench.say(&format!("calibrating {contender}"));
        let Some((saturated, measurement)) = bench.saturate_one(contender, &closed)? else {
            return Ok((Job { contenders: Vec::new(), ..self.clone() }, None));
        };
        let name = &self.scenario.name;
        if measurement.verdicts.wrong > 0 {
            let wrong = measurement.verdicts.wrong;
            return Err(Failure::Wrong(format!(
                "{name}: calibrating {contender} gave {wrong} wrong verdicts; `jwtbench check` \
                 shows them"
            )));
        }
        let capacity = saturated.capacity_per_s;
        let scenario = self.scenario.clone().resolved(capacity);
        if scenario.planned() > MAX_ARRIVALS {
            return Err(Failure::Usage(format!(
                "{name}: of {capacity:.0} per second, the capacity of {contender}, its shares make \
                 more than {:.0} million arrivals; lower the shares or --duration",
                MAX_ARRIVALS / 1e6
            )));
        }
        let rates = scenario.resolved_rates().map(|rate| ResolvedRate {
            phase: rate.phase.into(),
            stream: rate.stream.into(),
            rate_per_s: rate.rate.per_s,
            rate_to_per_s: rate.rate_to.per_s,
        });
        let basis = RateBasis {
            scenario: name.clone(),
            algorithm: self.algorithm.name().into(),
            contender: contender.to_string(),
            capacity_per_s: capacity,
            disturbed: saturated.disturbed,
            rates: rates.collect(),
        };
        Ok((Job { scenario, ..self.clone() }, Some(basis)))
    }

    fn calibrated_contender(&self) -> Result<ContenderSpec, Failure> {
        let path = self.scenario.path.display();
        let Some(name) = &self.scenario.capacity_of else {
            return self.contenders.first().copied().ok_or_else(|| {
                Failure::Usage(format!("{path}: no contender whose capacity rates are shares of"))
            });
        };
        let all = ContenderSpec::known();
        let found = all.iter().find(|spec| spec.to_string() == *name);
        match found.copied() {
            Some(spec) if !spec.supports(self.algorithm) => Err(Failure::Usage(format!(
                "{path}: [load] capacity-of = \"{name}\" does not verify {}; name a contender \
                 that does, or leave the algorithm out",
                self.algorithm
            ))),
            Some(spec) => Ok(spec),
            None => {
                let mut missing = Optional::missing();
                if let Some(optional) = missing.find(|optional| optional.name == *name) {
                    let why = optional.remedy();
                    return Err(Failure::Usage(format!("{path}: [load] capacity-of: {why}")));
                }
                let known: Vec<String> = all.iter().map(ToString::to_string).collect();
                Err(Failure::Usage(format!(
                    "{path}: [load] capacity-of = \"{name}\" is no contender on this machine; \
                     known: {}",
                    known.join(", ")
                )))
            }
        }
    }
}
