//! The Bencher Metric Format (BMF). Each trial is a benchmark, and each metric of it is a measure.
//! The value is the median of the rounds, and the limits are the lowest and the highest round.

use std::collections::BTreeMap;

use serde::Serialize;

use jwtbench_result::RunResult;
use jwtbench_result::trend::tracked::TrackedMetric;

use crate::form::export::{Export, Exported};
use crate::shown::line;

/// One metric of one benchmark.
#[derive(Serialize)]
struct BencherMetric {
    value: f64,
    lower_value: f64,
    upper_value: f64,
}

/// Writes the trials of `shown` as BMF JSON. The bounds are those of the `whole` result.
pub fn bencher(shown: &RunResult, whole: &RunResult) -> Export {
    let exported = Exported::of(shown, whole);
    let mut benchmarks: BTreeMap<String, BTreeMap<&str, BencherMetric>> = BTreeMap::new();
    for named in &exported.trials {
        let figures = exported.figures(named.trial).into_iter();
        let measures = figures.map(|(metric, figure)| {
            let (value, lower_value, upper_value) = (figure.value, figure.low, figure.high);
            (measure(metric), BencherMetric { value, lower_value, upper_value })
        });
        benchmarks.insert(line(&named.name()), measures.collect());
    }
    let text = serde_json::to_string_pretty(&benchmarks).unwrap_or_default() + "\n";
    exported.form(text)
}

/// The slug of a measure. A file in this format has no units, so the slug names the unit.
const fn measure(metric: TrackedMetric) -> &'static str {
    match metric {
        TrackedMetric::P50OverBound => "p50-over-bound-ratio",
        TrackedMetric::P50 => "p50-ns",
        TrackedMetric::P99 => "p99-ns",
        TrackedMetric::Throughput => "throughput-operations-per-s",
        TrackedMetric::Cpu => "cpu-ns-per-operation",
    }
}
