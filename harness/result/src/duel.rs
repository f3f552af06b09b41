//! The result of a duel: two arms in lock step, their raw samples, and the verdict on them. It is
//! the content of `duel.jsonl`. Knows nothing of clocks or formatting.

mod lineup;
mod sentence;
mod weigh;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::noise::Noise;
use crate::record::stored_form::json_schema;

use super::statistics::{Decision, Estimate, SignFlip};
use super::{CachePolicyRecord, Machine, StoredForm, Wrong};

pub use lineup::{Arm, SLOTS, lineup};
pub use weigh::{CONTROL_ROOM, LIMIT, Rules, Weighed, weigh};

/// The version of `duel.jsonl`. It is raised when a field changes its meaning or is removed.
pub const DUEL_SCHEMA_VERSION: u32 = 5;
/// The least number of blocks of a duel. With fewer, the p of the sign-flip test cannot get below 5
/// %.
pub const MIN_BLOCKS: u32 = 6;

/// The duels of one command: the content of `duel.jsonl`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "WireDuels", into = "WireDuels")]
pub struct Duels {
    /// [`DUEL_SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// The planned algorithms without a finished duel, because the command was cut short.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// One for each algorithm.
    pub duels: Vec<DuelResult>,
}

/// Duels as they are stored: the rounds and the blocks of all of them are in lists of their own, so
/// that each takes a line.
#[derive(Serialize, Deserialize, JsonSchema)]
struct WireDuels {
    schema_version: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    missing: Vec<String>,
    duels: Vec<DuelResult>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    samples: Vec<OfDuel<Sample>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    noise: Vec<OfDuel<BlockNoise>>,
}

/// An element that belongs to one of the duels, which is given by its index in their list, from 0.
#[derive(Serialize, Deserialize, JsonSchema)]
struct OfDuel<T> {
    duel: usize,
    #[serde(flatten)]
    row: T,
}

impl From<Duels> for WireDuels {
    fn from(Duels { schema_version, missing, mut duels }: Duels) -> WireDuels {
        let (mut samples, mut noise) = (Vec::new(), Vec::new());
        for (duel, one) in duels.iter_mut().enumerate() {
            samples.extend(one.samples.drain(..).map(|row| OfDuel { duel, row }));
            noise.extend(one.noise.drain(..).map(|row| OfDuel { duel, row }));
        }
        WireDuels { schema_version, missing, duels, samples, noise }
    }
}

impl TryFrom<WireDuels> for Duels {
    type Error = String;

    fn try_from(wire: WireDuels) -> Result<Duels, String> {
        let WireDuels { schema_version, missing, mut duels, samples, noise } = wire;
        let lacking = |duel| format!("a row is of duel {duel}, and there is none");
        for OfDuel { duel, row } in samples {
            duels.get_mut(duel).ok_or_else(|| lacking(duel))?.samples.push(row);
        }
        for OfDuel { duel, row } in noise {
            duels.get_mut(duel).ok_or_else(|| lacking(duel))?.noise.push(row);
        }
        Ok(Duels { schema_version, missing, duels })
    }
}

/// Duels in the JSON form for people, of which only the version is read.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    Many(Vec<BareDuel>),
    One(BareDuel),
}

#[derive(Deserialize)]
struct BareDuel {
    schema_version: u64,
    // This member distinguishes a duel from the duels of a command.
    #[serde(rename = "plan_hash")]
    _plan_hash: String,
}

impl Duels {
    /// The duels, with the current version.
    pub fn new(duels: Vec<DuelResult>) -> Duels {
        Duels { schema_version: DUEL_SCHEMA_VERSION, missing: Vec::new(), duels }
    }

    /// The same duels, with the planned algorithms that have no duel as missing.
    #[must_use]
    pub fn of_planned(self, planned: &[String]) -> Duels {
        let has = |algorithm: &&String| self.duels.iter().any(|duel| duel.algorithm == **algorithm);
        let missing = planned.iter().filter(|one| !has(one)).cloned().collect();
        Duels { missing, ..self }
    }
}

impl StoredForm for Duels {
    const OF: &'static str = "duel";
    const VERSION: u32 = DUEL_SCHEMA_VERSION;

    /// Wraps the JSON form for people, which is one duel or an array of duels.
    fn whole(text: Cow<'_, str>) -> Cow<'_, str> {
        let versions = match serde_json::from_str::<OneOrMany>(&text) {
            Ok(OneOrMany::Many(versions)) => versions,
            Ok(OneOrMany::One(version)) => vec![version],
            Err(_) => return text,
        };
        let [first, ..] = versions.as_slice() else { return text };
        let version = first.schema_version;
        let list = if text.trim_start().starts_with('[') { &*text } else { &*format!("[{text}]") };
        Cow::Owned(format!("{{\"schema_version\":{version},\"duels\":{list}}}"))
    }

    fn schema() -> String {
        json_schema::<DuelResult>()
    }
}

/// Everything one duel measured.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DuelResult {
    /// [`DUEL_SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// The command line that made this result.
    pub command: String,
    /// Start, RFC 3339, UTC.
    pub started_at: String,
    /// Wall-clock length in seconds, corpus included.
    pub elapsed_s: f64,
    /// The seed of keys, tokens, arrivals, the order of the arms and the resampling.
    pub seed: u64,
    /// B: what is compared with, as `kind:name`.
    pub base: String,
    /// A: what is judged, as `kind:name`.
    pub candidate: String,
    /// How the base was set up.
    pub base_setting: ArmSetting,
    /// How the candidate was set up.
    pub candidate_setting: ArmSetting,
    /// The cache policies of both that are not our own recommendation; empty in an older result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cache_policies: Vec<CachePolicyRecord>,
    /// The algorithm of the tokens.
    pub algorithm: String,
    /// `family/name` of the scenario.
    pub scenario: String,
    /// SHA-256 of the plan, in hex: the same for both arms.
    pub plan_hash: String,
    /// SHA-256 of the corpus to the byte, in hex.
    pub corpus_hash: String,
    /// Where it ran.
    pub machine: Machine,
    /// Version of every crate that decides a figure, and of jwtbench.
    pub versions: BTreeMap<String, String>,
    /// What the gated metrics say together.
    pub verdict: Decision,
    /// Why, in a sentence.
    pub reason: String,
    /// The plain ratios A/B, each with its 95 % interval; null when verdicts were wrong.
    pub ratio: Option<Ratios>,
    /// One entry per metric, with ratios of cost; empty when verdicts were wrong.
    pub metrics: Vec<MetricVerdict>,
    /// The control kernel; null when verdicts were wrong.
    pub control: Option<KernelCheck>,
    /// Blocks fought.
    pub blocks: u32,
    /// Whether rounds took turns of a few milliseconds, or went one after the other.
    pub in_turns: bool,
    /// Blocks left out because the host disturbed them. Where it disturbed more than may be left
    /// out, none is: the figures are those of all blocks, and the duel is INVALID.
    pub dropped_blocks: u32,
    /// What the host did, block by block, and which blocks it disturbed; empty in older results.
    pub noise: Vec<BlockNoise>,
    /// Verdicts that were not the one due. A duel stops at the first round that has one.
    pub wrong: Vec<WrongArm>,
    /// Every round of every arm, dropped blocks included, in the order of execution.
    pub samples: Vec<Sample>,
}

/// What the host did during a block.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BlockNoise {
    /// The block, from 0.
    pub block: u32,
    /// Null, or why the host disturbed it, by the rule that judges the rounds of a run.
    pub disturbed: Option<String>,
    /// The record of its rounds together.
    pub noise: Noise,
}

impl BlockNoise {
    /// The record of a block, with the verdict on whether it was disturbed.
    pub fn of(block: u32, noise: Noise) -> BlockNoise {
        BlockNoise { block, disturbed: noise.disturbance(), noise }
    }
}

/// How an arm was set up, beside its contender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArmSetting {
    /// Name of the cache policy.
    pub cache_policy: String,
    /// Name of the state strategy; absent where the scenario has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_strategy: Option<String>,
    /// `scenario`, or the name of the policy file.
    pub policy: String,
    /// `this`, or the version of another build.
    pub build: String,
    /// A slowdown planted on purpose, as a share of each operation's service time; usually 0.
    pub planted: f64,
}

/// Wrong verdicts of one arm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WrongArm {
    /// Whose.
    pub arm: Arm,
    /// What, by class.
    #[serde(flatten)]
    pub wrong: Wrong,
}

/// The plain ratios A/B: for latencies and CPU time above 1 means that A costs more, for the
/// throughput above 1 means that A does more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ratios {
    /// Median latency.
    pub p50: Estimate,
    /// 99th percentile of latency.
    pub p99: Estimate,
    /// Operations per second.
    pub throughput: Estimate,
    /// CPU time per operation; null in an open loop.
    pub cpu: Option<Estimate>,
}

/// What a duel compares.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum DuelMetric {
    /// Median latency: service in a closed loop, response in an open one.
    P50,
    /// The same, 99th percentile.
    P99,
    /// Operations per second.
    Throughput,
    /// CPU time per operation.
    Cpu,
}

impl DuelMetric {
    /// All metrics, in the order of every report.
    pub const ALL: [DuelMetric; 4] =
        [DuelMetric::P50, DuelMetric::P99, DuelMetric::Throughput, DuelMetric::Cpu];

    /// The name in options and results.
    pub const fn name(self) -> &'static str {
        match self {
            DuelMetric::P50 => "p50",
            DuelMetric::P99 => "p99",
            DuelMetric::Throughput => "throughput",
            DuelMetric::Cpu => "cpu",
        }
    }

    /// The metric of this name.
    pub fn from_name(name: &str) -> Option<DuelMetric> {
        DuelMetric::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// The default threshold, as a fraction of cost.
    pub const fn threshold(self) -> f64 {
        match self {
            DuelMetric::P50 | DuelMetric::Throughput | DuelMetric::Cpu => 0.03,
            DuelMetric::P99 => 0.10,
        }
    }

    /// The default metrics that a verdict depends on: those that noise changes least. In an open
    /// loop a worker spins, so its CPU time says nothing.
    pub const fn gates(is_closed: bool) -> &'static [DuelMetric] {
        if is_closed { &[DuelMetric::P50, DuelMetric::Cpu] } else { &[DuelMetric::P50] }
    }

    /// The figure of a round, in nanoseconds or operations per second; `None` if the round has
    /// none.
    pub fn figure(self, reading: &Reading) -> Option<f64> {
        let figure = match self {
            DuelMetric::P50 => reading.p50_ns.max(1) as f64,
            DuelMetric::P99 => reading.p99_ns.max(1) as f64,
            DuelMetric::Throughput => reading.throughput_per_s,
            DuelMetric::Cpu => reading.cpu_ns_per_op?,
        };
        Some(figure).filter(|figure| reading.done > 0 && figure.is_finite() && *figure > 0.0)
    }

    /// The cost of an operation in a round, where higher is worse; `None` if the round has no
    /// figure.
    pub fn cost(self, reading: &Reading) -> Option<f64> {
        let figure = self.figure(reading)?;
        Some(if self == DuelMetric::Throughput { 1.0 / figure } else { figure })
    }
}

impl fmt::Display for DuelMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What the samples say of one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricVerdict {
    /// Which.
    pub metric: DuelMetric,
    /// Whether the verdict of the duel depends on it.
    pub gated: bool,
    /// A's median over rounds: nanoseconds, or operations per second; 0 in older results.
    pub candidate: f64,
    /// B's.
    pub base: f64,
    /// Cost of A over cost of B with its 95 % interval: above 1, A is worse. Of the throughput
    /// this is the inverse of the plain ratio.
    pub cost: Estimate,
    /// The same with its 90 % interval, by which equivalence is judged.
    pub cost_90: Estimate,
    /// The sign-flip test over blocks.
    pub test: SignFlip,
    /// p after Holm over the gated metrics; null for one that is not gated.
    pub p_holm: Option<f64>,
    /// The threshold asked for, as a fraction.
    pub threshold: f64,
    /// The A/A floor: what base against base showed in the same blocks, as a fraction.
    pub floor: f64,
    /// Base against base: the ratio with its 95 % interval.
    pub same: Estimate,
    /// The smallest effect these blocks would show four times of five, as a fraction.
    pub minimum_effect: f64,
    /// Blocks that would settle it if effect and spread stay what they are.
    pub blocks_needed: u32,
    /// What it says.
    pub decision: Decision,
}

impl MetricVerdict {
    /// The size below which a difference does not count, as a fraction: the larger of threshold and
    /// floor.
    pub fn delta(&self) -> f64 {
        self.threshold.max(self.floor)
    }
}

/// What a fixed computation said about the host.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KernelCheck {
    /// Its time before rounds of A over that before rounds of B, with its 95 % interval.
    pub ratio: Estimate,
    /// Whether the host favoured an arm: the duel is INVALID.
    pub moved: bool,
}

/// One round of one arm, reduced to its figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reading {
    /// Completed operations.
    pub done: u64,
    /// Median latency in nanoseconds: service in a closed loop, response in an open one.
    pub p50_ns: u64,
    /// The same, 99th percentile.
    pub p99_ns: u64,
    /// Completed operations per second of active worker time, over all workers.
    pub throughput_per_s: f64,
    /// CPU time per operation in nanoseconds; null in an open loop.
    pub cpu_ns_per_op: Option<f64>,
    /// Median time of the control kernel just before the round, in nanoseconds.
    pub control_ns: u64,
}

/// A reading with its place in the duel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// The block, from 0.
    pub block: u32,
    /// The place in the block, from 0.
    pub slot: u32,
    /// Whose round it was.
    pub arm: Arm,
    /// The figures.
    #[serde(flatten)]
    pub reading: Reading,
}
