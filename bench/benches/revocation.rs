//! Whether a `jti` is revoked, in lists of 10 thousand and 1 million entries. Probes spread over
//! the list, so that the large one shows its cache misses.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

use jwtbench_verifier::revocation::Revocations;

use jwtbench_bench::criterion;

/// Different `jti`s asked for in turn.
const PROBES: u64 = 4096;

fn revocation(c: &mut Criterion) {
    let mut group = c.benchmark_group("revocation");
    for entries in [10_000, 1_000_000] {
        let list = Revocations::with_capacity(entries as usize);
        list.revoke((0..entries).map(jwt_id));
        let spread = |probe: u64| probe * (entries / PROBES);
        let hits: Vec<Box<str>> = (0..PROBES).map(|probe| jwt_id(spread(probe))).collect();
        let misses: Vec<Box<str>> = (0..PROBES).map(|probe| jwt_id(entries + probe)).collect();
        for (what, probes, due) in [("hit", hits, true), ("miss", misses, false)] {
            let assert_verdicts = || {
                for jwt_id in &probes {
                    let got = list.contains(jwt_id);
                    assert_eq!(got, due, "revocation: {what} {jwt_id}, {entries} entries");
                }
            };
            assert_verdicts();
            let mut asked = probes.iter().cycle();
            group.bench_function(BenchmarkId::new(what, entries), |b| {
                b.iter(|| {
                    let jwt_id = asked.next().expect("a cycle has no end");
                    list.contains(jwt_id)
                });
            });
            assert_verdicts();
        }
    }
    group.finish();
}

/// The `jti` with this number, in the usual form; different numbers give different ones (SplitMix64
/// is a permutation).
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
