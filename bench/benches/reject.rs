//! The cost of a refusal, one line per token class: the classes that are decided from the text
//! alone, an unknown kid that the key set rules out, and the two most expensive ones, a bad
//! signature and an expired token.

use criterion::{Criterion, criterion_group, criterion_main};

use jwtbench_bench::{Rig, SEED, criterion, plan};
use jwtbench_engine::contender::ContenderSpec;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::token::class::Stage;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::aws_lc_rs::AwsLcRs;

/// Scenarios from which every class that `open` decides is taken.
const OPEN: [&str; 4] = [
    "hot-path/reject-form",
    "hot-path/reject-algorithm",
    "hot-path/reject-header",
    "oversized/shapes",
];

/// Scenarios, each with a class that a later step decides.
const LATER: [(&str, &str); 3] = [
    ("unknown-kid/unique-kids", "unknown-kid"),
    ("hot-path/reject-signature", "bad-signature"),
    ("hot-path/reject-time", "expired"),
];

fn reject(c: &mut Criterion) {
    let signers = Signers::new(SEED);
    let mut group = c.benchmark_group("reject");
    let later = LATER.map(|(name, class)| (name, Some(class)));
    let scenarios = OPEN.map(|name| (name, None));
    let mut seen = Vec::new();
    for (name, only) in scenarios.into_iter().chain(later) {
        let plan = plan(name, Algorithm::ES256, &signers);
        let rig = Rig::new(&plan, ContenderSpec::Core(&AwsLcRs));
        for class in plan.scenario.classes() {
            let is_wanted = match only {
                Some(only) => class.name() == only,
                None => class.row().stage == Stage::Open,
            };
            if !is_wanted || seen.contains(&class) {
                continue;
            }
            seen.push(class);
            let mut line = rig.line(class.name());
            line.assert_verdicts();
            group.bench_function(class.name(), |b| b.iter(|| line.step()));
            line.assert_verdicts();
        }
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = criterion();
    targets = reject
}
criterion_main!(benches);
