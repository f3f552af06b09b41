//! What holds whatever happens: bounds of strategies, of requests and of waits; the same input, the
//! same answers.

use proptest::prelude::*;

use jwtbench_verifier::state_check::StateAnswer;
use jwtbench_verifier::state_strategy::{
    ColdStart, Feed, Lookup, LookupCoalescing, PollScope, StateStrategy,
};
use jwtbench_verifier::tick::Tick;

use super::forms::{cached, polled};
use super::world::{Draws, World, at, s};

/// What happens in a world.
#[derive(Clone, Debug)]
enum Act {
    Pass(f64),
    Present(u8),
    Revoke(u8),
    Down(f64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let one = prop_oneof![
        (0.0..20.0).prop_map(Act::Pass),
        (0u8..6).prop_map(Act::Present),
        (0u8..6).prop_map(Act::Revoke),
        (0.0..200.0).prop_map(Act::Down),
    ];
    prop::collection::vec(one, 1..80)
}

/// Strategies with the time after which a revoked token is never accepted.
fn bounded() -> Vec<(StateStrategy, f64)> {
    let mut closed = polled(30.0, PollScope::Delta);
    closed.feed =
        closed.feed.map(|feed| Feed { max_stale: s(90.0), cold_start: ColdStart::Closed, ..feed });
    let mut coalesced = cached(20.0);
    coalesced.max_waits = 3;
    coalesced.lookup =
        coalesced.lookup.map(|lookup| Lookup { coalescing: LookupCoalescing::PerKey, ..lookup });
    vec![(closed, 90.0), (cached(20.0), 20.0 + 0.3), (coalesced, 20.0 + 0.3)]
}

/// Plays, and gives every accept of a revoked token with the seconds since its revocation.
fn play(strategy: &StateStrategy, acts: &[Act]) -> (World, Vec<f64>, String) {
    let mut world = World::new(strategy.clone(), 1);
    world.store.latency = s(0.3);
    let mut revoked: [Option<Tick>; 6] = [None; 6];
    let (mut exposed, mut log) = (Vec::new(), String::new());
    for act in acts {
        match act {
            Act::Pass(seconds) => {
                let end = world.now + s(*seconds);
                world.run_to(end);
            }
            Act::Down(seconds) => world.store.outage = Some((world.now, world.now + s(*seconds))),
            Act::Revoke(key) => {
                revoked[usize::from(*key)].get_or_insert(world.now);
                world.revoke(&key.to_string(), Tick::MAX);
            }
            Act::Present(key) => {
                let answer = world.present(&key.to_string());
                let now = world.now;
                see(&revoked, &key.to_string(), (now, answer), &mut exposed);
                log += &format!("{now:?} {answer:?}\n");
            }
        }
        for (key, _, end, answer) in std::mem::take(&mut world.woken) {
            see(&revoked, &key, (end, answer), &mut exposed);
            log += &format!("{end:?} {answer:?}\n");
        }
    }
    (world, exposed, log)
}

fn see(
    revoked: &[Option<Tick>; 6],
    key: &str,
    (now, answer): (Tick, StateAnswer),
    exposed: &mut Vec<f64>,
) {
    let since = key.parse::<usize>().ok().and_then(|key| revoked[key]);
    if let (StateAnswer::Decided(Ok(()), _), Some(since)) = (answer, since) {
        exposed.push(now.since(since).as_secs_f64());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_revoked_token_is_never_accepted_beyond_the_bound(acts in acts()) {
        for (strategy, bound) in bounded() {
            let (_, exposed, _) = play(&strategy, &acts);
            for seconds in exposed {
                // The bound counts from the start of a question, and the answer takes a while.
                prop_assert!(seconds <= bound + 0.3 + 1e-6, "{seconds} s under {strategy:?}");
            }
        }
    }

    #[test]
    fn requests_and_waits_are_bounded(acts in acts()) {
        for (strategy, _) in bounded() {
            let (mut world, ..) = play(&strategy, &acts);
            prop_assert!(world.waiting() <= strategy.max_waits);
            if strategy.feed.is_some() {
                prop_assert!(world.most_in_flight <= 1, "one poll at a time");
            }
            // Everything that waits is answered.
            let end = world.now + s(300.0);
            world.run_to(end);
            prop_assert_eq!(world.waiting(), 0);
        }
    }

    #[test]
    fn the_same_input_gives_the_same_answers(acts in acts()) {
        for (strategy, _) in bounded() {
            prop_assert_eq!(play(&strategy, &acts).2, play(&strategy, &acts).2);
        }
    }
}

/// A machine that was copied goes on as the original does.
#[test]
fn a_copy_goes_on_alone() {
    let mut strategy = polled(60.0, PollScope::Full);
    strategy.feed = strategy.feed.map(|mut feed| {
        feed.poll = feed.poll.map(|mut poll| {
            poll.jitter = 0.3;
            poll
        });
        feed
    });
    let mut world = World::warm(strategy, 9, 5.0);
    world.run_to(at(100.0));
    let (mut one, mut other) = (world.check.clone(), world.check);
    let mut draws = Draws::new(1);
    for _ in 0..50 {
        let now = one.next_deadline().expect("a poll") + s(draws.below(0.1));
        for machine in [&mut one, &mut other] {
            machine.tick(now);
        }
        let ops = [one.next_op(), other.next_op()];
        assert_eq!(ops[0], ops[1]);
        let Some(op) = &ops[0] else { continue };
        let failed = jwtbench_verifier::state_check::StoreFailure::Refused;
        for machine in [&mut one, &mut other] {
            machine.finished(
                op.id,
                jwtbench_verifier::state_check::StoreOutcome::Failed(failed),
                now,
            );
        }
    }
    assert_eq!(one.next_deadline(), other.next_deadline());
}
