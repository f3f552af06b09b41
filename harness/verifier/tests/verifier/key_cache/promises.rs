//! What holds of the key cache whatever happens: random courses of events under several policies,
//! each step held to a small model of what is known, and each view to what `ask` would answer.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jwtbench_verifier::cache_policy::{
    AgeFrom, Budget, CachePolicy, HttpFreshness, Jitter, RefreshAhead, UnknownKid,
};
use jwtbench_verifier::key_cache::{
    Answer, FetchFailure, FetchId, Freshness, KeyCache, Outcome, Ticket,
};
use jwtbench_verifier::key_set::SetFault;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::tick::Tick;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::key_cache::script::{S, parsed, steady};

/// Kids that sets may hold, and one that none ever does.
const KIDS: [&str; 4] = ["a", "b", "c", "x"];

#[derive(Clone, Debug)]
enum Event {
    Ask(usize),
    /// Which kids, and for how many seconds the response says that it may be kept.
    Set(u8, Option<u64>),
    Fail(FetchFailure),
    Evict(usize),
    Tick,
}

fn event() -> impl Strategy<Value = Event> {
    let asked = Some(Duration::from_secs(7));
    let max_age = prop::sample::select(vec![None, None, Some(0), Some(30), Some(200), Some(900)]);
    let failure = prop::sample::select(vec![
        FetchFailure::Refused,
        FetchFailure::Redirect,
        FetchFailure::Status(503, asked),
        FetchFailure::Status(503, None),
        FetchFailure::Set(SetFault::Empty),
        FetchFailure::Set(SetFault::NotAKeySet),
    ]);
    prop_oneof![
        6 => (0..KIDS.len()).prop_map(Event::Ask),
        4 => (1u8..8, max_age).prop_map(|(kids, max_age)| Event::Set(kids, max_age)),
        3 => failure.prop_map(Event::Fail),
        1 => (0..3usize).prop_map(Event::Evict),
        1 => Just(Event::Tick),
    ]
}

/// Nanoseconds until the next event: on the edges of the policies, and off them.
fn pause() -> impl Strategy<Value = i64> {
    let edge = prop::sample::select(vec![0, 1, S / 4, S, 5 * S, 10 * S, 30 * S, 240 * S, 300 * S]);
    prop_oneof![
        4 => edge,
        1 => 0..2 * S,
        1 => 0..4000 * S,
    ]
}

fn policy() -> impl Strategy<Value = CachePolicy> {
    let seconds = Duration::from_secs;
    let refetch = |fetches, seconds, policy| {
        let grounds = Duration::from_secs(seconds);
        CachePolicy { budget: Some(Budget::sliding(fetches, grounds)), grounds, ..policy }
    };
    prop::sample::select(vec![
        CachePolicy::default(),
        refetch(3, 1, CachePolicy { retries: 0, max_waits: 2, ..CachePolicy::default() }),
        CachePolicy {
            ttl: Duration::from_secs(5),
            stale_if_error: Duration::ZERO,
            retries: 3,
            max_wait: Duration::from_secs(8),
            ..refetch(1, 60, steady())
        },
        CachePolicy {
            unknown_kid: UnknownKid::Refuse,
            stale_if_error: Duration::from_secs(10),
            ..steady()
        },
        CachePolicy {
            ttl: Duration::MAX,
            refresh_ahead: None,
            ..refetch(2, 30, CachePolicy::default())
        },
        CachePolicy {
            http_freshness: Some(HttpFreshness { min: seconds(10), max: seconds(600) }),
            refresh_ahead: Some(RefreshAhead::Before(seconds(20))),
            refresh_jitter: Jitter::Span(seconds(5)),
            stale_if_error: seconds(60),
            ..refetch(1, 10, CachePolicy::default())
        },
        CachePolicy {
            age_from: AgeFrom::Response,
            http_freshness: Some(HttpFreshness::UNBOUNDED),
            stale_if_error: seconds(30),
            ..refetch(2, 5, steady())
        },
        CachePolicy { age_from: AgeFrom::Response, unknown_kid: UnknownKid::Refuse, ..steady() },
    ])
}

/// What an onlooker knows.
struct Onlooker {
    machine: KeyCache,
    policy: CachePolicy,
    now: i64,
    /// From when on the set in use ages, and for how long it is fresh.
    since: Option<i64>,
    ttl: Duration,
    /// Whether the last completed fetch succeeded, and when its request started.
    last: Option<(bool, i64)>,
    started: HashMap<FetchId, i64>,
    in_flight: Option<FetchId>,
    /// Starts of fetches that unknown kids caused.
    spent: Vec<i64>,
    parked: HashMap<u32, (usize, i64)>,
    tickets: u32,
}

impl Onlooker {
    fn new(policy: CachePolicy, warm: bool) -> Onlooker {
        let mut machine = KeyCache::new(policy.clone(), 3);
        if warm {
            machine.warm(crate::key_cache::script::set(&["a", "b"]), None, Tick::ZERO);
        }
        let ttl = policy.ttl;
        Onlooker {
            machine,
            policy,
            ttl,
            now: 0,
            since: warm.then_some(0),
            last: warm.then_some((true, 0)),
            started: HashMap::new(),
            in_flight: None,
            spent: Vec::new(),
            parked: HashMap::new(),
            tickets: 0,
        }
    }

    /// Passes time as a driver does: a tick at every deadline on the way.
    fn pass(&mut self, until: i64) {
        while let Some(Tick(due)) = self.machine.next_deadline().filter(|due| due.0 <= until) {
            self.now = self.now.max(due);
            self.machine.tick(Tick(self.now));
            self.drain(false);
            let next = self.machine.next_deadline();
            assert!(next.is_none_or(|next| next.0 > self.now), "a tick does");
        }
        self.now = until;
    }

    fn happen(&mut self, event: &Event) {
        let now = Tick(self.now);
        match event {
            Event::Ask(kid) => self.ask(*kid),
            Event::Tick => {
                self.machine.tick(now);
                self.drain(false);
            }
            Event::Evict(kid) => {
                if self.machine.keys().has_kid(KIDS[*kid]) {
                    let without = self.machine.keys().without(KIDS[*kid]);
                    self.machine.evict(without);
                    self.last = None;
                }
            }
            Event::Set(mask, max_age) => {
                let Some(id) = self.in_flight else { return };
                let kids = (0..3).filter(|bit| mask & (1 << bit) != 0);
                let kids: Vec<&str> = kids.map(|bit| KIDS[bit]).collect();
                let set = self.machine.keys().succeed(parsed(&kids));
                let max_age = max_age.map(Duration::from_secs);
                self.machine.finished(id, Outcome::Set(set, max_age), now);
                let since = match self.policy.age_from {
                    AgeFrom::Request => self.started[&id],
                    AgeFrom::Response => self.now,
                };
                (self.since, self.ttl) = (Some(since), self.policy.ttl_of(max_age));
                self.last = Some((true, self.started[&id]));
                self.in_flight = None;
                self.drain(true);
                assert!(self.parked.is_empty(), "a fetch answers all who wait");
            }
            Event::Fail(failure) => {
                let Some(id) = self.in_flight else { return };
                self.in_flight = None;
                self.machine.finished(id, Outcome::Failed(*failure), now);
                let retried = self.machine.next_deadline().is_some_and(|due| {
                    due == now + self.policy.retry_delay
                        && self.parked.values().all(|(_, at)| self.deadline(*at) != due)
                });
                if !retried {
                    self.last = Some((false, self.started[&id]));
                }
                self.drain(false);
            }
        }
    }

    fn ask(&mut self, kid: usize) {
        let now = Tick(self.now);
        let before = self.machine.view(now);
        let is_fresh = matches!(before.freshness, Freshness::Fresh | Freshness::EmptyKept);
        let ticket = self.tickets;
        self.tickets += 1;
        let answer = self.machine.ask(KIDS[kid], place(ticket), now);
        match answer {
            Answer::Wait => {
                self.parked.insert(ticket, (kid, self.now));
                assert!(self.parked.len() <= self.policy.max_waits, "bounded");
            }
            answer => self.judge(kid, &answer, false),
        }
        let attempts = self.started.len();
        self.drain(false);
        if self.started.len() > attempts && is_fresh && !before.keys.has_kid(KIDS[kid]) {
            self.spend();
        }
    }

    /// At most `budget` attempts in any window, none where the policy refuses.
    fn spend(&mut self) {
        self.spent.push(self.now);
        assert_eq!(self.policy.unknown_kid, UnknownKid::Refetch, "who refuses does not fetch");
        let Budget { fetches, window, .. } = self.policy.budget.expect("a budget");
        let inside = |at: &&i64| Tick(**at) + window > Tick(self.now);
        let count = self.spent.iter().filter(inside).count();
        assert!(count <= fetches as usize, "{:?}", self.spent);
    }

    fn drain(&mut self, fetched: bool) {
        while let Some(fetch) = self.machine.next_fetch() {
            assert_eq!(self.in_flight, None, "single flight");
            self.in_flight = Some(fetch.id);
            self.started.insert(fetch.id, self.now);
        }
        while let Some((ticket, answer)) = self.machine.next_wake() {
            let parked = self.parked.remove(&ticket.place);
            let (kid, at) = parked.expect("woken once, and only if parked");
            assert!(Tick(self.now) <= self.deadline(at), "never later");
            self.judge(kid, &answer, fetched);
        }
    }

    fn deadline(&self, asked: i64) -> Tick {
        Tick(asked) + self.policy.max_wait
    }

    /// The contract's words on keys, stale sets and the two refusals.
    fn judge(&self, kid: usize, answer: &Answer, fetched: bool) {
        let now = Tick(self.now);
        let is_held = self.machine.keys().has_kid(KIDS[kid]);
        match answer {
            Answer::Use(view) => {
                let since = Tick(self.since.expect("a set in use"));
                let end = since + self.ttl + self.policy.stale_if_error;
                assert!(now < end, "a set past ttl and stale-if-error");
                assert!(view.keys.has_kid(KIDS[kid]), "used for a kid it has");
            }
            Answer::Wait => panic!("a wait is no answer"),
            Answer::Refuse { code, .. } => {
                let window = self.policy.unknown_kid_window(self.ttl);
                let young = |start| fetched || now < Tick(start) + window;
                let grounds = self.last.is_some_and(|(ok, start)| ok && young(start));
                let due = match grounds && !is_held {
                    true => Rejection::UnknownKid,
                    false => Rejection::KeysUnavailable,
                };
                assert_eq!(*code, due, "{} at {now:?}", KIDS[kid]);
            }
        }
    }

    /// A view never promises what `ask` would answer otherwise, at whatever later instant.
    fn probe(&self, seen: &mut HashSet<&'static str>) {
        let view = self.machine.view(Tick(self.now));
        let last = |end: Tick| end.0.saturating_sub(1);
        let middle = self.now / 2 + last(view.consult_at) / 2;
        let instants = [self.now, middle, last(view.consult_at), last(view.absent_until)];
        for at in instants.into_iter().filter(|at| *at >= self.now) {
            for kid in KIDS {
                let mut machine = self.machine.clone();
                let known = view.keys.has_kid(kid);
                let end = if known { view.consult_at } else { view.absent_until };
                if Tick(at) >= end {
                    continue;
                }
                let answer = machine.ask(kid, place(u32::MAX), Tick(at));
                assert_eq!(machine.next_fetch(), None, "{kid} at {at}: needs nothing");
                match answer {
                    Answer::Use(used) if known => {
                        assert_eq!(used.keys.generation(), view.keys.generation());
                        assert_eq!(used.freshness, view.freshness);
                        seen.insert("used");
                    }
                    Answer::Refuse { code, .. } if !known => {
                        assert_eq!(code, Rejection::UnknownKid, "{kid} at {at}");
                        seen.insert("unknown");
                    }
                    other => panic!("{kid} at {at}: {other:?}, promised by {view:?}"),
                }
            }
        }
    }
}

fn place(place: u32) -> Ticket {
    Ticket { worker: 0, place }
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 3000,
        rng_seed: RngSeed::Fixed(20260101),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

#[test]
fn promises_hold_whatever_happens() {
    let course = prop::collection::vec((pause(), event()), 1..40);
    let mut seen = HashSet::new();
    let mut runner = proptest::test_runner::TestRunner::new(config());
    let seen_cell = std::cell::RefCell::new(&mut seen);
    let outcome = runner.run(&(policy(), any::<bool>(), course), |(policy, warm, course)| {
        let mut onlooker = Onlooker::new(policy, warm);
        for (pause, event) in course {
            onlooker.pass(onlooker.now + pause);
            onlooker.happen(&event);
            onlooker.probe(&mut seen_cell.borrow_mut());
        }
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
    assert_eq!(seen, HashSet::from(["used", "unknown"]), "both promised");
}
