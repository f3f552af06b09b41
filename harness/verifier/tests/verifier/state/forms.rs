//! Closed forms of what a strategy does, each beside what the machine does in virtual time. Phases
//! at the beginning are drawn at random.

use std::time::Duration;

use jwtbench_verifier::state_check::{StateAnswer, StateGround};
use jwtbench_verifier::state_strategy::{
    Adopt, AnswerCache, ColdStart, Feed, LastWord, Lookup, LookupCoalescing, OnGap, Poll,
    PollScope, Push, StateFilter, StateStrategy, StoreTimeouts,
};
use jwtbench_verifier::tick::Tick;

use super::world::{Draws, Published, World, at, s};

/// What the machine may deviate from the form, as a share of it.
const TOLERANCE: f64 = 0.02;

/// Holds a figure to its form.
fn check(name: &str, got: f64, form: f64) {
    let off = (got / form - 1.0).abs();
    println!("{name}: {got:.4}, by the form {form:.4}, {:+.2} %", (got / form - 1.0) * 100.0);
    assert!(off <= TOLERANCE, "{name}: {got}, by the form {form}");
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

pub fn polled(interval: f64, scope: PollScope) -> StateStrategy {
    let poll = Poll {
        interval: s(interval),
        jitter: 0.0,
        scope,
        retry: None,
        timeouts: StoreTimeouts { connect: s(1.0), answer: s(1.0) },
    };
    let feed = Feed {
        poll: Some(poll),
        push: None,
        max_stale: Duration::MAX,
        cold_start: ColdStart::Open,
        adopt: Adopt::Merge,
    };
    StateStrategy { feed: Some(feed), ..StateStrategy::none() }
}

pub fn cached(positive: f64) -> StateStrategy {
    let cache = AnswerCache {
        positive: s(positive),
        negative: Duration::ZERO,
        caps_at_expiry: false,
        entries: 10_000,
        stale_if_error: Duration::ZERO,
        tracking: None,
    };
    let lookup = Lookup { cache: Some(cache), ..Lookup::uncached() };
    StateStrategy { lookup: Some(lookup), ..StateStrategy::none() }
}

/// The mean of the seconds from a revocation to its first refusal, over many revocations.
fn windows(world: &mut World, count: usize, apart: f64) -> Vec<f64> {
    let mut windows = Vec::with_capacity(count);
    for number in 0..count {
        let key = format!("token-{number}");
        let gap = world.draws.below(2.0 * apart);
        world.run_to(world.now + s(gap));
        let begun = world.now;
        world.revoke(&key, Tick::MAX);
        while !world.refuses(&key) {
            world.step();
        }
        windows.push(world.now.since(begun).as_secs_f64());
        world.store.truth.clear();
    }
    windows
}

#[test]
fn a_poll_is_late_by_half_its_interval() {
    let (interval, delay) = (60.0, 0.2);
    for scope in [PollScope::Full, PollScope::Delta] {
        let mut world = World::warm(polled(interval, scope), 1, 17.0);
        world.store.latency = s(delay);
        let all = windows(&mut world, 20_000, 600.0);
        check(&format!("{scope:?}"), mean(&all), interval / 2.0 + delay);
        let most = all.iter().copied().fold(0.0, f64::max);
        assert!(most <= interval + delay, "never later than an interval and the answer: {most}");
    }
}

#[test]
fn failed_polls_add_whole_intervals() {
    let (interval, delay, share) = (60.0, 0.2, 0.2);
    let mut world = World::warm(polled(interval, PollScope::Delta), 2, 17.0);
    world.store.latency = s(delay);
    world.store.poll_failures = share;
    let form = interval / 2.0 + delay + interval * share / (1.0 - share);
    check("20 % fail", mean(&windows(&mut world, 40_000, 600.0)), form);
}

#[test]
fn the_last_of_a_fleet_is_late_by_nearly_an_interval() {
    let (interval, fleet) = (60.0, 50);
    let mut last = Vec::new();
    for draw in 0..400u64 {
        let mut draws = Draws::new(draw);
        let revoked = at(100.0 + draws.below(interval));
        let window = |number: u64| {
            let mut draws = Draws::new(draw << 32 | number);
            let phase = draws.below(interval);
            let mut world = World::warm(polled(interval, PollScope::Full), draw, phase);
            world.run_to(revoked);
            world.revoke("token", Tick::MAX);
            while !world.refuses("token") {
                world.step();
            }
            world.now.since(revoked).as_secs_f64()
        };
        last.push((0..fleet).map(window).fold(0.0, f64::max));
    }
    let form = interval * fleet as f64 / (fleet as f64 + 1.0);
    check("the last of 50", mean(&last), form);
}

#[test]
fn a_cache_of_answers_has_its_load_and_its_window() {
    for (ttl, rate) in [(30.0, 1.0), (30.0, 0.05), (5.0, 10.0)] {
        let mut world = World::new(cached(ttl), 3);
        let mut draws = Draws::new(4);
        let horizon = 200_000.0 / f64::min(rate, 1.0);
        let (mut presented, mut windows, mut accepts) = (0.0, Vec::new(), Vec::new());
        let mut next_look = draws.below(1.0);
        while world.now < at(horizon) {
            let gap = draws.gap(rate);
            let arrival = world.now + s(gap);
            // The window of a revocation at this instant is what the cached answer has left.
            while at(next_look) < arrival {
                let left = cached_until(&mut world, at(next_look), ttl);
                windows.push(left);
                accepts.push(rate * left);
                next_look += 0.37 * ttl;
            }
            world.run_to(arrival);
            world.present("token");
            world.run_to(arrival);
            presented += 1.0;
        }
        let load = world.lookups as f64 / horizon;
        check(&format!("load of {ttl} s at {rate}/s"), load, rate / (1.0 + rate * ttl));
        let hits = 1.0 - world.lookups as f64 / presented;
        check("hits", hits, rate * ttl / (1.0 + rate * ttl));
        check("window", mean(&windows), rate * ttl * ttl / (2.0 * (1.0 + rate * ttl)));
        check("accepts", mean(&accepts), (rate * ttl).powi(2) / (2.0 * (1.0 + rate * ttl)));
    }
}

/// The seconds for which the cached answer would still be used at this instant.
fn cached_until(world: &mut World, now: Tick, ttl: f64) -> f64 {
    let answer = world.check.peek(&super::world::token("token"), now);
    match answer {
        Some(StateAnswer::Decided(Ok(()), StateGround::Cached(asked))) => {
            (asked + s(ttl)).since(now).as_secs_f64()
        }
        _ => 0.0,
    }
}

#[test]
fn a_push_that_loses_messages_is_repaired_by_a_poll() {
    let (lost, delay, repair) = (0.01, 0.05, 300.0);
    let mut strategy = polled(repair, PollScope::Full);
    let push = Push { replays: false, heartbeat: None, on_gap: OnGap::Keep };
    strategy.feed = strategy.feed.map(|feed| Feed { push: Some(push), ..feed });
    let mut world = World::warm(strategy, 5, 100.0);
    world.store.latency = s(0.2);
    let mut windows = Vec::new();
    for number in 0..150_000 {
        let key = format!("token-{number}");
        let gap = world.draws.below(20.0);
        world.run_to(world.now + s(gap));
        let begun = world.now;
        let entry = world.revoke(&key, Tick::MAX);
        if world.draws.unit() >= lost {
            world.run_to(begun + s(delay));
            world.push(None, entry);
        }
        while !world.refuses(&key) {
            world.step();
        }
        windows.push(world.now.since(begun).as_secs_f64());
        world.store.truth.clear();
    }
    let form = (1.0 - lost) * delay + lost * (repair / 2.0 + 0.2);
    // A hundredth of the windows makes nearly all of the mean: 1,500 draws of 1/sqrt(3) each.
    let got = mean(&windows);
    println!("push: {got:.4}, by the form {form:.4}");
    assert!((got / form - 1.0).abs() < 0.05, "{got}, by the form {form}");
}

#[test]
fn a_status_list_is_late_by_half_of_three_periods() {
    let (every, cached_for, ttl) = (10.0, 30.0, 60.0);
    let mut all = Vec::new();
    for draw in 0..4_000 {
        let mut draws = Draws::new(draw);
        let mut world = World::warm(polled(ttl, PollScope::Full), draw, draws.below(ttl));
        world.store.published = Some(Published {
            every,
            phase: draws.below(every),
            cached_for,
            cache_phase: draws.below(cached_for),
        });
        all.extend(windows(&mut world, 4, 900.0));
    }
    check("published 10, cached 30, ttl 60", mean(&all), (every + cached_for + ttl) / 2.0);
    assert!(all.iter().all(|window| *window <= every + cached_for + ttl), "the sum is the bound");
}

/// One token at a verifier whose store is down for ten minutes: its accepts meanwhile.
fn accepts_in_outage(strategy: &StateStrategy, rate: f64, ttl: f64, draw: u64) -> u64 {
    let mut draws = Draws::new(draw);
    let mut world = World::new(strategy.clone(), draw);
    let down = at(20.0 * ttl + draws.below(ttl + 1.0 / rate));
    world.store.outage = Some((down, down + s(600.0)));
    let mut accepts = 0;
    loop {
        let arrival = world.now + s(draws.gap(rate));
        if arrival >= down + s(600.0) {
            return accepts;
        }
        world.run_to(arrival);
        let answer = world.present("token");
        world.run_to(arrival);
        let answer = world.woken.pop().map_or(answer, |(_, _, _, answer)| answer);
        let is_accepted = matches!(answer, StateAnswer::Decided(Ok(()), _));
        accepts += u64::from(is_accepted && arrival >= down);
    }
}

#[test]
fn a_cache_outlives_its_store_by_half_its_time() {
    let (rate, ttl) = (0.5, 60.0);
    let mut strategy = cached(ttl);
    let run = |strategy: &StateStrategy| {
        let all = (0..12_000).map(|draw| accepts_in_outage(strategy, rate, ttl, draw) as f64);
        mean(&all.collect::<Vec<f64>>())
    };
    let hits = rate * ttl / (1.0 + rate * ttl);
    check("closed", run(&strategy), rate * hits * ttl / 2.0);
    let stale = 120.0;
    let cache = strategy.lookup.as_mut().and_then(|lookup| lookup.cache.as_mut());
    cache.expect("a cache").stale_if_error = s(stale);
    let after_end = stale - (1.0 - f64::exp(-rate * stale)) / rate;
    let form = rate * (hits * (ttl / 2.0 + stale) + (1.0 - hits) * after_end);
    check("stale for 120 s more", run(&strategy), form);
}

#[test]
fn a_polled_list_locks_out_after_its_bound() {
    let (interval, outage, bound) = (60.0, 900.0, 300.0);
    let mut strategy = polled(interval, PollScope::Full);
    strategy.feed = strategy.feed.map(|feed| Feed { max_stale: s(bound), ..feed });
    let mut all = Vec::new();
    for draw in 0..500 {
        let mut draws = Draws::new(draw);
        let mut world = World::warm(strategy.clone(), draw, draws.below(interval));
        let down = at(200.0);
        world.store.outage = Some((down, down + s(outage)));
        world.run_to(down);
        let mut locked = 0.0;
        // The standing changes at polls, and when the bound is over: one look every tenth.
        let mut now = down;
        while now < down + s(outage + 2.0 * interval) {
            world.run_to(now);
            locked += 0.1 * f64::from(world.refuses("token"));
            now = now + s(0.1);
        }
        all.push(locked);
    }
    check("locked out", mean(&all), outage + interval - bound);
}

#[test]
fn a_filter_asks_for_its_false_positives() {
    let (false_positives, revoked) = (0.01, 0.002);
    let filter = StateFilter { false_positives, last_word: LastWord::Store };
    let strategy = StateStrategy {
        feed: Some(Feed::memory()),
        lookup: Some(Lookup::uncached()),
        filter: Some(filter),
        ..StateStrategy::none()
    };
    let mut world = World::new(strategy.clone(), 6);
    let count = 400_000u32;
    for number in 0..count {
        let key = format!("token-{number}");
        if number % 500 == 0 {
            let entry = world.revoke(&key, Tick::MAX);
            world.push(None, entry);
        }
        world.present(&key);
        world.run_to(world.now);
    }
    let form = revoked + (1.0 - revoked) * false_positives;
    check("questions per token", world.lookups as f64 / f64::from(count), form);
    // Without a last word, the same share of tokens is locked out.
    let filter = StateFilter { false_positives, last_word: LastWord::Filter };
    let world = World::new(StateStrategy { filter: Some(filter), lookup: None, ..strategy }, 6);
    let refused = (0..count).filter(|number| world.refuses(&format!("token-{number}"))).count();
    check("locked out", refused as f64 / f64::from(count), false_positives);
}

#[test]
fn a_stampede_asks_once_for_each_token_that_comes_meanwhile() {
    let (rate, answer) = (200.0, 0.05);
    let run = |coalescing: LookupCoalescing| {
        let mut strategy = cached(0.001);
        strategy.lookup = strategy.lookup.map(|lookup| Lookup { coalescing, ..lookup });
        let (mut questions, misses) = (0, 20_000);
        for draw in 0..misses {
            let mut draws = Draws::new(draw);
            let mut world = World::new(strategy.clone(), draw);
            world.store.latency = s(answer);
            world.present("token");
            loop {
                let arrival = world.now + s(draws.gap(rate));
                if arrival > at(answer) {
                    break;
                }
                world.run_to(arrival);
                world.present("token");
            }
            questions += world.lookups;
        }
        questions as f64 / misses as f64
    };
    check("each for itself", run(LookupCoalescing::None), 1.0 + rate * answer);
    check("together", run(LookupCoalescing::PerKey), 1.0);
}

#[test]
fn a_list_holds_what_has_not_ended() {
    let (rate, lifetime, leeway) = (20.0, 300.0, 30.0);
    let mut world = World::new(StateStrategy::memory(), 7);
    let (mut area, mut number, begin, end) = (0.0, 0u64, 400.0, 4_000.0);
    let mut last = begin;
    while world.now < at(end) {
        let gap = world.draws.gap(rate);
        world.run_to(world.now + s(gap));
        let left = world.draws.below(lifetime) + leeway;
        let id = format!("{number:08x}-0000-4000-8000-{number:012x}");
        let entry = world.revoke(&id, world.now + s(left));
        world.store.truth.clear();
        world.push(None, entry);
        number += 1;
        let now = world.now.0 as f64 / 1e9;
        if now > begin && number.is_multiple_of(50) {
            world.check.prune(world.now);
            area += world.check.entries() as f64 * (now - last);
            last = now;
        } else if now <= begin {
            last = now;
        }
    }
    // An entry stays to the end of its second.
    check("entries", area / (last - begin), rate * (lifetime / 2.0 + leeway + 0.5));
}

#[test]
fn a_flush_asks_again_for_whatever_comes() {
    let (tokens, rate) = (2_000, 0.1);
    let mut misses = Vec::new();
    for draw in 0..40 {
        let mut world = World::new(cached(300.0), draw);
        let mut draws = Draws::new(draw);
        for number in 0..tokens {
            if draws.gap(rate) < 1.0 {
                world.present(&format!("token-{number}"));
            }
        }
        misses.push(world.lookups as f64);
    }
    let form = f64::from(tokens) * (1.0 - f64::exp(-rate));
    let got = mean(&misses);
    assert!((got / form - 1.0).abs() < 0.04, "{got}, by the form {form}");
}
