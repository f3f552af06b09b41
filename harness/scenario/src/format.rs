//! The file formats of scenarios, policies, cache policies, state strategies and fleets: the serde
//! types, the parsing and checking, the presets, the sweeps, and the command line's overrides.

pub mod bounded_file;
pub mod cache;
pub mod fleet;
pub mod grammar;
pub mod hex;
pub mod nearest;
pub mod overrides;
pub(crate) mod parse;
pub mod policy;
pub mod policy_file;
pub mod state;
pub mod sweep;
pub(crate) mod wire;
