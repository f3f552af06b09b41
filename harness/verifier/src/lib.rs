//! The JWT verifier core under test. From a policy, keys and a token it derives claims or a
//! rejection. It uses no network, clock or entropy, and knows nothing of measurements.
//!
//! # Map
//!
//! - What is decided, and in which order? [`verifier`]: `open`, `prove`, `in_force`.
//! - Which codes are there, and which HTTP statuses? [`rejection`].
//! - How is a verifier configured? [`policy`].
//! - Where are headers and claims read? [`header`], [`claims`].
//! - What verifies a signature? [`backend`], with one module for each library. [`key_check`] says
//!   which keys are accepted.
//! - How does a JWK set become keys? [`jwk`], [`key_set`], [`prepared_keys`].
//! - When are keys fetched, and how long are they kept? [`key_cache`], [`cache_policy`].
//! - Who presents a token, and for which request? [`proof`].
//! - What is remembered of a token? [`verdict_cache`].
//! - What is revoked, and how does a verifier learn it? [`state_check`], under a
//!   [`state_strategy`].
//! - What explains a verdict? [`explanation`].
//! - How is time represented? [`tick`] (the clock of a scenario), [`unix_time`] (the time in
//!   claims), [`wall_clock`] (the verifier's clock, which may be wrong).
//! - What is a verdict, with the keys behind it? [`verdict`].
//!
//! [`http`] (the status and headers of a response) and [`tenants`] (a policy for each tenant) are
//! for a service that embeds the verifier.

pub mod algorithm;
pub mod backend;
mod base64url;
pub mod cache_policy;
pub mod claims;
pub mod compact;
pub mod explanation;
pub mod header;
mod header_memo;
pub mod http;
mod json;
pub mod jwk;
pub mod key_cache;
pub mod key_check;
pub mod key_set;
pub mod policy;
pub mod prepared_keys;
pub mod proof;
pub mod rejection;
pub mod state_check;
pub mod state_strategy;
pub mod tenants;
pub mod tick;
pub mod unix_time;
pub mod verdict;
pub mod verdict_cache;
pub mod verifier;
pub mod wall_clock;
