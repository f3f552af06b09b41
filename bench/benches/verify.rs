//! Verification of a good token from text to verdict: one group per algorithm, one line per
//! contender, floors and bounds included.

use criterion::{Criterion, criterion_group, criterion_main};

use jwtbench_bench::{ALGORITHMS, Rig, SEED, criterion, plan};
use jwtbench_engine::contender::ContenderSpec;
use jwtbench_scenario::issuer::signer::Signers;

fn verify(c: &mut Criterion) {
    let signers = Signers::new(SEED);
    for algorithm in ALGORITHMS {
        let plan = plan("hot-path/accept", algorithm, &signers);
        let mut group = c.benchmark_group(format!("verify/{algorithm}"));
        for spec in ContenderSpec::all() {
            if !spec.supports(algorithm) {
                continue;
            }
            let rig = Rig::new(&plan, spec);
            let mut line = rig.line("valid");
            line.assert_verdicts();
            group.bench_function(spec.to_string(), |b| b.iter(|| line.step()));
            line.assert_verdicts();
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = criterion();
    targets = verify
}
criterion_main!(benches);
