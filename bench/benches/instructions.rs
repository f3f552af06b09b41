//! Instruction counts of single operations under callgrind, which noise does not affect.
//! `scripts/instructions` compares them only with earlier counts of the same benches. Neither
//! set-up nor dropping is counted.

// The macros of gungraun generate items without documentation.
#![allow(missing_docs)]

use std::hint::black_box;
use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::Simd;
use base64::engine::general_purpose::NO_PAD;
use gungraun::prelude::*;
use gungraun::{Callgrind, CallgrindMetrics, EventKind};
use serde::de::IgnoredAny;

use jwtbench_bench::{Line, Rig, SEED, published_key, small_plan};
use jwtbench_engine::contender::{ContenderSpec, ForeignLibrary, Progress, Provider};
use jwtbench_engine::jwks::key_source::KeySource;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::plan::{EPOCH, Plan};
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::{self, Backend, VerifyingKey};
use jwtbench_verifier::jwk::CheckedJwk;
use jwtbench_verifier::key_cache::View;
use jwtbench_verifier::prepared_keys::PreparedKeys;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verifier::{Opened, Request, Scratch, Verifier};

/// A line that lives as long as the process, so that no drop is counted.
type Standing = &'static mut Line<'static>;

/// The Base64 decoder that the core uses.
static SIMD: LazyLock<Simd> = LazyLock::new(|| Simd::url_safe(NO_PAD));

/// A plan with a contender on it. `None` if valgrind hides a processor feature that the backend
/// needs.
fn rig(scenario: &str, name: &str, algorithm: Algorithm) -> Option<&'static Rig<'static>> {
    let backend = backend::find(name)?;
    Some(rig_of(scenario, ContenderSpec::Core(backend), algorithm))
}

fn rig_of(scenario: &str, spec: ContenderSpec, algorithm: Algorithm) -> &'static Rig<'static> {
    let plan = small_plan(scenario, algorithm, &Signers::new(SEED));
    let plan: &'static Plan = Box::leak(Box::new(plan));
    Box::leak(Box::new(Rig::new(plan, spec)))
}

fn line(scenario: &str, class: &str, name: &str, algorithm: Algorithm) -> Option<Standing> {
    let mut line = rig(scenario, name, algorithm)?.line(class);
    line.assert_verdicts();
    Some(Box::leak(Box::new(line)))
}

fn accept(name: &str, algorithm: Algorithm) -> Option<Standing> {
    line("hot-path/accept", "valid", name, algorithm)
}

// Verification of a good token from text to verdict.
#[library_benchmark(setup = accept)]
#[bench::null_es256("null", Algorithm::ES256)]
#[bench::ring_rs256("ring", Algorithm::RS256)]
#[bench::ring_es256("ring", Algorithm::ES256)]
#[bench::ring_eddsa("ring", Algorithm::EdDSA)]
#[bench::aws_lc_rs_rs256("aws-lc-rs", Algorithm::RS256)]
#[bench::aws_lc_rs_es256("aws-lc-rs", Algorithm::ES256)]
#[bench::aws_lc_rs_eddsa("aws-lc-rs", Algorithm::EdDSA)]
#[bench::rust_crypto_rs256("rust-crypto", Algorithm::RS256)]
#[bench::rust_crypto_es256("rust-crypto", Algorithm::ES256)]
#[bench::rust_crypto_eddsa("rust-crypto", Algorithm::EdDSA)]
#[bench::graviola_rs256("graviola", Algorithm::RS256)]
#[bench::graviola_es256("graviola", Algorithm::ES256)]
#[bench::graviola_eddsa("graviola", Algorithm::EdDSA)]
fn verify(line: Option<Standing>) -> Option<Progress> {
    line.map(|line| line.step())
}

fn whole_library(algorithm: Algorithm) -> Standing {
    let library = ForeignLibrary::Jsonwebtoken(Provider::AwsLcRs);
    let rig = rig_of("hot-path/accept", ContenderSpec::Library(library), algorithm);
    let mut line = rig.line("valid");
    line.assert_verdicts();
    Box::leak(Box::new(line))
}

// The same token through a whole library; scripts/profile breaks its cost down into parts.
#[library_benchmark(setup = whole_library)]
#[bench::rs256(Algorithm::RS256)]
#[bench::es256(Algorithm::ES256)]
#[bench::eddsa(Algorithm::EdDSA)]
fn jsonwebtoken(line: Standing) -> Progress {
    line.step()
}

/// A key that has not been prepared yet.
type Unprepared = (&'static dyn Backend, Algorithm, Arc<CheckedJwk>);

/// A key to prepare. A key like it has already been prepared and dropped, so the allocator has the
/// memory ready. Otherwise the count would include the history of the heap, which differs between
/// machines.
fn published(name: &str, algorithm: Algorithm) -> Option<Unprepared> {
    let rig = rig("hot-path/accept", name, algorithm)?;
    let (backend, key) = (backend::find(name)?, published_key(rig.plan));
    drop(backend.prepare(algorithm, &key));
    Some((backend, algorithm, key))
}

// The work of a backend once per key and worker. ring only copies the key: it has no prepared form.
#[library_benchmark(setup = published)]
#[bench::ring_rs256("ring", Algorithm::RS256)]
#[bench::ring_es256("ring", Algorithm::ES256)]
#[bench::ring_eddsa("ring", Algorithm::EdDSA)]
#[bench::aws_lc_rs_rs256("aws-lc-rs", Algorithm::RS256)]
#[bench::aws_lc_rs_es256("aws-lc-rs", Algorithm::ES256)]
#[bench::aws_lc_rs_eddsa("aws-lc-rs", Algorithm::EdDSA)]
fn prepare(key: Option<Unprepared>) -> Option<Box<dyn VerifyingKey>> {
    let (backend, algorithm, key) = key?;
    backend.prepare(algorithm, black_box(&key)).ok()
}

/// Payload and signature of a good token as they are sent, and a buffer to decode them into.
fn parts(algorithm: Algorithm) -> (Vec<Vec<u8>>, Vec<u8>) {
    let desk = desk(algorithm);
    let parts = desk.token.split(|byte| *byte == b'.').skip(1).map(<[u8]>::to_vec);
    (parts.collect(), vec![0; desk.token.len()])
}

// The lower bound for decoding a token with the library that the core decodes with.
#[library_benchmark(setup = parts)]
#[bench::rs256(Algorithm::RS256)]
#[bench::es256(Algorithm::ES256)]
#[bench::eddsa(Algorithm::EdDSA)]
fn floor_base64((parts, mut room): (Vec<Vec<u8>>, Vec<u8>)) -> (Vec<Vec<u8>>, Vec<u8>) {
    for part in &parts {
        let length = SIMD.decode_slice(black_box(part), &mut room);
        assert!(length.is_ok(), "a good token decodes");
    }
    (parts, room)
}

/// The decoded payload of a good token.
fn payload(algorithm: Algorithm) -> Vec<u8> {
    let (parts, mut room) = parts(algorithm);
    let length = SIMD.decode_slice(&parts[0], &mut room).expect("a good token decodes");
    room.truncate(length);
    room
}

// The lower bound for parsing: the payload is checked as UTF-8 and scanned as JSON, and no value is
// kept.
#[library_benchmark(setup = payload)]
#[bench::es256(Algorithm::ES256)]
fn floor_json(payload: Vec<u8>) -> (bool, Vec<u8>) {
    let text = std::str::from_utf8(black_box(&payload)).expect("a good payload is text");
    (serde_json::from_str::<IgnoredAny>(text).is_ok(), payload)
}

fn remembered(algorithm: Algorithm) -> Option<Standing> {
    line("verdict-cache/repeat", "valid", "null", algorithm)
}

// A good token whose verdict is in the verdict cache.
#[library_benchmark(setup = remembered)]
#[bench::es256(Algorithm::ES256)]
fn hit(line: Option<Standing>) -> Option<Progress> {
    line.map(|line| line.step())
}

fn refusal(scenario: &str, class: &str) -> Option<Standing> {
    line(scenario, class, "null", Algorithm::ES256)
}

// A bad token that is refused before any signature check.
#[library_benchmark(setup = refusal)]
#[bench::malformed("hot-path/reject-form", "malformed")]
#[bench::deep_header("hot-path/reject-form", "deep-header")]
#[bench::alg_none("hot-path/reject-algorithm", "alg-none")]
#[bench::unknown_kid("unknown-kid/unique-kids", "unknown-kid")]
fn reject(line: Option<Standing>) -> Option<Progress> {
    line.map(|line| line.step())
}

/// A verifier with a token to verify.
struct Desk {
    verifier: Verifier,
    scratch: Scratch,
    token: &'static [u8],
    keys: PreparedKeys,
}

fn desk(algorithm: Algorithm) -> &'static mut Desk {
    let rig = rig("hot-path/accept", "null", algorithm).expect("the null backend is always there");
    let verifier = Verifier::new(rig.policy().clone());
    let mut scratch = Scratch::new(rig.policy());
    let token = rig.line("valid").tokens()[0].bytes;
    assert!(verifier.open(token, &mut scratch).is_ok(), "a good token opens");
    Box::leak(Box::new(Desk { verifier, scratch, token, keys: rig.source().prepare() }))
}

// Steps 1 to 6: split, decode and parse the header.
#[library_benchmark(setup = desk)]
#[bench::rs256(Algorithm::RS256)]
#[bench::es256(Algorithm::ES256)]
#[bench::eddsa(Algorithm::EdDSA)]
fn open(desk: &'static mut Desk) -> bool {
    desk.verifier.open(black_box(desk.token), &mut desk.scratch).is_ok()
}

/// The input of `claims`.
struct Open {
    verifier: &'static Verifier,
    keys: &'static mut PreparedKeys,
    opened: Opened<'static>,
}

fn opened(algorithm: Algorithm) -> Open {
    let Desk { verifier, scratch, token, keys } = desk(algorithm);
    let opened = verifier.open(token, scratch).expect("a good token opens");
    Open { verifier, keys, opened }
}

// Steps 7 to 12 with a signature check that costs nothing: find the key, decode signature and
// payload, parse and check the claims.
#[library_benchmark(setup = opened)]
#[bench::es256(Algorithm::ES256)]
fn claims(open: Open) -> Result<(), Rejection> {
    let proven = open.verifier.prove(open.opened, open.keys)?;
    open.verifier.in_force(&proven, &Request::default(), EPOCH.at(Tick::ZERO))
}

/// A kid to look up, and the key source and view to look it up in.
struct Quest {
    source: &'static KeySource,
    view: Arc<View>,
    kid: String,
}

fn quest(known: bool) -> Quest {
    let rig = rig("hot-path/accept", "null", Algorithm::ES256);
    let source = rig.expect("the null backend is always there").source();
    let view = Arc::clone(&source.view());
    let mut usable = view.keys.entries().iter().filter(|entry| entry.key.is_some());
    let key = usable.find_map(|entry| entry.kid.clone()).expect("a key with a kid");
    let kid = if known { key.to_string() } else { "unknown-3kXp0aZq".into() };
    Quest { source, view, kid }
}

// A lookup of a kid in a set that the worker already holds.
#[library_benchmark(setup = quest)]
#[bench::known(true)]
#[bench::unknown(false)]
fn key_lookup(quest: Quest) -> (bool, Quest) {
    (quest.view.keys.find(Some(black_box(&quest.kid)), Algorithm::ES256).is_ok(), quest)
}

// The work of a worker per token to find its key: load the published view, check that it is fresh,
// look up the kid.
#[library_benchmark(setup = quest)]
#[bench::known(true)]
#[bench::unknown(false)]
fn cache_lookup(quest: Quest) -> (bool, Quest) {
    let view = quest.source.view();
    let decides = Tick::ZERO < view.consult_at && Tick::ZERO < view.absent_until;
    let found = view.keys.find(Some(black_box(&quest.kid)), Algorithm::ES256).is_ok();
    (decides && found, quest)
}

library_benchmark_group!(
    name = verifier,
    benchmarks = [
        open,
        claims,
        floor_base64,
        floor_json,
        key_lookup,
        cache_lookup,
        reject,
        hit,
        prepare,
        verify,
        jsonwebtoken
    ]
);

main!(
    config = LibraryBenchmarkConfig::default().tool(
        Callgrind::with_args(["cache-sim=no"])
            .format([CallgrindMetrics::SingleEvent(EventKind::Ir)])
    ),
    library_benchmark_groups = verifier
);
