//! The timeline of a dynamic trial: bins of verdicts, latency of good tokens and fetches.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A trial cut into bins of equal width, on the scenario clock (0 = end of warm-up).
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Timeline {
    /// Width of a bin in nanoseconds.
    pub bin_ns: u64,
    /// The bins, in order, without gaps. The first starts at 0.
    pub bins: Vec<TimelineBin>,
    /// Phases, events and faults, in order.
    pub marks: Vec<Mark>,
}

/// One bin. An operation belongs to the bin of its intended start.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct TimelineBin {
    /// Verdicts by code (`ACCEPT` or a reason code).
    pub verdicts: BTreeMap<String, u64>,
    /// Good tokens: median response, in nanoseconds; 0 where there was none.
    pub good_p50_ns: u64,
    /// Good tokens: highest response, in nanoseconds.
    pub good_max_ns: u64,
    /// Good tokens refused.
    pub lockouts: u64,
    /// Accepts of a token whose key was withdrawn or whose `jti` was revoked.
    pub exposed_accepts: u64,
    /// Fetch attempts started by the key cache.
    pub attempts: u64,
    /// Fetch attempts that failed, counted when they ended.
    pub failures: u64,
    /// Age of the key set at the end of the bin, in nanoseconds, from the start of the request that
    /// brought or confirmed it; null while none was held, or where the trial has no key cache.
    pub set_age_ns: Option<u64>,
}

/// Something that happened at an instant.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Mark {
    /// Nanoseconds on the scenario clock.
    pub at_ns: i64,
    /// What kind of thing.
    pub kind: MarkKind,
    /// The phase's name, or the event in words (`withdraw-key current`).
    pub label: String,
}

/// What a mark stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MarkKind {
    /// A phase begins.
    Phase,
    /// An event of the issuer or the cache.
    Event,
}
