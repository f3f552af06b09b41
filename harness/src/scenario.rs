//! What shall happen: scenario, issuer, corpus and plan. Pure: a plan is a function of scenario,
//! seed and resolved rates.

pub mod endpoint;
