//! The state beyond tokens in a simulation: which tokens are revoked, the strategy by which
//! verifiers learn of it, and the store from which they learn it.

use std::time::Duration;

use jwtbench_verifier::state_strategy::StateStrategy;

/// The state of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct StateSpec {
    /// The strategy of the verifiers.
    pub strategy: NamedStrategy,
    /// The single tokens that are revoked per second, of those that are drawn.
    pub revocations_per_s: f64,
    /// The instant from which no single token is revoked any more; `None` for one token lifetime
    /// and the leeway before the end, so that no exposure is cut off.
    pub revocations_until: Option<Duration>,
    /// The effect of a revocation on the holder of the token.
    pub after_revocation: AfterRevocation,
    /// The number of entries that the store has from the beginning, about tokens that never arrive.
    pub revoked_before: u64,
    /// The share of all tokens that is drawn, above 0 and at most 1. Rates, holders and revocations
    /// of the scenario are already multiplied by it.
    pub sample: f64,
    /// The instance to which a token goes.
    pub balancing: Balancing,
    /// The holders that share a subject, such as the devices of a person; `None` if each token has
    /// a subject of its own.
    pub holders_per_subject: Option<u32>,
    /// The lifetime of tokens under a strategy that gives none: that of `[issuer]`.
    pub token_lifetime: Duration,
    /// The prices of the store, if they are given.
    pub prices: Option<StorePrices>,
}

/// What a store costs, in any currency.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StorePrices {
    /// A million requests.
    pub million_requests: f64,
    /// A gigabyte (10⁹ bytes) for an hour.
    pub gb_hour: f64,
    /// The least that is charged for, in gigabytes.
    pub least_gb: f64,
}

/// A strategy with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedStrategy {
    /// The name: that of a preset, or the stem of a user's file.
    pub name: String,
    /// The strategy.
    pub strategy: StateStrategy,
    /// The lifetime that it gives to tokens; `None` to leave that to the scenario.
    pub token_lifetime: Option<Duration>,
    /// The whole text of its file.
    pub text: String,
}

/// The effect of a revocation on the holder of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterRevocation {
    /// The holder, or a thief, goes on using the token.
    GoesOn,
    /// Nobody uses the token any more.
    Stops,
}

/// The instance to which a token goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balancing {
    /// Any, drawn for each arrival.
    Random,
    /// The same for all arrivals of a holder.
    Sticky,
}

/// The behaviour of the store from an instant on, and of the way to it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreSetting {
    /// The time from a request to its answer.
    pub latency: Duration,
    /// The width of the latency's variation. Each answer's latency is drawn uniformly from latency
    /// ± jitter.
    pub jitter: Duration,
    /// The requests that it answers per second, one after another; `None` for any number at once.
    pub capacity: Option<f64>,
    /// The time by which what it answers is behind.
    pub replica_lag: Duration,
    /// The fault of the store.
    pub fault: StoreFault,
    /// The time from a revocation to its message at an instance.
    pub propagation: Duration,
    /// The share of messages that are lost on the way to an instance.
    pub push_loss: f64,
    /// The share of instances whose link is down.
    pub links_down: f64,
    /// The share of instances whose link says nothing and looks as if it were up.
    pub links_silent: f64,
    /// The entries that the store loses when the phase begins.
    pub data_lost: DataLoss,
    /// The time from one published list to the next; zero if the list is always as of now.
    pub published_every: Duration,
    /// The time for which a published list may be relied on; `None` for ever.
    pub list_lifetime: Option<Duration>,
    /// The bytes to which a published list opens; 0 for those that it needs.
    pub list_size: u64,
    /// The keys that the store goes through to find a whole list; 0 if it finds it at once.
    pub keyspace: u64,
}

impl Default for StoreSetting {
    /// A store in the same zone that works.
    fn default() -> StoreSetting {
        StoreSetting {
            latency: Duration::from_micros(500),
            jitter: Duration::ZERO,
            capacity: None,
            replica_lag: Duration::ZERO,
            fault: StoreFault::None,
            propagation: Duration::from_millis(2),
            push_loss: 0.0,
            links_down: 0.0,
            links_silent: 0.0,
            data_lost: DataLoss::None,
            published_every: Duration::ZERO,
            list_lifetime: None,
            list_size: 0,
            keyspace: 0,
        }
    }
}

/// A fault of the store. Its messages come only while it has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoreFault {
    /// No fault.
    #[default]
    None,
    /// Connections are refused at once, and links are cut.
    Refused,
    /// Requests are taken and never answered. Links stay up, and nothing comes over them.
    Silent,
    /// Connections are reset after the request, and links are cut.
    Reset,
    /// Every answer is an error. Links stay up.
    Error,
}

impl StoreFault {
    /// Every fault.
    pub const ALL: [StoreFault; 5] = [
        StoreFault::None,
        StoreFault::Refused,
        StoreFault::Silent,
        StoreFault::Reset,
        StoreFault::Error,
    ];

    /// The name in scenario files.
    pub const fn name(self) -> &'static str {
        match self {
            StoreFault::None => "none",
            StoreFault::Refused => "refused",
            StoreFault::Silent => "silent",
            StoreFault::Reset => "reset",
            StoreFault::Error => "error",
        }
    }

    /// Whether the fault cuts the links of a push.
    pub const fn cuts_links(self) -> bool {
        matches!(self, StoreFault::Refused | StoreFault::Reset)
    }
}

/// The entries that a store loses.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum DataLoss {
    /// None.
    #[default]
    None,
    /// All: it came back empty.
    All,
    /// Those of this last time: a failover lost them.
    Last(Duration),
    /// This share of them, in percent: they were evicted.
    Share(f64),
}
