//! The JWT verifier core under test: policy + keys + token in, claims or a rejection out.
//! Knows no network, no clock, no entropy and nothing of measuring.

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
