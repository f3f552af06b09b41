//! The expectations of a scenario, checked against the figures of a cache policy in its simulation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::nano;

/// One expectation that binds a policy, and whether it is met.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SimulationExpectation {
    /// `<phase|all>.<stream|all>.<metric>.<median|worst>`, as written.
    pub key: String,
    /// As written.
    pub bound: String,
    /// The figure: seconds of a span, or a count; null if there is none, or if the horizon cut it
    /// off.
    #[serde(serialize_with = "nano")]
    pub value: Option<f64>,
    /// The horizon cut it off: the true figure is greater than any.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_beyond: bool,
    /// Whether the bound holds. A figure that does not exist meets none.
    pub met: bool,
}
