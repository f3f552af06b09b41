//! What workers learned of the state of tokens in a trial, and what came of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::measurement::Count;
use crate::simulation::MetricRange;

/// What a state strategy did in one trial.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StateResult {
    /// Name of the strategy.
    pub strategy: String,
    /// SHA-256 of the strategy, in hex.
    pub strategy_hash: String,
    /// The whole text of the strategy's file.
    pub text: String,
    /// SHA-256 of the tokens that were issued, and of their lifetime, in hex. Plans that differ in
    /// nothing else have the same `plan_hash`.
    pub issuance_hash: String,
    /// Lifetime of the tokens, in seconds.
    pub token_lifetime_s: f64,
    /// The store: `model`, which the harness plays, or the software with its version.
    pub store: String,
    /// Tokens that the issuer revoked, over all rounds.
    pub revocations: u64,
    /// Over the model, for each revoked token and each worker, the seconds for which the worker
    /// would have let it pass; null where no token was revoked. Over a real store, for each revoked
    /// token that was accepted, the seconds until it was for the last time; null where none was.
    pub exposure_s: Option<MetricRange>,
    /// Lockouts by cause (`state-fail-closed`, `state-stale` …).
    pub lockout_causes: Vec<Count>,
    /// Requests to the store in the measured time, by kind: `lookup`, `poll`.
    pub requests: Vec<Count>,
    /// Most requests in one second of the measured time.
    pub peak_per_s: f64,
    /// Most entries that the first worker held just after a revocation.
    pub entries: u64,
    /// Most bytes that they took.
    pub bytes: u64,
}
