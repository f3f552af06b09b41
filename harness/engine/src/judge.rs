//! What was due, and what came of it: two judgements of every operation, the ledger in which they
//! are entered, and the expectations of a scenario held to it. Knows no contender, clock or socket.

pub mod evaluate;
pub mod history;
pub mod judgement;
pub mod ledger;
mod steady;

pub(crate) use steady::verdict_stream;
