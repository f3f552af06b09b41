//! What odd entries in a key set cost: published keys that the verifier does not hold, against the
//! same scenario without those entries.

use std::sync::Arc;

use jwtbench_verifier::key_cache::Freshness;
use jwtbench_verifier::tick::Tick;

use crate::jwks::caches::Caches;
use crate::jwks::key_source::KeySource;
use crate::scenario::event::Action;
use crate::scenario::issuer::{Published, Timeline};
use crate::scenario::plan::Plan;
use crate::scenario::signer::Signers;

use super::with;

/// Which share of the published keys is not held, from one instant to the next.
#[derive(Default)]
pub(super) struct Losses(Vec<(Tick, f64)>);

impl Losses {
    /// From `now` on it is as the caches have it: the mean over them.
    pub(super) fn note(&mut self, plan: &Plan, caches: &Caches, now: Tick) {
        let published = &plan.timeline.at(now).published;
        let held = |source: &KeySource| -> usize {
            let view = source.view();
            // What came and was not kept was not lost; what did not come was.
            let has_come = view.last_fetch.is_none_or(|last| last.ok);
            let set = match view.freshness {
                Freshness::None if has_come => source.sets().pop(),
                Freshness::None => None,
                _ => Some(Arc::clone(&view.keys)),
            };
            let is_held = |key: &&Published| {
                let found = set.as_ref().map(|set| set.find(Some(&key.kid), plan.algorithm));
                found.is_some_and(|found| {
                    found.is_ok_and(|found| found.jwk.thumbprint == key.thumbprint)
                })
            };
            published.iter().filter(is_held).count()
        };
        let (mut sum, mut count) = (0, 0);
        for source in caches.iter() {
            (sum, count) = (sum + held(source), count + published.len());
        }
        let lost = 1.0 - sum as f64 / count.max(1) as f64;
        match self.0.last_mut() {
            Some((at, last)) if *at == now => *last = lost,
            Some((_, last)) if *last == lost => {}
            _ => self.0.push((now, lost)),
        }
    }

    fn at(&self, now: Tick) -> f64 {
        let later = self.0.partition_point(|(at, _)| *at <= now);
        later.checked_sub(1).map_or(0.0, |last| self.0[last].1)
    }

    /// The greatest share in a span that is lost here and not there.
    pub(super) fn beyond(&self, clean: &Losses, (from, until): (Tick, Tick)) -> f64 {
        let steps = self.0.iter().chain(&clean.0).map(|(at, _)| *at);
        let within = steps.filter(|at| (from..until).contains(at)).chain([from]);
        within.map(|at| self.at(at) - clean.at(at)).fold(0.0, f64::max)
    }
}

/// Whether odd entries are published in it.
pub(super) fn is_poisoned(plan: &Plan) -> bool {
    plan.scenario.events.iter().any(|event| matches!(event.action, Action::PublishSet(_)))
}

/// The same without them.
pub(super) fn cleaned(plan: &Plan, signers: &Signers) -> Plan {
    let mut scenario = plan.scenario.clone();
    for event in &mut scenario.events {
        if let Action::PublishSet(entries) = &mut event.action {
            entries.clear();
        }
    }
    let classes = scenario.classes();
    let timeline = Timeline::new(&scenario.events, plan.algorithm, &classes, signers);
    Plan { timeline, ..with(plan, scenario) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_lost_here_alone_counts() {
        let tick = Tick;
        let poisoned = Losses(vec![(tick(0), 0.0), (tick(10), 1.0), (tick(20), 0.5)]);
        let clean = Losses(vec![(tick(0), 0.0), (tick(12), 0.5)]);
        let rows = [
            ((0, 30), 1.0, "from 10 to 12 nothing is held here, and all there"),
            ((12, 30), 0.5, "later half of it is"),
            ((20, 30), 0.0, "in the end both lack the same"),
            ((0, 10), 0.0, "before"),
            ((11, 12), 1.0, "a span without a step"),
        ];
        for ((from, until), expected, reason) in rows {
            assert_eq!(poisoned.beyond(&clean, (tick(from), tick(until))), expected, "{reason}");
        }
        assert_eq!(clean.beyond(&clean, (tick(0), tick(30))), 0.0, "never against itself");
    }
}
