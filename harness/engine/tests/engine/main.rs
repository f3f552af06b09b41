//! The tests of the package in one program: it is linked once.

mod agreement;
mod batch;
mod conformance;
mod confusion;
mod determinism;
mod divergence;
mod endpoint;
mod exports;
mod fit;
#[allow(dead_code)]
mod inline;
mod own_verifier;
mod report;
mod scenario_state;
mod scenarios;
mod standing;
mod state_agreement;
mod state_fleet;
mod stored;
mod tidy;
mod trial;
mod verdict_cache;
mod versions;
