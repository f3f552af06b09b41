//! The JWT verifier core under test: a policy, keys and a token go in, and claims or a rejection
//! come out. It knows no network, no clock, no entropy and nothing of measuring.
//!
//! # Map
//!
//! - What is decided, in which order? [`verifier`]: `open`, `prove`, `in_force`.
//! - Which codes are there, and which HTTP statuses? [`rejection`].
//! - What is a verifier told? [`policy`].
//! - Where is a header read, where are claims? [`header`], [`claims`].
//! - Who checks a signature? [`backend`], one module for each; [`key_check`] says which keys are
//!   taken.
//! - How does a JWK set become keys? [`jwk`], [`key_set`], [`prepared_keys`].
//! - When are keys fetched, and how long are they kept? [`key_cache`], [`cache_policy`].
//! - What is remembered of a token? [`verdict_cache`].
//! - What is revoked? [`revocation`].
//! - Why is a verdict as it is? [`explanation`].
//! - What is time here? [`tick`] (the clock of a scenario), [`unix_time`] (that of claims).
//!
//! [`http`], [`tenants`], [`verdict`] and [`wall_clock`] are for a service that embeds the
//! verifier: a status and its headers, a policy for each tenant, and the one-call form.

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
pub mod rejection;
pub mod revocation;
pub mod tenants;
pub mod tick;
pub mod unix_time;
pub mod verdict;
pub mod verdict_cache;
pub mod verifier;
pub mod wall_clock;
