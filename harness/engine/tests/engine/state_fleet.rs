//! A fleet on one stream of pushes: each instance does what it would do alone.

use rand_chacha::rand_core::RngCore as _;

use jwtbench_engine::state::fleet::StateFleet;
use jwtbench_scenario::plan::random;
use jwtbench_verifier::key_cache::Ticket;
use jwtbench_verifier::state_check::{
    Knowledge, OpId, OpKind, StateCheck, StateEntry, StateToken, StoreFailure, StoreListing,
    StoreOp, StoreOutcome,
};
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;

use crate::state_agreement::strategy;

const INSTANCES: u32 = 5;
const EVENTS: u32 = 2_000;
const MILLISECOND: i64 = 1_000_000;

/// Strategies to which something is pushed.
const PUSHED: [&str; 4] = [
    "carrier = \"push\"\npush-delivery = \"at-most-once\"\non-gap = \"keep\"\n\
     stale-up-to = \"forever\"\ncold-start = \"open\"",
    "carrier = \"push\"\npush-delivery = \"replay\"\nheartbeat = \"50ms\"\non-gap = \"keep\"\n\
     stale-up-to = \"200ms\"\ncold-start = \"closed\"",
    "carrier = \"push-and-poll\"\npush-delivery = \"at-most-once\"\nheartbeat = \"50ms\"\n\
     on-gap = \"resync\"\npoll-interval = \"200ms\"\npoll-scope = \"full\"\n\
     answer-timeout = \"30ms\"\nstale-up-to = \"forever\"\ncold-start = \"open\"",
    "carrier = \"push-and-poll\"\npush-delivery = \"replay\"\nheartbeat = \"50ms\"\n\
     on-gap = \"resync\"\npoll-interval = \"100ms\"\npoll-scope = \"delta\"\n\
     poll-retry = \"50ms\"\nanswer-timeout = \"30ms\"\nstale-up-to = \"150ms\"\n\
     cold-start = \"100ms\"\nadopt = \"merge\"",
];

/// The fleet, and the same machines each by itself.
struct Twins {
    fleet: StateFleet,
    singles: Vec<StateCheck>,
    random: rand_chacha::ChaCha8Rng,
    now: Tick,
    /// All that has been told, as a list would have it.
    told: Vec<StateEntry>,
    lists: u64,
    refused: u64,
}

fn token(key: &str) -> StateToken<'_> {
    StateToken { key: Some(key), version: None, issued_at: None, expires: Tick::MAX }
}

impl Twins {
    fn new(text: &str, seed: u64) -> Twins {
        let strategy = strategy(text).strategy;
        let machine =
            |number| StateCheck::new(strategy.clone(), seed + u64::from(number)).numbered(number);
        let singles: Vec<StateCheck> = (0..INSTANCES).map(machine).collect();
        Twins {
            fleet: StateFleet::new(strategy, UnixTime(0), singles.clone()),
            singles,
            random: random::stream(seed, &["fleet"]),
            now: Tick::ZERO,
            told: Vec::new(),
            lists: 0,
            refused: 0,
        }
    }

    fn draw(&mut self, below: u32) -> u32 {
        self.random.next_u32() % below
    }

    fn each(&mut self, call: impl Fn(&mut StateCheck)) {
        for (number, single) in (0..).zip(&mut self.singles) {
            call(single);
            self.fleet.drive(number, &call);
        }
    }

    /// Something that reaches all of them at once, or time.
    fn step(&mut self) {
        self.now = Tick(self.now.0 + i64::from(self.draw(20)) * MILLISECOND);
        let now = self.now;
        match self.draw(8) {
            0 => self.each(|check| check.link(false, now)),
            1 => self.each(|check| check.link(true, now)),
            2..4 => self.each(|check| check.heartbeat(Tick(now.0 - MILLISECOND))),
            _ => {
                let key = format!("token {}", self.draw(200)).into();
                let end = Tick(now.0 + 3000 * MILLISECOND);
                let entry = StateEntry { key, knowledge: Knowledge::Revoked, end };
                self.told.push(entry.clone());
                // Now and then a message is lost, for all of them.
                if self.draw(10) > 0 {
                    let seq = Some(self.told.len() as u64);
                    self.each(|check| check.pushed(seq, std::slice::from_ref(&entry), now));
                }
            }
        }
        self.each(|check| check.tick(now));
    }

    /// An answer to a request, which depends on its name alone.
    fn outcome(&mut self, id: OpId) -> StoreOutcome {
        if id.0.is_multiple_of(7) {
            return StoreOutcome::Failed(StoreFailure::Refused);
        }
        self.lists += 1;
        StoreOutcome::Listing(StoreListing {
            entries: self.told.clone().into(),
            is_full: true,
            as_of: None,
            until: None,
        })
    }

    /// Answers the requests, which must be the same.
    fn answer(&mut self) {
        let mut asked = self.fleet.take_ops();
        let mut alone = Vec::new();
        for single in &mut self.singles {
            while let Some(op) = single.next_op() {
                alone.push(op);
            }
        }
        let by_name = |ops: &mut Vec<StoreOp>| ops.sort_by_key(|op| op.id);
        by_name(&mut asked);
        by_name(&mut alone);
        assert_eq!(asked, alone, "at {:?}", self.now);
        for StoreOp { id, kind, .. } in alone {
            assert!(matches!(kind, OpKind::Poll(..)), "nobody is asked for one token");
            let outcome = self.outcome(id);
            self.singles[id.instance() as usize].finished(id, outcome.clone(), self.now);
            self.fleet.finished(id, outcome, self.now);
        }
    }

    fn compare(&mut self) {
        let key = format!("token {}", self.draw(200));
        let (token, now) = (token(&key), self.now);
        let ticket = Ticket { worker: 0, place: 0 };
        for (number, single) in (0..).zip(&mut self.singles) {
            let alone = single.ask(&token, ticket, now);
            let together = self.fleet.drive(number, |check| check.ask(&token, ticket, now));
            assert_eq!(alone, together, "instance {number} at {now:?}");
            self.refused += u64::from(format!("{alone:?}").contains("Err"));
            let seen = |check: &StateCheck| {
                (*check.counters(), check.entries(), check.bytes(), check.next_deadline())
            };
            assert_eq!(seen(single), self.fleet.look(number, seen), "instance {number} at {now:?}");
        }
    }
}

#[test]
fn a_fleet_on_one_stream_of_pushes_is_as_many_single_instances() {
    for (turn, text) in (0..).zip(PUSHED) {
        for seed in 0..5 {
            let mut twins = Twins::new(text, 1 + seed * 100 + turn);
            for _ in 0..EVENTS {
                twins.step();
                twins.answer();
                twins.compare();
            }
            assert!(twins.refused > 1_000, "{text}: {} refused", twins.refused);
            assert_eq!(twins.lists > 20, text.contains("poll"), "{text}: {} lists", twins.lists);
        }
    }
}
