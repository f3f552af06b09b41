//! The judge: two judgements of every operation, the ledger in which they are entered, and the
//! evaluation of a scenario's expectations. The module knows no contender, clock or socket.

pub mod evaluate;
pub mod history;
pub mod judgement;
pub mod ledger;
mod steady;

pub(crate) use steady::verdict_stream;
