//! Things that happen while others are under way: a gap during a poll, a push during a question, an
//! answer that comes late, a link that is silent and speaks again.

use jwtbench_verifier::key_cache::Ticket;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::state_check::StateAnswer::{Decided, Wait};
use jwtbench_verifier::state_check::{
    Knowledge, StateAnswer, StateCheck, StateEntry, StateGround, StateToken, StoreListing,
    StoreOutcome,
};
use jwtbench_verifier::state_strategy::{
    Adopt, AnswerCache, ColdStart, Feed, LastWord, Lookup, LookupCoalescing, OnGap, OnOutage, Poll,
    PollScope, Push, StateFilter, StateStrategy,
};
use jwtbench_verifier::tick::Tick;

use super::forms::{cached, polled};
use super::world::{World, at, s, token};

const REVOKED: Result<(), Rejection> = Err(Rejection::Revoked);

fn code(answer: StateAnswer) -> Result<(), Rejection> {
    match answer {
        Decided(code, _) => code,
        Wait => panic!("the token waits"),
    }
}

fn pushed(scope: PollScope, interval: f64, push: Push) -> StateStrategy {
    let strategy = polled(interval, scope);
    let feed = strategy.feed.clone().map(|feed| Feed { push: Some(push), ..feed });
    StateStrategy { feed, ..strategy }
}

fn without_poll(strategy: StateStrategy) -> StateStrategy {
    let feed = strategy.feed.clone().map(|feed| Feed { poll: None, ..feed });
    StateStrategy { feed, ..strategy }
}

const AT_MOST_ONCE: Push = Push { replays: false, heartbeat: None, on_gap: OnGap::Flush };

/// A list that was asked for before the gap cannot make up for it.
#[test]
fn a_poll_that_began_before_a_gap_does_not_make_up_for_it() {
    for (on_gap, scope) in [
        (OnGap::Flush, PollScope::Delta),
        (OnGap::Resync, PollScope::Full),
        (OnGap::Resync, PollScope::Delta),
    ] {
        let mut world = World::warm(pushed(scope, 3600.0, Push { on_gap, ..AT_MOST_ONCE }), 1, 5.0);
        world.store.latency = s(0.3);
        let old = world.revoke("old", Tick::MAX);
        world.push(Some(1), old);
        world.run_to(at(5.1));
        assert_eq!(world.polls, 1, "a poll is under way");
        world.revoke("missed", Tick::MAX);
        let third = world.revoke("third", Tick::MAX);
        world.push(Some(3), third);
        assert!(world.refuses("third"), "{on_gap:?}: what tells of the gap is held");
        world.run_to(at(6.0));
        assert_eq!(world.polls, 2, "{on_gap:?} {scope:?}: the whole list is asked for at once");
        for key in ["old", "missed", "third"] {
            assert!(world.refuses(key), "{on_gap:?} {scope:?}: {key}");
        }
        let answer = world.present("good");
        assert!(matches!(answer, Decided(Ok(()), StateGround::Held(_))), "{answer:?}");
    }
}

#[test]
fn a_gap_that_nothing_can_make_up_for_ends() {
    for on_gap in [OnGap::Resync, OnGap::Flush] {
        let push = Push { on_gap, ..AT_MOST_ONCE };
        let mut world = World::new(without_poll(pushed(PollScope::Full, 60.0, push)), 1);
        world.check.link(true, world.now);
        world.run_to(at(100.0));
        assert_eq!(world.next(), None, "{on_gap:?}: nothing is due");
    }
}

/// A push comes while the answer to an earlier question is under way.
#[test]
fn an_answer_that_a_push_has_overtaken_is_not_kept() {
    let tracking = Some(AT_MOST_ONCE);
    let mut strategy = cached(1_800.0);
    strategy.lookup = strategy.lookup.map(|lookup| Lookup {
        cache: lookup.cache.map(|cache| AnswerCache { tracking, ..cache }),
        ..lookup
    });
    let mut world = World::warm(strategy.clone(), 1, 0.0);
    world.store.latency = s(0.3);
    assert_eq!(world.present("a"), Wait);
    world.run_to(at(0.25));
    let entry = world.revoke("a", Tick::MAX);
    world.push(None, entry);
    world.run_to(at(1.0));
    assert_eq!(world.present("a"), Wait, "it is asked again");
    // An answer that comes while nothing can drop it is not kept either.
    let mut world = World::warm(strategy, 1, 0.0);
    world.check.link(false, world.now);
    assert_eq!(world.present("a"), Wait);
    world.run_to(at(1.0));
    world.check.link(true, world.now);
    assert_eq!(world.present("a"), Wait, "the link was down when it was asked");
    world.run_to(at(2.0));
    assert!(matches!(world.present("a"), Decided(Ok(()), StateGround::Cached(_))));
}

/// A filter has caught a token that waited for the first list: the store has the last word.
#[test]
fn a_token_that_waited_for_the_list_is_asked_about() {
    let filter = Some(StateFilter { false_positives: 1e-9, last_word: LastWord::Store });
    let cold_start = ColdStart::Wait(s(1.0));
    let list = polled(60.0, PollScope::Full);
    let strategy = StateStrategy {
        feed: list.feed.clone().map(|feed| Feed { cold_start, ..feed }),
        lookup: Some(Lookup::uncached()),
        filter,
        on_outage: OnOutage::Open,
        ..list
    };
    let mut world = World::new(strategy, 1);
    world.store.latency = s(0.1);
    world.revoke("bad", Tick::MAX);
    assert_eq!(world.present("bad"), Wait);
    world.run_to(at(3.0));
    let answers: Vec<_> = world.woken.iter().map(|one| (one.2, code(one.3))).collect();
    assert_eq!(answers, [(at(0.2), REVOKED)], "after the list, and then the store");
}

#[test]
fn a_wait_that_is_over_goes_by_what_is_held() {
    let cold_start = ColdStart::Wait(s(1.0));
    let strategy = pushed(PollScope::Full, 60.0, AT_MOST_ONCE);
    let feed = strategy.feed.clone().map(|feed| Feed { cold_start, ..feed });
    let strategy = StateStrategy { feed, on_outage: OnOutage::Open, ..strategy };
    let mut world = World::new(strategy, 1);
    world.store.outage = Some((Tick::ZERO, Tick::MAX));
    world.run_to(at(0.1));
    assert_eq!([world.present("bad"), world.present("good")], [Wait, Wait]);
    let entry = world.revoke("bad", Tick::MAX);
    world.push(None, entry);
    world.run_to(at(2.0));
    let answers: Vec<_> = world.woken.iter().map(|one| (one.0.as_str(), code(one.3))).collect();
    assert_eq!(answers, [("bad", REVOKED), ("good", Ok(()))]);
}

/// A store that stood still and goes on, on the same connection.
#[test]
fn a_link_that_was_silent_and_speaks_again_is_up() {
    let push = Push { heartbeat: Some(s(2.0)), on_gap: OnGap::Resync, ..AT_MOST_ONCE };
    let mut world = World::warm(pushed(PollScope::Full, 1e6, push), 1, 1e6);
    for second in [2.0, 4.0] {
        world.run_to(at(second));
        world.check.heartbeat(world.now);
    }
    assert_eq!(world.check.counters().gaps, 0, "a silence as long as may be is none");
    world.run_to(at(8.0));
    world.check.heartbeat(world.now);
    world.run_to(at(9.0));
    assert_eq!((world.check.counters().gaps, world.polls), (1, 1), "what was missed is asked for");
    world.check.heartbeat(world.now);
    let answer = world.present("a");
    assert_eq!(answer, Decided(Ok(()), StateGround::Held(at(9.0))), "and it is up");
}

fn list(keys: &[&str], as_of: f64) -> StoreOutcome {
    let entry = |key: &&str| StateEntry {
        key: (*key).into(),
        knowledge: Knowledge::Revoked,
        end: Tick::MAX,
    };
    StoreOutcome::Listing(StoreListing {
        entries: keys.iter().map(entry).collect::<Vec<_>>().into(),
        is_full: true,
        as_of: Some(at(as_of)),
        until: None,
    })
}

#[test]
fn an_older_list_replaces_nothing() {
    let strategy = polled(60.0, PollScope::Full);
    let feed = strategy.feed.clone().map(|feed| Feed { adopt: Adopt::Replace, ..feed });
    let mut check = StateCheck::new(StateStrategy { feed, ..strategy }, 1);
    let mut take = |now: f64, outcome: StoreOutcome| {
        check.tick(at(now));
        let op = check.next_op().expect("a poll");
        check.finished(op.id, outcome, at(now));
        check.peek(&token("a"), at(now))
    };
    assert_eq!(take(101.0, list(&["a"], 100.0)).map(code), Some(REVOKED));
    assert_eq!(take(161.0, list(&[], 95.0)).map(code), Some(REVOKED), "another cache answered");
    assert_eq!(take(221.0, list(&[], 220.0)).map(code), Some(Ok(())));
    let answer = take(281.0, list(&[], 1_000.0));
    assert_eq!(answer, Some(Decided(Ok(()), StateGround::Held(at(281.0)))), "not of the future");
}

#[test]
fn what_is_pushed_during_a_poll_outlives_its_list() {
    let strategy = pushed(PollScope::Full, 60.0, AT_MOST_ONCE);
    let feed = strategy.feed.clone().map(|feed| Feed { adopt: Adopt::Replace, ..feed });
    let mut world = World::warm(StateStrategy { feed, ..strategy }, 1, 5.0);
    world.store.latency = s(0.3);
    let lifted = world.revoke("lifted", Tick::MAX);
    world.push(None, lifted);
    world.run_to(at(5.1));
    let entry = world.revoke("a", Tick::MAX);
    world.push(None, entry);
    let clear = world.state("lifted", Knowledge::Clear, Tick::MAX);
    world.push(None, clear);
    world.run_to(at(6.0));
    assert!(world.refuses("a"), "the list was asked for before");
    assert!(!world.refuses("lifted"), "and said so before it was lifted");
}

#[test]
fn numbers_of_messages_belong_to_their_connection() {
    let push = Push { on_gap: OnGap::Resync, ..AT_MOST_ONCE };
    let mut world = World::warm(pushed(PollScope::Full, 1e6, push), 1, 1e6);
    let entry = world.revoke("a", Tick::MAX);
    world.push(Some(40), entry.clone());
    world.check.link(false, world.now);
    world.check.link(true, world.now);
    world.run_to(at(1.0));
    assert_eq!(world.check.counters().gaps, 1, "of the link");
    world.push(Some(5), entry.clone());
    world.push(Some(7), entry.clone());
    assert_eq!(world.check.counters().gaps, 2, "6 is missing");
    world.push(Some(5), entry.clone());
    world.push(Some(8), entry);
    assert_eq!(world.check.counters().gaps, 2, "5 came twice");
}

/// Two questions for one token: the earlier one is answered later.
#[test]
fn a_late_answer_does_not_overrule_a_newer_one() {
    for negative in [0.0, 600.0] {
        let mut strategy = cached(300.0);
        strategy.lookup = strategy.lookup.map(|lookup| Lookup {
            cache: lookup.cache.map(|cache| AnswerCache { negative: s(negative), ..cache }),
            ..lookup
        });
        let mut check = StateCheck::new(strategy, 1);
        let ask = |check: &mut StateCheck, place, now: f64| {
            let answer = check.ask(&token("a"), Ticket { worker: 0, place }, at(now));
            (answer, check.next_op())
        };
        let first = ask(&mut check, 0, 0.0).1.expect("a question");
        let second = ask(&mut check, 1, 1.0).1.expect("another");
        let answer = |knowledge| StoreOutcome::Answers(vec![knowledge]);
        check.finished(second.id, answer(Knowledge::Revoked), at(2.0));
        check.finished(first.id, answer(Knowledge::Clear), at(29.0));
        let (now, _) = ask(&mut check, 2, 30.0);
        let is_accepted = matches!(now, Decided(Ok(()), _));
        assert!(!is_accepted, "refused, and then accepted again: {now:?}");
    }
}

#[test]
fn the_order_of_answers_is_as_long_as_there_are_answers() {
    let mut strategy = cached(3_600.0);
    strategy.lookup = strategy.lookup.map(|lookup| Lookup {
        cache: lookup.cache.map(|cache| AnswerCache { negative: s(1.0), ..cache }),
        ..lookup
    });
    let mut world = World::new(strategy, 1);
    world.revoke("bad", Tick::MAX);
    world.present("good");
    for second in 0..5_000 {
        world.run_to(at(2.0 * f64::from(second)));
        world.present("bad");
    }
    assert!(world.check.bytes() < 20_000, "{} bytes for two answers", world.check.bytes());
}

#[test]
fn a_batch_of_one_is_sent_at_once() {
    let coalescing = LookupCoalescing::Batch { window: s(1.0), most: 1 };
    let lookup = Lookup { coalescing, ..Lookup::uncached() };
    let mut world = World::new(StateStrategy { lookup: Some(lookup), ..StateStrategy::none() }, 1);
    world.present("a");
    assert_eq!(world.lookups, 1);
}

/// A version that is required and a session that is revoked can be of one subject.
#[test]
fn a_clear_entry_lifts_whatever_is_held() {
    let key = "00112233-4455-6677-8899-aabbccddeeff";
    let mut world = World::new(StateStrategy::memory(), 1);
    for knowledge in [Knowledge::Version(3), Knowledge::Revoked, Knowledge::Clear] {
        let entry = world.state(key, knowledge, Tick::MAX);
        world.push(None, entry);
    }
    let old = StateToken { version: Some(1), ..token(key) };
    assert_eq!(world.check.peek(&old, world.now).map(code), Some(Ok(())));
}

/// An interval is from start to start, even if an answer takes longer or a shift is large.
#[test]
fn a_poll_is_never_due_in_the_past() {
    let mut strategy = polled(60.0, PollScope::Full);
    strategy.feed = strategy
        .feed
        .map(|feed| Feed { poll: feed.poll.map(|poll| Poll { jitter: 1.0, ..poll }), ..feed });
    let mut world = World::warm(strategy, 3, 1.0);
    world.store.latency = s(59.0);
    for _ in 0..2_000 {
        let next = world.next().expect("a poll");
        assert!(next >= world.now, "{next:?} at {:?}", world.now);
        world.step();
    }
    let spent = world.now.0 as f64 / 1e9;
    assert!(spent / world.polls as f64 > 50.0, "{} polls in {spent} s", world.polls);
}
