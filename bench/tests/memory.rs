//! Memory per entry: prepared keys, revoked `jti`s and cached verdicts. The figures are printed for
//! `scripts/speed`, and are bounded, so that growth is noticed.

use std::borrow::Cow;

use jwtbench_bench::{ALGORITHMS, SEED, plan, published_key};
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_verifier::backend;
use jwtbench_verifier::cache_policy::VerdictCachePolicy;
use jwtbench_verifier::claims::Claims;
use jwtbench_verifier::jwk::Thumbprint;
use jwtbench_verifier::state_check::{Knowledge, StateCheck, StateEntry};
use jwtbench_verifier::state_strategy::{LastWord, StateFilter, StateStrategy};
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;
use jwtbench_verifier::verdict_cache::VerdictCache;
use jwtbench_verifier::verifier::Proven;

#[global_allocator]
static HEAP: dhat::Alloc = dhat::Alloc;

/// The heap memory per entry that the value of `make` holds, in bytes.
fn heap_bytes_per<T>(entries: usize, make: impl FnOnce() -> T) -> f64 {
    let _profiler = dhat::Profiler::builder().testing().build();
    let held = make();
    let bytes = dhat::HeapStats::get().curr_bytes;
    drop(held);
    bytes as f64 / entries as f64
}

/// The resident memory of the process in bytes, if the kernel reports it. Libraries in C allocate
/// outside the Rust heap.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = status.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

fn jwt_ids(count: usize) -> impl Iterator<Item = Box<str>> {
    (0..count).map(|number| format!("00000000-0000-4000-8000-{number:012x}").into_boxed_str())
}

/// The claims that a token of 700 bytes proves under the policy of the scenarios.
fn proven() -> Proven<'static> {
    let text = |text: &'static str| Some(Cow::Borrowed(text));
    let claims = Claims {
        subject: Cow::Borrowed("b2f6c1f0-0000-4000-8000-000000000000"),
        expires: UnixTime(1),
        not_before: None,
        issued_at: Some(UnixTime(0)),
        is_issued_between: false,
        jwt_id: text("00000000-0000-4000-8000-000000000000"),
        client: text("web-frontend"),
        tenant: text("acme"),
        subject_kind: None,
        authorization_version: None,
        token_use: text("access"),
        is_other_kind: false,
        has_scopes: true,
        confirmation: None,
    };
    Proven { claims, thumbprint: Thumbprint([0; 32]) }
}

fn verdicts(count: usize) -> VerdictCache {
    let policy = VerdictCachePolicy { entries: 2 * count, bytes: 1 << 30, is_tied: true };
    let cache = VerdictCache::new(&policy);
    for number in 0..count {
        cache.keep(format!("{number:0700}").as_bytes(), 1, proven());
    }
    cache
}

/// Measures prepared keys. It runs first and frees no key before it ends, since memory that was
/// freed earlier would hide the growth.
fn keys() {
    const COUNT: usize = 10_000;
    let mut all = Vec::new();
    let signers = Signers::new(SEED);
    // Plans are kept as well, for the same reason.
    let plans = ALGORITHMS.map(|algorithm| plan("hot-path/accept", algorithm, &signers));
    for (algorithm, plan) in ALGORITHMS.into_iter().zip(&plans) {
        let key = published_key(plan);
        for backend in backend::available() {
            if !backend.supports(algorithm) {
                continue;
            }
            let prepare = || backend.prepare(algorithm, &key).expect("the issuer's key is good");
            let Some(before) = resident_bytes() else { return };
            let held: Vec<_> = (0..COUNT).map(|_| prepare()).collect();
            let after = resident_bytes().unwrap_or(before);
            let bytes = after.saturating_sub(before) as f64 / COUNT as f64;
            all.push(held);
            println!("memory: prepared key, {algorithm}, {}: {bytes:.0} bytes", backend.name());
            assert!(
                bytes > 0.0 && bytes <= 65_536.0,
                "{}: {algorithm}: {bytes:.0} bytes",
                backend.name()
            );
        }
    }
}

/// There is only one test, because a profiler counts the allocations of all threads.
#[test]
fn what_an_entry_takes_is_bounded() {
    const COUNT: usize = 100_000;
    keys();
    let list = || {
        let mut list = StateCheck::new(StateStrategy::memory(), 0);
        for key in jwt_ids(COUNT) {
            let entry = StateEntry { key, knowledge: Knowledge::Revoked, end: Tick::MAX };
            list.pushed(None, &[entry], Tick::ZERO);
        }
        list
    };
    let filter = Some(StateFilter { false_positives: 0.01, last_word: LastWord::List });
    let filtered = StateStrategy { filter, ..StateStrategy::memory() };
    let empty = StateCheck::new(filtered.clone(), 0).bytes();
    let filter = StateCheck::new(filtered, 0).with_room(COUNT).bytes() - empty;
    let filter = filter as f64 / COUNT as f64;
    let few = COUNT / 10;
    let rows = [
        ("revoked jti, a UUID with its end", heap_bytes_per(COUNT, list), 36.0),
        ("revoked jti, filter with 1 % false positives", filter, 2.0),
        ("verdict of a token of 700 bytes", heap_bytes_per(few, || verdicts(few)), 2_000.0),
    ];
    for (what, bytes, most) in rows {
        println!("memory: {what}: {bytes:.1} bytes");
        assert!(bytes > 0.0 && bytes <= most, "{what}: {bytes:.1} bytes, at most {most}");
    }
}
