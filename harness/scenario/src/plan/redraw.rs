//! Plans of the same scenario from other seeds. The arrivals, the draws of classes and holders, and
//! the jitter of faults and caches differ. Keys, events, rates and tokens are the same. This module
//! is pure.

use std::sync::Arc;

use jwtbench_verifier::policy::PolicySpec;

use crate::issuer::signer::Signers;
use crate::model::place::WorkerPlace;
use crate::plan::fingerprint::plan_hash;
use crate::token::corpus::{Corpus, Refs};

use super::{Arrival, EPOCH, Plan, PlanParts, holders, mint, schedule};

/// A plan whose arrivals can be drawn again from any of several seeds, with one corpus.
pub struct Redraw<'p> {
    plan: &'p Plan,
    refs: Refs,
    corpus: Arc<Corpus>,
}

impl<'p> Redraw<'p> {
    /// Mints the tokens that the plans of `seeds` need beside those of `plan`, under its keys.
    /// `signers` and `minted_for` are those with which `plan` was made.
    pub fn new(
        plan: &'p Plan,
        signers: &Signers,
        minted_for: &PolicySpec,
        seeds: &[u64],
    ) -> Redraw<'p> {
        let scenario = &plan.scenario;
        let mut refs = Refs::default();
        // The plan's own seed is first, so that its tokens keep their places.
        for seed in std::iter::once(&plan.seed).chain(seeds) {
            schedules(plan, *seed, &mut refs);
        }
        let holders = holders(scenario);
        let signers = &signers.with_rsa_bits(scenario.issuer.rsa_bits);
        let mint = mint(scenario, plan.algorithm, (signers, &plan.timeline), minted_for, &holders);
        let further = &refs.names()[plan.corpus.tokens.len()..];
        let corpus = match further {
            [] => Arc::clone(&plan.corpus),
            _ => {
                let further = Corpus::mint(&mint, further, &|| {}).tokens;
                Arc::new(Corpus::of(plan.corpus.tokens.iter().cloned().chain(further).collect()))
            }
        };
        Redraw { plan, refs, corpus }
    }

    /// The plan for one of the seeds.
    pub fn plan(&self, seed: u64) -> Plan {
        let PlanParts { scenario, algorithm, timeline, .. } = &**self.plan;
        let schedules = schedules(self.plan, seed, &mut self.refs.clone());
        let hash = plan_hash(scenario, *algorithm, &schedules, self.refs.names(), &self.corpus);
        Plan(PlanParts {
            scenario: scenario.clone(),
            algorithm: *algorithm,
            seed,
            epoch: EPOCH,
            is_still: false,
            schedules,
            timeline: timeline.clone(),
            corpus: Arc::clone(&self.corpus),
            hash,
        })
    }
}

/// The arrivals of each worker for this seed.
fn schedules(plan: &Plan, seed: u64, refs: &mut Refs) -> Vec<Vec<Arrival>> {
    let workers = 0..plan.scenario.load.workers;
    workers
        .map(|worker| schedule(&plan.scenario, plan.algorithm, seed, WorkerPlace(worker), refs))
        .collect()
}

#[cfg(test)]
mod tests {
    use jwtbench_verifier::algorithm::Algorithm;

    use crate::Scenario;
    use crate::catalogue::source::Source;
    use crate::format::cache::Presets;

    use super::*;

    const TEXT: &str = r#"
title = "t"
analysis = "a"
[issuer]
token-lifetime = "1s"
[load]
arrivals = "poisson"
workers = 2
warmup = "100ms"
duration = "1s"
[[stream]]
name = "users"
rate = 300
tokens = { valid = 90, unknown-kid = 10 }
[[event]]
at = "500ms"
publish-key = "next"
[[event]]
at = "500ms"
sign-with = "next"
"#;

    fn plan() -> (Plan, Signers) {
        let path = std::path::Path::new("user/redrawn.toml");
        let scenario = Scenario::parse(path, TEXT, &Presets::of(Source::Binary)).unwrap();
        let signers = Signers::new(5);
        (Plan::new(&scenario, Algorithm::ES256, &signers, &|_| {}), signers)
    }

    /// Compares the plan of each seed with the plan itself: what varies, and what does not.
    #[test]
    fn other_seeds_vary_arrivals_and_jitter_alone() {
        let (plan, signers) = plan();
        let redraw = Redraw::new(&plan, &signers, &plan.scenario.policy, &[6, 7]);
        let texts = |plan: &Plan| -> Vec<Box<[u8]>> {
            plan.corpus.tokens.iter().map(|token| token.bytes.clone()).collect()
        };
        let known = texts(&plan);
        for seed in [6, 7] {
            let other = redraw.plan(seed);
            assert_eq!(other.seed, seed, "what jitter is drawn from");
            assert_ne!(other.schedules, plan.schedules, "seed {seed}");
            assert_eq!(texts(&other)[..known.len()], known[..], "the plan's tokens come first");
            let bodies = |plan: &Plan| plan.timeline.epochs().last().unwrap().body.clone();
            assert_eq!(bodies(&other), bodies(&plan), "the same keys");
            let used = other.schedules.iter().flatten().map(|arrival| arrival.token.index());
            assert!(used.max() < Some(other.corpus.tokens.len()), "every arrival has its token");
        }
        assert_ne!(redraw.plan(6).schedules, redraw.plan(7).schedules);
        assert_ne!(redraw.plan(6).hash, redraw.plan(7).hash);
    }

    /// The plan for the plan's own seed is the plan itself.
    #[test]
    fn its_own_seed_gives_the_plan_again() {
        let (plan, signers) = plan();
        let own = Redraw::new(&plan, &signers, &plan.scenario.policy, &[]).plan(plan.seed);
        assert_eq!((&own.hash, &own.corpus.hash), (&plan.hash, &plan.corpus.hash));
        assert_eq!(own.schedules, plan.schedules);
    }

    /// A token is minted from its name alone, so the plan of another seed under the same keys has
    /// the same token.
    #[test]
    fn further_tokens_are_those_that_the_keys_sign() {
        let (plan, signers) = plan();
        let one = Redraw::new(&plan, &signers, &plan.scenario.policy, &[6, 7]);
        let other = Redraw::new(&plan, &signers, &plan.scenario.policy, &[7]);
        assert!(one.corpus.tokens.len() > plan.corpus.tokens.len(), "there are further ones");
        let [with, without] = [&one, &other].map(|redraw| {
            let plan = redraw.plan(7);
            let text = |a: &Arrival| plan.corpus.tokens[a.token.index()].bytes.clone();
            plan.schedules.iter().flatten().map(text).collect::<Vec<_>>()
        });
        assert_eq!(with, without, "whoever else is drawn");
    }
}
