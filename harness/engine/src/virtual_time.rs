//! Rounds in virtual time, on one thread, without sockets and sleeps.

pub(crate) mod engine;
pub(crate) mod outcome_range;
pub(crate) mod remembering;
pub(crate) mod round;
pub(crate) mod world;

pub use outcome_range::{SEEDS, outcome_range};
