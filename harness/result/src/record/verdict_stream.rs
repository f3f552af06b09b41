//! The verdicts of a trial as a stream with a hash that is the same on every machine. It covers the
//! set of codes given to each token of the plan, however often the token arrived. Only *steady*
//! tokens are covered, whose verdict does not depend on timing. The others are in the conformance
//! matrix only.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::measurement::Count;

/// The verdicts on the steady tokens of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerdictStream {
    /// SHA-256 over the codes of each steady token, in the order of the plan, in hex.
    pub hash: String,
    /// Steady tokens.
    pub tokens: u64,
    /// Steady tokens without a verdict: the trial was cut short, and its hash proves nothing.
    pub missing: u64,
    /// The same, class by class.
    pub classes: Vec<ClassVerdicts>,
}

/// The verdicts on the steady tokens of one class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClassVerdicts {
    /// Token class.
    pub class: String,
    /// SHA-256 over the codes of each of its steady tokens, in hex.
    pub hash: String,
    /// Tokens (not operations) by the codes they were given; several codes are joined by `+`.
    pub codes: Vec<Count>,
}
