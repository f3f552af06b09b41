//! The work of a backend once per key and worker, before the first signature check: one group per
//! algorithm, one line per backend. The key is parsed and checked before the timed part.

use criterion::{Criterion, criterion_group, criterion_main};

use jwtbench_bench::{ALGORITHMS, Rig, SEED, criterion, plan, published_key};
use jwtbench_engine::contender::ContenderSpec;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_verifier::backend;

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
            // The prepared key must verify what the issuer signed.
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

criterion_group! {
    name = benches;
    config = criterion();
    targets = prepare
}
criterion_main!(benches);
