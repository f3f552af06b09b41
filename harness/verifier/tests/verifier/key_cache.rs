//! The key cache driven by hand, without I/O: what it answers, fetches and wakes, and when. The
//! promises that hold whatever happens are in `promises`.

mod promises;
mod script;
mod unknown_kid;
mod vocabulary;

use std::time::Duration;

use jwtbench_verifier::cache_policy::{Budget, CachePolicy};
use jwtbench_verifier::key_cache::{Counters, FetchFailure};
use jwtbench_verifier::key_set::SetFault;

use script::Act::{Ask, Evict, Fail, Set, SetOf, Tick, Warm};
use script::{Bench, MS, S, check, steady};

const REFUSED: FetchFailure = FetchFailure::Refused;
/// A failure that is an answer: not tried again at once.
const GONE: FetchFailure = FetchFailure::Status(404, None);

#[test]
fn a_known_kid_in_a_fresh_set_needs_nothing() {
    check(
        steady(),
        &[
            (0, Warm(&["a", "b"]), "-", "starts warm"),
            (0, Ask("a"), "fresh 1", "at once"),
            (1, Ask("b"), "fresh 1", "any kid of the set"),
            (240 * S - 1, Ask("a"), "fresh 1", "just before the refresh"),
            (240 * S - 1, Tick, "-", "nothing is due"),
        ],
    );
}

#[test]
fn refresh_ahead_starts_one_fetch_and_blocks_nobody() {
    check(
        steady(),
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (240 * S - 1, Ask("a"), "fresh 1", "1 ns before 80 % of ttl"),
            (240 * S, Ask("a"), "fresh 1; fetch 1", "80 % of ttl"),
            (240 * S, Ask("a"), "fresh 1", "once"),
            (299 * S, Ask("a"), "fresh 1", "however long it takes"),
            (299 * S, Set(&["a", "b"]), "-", "nobody waited"),
            (299 * S, Ask("b"), "fresh 2", "the new set serves"),
            (480 * S - 1, Ask("a"), "fresh 2", "age runs from the request"),
            (480 * S, Ask("a"), "fresh 2; fetch 2", "and again at 80 %"),
        ],
    );
    check(
        CachePolicy { refresh_ahead: None, ..steady() },
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (300 * S - 1, Ask("a"), "fresh 1", "no refresh ahead"),
            (300 * S, Ask("a"), "wait; fetch 1", "only when ttl is over"),
        ],
    );
    check(
        CachePolicy { ttl: Duration::MAX, ..steady() },
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (i64::MAX - 1, Ask("a"), "fresh 1", "fresh for ever"),
        ],
    );
}

/// The jitter spreads a fleet: refresh at 80 % ± 10 % of the ttl, by seed.
#[test]
fn the_refresh_point_is_jittered_within_its_bounds() {
    use jwtbench_verifier::key_cache::KeyCache;
    use jwtbench_verifier::tick::Tick;
    let refresh_at = |seed| {
        let mut machine = KeyCache::new(CachePolicy::default(), seed);
        machine.warm(script::set(&["a"]), None, Tick::ZERO);
        machine.view(Tick::ZERO).consult_at.0
    };
    let points: Vec<i64> = (0..200).map(refresh_at).collect();
    let bounds = 210 * S..=270 * S;
    assert!(points.iter().all(|at| bounds.contains(at)), "{points:?}");
    let (least, most) = (points.iter().min(), points.iter().max());
    assert!(least < Some(&(220 * S)) && most > Some(&(260 * S)), "wide");
    assert_eq!(refresh_at(9), refresh_at(9), "the same by the same seed");
}

#[test]
fn a_refresh_that_fails_leaves_the_fresh_set_in_service() {
    check(
        steady(),
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (240 * S, Ask("a"), "fresh 1; fetch 1", "refresh ahead"),
            (241 * S, Fail(GONE), "-", "the refresh fails"),
            (241 * S, Ask("a"), "fresh 1", "still fresh, and no storm"),
            (242 * S - 1, Ask("a"), "fresh 1", "backoff holds"),
            (242 * S, Ask("a"), "fresh 1; fetch 2", "backoff over"),
        ],
    );
}

#[test]
fn after_the_ttl_everybody_waits_for_one_fetch() {
    check(
        steady(),
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (300 * S - 1, Ask("a"), "fresh 1; fetch 1", "last fresh instant"),
            (300 * S, Ask("a"), "wait", "ttl over: no proof it is still so"),
            (300 * S, Ask("x"), "wait", "unknown kids too"),
            (
                300 * S + 9,
                Set(&["a"]),
                "1: fresh 1; 2: UNKNOWN",
                "same content, same generation; the fetch is grounds",
            ),
        ],
    );
    let mut bench = Bench::new(steady());
    let asks: Vec<String> = (0..1000).map(|_| bench.act(0, Ask("a"))).collect();
    assert_eq!(asks[0], "wait; fetch 1", "a cold start fetches");
    assert!(asks[1..].iter().all(|ask| ask == "wait"), "single flight");
    let woken = bench.act(S / 2, Set(&["a"]));
    assert_eq!(woken.matches("fresh 1").count(), 1000, "one answers all");
}

#[test]
fn a_wait_ends_by_its_own_deadline() {
    let strict = CachePolicy { stale_if_error: Duration::ZERO, ..steady() };
    check(
        steady(),
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (300 * S, Ask("a"), "wait; fetch 1", "ttl over"),
            (300 * S + 5, Ask("a"), "wait", "a deadline of its own"),
            (301 * S - 1, Tick, "-", "1 ns early"),
            (301 * S, Tick, "0: stale 1", "stale if allowed"),
            (301 * S, Ask("a"), "stale 1", "the fetch is overdue: no wait"),
            (301 * S + 4, Tick, "-", "1 ns early"),
            (301 * S + 5, Tick, "1: stale 1", "the second in its turn"),
            (303 * S, Set(&["a"]), "-", "the fetch comes after all"),
            (303 * S, Ask("a"), "fresh 1", "and is fresh"),
        ],
    );
    check(
        strict,
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (300 * S, Ask("a"), "wait; fetch 1", "ttl over"),
            (301 * S, Tick, "0: UNAVAILABLE", "stale is not allowed"),
        ],
    );
    check(
        steady(),
        &[
            (0, Ask("a"), "wait; fetch 1", "cold"),
            (S, Tick, "0: UNAVAILABLE", "nothing held: 503, not a 401"),
            (S, Ask("a"), "wait", "the flight goes on"),
            (S + 1, Set(&["a"]), "1: fresh 1", "and serves"),
        ],
    );
}

#[test]
fn the_stale_bound_is_exact() {
    check(
        steady(),
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (300 * S, Ask("a"), "wait; fetch 1", "ttl over"),
            (300 * S, Fail(GONE), "0: stale 1", "an outage logs nobody out"),
            (3900 * S - 1, Ask("a"), "stale 1; fetch 2", "last instant"),
            (3900 * S - 1, Fail(GONE), "-", "still out"),
            (3900 * S - 1, Ask("a"), "stale 1", "still the last instant"),
            (3900 * S, Ask("a"), "UNAVAILABLE", "ttl + stale-if-error"),
            (3905 * S, Ask("a"), "wait; fetch 3", "and it is tried again"),
        ],
    );
}

#[test]
fn backoff_doubles_up_to_its_cap_and_success_resets_it() {
    let mut bench = Bench::new(steady());
    let mut now = 0;
    assert_eq!(bench.act(now, Ask("a")), "wait; fetch 1", "cold");
    for (pause, fetch) in [1, 2, 4, 8, 16, 30, 30].into_iter().zip(2..) {
        bench.act(now, Fail(GONE));
        let end = now + pause * S;
        assert_eq!(bench.act(end - 1, Ask("a")), "UNAVAILABLE", "{pause} s");
        let fetched = format!("wait; fetch {fetch}");
        assert_eq!(bench.act(end, Ask("a")), fetched, "{pause} s");
        now = end;
    }
    bench.act(now, Set(&["a"]));
    let then = now + 300 * S;
    assert_eq!(bench.act(then, Ask("a")), "wait; fetch 9", "ttl over");
    bench.act(then, Fail(GONE));
    assert_eq!(bench.act(then + S - 1, Ask("a")), "stale 1", "1 s again");
    assert_eq!(bench.act(then + S, Ask("a")), "stale 1; fetch 10", "over");
}

#[test]
fn retry_after_is_respected_and_capped() {
    let rows = [
        (429, Some(10), 10, "longer than the backoff: obeyed"),
        (429, Some(3600), 30, "longer than the cap: capped"),
        (429, Some(0), 1, "shorter than the backoff: the backoff holds"),
        (429, None, 1, "none: the backoff holds"),
        (503, Some(10), 10, "nor is it tried again before"),
        (404, Some(5), 5, "whatever the status"),
    ];
    for (status, asked, pause, why) in rows {
        let mut bench = Bench::new(steady());
        bench.act(0, Ask("a"));
        let failure = FetchFailure::Status(status, asked.map(Duration::from_secs));
        assert_eq!(bench.act(0, Fail(failure)), "0: UNAVAILABLE", "{why}");
        let end = pause * S;
        assert_eq!(bench.act(end - 1, Ask("a")), "UNAVAILABLE", "{why}");
        assert_eq!(bench.act(end, Ask("a")), "wait; fetch 2", "{why}");
    }
}

#[test]
fn what_may_pass_is_tried_once_more() {
    let rows = [
        (FetchFailure::Refused, true, "nobody listens yet"),
        (FetchFailure::ConnectTimeout, true, "no connection"),
        (FetchFailure::Reset, true, "cut off"),
        (FetchFailure::IdleTimeout, true, "silence"),
        (FetchFailure::TotalTimeout, true, "too slow"),
        (FetchFailure::Status(500, None), true, "their fault"),
        (FetchFailure::Status(503, None), true, "their fault"),
        (FetchFailure::Set(SetFault::NotAKeySet), true, "garbage"),
        (FetchFailure::Set(SetFault::Empty), true, "half deployed"),
        (FetchFailure::Set(SetFault::NoUsableKey), true, "likewise"),
        (FetchFailure::Status(404, None), false, "an answer"),
        (FetchFailure::Status(429, None), false, "asked to be quiet"),
        (FetchFailure::Status(204, None), false, "no 200, no error"),
        (FetchFailure::Redirect, false, "never followed"),
        (FetchFailure::TooLarge, false, "would be as large again"),
    ];
    for (failure, again, why) in rows {
        let mut bench = Bench::new(steady());
        bench.act(0, Ask("a"));
        let failed = bench.act(0, Fail(failure));
        if !again {
            assert_eq!(failed, "0: UNAVAILABLE", "{failure:?}: {why}");
            continue;
        }
        assert_eq!(failed, "-", "{failure:?}: {why}");
        assert_eq!(bench.act(250 * MS - 1, Tick), "-", "{failure:?}: early");
        assert_eq!(bench.act(250 * MS, Tick), "fetch 2", "{failure:?}: {why}");
        assert_eq!(bench.act(250 * MS, Tick), "-", "{failure:?}: once");
        let failed = bench.act(251 * MS, Fail(failure));
        assert_eq!(failed, "0: UNAVAILABLE", "{failure:?}: only once more");
    }
}

#[test]
fn a_flight_between_its_attempts_is_still_one_flight() {
    check(
        steady(),
        &[
            (0, Ask("a"), "wait; fetch 1", "cold"),
            (MS, Fail(REFUSED), "-", "to be retried"),
            (2 * MS, Ask("a"), "wait", "joins the pause"),
            (251 * MS, Tick, "fetch 2", "the retry"),
            (252 * MS, Set(&["a"]), "0: fresh 1; 1: fresh 1", "both served"),
        ],
    );
}

#[test]
fn an_empty_set_keeps_the_old_one() {
    let rows = [
        (SetFault::Empty, "kept 1", "no keys at all"),
        (SetFault::NoUsableKey, "kept 1", "none that can be used"),
        (SetFault::NotAKeySet, "fresh 1", "no set: a plain failure"),
    ];
    for (fault, expected, why) in rows {
        let mut bench = Bench::new(CachePolicy { retries: 0, ..steady() });
        bench.act(0, Warm(&["a"]));
        assert_eq!(bench.act(240 * S, Ask("a")), "fresh 1; fetch 1", "{why}");
        bench.act(240 * S, Fail(FetchFailure::Set(fault)));
        assert_eq!(bench.act(240 * S, Ask("a")), expected, "{why}");
        bench.act(241 * S, Ask("a"));
        bench.act(241 * S, Set(&["a"]));
        assert_eq!(bench.act(241 * S, Ask("a")), "fresh 1", "it is over");
    }
}

#[test]
fn an_older_request_never_replaces_a_newer_one() {
    check(
        steady(),
        &[
            (0, Ask("a"), "wait; fetch 1", "a request at 0"),
            (1, Warm(&["b"]), "-", "a set from a later request"),
            (2, Set(&["a"]), "0: UNKNOWN", "what is held lacks the kid"),
            (2, Ask("b"), "fresh 1", "the newer set stays"),
            (2, SetOf(1, &["c"]), "-", "answered before: no effect"),
            (2, SetOf(77, &["c"]), "-", "an attempt nobody made"),
            (3, Ask("b"), "fresh 1", "still"),
        ],
    );
}

#[test]
fn an_attempt_ends_once() {
    check(
        steady(),
        &[
            (0, Ask("a"), "wait; fetch 1", "the first attempt"),
            (0, Fail(REFUSED), "-", "a retry is due in 250 ms"),
            (1, SetOf(1, &["a"]), "-", "it has ended: no effect"),
            (1, Fail(REFUSED), "-", "nor does it fail twice"),
            (250 * MS, Tick, "fetch 2", "the retry, not put off"),
            (251 * MS, SetOf(1, &["b"]), "-", "long over"),
            (251 * MS, SetOf(2, &["a"]), "0: fresh 1", "the one under way"),
        ],
    );
}

#[test]
fn waits_are_bounded() {
    let narrow = CachePolicy { max_waits: 2, ..steady() };
    check(
        narrow.clone(),
        &[
            (0, Ask("a"), "wait; fetch 1", "one"),
            (0, Ask("a"), "wait", "two"),
            (0, Ask("a"), "UNAVAILABLE", "no room for a third"),
            (1, Set(&["a"]), "0: fresh 1; 1: fresh 1", "room again"),
            (300 * S, Ask("a"), "wait; fetch 2", "ttl over"),
            (300 * S, Ask("a"), "wait", "two"),
            (300 * S, Ask("a"), "stale 1", "no room: stale if allowed"),
            (300 * S, Ask("x"), "UNAVAILABLE", "no room, no grounds"),
        ],
    );
    check(
        CachePolicy { stale_if_error: Duration::ZERO, ..narrow },
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (300 * S, Ask("a"), "wait; fetch 1", "ttl over"),
            (300 * S, Ask("a"), "wait", "two"),
            (300 * S, Ask("a"), "UNAVAILABLE", "no room, nothing to serve"),
        ],
    );
}

/// A set too old to be served is no reason to call its own kids unknown.
#[test]
fn a_known_kid_is_never_called_unknown() {
    let short = CachePolicy {
        ttl: Duration::from_secs(5),
        stale_if_error: Duration::ZERO,
        budget: Some(Budget::sliding(1, Duration::from_secs(60))),
        grounds: Duration::from_secs(60),
        max_wait: Duration::from_secs(30),
        ..steady()
    };
    check(
        short,
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (5 * S, Ask("a"), "wait; fetch 1", "too old to be served"),
            (5 * S, Ask("x"), "wait", "an unknown kid beside it"),
            (
                11 * S,
                Set(&["a"]),
                "0: UNAVAILABLE; 1: UNKNOWN",
                "too slow a fetch: too old when it comes",
            ),
            (11 * S, Ask("a"), "wait; fetch 2", "once more"),
            (11 * S, Fail(GONE), "2: UNAVAILABLE", "and failed"),
        ],
    );
}

#[test]
fn eviction_removes_key_and_grounds() {
    check(
        steady(),
        &[
            (0, Warm(&["a", "b"]), "-", "starts warm"),
            (S, Ask("x"), "UNKNOWN", "the warm set is grounds"),
            (S, Evict("a"), "-", "withdrawn by hand"),
            (S, Ask("b"), "fresh 2", "the others stay"),
            (S, Ask("a"), "wait; fetch 1", "nothing is known about it"),
            (S + 1, Ask("x"), "wait", "nor about any other"),
            (2 * S, Set(&["b"]), "2: UNKNOWN; 3: UNKNOWN", "grounds again"),
            (2 * S, Ask("b"), "fresh 2", "the same keys as held"),
        ],
    );
    check(
        steady(),
        &[
            (0, Evict("a"), "-", "nothing held"),
            (0, Ask("a"), "wait; fetch 1", "as if nothing had happened"),
        ],
    );
}

#[test]
fn counters_count() {
    let mut bench = Bench::new(CachePolicy { max_waits: 1, ..steady() });
    let acts = [
        (0, Warm(&["a", "b"])),
        (S, Ask("x")),
        (300 * S, Ask("a")),
        (300 * S, Ask("a")),
        (300 * S, Fail(REFUSED)),
        (301 * S, Tick),
        (302 * S, Set(&["a"])),
        (302 * S, Evict("a")),
        (303 * S, Ask("a")),
        (303 * S, Fail(GONE)),
    ];
    for (at, act) in acts {
        bench.act(at, act);
    }
    let expected = Counters {
        attempts: 3,
        fetched: 1,
        failed: vec![("refused", 1), ("status", 1)],
        shrunk: 1,
        skipped: vec![],
        unknown_kids: 2,
        waits: 2,
        waits_refused: 1,
        waits_expired: 1,
        served_stale: 2,
        evictions: 1,
    };
    assert_eq!(*bench.machine.counters(), expected);
}
