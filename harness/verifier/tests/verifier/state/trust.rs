//! Until when a machine would accept a token, and what it is for a fleet: restarts, counters and a
//! share of all tokens.

use std::time::Duration;

use jwtbench_verifier::state_check::{StateAnswer, StateCheck, StateGround};
use jwtbench_verifier::state_strategy::{
    ColdStart, Feed, LookupCoalescing, OnGap, OnOutage, PollScope, Push, StateStrategy,
};
use jwtbench_verifier::tick::Tick;

use super::forms::{cached, polled};
use super::world::{World, at, s, token};

fn bounded(strategy: StateStrategy, most: f64) -> StateStrategy {
    let feed = strategy.feed.map(|feed| Feed { max_stale: s(most), ..feed });
    StateStrategy { feed, ..strategy }
}

#[test]
fn what_is_held_is_trusted_for_as_long_as_it_stands() {
    let until = |strategy, key: &str| {
        let mut world = World::warm(strategy, 1, 1000.0);
        let entry = world.revoke("revoked", Tick::MAX);
        world.check.pushed(None, &[entry], Tick::ZERO);
        world.check.trusts_until(&token(key), Tick::ZERO)
    };
    let push = |heartbeat| {
        let push = Some(Push { replays: true, heartbeat, on_gap: OnGap::Keep });
        let strategy = bounded(polled(60.0, PollScope::Full), 90.0);
        StateStrategy { feed: strategy.feed.map(|feed| Feed { push, ..feed }), ..strategy }
    };
    let open = |strategy| StateStrategy { on_outage: OnOutage::Open, ..strategy };
    let rows = [
        (StateStrategy::none(), "a", Some(Tick::MAX), "nobody looks"),
        (StateStrategy::memory(), "a", Some(Tick::MAX), "a list in memory is never late"),
        (StateStrategy::memory(), "revoked", None, "and what it has is refused"),
        (polled(60.0, PollScope::Full), "a", Some(Tick::MAX), "stale for ever"),
        (bounded(polled(60.0, PollScope::Full), 90.0), "a", Some(at(90.0)), "stale for a while"),
        (open(bounded(polled(60.0, PollScope::Full), 90.0)), "a", Some(Tick::MAX), "and open"),
        (push(None), "a", Some(Tick::MAX), "a link without a heartbeat is believed"),
        (push(Some(s(2.0))), "a", Some(at(90.0)), "one with a heartbeat is not"),
        (cached(30.0), "a", None, "somebody must be asked"),
    ];
    for (strategy, key, expected, reason) in rows {
        assert_eq!(until(strategy, key), expected, "{reason}");
    }
}

#[test]
fn a_cached_answer_is_trusted_to_its_end() {
    let mut world = World::new(cached(30.0), 1);
    world.present("a");
    world.run_to(at(10.0));
    let until = |world: &World| world.check.trusts_until(&token("a"), world.now);
    assert_eq!(until(&world), Some(at(30.0)));
    world.run_to(at(31.0));
    assert_eq!(until(&world), None, "asked again");
}

#[test]
fn a_restart_forgets_all_but_its_numbers() {
    let mut world = World::warm(polled(60.0, PollScope::Full), 1, 1.0);
    let entry = world.revoke("a", Tick::MAX);
    world.check.pushed(None, &[entry], Tick::ZERO);
    world.run_to(at(2.0));
    assert!(world.refuses("a") && world.check.counters().ops == 1);
    let mut again: StateCheck = world.check.restarted();
    assert_eq!((again.entries(), again.counters().ops), (0, 1));
    again.tick(at(3.0));
    let op = again.next_op().unwrap();
    assert_eq!(op.id.0, 2, "no request of before can be taken for it");
}

#[test]
fn an_answer_that_was_peeked_at_counts() {
    let mut check = StateCheck::new(polled(60.0, PollScope::Full), 1);
    check.note(StateAnswer::Decided(Ok(()), StateGround::Cold));
    check.note(StateAnswer::Decided(Ok(()), StateGround::Held(Tick::ZERO)));
    assert_eq!((check.counters().asked, check.counters().unsure), (2, 1));
}

#[test]
fn a_share_of_all_tokens_has_a_share_of_the_limits() {
    let whole = cached(30.0);
    let entries = |strategy: &StateStrategy| {
        strategy.lookup.as_ref().and_then(|lookup| lookup.cache.as_ref()).unwrap().entries
    };
    let part = whole.clone().sampled(0.01);
    assert_eq!(entries(&part), (entries(&whole) as f64 * 0.01).round().max(1.0) as usize);
    assert_eq!((whole.max_waits, part.max_waits), (1024, 64), "chance needs room");
    assert_eq!(whole.clone().sampled(1.0), whole);
}

#[test]
fn the_longest_wait_is_that_of_all_attempts() {
    let mut asked = cached(30.0);
    let Some(lookup) = asked.lookup.as_mut() else { panic!("a lookup") };
    (lookup.retries, lookup.retry_delay) = (2, s(0.5));
    lookup.coalescing = LookupCoalescing::Batch { window: s(0.25), most: 8 };
    let each = lookup.timeouts.connect + lookup.timeouts.answer + s(0.5);
    assert_eq!(asked.longest_wait(), each * 3 + s(0.25));
    let held = polled(60.0, PollScope::Full);
    assert_eq!(held.longest_wait(), Duration::ZERO);
    let cold = held.feed.map(|feed| Feed { cold_start: ColdStart::Wait(s(1.0)), ..feed });
    assert_eq!(StateStrategy { feed: cold, ..StateStrategy::none() }.longest_wait(), s(1.0));
}

/// Ends are kept in whole seconds: nothing is forgotten before its end, whatever comes in beside
/// it.
#[test]
fn no_entry_goes_before_the_token_that_it_concerns() {
    let uuid = |number: u32| format!("0190a2b4-7c3d-7e21-9b52-4c7d{number:08x}");
    for key in [uuid(0), "not a uuid".to_owned()] {
        let mut world = World::new(StateStrategy::memory(), 1);
        let mut others = (1..20_000).map(uuid);
        let entry = world.revoke(&key, at(1.6));
        world.check.pushed(None, &[entry], at(0.5));
        for step in 0..100 {
            world.now = at(1.0 + f64::from(step) * 0.005);
            let some: Vec<_> = others.by_ref().take(100).collect();
            let some: Vec<_> = some.iter().map(|key| world.revoke(key, at(100.0))).collect();
            let now = world.now;
            world.check.pushed(None, &some, now);
            world.check.prune(now);
            assert!(world.refuses(&key), "{key} at {now:?}");
        }
        world.now = at(2.0);
        assert!(!world.refuses(&key), "{key}: its second is over");
    }
}
