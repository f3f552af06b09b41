//! The cache policies of a result, a comparison or a duel beside its figures. Each has the mark of
//! how far it was checked against its model, and a legend says what the marks mean.

use std::collections::BTreeMap;

use jwtbench_result::record::standing::{Standing, known, legend};
use jwtbench_result::{CachePolicyRecord, Measurement, RunResult};

/// The cache policy of a trial with its mark; `None` for the default policy.
pub(crate) fn cache_policy(result: &RunResult, measurement: &Measurement) -> Option<String> {
    let name = measurement.cache_policy.as_str();
    match name {
        "" | "default" => None,
        name => Some(standing(result, name).marked(name)),
    }
}

/// How far a cache policy of the result was checked against its model.
pub(crate) fn standing<'r>(result: &'r RunResult, name: &str) -> Standing<'r> {
    known(&result.cache_policies, name)
}

/// The name of a cache policy with its mark.
pub(crate) fn marked(records: &[CachePolicyRecord], name: &str) -> String {
    known(records, name).marked(name)
}

/// The legend of the marks of these cache policies.
pub(crate) fn marks(records: &[CachePolicyRecord]) -> Vec<String> {
    legend(records.iter().map(|record| (record.name.as_str(), record.standing())))
}

/// The notes on the cache policies of a result: those that replaced the scenarios' own, and the
/// legend of the marks.
pub(crate) fn notes(result: &RunResult) -> Vec<String> {
    let mut notes = Vec::new();
    let whole = result.cache_policies.iter().filter(|record| record.text.is_some());
    let names: Vec<&str> = whole.map(|record| record.name.as_str()).collect();
    let mut dropped: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for record in result.scenarios.iter().filter(|record| !record.cache_dropped.is_empty()) {
        dropped.entry(record.cache_dropped.join(", ")).or_default().push(&record.name);
    }
    let dropped = dropped.into_iter().map(|(keys, of)| format!("{keys} of {}", of.join(", ")));
    let dropped: Vec<String> = dropped.collect();
    if !names.is_empty() {
        let what = match dropped.is_empty() {
            true => String::new(),
            false => format!("; dropped: {}", dropped.join("; ")),
        };
        let names = names.join(", ");
        notes.push(format!("In place of the scenarios' own [cache]: {names}{what}."));
    }
    notes.extend(marks(&result.cache_policies));
    notes
}
