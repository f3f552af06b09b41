//! The serde types of the scenario file. They are private to this crate; the parser turns them into
//! a checked [`Scenario`](crate::Scenario).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::wall_clock::Skew;

use crate::format::cache::WireCache;
use crate::format::grammar;
use crate::format::policy::WirePolicy;

/// A duration such as `250ms` or `5m`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Span(pub(crate) Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        grammar::duration(&text).map(Span).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireScenario {
    pub(crate) title: String,
    pub(crate) analysis: String,
    #[serde(default)]
    pub(crate) canonical: bool,
    pub(crate) algorithms: Option<Spanned<Vec<Algorithm>>>,
    pub(crate) sweep: Option<Spanned<Vec<String>>>,
    pub(crate) issuer: Option<Spanned<WireIssuer>>,
    pub(crate) policy: Option<Spanned<WirePolicy>>,
    pub(crate) load: Spanned<WireLoad>,
    #[serde(default)]
    pub(crate) stream: Vec<Spanned<WireStream>>,
    pub(crate) cache: Option<Spanned<WireCache>>,
    pub(crate) endpoint: Option<Spanned<WireEndpoint>>,
    pub(crate) state: Option<Spanned<WireStateTable>>,
    pub(crate) store: Option<Spanned<WireStore>>,
    #[serde(default)]
    pub(crate) phase: Vec<Spanned<WirePhase>>,
    #[serde(default)]
    pub(crate) event: Vec<Spanned<WireEvent>>,
    #[serde(default)]
    pub(crate) expect: BTreeMap<Spanned<String>, WireExpect>,
}

/// A bound for the scenario's cache policy or state strategy, a table of bounds for a policy by
/// name, or tables for strategies by name.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum WireExpect {
    Bound(String),
    Policy(BTreeMap<String, String>),
    Strategies(BTreeMap<String, BTreeMap<String, String>>),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireIssuer {
    pub(crate) rsa_bits: Option<usize>,
    pub(crate) token_lifetime: Option<Span>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireLoad {
    pub(crate) arrivals: WireArrivals,
    pub(crate) workers: Option<u32>,
    pub(crate) warmup: Option<Span>,
    pub(crate) duration: Span,
    pub(crate) rounds: Option<u32>,
    pub(crate) deadline: Option<Span>,
    pub(crate) capacity_of: Option<Spanned<String>>,
    pub(crate) shed_after: Option<Span>,
    pub(crate) instances: Option<u32>,
    pub(crate) instance_ages: Option<WireInstanceAges>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WireInstanceAges {
    Same,
    Spread,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WireArrivals {
    Closed,
    Constant,
    Poisson,
    Ramp,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WireReuse {
    #[default]
    Uniform,
    Zipf,
}

/// A rate: a number per second, or a text such as "200k" or "70%", a share of the capacity.
#[derive(Clone, Deserialize)]
#[serde(
    untagged,
    expecting = "a number per second, \"200k\", or a share of capacity such as \"70%\""
)]
pub(crate) enum WireRate {
    PerSecond(f64),
    Text(String),
}

impl WireRate {
    /// Whether the rate is zero, which makes the stream silent.
    pub(crate) fn is_zero(&self) -> bool {
        matches!(self, WireRate::PerSecond(per_s) if *per_s == 0.0)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireStream {
    pub(crate) name: String,
    pub(crate) rate: Option<Spanned<WireRate>>,
    pub(crate) rate_to: Option<Spanned<WireRate>>,
    pub(crate) tokens: Option<WireTokens>,
    pub(crate) holders: Option<u32>,
    #[serde(default)]
    pub(crate) reuse: WireReuse,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireStreamSetting {
    pub(crate) rate: Option<Spanned<WireRate>>,
    pub(crate) rate_to: Option<Spanned<WireRate>>,
    pub(crate) tokens: Option<WireTokens>,
}

/// The shares of the token classes, or every class in equal shares.
#[derive(Clone, Deserialize)]
#[serde(untagged, expecting = "shares such as { valid = 90, expired = 10 }, or \"every-class\"")]
pub(crate) enum WireTokens {
    Shares(BTreeMap<String, f64>),
    Named(WireTokensNamed),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WireTokensNamed {
    EveryClass,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireEndpoint {
    pub(crate) latency: Option<Span>,
    pub(crate) jitter: Option<Span>,
    pub(crate) max_age: Option<Span>,
    pub(crate) fault: Option<WireFault>,
}

/// A fault of the endpoint by name, or a table with its figures.
#[derive(Clone)]
pub(crate) enum WireFault {
    Named(String),
    SlowDrip(WireSlowDrip),
    Status(WireStatus),
}

impl<'de> Deserialize<'de> for WireFault {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum FaultForm {
            Named(String),
            SlowDrip(WireSlowDrip),
            Status(WireStatus),
        }
        let form = FaultForm::deserialize(deserializer).map_err(|_| {
            serde::de::Error::custom(
                "no such fault; write a name such as \"refused\", { status = 503 }, \
                 { status = 429, retry-after = \"2s\" } or { slow-drip = \"20ms\" }",
            )
        })?;
        Ok(match form {
            FaultForm::Named(name) => WireFault::Named(name),
            FaultForm::SlowDrip(drip) => WireFault::SlowDrip(drip),
            FaultForm::Status(status) => WireFault::Status(status),
        })
    }
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireSlowDrip {
    pub(crate) slow_drip: Span,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireStatus {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Span>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireStateTable {
    pub(crate) strategy: Option<String>,
    pub(crate) revocations: Option<f64>,
    pub(crate) revocations_until: Option<Span>,
    pub(crate) after_revocation: Option<WireAfter>,
    pub(crate) revoked_before: Option<u64>,
    pub(crate) sample: Option<f64>,
    pub(crate) balancing: Option<WireBalancing>,
    pub(crate) holders_per_subject: Option<u32>,
    pub(crate) prices: Option<WirePrices>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WirePrices {
    pub(crate) million_requests: f64,
    pub(crate) gb_hour: f64,
    #[serde(default)]
    pub(crate) least_gb: f64,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WireAfter {
    GoOn,
    Stop,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WireBalancing {
    Random,
    Sticky,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireStore {
    pub(crate) latency: Option<Span>,
    pub(crate) jitter: Option<Span>,
    pub(crate) capacity: Option<f64>,
    pub(crate) replica_lag: Option<Span>,
    pub(crate) fault: Option<String>,
    pub(crate) propagation: Option<Span>,
    pub(crate) push_loss: Option<f64>,
    pub(crate) links_down: Option<f64>,
    pub(crate) links_silent: Option<f64>,
    pub(crate) data_lost: Option<WireLoss>,
    pub(crate) published_every: Option<Span>,
    pub(crate) list_lifetime: Option<Span>,
    pub(crate) list_size: Option<u64>,
    pub(crate) keyspace: Option<u64>,
}

/// The entries that a store loses: `"all"`, those of the last time such as `"30s"`, or a
/// percentage.
#[derive(Clone, Deserialize)]
#[serde(untagged, expecting = "\"all\", a time such as \"30s\", or a percentage")]
pub(crate) enum WireLoss {
    Percent(f64),
    Text(String),
}

/// The deviation of the verifier's clock: `"45s"` is ahead, `"-45s"` is behind.
#[derive(Clone, Copy)]
pub(crate) struct WireSkew(pub(crate) Skew);

impl<'de> Deserialize<'de> for WireSkew {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (is_behind, span) = match text.strip_prefix('-') {
            Some(span) => (true, span),
            None => (false, text.strip_prefix('+').unwrap_or(&text)),
        };
        let day = Duration::from_secs(86_400);
        let by = grammar::duration(span).ok().filter(|by| *by <= day).ok_or_else(|| {
            let message = format!(
                "`{text}` is no skew; write \"45s\" for a clock that is ahead, \"-45s\" for one \
                 that is behind, at most a day"
            );
            serde::de::Error::custom(message)
        })?;
        Ok(WireSkew(match is_behind {
            _ if by.is_zero() => Skew::None,
            true => Skew::Behind(by),
            false => Skew::Ahead(by),
        }))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WirePhase {
    pub(crate) name: String,
    pub(crate) at: Span,
    pub(crate) endpoint: Option<WireEndpoint>,
    pub(crate) clock_skew: Option<WireSkew>,
    pub(crate) store: Option<WireStore>,
    #[serde(default)]
    pub(crate) streams: BTreeMap<String, WireStreamSetting>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireEvent {
    pub(crate) at: Span,
    pub(crate) every: Option<Span>,
    pub(crate) times: Option<u32>,
    pub(crate) spread: Option<Span>,
    pub(crate) publish_key: Option<String>,
    pub(crate) kid_of: Option<String>,
    pub(crate) sign_with: Option<String>,
    pub(crate) withdraw_key: Option<String>,
    pub(crate) revoke_tokens: Option<WireRevoke>,
    pub(crate) publish_set: Option<Vec<String>>,
    pub(crate) evict: Option<String>,
    pub(crate) restart_instances: Option<f64>,
    pub(crate) revoke_subject: Option<WireSubjects>,
    pub(crate) bump_version: Option<WireSubjects>,
    pub(crate) not_before: Option<WireSubjects>,
    pub(crate) issuer_down: Option<Span>,
}

/// Subjects of a stream.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireSubjects {
    pub(crate) stream: String,
    pub(crate) share: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireRevoke {
    pub(crate) stream: Option<String>,
    pub(crate) share: Option<f64>,
    pub(crate) others: Option<u64>,
}
