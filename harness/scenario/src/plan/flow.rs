//! The arrivals of a scenario drawn one at a time, for horizons whose arrivals nobody could hold:
//! the same laws as a plan's schedules, and random streams of their own. Pure.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_core::RngCore as _;

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::tick::Tick;

use crate::issuer::IssuerTimeline;
use crate::issuer::signer::Signers;
use crate::plan::arrivals::exponential;
use crate::plan::fingerprint::plan_hash;
use crate::plan::random::{self, Zipf};
use crate::plan::{Draw, EPOCH, Plan, PlanParts, nanos};
use crate::token::class::Class;
use crate::token::corpus::{Corpus, Mint, Refs, TokenRef};
use crate::token::fit::UnfitClass;
use crate::{Arrivals, Reuse, Scenario, Stream};

/// More different tokens than this are refused: they are all minted and held.
pub const MAX_TOKENS: usize = 300_000;

/// An arrival as it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// When.
    pub at: Tick,
    /// The stream, by its place in the scenario.
    pub stream: u16,
    /// The phase, by its place in the scenario.
    pub phase: u16,
    /// The token.
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
    index: u16,
    algorithm: Algorithm,
    seed: u64,
    crowd: Option<Zipf>,
    phase: usize,
    part: Option<StreamPhase>,
    next: Option<Drawn>,
}

/// One stream during one phase.
struct StreamPhase {
    times: ChaCha8Rng,
    tokens: ChaCha8Rng,
    shares: Vec<(Class, f64)>,
    gap_ns: f64,
    at: f64,
    until: i64,
}

/// Why a scenario cannot flow.
#[derive(Debug, thiserror::Error)]
pub enum FlowFault {
    /// A class that the policy's limits do not let be what it is.
    #[error(transparent)]
    Class(#[from] UnfitClass),
    /// A closed loop or a ramp.
    #[error(
        "{scenario}: a simulation needs arrivals that are `constant` or `poisson`; change [load]"
    )]
    Arrivals {
        /// The scenario.
        scenario: String,
    },
    /// Classes in turn.
    #[error("{scenario}: a simulation draws classes by share; give `tokens` shares")]
    InTurn {
        /// The scenario.
        scenario: String,
    },
    /// A rate that is a share of capacity.
    #[error("{scenario}: a simulation has no capacity; give `rate` per second")]
    Rate {
        /// The scenario.
        scenario: String,
    },
    /// Too many tokens.
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
    /// The flow of a scenario. The same seed gives the same arrivals; silencing a stream changes no
    /// other.
    pub fn new(scenario: &'s Scenario, algorithm: Algorithm, seed: u64) -> Flow<'s> {
        let lane = |(index, stream): (u16, &'s Stream)| {
            let crowd = (stream.reuse == Reuse::Zipf).then(|| Zipf::new(stream.holders));
            let mut lane = StreamArrivals {
                scenario,
                stream,
                index,
                algorithm,
                seed,
                crowd,
                phase: 0,
                part: None,
                next: None,
            };
            lane.advance();
            lane
        };
        Flow { lanes: (0u16..).zip(&scenario.streams).map(lane).collect() }
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
                crowd: self.crowd.as_ref(),
            };
            let token = draw.token(at, &mut part.tokens);
            let (stream, phase) = (self.index, self.phase as u16);
            self.next = Some(Drawn { at: Tick(at), stream, phase, token });
            return;
        }
    }

    /// The phase as it begins; `None` while the stream is silent.
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

/// The seed of the arrivals of this draw: that of the plan for the first, one of its own for each
/// further one.
pub fn draw_seed(seed: u64, draw: u32) -> u64 {
    match draw {
        0 => seed,
        draw => random::stream(seed, &["draw", &draw.to_string()]).next_u64(),
    }
}

/// By which share of how far it may what moves in a scenario is moved in the `run`th run of a
/// simulation: an even draw from 0 to 1, so that a few runs favour no phase of any ttl.
pub fn spread_share(seed: u64, run: u32) -> f64 {
    random::unit(&mut random::stream(seed, &["spread", &run.to_string()]))
}

/// A plan whose arrivals flow: its corpus, and where each token of the flow is in it. The corpus
/// has the tokens of so many draws of the arrivals; the seed of the plan is that of the first.
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
    let mint = Mint {
        signers,
        timeline: &timeline,
        policy: &scenario.policy,
        algorithm,
        epoch: EPOCH,
        lifetime_ns: nanos(scenario.issuer.token_lifetime),
        duration_ns: nanos(scenario.load.duration),
        holders: &holders,
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
