//! How a scenario, a policy and a cache policy are written: the file as serde sees it, what is read
//! from it and checked, presets, sweeps, and what a command line puts in their place.

pub mod bounded_file;
pub mod cache;
pub mod grammar;
pub mod hex;
pub mod nearest;
pub mod overrides;
pub(crate) mod parse;
pub mod policy;
pub mod policy_file;
pub mod sweep;
pub(crate) mod wire;
