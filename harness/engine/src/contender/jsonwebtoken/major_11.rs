//! The adapter, compiled over jsonwebtoken 11.

use jsonwebtoken_11 as library;

use super::Provider;

#[path = "adapter.rs"]
mod adapter;

pub(in crate::contender) use adapter::Jsonwebtoken;

pub(in crate::contender) const fn version(provider: Provider) -> &'static str {
    match provider {
        Provider::AwsLcRs => "jsonwebtoken 11.1.0 (aws_lc_rs), aws-lc-rs 1.19.0",
        Provider::RustCrypto => {
            "jsonwebtoken 11.1.0 (rust_crypto), rsa 0.9.10, p256 0.13.2, ed25519-dalek 2.2.0"
        }
    }
}
