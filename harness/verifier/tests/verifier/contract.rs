//! The order of work of the validation contract, over every backend: really signed tokens, each
//! with the one code that is due for it. One file for each part of the verifier.

// Rows of cases are tuples; a name for each would say less than the row.
#![allow(clippy::type_complexity)]

mod claims;
mod explanation;
mod in_force;
mod keys;
mod names;
mod open;
mod order;
mod policy;
mod tenants;
mod token;

use std::sync::Arc;
use std::time::Duration;

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::{self, Backend};
use jwtbench_verifier::claims::Claims;
use jwtbench_verifier::key_set::{KeySet, ParsedSet};
use jwtbench_verifier::policy::{Policy, PolicySpec};
use jwtbench_verifier::prepared_keys::PreparedKeys;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::state_check::{Knowledge, StateAnswer, StateCheck, StateEntry, StateToken};
use jwtbench_verifier::state_strategy::{ColdStart, OnGap, Push, StateStrategy};
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;
use jwtbench_verifier::verifier::{Request, Scratch, Verifier};

use token::{Draft, ISSUED, Key, OURS, published};

const ACCEPT: Result<(), Rejection> = Ok(());

/// A code's row: what is done to a good token, the code due, why.
type Row<'a> = (&'a dyn Fn(Draft) -> Draft, Result<(), Rejection>, &'a str);

/// What tokens are judged by.
struct Court {
    spec: PolicySpec,
    key_set: String,
    now: UnixTime,
    tenant: Option<&'static str>,
    proof: Option<&'static str>,
    revoked: Option<&'static str>,
    /// The subject that needs authorization version 2.
    versioned: Option<&'static str>,
    /// The state cannot be had.
    is_down: bool,
}

impl Default for Court {
    fn default() -> Court {
        Court {
            spec: PolicySpec::default(),
            key_set: published(),
            now: UnixTime::from_seconds(ISSUED + 60),
            tenant: None,
            proof: None,
            revoked: None,
            versioned: None,
            is_down: false,
        }
    }
}

/// The instant at which state is asked for.
const NOW: Tick = Tick::ZERO;

/// The backends that verify all of these algorithms.
fn fitting(allowed: &[Algorithm]) -> impl Iterator<Item = &'static dyn Backend> {
    let fits =
        move |found: &&'static dyn Backend| allowed.iter().all(|known| found.supports(*known));
    backend::available().into_iter().filter(fits)
}

impl Court {
    /// The default court under a policy altered like this.
    fn of(alter: impl FnOnce(&mut PolicySpec)) -> Court {
        let mut court = Court::default();
        alter(&mut court.spec);
        court
    }

    fn judge(&self, backend: &dyn Backend, token: &[u8]) -> Result<(), Rejection> {
        let policy = Policy::new(self.spec.clone()).expect("a valid policy");
        let allowed = &self.spec.algorithms;
        let parsed = ParsedSet::parse(self.key_set.as_bytes(), allowed).expect("a key set");
        let set = Arc::<KeySet>::default().succeed(parsed);
        let mut keys = PreparedKeys::prepare(backend, allowed, &set);
        let mut scratch = Scratch::new(&policy);
        let verifier = Verifier::new(policy);
        let request = Request { tenant: self.tenant, proof: self.proof };
        let opened = verifier.open(token, &mut scratch)?;
        let proven = verifier.prove(opened, &mut keys)?;
        let state = |claims: &Claims<'_>| Some(self.state(claims));
        verifier.in_force_by(&proven, &request, self.now, state).map(|_| ())
    }

    /// What the lists of this court say of a token: revoked tokens, and the versions of subjects. A
    /// list that cannot be had is one that has never come.
    fn state(&self, claims: &Claims<'_>) -> Result<(), Rejection> {
        let memory = StateStrategy::memory();
        let mut feed = memory.feed.clone();
        if let Some(feed) = feed.as_mut().filter(|_| self.is_down) {
            feed.push = Some(Push { replays: true, heartbeat: None, on_gap: OnGap::Keep });
            feed.cold_start = ColdStart::Closed;
        }
        let mut list = StateCheck::new(StateStrategy { feed, ..memory }, 0);
        let entry =
            |key: &str, knowledge| StateEntry { key: key.into(), knowledge, end: Tick::MAX };
        let revoked = self.revoked.filter(|_| !self.is_down);
        list.pushed(None, &Vec::from_iter(revoked.map(|id| entry(id, Knowledge::Revoked))), NOW);
        let mut versions = StateCheck::new(StateStrategy::memory(), 0);
        let versioned = self.versioned.map(|subject| entry(subject, Knowledge::Version(2)));
        versions.pushed(None, &Vec::from_iter(versioned), NOW);
        let token = StateToken {
            key: claims.jwt_id.as_deref(),
            version: claims.authorization_version,
            issued_at: claims.issued_at,
            expires: Tick::MAX,
        };
        let subject = StateToken { key: Some(&claims.subject), ..token };
        for (list, token) in [(&list, &token), (&versions, &subject)] {
            match list.peek(token, NOW) {
                Some(StateAnswer::Decided(code, _)) => code?,
                answer => panic!("a list that is held decides: {answer:?}"),
            }
        }
        Ok(())
    }

    /// Every backend that verifies what is allowed gives this verdict on this token.
    fn check_token(&self, token: &str, expected: Result<(), Rejection>, why: &str) {
        for backend in fitting(&self.spec.algorithms) {
            let got = self.judge(backend, token.as_bytes());
            assert_eq!(got, expected, "{why} ({}): {token}", backend.name());
        }
    }

    /// Rows as text, so that a table stays a table: `what is done | code due | why`. Several acts
    /// ([`Draft::act`]) are joined by ` & `.
    fn check_table(&self, table: &str) {
        for line in table.trim().lines() {
            let cells: Vec<&str> = line.split(" | ").map(str::trim).collect();
            let [acts, code, why] = cells[..] else {
                panic!("a row has three cells: {line}");
            };
            let expected = match code {
                "ACCEPT" => ACCEPT,
                code => Err(Rejection::from_code(&format!("JWT_{code}")).expect(line)),
            };
            let alter = |draft| acts.split(" & ").fold(draft, Draft::act);
            let why = format!("{acts}: {why}");
            self.check(&[(&alter, expected, &why)]);
        }
    }

    /// Every row comes out as it says, for a key of either type, on every backend.
    fn check(&self, rows: &[Row<'_>]) {
        for key in OURS {
            for (alter, expected, why) in rows {
                let token = alter(Draft::good(key)).mint();
                self.check_token(&token, *expected, why);
            }
        }
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The good token is good: every refusal in this suite is for the fault that its row names.
#[test]
fn the_good_token_is_accepted() {
    Court::default().check(&[(&|draft| draft, ACCEPT, "nothing is wrong with it")]);
    let only = |algorithm| Court::of(|spec| spec.algorithms = vec![algorithm]);
    let [ed, ec] = OURS.map(|key| Draft::good(key).mint());
    only(Algorithm::EdDSA).check_token(&ed, ACCEPT, "the one algorithm allowed");
    only(Algorithm::ES256).check_token(&ec, ACCEPT, "the one algorithm allowed");
    let refused = Err(Rejection::AlgNotAllowed);
    only(Algorithm::ES256).check_token(&ed, refused, "another is");
    only(Algorithm::EdDSA).check_token(&ec, refused, "another is");
}

/// A verifier keeps nothing of a token: a scratch used before changes no verdict.
#[test]
fn a_scratch_keeps_nothing() {
    let court = Court::default();
    let policy = Policy::new(court.spec.clone()).expect("a valid policy");
    let allowed = &court.spec.algorithms;
    let parsed = ParsedSet::parse(court.key_set.as_bytes(), allowed).expect("a key set");
    let set = Arc::<KeySet>::default().succeed(parsed);
    let mut scratch = Scratch::new(&policy);
    let verifier = Verifier::new(policy);
    let good = Draft::good(Key::Ed(1));
    let long = good.clone().claim("pad", &format!("\"{}\"", "x".repeat(4000)));
    let rows = [
        (long.mint(), ACCEPT, "a long one"),
        (good.mint(), ACCEPT, "a short one after it"),
        (good.clone().payload_text("{}").mint(), Err(Rejection::ClaimMissing), "an empty one"),
        (good.clone().payload_text("").mint(), Err(Rejection::Malformed), "one without payload"),
        (good.mint(), ACCEPT, "a good one after bad ones"),
    ];
    for backend in fitting(allowed) {
        let mut keys = PreparedKeys::prepare(backend, allowed, &set);
        for (token, expected, why) in &rows {
            let opened = verifier.open(token.as_bytes(), &mut scratch).expect("a fine header");
            let proven = verifier.prove(opened, &mut keys);
            let got = proven.and_then(|p| verifier.in_force(&p, &Request::default(), court.now));
            assert_eq!(got, *expected, "{why} ({})", backend.name());
        }
    }
}
