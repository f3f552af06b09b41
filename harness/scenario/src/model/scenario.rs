//! The contents of a scenario file, read and checked.

use std::path::PathBuf;
use std::time::Duration;

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::policy::PolicySpec;
use jwtbench_verifier::wall_clock::Skew;

use crate::format::cache::{CacheSpec, Start};
use crate::format::overrides::Replaced;
use crate::format::sweep::Sweep;
use crate::token::class::Class;

use super::capacity::Rate;
use super::endpoint::EndpointSetting;
use super::event::{Action, Event};
use super::expectation::Expectation;
use super::state::{NamedStrategy, StateSpec, StoreSetting};

/// The family of scenarios with production durations that compare cache policies.
pub const SIMULATED: &str = "policy";
/// The family of scenarios with production durations that compare state strategies.
pub const STATE: &str = "state";

/// Whether the scenarios of a family have production durations, and are meant for virtual time.
pub fn is_simulated(family: &str) -> bool {
    [SIMULATED, STATE].contains(&family)
}

/// A scenario file, read and checked. Its contents are read through [`ScenarioParts`]. Only its own
/// methods change them, and these leave it valid.
#[derive(Clone, Debug)]
pub struct Scenario(pub(crate) ScenarioParts);

impl std::ops::Deref for Scenario {
    type Target = ScenarioParts;

    fn deref(&self) -> &ScenarioParts {
        &self.0
    }
}

/// The contents of a scenario.
#[derive(Clone, Debug)]
pub struct ScenarioParts {
    /// `family/file-stem`.
    pub name: String,
    /// The name of the folder of the file.
    pub family: String,
    /// The path of the file.
    pub path: PathBuf,
    /// The whole text of the file.
    pub text: String,
    /// The title, in one line.
    pub title: String,
    /// The analysis: what to look at in the result, and why it matters.
    pub analysis: String,
    /// Whether a run without arguments includes it.
    pub canonical: bool,
    /// The algorithms, with one trial for each.
    pub algorithms: Vec<Algorithm>,
    /// The issuer.
    pub issuer: IssuerSpec,
    /// The policy. Its `algorithms` are set for each trial.
    pub policy: PolicySpec,
    /// Whether trials keep the algorithms of the policy instead.
    pub own_algorithms: bool,
    /// The load.
    pub load: Load,
    /// The verifier's instances, for `simulate`.
    pub instances: Instances,
    /// The contender whose capacity is the base of relative rates, as `kind:name`, if the file
    /// names one.
    pub capacity_of: Option<String>,
    /// The lateness beyond which an arrival is shed instead of processed; `None` if none is shed.
    /// It has no meaning in a closed loop.
    pub shed_after: Option<Duration>,
    /// The streams in the order of the file. Those that only a phase names come last.
    pub streams: Vec<Stream>,
    /// The key cache.
    pub cache: CacheSpec,
    /// The state beyond tokens, for `simulate`; `None` if the scenario has none.
    pub state: Option<StateSpec>,
    /// The tables that the command line replaced.
    pub replaced: Replaced,
    /// The phases. The first is `start`, at zero.
    pub phases: Vec<Phase>,
    /// The events in order of time.
    pub events: Vec<Event>,
    /// The sweeps over keys of the cache policy, for `simulate`; at most two.
    pub sweep: Vec<Sweep>,
    /// The expectations, each for certain cache policies.
    pub expectations: Vec<Expectation>,
}

/// The settings of the issuer.
#[derive(Clone, Debug, PartialEq)]
pub struct IssuerSpec {
    /// The size of its RSA keys in bits: 2048, 3072 or 4096.
    pub rsa_bits: usize,
    /// The time from `iat` to `exp`. It is also the interval at which a holder's token is reissued.
    pub token_lifetime: Duration,
}

/// The load: how operations arrive and are processed.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// The arrival process.
    pub arrivals: Arrivals,
    /// The number of workers, each of which is a thread.
    pub workers: u32,
    /// The time before the phases. Its operations count for conformance only.
    pub warmup: Duration,
    /// The measured time per round.
    pub duration: Duration,
    /// The number of rounds, which are interleaved with those of other contenders.
    pub rounds: u32,
    /// The time after its arrival at which an accepted good token counts as late.
    pub deadline: Duration,
}

/// The instances of the verifier, each with its own key cache. Each of them verifies every token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instances {
    /// The number of instances, from 1 to [`MAX_INSTANCES`].
    pub count: u32,
    /// The ages of their caches at the beginning.
    pub ages: InstanceAges,
}

/// The most instances of a simulation.
pub const MAX_INSTANCES: u32 = 10_000;
/// The most workers of a load.
pub const MAX_WORKERS: u32 = 1024;
/// The most rounds of a load.
pub const MAX_ROUNDS: u32 = 1000;
/// The longest round, and the longest warm-up.
pub const MAX_DURATION: Duration = Duration::from_secs(86_400);

/// The distribution of the ages of the instances' caches at the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceAges {
    /// The ages are equal. All instances fetch at the same time, which is the worst case for the
    /// issuer.
    Same,
    /// The ages are spread evenly over the TTL, as after a rolling deployment.
    Spread,
}

impl Default for Instances {
    /// One instance.
    fn default() -> Instances {
        Instances { count: 1, ages: InstanceAges::Same }
    }
}

/// The arrival process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// The next operation starts when the last one has ended.
    Closed,
    /// Arrivals are evenly spaced.
    Constant,
    /// The gaps between arrivals are exponentially distributed.
    Poisson,
    /// The gaps are exponentially distributed, at a rate that changes linearly over a phase.
    Ramp,
}

/// An independent flow of arrivals.
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    /// The name of the stream.
    pub name: String,
    /// The number of tokens of a reissued class that are in use at a time.
    pub holders: u32,
    /// The frequency of each of these tokens.
    pub reuse: Reuse,
    /// The rate and the mix in each phase.
    pub settings: Vec<StreamSetting>,
}

/// The frequency of the tokens of a stream's holders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reuse {
    /// All tokens arrive equally often.
    #[default]
    Uniform,
    /// The k-th token has a weight of 1/k, so a few holders send most of the traffic.
    Zipf,
}

/// A stream during one phase.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamSetting {
    /// The rate of arrivals. It is zero while the stream is silent, and unused in a closed loop.
    pub rate: Rate,
    /// The rate of arrivals at the end of the phase. It equals `rate` unless the load is a ramp.
    pub rate_to: Rate,
    /// The shares of the classes, in percent. They sum to 100. The list is empty while the stream
    /// is silent.
    pub shares: Vec<(Class, f64)>,
    /// Whether the classes take turns, each with every one of its variants, instead of being drawn
    /// at random.
    pub in_turn: bool,
}

/// A part of the scenario's duration with its own statistics.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// The name of the phase.
    pub name: String,
    /// The start of the phase, on the scenario clock.
    pub at: Duration,
    /// The behaviour of the endpoint during the phase.
    pub endpoint: EndpointSetting,
    /// The deviation of the verifier's clock.
    pub skew: Skew,
    /// The behaviour of the store of the state during the phase.
    pub store: StoreSetting,
}

impl Scenario {
    /// Whether the scenario changes over time, has a state in an open loop, or starts with a cache
    /// that is not warm. The keys are then fetched from the endpoint. A hot-path scenario starts
    /// warm and stays warm.
    pub fn is_dynamic(&self) -> bool {
        self.phases.len() > 1
            || self.state.is_some() && self.load.arrivals != Arrivals::Closed
            || !self.events.is_empty()
            || self.phases.iter().any(|phase| phase.endpoint != EndpointSetting::default())
            || self.cache.start != Start::Warm
    }

    /// Whether the scenario is meant for virtual time only. Its durations are those of production.
    pub fn is_simulated(&self) -> bool {
        is_simulated(&self.family)
    }

    /// The scenario under another state strategy, which may give its tokens another lifetime. One
    /// without `[state]` is unchanged.
    pub fn informed_by(mut self, strategy: NamedStrategy) -> Scenario {
        if let Some(state) = &mut self.0.state {
            let lifetime = strategy.token_lifetime.unwrap_or(state.token_lifetime);
            self.0.issuer.token_lifetime = lifetime;
            state.strategy = strategy;
        }
        self
    }

    /// The instant from which no single token is revoked any more.
    pub fn revocations_until(&self) -> Duration {
        let duration = self.load.duration;
        let given = self.state.as_ref().and_then(|state| state.revocations_until);
        let life = self.issuer.token_lifetime + self.leeway();
        let given = given.map(|until| until.min(duration));
        given.unwrap_or(match duration.saturating_sub(life) {
            Duration::ZERO => duration,
            until => until,
        })
    }

    /// The spans in which the issuer issues no token, in order. Spans that meet are one.
    pub fn issuer_outages(&self) -> Vec<[Duration; 2]> {
        let mut outages: Vec<[Duration; 2]> = Vec::new();
        for event in &self.events {
            let Action::IssuerDown { lasts } = event.action else {
                continue;
            };
            let end = event.at + lasts;
            match outages.last_mut() {
                Some([_, until]) if *until >= event.at => *until = end.max(*until),
                _ => outages.push([event.at, end]),
            }
        }
        outages
    }

    /// The instant at which instances of the verifier restart first, if they do.
    pub fn first_restart(&self) -> Option<Duration> {
        let mut events = self.events.iter();
        let restart =
            events.find(|event| matches!(event.action, Action::RestartInstances { .. }))?;
        Some(restart.at)
    }

    /// The policy of a trial. Only the trial's algorithm is allowed, unless the policy is the
    /// user's. The cache policy's settings for leeway and for tokens without `kid` are included.
    pub fn policy_for(&self, algorithm: Algorithm) -> PolicySpec {
        let algorithms = match self.own_algorithms {
            true => self.policy.algorithms.clone(),
            false => vec![algorithm],
        };
        let kid_required = self.policy.kid_required || self.cache.policy.kid_required;
        PolicySpec { algorithms, leeway: self.leeway(), kid_required, ..self.policy.clone() }
    }

    /// The leeway for clock differences. The leeway of the cache policy, if it has one, comes
    /// before that of the policy, because it is the one of the modelled library.
    pub fn leeway(&self) -> Duration {
        self.cache.policy.leeway.unwrap_or(self.policy.leeway)
    }

    /// Whether the classes of any stream take turns.
    pub fn is_in_turn(&self) -> bool {
        self.streams.iter().flat_map(|stream| &stream.settings).any(|setting| setting.in_turn)
    }

    /// The classes that occur, in the order of the class table.
    pub fn classes(&self) -> Vec<Class> {
        let settings = self.streams.iter().flat_map(|stream| &stream.settings);
        let mut classes: Vec<Class> =
            settings.flat_map(|setting| setting.shares.iter().map(|(class, _)| *class)).collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    }
}
