//! Flags that many verbs have: which scenarios, contenders and algorithms, from where, and with
//! what in place of their own policy and cache policy.

pub(crate) mod filter;
pub(crate) mod fit;
pub(crate) mod origin;
pub(crate) mod replacement;
use std::time::Duration;

use jwtbench_scenario::format::grammar;

/// The seed unless told otherwise.
pub const SEED: u64 = 1;

/// Reads a duration above zero and at most a day.
pub fn duration(text: &str) -> Result<Duration, String> {
    let span = grammar::duration(text)?;
    let day = Duration::from_secs(86_400);
    if span.is_zero() || span > day { Err("above 0 and at most a day".into()) } else { Ok(span) }
}
