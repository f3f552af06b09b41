//! One instance of the verifier under one cache policy and one age of its cache, from the beginning
//! to the horizon. The engine, key cache, verifier and judge are those of a trial. Arrivals are
//! drawn one at a time and not kept.

use std::iter::Peekable;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use jwtbench_scenario::model::place::{StreamPlace, TokenPlace, WorkerPlace};
use jwtbench_scenario::model::state::Balancing;
use jwtbench_scenario::plan::flow::{Drawn, Flow};
use jwtbench_scenario::plan::random::{self, unit};
use jwtbench_scenario::plan::{Arrival, Plan};
use jwtbench_scenario::token::corpus::{Facts, KidFact, Refs, Token};
use jwtbench_verifier::jwk::Thumbprint;
use jwtbench_verifier::key_cache::Answer;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::state_strategy::StateStrategy;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verifier::Verifier;

use crate::contender::{Contender, ContenderSpec, Setup};
use crate::judge::judgement::{Judge, Operation, Strictness};
use crate::jwks::caches::Caches;
use crate::jwks::endpoint::ServedCounts;
use crate::jwks::in_process::InProcess;
use crate::jwks::key_source::FetchNote;
use crate::state::class_state::in_force;
use crate::state::fleet::StateFleet;
use crate::state::truth::StateTruth;
use crate::state::world::{StateRecord, StateWorld};
use crate::trial::{Trial, TrialError, class_state, first_document, grace};
use crate::virtual_time::engine::{ArrivalSource, Engine, Observer, Sink, Turn};
use crate::virtual_time::remembering::Remembering;
use crate::virtual_time::world::World;

use super::GOLDEN;
use super::peek::TrustProbe;
use super::recalling::{KnownTokens, RememberingCore};
use super::seen::SeenScope;
use super::tally::Tally;

/// The results of one instance.
pub(super) struct InstanceRun {
    pub(super) tally: Tally,
    /// The time for which each withdrawn key was trusted, in seconds; `None` if it was beyond the
    /// horizon.
    pub(super) exposures: Vec<Option<f64>>,
    /// The steps of all attempts before the horizon.
    pub(super) fetches: Vec<FetchNote>,
    pub(super) served: ServedCounts,
    /// What came of the state, if instances learned of it by a strategy. The run is then of all
    /// instances.
    pub(super) state: Option<StateRecord>,
}

/// An instance to be simulated, or a whole fleet if it has a state strategy.
pub(super) struct Instance<'p> {
    /// The scenario with its horizon and cache policy, and its corpus.
    pub(super) plan: &'p Plan,
    /// The places of the flow's tokens in the corpus.
    pub(super) refs: &'p Refs,
    /// The instant since which the cache holds the set that it begins with; `None` for a cold
    /// cache.
    pub(super) warm_since: Option<Tick>,
    /// The seed of the cache's random choices.
    pub(super) seed: u64,
    /// The instants, in order, at which the cache fetches in addition to its policy.
    pub(super) renewals: &'p [Tick],
    /// The scopes that are observed in addition to the whole.
    pub(super) scopes: &'p [SeenScope],
}

/// The surroundings of an instance.
struct InstanceEnd<'c> {
    trial: &'c Trial<'c>,
    caches: &'c Caches,
    texts: &'c [&'c [u8]],
}

/// The arrivals of a flow, drawn one at a time; the workers take them in turn.
struct FlowArrivals<'c> {
    plan: &'c Plan,
    refs: &'c Refs,
    flow: Peekable<Flow<'c>>,
    workers: usize,
    begun: usize,
    renewals: &'c [Tick],
    /// The tokens that wait for the next renewal.
    early: Vec<Drawn>,
    /// How tokens are balanced over the instances of a fleet, and those that nobody uses any more.
    fleet: Option<FleetArrivals>,
}

/// What a fleet does to arrivals.
struct FleetArrivals {
    balancing: Balancing,
    random: ChaCha8Rng,
    truth: Arc<StateTruth>,
    /// The users who came without a token.
    tokenless: Vec<(Tick, StreamPlace)>,
}

impl FlowArrivals<'_> {
    /// Makes an arrival of a drawn token, with its worker. The corpus was made from the same flow,
    /// so the token's place always exists.
    fn begin(&mut self, drawn: &Drawn) -> Option<(usize, Arrival)> {
        let Drawn { at, stream, phase, .. } = *drawn;
        let token = self.refs.find(&drawn.token)?;
        let worker = match &mut self.fleet {
            Some(fleet) => {
                let facts = &self.plan.corpus.tokens[token.index()].facts;
                fleet.instance((drawn, token), facts, self.workers)?
            }
            None => self.begun % self.workers,
        };
        self.begun += 1;
        Some((worker, Arrival { at, stream, phase, token }))
    }

    fn would_refuse(&self, drawn: &Drawn, caches: &Caches, now: Tick) -> bool {
        let place = self.refs.find(&drawn.token);
        let kid = place.map(|place| &self.plan.corpus.tokens[place.index()].facts.kid);
        let Some(KidFact::Named(kid)) = kid else {
            return false;
        };
        let mut answers = caches.peek(kid, now);
        answers.any(|answer| matches!(answer, Answer::Refuse { .. }))
    }
}

impl FleetArrivals {
    /// The instance to which a token goes; `None` if nobody uses the token any more, or has it yet.
    fn instance(
        &mut self,
        (drawn, token): (&Drawn, TokenPlace),
        facts: &Facts,
        instances: usize,
    ) -> Option<usize> {
        let share = match self.balancing {
            Balancing::Random => unit(&mut self.random),
            // Holders are spread evenly, whatever their number.
            Balancing::Sticky => (f64::from(drawn.token.ordinal.0 + 1) * GOLDEN).fract(),
        };
        let is_unused = self.truth.is_unused(token, drawn.at);
        // It was due while the issuer was down.
        let is_late = facts.holder.is_some_and(|holder| holder.issued > drawn.at);
        if !is_unused && is_late {
            self.tokenless.push((drawn.at, drawn.stream));
            return None;
        }
        (!is_unused).then_some((share * instances as f64) as usize)
    }
}

impl ArrivalSource for FlowArrivals<'_> {
    fn next_at(&mut self) -> Option<Tick> {
        self.flow.peek().map(|drawn| drawn.at)
    }

    /// Takes the next arrival. A token that would be refused now waits for the next renewal, if
    /// that comes before the token's deadline.
    fn arrive(&mut self, caches: &Caches, now: Tick) -> Option<(usize, Arrival)> {
        let drawn = self.flow.next()?;
        let deadline = drawn.at + self.plan.scenario.load.deadline;
        let is_near = self.renewals.first().is_some_and(|next| *next <= deadline);
        if is_near && self.would_refuse(&drawn, caches, now) {
            self.early.push(drawn);
            return None;
        }
        self.begin(&drawn)
    }

    fn next_renewal(&self) -> Option<Tick> {
        self.renewals.first().copied()
    }

    fn renew(&mut self) -> Vec<(usize, Arrival)> {
        self.renewals = &self.renewals[1..];
        let early = std::mem::take(&mut self.early);
        early.iter().filter_map(|drawn| self.begin(drawn)).collect()
    }

    fn take_tokenless(&mut self) -> Vec<(Tick, StreamPlace)> {
        let fleet = self.fleet.as_mut();
        fleet.map(|fleet| std::mem::take(&mut fleet.tokenless)).unwrap_or_default()
    }
}

/// A tally together with its plan.
struct PlanTally<'c> {
    plan: &'c Plan,
    tally: Tally,
}

impl Sink for PlanTally<'_> {
    fn enter(&mut self, judge: &Judge<'_>, operation: &Operation) {
        self.tally.enter(self.plan, judge, operation);
    }
}

/// An observer up to the horizon of trust in withdrawn keys and of the endpoint's counts.
struct TrustObserver {
    horizon: Tick,
    peeks: Vec<TrustProbe>,
    served: ServedCounts,
}

impl Observer for TrustObserver {
    fn before(&mut self, world: &World<'_>, now: Tick) {
        let now = now.min(self.horizon);
        self.peeks.iter_mut().for_each(|peek| peek.before(world.caches, now));
    }

    fn after(&mut self, world: &World<'_>, turn: Turn) {
        let now = world.now;
        if now < self.horizon {
            self.served = world.served;
        }
        if turn != Turn::Arrival && now <= self.horizon {
            self.peeks.iter_mut().for_each(|peek| peek.after(world.caches, now));
        }
    }
}

impl Instance<'_> {
    /// Runs the instance.
    pub(super) fn run(&self) -> Result<InstanceRun, TrialError> {
        let plan = self.plan;
        let spec = ContenderSpec::Core(&Remembering);
        let state = class_state(plan);
        let trial = Trial::new(plan, spec, state.as_ref())?;
        let transport = InProcess::default();
        let policy = &plan.scenario.cache.policy;
        let strategy = plan.scenario.state.as_ref().map(|state| &state.strategy.strategy);
        let workers = match strategy {
            Some(_) => plan.scenario.instances.count,
            None if policy.per_worker => plan.scenario.load.workers,
            None => 1,
        };
        let truth = strategy.map(|_| trial.truth());
        let fleet = strategy.zip(truth.as_ref());
        let fleet = fleet.map(|(strategy, truth)| self.fleet(strategy, workers, truth));
        let first = first_document(plan);
        let caches = Caches::new(
            spec.backend(),
            &[plan.algorithm],
            policy,
            self.seed,
            workers,
            self.warm_since.map(|since| (first.clone(), since)).as_ref(),
            &|| Box::new(transport.clone()),
        );
        let texts: Vec<&[u8]> = plan.corpus.tokens.iter().map(|token| &*token.bytes).collect();
        let known = KnownTokens::new(texts.len());
        let contender = |worker| -> Box<dyn Contender<'_> + '_> {
            let setup = trial.setup(caches.of(worker), worker, &first.body, &texts);
            let setup = Setup { fleet: fleet.as_ref(), ..setup };
            Box::new(RememberingCore::new(&setup, &known))
        };
        let contenders: Vec<_> = (0..workers).map(WorkerPlace).map(contender).collect();
        let horizon = Tick::ZERO + plan.scenario.load.duration;
        let arrivals = FlowArrivals {
            plan,
            refs: self.refs,
            flow: Flow::new(&plan.scenario, plan.algorithm, plan.seed).peekable(),
            workers: contenders.len(),
            begun: 0,
            renewals: self.renewals,
            early: Vec::new(),
            fleet: truth.as_ref().and_then(|truth| FleetArrivals::of(plan, truth)),
        };
        let tally = PlanTally { plan, tally: Tally::new(plan, self.scopes) };
        let observer = TrustObserver {
            horizon,
            peeks: TrustProbe::all(plan),
            served: ServedCounts::default(),
        };
        let state = fleet.as_ref().zip(truth);
        let state = state.map(|(fleet, truth)| StateWorld::new(plan, fleet, truth, Tick::ZERO));
        let world = World::new(plan, Tick::ZERO, &caches, transport).with_state(state);
        let strictness = match plan.scenario.cache.name.as_str() {
            "default" => Strictness::Code,
            _ => Strictness::Acceptance,
        };
        let engine = Engine::new(&trial, &texts, world, contenders, (arrivals, tally, observer));
        // Beyond the horizon only waiting operations are answered.
        let run = engine.judged(strictness).run(horizon + grace(plan))?;
        let mut tally = run.sink.tally;
        run.tokenless.into_iter().for_each(|(at, stream)| tally.miss_token(at, stream));
        let end = InstanceEnd { trial: &trial, caches: &caches, texts: &texts };
        Ok(InstanceRun { state: run.state, ..end.finished(tally, run.observer) })
    }

    /// The machines of a fleet, each for the tokens that are drawn.
    fn fleet(&self, strategy: &StateStrategy, instances: u32, truth: &StateTruth) -> StateFleet {
        let sample = self.plan.scenario.state.as_ref().map_or(1.0, |state| state.sample);
        let strategy = strategy.clone().sampled(sample);
        StateFleet::of(self.plan, &strategy, (instances, self.seed), truth)
    }
}

impl FleetArrivals {
    fn of(plan: &Plan, truth: &Arc<StateTruth>) -> Option<FleetArrivals> {
        let balancing = plan.scenario.state.as_ref()?.balancing;
        let random = random::stream(plan.seed, &["balancing"]);
        let (truth, tokenless) = (Arc::clone(truth), Vec::new());
        Some(FleetArrivals { balancing, random, truth, tokenless })
    }
}

impl InstanceEnd<'_> {
    /// The instant until which verdict caches would accept a token of this key, by their entries at
    /// the horizon. It is `Tick::MAX` if they still would at the horizon.
    fn remembered_until(&self, key: Thumbprint, horizon: Tick) -> Option<Tick> {
        let InstanceEnd { trial, caches, texts } = self;
        let (plan, verifier) = (trial.plan, Verifier::new(trial.policy.clone()));
        let now = plan.wall_clock().at(horizon);
        let tokens = || plan.corpus.tokens.iter().zip(texts.iter());
        let of_key = || tokens().filter(|(token, _)| token.facts.signed_by == Some(key));
        let until = caches.iter().filter_map(|source| {
            let (verdicts, view) = (source.verdicts()?, source.view());
            let one = |(token, text): (&Token, &&[u8])| {
                let known = verdicts.get(text, view.keys.generation())?;
                match in_force(&verifier, &known.proven, trial.state.as_deref(), now) {
                    Ok(()) => Some(Tick::MAX),
                    Err(Rejection::Expired) => {
                        let last = token.facts.expires + plan.scenario.leeway();
                        let since = (last.0 - plan.epoch.0).clamp(0, i128::from(horizon.0));
                        Some(Tick(since as i64))
                    }
                    Err(_) => None,
                }
            };
            of_key().filter_map(one).max()
        });
        until.max()
    }

    fn finished(&self, tally: Tally, observer: TrustObserver) -> InstanceRun {
        let TrustObserver { horizon, mut peeks, served } = observer;
        peeks.iter_mut().for_each(|peek| peek.before(self.caches, horizon));
        let exposure = |peek: &TrustProbe| {
            let taken = tally.exposed.get(&peek.thumbprint().0).copied();
            let until = self.remembered_until(peek.thumbprint(), horizon);
            peek.exposure(taken.max(until)).filter(|_| until != Some(Tick::MAX))
        };
        let exposures = peeks.iter().map(exposure).collect();
        let mut fetches = self.caches.log().fetches;
        fetches.retain(|note| note.at < horizon);
        InstanceRun { tally, exposures, fetches, served, state: None }
    }
}
