//! Kids that the set lacks: grounds, budget, joining, and which of the two refusals is due.

use std::time::Duration;

use jwtbench_verifier::cache_policy::{Budget, CachePolicy, UnknownKid};
use jwtbench_verifier::key_cache::FetchFailure;

use crate::key_cache::GONE;
use crate::key_cache::script::Act::{Ask, Fail, Set, Tick, Warm};
use crate::key_cache::script::{Bench, MS, S, check, steady};

fn with(budget: u32, window: u64) -> CachePolicy {
    let window = Duration::from_secs(window);
    CachePolicy { budget: Some(Budget::sliding(budget, window)), grounds: window, ..steady() }
}

#[test]
fn within_its_window_a_fetch_is_grounds() {
    check(
        steady(),
        &[
            (0, Warm(&["a"]), "-", "a fetch at 0"),
            (0, Ask("x"), "UNKNOWN", "at once"),
            (10 * S - 1, Ask("x"), "UNKNOWN", "1 ns inside the window"),
            (10 * S, Ask("x"), "wait; fetch 1", "outside: ask the issuer"),
            (11 * S - 1, Set(&["a"]), "2: UNKNOWN", "it was asked"),
            (20 * S - 1, Ask("x"), "UNKNOWN", "from the request's start"),
            (20 * S, Ask("x"), "wait; fetch 2", "window over, budget back"),
        ],
    );
}

#[test]
fn a_kid_that_the_fetch_brings_is_used() {
    check(
        steady(),
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (10 * S, Ask("next"), "wait; fetch 1", "a rotation"),
            (10 * S, Ask("x"), "wait", "joins"),
            (10 * S, Ask("a"), "fresh 1", "good tokens are not slowed"),
            (11 * S - 1, Set(&["a", "next"]), "0: fresh 2; 1: UNKNOWN", "one fetch answers all"),
            (11 * S, Ask("next"), "fresh 2", "known now"),
        ],
    );
}

#[test]
fn the_budget_is_armed_on_the_attempt() {
    check(
        steady(),
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (10 * S, Ask("x"), "wait; fetch 1", "spends the budget"),
            (10 * S, Fail(GONE), "0: UNAVAILABLE", "no grounds"),
            (12 * S, Ask("x"), "UNAVAILABLE", "backoff over, budget spent"),
            (12 * S, Ask("a"), "fresh 1", "good tokens are not slowed"),
            (20 * S - 1, Ask("y"), "UNAVAILABLE", "1 ns early, any kid"),
            (20 * S, Ask("x"), "wait; fetch 2", "one per sliding window"),
            (20 * S, Fail(GONE), "4: UNAVAILABLE", "failed again"),
            (30 * S, Ask("x"), "wait; fetch 3", "armed at 20, not at 10"),
        ],
    );
    check(
        with(2, 10),
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (10 * S, Ask("x"), "wait; fetch 1", "the first of two"),
            (10 * S, Fail(GONE), "0: UNAVAILABLE", "failed"),
            (14 * S, Ask("x"), "wait; fetch 2", "the second of two"),
            (14 * S, Fail(GONE), "1: UNAVAILABLE", "failed"),
            (20 * S - 1, Ask("x"), "UNAVAILABLE", "both spent"),
            (20 * S, Ask("x"), "wait; fetch 3", "the first slid out"),
            (20 * S, Fail(GONE), "3: UNAVAILABLE", "failed"),
            (24 * S - 1, Ask("x"), "UNAVAILABLE", "the second has not"),
            (24 * S, Ask("x"), "wait; fetch 4", "now it has"),
        ],
    );
}

#[test]
fn failures_ask_for_a_pause_of_unknown_kids_too() {
    let pause = FetchFailure::Status(429, Some(Duration::from_secs(25)));
    check(
        with(9, 10),
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (10 * S, Ask("x"), "wait; fetch 1", "one of nine"),
            (10 * S, Fail(pause), "0: UNAVAILABLE", "told to be quiet"),
            (35 * S - 1, Ask("x"), "UNAVAILABLE", "quiet"),
            (35 * S, Ask("x"), "wait; fetch 2", "and over"),
        ],
    );
}

/// A real rotation converges within one window and a fetch, whatever else asks.
#[test]
fn a_flood_spends_the_budget_and_no_more() {
    let mut bench = Bench::new(steady());
    bench.act(0, Warm(&["a"]));
    let mut fetches = 0;
    for step in 0..12_000 {
        let now = step * 5 * MS;
        let got = bench.act(now, Ask("x"));
        if got.contains("fetch") {
            fetches += 1;
            bench.act(now + MS, Set(&["a"]));
        }
    }
    // 60 s: at 10, 20, 30, 40 and 50 s.
    assert_eq!(fetches, 5, "one fetch per window of 10 s");
}

#[test]
fn it_joins_whatever_flight_there_is() {
    check(
        steady(),
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (240 * S, Ask("a"), "fresh 1; fetch 1", "refresh ahead"),
            (240 * S, Ask("x"), "wait", "joins, no second fetch"),
            (240 * S, Fail(GONE), "1: UNAVAILABLE", "shares the failure"),
            (242 * S, Ask("x"), "wait; fetch 2", "it spent no budget"),
        ],
    );
}

#[test]
fn a_wait_that_ends_without_grounds_is_not_called_unknown() {
    check(
        steady(),
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (50 * S, Ask("x"), "wait; fetch 1", "no grounds any more"),
            (51 * S, Tick, "0: UNAVAILABLE", "it does not know"),
            (52 * S, Ask("x"), "wait", "the flight goes on"),
            (52 * S, Set(&["a"]), "1: UNKNOWN", "it knows"),
        ],
    );
    let patient = CachePolicy { max_wait: Duration::from_secs(60), ..steady() };
    check(
        patient,
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (50 * S, Ask("x"), "wait; fetch 1", "no grounds any more"),
            (75 * S, Set(&["a"]), "0: UNKNOWN", "asked for it, if slowly"),
            (75 * S, Ask("x"), "wait; fetch 2", "too old for others"),
        ],
    );
}

#[test]
fn a_policy_that_refuses_never_fetches_for_it() {
    let refuse = CachePolicy { unknown_kid: UnknownKid::Refuse, ..steady() };
    check(
        refuse,
        &[
            (0, Warm(&["a"]), "-", "starts warm"),
            (239 * S, Ask("x"), "UNKNOWN", "grounds as long as the ttl"),
            (300 * S - 1, Ask("x"), "UNKNOWN", "to the last instant"),
            (300 * S, Ask("x"), "wait; fetch 1", "for the ttl, not the kid"),
            (300 * S, Fail(GONE), "2: UNAVAILABLE", "no grounds"),
        ],
    );
}
