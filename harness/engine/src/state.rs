//! What the verifiers of a trial know beyond their tokens, and how they come to know it. The module
//! knows no contender, clock or socket.

pub mod fleet;
pub mod source;
pub mod step;
pub mod truth;
