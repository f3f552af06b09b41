//! The cost of odd entries in a key set: published keys that a fetch of the set does not yield. It
//! depends on the set and the policy alone; a fetch only decides whether it occurs.

use jwtbench_scenario::issuer::Epoch;
use jwtbench_scenario::model::endpoint::Fault;
use jwtbench_scenario::model::event::Action;
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::key_cache::Terms;
use jwtbench_verifier::tick::Tick;

/// The beginning of each epoch of the issuer, and the share of its keys that a fetch loses.
pub(super) struct Losses(Vec<(Tick, f64)>);

impl Losses {
    /// The losses of a plan; `None` if no odd entry is ever published.
    pub(super) fn of(plan: &Plan) -> Option<Losses> {
        let mut events = plan.scenario.events.iter();
        let is_odd = |action: &Action| matches!(action, Action::PublishSet(odd) if !odd.is_empty());
        events.any(|event| is_odd(&event.action)).then(|| {
            let epochs = plan.timeline.epochs().iter();
            Losses(epochs.map(|epoch| (epoch.at, lost(plan, epoch))).collect())
        })
    }

    /// The greatest share of keys that one of these attempts lost. Only attempts count that began
    /// in the span, while the endpoint had no fault.
    pub(super) fn worst(
        &self,
        plan: &Plan,
        starts: impl Iterator<Item = Tick>,
        (from, until): (Tick, Tick),
    ) -> f64 {
        let is_whole = |at: &Tick| {
            let mut phases = plan.scenario.phases.iter().rev();
            let phase = phases.find(|phase| Tick::ZERO + phase.at <= *at);
            phase.is_none_or(|phase| phase.endpoint.fault == Fault::None)
        };
        let within = starts.filter(|at| (from..until).contains(at)).filter(is_whole);
        within.map(|at| self.at(at)).fold(0.0, f64::max)
    }

    fn at(&self, now: Tick) -> f64 {
        let begun = self.0.iter().rfind(|(since, _)| *since <= now);
        begun.map_or(0.0, |(_, lost)| *lost)
    }
}

/// The share of an epoch's keys that its set does not yield under the plan's cache policy.
fn lost(plan: &Plan, epoch: &Epoch) -> f64 {
    let terms = Terms::of(&plan.scenario.cache.policy);
    let set = terms.read(&epoch.body, &[plan.algorithm]);
    let is_there = |kid: &str, thumbprint| {
        let found = set.as_ref().ok().and_then(|set| set.find(Some(kid), plan.algorithm).ok());
        found.is_some_and(|found| found.jwk.thumbprint == thumbprint)
    };
    let published = &epoch.published;
    let there = published.iter().filter(|key| is_there(&key.kid, key.thumbprint)).count();
    1.0 - there as f64 / published.len().max(1) as f64
}
