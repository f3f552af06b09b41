//! The adapter, compiled over jsonwebtoken 12.

use jsonwebtoken as library;

use super::Provider;

#[path = "adapter.rs"]
mod adapter;

pub(in crate::contender) use adapter::Jsonwebtoken;

pub(in crate::contender) const fn version(provider: Provider) -> &'static str {
    match provider {
        Provider::AwsLcRs => "jsonwebtoken 12.0.0 (aws_lc_rs), aws-lc-rs 1.19.0",
        Provider::RustCrypto => {
            "jsonwebtoken 12.0.0 (rust_crypto), rsa 0.10.0, p256 0.14.0, ed25519-dalek 3.0.0"
        }
    }
}
