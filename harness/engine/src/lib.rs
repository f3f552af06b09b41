//! Doing what a scenario says, in real and in virtual time: the mocked endpoint, the contenders,
//! the judge, the trials, and the inputs on which verifiers differ. It knows no form of a report
//! and no folder.
//!
//! # Map
//!
//! - How do I run scenarios from my own program? [`session`]; `examples/session.rs` is the shortest
//!   whole one.
//! - How do I bring a verifier of my own? [`contender::OwnVerifier`]; `examples/own_verifier.rs`.
//! - What is measured? [`contender`], a module for each kind.
//! - Where is a verdict judged? [`judge`].
//! - How is a round run? [`trial`]: `real` on threads, `virtual_time` on one.
//! - Where do days pass in seconds? [`trial::simulation`].
//! - How do keys travel, and where does a fault of the endpoint come from? [`jwks`], its `faults`.
//! - Where do verifiers differ? [`divergence`].

pub mod contender;
pub mod divergence;
pub mod judge;
pub mod jwks;
pub mod real;
pub mod session;
pub mod simulation;
pub mod trial;
pub mod virtual_time;
