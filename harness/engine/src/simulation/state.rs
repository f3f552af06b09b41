//! The metrics of the state of tokens in one run, and those over all runs. Definitions:
//! `reports/METRICS.md`.

use std::collections::BTreeMap;
use std::time::Duration;

use jwtbench_result::simulation::MetricRange;
use jwtbench_scenario::model::state::{StateSpec, StoreFault};
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
    let latency = run.tally.whole.added_latency_s();
    values.extend(latency.map(|seconds| ("added_latency_s", Some(seconds))));
    let holders: f64 = plan.scenario.streams.iter().map(|one| f64::from(one.holders)).sum();
    let lifetime = plan.scenario.issuer.token_lifetime.as_secs_f64();
    values.insert("token_endpoint_per_s", Some(holders / state.sample / lifetime));
    if let Some(prices) = state.prices {
        let per_s = requests_per_s(plan, &record.load);
        let held = state.revocations_per_s / state.sample * lifetime * STORED_BYTES;
        // What holds no entry and is never asked is no store.
        let gb =
            if ops > 0.0 || is_pushed(state) { (held / 1e9).max(prices.least_gb) } else { 0.0 };
        let requests = per_s * HOURS * 3600.0 / 1e6 * prices.million_requests;
        values.insert("store_cost_per_month", Some(requests + gb * HOURS * prices.gb_hour));
    }
}

/// The hours of a month.
const HOURS: f64 = 730.0;
/// The bytes that an entry takes in a store: a key of 36 characters, and what the store needs
/// beside.
const STORED_BYTES: f64 = 100.0;

/// Whether a store tells the instances.
fn is_pushed(state: &StateSpec) -> bool {
    state.strategy.strategy.push().is_some()
}

/// The mean of the requests per second, in the phases in which the store has no fault.
fn requests_per_s(plan: &Plan, StoreLoad { lookups, polls }: &StoreLoad) -> f64 {
    let phases = &plan.scenario.phases;
    let works = |second: usize| {
        let at = Duration::from_secs(second as u64);
        let phase = phases.iter().rev().find(|phase| phase.at <= at);
        phase.is_some_and(|phase| phase.store.fault == StoreFault::None)
    };
    let all = lookups.iter().zip(polls).enumerate().filter(|(second, _)| works(*second));
    let loads: Vec<f64> = all.map(|(_, (lookups, polls))| lookups + polls).collect();
    loads.iter().sum::<f64>() / loads.len().max(1) as f64
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
