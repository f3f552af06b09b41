//! The cost of asking whether a `jti` is revoked, in lists of 10 thousand and 1 million entries
//! (`JWTBENCH_REVOKED` sets another size): with and without a filter, at rest and while another
//! thread revokes. Probes spread over the list, so that a large one shows its cache misses.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};

use jwtbench_engine::state::fleet::StateFleet;
use jwtbench_scenario::model::place::WorkerPlace;
use jwtbench_verifier::state_check::{Knowledge, StateAnswer, StateCheck, StateEntry, StateToken};
use jwtbench_verifier::state_strategy::{LastWord, StateFilter, StateStrategy};
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;

use jwtbench_bench::criterion;

/// The number of different `jti`s that are looked up in turn.
const PROBES: u64 = 4096;
/// The filter's share of false positives.
const FALSE_POSITIVES: f64 = 0.01;
/// The most entries that a writer adds while others read.
const ADDED: u64 = 2_000_000;

fn revocation(c: &mut Criterion) {
    let mut group = c.benchmark_group("revocation");
    for entries in sizes() {
        measure(&mut group, &RevokedList::new(entries, None), entries, "");
        let filter = StateFilter { false_positives: FALSE_POSITIVES, last_word: LastWord::List };
        measure(&mut group, &RevokedList::new(entries, Some(filter)), entries, " filtered");
    }
    group.finish();
}

/// The list of one instance, as a worker of a run asks it.
struct RevokedList(StateFleet);

impl RevokedList {
    fn new(entries: u64, filter: Option<StateFilter>) -> RevokedList {
        let strategy = StateStrategy { filter, ..StateStrategy::memory() };
        let machine = StateCheck::new(strategy.clone(), 0).with_room(entries as usize);
        RevokedList(StateFleet::new(strategy, UnixTime(0), vec![machine]))
    }

    fn revoke(&self, key: Box<str>) {
        let entry = StateEntry { key, knowledge: Knowledge::Revoked, end: Tick::MAX };
        self.0.pushed(0, None, &[entry], Tick::ZERO);
    }

    fn is_revoked(&self, jwt_id: &str) -> bool {
        let token =
            StateToken { key: Some(jwt_id), version: None, issued_at: None, expires: Tick::MAX };
        let answer = self.0.peek(WorkerPlace(0), &token, Tick::ZERO);
        matches!(answer, Some(StateAnswer::Decided(Err(_), _)))
    }
}

fn sizes() -> Vec<u64> {
    let Ok(asked) = std::env::var("JWTBENCH_REVOKED") else {
        return vec![10_000, 1_000_000];
    };
    let entries: Option<u64> = asked.parse().ok().filter(|entries| *entries >= PROBES);
    vec![entries.unwrap_or_else(|| panic!("JWTBENCH_REVOKED={asked}: a number from {PROBES} on"))]
}

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, list: &RevokedList, entries: u64, form: &str) {
    (0..entries).for_each(|number| list.revoke(jwt_id(number)));
    let spread = |probe: u64| probe * (entries / PROBES);
    let hits: Vec<Box<str>> = (0..PROBES).map(|probe| jwt_id(spread(probe))).collect();
    let misses: Vec<Box<str>> = (0..PROBES).map(|probe| jwt_id(!probe)).collect();
    let mut look_up = |what: &str, probes: &[Box<str>], due: bool| {
        let assert_verdicts = || {
            for jwt_id in probes {
                let got = list.is_revoked(jwt_id);
                assert_eq!(got, due, "revocation: {what} {jwt_id}, {entries} entries");
            }
        };
        assert_verdicts();
        let mut asked = probes.iter().cycle();
        group.bench_function(BenchmarkId::new(format!("{what}{form}"), entries), |b| {
            b.iter(|| {
                let jwt_id = asked.next().expect("a cycle has no end");
                list.is_revoked(jwt_id)
            });
        });
        assert_verdicts();
    };
    look_up("hit", &hits, true);
    look_up("miss", &misses, false);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut added = (entries..entries + ADDED).map(jwt_id);
            while !is_over.load(Ordering::Relaxed)
                && let Some(jwt_id) = added.next()
            {
                list.revoke(jwt_id);
            }
        });
        look_up("miss while growing", &misses, false);
        is_over.store(true, Ordering::Relaxed);
    });
}

/// The `jti` with this number, in the usual form. Different numbers give different `jti`s
/// (SplitMix64 is a permutation).
fn jwt_id(number: u64) -> Box<str> {
    let mut z = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    let (high, low) = (z >> 32, z & 0xffff_ffff);
    format!("{high:08x}-0000-4000-8000-0000{low:08x}").into_boxed_str()
}

criterion_group! {
    name = benches;
    config = criterion();
    targets = revocation
}
criterion_main!(benches);
