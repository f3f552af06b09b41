//! Drives the key cache by hand: rows of instant, act, everything that must come of it, and why.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::cache_policy::{CachePolicy, Jitter};
use jwtbench_verifier::key_cache::{
    Answer, FetchFailure, FetchId, Freshness, KeyCache, Outcome, Ticket,
};
use jwtbench_verifier::key_set::{KeySet, ParsedSet};
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::tick::Tick;

/// A second in nanoseconds.
pub const S: i64 = 1_000_000_000;
/// A millisecond in nanoseconds.
pub const MS: i64 = 1_000_000;

/// Something done to the machine.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// A token with this kid asks; tickets count from 0.
    Ask(&'static str),
    /// A token with this kid asks once more, since its signature did not verify.
    Again(&'static str),
    /// The newest attempt brings a set with these kids.
    Set(&'static [&'static str]),
    /// The newest attempt fails.
    Fail(FetchFailure),
    /// The newest attempt brings a set with these kids that may be kept for so many seconds.
    Keep(&'static [&'static str], u64),
    /// This attempt, whichever it was, brings a set with these kids.
    SetOf(u64, &'static [&'static str]),
    /// A set with these kids is put in, fetched now.
    Warm(&'static [&'static str]),
    /// This kid is evicted.
    Evict(&'static str),
    /// Time passes.
    Tick,
}

/// Nanoseconds, act, what comes of it, why.
pub type Row = (i64, Act, &'static str, &'static str);

/// A machine with a hand on every lever.
#[derive(Clone)]
pub struct Bench {
    pub machine: KeyCache,
    pub newest: FetchId,
    tickets: u32,
}

impl Bench {
    pub fn new(policy: CachePolicy) -> Bench {
        Bench { machine: KeyCache::new(policy, 1), newest: FetchId(0), tickets: 0 }
    }

    /// Does it, and says all that came of it: the answer, fetches, wakes.
    pub fn act(&mut self, at: i64, act: Act) -> String {
        let now = Tick(at);
        let mut out: Vec<String> = Vec::new();
        match act {
            Act::Ask(kid) => {
                let ticket = Ticket { worker: 0, place: self.tickets };
                self.tickets += 1;
                out.push(spell(&self.machine.ask(kid, ticket, now)));
            }
            Act::Again(kid) => {
                let ticket = Ticket { worker: 0, place: self.tickets };
                self.tickets += 1;
                out.push(spell(&self.machine.ask_again(kid, ticket, now)));
            }
            Act::Set(kids) => self.bring(self.newest, kids, None, now),
            Act::Keep(kids, seconds) => {
                self.bring(self.newest, kids, Some(Duration::from_secs(seconds)), now);
            }
            Act::SetOf(id, kids) => self.bring(FetchId(id), kids, None, now),
            Act::Fail(failure) => {
                self.machine.finished(self.newest, Outcome::Failed(failure), now);
            }
            Act::Warm(kids) => {
                let set = self.machine.keys().succeed(parsed(kids));
                self.machine.warm(set, None, now);
            }
            Act::Evict(kid) => {
                let without = self.machine.keys().without(kid);
                self.machine.evict(without);
            }
            Act::Tick => self.machine.tick(now),
        }
        while let Some(fetch) = self.machine.next_fetch() {
            self.newest = fetch.id;
            out.push(format!("fetch {}", fetch.id.0));
        }
        while let Some((ticket, answer)) = self.machine.next_wake() {
            out.push(format!("{}: {}", ticket.place, spell(&answer)));
        }
        if out.is_empty() {
            out.push("-".into());
        }
        out.join("; ")
    }

    fn bring(&mut self, id: FetchId, kids: &[&'static str], max_age: Option<Duration>, now: Tick) {
        let read = self.machine.terms(id).read(body(kids).as_bytes(), &[Algorithm::EdDSA]);
        let outcome = read.map_or_else(Outcome::Failed, |set| Outcome::Set(set, max_age));
        self.machine.finished(id, outcome, now);
    }
}

/// Every row comes out as it says, in order.
pub fn check(policy: CachePolicy, rows: &[Row]) {
    let mut bench = Bench::new(policy);
    for (index, (at, act, expected, why)) in rows.iter().enumerate() {
        let got = bench.act(*at, *act);
        assert_eq!(got, *expected, "row {index}, {act:?} at {at} ns: {why}");
    }
}

fn spell(answer: &Answer) -> String {
    match answer {
        Answer::Wait => "wait".into(),
        Answer::Use(view) => {
            let freshness = match view.freshness {
                Freshness::None => "nothing",
                Freshness::Fresh => "fresh",
                Freshness::EmptyKept => "kept",
                Freshness::Stale => "stale",
            };
            format!("{freshness} {}", view.keys.generation())
        }
        Answer::Refuse { code, .. } => match code {
            Rejection::UnknownKid => "UNKNOWN".into(),
            Rejection::KeysUnavailable => "UNAVAILABLE".into(),
            other => format!("unheard of: {other}"),
        },
    }
}

/// The policy of the suite: the default one without jitter.
pub fn steady() -> CachePolicy {
    CachePolicy { refresh_jitter: Jitter::Share(0.0), ..CachePolicy::default() }
}

/// A set of one real Ed25519 key for each kid, read as a body is.
pub fn parsed(kids: &[&'static str]) -> ParsedSet {
    ParsedSet::parse(body(kids).as_bytes(), &[Algorithm::EdDSA]).expect("a key set")
}

/// The kid `odd` stands for an entry of no known type.
fn body(kids: &[&'static str]) -> String {
    let odd = || r#"{"kty":"ODD","kid":"odd"}"#.to_owned();
    let entry = |kid: &&'static str| if *kid == "odd" { odd() } else { jwk(kid) };
    let keys: Vec<String> = kids.iter().map(entry).collect();
    format!(r#"{{"keys":[{}]}}"#, keys.join(","))
}

/// The set alone, in generation 1.
pub fn set(kids: &[&'static str]) -> Arc<KeySet> {
    Arc::<KeySet>::default().succeed(parsed(kids))
}

fn jwk(kid: &'static str) -> String {
    static KNOWN: OnceLock<Mutex<HashMap<&'static str, String>>> = OnceLock::new();
    let known = KNOWN.get_or_init(Mutex::default);
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    let made = known.entry(kid).or_insert_with(|| {
        let mut seed = [7; 32];
        seed[..kid.len()].copy_from_slice(kid.as_bytes());
        let key = ed25519_dalek::SigningKey::from_bytes(&seed);
        let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
        format!(r#"{{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"{kid}","x":"{x}"}}"#)
    });
    made.clone()
}
