//! The engine of jwtbench: which JWT crypto backend, JWKS-cache policy and revocation strategy hold
//! up, before production finds out. Data flows one way: scenario, plan, trial, measurement, result,
//! report.

pub mod contender;
pub mod divergence;
pub mod jwks;
pub mod report;
pub mod result;
pub mod scenario;
pub mod trial;
