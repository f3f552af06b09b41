//! What no state strategy can undercut that hears of revocations from the store alone and locks
//! nobody out.

use jwtbench_scenario::model::state::StoreFault;
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::tick::Tick;

use super::truth::StateTruth;

/// For each revocation the least time for which its token stays trusted, in seconds: until the
/// store first has no fault, or until no verifier accepts the token any more. `None` if that is
/// beyond the horizon. Whatever else delays the news only adds to it.
pub(super) fn bounds(plan: &Plan, truth: &StateTruth, horizon: Tick) -> Vec<Option<f64>> {
    let phases = &plan.scenario.phases;
    let bound = |(at, end): (Tick, Tick)| {
        let begun = phases.partition_point(|phase| Tick::ZERO + phase.at <= at);
        let mut from_now = phases.iter().skip(begun.saturating_sub(1));
        let works = from_now.find(|phase| phase.store.fault == StoreFault::None);
        let told = works.map_or(Tick::MAX, |phase| (Tick::ZERO + phase.at).max(at));
        let until = told.min(end);
        (until <= horizon).then(|| until.since(at).as_secs_f64())
    };
    truth.revocations.iter().map(|one| bound((one.at, one.end))).collect()
}
