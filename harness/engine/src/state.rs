//! What the verifiers of a trial know beyond their tokens, and how they come to know it. The module
//! knows no contender, clock or socket.

pub mod bell;
pub(crate) mod bound;
pub mod class_state;
pub(crate) mod exposures;
pub mod fleet;
pub(crate) mod model_store;
pub mod step;
pub mod store;
pub mod truth;
pub(crate) mod world;
