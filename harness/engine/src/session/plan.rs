//! The work of a session on a single plan or scenario: making a plan, foreseeing it in virtual
//! time, serving its endpoint to another process, and simulating days of it.

use jwtbench_scenario::Scenario;
use jwtbench_scenario::plan::Plan;
use jwtbench_scenario::token::fit::UnfitClass;
use jwtbench_verifier::algorithm::Algorithm;

use crate::contender::ContenderSpec;
use crate::judge::judgement::Operation;
use crate::jwks::endpoint::EndpointError;
use crate::jwks::key_source::FetchNote;
use crate::real::serving::{ArrivedRequest, Serving};
use crate::simulation::{Ask, Simulated, SimulatedLine, SimulationError, simulate, simulate_each};
use crate::trial::{Trial, TrialError};

use super::Session;

impl Session<'_> {
    /// The plan of a scenario under the session's seed, with signed tokens.
    ///
    /// # Errors
    /// If a class of tokens cannot hold under the policy.
    pub fn plan(&self, scenario: &Scenario, algorithm: Algorithm) -> Result<Plan, UnfitClass> {
        Plan::new(scenario, algorithm, &self.signers, &*self.observer.minting()).checked()
    }

    /// The result of each operation of a plan on this contender in virtual time, and every attempt
    /// to fetch.
    ///
    /// # Errors
    /// If the policy is not valid for the algorithm, or the process of a contender stopped judging.
    pub fn foresee(
        &self,
        plan: &Plan,
        contender: ContenderSpec,
    ) -> Result<(Vec<Operation>, Vec<FetchNote>), TrialError> {
        Trial::new(plan, contender, None)?.foresee()
    }

    /// Opens the endpoint of a plan for another process, at the session's port. `tell` is called at
    /// every request and must not block.
    ///
    /// # Errors
    /// If the port is in use or cannot be listened on.
    pub fn serve<'p>(
        &self,
        plan: &'p Plan,
        tell: impl Fn(ArrivedRequest) + Send + Sync + 'static,
    ) -> Result<Serving<'p>, EndpointError> {
        Serving::open(plan, self.port, tell)
    }

    /// Simulates a scenario under each of these cache policies. `finished` is given the results as
    /// they come: first those that need no policy, then policy by policy.
    ///
    /// # Errors
    /// If the arrivals cannot be drawn, or the policy is not valid for the algorithm.
    pub fn simulate(
        &self,
        scenario: &Scenario,
        lines: &[impl Clone + Into<SimulatedLine>],
        ask: Ask,
        finished: &mut dyn FnMut(Simulated),
    ) -> Result<(), SimulationError> {
        simulate_each(scenario, lines, &self.signers, ask, finished)
    }

    /// Simulates a scenario as [`Session::simulate`] does, and returns all results together.
    ///
    /// # Errors
    /// The errors of [`Session::simulate`].
    pub fn simulated(
        &self,
        scenario: &Scenario,
        lines: &[impl Clone + Into<SimulatedLine>],
        ask: Ask,
    ) -> Result<Simulated, SimulationError> {
        simulate(scenario, lines, &self.signers, ask)
    }
}
