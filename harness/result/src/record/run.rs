//! The result of a run: everything one command measured.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capacity::{Capacity, RateBasis};
use crate::host::machine::Machine;

use super::load::LoadRecord;
use super::measurement::{ExpectationResult, Measurement};
use super::outcome::OutcomeRange;
use super::stored_form::StoredForm;

/// The version of `result.jsonl`. It is raised when a field changes its meaning or is removed.
pub const SCHEMA_VERSION: u32 = 3;

/// Everything one command measured: the content of `result.jsonl`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RunResult {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// The command line that made this result.
    pub command: String,
    /// Start of the run, RFC 3339, UTC.
    pub started_at: String,
    /// Wall-clock length of the run in seconds, corpus included.
    pub elapsed_s: f64,
    /// The seed of keys, tokens, arrivals and faults.
    pub seed: u64,
    /// True when the run was interrupted before all was measured: some trials are missing.
    pub partial: bool,
    /// Where it ran.
    pub machine: Machine,
    /// Version of every crate that decides a figure, by contender-facing name, and of jwtbench.
    pub versions: BTreeMap<String, String>,
    /// The scenarios as they were run, in the order of the run.
    pub scenarios: Vec<ScenarioRecord>,
    /// The cache policies that are not our own recommendation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cache_policies: Vec<CachePolicyRecord>,
    /// One entry per trial.
    pub measurements: Vec<Measurement>,
    /// What relative rates were shares of; empty where no scenario has one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rate_bases: Vec<RateBasis>,
    /// Capacities, where they were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capacities: Vec<Capacity>,
    /// What 16 seeds make of every dynamic trial in virtual time, shared by its contenders; empty
    /// in an older result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outcome_ranges: Vec<OutcomeRange>,
}

/// A scenario as it was run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioRecord {
    /// `family/file-stem`, such as `rotation/planned-overlap`.
    pub name: String,
    /// The folder: `hot-path`, `rotation`, `unknown-kid`, `outage`, `oversized`, `revocation`.
    pub family: String,
    /// One line.
    pub title: String,
    /// The author's prose on what to look at.
    pub analysis: String,
    /// True when time matters to it: events, phases or faults. False for a hot-path scenario.
    pub dynamic: bool,
    /// The TOML text, whole.
    pub text: String,
    /// The load, command line included; null in a result from before it was kept.
    pub load: Option<LoadRecord>,
    /// The policy, in TOML, that a command line put in place of the scenario's: the tokens were
    /// minted to it. Null where the scenario's own stands.
    pub policy: Option<String>,
    /// The keys of its `[cache]` that a cache policy of the command line dropped, as `key = value`.
    pub cache_dropped: Vec<String>,
    /// The instant, in seconds since 1970, by which the user's own tokens were judged; null for
    /// tokens that were minted.
    pub judged_at_s: Option<i64>,
}

/// A cache policy of the trials, where it stands for a library or comes from the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CachePolicyRecord {
    /// Its name, as the trials have it.
    pub name: String,
    /// What it stands for, in a line; null if it does not say.
    pub title: Option<String>,
    /// In what it is known to differ from that; null if in nothing.
    pub differs: Option<String>,
    /// How it was held to that; null if it does not say.
    pub checked: Option<String>,
    /// The text of its file, whole, where it stood in place of the scenarios' `[cache]`; null where
    /// their own `[cache]` names it.
    pub text: Option<String>,
}

impl StoredForm for RunResult {
    const OF: &'static str = "run";
    const VERSION: u32 = SCHEMA_VERSION;
}

impl RunResult {
    /// The start in nanoseconds since 1970; `None` if `started_at` is no time in UTC.
    pub fn started_ns(&self) -> Option<u64> {
        started_ns(&self.started_at)
    }

    /// Whether any row has latencies.
    pub fn has_latencies(&self) -> bool {
        let mut phases = self.measurements.iter().flat_map(|measurement| &measurement.phases);
        phases.any(|phase| phase.outcomes.iter().any(|row| row.latency.is_some()))
    }

    /// Whether any row has its whole histograms.
    pub fn has_histograms(&self) -> bool {
        let mut phases = self.measurements.iter().flat_map(|measurement| &measurement.phases);
        phases.any(|phase| phase.outcomes.iter().any(|row| row.whole.is_some()))
    }

    /// Wrong verdicts over all measurements.
    pub fn wrong(&self) -> u64 {
        let checks = self.capacities.iter().flat_map(|capacity| &capacity.checks);
        let wrong = self.measurements.iter().map(|m| m.verdicts.wrong);
        wrong.chain(checks.map(|check| check.wrong)).sum()
    }

    /// Whether the result was judged: it has verdicts, and none of its trials failed.
    pub fn is_judged(&self) -> bool {
        let has_verdicts = self.measurements.iter().any(|m| m.verdicts.judged > 0);
        let is_whole = self.measurements.iter().all(|m| m.error.is_none());
        is_whole && (has_verdicts || !self.capacities.is_empty())
    }

    /// The missed expectations, each with its measurement.
    pub fn missed(&self) -> impl Iterator<Item = (&Measurement, &ExpectationResult)> {
        self.measurements
            .iter()
            .flat_map(|m| m.expectations.iter().filter(|e| !e.met).map(move |e| (m, e)))
    }
}

/// The start of a result in nanoseconds since 1970; `None` if it is no instant in UTC.
pub(crate) fn started_ns(started_at: &str) -> Option<u64> {
    let civil = started_at.strip_suffix('Z')?.parse::<jiff::civil::DateTime>().ok()?;
    let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    u64::try_from(zoned.timestamp().as_nanosecond()).ok()
}
