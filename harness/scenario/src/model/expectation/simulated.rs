//! The metrics of a simulation that an expectation may bound, with their properties. This module
//! does not know how they are measured.

use super::{InvalidExpectation, fault};

/// A metric of a simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimulatedMetric {
    /// The name in results. The name of a duration, in seconds, ends in `_s`, and that of a rate in
    /// `_per_s`.
    pub name: &'static str,
    /// Whether the metric exists for a single phase.
    pub by_phase: bool,
    /// Whether the metric exists for a single stream.
    pub by_stream: bool,
    /// Whether the lowest value is the worst.
    pub least_is_worst: bool,
    /// Whether the metric has a mean.
    pub has_mean: bool,
}

/// The summary of a metric over all runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The median.
    Median,
    /// The worst.
    Worst,
    /// The mean, of a metric that has one.
    Mean,
}

const fn metric(name: &'static str, by_phase: bool, by_stream: bool) -> SimulatedMetric {
    SimulatedMetric { name, by_phase, by_stream, least_is_worst: false, has_mean: false }
}

/// A metric of the state of tokens. It has a mean, and no parts.
const fn of_state(name: &'static str) -> SimulatedMetric {
    SimulatedMetric { has_mean: true, ..metric(name, false, false) }
}

/// All metrics, in the order of tables.
pub const SIMULATED_METRICS: [SimulatedMetric; 26] = [
    metric("exposure_s", false, false),
    metric("lockout_s", true, true),
    metric("regret_s", false, false),
    metric("convergence_s", false, true),
    metric("starvation_s", false, false),
    SimulatedMetric { least_is_worst: true, ..metric("grace_s", false, true) },
    metric("recovery_s", false, true),
    metric("amplification_unknown_kid", false, false),
    metric("amplification_bad_signature", false, false),
    metric("retry_peak", false, false),
    metric("herd", false, false),
    metric("poison_loss", true, false),
    metric("key_age_s", true, true),
    metric("wait_s", true, true),
    metric("attempts_per_hour", true, false),
    of_state("state_exposure_s"),
    of_state("state_lockout_s"),
    of_state("store_ops_per_token"),
    of_state("store_peak_per_s"),
    of_state("state_age_s"),
    of_state("silence_s"),
    of_state("token_endpoint_per_s"),
    of_state("state_entries"),
    of_state("state_bytes"),
    of_state("added_latency_s"),
    of_state("store_cost_per_month"),
];

impl SimulatedMetric {
    /// Whether a figure has a mean: a metric by its name, or the key of an expectation that ends in
    /// one.
    pub fn has_mean(figure: &str) -> bool {
        let name = figure.rsplit('.').next().unwrap_or_default();
        let is_it = |metric: &SimulatedMetric| metric.name == name || metric.key() == name;
        SIMULATED_METRICS.iter().any(|metric| metric.has_mean && is_it(metric))
    }

    /// The name in the key of an expectation.
    pub fn key(&self) -> &'static str {
        match self.name.strip_suffix("_s") {
            Some(key) if !key.ends_with("_per") => key,
            _ => self.name,
        }
    }

    /// Whether the metric is a duration.
    pub fn is_span(&self) -> bool {
        self.key() != self.name
    }

    /// The metric of this name in a key. `of_phase` and `of_stream` say whether the key names a
    /// single phase or stream.
    pub(super) fn parse(
        key: &str,
        of_phase: bool,
        of_stream: bool,
    ) -> Result<&'static SimulatedMetric, InvalidExpectation> {
        let Some(metric) = SIMULATED_METRICS.iter().find(|metric| metric.key() == key) else {
            let known = SIMULATED_METRICS.map(|metric| metric.key()).join(", ");
            return fault(format!("unknown metric of a simulation `{key}`; known: {known}"));
        };
        match (of_phase && !metric.by_phase, of_stream && !metric.by_stream) {
            (true, _) => fault(format!("`{key}` is of no single phase; write `all` for the phase")),
            (_, true) => {
                fault(format!("`{key}` is of no single stream; write `all` for the stream"))
            }
            _ => Ok(metric),
        }
    }
}
