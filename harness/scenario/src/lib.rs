//! What shall happen: scenario, issuer, corpus and plan. Pure: a plan is a function of a scenario,
//! a seed and resolved rates. It knows no contender, no socket and no clock.
//!
//! # Map
//!
//! - Where do scenarios come from? [`catalogue`], its [`source`](catalogue::source); a file is
//!   read by the private `parse` and `wire` of [`format`].
//! - What does a scenario hold? [`model::scenario`]; which variants of it do verbs ask for? The
//!   private `variant`: methods of [`Scenario`].
//! - Which classes of tokens are there? [`token::class`]; the table is the private `class_table`.
//! - How is a token made? [`token::draft`], then [`issuer::signer`], gathered in a
//!   [`token::corpus`].
//! - What does a policy leave of the classes? [`token::fit`].
//! - What does the issuer do, and when? [`model::event`], [`issuer`].
//! - When do tokens arrive? [`plan::arrivals`]; one at a time for days: [`plan::flow`].
//! - What is worked out before a run? [`plan`], with its hash by [`plan::fingerprint`].
//! - How does the endpoint behave? [`model::endpoint`].
//! - What is a cache policy in a file, and what a policy? [`format::cache`],
//!   [`format::policy_file`].
//! - What is expected? [`model::expectation`] (judged in the engine).
//! - What of the user's own? [`token::own`] (tokens), [`format::overrides`] (flags),
//!   [`format::sweep`] (many values of a key).
//! - What goes to other programs? [`token::pack`].

pub mod catalogue;
pub mod format;
pub mod issuer;
pub mod model;
pub mod plan;
pub mod token;

pub use format::parse::ScenarioError;
pub use model::scenario::{
    Arrivals, InstanceAges, Instances, IssuerSpec, Load, MAX_DURATION, MAX_INSTANCES, MAX_ROUNDS,
    MAX_WORKERS, Phase, Reuse, SIMULATED, Scenario, ScenarioParts, Stream, StreamSetting,
};
pub use model::variant::DelayedKey;
