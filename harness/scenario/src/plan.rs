//! The plan of a trial, computed from a scenario, a seed and resolved rates: every arrival as
//! stream, class and ordinal, the issuer's timeline, and the corpus. This module is pure. The
//! fingerprint of a plan covers these and nothing else.

pub mod arrivals;
pub mod fingerprint;
pub mod flow;
pub mod random;
mod redraw;
pub mod subjects;
mod variant;

use std::sync::Arc;

use fingerprint::plan_hash;
use rand_chacha::ChaCha8Rng;
use random::Zipf;

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::policy::PolicySpec;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;
use jwtbench_verifier::wall_clock::WallClock;

use crate::issuer::signer::Signers;
use crate::model::place::{Ordinal, PhasePlace, StreamPlace, TokenPlace, WorkerPlace};
use crate::plan::arrivals::{Slope, WorkerShare, constant, poisson, ramp};
use crate::token::class::Class;
use crate::token::corpus::{Corpus, Mint, Refs, TokenRef, issue_tick};

use super::issuer::IssuerTimeline;
use super::{Arrivals, Reuse, Scenario, Stream, StreamSetting};

pub use redraw::Redraw;

/// The instant of tick 0 unless a plan says otherwise: 2026-01-01T00:00:00Z.
pub const EPOCH: UnixTime = UnixTime::from_seconds(1_767_225_600);
/// The length of the cycle of arrivals that a worker of a closed loop repeats.
const CLOSED_CYCLE: usize = 4096;
/// The number of tokens of each class if classes take turns. It is enough for every variant of a
/// class.
const TURNS: u32 = 24;
/// The most arrivals of a plan. A plan with more is refused.
pub const MAX_ARRIVALS: f64 = 20e6;

/// One planned operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The intended start. It is zero in a closed loop.
    pub at: Tick,
    /// The stream, by its place in the scenario.
    pub stream: StreamPlace,
    /// The phase, by its place in the scenario, or [`PhasePlace::WARMUP`].
    pub phase: PhasePlace,
    /// The token, by its place in the corpus.
    pub token: TokenPlace,
}

/// A plan, ready to be run. Its contents are read through [`PlanParts`]. A variant of it is made by
/// its own methods, which keep tokens, issuer and hash consistent.
#[derive(Clone)]
pub struct Plan(pub(super) PlanParts);

impl std::ops::Deref for Plan {
    type Target = PlanParts;

    fn deref(&self) -> &PlanParts {
        &self.0
    }
}

/// The contents of a plan.
#[derive(Clone)]
pub struct PlanParts {
    /// The scenario from which it was made, with overrides.
    pub scenario: Scenario,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The seed.
    pub seed: u64,
    /// The instant of tick 0.
    pub epoch: UnixTime,
    /// Whether the time by which claims are judged stays at `epoch` throughout. This is for tokens
    /// whose verdicts were given as of one instant.
    pub is_still: bool,
    /// The arrivals of each worker, in order of time. In a closed loop they are a cycle.
    pub schedules: Vec<Vec<Arrival>>,
    /// The issuer.
    pub timeline: IssuerTimeline,
    /// The tokens.
    pub corpus: Arc<Corpus>,
    /// SHA-256 over arrivals, events, faults, workers and corpus, in hex (`plan_hash`).
    pub hash: String,
}

impl Plan {
    /// Computes a plan and mints its corpus. `minted` is first called with the number of tokens,
    /// then once for each token.
    pub fn new(
        scenario: &Scenario,
        algorithm: Algorithm,
        signers: &Signers,
        minted: &(dyn Fn(Minting) + Sync),
    ) -> Plan {
        let seed = signers.seed();
        let signers = &signers.with_rsa_bits(scenario.issuer.rsa_bits);
        let timeline =
            IssuerTimeline::new(&scenario.events, algorithm, &scenario.classes(), signers);
        let mut refs = Refs::default();
        let schedules: Vec<Vec<Arrival>> = (0..scenario.load.workers)
            .map(|worker| schedule(scenario, algorithm, seed, WorkerPlace(worker), &mut refs))
            .collect();
        let holders = holders(scenario);
        let from = (signers, &timeline);
        let mint = mint(scenario, algorithm, from, &scenario.policy, &holders);
        minted(Minting::Begin(refs.names().len() as u64));
        let corpus = Corpus::mint(&mint, refs.names(), &|| minted(Minting::One));
        let hash = plan_hash(scenario, algorithm, &schedules, refs.names(), &corpus);
        let corpus = Arc::new(corpus);
        Plan(PlanParts {
            scenario: scenario.clone(),
            algorithm,
            seed,
            epoch: EPOCH,
            is_still: false,
            schedules,
            timeline,
            corpus,
            hash,
        })
    }

    /// The clock of the verifier, including its deviations.
    pub fn wall_clock(&self) -> WallClock {
        if self.is_still {
            return WallClock::still(self.epoch);
        }
        let phases = self.scenario.phases.iter();
        WallClock::new(self.epoch, phases.map(|phase| (Tick::ZERO + phase.at, phase.skew)))
    }

    /// The true time at a tick, without the deviations of the verifier's clock.
    pub fn instant(&self, tick: Tick) -> UnixTime {
        if self.is_still { self.epoch } else { self.epoch.at(tick) }
    }

    /// SHA-256 of the policy that judges, in hex. It is not part of [`PlanParts::hash`].
    pub fn policy_hash(&self) -> String {
        let policy = self.scenario.policy_for(self.algorithm);
        fingerprint::policy_hash(&policy)
    }

    /// SHA-256 of the cache policy and of the cache's content at the beginning, in hex. It is not
    /// part of [`PlanParts::hash`].
    pub fn cache_policy_hash(&self) -> String {
        fingerprint::cache_policy_hash(&self.scenario.cache)
    }

    /// SHA-256 of the state strategy, in hex; `None` if the scenario has none. It is not part of
    /// [`PlanParts::hash`].
    pub fn state_strategy_hash(&self) -> Option<String> {
        let state = self.scenario.state.as_ref()?;
        Some(fingerprint::state_strategy_hash(&state.strategy))
    }

    /// SHA-256 of the tokens and of their lifetime, in hex; `None` if the scenario has no state. It
    /// is not part of [`PlanParts::hash`], as a state strategy may give tokens another lifetime.
    pub fn issuance_hash(&self) -> Option<String> {
        self.scenario.state.as_ref()?;
        Some(fingerprint::issuance_hash(&self.scenario, &self.corpus))
    }

    /// The beginning and the end of one phase, in ticks.
    pub fn phase_span(&self, phase: usize) -> (Tick, Tick) {
        let phases = &self.scenario.phases;
        let end = self.scenario.load.duration;
        let until = phases.get(phase + 1).map_or(end, |next| next.at);
        (Tick::ZERO + phases[phase].at, Tick::ZERO + until)
    }
}

/// The progress of minting.
#[derive(Clone, Copy, Debug)]
pub enum Minting {
    /// The number of tokens that will be minted.
    Begin(u64),
    /// One more token has been minted.
    One,
}

pub(super) fn nanos(span: std::time::Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

/// The number of holders of each stream.
fn holders(scenario: &Scenario) -> Vec<u32> {
    scenario.streams.iter().map(|stream| stream.holders).collect()
}

/// The inputs from which the tokens of a scenario are minted, for this policy.
fn mint<'a>(
    scenario: &Scenario,
    algorithm: Algorithm,
    (signers, timeline): (&'a Signers, &'a IssuerTimeline),
    policy: &'a PolicySpec,
    holders: &'a [u32],
) -> Mint<'a> {
    Mint {
        signers,
        timeline,
        policy,
        algorithm,
        epoch: EPOCH,
        lifetime_ns: nanos(scenario.issuer.token_lifetime),
        duration_ns: nanos(scenario.load.duration),
        holders,
        outages: &[],
        subjects: None,
    }
}

fn schedule(
    scenario: &Scenario,
    algorithm: Algorithm,
    seed: u64,
    worker: WorkerPlace,
    refs: &mut Refs,
) -> Vec<Arrival> {
    let mut arrivals = Vec::new();
    for (index, stream) in (0u16..).map(StreamPlace).zip(&scenario.streams) {
        let popularity = (stream.reuse == Reuse::Zipf).then(|| Zipf::new(stream.holders));
        for (phase, setting) in (0u16..).map(PhasePlace).zip(&stream.settings) {
            if setting.shares.is_empty() {
                continue;
            }
            let name = &scenario.phases[phase.index()].name;
            let purpose = ["arrivals", &stream.name, name, &worker.0.to_string()];
            let mut rng = random::stream(seed, &purpose);
            let fits = |(class, _): &&(Class, f64)| class.fits(algorithm);
            let shares: Vec<(Class, f64)> = setting.shares.iter().filter(fits).copied().collect();
            let (shares, popularity) = (&shares, popularity.as_ref());
            let draw = Draw { scenario, stream, index, shares, popularity };
            let turns = if setting.in_turn { turns(shares) } else { Vec::new() };
            let mut times = times(scenario, setting, phase, worker, &mut rng);
            if setting.in_turn && scenario.load.arrivals == Arrivals::Closed {
                times = vec![0; turns.len()];
            }
            for (number, at) in times.into_iter().enumerate() {
                let name = match turns.get(number % turns.len().max(1)) {
                    Some((class, ordinal)) => draw.named(*class, *ordinal, at),
                    None => draw.token(at, &mut rng),
                };
                let token = refs.place(name);
                let phase = if at < 0 { PhasePlace::WARMUP } else { phase };
                arrivals.push(Arrival { at: Tick(at), stream: index, phase, token });
            }
        }
    }
    arrivals.sort_by_key(|arrival| (arrival.at, arrival.stream));
    arrivals
}

/// The tokens in turn: every variant of every class, one class after the other.
fn turns(shares: &[(Class, f64)]) -> Vec<(Class, Ordinal)> {
    let classes = || shares.iter().map(|(class, _)| *class);
    let ordinals = (0..TURNS).map(Ordinal);
    let turn = |ordinal| classes().map(move |class| (class, ordinal));
    ordinals.flat_map(turn).filter(|(class, ordinal)| ordinal.0 < class.row().pool).collect()
}

/// The instants of one stream in one phase. The first phase also covers the warm-up.
fn times(
    scenario: &Scenario,
    setting: &StreamSetting,
    phase: PhasePlace,
    worker: WorkerPlace,
    rng: &mut ChaCha8Rng,
) -> Vec<i64> {
    let (rate, rate_to) = (setting.rate.per_s, setting.rate_to.per_s);
    let phase = phase.index();
    let from = match phase {
        0 => -nanos(scenario.load.warmup),
        _ => nanos(scenario.phases[phase].at),
    };
    let until = scenario.phases.get(phase + 1).map_or(scenario.load.duration, |next| next.at);
    let part = WorkerShare { worker, workers: scenario.load.workers };
    match scenario.load.arrivals {
        Arrivals::Closed => vec![0; CLOSED_CYCLE],
        _ if rate <= 0.0 => Vec::new(),
        Arrivals::Constant => constant(rate, from, nanos(until), part),
        Arrivals::Poisson => poisson(rate, from, nanos(until), part, rng),
        Arrivals::Ramp => {
            // The warm-up has the rate at the beginning of the phase.
            let begin = nanos(scenario.phases[phase].at);
            let mut times = poisson(rate, from, begin, part, rng);
            times.extend(ramp(Slope { rate, rate_to }, begin, nanos(until), part, rng));
            times
        }
    }
}

/// The parameters from which the token of an arrival is drawn.
pub(super) struct Draw<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) stream: &'a Stream,
    pub(super) index: StreamPlace,
    pub(super) shares: &'a [(Class, f64)],
    /// The distribution of the holders, if they are not equally frequent.
    pub(super) popularity: Option<&'a Zipf>,
}

impl Draw<'_> {
    /// Draws the class and the ordinal of the token for an arrival at `at`, in nanoseconds.
    pub(super) fn token(&self, at: i64, rng: &mut ChaCha8Rng) -> TokenRef {
        let class = self.class(random::unit(rng) * self.total());
        let draw = random::unit(rng);
        let ordinal = match self.popularity {
            Some(popularity) if class.is_reissued() => popularity.place(draw),
            _ if class.is_reissued() => (draw * f64::from(self.stream.holders)) as u32,
            _ => (draw * f64::from(class.row().pool)) as u32,
        };
        self.named(class, Ordinal(ordinal), at)
    }

    /// The token of a class and ordinal that is in use at `at`, in nanoseconds.
    fn named(&self, class: Class, ordinal: Ordinal, at: i64) -> TokenRef {
        if !class.is_reissued() {
            return TokenRef { class, stream: StreamPlace(0), ordinal, issue: 0 };
        }
        let holders = self.stream.holders;
        let holder = ordinal.0 % holders;
        let lifetime = nanos(self.scenario.issuer.token_lifetime);
        let first = issue_tick(holder, holders, 0, lifetime);
        let age = at.max(0).saturating_sub(first.0);
        let issue = u32::try_from(age / lifetime.max(1)).unwrap_or(u32::MAX);
        TokenRef { class, stream: self.index, ordinal: Ordinal(holder), issue }
    }

    /// The sum of the shares. It is 100, less the shares of classes that do not fit the algorithm.
    fn total(&self) -> f64 {
        let sum: f64 = self.shares.iter().map(|(_, share)| share).sum();
        if (sum - 100.0).abs() < 1e-6 { 100.0 } else { sum }
    }

    fn class(&self, mut draw: f64) -> Class {
        for (class, share) in self.shares {
            draw -= share;
            if draw < 0.0 {
                return *class;
            }
        }
        // Rounding may leave a small remainder above the last share.
        self.shares[self.shares.len() - 1].0
    }
}
