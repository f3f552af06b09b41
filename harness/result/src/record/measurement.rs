//! The recording of one trial: latencies with the verdict on every single operation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::noise::Noise;
use crate::host::window::{Window, WindowVerdict};
use crate::latency::histogram::{CurvePoint, HistogramSummary, LatencySummary};
use crate::latency::packed_latencies::PackedLatencies;
use crate::record::state::StateResult;
use crate::record::timeline::Timeline;
use crate::record::verdict_stream::VerdictStream;

/// One trial: one plan × one contender × one algorithm × one cache policy.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Measurement {
    /// `family/name` of the scenario.
    pub scenario: String,
    /// The scenario's family.
    pub family: String,
    /// `kind:name`, such as `core:ring`.
    pub contender: String,
    /// The algorithm of the tokens, such as `ES256`.
    pub algorithm: String,
    /// Name of the cache policy.
    pub cache_policy: String,
    /// SHA-256 of the plan, in hex: arrivals, events, faults, workers and corpus.
    pub plan_hash: String,
    /// SHA-256 of the corpus to the byte, in hex.
    pub corpus_hash: String,
    /// SHA-256 of the policy that judged, in hex; empty in a result from before it was kept.
    pub policy_hash: String,
    /// SHA-256 of the cache policy, overrides included, in hex; empty in an older result.
    pub cache_policy_hash: String,
    /// True when the trial ran in virtual time: its times are no measurements.
    pub virtual_time: bool,
    /// Workers, one thread each.
    pub workers: u32,
    /// Null, or why this trial has no valid numbers.
    pub error: Option<String>,
    /// The two judgements, counted.
    pub verdicts: VerdictCounts,
    /// Breaches that fail the run, by class.
    pub wrong: Vec<Wrong>,
    /// Deviations of a foreign library, by class.
    pub findings: Vec<Finding>,
    /// The scenario's expectations and whether they were met.
    pub expectations: Vec<ExpectationResult>,
    /// What became of the planned operations.
    pub arrivals: ArrivalCounts,
    /// Completed operations per second of active worker time, over all workers.
    pub throughput_per_s: f64,
    /// The rounds that were merged into this measurement.
    pub rounds: Vec<Round>,
    /// Statistics per phase.
    pub phases: Vec<PhaseResult>,
    /// The endpoint over the whole trial; null where the scenario has none.
    pub endpoint: Option<EndpointCounts>,
    /// Exposed accepts by cause (`ttl`, `stale`, `state-none` …).
    pub exposure_causes: Vec<Count>,
    /// Exposed accepts by token class; empty in a result from before they were told apart.
    pub exposed_classes: Vec<ExposedClass>,
    /// Lockouts by the reason code given.
    pub lockout_causes: Vec<Count>,
    /// Verdicts by class, due and got: the rows of the conformance matrix.
    pub conformance: Vec<ConformanceCell>,
    /// The verdicts that no timing decides, with their hash; null in an older result.
    pub verdict_stream: Option<VerdictStream>,
    /// Service time of accepted tokens over all phases (of all tokens where none was accepted).
    pub service_curve: Vec<CurvePoint>,
    /// Response time of the same tokens.
    pub response_curve: Vec<CurvePoint>,
    /// Mean size of the tokens verified, in bytes.
    pub token_bytes_mean: f64,
    /// What the key cache counted (fetches by outcome, waits, skipped entries by kind …).
    pub key_cache: Vec<Count>,
    /// Verdicts of the measured time that the verdict cache gave; null where there is none.
    pub verdict_cache_hits: Option<u64>,
    /// Highest age of the key set in the measured time, in nanoseconds, from the start of the
    /// request that brought or confirmed it; null where the trial has no endpoint.
    pub set_age_max_ns: Option<u64>,
    /// What the state strategy did; absent where the scenario has no `[state]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<StateResult>,
    /// The course of a dynamic trial; null for a hot-path one.
    pub timeline: Option<Timeline>,
    /// What the host did, over all rounds; null in virtual time and in results older than this
    /// field.
    pub noise: Option<Noise>,
    /// Null, or why the host disturbed too many rounds: the trial is INVALID, its figures are shown
    /// and neither gated nor ranked.
    pub noisy: Option<String>,
    /// Null, or the fault that was planted on purpose: nothing here is a measurement.
    pub planted: Option<String>,
    /// Expectations that were not judged, as written: those on latencies for which there was no
    /// undisturbed round, those on latencies in virtual time, and those on figures of a simulation
    /// (their keys end with `.median` or `.worst`).
    pub unjudged: Vec<String>,
}

impl Measurement {
    /// Whether state strategies give the tokens of these trials different lifetimes. The tokens
    /// are then others, and the arrivals may be the same.
    pub fn has_other_lifetime(&self, other: &Measurement) -> bool {
        let both = self.state.as_ref().zip(other.state.as_ref());
        both.is_some_and(|(one, other)| {
            one.token_lifetime_s.to_bits() != other.token_lifetime_s.to_bits()
        })
    }

    /// The name of the state strategy, if there is one.
    pub fn state_strategy(&self) -> Option<&str> {
        self.state.as_ref().map(|state| state.strategy.as_str())
    }

    /// The reason why the host disturbed too many rounds, with what it did in the first of them;
    /// `None` if it did not disturb too many.
    pub fn disturbance(&self) -> Option<String> {
        let noisy = self.noisy.as_ref()?;
        let first = self.rounds.iter().find_map(|round| round.disturbed.as_ref());
        let by = first.map_or_else(String::new, |by| format!(", the first of them by {by}"));
        Some(format!("{noisy}{by}"))
    }

    /// Whether the host disturbed any figure: it disturbed too many rounds, a round that was kept,
    /// or a phase.
    pub fn is_disturbed(&self) -> bool {
        let is_stolen = |phase: &PhaseResult| phase.verdict == Some(WindowVerdict::HostStolen);
        let mut kept = self.rounds.iter().filter(|round| round.dropped.is_none());
        self.noisy.is_some()
            || kept.any(|round| round.disturbed.is_some())
            || self.phases.iter().any(|phase| phase.disturbed.is_some() || is_stolen(phase))
    }
}

/// The judgements of one trial.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerdictCounts {
    /// Verdicts judged: every completed operation.
    pub judged: u64,
    /// Conformance: verdicts that were not the one due and fail the run.
    pub wrong: u64,
    /// Outcome: accepted although the key was withdrawn or the `jti` revoked.
    pub exposed_accepts: u64,
    /// Outcome: refused although good.
    pub lockouts: u64,
    /// Outcome: accepted after the deadline.
    pub late: u64,
}

/// Verdicts of one class that were not the one due.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Wrong {
    /// Token class.
    pub class: String,
    /// The code due (`ACCEPT` or a reason code).
    pub due: String,
    /// The code given.
    pub got: String,
    /// How often.
    pub count: u64,
}

/// Exposed accepts of one token class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExposedClass {
    /// Name of the class.
    pub name: String,
    /// How often.
    pub count: u64,
    /// Whether a thief of the issuer's key signs its tokens.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_stolen: bool,
}

/// A deviation of a foreign library: judged by accept or refuse, not by code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Token class.
    pub class: String,
    /// The code due.
    pub due: String,
    /// `ACCEPT` or `REFUSE`.
    pub got: String,
    /// How often.
    pub count: u64,
    /// How grave it is.
    pub tag: FindingTag,
    /// One sentence on why it is tagged so.
    pub reason: String,
}

/// How a deviation of a foreign library is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FindingTag {
    /// An RFC says MUST.
    #[serde(rename = "breaks a MUST")]
    BreaksMust,
    /// The RFC leaves it open.
    #[serde(rename = "permitted by the RFC")]
    Permitted,
    /// The library does not claim to do this.
    #[serde(rename = "outside its stated scope")]
    OutOfScope,
    /// Our contract asks for more than any RFC.
    #[serde(rename = "our policy")]
    OurPolicy,
}

/// One expectation of the scenario, worked out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExpectationResult {
    /// As written: `flood.users.ACCEPT.response.p99`.
    pub key: String,
    /// As written: `< 3 x start`.
    pub bound: String,
    /// What was measured: a count, or nanoseconds.
    pub value: f64,
    /// Whether the bound holds.
    pub met: bool,
}

/// What became of the planned operations: planned = done + shed + unfinished.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ArrivalCounts {
    /// Operations in the plan (closed loop: begun).
    pub planned: u64,
    /// Operations with a verdict.
    pub done: u64,
    /// Operations dropped under a shedding rule.
    pub shed: u64,
    /// Operations begun or waiting when the trial ended.
    pub unfinished: u64,
}

/// One round of a contender, in the rotating order of the run.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Round {
    /// Position in the order of execution over all trials of the scenario.
    pub order: u32,
    /// Completed operations.
    pub done: u64,
    /// Completed operations per second of active worker time, over all workers.
    pub throughput_per_s: f64,
    /// Service time of accepted tokens (of all tokens where none was due to be accepted).
    pub p50_ns: u64,
    /// The same, 99th percentile.
    pub p99_ns: u64,
    /// CPU time of the workers per completed operation, in nanoseconds, judging excluded; null in
    /// an open loop (where a worker spins), in virtual time and in results older than this field.
    pub cpu_ns_per_op: Option<f64>,
    /// Median service time of each turn of the round, as a share of `p50_ns`; 0 for a turn without
    /// an operation. Contenders that ran side by side have as many turns, so that one can be held
    /// against another turn by turn. Empty where none were taken, and in results older than this
    /// field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<f32>,
    /// Whether the schedule was kept, window by window; empty in virtual time.
    pub windows: Vec<Window>,
    /// What the host did; null in virtual time.
    pub noise: Option<Noise>,
    /// Null, or why the host disturbed the round: its figures are neither gated nor ranked.
    pub disturbed: Option<String>,
    /// Null, or why the round was dropped: its times are in no histogram, its verdicts count.
    pub dropped: Option<String>,
}

/// Statistics of one phase.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct PhaseResult {
    /// Its name; the time before the first named phase is `start`.
    pub name: String,
    /// Start on the scenario clock, in nanoseconds.
    pub start_ns: i64,
    /// End on the scenario clock, in nanoseconds.
    pub end_ns: i64,
    /// Who decided what was measured: the gravest verdict of the rounds that give figures; null in
    /// virtual time.
    pub verdict: Option<WindowVerdict>,
    /// Null, or why the host disturbed the phase in some round: no latency of that round is judged.
    pub disturbed: Option<String>,
    /// Lateness of the generator over all rows, beside which the responses are to be read; null in
    /// virtual time and in results older than this field.
    pub lateness: Option<HistogramSummary>,
    /// Latencies by stream, class and code.
    pub outcomes: Vec<OutcomeRow>,
    /// Lockouts in this phase.
    pub lockouts: u64,
    /// Exposed accepts in this phase.
    pub exposed_accepts: u64,
    /// Good tokens accepted after the deadline, in this phase.
    pub late: u64,
    /// The endpoint during this phase; null where the scenario has none.
    pub endpoint: Option<EndpointCounts>,
}

/// Latencies of the operations with one stream, class and code.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct OutcomeRow {
    /// Stream name.
    pub stream: String,
    /// Token class.
    pub class: String,
    /// `ACCEPT` or a reason code.
    pub code: String,
    /// Operations.
    pub count: u64,
    /// Latencies; absent where every round was dropped.
    #[serde(flatten)]
    pub latency: Option<LatencySummary>,
    /// The whole histograms, which are kept beside `result.jsonl` in a `.hlog`; none in virtual
    /// time and in results that were stored without.
    #[serde(skip)]
    pub whole: Option<PackedLatencies>,
}

/// What the mocked JWKS endpoint saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndpointCounts {
    /// Fetch attempts, counted at the client (retries included).
    pub attempts: u64,
    /// Requests that reached the endpoint's HTTP server.
    pub served: u64,
    /// Attempts that ended without a usable key set.
    pub failures: u64,
    /// Highest number of attempts in flight at once.
    pub max_in_flight: u64,
    /// Body bytes that the endpoint sent.
    pub bytes: u64,
}

/// A cell of the conformance matrix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConformanceCell {
    /// Token class.
    pub class: String,
    /// The code due.
    pub due: String,
    /// The code given (`ACCEPT` or `REFUSE` for a contender that gives no codes).
    pub got: String,
    /// How often.
    pub count: u64,
    /// Whether `got` satisfies `due` for this contender.
    pub conforms: bool,
}

/// A count with a name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Count {
    /// What was counted.
    pub name: String,
    /// How often.
    pub count: u64,
}
