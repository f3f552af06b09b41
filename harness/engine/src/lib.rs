//! The engine: it runs a scenario in real and in virtual time. It has the mocked endpoint, the
//! contenders, the judge, the trials, and the inputs on which verifiers differ. It knows neither
//! the forms of a report nor folders.
//!
//! # Map
//!
//! - How do I run scenarios from my own program? [`session`]; `examples/session.rs` is the shortest
//!   whole one.
//! - How do I bring a verifier of my own? [`contender::OwnVerifier`]; `examples/own_verifier.rs`.
//! - What is measured? [`contender`] has a module for each kind.
//! - Where is a verdict judged? In [`judge`].
//! - How is a round run? By [`trial`]: `real` uses threads, `virtual_time` a single one.
//! - Where are days simulated in seconds? In [`simulation`].
//! - How do keys travel, and where do the endpoint's faults come from? [`jwks`] and its `faults`.
//! - What does a verifier know beyond its tokens? See [`state`].
//! - On which inputs do verifiers differ? See [`divergence`].

pub mod contender;
pub mod divergence;
pub mod judge;
pub mod jwks;
pub mod real;
pub mod session;
pub mod simulation;
pub mod state;
pub mod trial;
pub mod virtual_time;
