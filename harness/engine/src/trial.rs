//! A trial: one plan on one contender, in real time on threads or in virtual time on one. The
//! module knows nothing of reports.

mod measure;
pub(crate) mod planted_fault;
pub(crate) mod script;
mod validity;

use std::sync::Arc;
use std::time::Duration;

use jwtbench_result::capacity::Service;
use jwtbench_result::host::noise::Noise;
use jwtbench_result::host::window::{Offer, Window, WindowVerdict};
use jwtbench_result::{ArrivalCounts, Calibration};
use jwtbench_scenario::format::cache::Start;
use jwtbench_scenario::model::event::Action;
use jwtbench_scenario::model::place::WorkerPlace;
use jwtbench_scenario::plan::{Plan, PlanParts};
use jwtbench_scenario::token::corpus::Facts;
use jwtbench_scenario::token::pack::AUTHORIZATION_VERSION;
use jwtbench_verifier::key_cache::Counters;
use jwtbench_verifier::policy::{InvalidPolicy, Policy};
use jwtbench_verifier::state_strategy::StateStrategy;
use jwtbench_verifier::tick::Tick;

use crate::contender::{ContenderSpec, Setup};
use crate::judge::judgement::Strictness;
use crate::judge::ledger::Ledger;
use crate::jwks::caches::Caches;
use crate::jwks::document::Document;
use crate::jwks::endpoint::{EndpointError, ServedCounts};
use crate::jwks::host_fault::HostFault;
use crate::jwks::key_source::{FetchNote, KeySource, Transport};
use crate::state::fleet::StateFleet;
use crate::state::source::StateSource;
use crate::state::truth::StateTruth;
use crate::state::world::{StateRecord, StateWorld};

pub use measure::{Gathering, cpu_ns_per_op};
pub use planted_fault::PlantedFault;

/// A trial: one plan on one contender.
pub struct Trial<'p> {
    pub(crate) plan: &'p Plan,
    pub(crate) contender: ContenderSpec,
    pub(crate) policy: Policy,
    pub(crate) state: Option<Arc<StateSource>>,
    pub(crate) records_services: bool,
    pub(crate) calibration: Option<Calibration>,
    pub(crate) plant: Option<PlantedFault>,
}

/// What one round of a trial recorded.
pub struct RoundRecord {
    /// The round's operations, judged.
    pub ledger: Ledger,
    /// The counts of planned operations by their end.
    pub arrivals: ArrivalCounts,
    /// The time in which workers were at work, summed over the workers.
    pub active: Duration,
    /// The CPU time of the workers in `active`, summed over the workers; `None` in an open loop, in
    /// virtual time, and for a contender in a process of its own.
    pub cpu: Option<Duration>,
    /// Every arrival of an open loop as its worker handled it, by worker and in order, warm-up
    /// included.
    pub offers: Vec<Vec<Offer>>,
    /// Whether the schedule was kept; `None` in virtual time.
    pub course: Option<CourseRecord>,
    /// The record of the endpoint, if there was one.
    pub endpoint: Option<EndpointRecord>,
    /// The key cache's counters, if there was an endpoint.
    pub counters: Option<Counters>,
    /// What came of the state that workers learned of by a strategy, if they did.
    pub(crate) state: Option<StateRecord>,
    /// Services by worker, in order, if they were recorded.
    pub services: Vec<Vec<Service>>,
    /// The median service time of each of the round's turns, in nanoseconds; empty if it took no
    /// turns.
    pub turns: Vec<u64>,
    /// Whether the round was cut short.
    pub interrupted: bool,
}

/// The course of a round: how its schedule was kept, and the noise of the host.
pub struct CourseRecord {
    /// The course of each window.
    pub windows: Vec<Window>,
    /// The course of each phase, by the same rules.
    pub phases: Vec<PhaseCourse>,
    /// The noise of the host.
    pub noise: Noise,
    /// Overshoots of the watching thread, in nanoseconds.
    pub hiccups: Vec<u64>,
}

/// How the schedule of one phase was kept.
#[derive(Clone, Debug)]
pub struct PhaseCourse {
    /// The verdict on what limited the measurement: the contender, the generator or the host.
    pub verdict: WindowVerdict,
    /// The reason, if the host disturbed the phase.
    pub disturbed: Option<String>,
}

/// The records of the client and of the endpoint.
pub struct EndpointRecord {
    /// The steps of the client's attempts.
    pub fetches: Vec<FetchNote>,
    /// The endpoint's counts at the start of each phase, and at the end.
    pub served: Vec<ServedCounts>,
    /// The instant since which the key cache holds the set that it began with; `None` if it began
    /// without one.
    pub warm_since: Option<Tick>,
}

/// Why a trial could not be run.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The policy is not valid for the algorithm.
    #[error(transparent)]
    Policy(#[from] InvalidPolicy),
    /// The endpoint cannot be started or set.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The system gives no further thread.
    #[error("the system gives no further thread: {0}")]
    Thread(#[from] std::io::Error),
    /// A limit of this host ended a round.
    #[error("this host ended the trial: {0}")]
    Host(HostFault),
    /// A real store cannot be had.
    #[error("{0}")]
    Store(String),
    /// A contender in a process of its own stopped judging.
    #[error("{0}")]
    Contender(String),
}

impl TrialError {
    /// The error for a contender's process that stopped judging.
    pub(crate) fn of_own(fault: &str) -> TrialError {
        TrialError::Contender(fault.to_owned())
    }

    /// The limit of this host that caused the error, if one did; otherwise the error itself.
    #[must_use]
    pub fn of_host(self) -> TrialError {
        let fault = match &self {
            TrialError::Endpoint(error) => error.host_fault(),
            TrialError::Thread(error) => HostFault::of(error),
            TrialError::Policy(_)
            | TrialError::Host(_)
            | TrialError::Store(_)
            | TrialError::Contender(_) => None,
        };
        fault.map_or(self, TrialError::Host)
    }
}

impl<'p> Trial<'p> {
    /// A trial. `state` is the state at the beginning, shared by the trials of a plan unless an
    /// event will change it.
    ///
    /// # Errors
    /// If the policy is not valid for the algorithm.
    pub fn new(
        plan: &'p Plan,
        contender: ContenderSpec,
        state: Option<&Arc<StateSource>>,
    ) -> Result<Trial<'p>, TrialError> {
        let policy = Policy::new(plan.scenario.policy_for(plan.algorithm))?;
        let state = match state {
            Some(_) if has_state_events(plan) => initial_state(plan),
            shared => shared.cloned(),
        };
        Ok(Trial {
            plan,
            contender,
            policy,
            state,
            records_services: false,
            calibration: None,
            plant: None,
        })
    }

    /// The trial on a machine that has been calibrated. Its waits then spin where sleeps are too
    /// inexact, and its control kernel's time has a value to be compared with.
    pub fn calibrated(self, calibration: Option<Calibration>) -> Trial<'p> {
        Trial { calibration, ..self }
    }

    /// The trial with a fault planted in it. The fault has an effect in real time only.
    pub fn with_plant(self, plant: Option<PlantedFault>) -> Trial<'p> {
        Trial { plant, ..self }
    }

    /// Whether keys travel during the trial. They do in a dynamic scenario, in one whose tokens
    /// make the key cache fetch, and in one that lasts longer than half a ttl.
    pub(crate) fn needs_endpoint(&self) -> bool {
        let scenario = &self.plan.scenario;
        let total = scenario.load.warmup + scenario.load.duration;
        self.contender.has_key_cache()
            && (scenario.is_dynamic()
                || scenario.own_algorithms
                || scenario.classes().iter().any(|class| class.row().asks_for_key)
                || total > scenario.cache.policy.shortest_ttl() / 2)
    }

    /// The key caches of the trial's workers.
    pub(crate) fn caches(&self, transport: &dyn Fn() -> Box<dyn Transport>) -> Caches {
        let PlanParts { scenario, seed, .. } = &**self.plan;
        let (policy, workers) = (&scenario.cache.policy, scenario.load.workers);
        let (backend, warm) = (self.contender.backend(), self.warm());
        let allowed = &self.policy.spec().algorithms;
        Caches::new(backend, allowed, policy, *seed, workers, warm.as_ref(), transport)
    }

    /// The instances under the plan's state strategy, one for each worker; `None` if the plan has
    /// none, or the contender does not know any state.
    pub(crate) fn fleet(&self) -> Option<StateFleet> {
        let PlanParts { scenario, seed, .. } = &**self.plan;
        let state = scenario.state.as_ref().filter(|_| self.contender.has_key_cache())?;
        let (strategy, workers) = (&state.strategy.strategy, scenario.load.workers);
        Some(StateFleet::of(self.plan, strategy, workers, *seed))
    }

    /// The state of the plan in a round that begins now.
    pub(crate) fn state_world<'s>(&self, fleet: &'s StateFleet) -> StateWorld<'s> {
        let truth = Arc::new(StateTruth::of(self.plan, fleet.strategy().key));
        let beginning = Tick::ZERO - self.plan.scenario.load.warmup;
        StateWorld::new(self.plan, fleet, truth, beginning)
    }

    /// The setup from which a worker's contender is built.
    pub(crate) fn setup<'c>(
        &'c self,
        source: &'c Arc<KeySource>,
        worker: WorkerPlace,
        key_set: &'c [u8],
        corpus: &'c [&'c [u8]],
    ) -> Setup<'c> {
        Setup {
            policy: &self.policy,
            algorithm: self.plan.algorithm,
            clock: self.plan.wall_clock(),
            source,
            state: self.state.as_deref(),
            fleet: None,
            worker,
            key_set,
            corpus,
        }
    }

    /// How strictly the contender is judged: the core by the contract's codes, others by accept or
    /// refuse.
    pub(crate) fn strictness(&self) -> Strictness {
        match self.contender.is_core() {
            true => Strictness::Code,
            false => Strictness::Acceptance,
        }
    }

    /// The set that the key cache holds at the beginning, and the instant since which it holds it.
    pub(crate) fn warm(&self) -> Option<(Document, Tick)> {
        Some((first_document(self.plan), self.warm_since()?))
    }

    pub(crate) fn warm_since(&self) -> Option<Tick> {
        let scenario = &self.plan.scenario;
        match scenario.cache.start {
            Start::Cold if self.needs_endpoint() => None,
            Start::Cold | Start::Warm => Some(Tick::ZERO - scenario.load.warmup),
            Start::Age(age) => Some(Tick::ZERO - age),
        }
    }

    /// The width of the timeline's bins in nanoseconds: a hundredth of a dynamic scenario, and 0
    /// for others.
    pub(crate) fn bin_ns(&self) -> i64 {
        let scenario = &self.plan.scenario;
        if !scenario.is_dynamic() {
            return 0;
        }
        i64::try_from(scenario.load.duration.as_nanos() / 100).unwrap_or(i64::MAX).max(1)
    }
}

/// The time for which operations may wait beyond the end: as long as the key cache and the state
/// strategy let them, and a little more.
pub(crate) fn grace(plan: &Plan) -> Duration {
    let policy = &plan.scenario.cache.policy;
    let for_budget = policy.budget.map_or(Duration::ZERO, |budget| budget.max_wait);
    let state = plan.scenario.state.as_ref().map(|state| &state.strategy.strategy);
    let for_state = state.map_or(Duration::ZERO, StateStrategy::longest_wait);
    policy.max_wait + for_budget + for_state + Duration::from_millis(500)
}

/// The document that the endpoint serves at the beginning.
pub(crate) fn first_document(plan: &Plan) -> Document {
    let body = plan.timeline.epochs()[0].body.clone();
    Document { body, max_age: plan.scenario.phases[0].endpoint.max_age }
}

fn has_state_events(plan: &Plan) -> bool {
    let mut events = plan.scenario.events.iter();
    events.any(|event| matches!(event.action, Action::RevokeTokens { .. } | Action::State { .. }))
}

/// The state at the beginning of a plan; `None` if no token is ever revoked.
pub fn initial_state(plan: &Plan) -> Option<Arc<StateSource>> {
    let tokens = plan.corpus.tokens.iter().filter(|token| token.facts.is_revoked);
    let count = plan.scenario.issuer.revoked;
    let revoked: Vec<(Box<str>, Tick)> =
        tokens.map(|token| (token.facts.jwt_id.clone(), token_end(plan, &token.facts))).collect();
    let versioned = plan.corpus.tokens.iter().filter_map(|token| token.facts.versioned.clone());
    let versioned: Vec<Box<str>> = versioned.collect();
    if revoked.is_empty() && versioned.is_empty() && count == 0 && !has_state_events(plan) {
        return None;
    }
    let room = count as usize + revoked.len();
    let state = StateSource::new(room, plan.scenario.issuer.revocation_filter);
    let (now, others_end) = (Tick::ZERO, others_end(plan, Tick::ZERO));
    state.revoke(revoked, now);
    for subject in versioned {
        state.require_version(subject, AUTHORIZATION_VERSION);
    }
    state.revoke((0..count).map(|number| (other_jwt_id(INITIAL, number), others_end)), now);
    Some(Arc::new(state))
}

/// The batch of tokens that are revoked at the beginning. Others have the number of their event.
const INITIAL: u32 = u32::MAX;
/// The most by which the clock of a verifier is behind.
const LONGEST_SKEW: Duration = Duration::from_secs(86_400);

/// The instant from which no verifier accepts a token any more, whatever is known of it. A clock
/// may be behind.
pub(crate) fn token_end(plan: &Plan, facts: &Facts) -> Tick {
    let last = facts.expires + plan.scenario.leeway() + LONGEST_SKEW;
    let since = (last.0 - plan.epoch.0).clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    Tick(since as i64)
}

/// The same instant for a token that is issued at `at`.
pub(crate) fn others_end(plan: &Plan, at: Tick) -> Tick {
    let PlanParts { scenario, .. } = &**plan;
    at + scenario.issuer.token_lifetime + scenario.leeway() + LONGEST_SKEW
}

/// The `jti` of a token that never arrives. It has the form of a real one, and a version (RFC 9562
/// §4.2) that none has.
pub(crate) fn other_jwt_id(batch: u32, number: u64) -> Box<str> {
    format!("{batch:08x}-0000-0000-0000-{number:012x}").into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of a scenario is as small as one of real tokens.
    #[test]
    fn a_revoked_token_of_others_takes_at_most_36_bytes() {
        let state = StateSource::new(0, None);
        for batch in [INITIAL, 0, 999] {
            let ids = (0..100_000).map(|number| (other_jwt_id(batch, number), Tick::MAX));
            state.revoke(ids, Tick::ZERO);
        }
        assert_eq!(state.len(), 300_000, "all of them are different");
        let each = state.bytes() as f64 / state.len() as f64;
        assert!(each <= 36.0, "{each} bytes");
    }
}
