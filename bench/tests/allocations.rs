//! Heap allocations of our code once it is warm: none for a good token, and none for a refusal
//! unless its JSON is invalid or contains escapes. They are counted with backends that do not
//! allocate.

use jwtbench_bench::{Line, Rig, SEED, plan};
use jwtbench_engine::contender::{ContenderSpec, Progress};
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::token::class::Stage;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::{Backend, null::Null, ring::Ring};

#[global_allocator]
static HEAP: dhat::Alloc = dhat::Alloc;

/// An algorithm and a backend that do not allocate: ring works on the stack for P-256, but not for
/// RSA.
const JUDGES: (Algorithm, &dyn Backend) = (Algorithm::ES256, &Ring);

const REJECTS: [&str; 10] = [
    "hot-path/reject-algorithm",
    "hot-path/reject-claims",
    "hot-path/reject-form",
    "hot-path/reject-header",
    "hot-path/reject-key",
    "hot-path/reject-purpose",
    "hot-path/reject-request",
    "hot-path/reject-signature",
    "hot-path/reject-time",
    "unknown-kid/unique-kids",
];

/// Classes with tokens whose JSON is invalid, of the wrong type or contains escapes. serde_json
/// allocates its errors, and unescaped text needs a buffer.
const BROKEN: [&str; 6] = [
    "bad-payload",
    "claim-type",
    "duplicate-claim",
    "duplicate-header",
    "malformed",
    "scope-syntax",
];
/// The most allocations that such a token may cause.
const MOST: u64 = 3;

/// The allocations of one round over the tokens of a class, after two rounds of warm-up.
fn allocations(mut line: Line<'_>, class: &str) -> u64 {
    line.assert_verdicts();
    let rounds = line.tokens().len();
    for _ in 0..rounds {
        line.step();
    }
    let _profiler = dhat::Profiler::builder().testing().build();
    for _ in 0..rounds {
        assert!(matches!(line.step(), Progress::Done(_)), "{class}: waits for keys");
    }
    dhat::HeapStats::get().total_blocks
}

#[test]
fn the_warm_core_takes_nothing_from_the_heap() {
    let signers = Signers::new(SEED);
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        for name in ["hot-path/accept", "verdict-cache/repeat"] {
            let plan = plan(name, algorithm, &signers);
            let rig = Rig::new(&plan, ContenderSpec::Core(&Null));
            assert_eq!(allocations(rig.line("valid"), "valid"), 0, "{name}, {algorithm}");
        }
    }
    let (algorithm, backend) = JUDGES;
    let mut seen = vec![];
    for name in REJECTS {
        let plan = plan(name, algorithm, &signers);
        let rig = Rig::new(&plan, ContenderSpec::Core(backend));
        for class in plan.scenario.classes() {
            if seen.contains(&class) || class.row().stage == Stage::State {
                continue;
            }
            seen.push(class);
            let line = rig.line(class.name());
            let most = match BROKEN.contains(&class.name()) {
                true => MOST * line.tokens().len() as u64,
                false => 0,
            };
            let count = allocations(line, class.name());
            assert!(count <= most, "{name}: {} took {count}, not {most}", class.name());
        }
    }
    assert!(seen.len() > 40, "only {} classes were seen", seen.len());
}
