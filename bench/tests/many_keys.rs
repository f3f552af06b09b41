//! Tokens of one key compared with tokens of a thousand keys of one set, all in use. Every verdict
//! is checked. The ratio of their costs is printed for `scripts/speed`; no time is asserted.

use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rayon::prelude::*;
use serde_json::json;

use jwtbench_bench::{SEED, small_plan};
use jwtbench_scenario::issuer::signer::{Signers, SigningKey};
use jwtbench_scenario::plan::{EPOCH, Plan};
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend;
use jwtbench_verifier::key_set::{KeySet, ParsedSet};
use jwtbench_verifier::policy::Policy;
use jwtbench_verifier::prepared_keys::PreparedKeys;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verifier::{Request, Scratch, Verifier};

const ALGORITHM: Algorithm = Algorithm::RS256;
/// The number of keys. A debug build uses few, because it measures no speed and RSA keys are slow
/// to generate.
const KEYS: usize = if cfg!(debug_assertions) { 3 } else { 1000 };
const PAIRS: usize = if cfg!(debug_assertions) { 1 } else { 15 };

/// One good token for each key: the payload of a planned token, signed again.
fn tokens(plan: &Plan, keys: &[Arc<SigningKey>]) -> Vec<Vec<u8>> {
    let good = plan.corpus.tokens.iter().find(|token| token.class.name() == "valid");
    let text = std::str::from_utf8(&good.expect("a good token").bytes).expect("text");
    let payload = text.split('.').nth(1).expect("a payload").to_owned();
    let one = |key: &Arc<SigningKey>| {
        let header = json!({ "alg": ALGORITHM.name(), "kid": key.kid(), "typ": "at+jwt" });
        let header = URL_SAFE_NO_PAD.encode(header.to_string());
        let input = format!("{header}.{payload}");
        let signature = key.sign(input.as_bytes(), &mut ChaCha8Rng::seed_from_u64(SEED));
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)).into_bytes()
    };
    keys.par_iter().map(one).collect()
}

/// A worker that has prepared every key of the set.
struct Desk {
    verifier: Verifier,
    scratch: Scratch,
    keys: PreparedKeys,
}

impl Desk {
    /// The mean time per token, in nanoseconds.
    fn pass<'t>(&mut self, tokens: impl Iterator<Item = &'t Vec<u8>>) -> f64 {
        let (start, mut done) = (Instant::now(), 0u32);
        for token in tokens {
            let opened = self.verifier.open(token, &mut self.scratch).expect("it opens");
            let proven = self.verifier.prove(opened, &mut self.keys).expect("its key signed it");
            let now = EPOCH.at(Tick::ZERO);
            let verdict = self.verifier.in_force(&proven, &Request::default(), now);
            assert_eq!(verdict, Ok(()), "a good token");
            done += 1;
        }
        start.elapsed().as_nanos() as f64 / f64::from(done)
    }
}

#[test]
fn a_thousand_keys_are_in_use() {
    let signers = Signers::new(SEED);
    let plan = small_plan("hot-path/accept", ALGORITHM, &signers);
    let keys: Vec<_> = (0..KEYS)
        .into_par_iter()
        .map(|number| signers.key(&format!("one-of-many-{number}"), ALGORITHM))
        .collect();
    let jwks: Vec<_> = keys.iter().map(|key| key.public_jwk()).collect();
    let body = json!({ "keys": jwks }).to_string();
    let parsed = ParsedSet::parse(body.as_bytes(), &[ALGORITHM]).expect("a valid set");
    let set = Arc::<KeySet>::default().succeed(parsed);
    let backend = backend::find("aws-lc-rs").expect("a backend");
    let policy = Policy::new(plan.scenario.policy_for(ALGORITHM)).expect("a policy");
    let mut desk = Desk {
        scratch: Scratch::new(&policy),
        verifier: Verifier::new(policy),
        keys: PreparedKeys::prepare(backend, &[ALGORITHM], &set),
    };
    let tokens = tokens(&plan, &keys);
    // Each text occurs once per pass in both cases, so that only the keys differ in the memory they
    // touch.
    let same: Vec<Vec<u8>> = tokens.iter().map(|_| tokens[KEYS / 2].clone()).collect();
    let mut ratios: Vec<f64> = (0..PAIRS)
        .map(|_| {
            let one = desk.pass(same.iter());
            desk.pass(tokens.iter()) / one
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    let (low, high) = (ratios[0], ratios[PAIRS - 1]);
    println!("many keys: {ALGORITHM}: {:.3} {low:.3} {high:.3}", ratios[PAIRS / 2]);
}
