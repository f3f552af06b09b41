//! The scenario file as serde sees it. Everything here is private to the scenario module: what
//! leaves it is a checked [`Scenario`](super::Scenario).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::wall_clock::Skew;

use super::cache::WireCache;
use super::grammar;
use super::policy::WirePolicy;

/// A duration such as `250ms` or `5m`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span(pub(super) Duration);

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
pub(super) struct WireScenario {
    pub(super) title: String,
    pub(super) analysis: String,
    #[serde(default)]
    pub(super) canonical: bool,
    pub(super) algorithms: Option<Spanned<Vec<Algorithm>>>,
    pub(super) sweep: Option<Spanned<Vec<String>>>,
    pub(super) issuer: Option<Spanned<WireIssuer>>,
    pub(super) policy: Option<Spanned<WirePolicy>>,
    pub(super) load: Spanned<WireLoad>,
    #[serde(default)]
    pub(super) stream: Vec<Spanned<WireStream>>,
    pub(super) cache: Option<Spanned<WireCache>>,
    pub(super) endpoint: Option<Spanned<WireEndpoint>>,
    #[serde(default)]
    pub(super) phase: Vec<Spanned<WirePhase>>,
    #[serde(default)]
    pub(super) event: Vec<Spanned<WireEvent>>,
    #[serde(default)]
    pub(super) expect: BTreeMap<Spanned<String>, WireExpect>,
}

/// A bound for cache policy `default`, or a table of bounds for another one.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum WireExpect {
    Bound(String),
    Policy(BTreeMap<String, String>),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WireIssuer {
    pub(super) rsa_bits: Option<usize>,
    pub(super) token_lifetime: Option<Span>,
    pub(super) revoked: Option<u64>,
    pub(super) revocation_filter: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WireLoad {
    pub(super) arrivals: WireArrivals,
    pub(super) workers: Option<u32>,
    pub(super) warmup: Option<Span>,
    pub(super) duration: Span,
    pub(super) rounds: Option<u32>,
    pub(super) deadline: Option<Span>,
    pub(super) capacity_of: Option<Spanned<String>>,
    pub(super) shed_after: Option<Span>,
    pub(super) instances: Option<u32>,
    pub(super) instance_ages: Option<WireInstanceAges>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WireInstanceAges {
    Same,
    Spread,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WireArrivals {
    Closed,
    Constant,
    Poisson,
    Ramp,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WireReuse {
    #[default]
    Uniform,
    Zipf,
}

/// A rate: a number per second, or a text such as "200k" or "70%" of capacity.
#[derive(Clone, Deserialize)]
#[serde(
    untagged,
    expecting = "a number per second, \"200k\", or a share of capacity such as \"70%\""
)]
pub(super) enum WireRate {
    PerSecond(f64),
    Text(String),
}

impl WireRate {
    /// Whether it is a zero: a silent stream.
    pub(super) fn is_zero(&self) -> bool {
        matches!(self, WireRate::PerSecond(per_s) if *per_s == 0.0)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WireStream {
    pub(super) name: String,
    pub(super) rate: Option<Spanned<WireRate>>,
    pub(super) rate_to: Option<Spanned<WireRate>>,
    pub(super) tokens: Option<WireTokens>,
    pub(super) holders: Option<u32>,
    #[serde(default)]
    pub(super) reuse: WireReuse,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WireStreamSetting {
    pub(super) rate: Option<Spanned<WireRate>>,
    pub(super) rate_to: Option<Spanned<WireRate>>,
    pub(super) tokens: Option<WireTokens>,
}

/// Shares of classes, or every class alike.
#[derive(Clone, Deserialize)]
#[serde(untagged, expecting = "shares such as { valid = 90, expired = 10 }, or \"every-class\"")]
pub(super) enum WireTokens {
    Shares(BTreeMap<String, f64>),
    Named(WireTokensNamed),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WireTokensNamed {
    EveryClass,
}

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WireEndpoint {
    pub(super) latency: Option<Span>,
    pub(super) jitter: Option<Span>,
    pub(super) max_age: Option<Span>,
    pub(super) fault: Option<WireFault>,
}

/// A fault by name, or a table with its figures.
#[derive(Clone)]
pub(super) enum WireFault {
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
pub(super) struct WireSlowDrip {
    pub(super) slow_drip: Span,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WireStatus {
    pub(super) status: u16,
    pub(super) retry_after: Option<Span>,
}

/// How far the verifier's clock is off: `"45s"` ahead, `"-45s"` behind.
#[derive(Clone, Copy)]
pub(super) struct WireSkew(pub(super) Skew);

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
pub(super) struct WirePhase {
    pub(super) name: String,
    pub(super) at: Span,
    pub(super) endpoint: Option<WireEndpoint>,
    pub(super) clock_skew: Option<WireSkew>,
    #[serde(default)]
    pub(super) streams: BTreeMap<String, WireStreamSetting>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WireEvent {
    pub(super) at: Span,
    pub(super) every: Option<Span>,
    pub(super) times: Option<u32>,
    pub(super) spread: Option<Span>,
    pub(super) publish_key: Option<String>,
    pub(super) kid_of: Option<String>,
    pub(super) sign_with: Option<String>,
    pub(super) withdraw_key: Option<String>,
    pub(super) revoke_tokens: Option<WireRevoke>,
    pub(super) publish_set: Option<Vec<String>>,
    pub(super) evict: Option<String>,
    pub(super) state: Option<WireState>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum WireState {
    Up,
    Down,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WireRevoke {
    pub(super) stream: Option<String>,
    pub(super) share: Option<f64>,
    pub(super) others: Option<u64>,
    pub(super) lag: Option<Span>,
}
