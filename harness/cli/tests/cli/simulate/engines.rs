//! Two engines in virtual time, held to each other: what `simulate` does with arrivals that it
//! draws and forgets, and what `check` does with a plan of the same arrivals. The same verdicts at
//! the same instants, and the same fetches. `agreement.rs` of the engine's tests holds the second
//! to sockets.

use sha2::{Digest as _, Sha256};

use jwtbench_engine::contender::ContenderSpec;
use jwtbench_engine::judge::judgement::spell;
use jwtbench_engine::jwks::key_source::FetchStep;
use jwtbench_engine::trial::{Trial, initial_revocations};
use jwtbench_scenario::format::hex::hex;
use jwtbench_scenario::plan::Plan;
use jwtbench_scenario::plan::flow;
use jwtbench_verifier::backend;
use jwtbench_verifier::tick::Tick;

use super::*;

const PRESETS: [&str; 10] = [
    "default",
    "nimbus-like",
    "jose-like",
    "node-jwks-rsa-ratelimited-like",
    "envoy-async-tokencache-like",
    "aws-jwt-verify-like",
    "keyfunc-like",
    "go-oidc-like",
    "pyjwt-2.12-like",
    "krakend-like",
];

/// SHA-256 over the parts.
fn hash(parts: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut hash = Sha256::new();
    parts.into_iter().for_each(|part| hash.update(part));
    hash.finalize().to_vec()
}

/// Hash over all verdicts of a plan, and attempts before its horizon.
fn foreseen(plan: &Plan) -> (String, u64) {
    let contender = ContenderSpec::Core(backend::find("ring").unwrap());
    let revoked = initial_revocations(plan);
    let trial = Trial::new(plan, contender, revoked.as_ref()).unwrap();
    let (operations, fetches) = trial.foresee().unwrap();
    let verdicts = operations.iter().flat_map(|operation| {
        let code = spell(operation.verdict.code).as_bytes().to_vec();
        [operation.end.0.to_be_bytes().to_vec(), code]
    });
    // One instance of one age.
    let stream = hash([hash([hash(verdicts)])]);
    let horizon = Tick::ZERO + plan.scenario.load.duration;
    let started = fetches.iter().filter(|note| note.step == FetchStep::Started);
    (hex(&stream), started.filter(|note| note.at < horizon).count() as u64)
}

#[test]
fn both_engines_say_the_same_at_the_same_instants() {
    let presets = library().presets();
    let spec = |name: &str| {
        let policy = load_preset(&presets, name).unwrap();
        CacheSpec { name: name.into(), policy, start: Start::Warm }
    };
    let specs = PRESETS.map(spec);
    let withdraw = SIGN.to_owned() + "[[event]]\nat = \"12m\"\nwithdraw-key = \"current\"\n";
    let (users, outage) = (USERS.replace("90m", "20m"), OUTAGE.replace("80m", "18m"));
    let mut hashes = BTreeSet::new();
    for parts in ["", &withdraw, FLOOD, FORGERIES, &outage, POISON] {
        let scenario = scenario(&(users.clone() + parts));
        let ask = Ask { algorithm: Algorithm::EdDSA, offsets: 1, draws: 1 };
        let found = simulate(&scenario, &specs, &Signers::new(5), ask).unwrap();
        // Its tokens are signed once for all policies.
        let still = scenario.clone().without_warmup();
        let mut plan = flow::held(&still, Algorithm::EdDSA, &Signers::new(5)).unwrap();
        for (spec, row) in specs.iter().zip(&found.rows) {
            let half = spec.policy.ttl.min(std::time::Duration::from_secs(86_400)) / 2;
            let cache = CacheSpec { start: Start::Age(half), ..spec.clone() };
            plan = plan.under(&scenario.clone().cached_by(cache).without_warmup());
            let (stream, attempts) = foreseen(&plan);
            let name = &spec.name;
            assert_eq!(row.cache_policy, *name);
            assert_eq!(row.counts.attempts, attempts, "{name}: {parts}");
            assert_eq!(row.stream_hash, stream, "{name}: {parts}");
            hashes.insert(stream);
        }
    }
    assert!(hashes.len() > 30, "policies and scenarios differ: {}", hashes.len());
}
