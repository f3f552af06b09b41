//! A trial: one plan on one contender, in real time on threads or in virtual time on one. The
//! module knows nothing of reports.

mod measure;
pub(crate) mod planted_fault;
pub(crate) mod script;
mod validity;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jwtbench_result::capacity::Service;
use jwtbench_result::host::noise::Noise;
use jwtbench_result::host::window::{Offer, Window, WindowVerdict};
use jwtbench_result::{ArrivalCounts, Calibration};
use jwtbench_scenario::format::cache::Start;
use jwtbench_scenario::model::place::WorkerPlace;
use jwtbench_scenario::plan::{Plan, PlanParts};
use jwtbench_verifier::key_cache::Counters;
use jwtbench_verifier::policy::{InvalidPolicy, Policy};
use jwtbench_verifier::state_strategy::{StateKey, StateStrategy};
use jwtbench_verifier::tick::Tick;

use crate::contender::{ContenderSpec, Setup};
use crate::judge::judgement::Strictness;
use crate::judge::ledger::Ledger;
use crate::jwks::caches::Caches;
use crate::jwks::document::Document;
use crate::jwks::endpoint::{EndpointError, ServedCounts};
use crate::jwks::host_fault::HostFault;
use crate::jwks::key_source::{FetchNote, KeySource, Transport};
use crate::state::class_state::ClassState;
use crate::state::fleet::StateFleet;
use crate::state::truth::StateTruth;
use crate::state::world::{StateRecord, StateWorld};

pub use measure::{Gathering, cpu_ns_per_op};
pub use planted_fault::PlantedFault;

/// A trial: one plan on one contender.
pub struct Trial<'p> {
    pub(crate) plan: &'p Plan,
    pub(crate) contender: ContenderSpec,
    pub(crate) policy: Policy,
    pub(crate) state: Option<Arc<ClassState>>,
    pub(crate) records_services: bool,
    pub(crate) calibration: Option<Calibration>,
    pub(crate) plant: Option<PlantedFault>,
    truth: OnceLock<Arc<StateTruth>>,
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
    /// A trial. `state` is what its classes need to be known of their tokens, shared by the trials
    /// of a plan.
    ///
    /// # Errors
    /// If the policy is not valid for the algorithm.
    pub fn new(
        plan: &'p Plan,
        contender: ContenderSpec,
        state: Option<&Arc<ClassState>>,
    ) -> Result<Trial<'p>, TrialError> {
        let policy = Policy::new(plan.scenario.policy_for(plan.algorithm))?;
        Ok(Trial {
            plan,
            contender,
            policy,
            state: state.cloned(),
            records_services: false,
            calibration: None,
            plant: None,
            truth: OnceLock::new(),
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
        Some(StateFleet::of(self.plan, strategy, (workers, *seed), &self.truth()))
    }

    /// What the issuer decides in each round.
    pub(crate) fn truth(&self) -> Arc<StateTruth> {
        let state = self.plan.scenario.state.as_ref();
        let key = state.map_or(StateKey::JwtId, |state| state.strategy.strategy.key);
        Arc::clone(self.truth.get_or_init(|| Arc::new(StateTruth::of(self.plan, key))))
    }

    /// The state of the plan in a round that begins now.
    pub(crate) fn state_world<'s>(&self, fleet: &'s StateFleet) -> StateWorld<'s> {
        let beginning = Tick::ZERO - self.plan.scenario.load.warmup;
        StateWorld::new(self.plan, fleet, self.truth(), beginning)
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

/// What the classes of a plan need to be known of their tokens; `None` if they need nothing.
pub fn class_state(plan: &Plan) -> Option<Arc<ClassState>> {
    ClassState::of(plan).map(Arc::new)
}
