//! Doing it: one plan × one contender, in real time on threads or in virtual time on one. Knows
//! nothing of reports.

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
use jwtbench_scenario::token::pack::AUTHORIZATION_VERSION;
use jwtbench_verifier::key_cache::Counters;
use jwtbench_verifier::policy::{InvalidPolicy, Policy};
use jwtbench_verifier::revocation::Revocations;
use jwtbench_verifier::tick::Tick;

use crate::contender::{ContenderSpec, Setup};
use crate::judge::judgement::Strictness;
use crate::judge::ledger::Ledger;
use crate::jwks::caches::Caches;
use crate::jwks::document::Document;
use crate::jwks::endpoint::{EndpointError, ServedCounts};
use crate::jwks::host_fault::HostFault;
use crate::jwks::key_source::{FetchNote, KeySource, Transport};

pub use measure::{Gathering, cpu_ns_per_op};
pub use planted_fault::PlantedFault;

/// One plan × one contender.
pub struct Trial<'p> {
    pub(crate) plan: &'p Plan,
    pub(crate) contender: ContenderSpec,
    pub(crate) policy: Policy,
    pub(crate) revocations: Option<Arc<Revocations>>,
    pub(crate) records_services: bool,
    pub(crate) calibration: Option<Calibration>,
    pub(crate) plant: Option<PlantedFault>,
}

/// What one round of a trial recorded.
pub struct RoundRecord {
    /// Its operations, judged.
    pub ledger: Ledger,
    /// What became of the planned ones.
    pub arrivals: ArrivalCounts,
    /// Time in which workers were at work, summed over them.
    pub active: Duration,
    /// CPU time of the workers in `active`, summed over them; `None` in an open loop and in
    /// virtual time.
    pub cpu: Option<Duration>,
    /// Every arrival of an open loop as its worker dealt with it, by worker and in order, warm-up
    /// included.
    pub offers: Vec<Vec<Offer>>,
    /// Whether the schedule was kept; `None` in virtual time.
    pub course: Option<CourseRecord>,
    /// The endpoint, if there was one.
    pub endpoint: Option<EndpointRecord>,
    /// The key cache's counters, if it had an endpoint.
    pub counters: Option<Counters>,
    /// Services by worker in the order in which they happened, where they were to be recorded.
    pub services: Vec<Vec<Service>>,
    /// Median service time of each of its turns, in nanoseconds; empty where it took none.
    pub turns: Vec<u64>,
    /// The round was cut short.
    pub interrupted: bool,
}

/// How the schedule was kept, and what the host did.
pub struct CourseRecord {
    /// Window by window.
    pub windows: Vec<Window>,
    /// By the same rules, phase by phase.
    pub phases: Vec<PhaseCourse>,
    /// What the host did.
    pub noise: Noise,
    /// Overshoots of the watching thread, in nanoseconds.
    pub hiccups: Vec<u64>,
}

/// How the schedule of one phase was kept.
#[derive(Clone, Debug)]
pub struct PhaseCourse {
    /// Who decided what was measured.
    pub verdict: WindowVerdict,
    /// Why the host disturbed it, if it did.
    pub disturbed: Option<String>,
}

/// What client and endpoint noted.
pub struct EndpointRecord {
    /// Attempts, at the client.
    pub fetches: Vec<FetchNote>,
    /// The endpoint's counts at the start of each phase, and at the end.
    pub served: Vec<ServedCounts>,
    /// Since when the key cache holds the set that it began with; `None` for none.
    pub warm_since: Option<Tick>,
}

/// Why a trial could not be run.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The policy does not allow it.
    #[error(transparent)]
    Policy(#[from] InvalidPolicy),
    /// No endpoint.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// No thread.
    #[error("the system gives no further thread: {0}")]
    Thread(#[from] std::io::Error),
    /// A limit of this host ended a round.
    #[error("this host ended the trial: {0}")]
    Host(HostFault),
    /// A contender in a process of its own judged no further.
    #[error("{0}")]
    Contender(String),
}

impl TrialError {
    /// Why the process of a contender judged no further.
    pub(crate) fn of_own(fault: &str) -> TrialError {
        TrialError::Contender(fault.to_owned())
    }

    /// This, or the limit of this host that it comes from.
    #[must_use]
    pub fn of_host(self) -> TrialError {
        let fault = match &self {
            TrialError::Endpoint(error) => error.host_fault(),
            TrialError::Thread(error) => HostFault::of(error),
            TrialError::Policy(_) | TrialError::Host(_) | TrialError::Contender(_) => None,
        };
        fault.map_or(self, TrialError::Host)
    }
}

impl<'p> Trial<'p> {
    /// A trial. `revoked` is the list at the beginning, shared by the trials of a plan unless an
    /// event will change it.
    ///
    /// # Errors
    /// If the policy is not valid for the algorithm.
    pub fn new(
        plan: &'p Plan,
        contender: ContenderSpec,
        revoked: Option<&Arc<Revocations>>,
    ) -> Result<Trial<'p>, TrialError> {
        let policy = Policy::new(plan.scenario.policy_for(plan.algorithm))?;
        let revocations = match revoked {
            Some(_) if has_revocation_events(plan) => initial_revocations(plan),
            shared => shared.cloned(),
        };
        Ok(Trial {
            plan,
            contender,
            policy,
            revocations,
            records_services: false,
            calibration: None,
            plant: None,
        })
    }

    /// The trial on a machine that has been calibrated: its waits spin where sleeps are too blunt,
    /// and its control kernel has something to be compared with.
    pub fn calibrated(self, calibration: Option<Calibration>) -> Trial<'p> {
        Trial { calibration, ..self }
    }

    /// The trial with a fault planted in it, in real time.
    pub fn with_plant(self, plant: Option<PlantedFault>) -> Trial<'p> {
        Trial { plant, ..self }
    }

    /// Whether keys travel during it: what a dynamic scenario has, and one whose tokens make the
    /// key cache fetch, and one that outlasts half a ttl.
    pub(crate) fn needs_endpoint(&self) -> bool {
        let scenario = &self.plan.scenario;
        let total = scenario.load.warmup + scenario.load.duration;
        self.contender.has_key_cache()
            && (scenario.is_dynamic()
                || scenario.own_algorithms
                || scenario.classes().iter().any(|class| class.row().asks_for_key)
                || total > scenario.cache.policy.shortest_ttl() / 2)
    }

    /// The key caches of its workers.
    pub(crate) fn caches(&self, transport: &dyn Fn() -> Box<dyn Transport>) -> Caches {
        let PlanParts { scenario, seed, .. } = &**self.plan;
        let (policy, workers) = (&scenario.cache.policy, scenario.load.workers);
        let (backend, warm) = (self.contender.backend(), self.warm());
        let allowed = &self.policy.spec().algorithms;
        Caches::new(backend, allowed, policy, *seed, workers, warm.as_ref(), transport)
    }

    /// What a worker's contender is built from.
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
            revocations: self.revocations.as_deref(),
            worker,
            key_set,
            corpus,
        }
    }

    /// The contract's codes bind the core; others are judged by accept or refuse.
    pub(crate) fn strictness(&self) -> Strictness {
        match self.contender.is_core() {
            true => Strictness::Code,
            false => Strictness::Acceptance,
        }
    }

    /// The set the key cache holds at the beginning, and since when.
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

    /// Width of the timeline's bins in nanoseconds: a hundredth of the scenario.
    pub(crate) fn bin_ns(&self) -> i64 {
        let scenario = &self.plan.scenario;
        if !scenario.is_dynamic() {
            return 0;
        }
        i64::try_from(scenario.load.duration.as_nanos() / 100).unwrap_or(i64::MAX).max(1)
    }
}

/// How long operations may wait beyond the end: as long as the key cache lets them, and a bit.
pub(crate) fn grace(plan: &Plan) -> Duration {
    let policy = &plan.scenario.cache.policy;
    let for_budget = policy.budget.map_or(Duration::ZERO, |budget| budget.max_wait);
    policy.max_wait + for_budget + Duration::from_millis(500)
}

/// What the endpoint serves at the beginning.
pub(crate) fn first_document(plan: &Plan) -> Document {
    let body = plan.timeline.epochs()[0].body.clone();
    Document { body, max_age: plan.scenario.phases[0].endpoint.max_age }
}

fn has_revocation_events(plan: &Plan) -> bool {
    let mut events = plan.scenario.events.iter();
    events.any(|event| matches!(event.action, Action::RevokeTokens { .. } | Action::State { .. }))
}

/// The revocation list at the beginning of a plan; `None` if nothing is ever revoked.
pub fn initial_revocations(plan: &Plan) -> Option<Arc<Revocations>> {
    let tokens = plan.corpus.tokens.iter().filter(|token| token.facts.is_revoked);
    let count = plan.scenario.issuer.revoked;
    let revoked: Vec<Box<str>> = tokens.map(|token| token.facts.jwt_id.clone()).collect();
    let versioned = plan.corpus.tokens.iter().filter_map(|token| token.facts.versioned.clone());
    let versioned: Vec<Box<str>> = versioned.collect();
    if revoked.is_empty() && versioned.is_empty() && count == 0 && !has_revocation_events(plan) {
        return None;
    }
    let room = count as usize + revoked.len();
    let list = match plan.scenario.issuer.revocation_filter {
        Some(false_positives) => Revocations::filtered(room, false_positives),
        None => Revocations::with_capacity(room),
    };
    list.revoke(revoked);
    for subject in versioned {
        list.require_version(subject, AUTHORIZATION_VERSION);
    }
    list.revoke((0..count).map(|number| other_jwt_id("initial", number)));
    Some(Arc::new(list))
}

/// The `jti` of a token that never arrives: as long as a real one, and never equal to it.
pub(crate) fn other_jwt_id(batch: &str, number: u64) -> Box<str> {
    format!("{batch:.8}-0000-4000-8000-{number:014x}").into_boxed_str()
}
