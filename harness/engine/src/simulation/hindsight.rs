//! Hindsight: the results that a cache could reach that fetches only when the issuer or its
//! endpoint has changed. Keys enter and leave it by completed fetches alone, over the same
//! endpoint.

use std::collections::BTreeSet;
use std::time::Duration;

use rayon::prelude::*;

use jwtbench_result::simulation::HindsightPoint;
use jwtbench_scenario::Scenario;
use jwtbench_scenario::format::cache::{CacheSpec, Start};
use jwtbench_scenario::plan::Plan;
use jwtbench_scenario::token::corpus::Refs;
use jwtbench_verifier::cache_policy::{
    BadEntry, Budget, CachePolicy, Coalescing, EmptySet, LockScope, OnFailure, OutageAnswer,
    Refresh, Timeouts, UnknownKid,
};
use jwtbench_verifier::tick::Tick;

use crate::trial::TrialError;

use super::instance::Instance;
use super::metrics::{greatest, starts};

/// The time from a change to the fetch after it.
const SOON: Duration = Duration::from_nanos(1);
/// The limits of time of a fetch.
const PATIENCE: Duration = Duration::from_secs(60);

/// The instants of fetches, each just after a change. Those that gain most come first.
pub(super) struct Schedule(Vec<Tick>);

/// The schedule of fetches that leaves little exposure and lockout for 0, 1, 2 … fetches. Fetches
/// are added one by one, each after the change where it gains most, until another gains nothing.
///
/// # Errors
/// If the scenario's policy does not allow the algorithm.
pub(super) fn schedule(plan: &Plan, refs: &Refs) -> Result<Schedule, TrialError> {
    let plan = plan.flowing(told(&plan.scenario));
    let mut open = changes(&plan);
    let mut chosen: Vec<Tick> = Vec::new();
    let horizon = plan.scenario.load.duration.as_secs_f64();
    let cost = |point: &HindsightPoint| point.exposure_s.unwrap_or(horizon) + point.lockout_s;
    let mut last = cost(&live(&plan, refs, &chosen)?);
    while !open.is_empty() {
        let one = |at: &Tick| {
            let with_it: Vec<Tick> = chosen.iter().chain([at]).copied().collect();
            live(&plan, refs, &with_it).map(|point| (*at, cost(&point)))
        };
        let tried = open.par_iter().map(one).collect::<Result<Vec<_>, TrialError>>()?;
        let best = tried.into_iter().min_by(|(_, a), (_, b)| a.total_cmp(b));
        let Some((at, least)) = best.filter(|(_, least)| *least < last) else {
            break;
        };
        last = least;
        chosen.push(at);
        open.remove(&at);
    }
    Ok(Schedule(chosen))
}

impl Schedule {
    /// The exposure and lockout that remain with the first 0, 1, 2 … fetches, under the arrivals of
    /// a plan. The schedule depends on the issuer's changes and not on the arrivals, so one
    /// schedule serves all draws.
    ///
    /// # Errors
    /// The errors of [`schedule`].
    pub(super) fn points(
        &self,
        plan: &Plan,
        refs: &Refs,
    ) -> Result<Vec<HindsightPoint>, TrialError> {
        let plan = plan.flowing(told(&plan.scenario));
        let counts: Vec<usize> = (0..=self.0.len()).collect();
        counts.par_iter().map(|count| live(&plan, refs, &self.0[..*count])).collect()
    }
}

/// The instants just after a change of the issuer or its endpoint.
fn changes(plan: &Plan) -> BTreeSet<Tick> {
    let sets = plan.timeline.epochs().windows(2).filter(|pair| pair[0].body != pair[1].body);
    let sets = sets.map(|pair| pair[1].at);
    let phases = plan.scenario.phases.windows(2);
    let phases = phases.filter(|pair| pair[0].endpoint != pair[1].endpoint);
    let phases = phases.map(|pair| Tick::ZERO + pair[1].at);
    sets.chain(phases).map(|at| at + SOON).collect()
}

/// The same scenario under a policy that fetches only when told to. A token waits for its key or
/// kid if that is being fetched.
fn told(scenario: &Scenario) -> Scenario {
    let never = Duration::from_secs(u64::from(u32::MAX));
    let policy = CachePolicy {
        ttl: Duration::MAX,
        refresh_ahead: None,
        refresh: Refresh::Periodic,
        unknown_kid: UnknownKid::Refetch,
        budget: Some(Budget::sliding(0, never)),
        grounds: Duration::ZERO,
        refetch_bad_signature: true,
        stale_if_error: Duration::MAX,
        on_failure: OnFailure::Keep,
        coalescing: Coalescing::SingleFlight,
        lock: LockScope::Misses,
        per_kid: None,
        bad_entry: BadEntry::Skip,
        empty_set: EmptySet::Accept,
        outage: OutageAnswer::Unavailable,
        push_eviction: false,
        timeouts: Timeouts { connect: PATIENCE, idle: PATIENCE, total: PATIENCE },
        max_body: 1 << 30,
        retries: 0,
        backoff_min: never,
        backoff_max: never,
        max_wait: PATIENCE,
        max_waits: usize::MAX,
        verdict_cache: None,
        ..CachePolicy::default()
    };
    let start = scenario.cache.start;
    let cache = CacheSpec { name: "hindsight".into(), policy, start };
    scenario.clone().cached_by(cache)
}

fn live(plan: &Plan, refs: &Refs, renewals: &[Tick]) -> Result<HindsightPoint, TrialError> {
    let warm_since = (plan.scenario.cache.start != Start::Cold).then_some(Tick::ZERO);
    let mut renewals = renewals.to_vec();
    renewals.sort();
    let instance =
        Instance { plan, refs, warm_since, seed: plan.seed, renewals: &renewals, scopes: &[] };
    let instance = instance.run()?;
    Ok(HindsightPoint {
        scenario: plan.scenario.name.clone(),
        fetches: starts(&instance.fetches).count() as u64,
        // If no key is withdrawn, none is trusted too long.
        exposure_s: greatest(instance.exposures.iter().copied()).unwrap_or(Some(0.0)),
        lockout_s: instance.tally.whole.lockout_s(),
    })
}
