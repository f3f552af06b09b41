//! A remembered token is judged anew in all that may have changed since: its key, its time, its
//! revocation. The contender is driven by hand, so that every instant is exact.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use jwtbench_engine::contender::{Contender, ContenderSpec, Presented, Progress, Setup};
use jwtbench_engine::jwks::in_process::InProcess;
use jwtbench_engine::jwks::key_source::KeySource;
use jwtbench_engine::state::fleet::StateFleet;
use jwtbench_scenario::catalogue::Catalogue;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::model::place::{TokenPlace, WorkerPlace};
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::cache_policy::VerdictCachePolicy;
use jwtbench_verifier::policy::Policy;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::state_check::{Knowledge, StateCheck, StateEntry};
use jwtbench_verifier::state_strategy::{ColdStart, Feed, OnGap, Push, StateStrategy};
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::Verdict;

const SECOND: i64 = 1_000_000_000;

/// Everything a contender of one worker needs.
struct Bench {
    plan: Plan,
    policy: Policy,
    source: Arc<KeySource>,
    fleet: StateFleet,
}

fn bench(is_tied: bool) -> Bench {
    let library = Catalogue::find(Path::new(env!("CARGO_MANIFEST_DIR")));
    let scenario = library.select(&["verdict-cache/repeat".into()]).unwrap().remove(0);
    let plan = Plan::new(&scenario.thinned(40.0), Algorithm::ES256, &Signers::new(1), &|_| {});
    let mut cache = plan.scenario.cache.policy.clone();
    cache.verdict_cache = Some(VerdictCachePolicy { is_tied, ..VerdictCachePolicy::default() });
    let warm = Some((plan.timeline.epochs()[0].body.clone().into(), Tick::ZERO));
    let backend = ContenderSpec::all()[0].backend();
    let transport = Box::new(InProcess::default());
    let source = KeySource::new(backend, &[plan.algorithm], cache, 1, 0..1, warm, transport);
    let policy = Policy::new(plan.scenario.policy_for(plan.algorithm)).unwrap();
    let fleet = fleet(&plan, StateStrategy::memory());
    Bench { plan, policy, source: Arc::new(source), fleet }
}

/// One instance under this strategy, which has heard of nothing.
fn fleet(plan: &Plan, strategy: StateStrategy) -> StateFleet {
    let machine = StateCheck::new(strategy.clone(), 1);
    StateFleet::new(strategy, plan.epoch, vec![machine])
}

impl Bench {
    fn contender(&self) -> Box<dyn Contender<'_> + '_> {
        self.contender_of(&self.fleet)
    }

    fn contender_of<'b>(&'b self, fleet: &'b StateFleet) -> Box<dyn Contender<'b> + 'b> {
        ContenderSpec::all()[0].build(&Setup {
            policy: &self.policy,
            algorithm: self.plan.algorithm,
            clock: self.plan.wall_clock(),
            source: &self.source,
            state: None,
            fleet: Some(fleet),
            worker: WorkerPlace(0),
            key_set: &self.plan.timeline.epochs()[0].body,
            corpus: &[],
        })
    }

    /// The verdict on the first token, at an instant; `None` if it waits for keys.
    fn ask<'b>(&'b self, contender: &mut (dyn Contender<'b> + 'b), at: i64) -> Option<Verdict> {
        let bytes = &*self.plan.corpus.tokens[0].bytes;
        match contender.begin(0, Presented { place: TokenPlace(0), bytes }, Tick(at)) {
            Progress::Done(verdict) => Some(verdict),
            Progress::Waiting => None,
        }
    }

    fn judge<'b>(&'b self, contender: &mut (dyn Contender<'b> + 'b), at: i64) -> Verdict {
        self.ask(contender, at).expect("a verdict at once")
    }
}

#[test]
fn a_hit_is_judged_by_the_state_of_now() {
    for is_tied in [true, false] {
        let bench = bench(is_tied);
        let mut contender = bench.contender();
        let first = bench.judge(&mut *contender, 0);
        assert_eq!((first.code, first.remembered), (Ok(()), None), "proven");
        let again = bench.judge(&mut *contender, 1);
        assert_eq!((again.code, again.remembered), (Ok(()), Some(1)), "remembered");
        let facts = &bench.plan.corpus.tokens[0].facts;
        let (key, knowledge) = (facts.jwt_id.clone(), Knowledge::Revoked);
        bench.fleet.pushed(0, None, &[StateEntry { key, knowledge, end: Tick::MAX }], Tick(2));
        let revoked = bench.judge(&mut *contender, 2);
        assert_eq!(revoked.code, Err(Rejection::Revoked), "a hit asks for revocation");
        assert_eq!(revoked.remembered, Some(1));
        let push = Push { replays: true, heartbeat: None, on_gap: OnGap::Keep };
        let cold = Feed { cold_start: ColdStart::Closed, push: Some(push), ..Feed::memory() };
        let cold = StateStrategy { feed: Some(cold), ..StateStrategy::memory() };
        let cold = fleet(&bench.plan, cold);
        let down = bench.judge(&mut *bench.contender_of(&cold), 3);
        assert_eq!(down.code, Err(Rejection::StateUnavailable), "and whether it can");
    }
}

#[test]
fn a_tied_verdict_dies_with_the_key_set() {
    for is_tied in [true, false] {
        let bench = bench(is_tied);
        let mut contender = bench.contender();
        bench.judge(&mut *contender, 0);
        let kid = bench.plan.timeline.epochs()[0].signing_kid.clone();
        bench.source.evict(&kid, Tick(1));
        let Some(after) = bench.ask(&mut *contender, 2) else {
            assert!(is_tied, "only what is tied has to ask for keys again");
            continue;
        };
        assert_eq!((after.code, after.remembered), (Ok(()), Some(1)), "it did not notice");
        assert!(!is_tied, "trusted beyond its key");
        let held = after.held.unwrap().generation;
        assert_eq!(held, 2, "the verdict tells which set was held");
    }
}

#[test]
fn no_verdict_outlives_its_token() {
    let bench = bench(false);
    let mut contender = bench.contender();
    bench.judge(&mut *contender, 0);
    let facts = &bench.plan.corpus.tokens[0].facts;
    let leeway = bench.plan.scenario.leeway();
    let last = (facts.expires + leeway).0 - bench.plan.epoch.0;
    let last = i64::try_from(last).unwrap();
    let verdict = bench.judge(&mut *contender, last - 1);
    assert_eq!((verdict.code, verdict.remembered), (Ok(()), Some(1)), "the last instant");
    let verdict = bench.judge(&mut *contender, last);
    assert_eq!(verdict.code, Err(Rejection::Expired), "a hit judges the time");
    assert!(bench.source.verdicts().unwrap().is_empty(), "and what is past is forgotten");
    assert!(last < 3600 * SECOND, "within the hour");
}
