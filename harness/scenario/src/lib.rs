//! The inputs of a run: scenario, issuer, corpus and plan. This crate is pure: a plan is a function
//! of a scenario, a seed and resolved rates. It depends on no contender, socket or clock.
//!
//! # Map
//!
//! - Where do scenarios come from? [`catalogue`] and its [`source`](catalogue::source). The private
//!   `parse` and `wire` of [`mod@format`] read a file.
//! - What does a scenario hold? [`model::scenario`]. Which variants of it do the verbs use? The
//!   private `variant`, which adds methods to [`Scenario`].
//! - Which classes of tokens are there? [`token::class`]. Their table is the private `class_table`.
//! - How is a token made? [`token::draft`], then [`issuer::signer`]; a [`token::corpus`] collects
//!   the tokens.
//! - Which classes are meaningful under a policy? [`token::fit`].
//! - What does the issuer do, and when? [`model::event`], [`issuer`].
//! - When do tokens arrive? [`plan::arrivals`]. For days of arrivals, one at a time:
//!   [`plan::flow`].
//! - What is computed before a run? [`plan`], with its hash by [`plan::fingerprint`].
//! - How does the endpoint behave? [`model::endpoint`].
//! - How are a cache policy and a policy written? [`format::cache`] and [`format::policy_file`].
//! - What is expected? [`model::expectation`]. The engine judges it.
//! - What can a user provide? [`token::own`] (tokens), [`format::overrides`] (flags),
//!   [`format::sweep`] (many values of a key).
//! - What is passed to other programs? [`token::pack`].

pub mod catalogue;
pub mod format;
pub mod issuer;
pub mod model;
pub mod plan;
pub mod token;

pub use format::parse::ScenarioError;
pub use model::scenario::{
    Arrivals, InstanceAges, Instances, IssuerSpec, Load, MAX_DURATION, MAX_INSTANCES, MAX_ROUNDS,
    MAX_WORKERS, Phase, Reuse, SIMULATED, STATE, Scenario, ScenarioParts, Stream, StreamSetting,
};
pub use model::variant::DelayedKey;
