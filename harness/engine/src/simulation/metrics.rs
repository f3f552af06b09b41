//! The metrics of one run, from the instances of its fleet. Definitions: `reports/METRICS.md`.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use jwtbench_result::simulation::{HindsightPoint, MetricRange};
use jwtbench_scenario::model::expectation::{SIMULATED_METRICS, SimulatedMetric};
use jwtbench_scenario::plan::Plan;
use jwtbench_scenario::token::class::Flood;
use jwtbench_verifier::tick::Tick;

use crate::jwks::key_source::{FetchNote, FetchStep};

use super::instance::InstanceRun;
use super::seen::{Outage, Seen};

/// The time after an outage for which fetches are counted.
const RETRY_SPAN: Duration = Duration::from_secs(60);

/// The greatest value. It is `Some(None)` if any value is cut off by the horizon, and `None` if
/// there are no values.
pub(super) fn greatest(values: impl Iterator<Item = Option<f64>>) -> Option<Option<f64>> {
    values.reduce(|most, value| most.zip(value).map(|(most, value)| most.max(value)))
}

/// The metrics that need no comparison with a second run. `None` is a value that is cut off by the
/// horizon.
pub(super) fn values(plan: &Plan, runs: &[InstanceRun]) -> BTreeMap<&'static str, Option<f64>> {
    let mut values = BTreeMap::new();
    let mut put = |name, value: Option<Option<f64>>| {
        if let Some(value) = value {
            values.insert(name, value);
        }
    };
    put("exposure_s", greatest(runs.iter().flat_map(|one| one.exposures.iter().copied())));
    let all = (Tick::MIN, Tick::ZERO + plan.scenario.load.duration);
    let seen: Vec<&Seen> = runs.iter().map(|one| &one.tally.whole).collect();
    for metric in SIMULATED_METRICS.iter().filter(|metric| metric.by_stream) {
        put(metric.name, of_users(metric.name, &seen, seconds(all)));
    }
    if let Some(up) = Outage::of(plan).up {
        put("retry_peak", Some(Some(retry_peak(runs, up))));
    }
    put("herd", Some(Some(herd(runs))));
    put("attempts_per_hour", Some(Some(attempts_per_hour(runs, all))));
    values
}

/// A metric of what users saw of each instance. `lockout_s` is that of these seconds alone. `None`
/// if the metric is absent, or is not one of users.
pub(super) fn of_users(name: &str, seen: &[&Seen], seconds: Range<usize>) -> Option<Option<f64>> {
    let longest = |span: fn(&Seen) -> Option<Duration>| {
        let most = seen.iter().copied().filter_map(span).max();
        most.map(|most| Some(most.as_secs_f64()))
    };
    let outage = seen.first().map(|one| one.outage).unwrap_or_default();
    match name {
        "convergence_s" => {
            let keys = seen.iter().flat_map(|one| &one.new_keys);
            greatest(keys.filter_map(|key| key.convergence()))
        }
        "lockout_s" => {
            let lockouts: f64 = seen.iter().map(|one| one.lockout_in_s(seconds.clone())).sum();
            Some(Some(lockouts / seen.len().max(1) as f64))
        }
        // The first instance that fails a user ends the grace. Instances that never fail one do not
        // count.
        "grace_s" => outage.down.map(|_| {
            let least = seen.iter().filter_map(|one| one.grace_s());
            least.reduce(f64::min)
        }),
        "recovery_s" => outage.up.and_then(|_| greatest(seen.iter().map(|one| one.recovery_s()))),
        "key_age_s" => longest(|one| one.key_age),
        "wait_s" => longest(|one| one.wait),
        _ => None,
    }
}

/// The seconds of arrival that a span covers.
pub(super) fn seconds((from, until): (Tick, Tick)) -> Range<usize> {
    let second = |at: Tick| at.since(Tick::ZERO).as_secs_f64().ceil() as usize;
    second(from)..second(until)
}

/// The cost of one phase.
pub(super) struct PhaseCost {
    pub(super) lockout_s: f64,
    pub(super) attempts_per_hour: f64,
    /// The share of keys that are lost to odd entries.
    pub(super) poison_loss: Option<f64>,
}

/// The cost of each phase; empty if there is only one.
pub(super) fn by_phase(
    plan: &Plan,
    runs: &[InstanceRun],
    lost: impl Fn((Tick, Tick)) -> Option<f64>,
) -> Vec<PhaseCost> {
    let seen: Vec<&Seen> = runs.iter().map(|one| &one.tally.whole).collect();
    let one = |phase| {
        let span = plan.phase_span(phase);
        PhaseCost {
            lockout_s: of_users("lockout_s", &seen, seconds(span)).flatten().unwrap_or_default(),
            attempts_per_hour: attempts_per_hour(runs, span),
            poison_loss: lost(span),
        }
    };
    let count = plan.scenario.phases.len();
    (0..count).filter(|_| count > 1).map(one).collect()
}

/// The regret: the seconds of exposure and of lockout beyond those of the hindsight schedule with
/// no more fetches. `Some(None)` if the exposure is cut off by the horizon and that of the schedule
/// is not.
pub(super) fn regret(
    values: &BTreeMap<&'static str, Option<f64>>,
    runs: &[InstanceRun],
    hindsight: &[HindsightPoint],
) -> Option<Option<f64>> {
    let most = runs.iter().map(|one| starts(&one.fetches).count() as u64).max()?;
    let best = hindsight.iter().rfind(|point| point.fetches <= most).or(hindsight.first())?;
    let beyond = |value: f64, least: f64| (value - least).max(0.0);
    let lockout = beyond((*values.get("lockout_s")?)?, best.lockout_s);
    let exposure = values.get("exposure_s").copied().unwrap_or(Some(0.0));
    let more = match (exposure, best.exposure_s) {
        (Some(own), Some(least)) => Some(beyond(own, least)),
        (None, Some(_)) => None,
        (_, None) => Some(0.0),
    };
    Some(more.map(|more| more + lockout))
}

fn convergence(runs: &[InstanceRun]) -> Option<Option<f64>> {
    let seen: Vec<&Seen> = runs.iter().map(|one| &one.tally.whole).collect();
    of_users("convergence_s", &seen, 0..0)
}

/// The name of the metric of the fetches that a flood causes.
const fn caused_by(flood: Flood) -> &'static str {
    match flood {
        Flood::UnknownKid => "amplification_unknown_kid",
        Flood::BadSignature => "amplification_bad_signature",
    }
}

/// Adds the effects of a flood, compared with the same seed without the flood.
pub(super) fn compare(
    flood: Flood,
    runs: &[InstanceRun],
    quiet: &[InstanceRun],
    values: &mut BTreeMap<&'static str, Option<f64>>,
) {
    let attempts = |fleet: &[InstanceRun]| -> f64 {
        fleet.iter().map(|one| starts(&one.fetches).count() as f64).sum()
    };
    let place = Flood::ALL.iter().position(|known| *known == flood).unwrap_or_default();
    let bad: u64 = runs.iter().map(|one| one.tally.flood[place]).sum();
    if bad > 0 {
        let more = attempts(runs) - attempts(quiet);
        values.insert(caused_by(flood), Some(more * 1000.0 / bad as f64));
    }
    // Instances that do not converge without the flood either say nothing about it.
    if let (Some(with), Some(Some(without))) = (convergence(runs), convergence(quiet)) {
        let more = with.map(|with| with - without);
        let known = values.get("starvation_s").copied();
        let worst = greatest(known.into_iter().chain([more])).flatten();
        values.insert("starvation_s", worst);
    }
}

pub(super) fn starts(fetches: &[FetchNote]) -> impl Iterator<Item = Tick> {
    fetches.iter().filter(|note| note.step == FetchStep::Started).map(|note| note.at)
}

/// The attempts in a span, per instance and hour. Attempts before the scenario count as at its
/// beginning.
pub(super) fn attempts_per_hour(runs: &[InstanceRun], (from, until): (Tick, Tick)) -> f64 {
    let within = runs.iter().flat_map(|one| starts(&one.fetches));
    let count = within.filter(|at| (from..until).contains(at)).count();
    let hours = until.since(from.max(Tick::ZERO)).as_secs_f64() / 3600.0;
    let hours = hours * runs.len().max(1) as f64;
    if hours > 0.0 { count as f64 / hours } else { 0.0 }
}

/// The attempts of all instances in the worst second of the minute after `up`.
fn retry_peak(runs: &[InstanceRun], up: Tick) -> f64 {
    let mut seconds = vec![0u64; RETRY_SPAN.as_secs() as usize];
    for at in runs.iter().flat_map(|one| starts(&one.fetches)).filter(|at| *at >= up) {
        if let Some(count) = seconds.get_mut(at.since(up).as_secs() as usize) {
            *count += 1;
        }
    }
    seconds.into_iter().max().unwrap_or_default() as f64
}

/// The most attempts in flight at once over all instances. A refused attempt takes no time. It
/// counts at its instant, together with those of other caches. If one attempt ends when another of
/// the same cache starts, the end comes first.
fn herd(runs: &[InstanceRun]) -> f64 {
    let step = |(instance, note): (usize, &FetchNote)| {
        (note.at, (instance, note.id.cache()), if note.step == FetchStep::Started { 1 } else { -1 })
    };
    let notes = runs.iter().enumerate();
    let notes = notes.flat_map(|(place, one)| one.fetches.iter().map(move |note| (place, note)));
    // The sort is stable, so that the steps of a cache at one instant stay in order.
    let mut steps: Vec<(Tick, (usize, u32), i64)> = notes.map(step).collect();
    steps.sort_by_key(|(at, cache, _)| (*at, *cache));
    let mut flying: BTreeMap<(usize, u32), i64> = BTreeMap::new();
    let mut most = 0;
    for instant in steps.chunk_by(|one, next| one.0 == next.0) {
        let mut at_once: i64 = flying.values().sum();
        for own in instant.chunk_by(|one, next| one.1 == next.1) {
            let count = flying.entry(own[0].1).or_default();
            let (before, mut peak) = (*count, 0);
            for (.., step) in own {
                *count += step;
                peak = peak.max(*count);
            }
            at_once += peak.max(*count) - before;
        }
        most = most.max(at_once);
    }
    most as f64
}

/// The range of each figure over all runs that have it, with the mean if it has one.
pub(super) fn over_runs<'v, K: Ord + ToString + 'v>(
    values: impl Iterator<Item = (&'v K, &'v Option<f64>)>,
) -> BTreeMap<String, MetricRange> {
    let mut by_name: BTreeMap<&K, Vec<Option<f64>>> = BTreeMap::new();
    for (name, value) in values {
        by_name.entry(name).or_default().push(*value);
    }
    let metric = |(name, values): (&K, Vec<Option<f64>>)| {
        let (name, range) = (name.to_string(), MetricRange::of(&values)?);
        if !SimulatedMetric::has_mean(&name) {
            return Some((name, range));
        }
        let runs: Vec<Vec<f64>> =
            values.iter().map(|value| value.iter().copied().collect()).collect();
        Some((name, range.with_mean(&runs)))
    };
    by_name.into_iter().filter_map(metric).collect()
}
