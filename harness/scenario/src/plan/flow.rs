//! The arrivals of a scenario, drawn one at a time, for horizons with too many arrivals to store.
//! They follow the same distributions as a plan's schedules, but use random streams of their own.
//! This module is pure.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_core::RngCore as _;

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::tick::Tick;

use crate::issuer::IssuerTimeline;
use crate::issuer::signer::Signers;
use crate::model::place::{PhasePlace, StreamPlace};
use crate::plan::arrivals::exponential;
use crate::plan::fingerprint::plan_hash;
use crate::plan::random::{self, Zipf};
use crate::plan::subjects::Subjects;
use crate::plan::{Draw, EPOCH, Plan, PlanParts, nanos};
use crate::token::class::Class;
use crate::token::corpus::{Corpus, Mint, Refs, TokenRef};
use crate::token::fit::UnfitClass;
use crate::{Arrivals, Reuse, Scenario, Stream};

/// The most different tokens of a flow. More are refused, because all of them are minted and kept
/// in memory.
pub const MAX_TOKENS: usize = 300_000;

/// An arrival of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// The instant of the arrival.
    pub at: Tick,
    /// The stream, by its place in the scenario.
    pub stream: StreamPlace,
    /// The phase, by its place in the scenario.
    pub phase: PhasePlace,
    /// The name of the token.
    pub token: TokenRef,
}

/// The arrivals of all streams, in order of time.
pub struct Flow<'s> {
    lanes: Vec<StreamArrivals<'s>>,
}

/// The arrivals of one stream.
struct StreamArrivals<'s> {
    scenario: &'s Scenario,
    stream: &'s Stream,
    index: StreamPlace,
    algorithm: Algorithm,
    seed: u64,
    popularity: Option<Zipf>,
    phase: usize,
    part: Option<StreamPhase>,
    next: Option<Drawn>,
}

/// The state of one stream during one phase.
struct StreamPhase {
    times: ChaCha8Rng,
    tokens: ChaCha8Rng,
    shares: Vec<(Class, f64)>,
    gap_ns: f64,
    at: f64,
    until: i64,
}

/// The reason why a scenario cannot be simulated.
#[derive(Debug, thiserror::Error)]
pub enum FlowFault {
    /// A class whose tokens do not keep their due verdict under the policy's limits.
    #[error(transparent)]
    Class(#[from] UnfitClass),
    /// The arrivals are a closed loop or a ramp.
    #[error(
        "{scenario}: a simulation needs arrivals that are `constant` or `poisson`; change [load]"
    )]
    Arrivals {
        /// The scenario.
        scenario: String,
    },
    /// The classes of a stream take turns.
    #[error("{scenario}: a simulation draws classes by share; give `tokens` shares")]
    InTurn {
        /// The scenario.
        scenario: String,
    },
    /// A rate is a share of a capacity.
    #[error("{scenario}: a simulation has no capacity; give `rate` per second")]
    Rate {
        /// The scenario.
        scenario: String,
    },
    /// The arrivals use more than [`MAX_TOKENS`] different tokens.
    #[error(
        "{scenario}: over {MAX_TOKENS} different tokens; raise `token-lifetime`, or lower \
         `holders`, the horizon or --draws"
    )]
    Tokens {
        /// The scenario.
        scenario: String,
    },
}

impl<'s> Flow<'s> {
    /// The flow of a scenario. The same seed gives the same arrivals. Silencing a stream changes no
    /// other stream.
    pub fn new(scenario: &'s Scenario, algorithm: Algorithm, seed: u64) -> Flow<'s> {
        let lane = |(index, stream): (StreamPlace, &'s Stream)| {
            let popularity = (stream.reuse == Reuse::Zipf).then(|| Zipf::new(stream.holders));
            let mut lane = StreamArrivals {
                scenario,
                stream,
                index,
                algorithm,
                seed,
                popularity,
                phase: 0,
                part: None,
                next: None,
            };
            lane.advance();
            lane
        };
        Flow { lanes: (0u16..).map(StreamPlace).zip(&scenario.streams).map(lane).collect() }
    }
}

impl Iterator for Flow<'_> {
    type Item = Drawn;

    fn next(&mut self) -> Option<Drawn> {
        let waiting = self.lanes.iter_mut().filter(|lane| lane.next.is_some());
        let lane = waiting.min_by_key(|lane| lane.next.map(|drawn| (drawn.at, drawn.stream)))?;
        let drawn = lane.next;
        lane.advance();
        drawn
    }
}

impl StreamArrivals<'_> {
    fn advance(&mut self) {
        self.next = None;
        while self.phase < self.stream.settings.len() {
            if self.part.is_none() {
                self.part = self.begin();
            }
            let Some(part) = &mut self.part else {
                self.phase += 1;
                continue;
            };
            let step = match self.scenario.load.arrivals {
                Arrivals::Constant => 1.0,
                _ => exponential(&mut part.times),
            };
            part.at += step * part.gap_ns;
            let at = part.at as i64;
            if at >= part.until {
                self.part = None;
                self.phase += 1;
                continue;
            }
            let draw = Draw {
                scenario: self.scenario,
                stream: self.stream,
                index: self.index,
                shares: &part.shares,
                popularity: self.popularity.as_ref(),
            };
            let token = draw.token(at, &mut part.tokens);
            let (stream, phase) = (self.index, PhasePlace(self.phase as u16));
            self.next = Some(Drawn { at: Tick(at), stream, phase, token });
            return;
        }
    }

    /// The state at the beginning of the phase; `None` if the stream is silent.
    fn begin(&self) -> Option<StreamPhase> {
        let setting = &self.stream.settings[self.phase];
        let fits = |(class, _): &&(Class, f64)| class.fits(self.algorithm);
        let shares: Vec<(Class, f64)> = setting.shares.iter().filter(fits).copied().collect();
        if shares.is_empty() || setting.rate.per_s <= 0.0 {
            return None;
        }
        let phases = &self.scenario.phases;
        let end = self.scenario.load.duration;
        let until = phases.get(self.phase + 1).map_or(end, |next| next.at.min(end));
        let name = &phases[self.phase].name;
        let rng = |use_: &str| random::stream(self.seed, &["flow", &self.stream.name, name, use_]);
        Some(StreamPhase {
            times: rng("times"),
            tokens: rng("tokens"),
            shares,
            gap_ns: 1e9 / setting.rate.per_s,
            at: nanos(phases[self.phase].at) as f64,
            until: nanos(until),
        })
    }
}

/// The seed for the arrivals of a draw. The first draw has the seed of the plan, and each further
/// one has its own.
pub fn draw_seed(seed: u64, draw: u32) -> u64 {
    match draw {
        0 => seed,
        draw => random::stream(seed, &["draw", &draw.to_string()]).next_u64(),
    }
}

/// The share of its `spread` by which an event is delayed in the `run`th run of a simulation. It is
/// drawn uniformly from 0 to 1, so that a few runs favour no phase of any TTL.
pub fn spread_share(seed: u64, run: u32) -> f64 {
    random::unit(&mut random::stream(seed, &["spread", &run.to_string()]))
}

/// A plan without schedules, for a simulation, with the places of the flow's tokens in its corpus.
/// The corpus has the tokens of `draws` draws of the arrivals. The seed of the plan is that of the
/// first draw.
///
/// # Errors
/// If a simulation cannot draw the scenario's arrivals, or if a class does not fit the policy's
/// limits.
pub fn plan(
    scenario: &Scenario,
    algorithm: Algorithm,
    signers: &Signers,
    draws: u32,
) -> Result<(Plan, Refs), FlowFault> {
    let name = || scenario.name.clone();
    if matches!(scenario.load.arrivals, Arrivals::Closed | Arrivals::Ramp) {
        return Err(FlowFault::Arrivals { scenario: name() });
    }
    if scenario.is_in_turn() {
        return Err(FlowFault::InTurn { scenario: name() });
    }
    let mut settings = scenario.streams.iter().flat_map(|stream| &stream.settings);
    if settings.any(|setting| setting.rate.share.is_some()) {
        return Err(FlowFault::Rate { scenario: name() });
    }
    let seed = signers.seed();
    let mut refs = Refs::default();
    let draws = 0..draws.max(1);
    for drawn in draws.flat_map(|draw| Flow::new(scenario, algorithm, draw_seed(seed, draw))) {
        refs.place(drawn.token);
        if refs.names().len() > MAX_TOKENS {
            return Err(FlowFault::Tokens { scenario: name() });
        }
    }
    let timeline = IssuerTimeline::new(&scenario.events, algorithm, &scenario.classes(), signers);
    let holders: Vec<u32> = scenario.streams.iter().map(|stream| stream.holders).collect();
    let subjects = Subjects::of(scenario, seed);
    let outages = scenario.issuer_outages();
    let mint = Mint {
        signers,
        timeline: &timeline,
        policy: &scenario.policy,
        algorithm,
        epoch: EPOCH,
        lifetime_ns: nanos(scenario.issuer.token_lifetime),
        duration_ns: nanos(scenario.load.duration),
        holders: &holders,
        outages: &outages,
        subjects: subjects.as_ref(),
    };
    let corpus = Corpus::mint(&mint, refs.names(), &|| {});
    let hash = plan_hash(scenario, algorithm, &[], refs.names(), &corpus);
    let plan = Plan(PlanParts {
        scenario: scenario.clone(),
        algorithm,
        seed,
        epoch: EPOCH,
        is_still: false,
        schedules: Vec::new(),
        timeline,
        corpus: Arc::new(corpus),
        hash,
    });
    Ok((plan.checked()?, refs))
}
