//! The jsonwebtoken library in its newest major version, and behind a feature in the one before, so
//! that a duel can compare them before an upgrade. Both use one adapter: the file of each major
//! version compiles it over its own crate. The two files differ in nothing but that crate and its
//! versions.

use super::Provider;

#[cfg(feature = "jsonwebtoken-11")]
pub(super) mod major_11;
#[cfg_attr(
    feature = "jsonwebtoken-11",
    expect(clippy::duplicate_mod, reason = "the one adapter, over another crate")
)]
pub(super) mod major_12;
