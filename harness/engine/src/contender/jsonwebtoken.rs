//! The jsonwebtoken library in its newest major, and behind a feature in the one before, so that an
//! upgrade can be fought out as a duel. One adapter serves both: each major's file compiles it over
//! its own crate, and the two files differ in nothing but that crate and its versions.

use super::Provider;

#[cfg(feature = "jsonwebtoken-11")]
pub(super) mod major_11;
#[cfg_attr(
    feature = "jsonwebtoken-11",
    expect(clippy::duplicate_mod, reason = "the one adapter, over another crate")
)]
pub(super) mod major_12;
