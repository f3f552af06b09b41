//! The results of simulations: a row for each scenario and cache policy, with each metric over all
//! runs. A run has an age of the cache at the start of the scenario and a draw of the arrivals. The
//! metrics are defined in `reports/METRICS.md`.

mod change;
mod expected;
mod metric_range;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::StoredForm;

pub use change::{DECIDING, FigureChange, RowChange, Shift, SimulationChange};
pub use expected::SimulationExpectation;
pub use metric_range::MetricRange;
use metric_range::{nano, whole_nano};

/// The version of `simulation.jsonl`. It is raised when a field changes its meaning or is removed.
pub const SIMULATION_SCHEMA_VERSION: u32 = 2;

/// Everything one `simulate` found: the content of `simulation.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Simulation {
    /// [`SIMULATION_SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// One for each scenario and cache policy.
    pub rows: Vec<SimulationRow>,
    /// The command.
    pub command: String,
    /// True when the command was cut short: rows are missing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// The names of the user's own policies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own: Vec<String>,
    /// The scenarios in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scenarios: Vec<ScenarioNote>,
    /// The cache policies in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<PolicyNote>,
    /// The best figures that hindsight allows in each scenario, by number of fetches.
    pub hindsight: Vec<HindsightPoint>,
    /// What happens in each scenario.
    pub events: Vec<SimulationEvent>,
    /// What came of each policy of a sweep.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sweep: Vec<SweepPoint>,
    /// For the user's own policies: what to change, in each scenario where a preset is better.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub advice: Vec<Advice>,
}

impl Default for Simulation {
    /// An empty simulation of the current version.
    fn default() -> Simulation {
        Simulation {
            schema_version: SIMULATION_SCHEMA_VERSION,
            rows: Vec::new(),
            command: String::new(),
            partial: false,
            own: Vec::new(),
            scenarios: Vec::new(),
            policies: Vec::new(),
            hindsight: Vec::new(),
            events: Vec::new(),
            sweep: Vec::new(),
            advice: Vec::new(),
        }
    }
}

impl StoredForm for Simulation {
    const OF: &'static str = "simulation";
    const VERSION: u32 = SIMULATION_SCHEMA_VERSION;
}

/// A scenario in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioNote {
    /// `family/file-stem`.
    pub name: String,
    /// One line.
    pub title: String,
    /// What to look at, and why it matters.
    pub analysis: String,
}

/// What a cache policy says of itself. What is absent, it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyNote {
    /// Its name.
    pub name: String,
    /// What it stands for, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where its figures come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// What must be switched on to have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opt_in: Option<String>,
    /// What the library does and this policy does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_modelled: Option<String>,
    /// In what it is known to differ from the library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs: Option<String>,
    /// How it was held to the library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<String>,
    /// The keys that it sets, a line each.
    pub keys: Vec<String>,
}

/// Something that happens in a scenario: the issuer or its endpoint changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SimulationEvent {
    /// `family/file-stem`.
    pub scenario: String,
    /// When, in seconds.
    pub at_s: f64,
    /// What, as a mark in a timeline.
    pub what: String,
}

/// A policy of a sweep: its place on a line of values of one key, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SweepPoint {
    /// `family/file-stem`.
    pub scenario: String,
    /// The line: the policy that is swept, and its value of a second key.
    pub line: String,
    /// The key.
    pub key: String,
    /// Its value: seconds, a count or a share.
    pub value: f64,
    /// The same as a policy file says it.
    pub label: String,
    /// Exposure; null if the scenario withdraws no key.
    pub exposure_s: Option<MetricRange>,
    /// Lockout.
    pub lockout_s: Option<MetricRange>,
    /// Fetch attempts for each instance and hour; null in an older one.
    pub attempts_per_hour: Option<MetricRange>,
}

/// What came of one minute, over all runs and instances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Minute {
    /// Good tokens that arrived.
    pub good: u64,
    /// Those of them that were refused or late.
    pub refused: u64,
    /// Accepted although the key was withdrawn or the `jti` revoked.
    pub exposed: u64,
    /// Fetch attempts.
    pub attempts: u64,
}

/// The change of one key that helps a policy most in a scenario, and what it brings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Advice {
    /// `family/file-stem`.
    pub scenario: String,
    /// Name of the cache policy.
    pub cache_policy: String,
    /// The key with its new value, as a policy file says it.
    pub change: String,
    /// The worst exposure before and after, in seconds; null for beyond the horizon.
    pub exposure_s: [Option<f64>; 2],
    /// The worst lockout before and after, in seconds.
    pub lockout_s: [Option<f64>; 2],
}

/// The least exposure and lockout in a scenario for a cache with this number of fetches, each made
/// just after the issuer changed something. Both are the worst over the draws of the arrivals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HindsightPoint {
    /// `family/file-stem`.
    pub scenario: String,
    /// Attempts.
    pub fetches: u64,
    /// In seconds; null if a withdrawn key is still trusted at the horizon.
    #[serde(serialize_with = "nano")]
    pub exposure_s: Option<f64>,
    /// In seconds.
    #[serde(serialize_with = "whole_nano")]
    pub lockout_s: f64,
}

/// One scenario under one cache policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SimulationRow {
    /// `family/file-stem`.
    pub scenario: String,
    /// Name of the cache policy.
    pub cache_policy: String,
    /// Name of the state strategy; absent in a scenario without state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_strategy: Option<String>,
    /// The seed of keys, tokens, arrivals and latencies.
    pub seed: u64,
    /// Instances of the verifier.
    pub instances: u32,
    /// Ages of the cache; 0 in an older one, which has one draw of as many ages as its metrics.
    pub ages: u32,
    /// Draws of the arrivals; every pair of an age and a draw is a run.
    pub draws: u32,
    /// How long a run lasts, in seconds; 0 in an older one.
    pub horizon_s: f64,
    /// How long the first endpoint fault lasts, in seconds; absent without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault_s: Option<f64>,
    /// By name; a metric that the scenario cannot measure is absent.
    pub metrics: BTreeMap<String, MetricRange>,
    /// The oldest key set that a token was accepted under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_age_s: Option<MetricRange>,
    /// The longest time that it took to refuse a token with an unknown kid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_s: Option<MetricRange>,
    /// Counts over all runs and instances.
    pub counts: SimulationCounts,
    /// Exposed accepts by cause.
    pub causes: BTreeMap<String, u64>,
    /// Lockouts by cause, of those that the state of the token or the issuer caused; absent if
    /// there are none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub lockout_causes: BTreeMap<String, u64>,
    /// Whether a missed expectation fails the command: the policy is that of the scenario's
    /// `[cache]`, or was named in its place. Others are there to be compared with.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_gated: bool,
    /// The scenario's expectations that bind the policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expectations: Vec<SimulationExpectation>,
    /// The keys of those that bind it and that only `run` can judge.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unjudged: Vec<String>,
    /// By phase, where the scenario has several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<PhaseRow>,
    /// By minute, of a scenario of at most an hour.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<Minute>,
    /// SHA-256 over arrivals, events, faults and store, in hex, and over nothing that a policy or a
    /// strategy changes; absent in an older one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_hash: Option<String>,
    /// SHA-256 over every verdict in order, in hex.
    pub stream_hash: String,
}

/// What one phase of a scenario cost under one cache policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseRow {
    /// Its name.
    pub phase: String,
    /// As `lockout_s`, of the tokens that arrived in it.
    pub lockout_s: MetricRange,
    /// Fetch attempts in it for each instance and hour; absent in an older one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts_per_hour: Option<MetricRange>,
    /// As `poison_loss`; absent where the scenario publishes no odd entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poison_loss: Option<MetricRange>,
}

/// The columns of tables, in order: the metrics and the other figures beside them.
pub const COLUMNS: [&str; 26] = [
    "exposure_s",
    "lockout_s",
    "regret_s",
    "convergence_s",
    "starvation_s",
    "grace_s",
    "recovery_s",
    "amplification_unknown_kid",
    "amplification_bad_signature",
    "retry_peak",
    "herd",
    "poison_loss",
    "key_age_s",
    "wait_s",
    "attempts_per_hour",
    "state_exposure_s",
    "state_lockout_s",
    "store_ops_per_token",
    "store_peak_per_s",
    "state_age_s",
    "silence_s",
    "token_endpoint_per_s",
    "state_entries",
    "state_bytes",
    "added_latency_s",
    "store_cost_per_month",
];

/// Counts over all runs and instances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SimulationCounts {
    /// Tokens that arrived.
    pub arrivals: u64,
    /// Tokens accepted.
    pub accepts: u64,
    /// Accepted although the key was withdrawn or the `jti` revoked.
    pub exposed_accepts: u64,
    /// Good and refused.
    pub lockouts: u64,
    /// Good and accepted after the deadline.
    pub late: u64,
    /// Good, and refused with a 401 while the endpoint had a fault.
    pub misreported: u64,
    /// Fetch attempts, retries included.
    pub attempts: u64,
    /// Requests that the endpoint answered.
    pub served: u64,
    /// Those of the exposed accepts whose token was revoked; absent if zero.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub revoked_accepts: u64,
    /// Those of the lockouts that the state of the token caused; absent if zero.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub state_lockouts: u64,
    /// Those of the lockouts of users who had no token, because the issuer was down; absent if
    /// zero. No token arrived.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub issuer_lockouts: u64,
    /// Verdicts that the contract does not allow; absent if zero.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub wrong: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Minute {
    /// Adds other counts to these.
    pub fn add(&mut self, other: &Minute) {
        self.good += other.good;
        self.refused += other.refused;
        self.exposed += other.exposed;
        self.attempts += other.attempts;
    }
}

impl SimulationCounts {
    /// Adds other counts to these.
    pub fn add(&mut self, other: &SimulationCounts) {
        self.arrivals += other.arrivals;
        self.accepts += other.accepts;
        self.exposed_accepts += other.exposed_accepts;
        self.lockouts += other.lockouts;
        self.late += other.late;
        self.misreported += other.misreported;
        self.attempts += other.attempts;
        self.served += other.served;
        self.revoked_accepts += other.revoked_accepts;
        self.state_lockouts += other.state_lockouts;
        self.issuer_lockouts += other.issuer_lockouts;
        self.wrong += other.wrong;
    }
}

impl SimulationRow {
    /// The number of ages of the cache, and the number of draws of the arrivals.
    pub fn runs(&self) -> (u64, u64) {
        match (self.ages, self.draws) {
            (0, _) | (_, 0) => (self.metric("lockout_s").map_or(1, |metric| metric.n), 1),
            (ages, draws) => (u64::from(ages), u64::from(draws)),
        }
    }

    /// The name of what the row is about: the state strategy in a scenario with state, and the
    /// cache policy in any other.
    pub fn subject(&self) -> &str {
        self.state_strategy.as_deref().unwrap_or(&self.cache_policy)
    }

    /// A metric by name; `None` if it is absent.
    pub fn metric(&self, name: &str) -> Option<&MetricRange> {
        match name {
            "key_age_s" => self.key_age_s.as_ref(),
            "wait_s" => self.wait_s.as_ref(),
            name => self.metrics.get(name),
        }
    }

    /// Whether the policy is no worse than `other` on either axis of the frontier, and better on
    /// one. A value that the horizon cut off is worse than any figure. A policy that fetches for
    /// more than a tenth of all tokens dominates none, because it has no cache in effect.
    pub fn dominates(&self, other: &SimulationRow) -> bool {
        let worst = |row: &SimulationRow, name: &str| {
            row.metric(name).map(|metric| metric.max.unwrap_or(f64::INFINITY))
        };
        let exposure =
            if self.state_strategy.is_some() { "state_exposure_s" } else { "exposure_s" };
        let axes = [exposure, "lockout_s"];
        let pairs = axes.map(|name| worst(self, name).zip(worst(other, name)));
        let known = || pairs.iter().flatten();
        self.scenario == other.scenario
            && self.counts.attempts <= self.counts.arrivals / 10
            && known().count() == axes.len()
            && known().all(|(own, theirs)| own <= theirs)
            && known().any(|(own, theirs)| own < theirs)
    }
}

impl Simulation {
    /// The names of the scenarios, in order.
    pub fn scenario_names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.rows.iter().map(|row| row.scenario.as_str()).collect();
        names.dedup();
        names
    }

    /// The policies that are no worse than this one on either axis, and better on one.
    pub fn dominating<'s>(&'s self, row: &SimulationRow) -> Vec<&'s str> {
        let better = self.rows.iter().filter(|other| other.dominates(row));
        better.map(SimulationRow::subject).collect()
    }

    /// The missed expectations of the policies that are held to them.
    pub fn missed(&self) -> impl Iterator<Item = (&SimulationRow, &SimulationExpectation)> {
        let gated = self.rows.iter().filter(|row| row.is_gated);
        gated.flat_map(|row| {
            row.expectations.iter().filter(|one| !one.met).map(move |one| (row, one))
        })
    }

    /// Whether a row is of one of the user's own policies.
    pub fn is_own(&self, row: &SimulationRow) -> bool {
        self.own.iter().any(|name| name == row.subject())
    }

    /// The rows of one scenario.
    pub fn of_scenario<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s SimulationRow> {
        self.rows.iter().filter(move |row| row.scenario == name)
    }
}
