//! What sender constraint by DPoP costs a request: for each backend the access token alone, the
//! proof beside it, and the bare signature check of that proof; and what a replay cache adds that
//! remembers a million proofs.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use criterion::{Criterion, criterion_group, criterion_main};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use serde_json::json;

use jwtbench_bench::{Rig, SEED, criterion, plan};
use jwtbench_engine::contender::ContenderSpec;
use jwtbench_scenario::issuer::signer::{Signers, SigningKey};
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::{self, Backend};
use jwtbench_verifier::jwk::{CheckedJwk, Entry};
use jwtbench_verifier::proof::replay::ReplayCache;
use jwtbench_verifier::proof::{self, AcceptedProof, ProofPolicy, ProvenRequest, Target};
use jwtbench_verifier::unix_time::UnixTime;

/// The algorithms that proofs have by default.
const ALGORITHMS: [Algorithm; 2] = [Algorithm::ES256, Algorithm::EdDSA];
const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);
/// The proofs that are remembered.
const REMEMBERED: usize = 1_000_000;
/// The length of an access token, of which a proof has the hash.
const TOKEN: [u8; 700] = [b'a'; 700];
/// The hash of that token, in base64url.
const HASH: &str = "3N_KjKPAC5V29QUkF4_077jlVIs7sta4u4WgIdBCtRg";

/// A proof, and what it is checked against.
struct Proof {
    text: String,
    key: CheckedJwk,
    target: Target,
    policy: ProofPolicy,
}

impl Proof {
    fn new(key: &SigningKey) -> Proof {
        let algorithm = key.algorithm();
        let header = json!({ "typ": "dpop+jwt", "alg": algorithm.name(), "jwk": key.public_jwk() });
        let claims = json!({
            "jti": "b2c8a6f4-8a53-4c8e-9d0a-1f5b1f1d6a77", "htm": "GET",
            "htu": "https://api.example/invoices/42", "iat": NOW.seconds(), "ath": HASH,
        });
        let [header, claims] =
            [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let input = format!("{header}.{claims}");
        let signature = key.sign(input.as_bytes(), &mut ChaCha8Rng::seed_from_u64(SEED));
        let text = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature));
        let jwk = key.public_jwk().to_string();
        let Ok(Entry::Fits(_, jwk)) = Entry::parse(&jwk, &[algorithm]) else {
            panic!("the key of a client is usable");
        };
        let target = Target::parse("https://api.example/invoices/42?page=2").expect("a URL");
        Proof { text, key: (*jwk).clone(), target, policy: ProofPolicy::default() }
    }

    fn check(&self, backend: &dyn Backend) -> AcceptedProof {
        let jkt = URL_SAFE_NO_PAD.encode(self.key.thumbprint.0);
        let request = ProvenRequest {
            method: "GET",
            target: &self.target,
            token: Some(&TOKEN),
            bound_to: Some(&jkt),
            nonces: &[],
        };
        let limits = (&self.policy, Duration::from_secs(30));
        let checked = proof::check(self.text.as_bytes(), &request, limits, backend, NOW);
        checked.unwrap_or_else(|fault| panic!("the proof is good: {fault}"))
    }

    fn verify(&self, backend: &dyn Backend) -> bool {
        let (input, signature) = self.text.rsplit_once('.').expect("a signature");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        let mut key = backend.prepare(self.key.algorithm, &self.key).expect("a good key");
        key.verify(input.as_bytes(), &signature).is_ok()
    }
}

fn proofs(c: &mut Criterion) {
    let signers = Signers::new(SEED);
    for algorithm in ALGORITHMS {
        let proof = Proof::new(&signers.key("client", algorithm));
        let plan = plan("hot-path/accept", algorithm, &signers);
        let mut group = c.benchmark_group(format!("proof/{algorithm}"));
        for backend in backend::available() {
            let name = backend.name();
            let rig = Rig::new(&plan, ContenderSpec::Core(backend));
            let mut line = rig.line("valid");
            line.assert_verdicts();
            group.bench_function(format!("{name}/token"), |b| b.iter(|| line.step()));
            line.assert_verdicts();
            assert!(proof.verify(backend), "{name}");
            group.bench_function(format!("{name}/proof"), |b| b.iter(|| proof.check(backend)));
            group.bench_function(format!("{name}/signature"), |b| b.iter(|| proof.verify(backend)));
        }
        group.finish();
    }
}

fn replay(c: &mut Criterion) {
    let proof = Proof::new(&Signers::new(SEED).key("client", Algorithm::EdDSA));
    let accepted = proof.check(&backend::ring::Ring);
    let mut cache = ReplayCache::new(REMEMBERED * 100);
    let mut next = 0_u64;
    let mut burn = || {
        next += 1;
        let one = AcceptedProof { jwt_id: next.to_string(), ..accepted.clone() };
        cache.burn(&one, NOW)
    };
    for _ in 0..REMEMBERED {
        assert_eq!(burn(), Ok(()));
    }
    c.bench_function("proof/replay-cache", |b| b.iter(&mut burn));
}

criterion_group! {
    name = benches;
    config = criterion();
    targets = proofs, replay
}
criterion_main!(benches);
