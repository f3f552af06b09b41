//! What a state strategy did in a trial, gathered from its rounds.

use jwtbench_result::simulation::MetricRange;
use jwtbench_result::{Count, StateResult};

use crate::state::model_store::StoreLoad;

use super::Gathering;

impl Gathering<'_> {
    /// What the state strategy of the plan did in the rounds that were not cut short; `None` if
    /// there is none, or the contender knows no state.
    pub(super) fn state(&self) -> Option<StateResult> {
        let spec = self.plan.scenario.state.as_ref().filter(|_| self.contender.has_key_cache())?;
        let loads = || self.states.iter().map(|state| &state.load);
        let sum = |of: fn(&StoreLoad) -> &Vec<f64>| loads().flat_map(of).sum::<f64>() as u64;
        let spans: Vec<Option<f64>> =
            self.states.iter().flat_map(|state| state.times.spans.iter().copied()).collect();
        let groups: Vec<Vec<f64>> = self
            .states
            .iter()
            .map(|state| state.times.spans.iter().copied().flatten().collect())
            .collect();
        let seconds = loads().flat_map(|load| load.lookups.iter().zip(&load.polls));
        let held = self.states.iter().map(|state| state.most_held);
        let count = |name: &str, count: u64| Count { name: name.into(), count };
        let causes = self.ledger.state_lockouts.iter();
        Some(StateResult {
            strategy: spec.strategy.name.clone(),
            strategy_hash: self.plan.state_strategy_hash().unwrap_or_default(),
            text: spec.strategy.text.clone(),
            token_lifetime_s: self.plan.scenario.issuer.token_lifetime.as_secs_f64(),
            issuance_hash: self.plan.issuance_hash().unwrap_or_default(),
            store: self.states.first().map(|state| state.store.clone()).unwrap_or_default(),
            revocations: self.states.iter().map(|state| state.bounds.len() as u64).sum(),
            exposure_s: MetricRange::of(&spans).map(|range| range.with_mean(&groups)),
            lockout_causes: causes.map(|(cause, number)| count(cause, *number)).collect(),
            requests: vec![
                count("lookup", sum(|load| &load.lookups)),
                count("poll", sum(|load| &load.polls)),
            ],
            peak_per_s: seconds.map(|(lookups, polls)| lookups + polls).fold(0.0, f64::max),
            entries: held.clone().map(|(entries, _)| entries as u64).max().unwrap_or(0),
            bytes: held.map(|(_, bytes)| bytes as u64).max().unwrap_or(0),
        })
    }
}
