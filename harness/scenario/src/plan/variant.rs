//! A plan in the variants that verbs and simulations ask for: the same tokens and issuer. The hash
//! stays, for it is of what arrives.

use jwtbench_verifier::policy::PolicySpec;
use jwtbench_verifier::tick::Tick;

use crate::plan::flow::draw_seed;
use crate::{DelayedKey, Scenario};

use super::{Plan, PlanParts};

impl Plan {
    /// The same arrivals, judged by another policy than the tokens were minted to.
    pub fn judged_by(self, policy: &PolicySpec) -> Plan {
        let scenario = self.0.scenario.clone().minted_to(policy);
        Plan(PlanParts { scenario, ..self.0 })
    }

    /// The same arrivals under a scenario that differs in nothing but its cache policy.
    pub fn under(self, scenario: &Scenario) -> Plan {
        Plan(PlanParts { scenario: scenario.clone(), ..self.0 })
    }

    /// Without arrivals, which are drawn one at a time (`flow`), under a scenario that differs in
    /// its cache policy, or in that a flood is silent.
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

    /// A flow with the arrivals of this draw.
    pub fn drawn(&self, draw: u32) -> Plan {
        let flowing = self.flowing(self.scenario.clone());
        Plan(PlanParts { seed: draw_seed(self.seed, draw), ..flowing.0 })
    }

    /// A flow in which what moves is moved by this share of how far it may.
    pub fn moved(&self, share: f64) -> Plan {
        let (scenario, delayed) = self.scenario.clone().moved(share);
        let mut moved = self.flowing(scenario);
        for DelayedKey { label, at, by } in delayed {
            moved.0.timeline.delay(&label, Tick::ZERO + at, by);
        }
        moved
    }
}
