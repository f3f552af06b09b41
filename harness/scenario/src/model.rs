//! The model of a scenario: rates, endpoint, events, expectations, and the variants of a scenario
//! that the verbs use.

pub mod capacity;
pub mod endpoint;
pub mod event;
pub mod expectation;
pub mod flood;
pub mod place;
pub mod scenario;
pub mod state;
pub(crate) mod variant;
