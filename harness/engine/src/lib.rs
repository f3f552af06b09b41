//! Doing what a scenario says, in real and in virtual time: the mocked endpoint, the contenders,
//! the judge, the trials, and the inputs on which verifiers differ. Knows no form of a report and
//! no folder.

pub mod contender;
pub mod divergence;
pub mod judge;
pub mod jwks;
pub mod session;
pub mod trial;
