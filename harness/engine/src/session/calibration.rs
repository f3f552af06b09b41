//! Relative rates: shares of a capacity, such as `"70%"`, worked out on this machine.

use jwtbench_result::capacity::{RateBasis, ResolvedRate};
use jwtbench_scenario::plan::{MAX_ARRIVALS, Plan};

use crate::contender::{ContenderSpec, Optional};
use crate::real::saturate;
use crate::trial::{Trial, class_state};

use super::{Job, Session, SessionError};

/// A job with rates per second, and the basis of its rates if they were relative; `None` if the
/// session was told to stop.
type ResolvedJob = Option<(Job, Option<RateBasis>)>;

impl Session<'_> {
    /// The job with its relative rates worked out, and their basis: the capacity of the scenario's
    /// `capacity-of`, or of the first contender. All contenders get the same load.
    pub(super) fn resolved(&self, job: &Job) -> Result<ResolvedJob, SessionError> {
        let Some(closed) = job.scenario.calibration() else {
            return Ok(Some((job.clone(), None)));
        };
        let contender = calibrated_contender(job)?;
        self.observer.say(format!("{job}: calibrating {contender}"));
        let plan = Plan::new(&closed, job.algorithm, &self.signers, &|_| {}).checked()?;
        let state = class_state(&plan);
        let trial = Trial::new(&plan, contender, state.as_ref())?;
        let trial = trial.calibrated(self.calibration.clone());
        let saturated = saturate(vec![trial], self.control())?.and_then(|mut found| found.pop());
        let Some((saturated, measurement)) = saturated else {
            return Ok(None);
        };
        let name = &job.scenario.name;
        if measurement.verdicts.wrong > 0 {
            let wrong = measurement.verdicts.wrong;
            return Err(SessionError::Wrong(format!(
                "{name}: calibrating {contender} gave {wrong} wrong verdicts; `jwtbench check` \
                 shows them"
            )));
        }
        let capacity = saturated.capacity_per_s;
        let scenario = job.scenario.clone().resolved(capacity);
        if scenario.planned() > MAX_ARRIVALS {
            return Err(SessionError::Unusable(format!(
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
            algorithm: job.algorithm.name().into(),
            contender: contender.to_string(),
            capacity_per_s: capacity,
            disturbed: saturated.disturbed,
            rates: rates.collect(),
        };
        Ok(Some((Job { scenario, ..job.clone() }, Some(basis))))
    }
}

fn calibrated_contender(job: &Job) -> Result<ContenderSpec, SessionError> {
    let path = job.scenario.path.display();
    let Some(name) = &job.scenario.capacity_of else {
        return job.contenders.first().copied().ok_or_else(|| {
            SessionError::Unusable(format!(
                "{path}: no contender whose capacity rates are shares of"
            ))
        });
    };
    let all = ContenderSpec::known();
    let found = all.iter().find(|spec| spec.to_string() == *name);
    match found.copied() {
        Some(spec) if !spec.supports(job.algorithm) => Err(SessionError::Unusable(format!(
            "{path}: [load] capacity-of = \"{name}\" does not verify {}; name a contender \
             that does, or leave the algorithm out",
            job.algorithm
        ))),
        Some(spec) => Ok(spec),
        None => {
            let mut missing = Optional::missing();
            if let Some(optional) = missing.find(|optional| optional.name == *name) {
                let why = optional.remedy();
                return Err(SessionError::Unusable(format!("{path}: [load] capacity-of: {why}")));
            }
            let known: Vec<String> = all.iter().map(ToString::to_string).collect();
            Err(SessionError::Unusable(format!(
                "{path}: [load] capacity-of = \"{name}\" is no contender on this machine; \
                 known: {}",
                known.join(", ")
            )))
        }
    }
}
