//! The cost of a key lookup before any cryptography, in a set of 1 key and of 1000 keys: in the
//! view that workers share, in the state machine behind it, and in the state machine behind its
//! lock.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::json;

use jwtbench_bench::{SEED, criterion};
use jwtbench_engine::jwks::in_process::InProcess;
use jwtbench_engine::jwks::key_source::KeySource;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::null::Null;
use jwtbench_verifier::cache_policy::CachePolicy;
use jwtbench_verifier::key_cache::{Answer, KeyCache, Ticket};
use jwtbench_verifier::key_set::{KeySet, ParsedSet};
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::tick::Tick;

const ALGORITHM: Algorithm = Algorithm::EdDSA;
const TICKET: Ticket = Ticket { worker: 0, place: 0 };
/// A kid of usual length that no set holds.
const UNKNOWN: &str = "unknown-3kXp0aZq";

fn key_cache(c: &mut Criterion) {
    let signers = Signers::new(SEED);
    let mut group = c.benchmark_group("key_cache");
    for count in [1, 1000] {
        let (body, known) = key_set(&signers, count);
        let source = KeySource::new(
            &Null,
            &[ALGORITHM],
            CachePolicy::default(),
            SEED,
            0..1,
            Some((body.clone().into(), Tick::ZERO)),
            Box::new(InProcess::default()),
        );
        let mut machine = warm_machine(&body);
        for (what, kid, due) in [
            ("known kid", known.as_str(), None),
            ("unknown kid", UNKNOWN, Some(Rejection::UnknownKid)),
        ] {
            let expect = |got: Option<Rejection>, line: &str| {
                assert_eq!(got, due, "key_cache: {line}, {what}, {count} keys");
            };
            let view = || look_up(&source, kid);
            expect(view(), "view");
            group.bench_function(format!("view/{what}/{count}"), |b| b.iter(view));
            expect(view(), "view");
            let mut ask = || code(&machine.ask(black_box(kid), TICKET, Tick::ZERO), kid);
            expect(ask(), "machine");
            group.bench_function(format!("machine/{what}/{count}"), |b| b.iter(&mut ask));
            expect(ask(), "machine");
            let locked = || code(&source.ask(black_box(kid), TICKET, Tick::ZERO), kid);
            expect(locked(), "locked machine");
            group.bench_function(format!("locked machine/{what}/{count}"), |b| b.iter(locked));
            expect(locked(), "locked machine");
        }
    }
    group.finish();
}

/// A worker's lookup per token: the published view decides that the kid is known, or that it is
/// certainly unknown.
fn look_up(source: &KeySource, kid: &str) -> Option<Rejection> {
    let view = source.view();
    let decides = Tick::ZERO < view.consult_at && Tick::ZERO < view.absent_until;
    assert!(decides, "a set fetched just now is fresh");
    view.keys.find(Some(black_box(kid)), ALGORITHM).err()
}

fn code(answer: &Answer, kid: &str) -> Option<Rejection> {
    match answer {
        Answer::Use(view) => view.keys.find(Some(kid), ALGORITHM).err(),
        Answer::Refuse { code, .. } => Some(*code),
        Answer::Wait => Some(Rejection::KeysUnavailable),
    }
}

/// A JWK set of `count` keys, and the kid of the key in the middle.
fn key_set(signers: &Signers, count: usize) -> (Vec<u8>, String) {
    let keys: Vec<_> =
        (0..count).map(|number| signers.key(&format!("key-{number}"), ALGORITHM)).collect();
    let jwks: Vec<_> = keys.iter().map(|key| key.public_jwk()).collect();
    let body = json!({ "keys": jwks }).to_string().into_bytes();
    (body, keys[count / 2].kid().to_owned())
}

fn warm_machine(body: &[u8]) -> KeyCache {
    let parsed = ParsedSet::parse(body, &[ALGORITHM]).expect("the set is valid");
    let mut machine = KeyCache::new(CachePolicy::default(), SEED);
    machine.warm(Arc::<KeySet>::default().succeed(parsed), None, Tick::ZERO);
    machine
}

criterion_group! {
    name = benches;
    config = criterion();
    targets = key_cache
}
criterion_main!(benches);
