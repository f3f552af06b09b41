//! Steps 1 to 6 on good tokens: split the text at the dots, then decode and parse the header that a
//! key is looked up for. Payload and signature stay encoded.

use criterion::{Criterion, criterion_group, criterion_main};

use jwtbench_bench::{Rig, SEED, criterion, plan};
use jwtbench_engine::contender::ContenderSpec;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::null::Null;
use jwtbench_verifier::verifier::{Scratch, Verifier};

const LINES: [(Algorithm, &str); 5] = [
    (Algorithm::RS256, "valid"),
    (Algorithm::ES256, "valid"),
    (Algorithm::EdDSA, "valid"),
    (Algorithm::ES256, "valid-2k"),
    (Algorithm::ES256, "valid-8k"),
];

fn open(c: &mut Criterion) {
    let signers = Signers::new(SEED);
    let mut group = c.benchmark_group("open");
    for (algorithm, class) in LINES {
        let plan = plan("hot-path/sizes", algorithm, &signers);
        let rig = Rig::new(&plan, ContenderSpec::Core(&Null));
        let line = rig.line(class);
        let verifier = Verifier::new(rig.policy().clone());
        let mut scratch = Scratch::new(rig.policy());
        let assert_opens = |scratch: &mut Scratch| {
            for token in line.tokens() {
                let code = verifier.open(token.bytes, scratch).err();
                assert_eq!(code, None, "open: {class} {algorithm} was refused");
            }
        };
        assert_opens(&mut scratch);
        let mut tokens = line.tokens().iter().cycle();
        group.bench_function(format!("{algorithm}/{class}"), |b| {
            b.iter(|| {
                let token = tokens.next().expect("a cycle has no end");
                verifier.open(token.bytes, &mut scratch).is_ok()
            });
        });
        assert_opens(&mut scratch);
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = criterion();
    targets = open
}
criterion_main!(benches);
