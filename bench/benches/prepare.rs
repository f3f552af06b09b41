//! What a backend does once per key and worker, before the first signature: one group per
//! algorithm, one line per backend. The key is parsed and checked before the timed part.

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};

use jwtbench::contender::ContenderSpec;
use jwtbench::scenario::plan::Plan;
use jwtbench::scenario::signer::Signers;
use jwtbench_verifier::backend;
use jwtbench_verifier::jwk::CheckedJwk;
use jwtbench_verifier::key_set::{KeySet, ParsedSet};

use jwtbench_bench::{ALGORITHMS, Rig, SEED, criterion, plan};

fn prepare(c: &mut Criterion) {
    let signers = Signers::new(SEED);
    for algorithm in ALGORITHMS {
        let plan = plan("hot-path/accept", algorithm, &signers);
        let key = published_key(&plan);
        let mut group = c.benchmark_group(format!("prepare/{algorithm}"));
        for backend in backend::available() {
            if !backend.supports(algorithm) {
                continue;
            }
            // The key, once prepared, verifies what the issuer signed.
            let rig = Rig::new(&plan, ContenderSpec::Core(backend));
            rig.line("valid").assert_verdicts();
            group.bench_function(backend.name(), |b| {
                b.iter(|| backend.prepare(algorithm, &key));
            });
            let name = backend.name();
            let prepared = backend.prepare(algorithm, &key).is_ok();
            assert!(prepared, "{name} refused the issuer's {algorithm} key");
            rig.line("valid").assert_verdicts();
        }
        group.finish();
    }
}

/// The issuer's key of the plan's algorithm.
fn published_key(plan: &Plan) -> Arc<CheckedJwk> {
    let body = &plan.timeline.epochs()[0].body;
    let parsed = ParsedSet::parse(body, &[plan.algorithm]).expect("the issuer's set is valid");
    let set = Arc::<KeySet>::default().succeed(parsed);
    let key = set.keys().find(|key| key.jwk.algorithm == plan.algorithm);
    Arc::clone(&key.expect("the issuer publishes its key").jwk)
}

criterion_group! {
    name = benches;
    config = criterion();
    targets = prepare
}
criterion_main!(benches);
