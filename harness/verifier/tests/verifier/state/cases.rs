//! What the machine answers, case by case.

use std::time::Duration;

use jwtbench_verifier::key_cache::Ticket;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::state_check::StateAnswer::{Decided, Wait};
use jwtbench_verifier::state_check::{
    Knowledge, StateAnswer, StateCheck, StateEntry, StateGround, StateToken, StoreOutcome,
};
use jwtbench_verifier::state_strategy::{
    Adopt, AnswerCache, Asks, Breaker, ColdStart, Feed, LastWord, Lookup, LookupCoalescing, OnGap,
    OnOutage, Poll, PollScope, Push, StateFilter, StateStrategy,
};
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;

use super::forms::{cached, polled};
use super::world::{World, at, s, token};

const REVOKED: Result<(), Rejection> = Err(Rejection::Revoked);
const UNAVAILABLE: Result<(), Rejection> = Err(Rejection::StateUnavailable);

/// The code of an answer; a token that waits has none.
fn code(answer: StateAnswer) -> Result<(), Rejection> {
    match answer {
        Decided(code, _) => code,
        Wait => panic!("the token waits"),
    }
}

fn with_feed(strategy: StateStrategy, change: impl FnOnce(Feed) -> Feed) -> StateStrategy {
    StateStrategy { feed: strategy.feed.map(change), ..strategy }
}

fn with_lookup(strategy: StateStrategy, change: impl FnOnce(Lookup) -> Lookup) -> StateStrategy {
    StateStrategy { lookup: strategy.lookup.map(change), ..strategy }
}

fn pushed(on_gap: OnGap, heartbeat: Option<Duration>, replays: bool) -> StateStrategy {
    let push = Some(Push { replays, heartbeat, on_gap });
    with_feed(polled(60.0, PollScope::Full), |feed| Feed { push, ..feed })
}

#[test]
fn without_a_carrier_a_token_is_good_until_it_expires() {
    let mut world = World::new(StateStrategy::none(), 1);
    world.revoke("a", Tick::MAX);
    assert_eq!(world.present("a"), Decided(Ok(()), StateGround::NoCarrier));
    assert_eq!((world.lookups, world.polls, world.next()), (0, 0, None));
}

#[test]
fn a_list_in_memory_is_never_late() {
    let mut world = World::new(StateStrategy::memory(), 1);
    assert_eq!(code(world.present("a")), Ok(()));
    let entry = world.revoke("a", Tick::MAX);
    world.push(None, entry);
    assert_eq!(world.present("a"), Decided(REVOKED, StateGround::Held(Tick::ZERO)));
    let clear = world.state("a", Knowledge::Clear, Tick::MAX);
    world.push(None, clear);
    assert_eq!(code(world.present("a")), Ok(()), "a suspension can be lifted");
}

#[test]
fn a_token_without_the_key_asks_nobody_unless_all_do() {
    let none = StateToken { key: None, ..token("") };
    let ticket = Ticket { worker: 0, place: 9 };
    let mut world = World::new(cached(60.0), 1);
    let answer = world.check.ask(&none, ticket, world.now);
    assert_eq!(answer, Decided(Ok(()), StateGround::NotNeeded));
    let mut world = World::new(StateStrategy { asks: Asks::Every, ..cached(60.0) }, 1);
    assert_eq!(world.check.ask(&none, ticket, world.now), Wait, "for nothing");
}

#[test]
fn before_the_first_list_the_strategy_decides() {
    let rows = [
        (ColdStart::Open, Some(Ok(())), "open"),
        (ColdStart::Closed, Some(UNAVAILABLE), "closed"),
        (ColdStart::Wait(s(1.0)), None, "waits"),
    ];
    for (cold_start, expected, reason) in rows {
        let mut world =
            World::new(with_feed(polled(60.0, PollScope::Full), |f| Feed { cold_start, ..f }), 1);
        world.store.latency = s(0.5);
        let answer = world.present("a");
        assert_eq!((answer != Wait).then(|| code(answer)), expected, "{reason}");
        world.run_to(at(2.0));
        let answers: Vec<_> = world.woken.iter().map(|one| (one.2, code(one.3))).collect();
        let woken = if expected.is_none() { vec![(at(0.5), Ok(()))] } else { Vec::new() };
        assert_eq!(answers, woken, "{reason}: answered by the first list");
    }
}

#[test]
fn a_wait_for_the_first_list_ends() {
    let cold_start = ColdStart::Wait(s(1.0));
    let strategy = with_feed(polled(60.0, PollScope::Full), |feed| Feed { cold_start, ..feed });
    let mut world = World::new(strategy, 1);
    world.store.outage = Some((Tick::ZERO, at(300.0)));
    assert_eq!(world.present("a"), Wait);
    world.run_to(at(5.0));
    assert_eq!(world.woken.len(), 1);
    let (_, _, end, answer) = world.woken[0];
    assert_eq!((end, code(answer)), (at(1.0), UNAVAILABLE), "503, and not 401");
}

#[test]
fn a_list_that_is_too_old_is_an_outage_but_for_what_it_revokes() {
    let rows = [(OnOutage::Closed(503), UNAVAILABLE, "closed"), (OnOutage::Open, Ok(()), "open")];
    for (on_outage, expected, reason) in rows {
        let max_stale = s(120.0);
        let strategy = with_feed(polled(60.0, PollScope::Full), |feed| Feed { max_stale, ..feed });
        let mut world = World::warm(StateStrategy { on_outage, ..strategy }, 1, 60.0);
        world.revoke("bad", Tick::MAX);
        world.store.outage = Some((at(90.0), Tick::MAX));
        world.run_to(at(180.0));
        assert_eq!(code(world.present("good")), Ok(()), "{reason}: 120 s after the poll at 60 s");
        world.run_to(at(180.1));
        assert_eq!(code(world.present("good")), expected, "{reason}: past the bound");
        assert_eq!(code(world.present("bad")), REVOKED, "{reason}: age makes nothing good");
    }
}

#[test]
fn what_a_list_lacks_is_forgotten_only_where_it_replaces() {
    for (adopt, expected) in [(Adopt::Merge, REVOKED), (Adopt::Replace, Ok(()))] {
        let strategy = with_feed(polled(60.0, PollScope::Full), |feed| Feed { adopt, ..feed });
        let mut world = World::warm(strategy, 1, 10.0);
        world.revoke("a", Tick::MAX);
        world.run_to(at(11.0));
        assert_eq!(code(world.present("a")), REVOKED);
        // The store comes back empty.
        world.store.lost.insert("a".into());
        world.run_to(at(71.0));
        assert_eq!(code(world.present("a")), expected, "{adopt:?}");
    }
}

#[test]
fn a_gap_in_the_messages_is_kept_flushed_or_repaired() {
    for (on_gap, polls, held, reason) in [
        (OnGap::Keep, 0, true, "as if nothing had been missed"),
        (OnGap::Flush, 1, false, "nothing is held, and the list is asked for"),
        (OnGap::Resync, 1, true, "the list is asked for"),
    ] {
        let mut world = World::warm(pushed(on_gap, None, false), 1, 1e6);
        let first = world.revoke("first", Tick::MAX);
        world.push(Some(1), first);
        world.revoke("missed", Tick::MAX);
        let third = world.revoke("third", Tick::MAX);
        world.push(Some(3), third);
        assert_eq!(world.refuses("first"), held, "{reason}");
        world.run_to(at(1.0));
        assert_eq!(world.polls, polls, "{reason}");
        assert_eq!(world.refuses("missed"), on_gap != OnGap::Keep, "{reason}");
        assert_eq!(world.check.counters().gaps, 1);
    }
}

#[test]
fn a_silent_link_is_noticed_by_its_heartbeat_alone() {
    for (heartbeat, expected) in [(Some(s(2.0)), UNAVAILABLE), (None, Ok(()))] {
        let strategy = with_feed(pushed(OnGap::Resync, heartbeat, false), |feed| Feed {
            poll: None,
            max_stale: s(10.0),
            ..feed
        });
        let mut world = World::warm(strategy, 1, 0.0);
        for second in 1..=20 {
            world.run_to(at(f64::from(second)));
            world.check.heartbeat(world.now);
        }
        assert_eq!(code(world.present("a")), Ok(()), "while it beats");
        world.run_to(at(29.9));
        assert_eq!(code(world.present("a")), Ok(()), "within the bound");
        world.run_to(at(32.1));
        assert_eq!(code(world.present("a")), expected, "{heartbeat:?}: silent since 20 s");
    }
}

#[test]
fn a_push_that_replays_needs_no_list() {
    let strategy = with_feed(pushed(OnGap::Resync, None, true), |feed| Feed { poll: None, ..feed });
    let mut world = World::new(strategy, 1);
    assert_eq!(world.present("a"), Decided(Ok(()), StateGround::Cold));
    let entry = world.revoke("a", Tick::MAX);
    world.push(None, entry);
    world.check.link(true, world.now);
    assert_eq!(world.present("b"), Decided(Ok(()), StateGround::Held(world.now)));
    assert_eq!(code(world.present("a")), REVOKED);
    world.run_to(at(5.0));
    world.check.link(false, world.now);
    world.run_to(at(9.0));
    assert_eq!(world.present("b"), Decided(Ok(()), StateGround::Held(at(5.0))), "as of the loss");
}

#[test]
fn cached_answers_are_used_to_their_end_and_flushed_with_their_link() {
    let tracking = Some(Push { replays: false, heartbeat: None, on_gap: OnGap::Flush });
    let strategy = with_lookup(cached(30.0), |lookup| {
        let cache = lookup.cache.map(|cache| AnswerCache { tracking, ..cache });
        Lookup { cache, ..lookup }
    });
    let mut world = World::warm(strategy, 1, 0.0);
    assert_eq!(world.present("a"), Wait);
    world.run_to(at(1.0));
    let entry = world.revoke("a", Tick::MAX);
    assert_eq!(world.present("a"), Decided(Ok(()), StateGround::Cached(Tick::ZERO)));
    world.push(None, entry);
    assert_eq!(world.present("a"), Wait, "the store said that it has changed");
    world.run_to(at(2.0));
    assert_eq!(world.woken.last().map(|one| code(one.3)), Some(REVOKED));
    world.present("b");
    world.run_to(at(3.0));
    world.check.link(false, world.now);
    assert_eq!(world.present("b"), Wait, "a lost link takes the answers with it");
}

#[test]
fn an_answer_is_kept_no_longer_than_its_token() {
    let strategy = with_lookup(cached(1e6), |lookup| {
        let cache = lookup.cache.map(|mut cache| {
            cache.caps_at_expiry = true;
            cache
        });
        Lookup { cache, ..lookup }
    });
    let mut world = World::new(strategy, 1);
    let ends = StateToken { expires: at(10.0), ..token("a") };
    let ask = |world: &mut World, place| {
        let answer = world.check.ask(&ends, Ticket { worker: 1, place }, world.now);
        while let Some(op) = world.check.next_op() {
            let outcome = StoreOutcome::Answers(vec![Knowledge::Clear]);
            world.check.finished(op.id, outcome, world.now);
        }
        while world.check.next_wake().is_some() {}
        answer
    };
    assert_eq!(ask(&mut world, 0), Wait);
    world.now = at(9.9);
    assert_ne!(ask(&mut world, 1), Wait);
    world.now = at(10.0);
    assert_eq!(ask(&mut world, 2), Wait, "RFC 7662 §4");
}

#[test]
fn a_breaker_answers_instead_of_the_store() {
    let breaker = Some(Breaker { failures: 3, open_for: s(10.0) });
    let strategy = StateStrategy { lookup: Some(Lookup::uncached()), ..StateStrategy::none() };
    let strategy = with_lookup(strategy, |lookup| Lookup { breaker, ..lookup });
    let mut world = World::new(strategy, 1);
    world.store.outage = Some((Tick::ZERO, at(8.0)));
    for second in 0..8 {
        world.run_to(at(f64::from(second)));
        let answer = world.present("a");
        world.run_to(world.now);
        let answer = world.woken.pop().map_or(answer, |one| one.3);
        assert_eq!(code(answer), UNAVAILABLE, "at {second} s");
    }
    assert_eq!(world.lookups, 3, "three failures open it");
    world.run_to(at(11.9));
    assert_eq!(code(world.present("a")), UNAVAILABLE, "still open: the price of the breaker");
    world.run_to(at(12.0));
    assert_eq!(world.present("a"), Wait, "one is tried");
    world.run_to(at(12.1));
    assert_eq!(world.woken.pop().map(|one| code(one.3)), Some(Ok(())));
    assert_eq!(world.present("b"), Wait, "and closes it");
}

#[test]
fn a_failed_request_is_repeated_as_often_as_it_may() {
    let strategy = StateStrategy { lookup: Some(Lookup::uncached()), ..StateStrategy::none() };
    let strategy =
        with_lookup(strategy, |lookup| Lookup { retries: 2, retry_delay: s(0.1), ..lookup });
    for (up, expected, lookups) in [(0.15, Ok(()), 3), (0.25, UNAVAILABLE, 3), (0.05, Ok(()), 2)] {
        let mut world = World::new(strategy.clone(), 1);
        world.store.outage = Some((Tick::ZERO, at(up)));
        assert_eq!(world.present("a"), Wait);
        world.run_to(at(1.0));
        assert_eq!(world.woken.pop().map(|one| code(one.3)), Some(expected), "up at {up} s");
        assert_eq!(world.lookups, lookups, "up at {up} s");
    }
}

#[test]
fn a_batch_is_sent_when_it_is_full_or_old() {
    let coalescing = LookupCoalescing::Batch { window: s(0.01), most: 4 };
    let strategy = StateStrategy { lookup: Some(Lookup::uncached()), ..StateStrategy::none() };
    let strategy = with_lookup(strategy, |lookup| Lookup { coalescing, ..lookup });
    let mut world = World::new(strategy, 1);
    world.revoke("b", Tick::MAX);
    for key in ["a", "b", "a", "c"] {
        assert_eq!(world.present(key), Wait);
    }
    assert_eq!(world.lookups, 0, "three keys");
    world.present("d");
    assert_eq!(world.lookups, 1, "four are enough");
    world.present("e");
    world.run_to(at(0.009));
    assert_eq!(world.lookups, 1);
    world.run_to(at(0.01));
    assert_eq!(world.lookups, 2, "nobody waits longer than the window");
    world.run_to(at(0.02));
    let refused: Vec<&str> =
        world.woken.iter().filter(|one| code(one.3) == REVOKED).map(|one| one.0.as_str()).collect();
    assert_eq!((world.woken.len(), refused), (6, vec!["b"]));
}

#[test]
fn a_version_locks_out_what_is_below_and_never_what_is_above() {
    let versioned = |version| StateToken { version, ..token("user") };
    let memory = StateStrategy::memory();
    let asking = StateStrategy { lookup: Some(Lookup::uncached()), ..memory.clone() };
    let stale = Err(Rejection::StaleAuthorization);
    let rows = [
        (Some(6), stale, "below"),
        (Some(7), Ok(()), "in force"),
        (Some(8), Ok(()), "above: the copy is behind"),
        (None, stale, "none"),
    ];
    for strategy in [memory, asking] {
        let mut world = World::new(strategy.clone(), 1);
        let entry = world.state("user", Knowledge::Version(7), Tick::MAX);
        world.push(None, entry);
        for (version, expected, reason) in rows {
            let answer = world.check.peek(&versioned(version), world.now);
            let asks = version == Some(8) && strategy.lookup.is_some();
            assert_eq!(answer.map(code), (!asks).then_some(expected), "{reason}");
        }
        // An older message comes later.
        let late = world.state("user", Knowledge::Version(3), Tick::MAX);
        world.push(None, late);
        let answer = world.check.peek(&versioned(Some(6)), world.now);
        assert_eq!(answer.map(code), Some(stale), "a version never goes back");
    }
}

#[test]
fn not_before_is_an_instant_of_issue() {
    let mut world = World::new(StateStrategy::memory(), 1);
    let from = UnixTime::from_seconds(1_000);
    let entry = world.state("user", Knowledge::NotBefore(from), Tick::MAX);
    world.push(None, entry);
    for (issued, expected) in [
        (Some(999), Err(Rejection::StaleAuthorization)),
        (Some(1_000), Ok(())),
        (Some(1_001), Ok(())),
        (None, Err(Rejection::StaleAuthorization)),
    ] {
        let issued_at = issued.map(UnixTime::from_seconds);
        let token = StateToken { issued_at, ..token("user") };
        let answer = world.check.peek(&token, world.now);
        assert_eq!(answer.map(code), Some(expected), "issued at {issued:?}");
    }
}

#[test]
fn a_list_makes_up_for_what_a_push_lost_before_its_link_went_down() {
    let strategy = with_feed(pushed(OnGap::Keep, None, false), |feed| Feed {
        poll: feed.poll.map(|poll| Poll { scope: PollScope::Delta, ..poll }),
        ..feed
    });
    let mut world = World::warm(strategy, 1, 60.0);
    world.run_to(at(10.0));
    world.revoke("lost", Tick::MAX);
    world.run_to(at(20.0));
    world.check.link(false, world.now);
    world.run_to(at(61.0));
    assert_eq!(code(world.present("lost")), REVOKED, "it is after the last list, not the link");
}

#[test]
fn tokens_that_wait_for_the_first_list_are_bounded() {
    let cold_start = ColdStart::Wait(s(1.0));
    let strategy = with_feed(polled(60.0, PollScope::Full), |feed| Feed { cold_start, ..feed });
    let mut world = World::new(StateStrategy { max_waits: 2, ..strategy }, 1);
    world.store.outage = Some((Tick::ZERO, at(300.0)));
    assert_eq!([world.present("a"), world.present("b")], [Wait, Wait]);
    assert_eq!(world.present("c"), Decided(UNAVAILABLE, StateGround::Cold));
}

#[test]
fn a_message_that_is_missed_ends_what_is_known_at_the_one_before() {
    let mut world = World::warm(pushed(OnGap::Resync, None, false), 1, 1e6);
    world.store.outage = Some((Tick::ZERO, Tick::MAX));
    let entry = world.revoke("a", Tick::MAX);
    world.run_to(at(5.0));
    world.push(Some(1), entry.clone());
    world.run_to(at(9.0));
    world.push(Some(3), entry);
    assert_eq!(world.present("b"), Decided(Ok(()), StateGround::Held(at(5.0))));
}

/// A filter before the list that is too small is wrong about everything, and decides nothing.
#[test]
fn a_filter_before_the_list_decides_nothing() {
    for (room, false_positives) in [(2_000, 0.01), (2_000, 0.000_001), (1, 0.5), (0, 0.99)] {
        let filter = Some(StateFilter { false_positives, last_word: LastWord::List });
        let strategy = StateStrategy { filter, ..StateStrategy::memory() };
        let mut check = StateCheck::new(strategy, 1).with_room(room);
        let entry = |number: usize| StateEntry {
            key: format!("jti-{number}").into(),
            knowledge: Knowledge::Revoked,
            end: Tick::MAX,
        };
        let entries: Vec<StateEntry> = (0..2_000).chain(0..10).map(entry).collect();
        check.pushed(None, &entries, Tick::ZERO);
        assert_eq!(check.entries(), 2_000, "each once");
        for number in 0..4_000 {
            let key = format!("jti-{number}");
            let expected = if number < 2_000 { REVOKED } else { Ok(()) };
            let answer = check.peek(&token(&key), Tick::ZERO);
            assert_eq!(answer.map(code), Some(expected), "{key}, room for {room}");
        }
    }
}

/// A store that stops answering without closing its link: what its answers say is used up to the
/// end of the silence that is allowed, and without such an end as long as they are kept.
#[test]
fn a_silent_link_takes_cached_answers_with_it() {
    for (heartbeat, is_kept) in [(Some(s(2.0)), false), (None, true)] {
        let tracking = Some(Push { replays: false, heartbeat, on_gap: OnGap::Flush });
        let strategy = with_lookup(cached(1_800.0), |lookup| {
            let cache = lookup.cache.map(|cache| AnswerCache { tracking, ..cache });
            Lookup { cache, ..lookup }
        });
        let mut world = World::warm(strategy, 1, 0.0);
        assert_eq!(world.present("a"), Wait);
        world.run_to(at(1.0));
        world.check.heartbeat(world.now);
        world.run_to(at(2.9));
        assert_eq!(world.present("a"), Decided(Ok(()), StateGround::Cached(Tick::ZERO)));
        world.run_to(at(3.1));
        assert_eq!(world.present("a") != Wait, is_kept, "{heartbeat:?}");
    }
}
