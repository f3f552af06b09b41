//! The tokens of a scenario as it issues them, and what hindsight makes of it.

use std::time::Duration;

use jwtbench_result::simulation::HindsightPoint;
use jwtbench_scenario::Scenario;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::plan::Plan;
use jwtbench_scenario::plan::fingerprint::flow_hash;
use jwtbench_scenario::plan::flow;
use jwtbench_scenario::token::corpus::Refs;

use crate::trial::TrialError;

use super::hindsight::schedule;
use super::{Ask, SimulationError};

/// The tokens of a scenario as it issues them, for all lines that issue them alike.
pub(super) struct Issuance {
    pub(super) lifetime: Duration,
    pub(super) plan: Plan,
    pub(super) refs: Refs,
    /// SHA-256 over arrivals, events, faults and store, in hex.
    pub(super) plan_hash: String,
    /// The results of hindsight for each draw; none in a scenario with state, whose strategies it
    /// says nothing of.
    pub(super) hindsights: Vec<Vec<HindsightPoint>>,
}

impl Issuance {
    /// The tokens of a scenario, and what hindsight makes of it.
    ///
    /// # Errors
    /// If the arrivals cannot be drawn, or the policy does not allow the algorithm.
    pub(super) fn new(
        scenario: &Scenario,
        signers: &Signers,
        ask: Ask,
    ) -> Result<Issuance, SimulationError> {
        let draws = ask.draws.max(1);
        let (plan, refs) = flow::plan(scenario, ask.algorithm, signers, draws)?;
        let hindsights = match scenario.state {
            Some(_) => vec![Vec::new(); draws as usize],
            None => {
                let schedule = schedule(&plan.drawn(0), &refs)?;
                let points = (0..draws).map(|draw| schedule.points(&plan.drawn(draw), &refs));
                points.collect::<Result<Vec<_>, TrialError>>()?
            }
        };
        let plan_hash = flow_hash(scenario, ask.algorithm, plan.seed);
        let lifetime = scenario.issuer.token_lifetime;
        Ok(Issuance { lifetime, plan, refs, plan_hash, hindsights })
    }

    /// The worst results of hindsight over all draws, by number of fetches.
    pub(super) fn worst_hindsight(&self) -> Vec<HindsightPoint> {
        worst(&self.hindsights)
    }
}

/// The worst results of the schedule over all draws, by number of fetches.
fn worst(draws: &[Vec<HindsightPoint>]) -> Vec<HindsightPoint> {
    let most = draws.first().map(Vec::len).unwrap_or_default();
    let one = |place: usize| {
        let points = draws.iter().filter_map(|points| points.get(place));
        points.cloned().reduce(|one, other| HindsightPoint {
            fetches: one.fetches.max(other.fetches),
            exposure_s: one.exposure_s.zip(other.exposure_s).map(|(one, other)| one.max(other)),
            lockout_s: one.lockout_s.max(other.lockout_s),
            ..one
        })
    };
    (0..most).filter_map(one).collect()
}
