//! The throughput of one worker and of two, while the key set is replaced every tenth of a second.
//! Every verdict is checked. The ratio of the throughputs is printed for `scripts/speed`; no time
//! is asserted.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jwtbench_bench::SEED;
use jwtbench_engine::contender::{ContenderSpec, Presented, Progress, Setup};
use jwtbench_engine::jwks::in_process::InProcess;
use jwtbench_engine::jwks::key_source::KeySource;
use jwtbench_scenario::Scenario;
use jwtbench_scenario::catalogue::Catalogue;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::model::place::{TokenPlace, WorkerPlace};
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend;
use jwtbench_verifier::policy::Policy;
use jwtbench_verifier::tick::Tick;

/// The number of key sets that replace one another in a run.
const SWAPS: usize = 9;
const PAUSE: Duration = Duration::from_millis(100);
/// The number of pairs of runs. A debug build runs only one pair, because it measures no speed.
const PAIRS: usize = if cfg!(debug_assertions) { 1 } else { 5 };

/// A plan with good tokens of a key that stays, in a set with other keys that are removed.
fn plan(algorithm: Algorithm) -> Plan {
    let mut text = "title = \"Swap\"\nanalysis = \"None.\"\n\
        [load]\narrivals = \"constant\"\nduration = \"1s\"\n\
        [[stream]]\nname = \"users\"\nrate = 200\ntokens = { valid = 100 }\n"
        .to_owned();
    for number in 0..SWAPS {
        text += &format!("[[event]]\nat = \"{number}ms\"\npublish-key = \"other-{number}\"\n");
    }
    let library = Catalogue::find(Path::new(env!("CARGO_MANIFEST_DIR")));
    let scenario = Scenario::parse(Path::new("test/swap.toml"), &text, &library.presets())
        .unwrap_or_else(|error| panic!("{error}"));
    Plan::new(&scenario, algorithm, &Signers::new(SEED), &|_| {})
}

/// Operations per second of `workers` workers, while all keys but one are removed one by one.
fn throughput(plan: &Plan, workers: u32) -> f64 {
    let spec = ContenderSpec::Core(backend::find("aws-lc-rs").expect("a backend"));
    let policy = Policy::new(plan.scenario.policy_for(plan.algorithm)).expect("a policy");
    let last = plan.timeline.epochs().last().expect("an epoch");
    let warm = Some((last.body.clone().into(), Tick::ZERO));
    let cache = plan.scenario.cache.policy.clone();
    let transport = Box::new(InProcess::default());
    let allowed = [plan.algorithm];
    let source = KeySource::new(spec.backend(), &allowed, cache, SEED, 0..workers, warm, transport);
    let source = Arc::new(source);
    let texts: Vec<&[u8]> = plan.corpus.tokens.iter().map(|token| &*token.bytes).collect();
    let stop = AtomicBool::new(false);
    let work = |worker: u32| {
        let mut contender = spec.build(&Setup {
            policy: &policy,
            algorithm: plan.algorithm,
            clock: plan.wall_clock(),
            source: &source,
            state: None,
            fleet: None,
            worker: WorkerPlace(worker),
            key_set: &last.body,
            corpus: &texts,
        });
        let (start, mut done) = (Instant::now(), 0u64);
        while !stop.load(Ordering::Relaxed) {
            for (place, bytes) in (0u32..).zip(&texts).take(64) {
                match contender.begin(0, Presented { place: TokenPlace(place), bytes }, Tick::ZERO)
                {
                    Progress::Done(verdict) => assert_eq!(verdict.code, Ok(())),
                    Progress::Waiting => panic!("a good token waits for keys that are held"),
                }
                done += 1;
            }
        }
        done as f64 / start.elapsed().as_secs_f64()
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..workers).map(|worker| scope.spawn(move || work(worker))).collect();
        let others = last.published.iter().filter(|key| key.label.starts_with("other-"));
        for key in others {
            std::thread::sleep(PAUSE);
            source.evict(&key.kid, Tick::ZERO);
        }
        std::thread::sleep(PAUSE);
        stop.store(true, Ordering::Relaxed);
        assert_eq!(source.view().keys.generation(), SWAPS as u64 + 1, "each is another set");
        workers.into_iter().map(|worker| worker.join().expect("a worker")).sum()
    })
}

#[test]
fn workers_go_on_while_the_key_set_is_replaced() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256] {
        let plan = plan(algorithm);
        let mut ratios: Vec<f64> =
            (0..PAIRS).map(|_| 1.0 / throughput(&plan, 1) * throughput(&plan, 2)).collect();
        ratios.sort_by(f64::total_cmp);
        let (low, high) = (ratios[0], ratios[PAIRS - 1]);
        println!("swap: {algorithm}: {:.3} {low:.3} {high:.3}", ratios[PAIRS / 2]);
    }
}
