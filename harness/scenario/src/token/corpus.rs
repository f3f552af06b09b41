//! The tokens of one plan. They are really signed, from the seed alone. Each has the facts by which
//! its verdict is judged. The facts are made with the token, and the verifier never computes them.

use std::collections::HashMap;
use std::time::Duration;

use rand_core::RngCore as _;
use rayon::prelude::*;
use rustc_hash::FxBuildHasher;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::jwk::{MAX_KID_BYTES, Thumbprint};
use jwtbench_verifier::policy::PolicySpec;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;

use crate::format::hex::hex;
use crate::issuer::signer::Signers;
use crate::issuer::{AMBIGUOUS_KEYS, FIRST_KEY, IssuerTimeline, SHARED_KEY};
use crate::model::place::{Ordinal, StreamPlace, TokenPlace};
use crate::plan::random;
use crate::plan::subjects::Subjects;
use crate::token::class::{Class, KeyRole, Stage};
use crate::token::draft::{Draft, DraftKeys, OtherKeys, Signed, Times};

/// One token and the facts about it.
#[derive(Clone, Debug)]
pub struct Token {
    /// The text of the token.
    pub bytes: Box<[u8]>,
    /// The class of the token.
    pub class: Class,
    /// The facts about the token.
    pub facts: Facts,
}

/// The facts that the issuer knows about a token.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The stage and the rejection of its fault, if keys, clock and state do not decide it.
    pub fault: Option<(Stage, Rejection)>,
    /// The verdict that is due regardless of all other facts. It is set for tokens that were not
    /// minted here; the clock of their plan stands still.
    pub settled: Option<Result<(), Rejection>>,
    /// The kid in its header.
    pub kid: KidFact,
    /// The thumbprint of the key that signed exactly this text; `None` if no key did.
    pub signed_by: Option<Thumbprint>,
    /// The claim `exp`.
    pub expires: UnixTime,
    /// The claim `nbf`.
    pub not_before: Option<UnixTime>,
    /// The claim `iat`.
    pub issued_at: UnixTime,
    /// The claim `jti`.
    pub jwt_id: Box<str>,
    /// The claim `sub`.
    pub subject: Box<str>,
    /// The authorization version in it, if its holder shares a subject with others.
    pub version: Option<u64>,
    /// Whether the token is revoked from the beginning.
    pub is_revoked: bool,
    /// The subject for whom an authorization version is required from the beginning.
    pub versioned: Option<Box<str>>,
    /// The holder to whom it was issued, if it is a reissued token.
    pub holder: Option<Holder>,
}

/// The holder of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The stream, by its place in the scenario.
    pub stream: StreamPlace,
    /// The holder within the stream.
    pub number: u32,
    /// The tick at which the token was issued. It may come after that at which it was due.
    pub issued: Tick,
}

/// The kid in a token's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KidFact {
    /// The header has no kid.
    Absent,
    /// The kid is longer than [`MAX_KID_BYTES`]. It is unknown, and never a reason to fetch.
    TooLong,
    /// The header has this kid.
    Named(Box<str>),
}

/// The name of a token that a plan uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenRef {
    /// The class of the token.
    pub class: Class,
    /// The stream, for a reissued class; 0 otherwise.
    pub stream: StreamPlace,
    /// The holder for a reissued class; otherwise the number within the class.
    pub ordinal: Ordinal,
    /// The number of the token among the holder's tokens. It is 0 for the one in use when the
    /// scenario begins.
    pub issue: u32,
}

/// The tokens of one plan.
#[derive(Clone, Debug)]
pub struct Corpus {
    /// The tokens, in the order of their places.
    pub tokens: Vec<Token>,
    /// SHA-256 over the bytes of all tokens, in hex.
    pub hash: String,
}

/// The inputs from which tokens are minted.
pub struct Mint<'a> {
    /// The keys.
    pub signers: &'a Signers,
    /// The issuer over time.
    pub timeline: &'a IssuerTimeline,
    /// The policy for which they are minted.
    pub policy: &'a PolicySpec,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The instant of tick 0.
    pub epoch: UnixTime,
    /// The time from `iat` to `exp`, in nanoseconds.
    pub lifetime_ns: i64,
    /// The duration of the scenario, in nanoseconds.
    pub duration_ns: i64,
    /// The number of holders of each stream.
    pub holders: &'a [u32],
    /// The spans in which the issuer issues no token, in order.
    pub outages: &'a [[Duration; 2]],
    /// The subjects that holders share; `None` if each token has a subject of its own.
    pub subjects: Option<&'a Subjects>,
}

impl Corpus {
    /// Mints the named tokens in parallel. `minted` is called once for each.
    pub fn mint(mint: &Mint<'_>, refs: &[TokenRef], minted: &(dyn Fn() + Sync)) -> Corpus {
        let one = |name: &TokenRef| {
            let token = mint.token(name);
            minted();
            token
        };
        Corpus::of(refs.par_iter().map(one).collect())
    }

    /// The corpus of these tokens.
    pub fn of(tokens: Vec<Token>) -> Corpus {
        let mut hash = Sha256::new();
        for token in &tokens {
            hash.update((token.bytes.len() as u64).to_be_bytes());
            hash.update(&token.bytes);
        }
        Corpus { tokens, hash: hex(&hash.finalize()) }
    }
}

/// The tick at which a holder's token is issued. The holders are spread evenly over a lifetime.
pub fn issue_tick(holder: u32, holders: u32, issue: u32, lifetime_ns: i64) -> Tick {
    let share = (2 * i128::from(holder) + 1) * i128::from(lifetime_ns) / (2 * i128::from(holders));
    Tick(i64::from(issue).saturating_mul(lifetime_ns).saturating_sub(share as i64))
}

impl Mint<'_> {
    /// A lifetime, in nanoseconds, that ends at least an hour after the scenario.
    fn beyond_the_end(&self) -> i64 {
        self.lifetime_ns.saturating_add(self.duration_ns).saturating_add(HOUR_NS)
    }

    /// The instant at which a token is issued that is due at `due`: when the issuer is back.
    fn issued(&self, due: Tick) -> Tick {
        let outages = self.outages.iter().map(|outage| outage.map(|at| Tick::ZERO + at));
        let mut down = outages.filter(|[from, until]| (*from..*until).contains(&due));
        down.next().map_or(due, |[_, until]| until)
    }

    fn token(&self, name: &TokenRef) -> Token {
        let class = name.class;
        let row = class.row();
        let (issued, lifetime_ns) = match class.is_reissued() {
            true => {
                let holders = self.holders[name.stream.index()];
                let due = issue_tick(name.ordinal.0, holders, name.issue, self.lifetime_ns);
                (self.issued(due), self.lifetime_ns)
            }
            // A token without a holder is in date for the whole scenario.
            false => (Tick(-1_000_000_000), self.beyond_the_end()),
        };
        let (label, kid) = match row.signing_key {
            KeyRole::First => (FIRST_KEY, None),
            KeyRole::Ambiguous => (AMBIGUOUS_KEYS[0], None),
            KeyRole::Shared => (SHARED_KEY, None),
            KeyRole::Current => {
                let issuer = self.timeline.at(issued.max(Tick(-1)));
                (issuer.signing.as_str(), Some(issuer.signing_kid.as_str()))
            }
        };
        let signing = self.signers.key(label, self.algorithm);
        let others = OtherKeys::new(self.signers, self.algorithm);
        let keys = DraftKeys { signing: &signing, others: Some(&others) };
        let place = format!("{}/{}/{}", name.stream.0, name.ordinal.0, name.issue);
        let purpose = ["token", self.algorithm.name(), row.name, place.as_str()];
        let mut rng = random::stream(self.signers.seed(), &purpose);
        let (own, jwt_id) = (uuid(&mut rng), uuid(&mut rng));
        let holder = Holder { stream: name.stream, number: name.ordinal.0, issued };
        let holder = class.is_reissued().then_some(holder);
        let shared = self.subjects.zip(holder);
        let subject = shared.map_or(own, |(subjects, holder)| self.subject(subjects, holder));
        let seconds = |ns: i64| ns.div_euclid(1_000_000_000);
        let times = Times {
            issued_at: self.epoch.at(issued).seconds(),
            lifetime: seconds(lifetime_ns).max(1),
            now: self.epoch.seconds(),
        };
        let ids = [subject.as_str(), jwt_id.as_str()];
        let mut draft = Draft::good(keys, self.policy, ids, &times, name.ordinal.0);
        if let Some(kid) = kid {
            draft.header.insert("kid".into(), json!(kid));
        }
        let version = shared.map(|(subjects, holder)| subjects.version(holder.issued));
        if let Some(version) = version {
            let claim = self.policy.claims.authorization_version.clone();
            draft.claims.insert(claim, json!(version));
        }
        (row.alter)(&mut draft);
        let ids = [subject.into(), jwt_id.into()];
        let mut facts = facts(&draft, class, ids, holder);
        facts.version = version;
        facts.versioned = row.is_versioned.then(|| facts.subject.clone());
        let bytes = draft.finish(&mut rng).into_boxed_slice();
        Token { bytes, class, facts }
    }

    /// The claim `sub` of all holders of a subject.
    fn subject(&self, subjects: &Subjects, holder: Holder) -> String {
        let (stream, number) = subjects.of_holder(holder);
        let place = format!("{}/{number}", stream.0);
        uuid(&mut random::stream(self.signers.seed(), &["subject", &place]))
    }
}

const HOUR_NS: i64 = 3_600_000_000_000;

fn facts(
    draft: &Draft<'_>,
    class: Class,
    [subject, jwt_id]: [Box<str>; 2],
    holder: Option<Holder>,
) -> Facts {
    let row = class.row();
    let kid = match draft.header.get("kid").and_then(Value::as_str) {
        None => KidFact::Absent,
        Some(kid) if kid.len() > MAX_KID_BYTES => KidFact::TooLong,
        Some(kid) => KidFact::Named(kid.into()),
    };
    let signed_by = match draft.signed_by {
        // Tokens whose signature no key made belong to a class of this stage.
        Signed::By(key) if row.stage != Stage::Signature => Some(key.thumbprint()),
        _ => None,
    };
    let static_fault = match row.stage {
        Stage::State if row.due == Some(Rejection::Revoked) => None,
        Stage::Open
        | Stage::SignatureText
        | Stage::Claims
        | Stage::Purpose
        | Stage::State
        | Stage::Request => row.due.map(|due| (row.stage, due)),
        Stage::Good | Stage::Key | Stage::Signature | Stage::Time => None,
    };
    let date = |name: &str| draft.claims.get(name).and_then(instant);
    let good = |seconds: i64| UnixTime::from_seconds(seconds);
    // If the policy prohibits `iat`, the token counts as issued before any instant.
    let never = UnixTime(i128::MIN / 2);
    let issued_at = if draft.allows("iat") { good(draft.issued_at) } else { never };
    Facts {
        fault: static_fault,
        settled: None,
        kid,
        signed_by,
        expires: date("exp").unwrap_or_else(|| good(draft.issued_at + draft.lifetime)),
        not_before: date("nbf"),
        issued_at: date("iat").unwrap_or(issued_at),
        jwt_id,
        subject,
        version: None,
        is_revoked: row.due == Some(Rejection::Revoked),
        versioned: None,
        holder,
    }
}

/// The instant of a minted date. Fractions are halves and quarters, so they are exact.
fn instant(value: &Value) -> Option<UnixTime> {
    let fraction = || value.as_f64().map(|seconds| UnixTime((seconds * 1e9) as i128));
    value.as_i64().map(UnixTime::from_seconds).or_else(fraction)
}

/// A random UUID (RFC 9562 version 4).
fn uuid(rng: &mut rand_chacha::ChaCha8Rng) -> String {
    let (high, low) = (rng.next_u64(), rng.next_u64());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 48 & 0x3fff),
        low & 0xffff_ffff_ffff,
    )
}

/// The places of tokens in a corpus, by name.
#[derive(Clone, Default)]
pub struct Refs {
    refs: Vec<TokenRef>,
    places: HashMap<TokenRef, TokenPlace, FxBuildHasher>,
}

impl Refs {
    /// The place of this token. A token without a place gets the next one.
    pub fn place(&mut self, name: TokenRef) -> TokenPlace {
        let next = TokenPlace(self.refs.len() as u32);
        *self.places.entry(name).or_insert_with(|| {
            self.refs.push(name);
            next
        })
    }

    /// The place of this token, if it has one.
    pub fn find(&self, name: &TokenRef) -> Option<TokenPlace> {
        self.places.get(name).copied()
    }

    /// The tokens in the order of their places.
    pub fn names(&self) -> &[TokenRef] {
        &self.refs
    }
}
