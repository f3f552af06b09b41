//! A scenario, read and checked.

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
use super::event::Event;
use super::expectation::Expectation;

/// The family of scenarios with production durations.
pub const SIMULATED: &str = "policy";

/// One scenario file, read and checked. What it holds is read through [`ScenarioParts`]; what is
/// changed of it is changed by its own methods, which leave it valid.
#[derive(Clone, Debug)]
pub struct Scenario(pub(crate) ScenarioParts);

impl std::ops::Deref for Scenario {
    type Target = ScenarioParts;

    fn deref(&self) -> &ScenarioParts {
        &self.0
    }
}

/// What a scenario holds.
#[derive(Clone, Debug)]
pub struct ScenarioParts {
    /// `family/file-stem`.
    pub name: String,
    /// The folder.
    pub family: String,
    /// The file.
    pub path: PathBuf,
    /// Its text, whole.
    pub text: String,
    /// One line.
    pub title: String,
    /// What to look at, and why it matters.
    pub analysis: String,
    /// Whether the run without arguments includes it.
    pub canonical: bool,
    /// Algorithms, one trial each.
    pub algorithms: Vec<Algorithm>,
    /// The issuer.
    pub issuer: IssuerSpec,
    /// The policy; `algorithms` is set per trial.
    pub policy: PolicySpec,
    /// Whether trials keep the policy's own algorithms instead.
    pub own_algorithms: bool,
    /// The load.
    pub load: Load,
    /// The verifier's instances, for `simulate`.
    pub instances: Instances,
    /// The contender whose capacity relative rates are shares of, `kind:name`, where the file names
    /// one.
    pub capacity_of: Option<String>,
    /// An arrival that a worker comes to later than this is shed; `None` to skip nothing. Of no
    /// meaning in a closed loop.
    pub shed_after: Option<Duration>,
    /// Streams in the order of the file; those that only a phase names come last.
    pub streams: Vec<Stream>,
    /// The key cache.
    pub cache: CacheSpec,
    /// Which of its own tables a command line put others in the place of.
    pub replaced: Replaced,
    /// Phases; the first is `start` at zero.
    pub phases: Vec<Phase>,
    /// Events in order of time.
    pub events: Vec<Event>,
    /// Keys of the cache policy at many values, for `simulate`; at most two.
    pub sweep: Vec<Sweep>,
    /// What must hold, by cache policy.
    pub expectations: Vec<Expectation>,
}

/// What the issuer does apart from events.
#[derive(Clone, Debug, PartialEq)]
pub struct IssuerSpec {
    /// Size of its RSA keys in bits: 2048, 3072 or 4096.
    pub rsa_bits: usize,
    /// From `iat` to `exp`; also how often a holder's token is reissued.
    pub token_lifetime: Duration,
    /// `jti`s revoked from the beginning, beside those of the corpus.
    pub revoked: u64,
    /// The share of false positives of a filter before the list, above 0 and below 1; `None` for
    /// no filter.
    pub revocation_filter: Option<f64>,
}

/// How operations arrive.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// The arrival process.
    pub arrivals: Arrivals,
    /// Workers, one thread each.
    pub workers: u32,
    /// Time before the phases: operations count for conformance only.
    pub warmup: Duration,
    /// Time that is measured, per round.
    pub duration: Duration,
    /// Rounds, interleaved with those of other contenders.
    pub rounds: u32,
    /// A good token accepted later than this after its arrival is late.
    pub deadline: Duration,
}

/// How many verifiers there are, each with a key cache of its own. All of them see every token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instances {
    /// 1 to [`MAX_INSTANCES`].
    pub count: u32,
    /// How old their caches are at the beginning.
    pub ages: InstanceAges,
}

/// The most instances of a simulation.
pub const MAX_INSTANCES: u32 = 10_000;
/// Workers at the most.
pub const MAX_WORKERS: u32 = 1024;
/// Rounds at the most.
pub const MAX_ROUNDS: u32 = 1000;
/// The longest round, and the longest warm-up.
pub const MAX_DURATION: Duration = Duration::from_secs(86_400);

/// How the ages of the instances' caches lie to each other at the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceAges {
    /// All the same: they fetch in step, the worst case for the issuer.
    Same,
    /// Spread evenly over the ttl, as after a rolling deployment.
    Spread,
}

impl Default for Instances {
    /// One.
    fn default() -> Instances {
        Instances { count: 1, ages: InstanceAges::Same }
    }
}

/// The arrival process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// The next operation starts when the last one ended.
    Closed,
    /// Evenly spaced.
    Constant,
    /// Exponential gaps.
    Poisson,
    /// Exponential gaps at a rate that changes evenly over a phase.
    Ramp,
}

/// An independent flow of arrivals.
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    /// Its name.
    pub name: String,
    /// How many tokens of a reissued class are in use at a time.
    pub holders: u32,
    /// How often each of them comes.
    pub reuse: Reuse,
    /// Rate and mix, by phase.
    pub settings: Vec<StreamSetting>,
}

/// How often the tokens of a stream's holders come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reuse {
    /// All alike.
    #[default]
    Uniform,
    /// The k-th with a weight of 1/k: a few holders send most of the traffic.
    Zipf,
}

/// A stream during one phase.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamSetting {
    /// Arrivals; zero while the stream is silent. Unused in a closed loop.
    pub rate: Rate,
    /// Arrivals at the end of the phase; the same as `rate` unless the load is a ramp.
    pub rate_to: Rate,
    /// Shares of classes, in percent; they sum to 100. Empty while the stream is silent.
    pub shares: Vec<(Class, f64)>,
    /// Whether the classes take turns, each with every one of its variants, instead of being drawn.
    pub in_turn: bool,
}

/// A span of time with statistics of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// Start on the scenario clock.
    pub at: Duration,
    /// The endpoint during it.
    pub endpoint: EndpointSetting,
    /// How far the verifier's clock is off.
    pub skew: Skew,
}

impl Scenario {
    /// Whether time matters to it: the keys travel, and phases, events or faults change things.
    /// A hot-path scenario starts warm and stays so.
    pub fn is_dynamic(&self) -> bool {
        self.phases.len() > 1
            || !self.events.is_empty()
            || self.phases.iter().any(|phase| phase.endpoint != EndpointSetting::default())
            || self.cache.start != Start::Warm
    }

    /// Whether it is meant for virtual time alone: its durations are those of production.
    pub fn is_simulated(&self) -> bool {
        self.family == SIMULATED
    }

    /// The policy of a trial: only its own algorithm is allowed, unless the policy is the user's.
    /// Keys are bound by its algorithms, and nowhere by others. What the cache policy says of
    /// leeway and of tokens without `kid` is in it.
    pub fn policy_for(&self, algorithm: Algorithm) -> PolicySpec {
        let algorithms = match self.own_algorithms {
            true => self.policy.algorithms.clone(),
            false => vec![algorithm],
        };
        let kid_required = self.policy.kid_required || self.cache.policy.kid_required;
        PolicySpec { algorithms, leeway: self.leeway(), kid_required, ..self.policy.clone() }
    }

    /// How far clocks may differ: what the library says that the cache policy stands for, or else
    /// what the policy says.
    pub fn leeway(&self) -> Duration {
        self.cache.policy.leeway.unwrap_or(self.policy.leeway)
    }

    /// Whether some stream goes through its classes in turn.
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
