//! The wording of each subject, the same in every form.

pub(crate) mod answer;
pub(crate) mod capacity;
pub(crate) mod caveat;
pub(crate) mod chapter;
pub(crate) mod comparison;
pub(crate) mod conformance;
pub(crate) mod duel;
pub(crate) mod fault;
pub(crate) mod finding;
pub(crate) mod generator;
pub(crate) mod ranking;
pub(crate) mod simulation;
pub(crate) mod speed;
pub(crate) mod standing;
pub(crate) mod state;
pub(crate) mod summary;
pub(crate) mod trend;
pub(crate) mod unjudged;
