//! Two issuers with the same kids and other keys, each behind a cache of its own: whatever happens
//! to them, a cache serves no key that its own issuer did not publish.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::cache_policy::CachePolicy;
use jwtbench_verifier::jwk::Thumbprint;
use jwtbench_verifier::key_cache::{Answer, FetchFailure, FetchId, KeyCache, Outcome, Ticket};
use jwtbench_verifier::key_set::{KeySet, ParsedSet};
use jwtbench_verifier::tick::Tick;
use proptest::prelude::*;

use crate::properties::hold;

/// A second in nanoseconds.
const S: i64 = 1_000_000_000;
const KIDS: [&str; 3] = ["a", "b", "c"];

/// What happens to one of the two caches.
#[derive(Clone, Debug)]
enum Event {
    /// A token with this kid asks.
    Ask(usize),
    /// Its fetch brings the keys of this mask.
    Bring(u8),
    /// Its fetch fails.
    Fail,
    /// The other issuer's set comes under the number of an attempt that is not under way here.
    Stray(u64, u8),
    /// This kid is evicted.
    Evict(usize),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..KIDS.len()).prop_map(Event::Ask),
        3 => (1..8_u8).prop_map(Event::Bring),
        1 => Just(Event::Fail),
        3 => (0..20_u64, 1..8_u8).prop_map(|(id, mask)| Event::Stray(id, mask)),
        1 => (0..KIDS.len()).prop_map(Event::Evict),
    ]
}

/// The keys of this issuer whose bit is in the mask.
fn published(issuer: u8, mask: u8) -> ParsedSet {
    let jwk = |kid: usize| {
        let key = ed25519_dalek::SigningKey::from_bytes(&[issuer * 8 + kid as u8 + 1; 32]);
        let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
        let kid = KIDS[kid];
        format!(r#"{{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"{kid}","x":"{x}"}}"#)
    };
    let kids = (0..KIDS.len()).filter(|kid| mask & (1 << kid) != 0);
    let body = format!(r#"{{"keys":[{}]}}"#, kids.map(jwk).collect::<Vec<String>>().join(","));
    ParsedSet::parse(body.as_bytes(), &[Algorithm::EdDSA]).expect("a key set")
}

fn thumbprints(set: &KeySet) -> impl Iterator<Item = Thumbprint> {
    set.keys().map(|key| key.jwk.thumbprint)
}

/// One issuer's cache, and what is known of it from outside.
struct Side {
    issuer: u8,
    own: HashSet<Thumbprint>,
    machine: KeyCache,
    in_flight: Option<FetchId>,
    served: usize,
}

impl Side {
    fn new(issuer: u8) -> Side {
        let all = Arc::<KeySet>::default().succeed(published(issuer, 7));
        Side {
            issuer,
            own: thumbprints(&all).collect(),
            machine: KeyCache::new(CachePolicy::default(), u64::from(issuer)),
            in_flight: None,
            served: 0,
        }
    }

    fn happen(&mut self, event: &Event, now: Tick) {
        self.machine.tick(now);
        self.drain();
        match event {
            Event::Ask(kid) => {
                let ticket = Ticket { worker: 0, place: 0 };
                let answer = self.machine.ask(KIDS[*kid], ticket, now);
                self.judge(&answer);
            }
            Event::Bring(mask) => {
                if let Some(id) = self.in_flight.take() {
                    let set = self.machine.keys().succeed(published(self.issuer, *mask));
                    self.machine.finished(id, Outcome::Set(set, None), now);
                }
            }
            Event::Fail => {
                if let Some(id) = self.in_flight.take() {
                    self.machine.finished(id, Outcome::Failed(FetchFailure::Refused), now);
                }
            }
            Event::Stray(id, mask) => {
                let id = FetchId(*id);
                if self.in_flight != Some(id) {
                    let set = self.machine.keys().succeed(published(1 - self.issuer, *mask));
                    self.machine.finished(id, Outcome::Set(set, None), now);
                }
            }
            Event::Evict(kid) => {
                let without = self.machine.keys().without(KIDS[*kid]);
                self.machine.evict(without);
            }
        }
        self.drain();
        let view = self.machine.view(now);
        self.own_only(&view.keys);
    }

    fn drain(&mut self) {
        while let Some(fetch) = self.machine.next_fetch() {
            self.in_flight = Some(fetch.id);
        }
        while let Some((_, answer)) = self.machine.next_wake() {
            self.judge(&answer);
        }
    }

    fn judge(&mut self, answer: &Answer) {
        match answer {
            Answer::Use(view) => {
                self.served += 1;
                self.own_only(&view.keys);
            }
            Answer::Refuse { view, .. } => self.own_only(&view.keys),
            Answer::Wait => {}
        }
    }

    fn own_only(&self, set: &KeySet) {
        assert!(thumbprints(set).all(|key| self.own.contains(&key)), "another issuer's key");
    }
}

#[test]
fn a_cache_serves_no_key_of_another_issuer() {
    let pause = prop::sample::select(vec![0, 1, S / 4, S, 10 * S, 240 * S, 300 * S, 4000 * S]);
    let course = prop::collection::vec((any::<bool>(), pause, event()), 1..60);
    let served = RefCell::new(0);
    hold(2000, course, |course| {
        let mut sides = [Side::new(0), Side::new(1)];
        let mut now = 0;
        for (second, pause, event) in course {
            now += pause;
            sides[usize::from(second)].happen(&event, Tick(now));
        }
        *served.borrow_mut() += sides.iter().map(|side| side.served).sum::<usize>();
    });
    assert!(*served.borrow() > 1000, "keys were served");
}
