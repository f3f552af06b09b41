//! One file for each verb, all in the same order: `Args`, then `run`.

pub(crate) mod check;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod diverge;
pub(crate) mod duel;
pub(crate) mod endpoint;
pub(crate) mod exec_peer;
pub(crate) mod list;
pub(crate) mod mint;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod simulate;
pub(crate) mod statistics;
pub(crate) mod trend;
pub(crate) mod verify;
