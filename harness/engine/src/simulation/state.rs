//! The metrics of the state of tokens in one run, and those over all runs. Definitions:
//! `reports/METRICS.md`.

use std::collections::BTreeMap;

use jwtbench_result::simulation::MetricRange;
use jwtbench_scenario::plan::Plan;

use crate::state::model_store::StoreLoad;

use super::instance::InstanceRun;

/// The seconds for which revoked tokens stayed trusted in one run; `None` for those beyond the
/// horizon.
pub(super) type ExposureSpans = Vec<Option<f64>>;

/// Adds the metrics of a run of a fleet under a state strategy.
pub(super) fn add(
    plan: &Plan,
    run: &InstanceRun,
    values: &mut BTreeMap<&'static str, Option<f64>>,
) {
    let (Some(record), Some(state)) = (&run.state, &plan.scenario.state) else {
        return;
    };
    let exposure = super::metrics::greatest(record.times.spans.iter().copied());
    values.extend(exposure.map(|most| ("state_exposure_s", most)));
    values.insert("silence_s", Some(record.times.silence_s));
    values.insert("state_lockout_s", Some(run.tally.whole.state_lockout_s()));
    let age = run.tally.whole.state_age;
    values.extend(age.map(|age| ("state_age_s", Some(age.as_secs_f64()))));
    let StoreLoad { lookups, polls } = &record.load;
    let ops: f64 = lookups.iter().chain(polls).sum();
    let tokens = run.tally.counts.arrivals as f64 / state.sample;
    if tokens > 0.0 {
        values.insert("store_ops_per_token", Some(ops / tokens));
    }
    values.insert("store_peak_per_s", Some(peak(lookups, polls, state.sample)));
    let (entries, bytes) = record.most_held;
    // What is held of tokens that are not drawn counts as well.
    values.insert("state_entries", Some(entries as f64 / state.sample));
    values.insert("state_bytes", Some(bytes as f64 / state.sample));
    let holders: f64 = plan.scenario.streams.iter().map(|one| f64::from(one.holders)).sum();
    let lifetime = plan.scenario.issuer.token_lifetime.as_secs_f64();
    values.insert("token_endpoint_per_s", Some(holders / state.sample / lifetime));
}

/// The most requests per second. Where not all tokens are drawn, the lookups of a second are the
/// mean of a span with a hundred drawn ones on average, as a shorter one would show the chance of
/// the draw. Polls are never drawn.
fn peak(lookups: &[f64], polls: &[f64], sample: f64) -> f64 {
    let drawn = lookups.iter().sum::<f64>() * sample / lookups.len().max(1) as f64;
    let span = match sample < 1.0 && drawn > 0.0 {
        true => ((100.0 / drawn).ceil() as usize).clamp(1, lookups.len().max(1)),
        false => 1,
    };
    let parts = lookups.chunks(span).zip(polls.chunks(span)).map(|(lookups, polls)| {
        let mean = lookups.iter().sum::<f64>() / lookups.len() as f64;
        mean + polls.iter().copied().fold(0.0, f64::max)
    });
    parts.fold(0.0, f64::max)
}

/// The exposures over all runs, each revocation and instance by itself, with their mean.
pub(super) fn exposure<'f>(
    runs: impl Iterator<Item = &'f ExposureSpans> + Clone,
) -> Option<MetricRange> {
    let all: Vec<Option<f64>> = runs.clone().flatten().copied().collect();
    let groups: Vec<Vec<f64>> =
        runs.map(|spans| spans.iter().copied().flatten().collect()).collect();
    MetricRange::of(&all).map(|range| range.with_mean(&groups))
}
