//! Each word of the policy vocabulary: what it changes, and what it leaves alone.

use std::time::Duration;

use jwtbench_verifier::cache_policy::{
    AgeFrom, ArmedOn, BadEntry, Budget, CachePolicy, Coalescing, EmptySet, HttpFreshness,
    LockScope, OnFailure, OutageAnswer, Refresh, RefreshAhead, UnknownKid, WindowKind,
};

use crate::key_cache::GONE;
use crate::key_cache::script::Act::{Again, Ask, Fail, Keep, Set, SetOf, Tick, Warm};
use crate::key_cache::script::{Bench, MS, S, check, steady};

const SECONDS: fn(u64) -> Duration = Duration::from_secs;

/// A ttl of 300 s and nothing else: no stale keys, no grounds, no retry, no pause.
fn bare() -> CachePolicy {
    CachePolicy {
        refresh_ahead: None,
        budget: None,
        grounds: Duration::ZERO,
        stale_if_error: Duration::ZERO,
        retries: 0,
        backoff_min: Duration::ZERO,
        backoff_max: Duration::ZERO,
        ..steady()
    }
}

fn budget(rule: Budget) -> CachePolicy {
    CachePolicy { budget: Some(rule), ..bare() }
}

#[test]
fn a_timer_refreshes_without_traffic() {
    let second = SECONDS(1);
    let periodic = CachePolicy {
        refresh: Refresh::Periodic,
        refresh_ahead: Some(RefreshAhead::Share(1.0)),
        stale_if_error: Duration::MAX,
        unknown_kid: UnknownKid::Refuse,
        backoff_min: second,
        backoff_max: second,
        ..bare()
    };
    check(
        periodic.clone(),
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (300 * S - 1, Tick, "-", "not due"),
            (300 * S, Tick, "fetch 1", "the timer"),
            (300 * S, Tick, "-", "once"),
            (300 * S, Ask("a"), "stale 1", "nobody waits for a timer"),
            (300 * S, Ask("x"), "UNAVAILABLE", "nor does an unknown kid"),
            (301 * S, Fail(GONE), "-", "it fails"),
            (302 * S - 1, Tick, "-", "a pause"),
            (302 * S, Tick, "fetch 2", "and again"),
            (303 * S, Set(&["b"]), "-", "a new set"),
            (303 * S, Ask("a"), "UNKNOWN", "the old key went"),
            (602 * S, Tick, "fetch 3", "a period after the request"),
        ],
    );
    check(
        periodic.clone(),
        &[
            (0, Ask("a"), "UNAVAILABLE", "cold: no token fetches"),
            (0, Tick, "fetch 1", "the timer does, at once"),
            (0, Ask("a"), "wait", "for the first set"),
            (S / 2, Fail(GONE), "1: UNAVAILABLE", "which does not come"),
            (S, Ask("a"), "UNAVAILABLE", "nor does a token fetch in the pause"),
            (S / 2 + S, Tick, "fetch 2", "the timer again"),
        ],
    );
    let stale_if_error = SECONDS(10);
    check(
        CachePolicy { stale_if_error, ..periodic },
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (310 * S - 1, Ask("a"), "stale 1", "the last stale instant"),
            (310 * S, Ask("a"), "UNAVAILABLE", "too old, and not the token's business"),
        ],
    );
    let lazy = CachePolicy { refresh: Refresh::Lazy, ..bare() };
    check(lazy, &[(0, Warm(&["a"]), "-", "starts warm"), (900 * S, Tick, "-", "no traffic")]);
}

#[test]
fn an_async_refresh_makes_nobody_wait() {
    let stale_if_error = SECONDS(60);
    let policy = CachePolicy { refresh: Refresh::Async, stale_if_error, ..bare() };
    check(
        policy.clone(),
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (300 * S, Ask("a"), "stale 1; fetch 1", "the old set serves on"),
            (301 * S, Ask("a"), "stale 1", "as long as it takes"),
            (301 * S, Ask("x"), "wait", "a kid that it lacks waits"),
            (302 * S, Set(&["a", "x"]), "2: fresh 2", "and gets it"),
        ],
    );
    check(
        CachePolicy { refresh: Refresh::Lazy, ..policy },
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (300 * S, Ask("a"), "wait; fetch 1", "lazy: one waits"),
        ],
    );
}

#[test]
fn a_response_sets_the_ttl_within_bounds() {
    let bounds = HttpFreshness { min: SECONDS(30), max: SECONDS(3600) };
    let obey = CachePolicy { http_freshness: Some(bounds), ..bare() };
    for (says, ttl, why) in [(60, 60, "as it says"), (5, 30, "no less"), (7200, 3600, "no more")] {
        let ends = (1 + ttl) * S;
        check(
            obey.clone(),
            &[
                (S, Ask("a"), "wait; fetch 1", "cold"),
                (2 * S, Keep(&["a"], says), "0: fresh 1", "from the start of the request"),
                (ends - 1, Ask("a"), "fresh 1", why),
                (ends, Ask("a"), "wait; fetch 2", why),
            ],
        );
    }
    check(
        obey.clone(),
        &[
            (0, Ask("a"), "wait; fetch 1", "cold"),
            (0, Set(&["a"]), "0: fresh 1", "it says nothing"),
            (300 * S - 1, Ask("a"), "fresh 1", "the policy's own ttl"),
            (300 * S, Ask("a"), "wait; fetch 2", "is over"),
        ],
    );
    let refresh_ahead = Some(RefreshAhead::Before(SECONDS(20)));
    check(
        CachePolicy { refresh_ahead, ..obey },
        &[
            (0, Ask("a"), "wait; fetch 1", "cold"),
            (0, Keep(&["a"], 60), "0: fresh 1", "a minute"),
            (40 * S - MS, Ask("a"), "fresh 1", "not yet"),
            (40 * S + MS, Ask("a"), "fresh 1; fetch 2", "20 s before its end"),
        ],
    );
    check(
        bare(),
        &[
            (0, Ask("a"), "wait; fetch 1", "cold"),
            (0, Keep(&["a"], 5), "0: fresh 1", "five seconds"),
            (300 * S - 1, Ask("a"), "fresh 1", "a policy that does not listen"),
        ],
    );
}

#[test]
fn age_runs_from_the_request_or_from_its_response() {
    for (age_from, ttl_from, last) in [(AgeFrom::Request, S, 1), (AgeFrom::Response, 9 * S, 2)] {
        let ends = ttl_from + 300 * S;
        let policy = CachePolicy { age_from, coalescing: Coalescing::None, ..bare() };
        check(
            policy.clone(),
            &[
                (S, Ask("a"), "wait; fetch 1", "cold"),
                (9 * S, Set(&["a"]), "0: fresh 1", "a slow response"),
                (ends - 1, Ask("a"), "fresh 1", "the last instant"),
                (ends, Ask("a"), "wait; fetch 2", "too old"),
            ],
        );
        let mut bench = Bench::new(policy);
        bench.act(S, Ask("a"));
        bench.act(2 * S, Ask("a"));
        bench.act(3 * S, SetOf(2, &["a"]));
        bench.act(4 * S, SetOf(1, &["b"]));
        let holds = bench.machine.keys().generation();
        assert_eq!(holds, last, "the older request ends last: {age_from:?}");
    }
}

#[test]
fn windows_of_a_budget() {
    let two = |kind| budget(Budget { kind, ..Budget::sliding(2, SECONDS(30)) });
    let first: [(i64, crate::key_cache::script::Act, &str, &str); 5] = [
        (0, Warm(&["a"]), "-", "starts warm"),
        (S, Ask("x"), "wait; fetch 1", "one"),
        (2 * S, Set(&["a"]), "0: UNKNOWN", "no such kid"),
        (20 * S, Ask("x"), "wait; fetch 2", "two"),
        (21 * S, Set(&["a"]), "1: UNKNOWN", "no such kid"),
    ];
    let rest =
        |kind, rows: &[crate::key_cache::script::Row]| check(two(kind), &[&first, rows].concat());
    rest(
        WindowKind::Sliding,
        &[
            (31 * S - 1, Ask("x"), "UNAVAILABLE", "two within 30 s"),
            (31 * S, Ask("x"), "wait; fetch 3", "the first is 30 s old"),
            (32 * S, Set(&["a"]), "3: UNKNOWN", "no such kid"),
            (50 * S - 1, Ask("x"), "UNAVAILABLE", "the second is not"),
        ],
    );
    rest(
        WindowKind::Fixed,
        &[
            (31 * S - 1, Ask("x"), "UNAVAILABLE", "the window is open, and spent"),
            (31 * S, Ask("x"), "wait; fetch 3", "a new window opens"),
            (32 * S, Set(&["a"]), "3: UNKNOWN", "no such kid"),
            (33 * S, Ask("x"), "wait; fetch 4", "the second of that window"),
        ],
    );
    rest(
        WindowKind::Bucket,
        &[
            (21 * S, Ask("x"), "wait; fetch 3", "it was full again"),
            (22 * S, Set(&["a"]), "2: UNKNOWN", "no such kid"),
            (35 * S - 1, Ask("x"), "UNAVAILABLE", "full at 20 s, two taken since"),
            (35 * S, Ask("x"), "wait; fetch 4", "one in 15 s"),
        ],
    );
}

#[test]
fn what_arms_a_budget() {
    let armed = |armed_on| budget(Budget { armed_on, ..Budget::sliding(1, SECONDS(30)) });
    check(
        armed(ArmedOn::Success),
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (S, Ask("x"), "wait; fetch 1", "free"),
            (2 * S, Fail(GONE), "0: UNAVAILABLE", "a failure arms nothing"),
            (2 * S, Ask("x"), "wait; fetch 2", "so the next asks too"),
            (3 * S, Set(&["a", "x"]), "1: fresh 2", "a success does"),
            (4 * S, Ask("y"), "UNAVAILABLE", "whomever it served"),
            (33 * S, Ask("y"), "wait; fetch 3", "30 s after its end"),
        ],
    );
    check(
        armed(ArmedOn::Miss),
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (S, Ask("x"), "wait; fetch 1", "free"),
            (2 * S, Set(&["a", "x"]), "0: fresh 2", "found: nothing is armed"),
            (2 * S, Ask("y"), "wait; fetch 2", "so the next asks too"),
            (3 * S, Set(&["a", "x"]), "1: UNKNOWN", "a miss arms"),
            (33 * S - 1, Ask("y"), "UNAVAILABLE", "for 30 s"),
            (33 * S, Ask("y"), "wait; fetch 3", "and no longer"),
        ],
    );
}

#[test]
fn a_budget_that_good_users_share_locks_them_out() {
    let mut rule = Budget::sliding(1, SECONDS(600));
    let rows = |good| {
        [
            (0, Warm(&["a"]), "-", "starts warm"),
            (299 * S, Ask("x"), "wait; fetch 1", "an unknown kid spends it"),
            (299 * S, Fail(GONE), "0: UNAVAILABLE", "for nothing"),
            (300 * S, Ask("a"), good, "a good user needs a fetch"),
        ]
    };
    check(budget(rule), &rows("wait; fetch 2"));
    rule.is_shared = true;
    check(budget(rule), &rows("UNAVAILABLE"));
}

#[test]
fn a_token_may_wait_for_the_budget() {
    let rule = Budget { max_wait: SECONDS(60), ..Budget::sliding(1, SECONDS(100)) };
    check(
        budget(rule),
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (0, Ask("x"), "wait; fetch 1", "spent"),
            (S, Set(&["a"]), "0: UNKNOWN", "no such kid"),
            (40 * S - 1, Ask("y"), "UNAVAILABLE", "over 60 s to wait"),
            (40 * S, Ask("y"), "wait", "60 s"),
            (100 * S - 1, Tick, "-", "not yet"),
            (100 * S, Tick, "fetch 2", "its turn"),
            (101 * S, Set(&["a", "y"]), "2: fresh 2", "and it was worth it"),
        ],
    );
}

#[test]
fn in_the_background_only_the_next_one_gains() {
    let unknown_kid = UnknownKid::RefetchInBackground;
    check(
        CachePolicy { unknown_kid, ..bare() },
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (0, Ask("x"), "UNAVAILABLE; fetch 1", "refused, and fetched for"),
            (0, Ask("x"), "UNAVAILABLE", "nobody waits"),
            (S, Set(&["a", "x"]), "-", "nobody waited"),
            (S, Ask("x"), "fresh 2", "the next one"),
        ],
    );
}

#[test]
fn a_bad_signature_may_ask_again() {
    let rows = |again| [(0, Warm(&["a"]), "-", "starts warm"), (0, Again("a"), again, "it fails")];
    check(bare(), &rows("fresh 1"));
    check(CachePolicy { refetch_bad_signature: true, ..bare() }, &rows("wait; fetch 1"));
    let spent = Budget::sliding(1, SECONDS(10));
    check(
        CachePolicy { refetch_bad_signature: true, ..budget(spent) },
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (0, Again("a"), "wait; fetch 1", "within the budget"),
            (0, Again("a"), "wait", "joined"),
            (S, Set(&["a"]), "0: fresh 1; 1: fresh 1", "what there is"),
            (2 * S, Again("a"), "fresh 1", "spent"),
        ],
    );
}

#[test]
fn a_failure_may_cost_the_set() {
    let rows = |after| {
        [
            (0, Warm(&["a"]), "-", "starts warm"),
            (0, Ask("x"), "wait; fetch 1", "an unknown kid"),
            (S, Fail(GONE), "0: UNAVAILABLE", "fails"),
            (S, Ask("a"), after, "a good user"),
        ]
    };
    check(bare(), &rows("fresh 1"));
    let clear = CachePolicy { on_failure: OnFailure::Clear, ..bare() };
    check(clear.clone(), &rows("wait; fetch 2"));
    let rest = [(2 * S, Set(&["a"]), "1: fresh 1", "the same content is the same generation")];
    check(clear, &[&rows("wait; fetch 2")[..], &rest].concat());
}

#[test]
fn without_coalescing_each_fetches() {
    let coalescing = Coalescing::None;
    check(
        CachePolicy { coalescing, max_waits: 3, ..bare() },
        &[
            (0, Ask("a"), "wait; fetch 1", "one"),
            (0, Ask("a"), "wait; fetch 2", "another"),
            (0, Ask("x"), "wait; fetch 3", "and another"),
            (0, Ask("a"), "UNAVAILABLE", "no room to wait, no fetch"),
            (S, SetOf(2, &["a"]), "1: fresh 1", "each has its own"),
            (2 * S, SetOf(3, &["a"]), "2: UNKNOWN", "its own answer"),
            (3 * S, SetOf(1, &["a"]), "0: fresh 1", "however late"),
        ],
    );
}

#[test]
fn a_lock_for_all_holds_up_those_who_need_nothing() {
    let rows = |known, then| {
        [
            (0, Warm(&["a"]), "-", "starts warm"),
            (0, Ask("x"), "wait; fetch 1", "an unknown kid"),
            (0, Ask("a"), known, "a good user beside it"),
            (S / 2, Set(&["a"]), then, "the end of the fetch"),
        ]
    };
    check(bare(), &rows("fresh 1", "0: UNKNOWN"));
    check(CachePolicy { lock: LockScope::All, ..bare() }, &rows("wait", "0: UNKNOWN; 1: fresh 1"));
    let none = CachePolicy { lock: LockScope::All, ttl: Duration::ZERO, ..bare() };
    check(
        CachePolicy { max_wait: SECONDS(9), ..none },
        &[
            (0, Ask("a"), "wait; fetch 1", "nothing is kept"),
            (0, Ask("a"), "wait", "in line"),
            (0, Ask("b"), "wait", "in line"),
            (S, Set(&["a", "b"]), "fetch 2; 0: fresh 1", "the next one's turn"),
            (2 * S, Set(&["a", "b"]), "fetch 3; 1: fresh 1", "one by one"),
            (3 * S, Fail(GONE), "2: UNAVAILABLE", "to each its own"),
        ],
    );
}

#[test]
fn a_cache_by_kid_ages_each_kid_by_itself() {
    check(
        CachePolicy { per_kid: Some(2), coalescing: Coalescing::PerKid, ..bare() },
        &[
            (0, Ask("a"), "wait; fetch 1", "cold"),
            (0, Ask("b"), "wait; fetch 2", "another kid, another fetch"),
            (0, Ask("a"), "wait", "the same kid joins"),
            (S, SetOf(1, &["a", "b", "c"]), "0: fresh 1; 2: fresh 1", "whose kid it is"),
            (S, SetOf(2, &["a", "b", "c"]), "1: fresh 2", "and this one's"),
            (200 * S, Ask("c"), "wait; fetch 3", "fetched before, and not kept"),
            (201 * S, Set(&["b", "c"]), "3: fresh 3", "the oldest of three goes"),
            (202 * S, Ask("b"), "fresh 3", "still of its first fetch"),
            (300 * S, Ask("b"), "wait; fetch 4", "and no older than 300 s"),
            (301 * S, Set(&["c"]), "5: UNKNOWN", "withdrawn since"),
            (301 * S, Ask("c"), "fresh 4", "of its own fetch"),
        ],
    );
}

#[test]
fn a_withdrawn_kid_lives_on_in_a_cache_by_kid() {
    let rows = |late| {
        [
            (0, Warm(&["a"]), "-", "starts warm"),
            (S, Ask("b"), "wait; fetch 1", "a new key"),
            (2 * S, Set(&["b"]), "0: fresh 2", "and the old one is gone"),
            (3 * S, Ask("a"), late, "its tokens"),
        ]
    };
    check(CachePolicy { per_kid: Some(5), ..bare() }, &rows("fresh 2"));
    check(bare(), &rows("wait; fetch 2"));
}

#[test]
fn odd_and_empty_sets() {
    let rows = |odd| {
        [
            (0, Warm(&["a"]), "-", "starts warm"),
            (300 * S, Ask("a"), "wait; fetch 1", "ttl over"),
            (300 * S + MS, Set(&["a", "odd"]), odd, "a set with an odd entry"),
        ]
    };
    check(bare(), &rows("0: fresh 2"));
    check(CachePolicy { bad_entry: BadEntry::FailSet, ..bare() }, &rows("0: UNAVAILABLE"));
    let rows = |empty, then| {
        [
            (0, Warm(&["a"]), "-", "starts warm"),
            (200 * S, Ask("x"), "wait; fetch 1", "an unknown kid"),
            (200 * S + MS, Set(&[]), empty, "an empty set"),
            (200 * S + MS, Ask("a"), then, "a good user"),
        ]
    };
    check(bare(), &rows("0: UNAVAILABLE", "kept 1"));
    let accept = CachePolicy { empty_set: EmptySet::Accept, ..bare() };
    check(accept, &rows("0: UNKNOWN", "wait; fetch 2"));
}

#[test]
fn an_outage_may_pass_for_a_bad_token() {
    let rows =
        |code| [(0, Ask("a"), "wait; fetch 1", "cold"), (S / 2, Fail(GONE), code, "no keys")];
    check(bare(), &rows("0: UNAVAILABLE"));
    check(CachePolicy { outage: OutageAnswer::Unauthorized, ..bare() }, &rows("0: UNKNOWN"));
}

/// Whatever the schedule of asks, no window holds more attempts than the budget allows.
#[test]
fn a_budget_is_never_exceeded() {
    for (fetches, seconds) in [(1, 1), (2, 7), (10, 60)] {
        let mut bench = Bench::new(budget(Budget::sliding(fetches, SECONDS(seconds))));
        bench.act(0, Warm(&["a"]));
        let (mut now, mut state, mut made) = (0, 88_172_645_463_325_252_u64, Vec::new());
        for _ in 0..3000 {
            // Xorshift (Marsaglia 2003).
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            now += (state % (seconds * 400)) as i64 * MS;
            let kid = if now > 200 * S { "x" } else { "y" };
            if bench.act(now, Ask(kid)).contains("fetch") && bench.machine.keys().has_kid("a") {
                made.push(now);
                bench.act(now, Set(&["a"]));
            }
        }
        let window = seconds as i64 * S;
        let most =
            |at: &i64| made.iter().filter(|made| (at - window..=*at).contains(*made)).count();
        let inside = made.iter().map(|at| most(at) - usize::from(made.contains(&(at - window))));
        assert!(inside.max() <= Some(fetches as usize), "{fetches} in {seconds} s");
        assert!(made.len() > 50, "and it is spent");
    }
}
