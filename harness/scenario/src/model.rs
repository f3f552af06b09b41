//! What a scenario says once it is read: rates, endpoint, events, expectations, and the variants
//! that verbs ask for.

pub mod capacity;
pub mod endpoint;
pub mod event;
pub mod expectation;
pub mod flood;
pub mod scenario;
pub(crate) mod variant;
