//! The code that the benches share: a plan of a shipped scenario, a contender set up for it, and
//! the tokens of one class with the verdict due. Nothing here mints, verifies or measures by
//! itself.

pub mod flags;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::Criterion;

use jwtbench_engine::contender::{Contender, ContenderSpec, Presented, Progress, Setup};
use jwtbench_engine::judge::judgement::spell;
use jwtbench_engine::jwks::in_process::InProcess;
use jwtbench_engine::jwks::key_source::KeySource;
use jwtbench_scenario::Scenario;
use jwtbench_scenario::catalogue::Catalogue;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::model::place::{TokenPlace, WorkerPlace};
use jwtbench_scenario::plan::Plan;
use jwtbench_scenario::token::class::Class;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::jwk::CheckedJwk;
use jwtbench_verifier::key_set::{KeySet, ParsedSet};
use jwtbench_verifier::policy::Policy;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::tick::Tick;

/// The algorithms of every group, one per key type.
pub const ALGORITHMS: [Algorithm; 3] = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA];

/// The seed of every bench, which is also the default of `run` and `check`.
pub const SEED: u64 = 1;

/// The most operations of a plan: enough for many tokens of each class, few enough to sign quickly.
const OPERATIONS: f64 = 400.0;

/// The most operations of a plan for a bench that simulates each instruction.
const FEW_OPERATIONS: f64 = 40.0;

/// Criterion with a short measurement, so that all groups end within minutes. Command-line flags of
/// criterion override these settings.
pub fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20)
}

/// Every shipped scenario.
///
/// # Panics
/// If the folder `scenarios` of this checkout cannot be read.
pub fn shipped() -> Vec<Scenario> {
    Catalogue::find(Path::new(env!("CARGO_MANIFEST_DIR")))
        .all()
        .unwrap_or_else(|error| panic!("the shipped scenarios: {error}"))
}

/// The plan of a shipped scenario, thinned to a few hundred operations.
///
/// # Panics
/// If there is no scenario of this name.
pub fn plan(name: &str, algorithm: Algorithm, signers: &Signers) -> Plan {
    let scenario = shipped()
        .into_iter()
        .find(|scenario| scenario.name == name)
        .unwrap_or_else(|| panic!("no scenario is named {name}"));
    Plan::new(&scenario.thinned(OPERATIONS), algorithm, signers, &|_| {})
}

/// The plan of a shipped scenario with only a few tokens, one per holder, which are quick to sign
/// under callgrind.
///
/// # Panics
/// If there is no scenario of this name.
pub fn small_plan(name: &str, algorithm: Algorithm, signers: &Signers) -> Plan {
    let scenario = Catalogue::find(Path::new(env!("CARGO_MANIFEST_DIR")))
        .select(&[name.to_owned()])
        .unwrap_or_else(|error| panic!("{name}: {error}"))
        .swap_remove(0)
        .thinned(FEW_OPERATIONS)
        .with_holders(1);
    Plan::new(&scenario, algorithm, signers, &|_| {})
}

/// The issuer's key for the plan's algorithm.
///
/// # Panics
/// If the issuer publishes no such key, which no plan does.
pub fn published_key(plan: &Plan) -> Arc<CheckedJwk> {
    let body = &plan.timeline.epochs()[0].body;
    let parsed = ParsedSet::parse(body, &[plan.algorithm]).expect("the issuer's set is valid");
    let set = Arc::<KeySet>::default().succeed(parsed);
    let key = set.keys().find(|key| key.jwk.algorithm == plan.algorithm);
    Arc::clone(&key.expect("the issuer publishes its key").jwk)
}

/// One contender with its policy, a warm key source and the token texts. It never fetches.
pub struct Rig<'p> {
    /// The plan whose tokens the contender verifies.
    pub plan: &'p Plan,
    spec: ContenderSpec,
    policy: Policy,
    source: Arc<KeySource>,
    texts: Vec<&'p [u8]>,
}

impl<'p> Rig<'p> {
    /// A rig for one worker. The keys were fetched at tick 0.
    ///
    /// # Panics
    /// If the scenario's policy is not valid for the plan's algorithm.
    pub fn new(plan: &'p Plan, spec: ContenderSpec) -> Rig<'p> {
        let policy = Policy::new(plan.scenario.policy_for(plan.algorithm))
            .unwrap_or_else(|error| panic!("the policy of {}: {error}", plan.scenario.name));
        let source = KeySource::new(
            spec.backend(),
            &[plan.algorithm],
            plan.scenario.cache.policy.clone(),
            plan.seed,
            0..1,
            Some((plan.timeline.epochs()[0].body.clone().into(), Tick::ZERO)),
            Box::new(InProcess::default()),
        );
        let tokens = plan.corpus.tokens.iter();
        Rig {
            plan,
            spec,
            policy,
            source: Arc::new(source),
            texts: tokens.map(|token| &*token.bytes).collect(),
        }
    }

    /// The policy that the contender verifies under.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The source of the keys, with its transport.
    pub fn source(&self) -> &KeySource {
        &self.source
    }

    /// The tokens of `class` presented to the contender. Their verdicts are not asserted yet.
    ///
    /// # Panics
    /// If the plan has no token of this class.
    pub fn line(&self, class: &str) -> Line<'_> {
        let class = Class::find(class).unwrap_or_else(|| panic!("no class is named {class}"));
        let contender = self.spec.build(&Setup {
            policy: &self.policy,
            algorithm: self.plan.algorithm,
            clock: self.plan.wall_clock(),
            source: &self.source,
            state: None,
            fleet: None,
            worker: WorkerPlace(0),
            key_set: &self.plan.timeline.epochs()[0].body,
            corpus: &self.texts,
        });
        let tokens: Vec<Presented<'_>> = (0u32..)
            .zip(&self.plan.corpus.tokens)
            .filter(|(_, token)| token.class == class)
            .map(|(place, token)| Presented { place: TokenPlace(place), bytes: &token.bytes })
            .collect();
        let scenario = &self.plan.scenario.name;
        assert!(!tokens.is_empty(), "{scenario}: no token of class {class:?}");
        Line {
            name: format!("{scenario} {class:?} {} {}", self.spec, self.plan.algorithm),
            due: class.row().due,
            contender,
            tokens,
            next: 0,
        }
    }
}

/// The tokens of one class, presented to one contender over and over.
pub struct Line<'r> {
    name: String,
    due: Option<Rejection>,
    contender: Box<dyn Contender<'r> + 'r>,
    tokens: Vec<Presented<'r>>,
    next: usize,
}

impl<'r> Line<'r> {
    /// The tokens of the class.
    pub fn tokens(&self) -> &[Presented<'r>] {
        &self.tokens
    }

    /// Runs one operation, which is the part to time.
    pub fn step(&mut self) -> Progress {
        let token = self.tokens[self.next];
        self.next = (self.next + 1) % self.tokens.len();
        self.contender.begin(0, token, Tick::ZERO)
    }

    /// Asserts that every token gets the verdict due. Call it before and after the timed part.
    ///
    /// # Panics
    /// On a wrong verdict; the message gives class, contender and code.
    pub fn assert_verdicts(&mut self) {
        for _ in 0..self.tokens.len() {
            let due = spell(self.due.map_or(Ok(()), Err));
            let got = match self.step() {
                Progress::Done(verdict) => spell(verdict.code),
                Progress::Waiting => "a wait for keys",
            };
            assert_eq!(got, due, "wrong verdict: {}", self.name);
        }
    }
}
