//! Flags that many verbs share: scenarios, contenders and algorithms, the folder of the scenarios,
//! and replacements for their policy and cache policy.

pub(crate) mod filter;
pub(crate) mod fit;
pub(crate) mod origin;
pub(crate) mod replacement;
pub(crate) mod store;

use std::time::Duration;

use jwtbench_scenario::format::grammar;

/// The default seed.
pub const SEED: u64 = 1;

/// Reads a duration above zero and at most a day.
pub fn duration(text: &str) -> Result<Duration, String> {
    let span = grammar::duration(text)?;
    let day = Duration::from_secs(86_400);
    if span.is_zero() || span > day { Err("above 0 and at most a day".into()) } else { Ok(span) }
}
