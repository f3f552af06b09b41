//! The variants of a plan that verbs and simulations use. They have the same tokens and issuer.
//! They keep the hash, because it covers the arrivals.

use jwtbench_verifier::policy::PolicySpec;
use jwtbench_verifier::tick::Tick;

use crate::plan::flow::draw_seed;
use crate::{DelayedKey, Scenario};

use super::{Plan, PlanParts};

impl Plan {
    /// The plan judged by another policy than the one for which the tokens were minted.
    pub fn judged_by(self, policy: &PolicySpec) -> Plan {
        let scenario = self.0.scenario.clone().minted_to(policy);
        Plan(PlanParts { scenario, ..self.0 })
    }

    /// The plan with a scenario that differs only in its cache policy, or in its state strategy
    /// without the lifetime of tokens.
    pub fn under(self, scenario: &Scenario) -> Plan {
        Plan(PlanParts { scenario: scenario.clone(), ..self.0 })
    }

    /// The plan without schedules, for arrivals that are drawn one at a time (`flow`). The scenario
    /// may differ in its cache policy, or have a silenced flood.
    pub fn flowing(&self, scenario: Scenario) -> Plan {
        let schedules = Vec::new();
        let PlanParts { algorithm, seed, epoch, is_still, .. } = self.0;
        let (timeline, corpus) = (self.timeline.clone(), self.corpus.clone());
        let hash = self.hash.clone();
        Plan(PlanParts {
            scenario,
            algorithm,
            seed,
            epoch,
            is_still,
            schedules,
            timeline,
            corpus,
            hash,
        })
    }

    /// The plan of a flow with the arrivals of this draw.
    pub fn drawn(&self, draw: u32) -> Plan {
        let flowing = self.flowing(self.scenario.clone());
        Plan(PlanParts { seed: draw_seed(self.seed, draw), ..flowing.0 })
    }

    /// The plan of a flow in which each withdrawal is delayed by this share of its `spread`.
    pub fn moved(&self, share: f64) -> Plan {
        let (scenario, delayed) = self.scenario.clone().moved(share);
        let mut moved = self.flowing(scenario);
        for DelayedKey { label, at, by } in delayed {
            moved.0.timeline.delay(&label, Tick::ZERO + at, by);
        }
        moved
    }
}
