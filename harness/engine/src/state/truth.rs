//! What the issuer decides on tokens during a run, and when: the truth by which a strategy is
//! judged. It follows from the plan alone.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use jwtbench_scenario::model::event::Action;
use jwtbench_scenario::model::place::{StreamPlace, TokenPlace};
use jwtbench_scenario::model::state::AfterRevocation;
use jwtbench_scenario::plan::random::{self, unit};
use jwtbench_scenario::plan::subjects::Subjects;
use jwtbench_scenario::plan::{Plan, PlanParts};
use jwtbench_scenario::token::corpus::Facts;
use jwtbench_scenario::token::pack::AUTHORIZATION_VERSION;
use jwtbench_verifier::state_check::{Knowledge, StateEntry, StateToken};
use jwtbench_verifier::state_strategy::StateKey;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;
use jwtbench_verifier::wall_clock::Skew;

/// A token that is issued at the instant of a revocation is revoked as well.
const NEXT: Duration = Duration::from_nanos(1);
/// The holders that are tried for one revocation.
const REDRAWS: usize = 16;

/// The revocations of a run.
#[derive(Clone, Debug, Default)]
pub struct StateTruth {
    /// The decisions, in order of time.
    pub revocations: Vec<TokenRevocation>,
    /// What the store has from the beginning.
    pub before: Vec<StateEntry>,
    /// What it is told beside about tokens that never arrive, in order of time.
    pub others: Vec<(Tick, Vec<StateEntry>)>,
    /// For each token of the corpus the instant from which it is revoked; `Tick::MAX` for never.
    revoked_at: Vec<Tick>,
    /// For each token the span in which what the store is told refuses it. It begins with its
    /// revocation, or before if the strategy's key cannot tell it from others.
    refused: Vec<[Tick; 2]>,
    /// The tokens that are never issued, because their subject is revoked.
    unissued: HashSet<TokenPlace>,
    /// Whether revoked tokens still arrive.
    pub goes_on: bool,
}

/// The revocation of one token.
#[derive(Clone, Debug)]
pub struct TokenRevocation {
    /// The instant at which the issuer decides it.
    pub at: Tick,
    /// The token, by its place.
    pub token: TokenPlace,
    /// What the store is told.
    pub entry: StateEntry,
    /// Whether the store is told by this one. What concerns several tokens is told once.
    pub is_told: bool,
    /// The instant from which no verifier accepts the token, whatever it knows.
    pub end: Tick,
    issued_at: UnixTime,
    version: Option<u64>,
    expires: Tick,
}

impl TokenRevocation {
    /// What the machines know of the revoked token.
    pub fn state_token(&self) -> StateToken<'_> {
        StateToken {
            key: Some(&self.entry.key),
            version: self.version,
            issued_at: Some(self.issued_at),
            expires: self.expires,
        }
    }
}

impl StateTruth {
    /// The revocations of a plan, with entries of the key that the strategy looks up.
    pub fn of(plan: &Plan, key: StateKey) -> StateTruth {
        let Some(state) = &plan.scenario.state else {
            return StateTruth::default();
        };
        let mut truth = StateTruth {
            revocations: Vec::new(),
            revoked_at: vec![Tick::MAX; plan.corpus.tokens.len()],
            goes_on: state.after_revocation == AfterRevocation::GoesOn,
            ..StateTruth::default()
        };
        truth.add_earlier(plan, key, state.revoked_before);
        truth.draw(plan, key, (state.revocations_per_s, plan.scenario.revocations_until()));
        truth.add_events(plan, key);
        if let Some(subjects) = Subjects::of(&plan.scenario, plan.seed) {
            truth.add_changes(plan, key, &subjects);
        }
        truth.revocations.sort_by_key(|one| one.at);
        // A token that is revoked twice counts from the first revocation.
        let revoked_at = std::mem::take(&mut truth.revoked_at);
        truth.revocations.retain(|one| revoked_at[one.token.index()] == one.at);
        truth.revoked_at = revoked_at;
        truth.share_entries();
        truth.refused = truth.refused_spans(plan, key);
        truth
    }

    /// The instant from which a token is revoked; `Tick::MAX` for never.
    pub fn revoked_at(&self, token: TokenPlace) -> Tick {
        self.revoked_at.get(token.index()).copied().unwrap_or(Tick::MAX)
    }

    /// The span in which what the store is told refuses a token. It begins at `Tick::MAX` if
    /// nothing ever does.
    pub fn refused(&self, token: TokenPlace) -> [Tick; 2] {
        self.refused.get(token.index()).copied().unwrap_or([Tick::MAX; 2])
    }

    /// Whether nobody uses a token, because its subject is revoked or its holder has stopped.
    pub fn is_unused(&self, token: TokenPlace, at: Tick) -> bool {
        self.unissued.contains(&token) || !self.goes_on && self.revoked_at(token) <= at
    }

    /// The number of entries that the store is ever told of.
    pub fn entries(&self) -> usize {
        let others: usize = self.others.iter().map(|(_, entries)| entries.len()).sum();
        self.before.len() + self.revocations.len() + others
    }

    /// Adds what was decided before the beginning: on the tokens of class `revoked`, and on so many
    /// others.
    fn add_earlier(&mut self, plan: &Plan, key: StateKey, others: u64) {
        for (known, token) in self.revoked_at.iter_mut().zip(&plan.corpus.tokens) {
            let facts = &token.facts;
            if facts.is_revoked {
                *known = Tick::MIN;
                let end = end_of(plan, facts);
                let of_token = (key, AUTHORIZATION_VERSION, facts.issued_at + NEXT);
                self.before.push(entry_of(of_token, facts, end));
            }
        }
        let earlier = 0..others;
        self.before.extend(earlier.map(|number| other_entry(plan, key, (BEFORE, number))));
    }

    fn add_events(&mut self, plan: &Plan, key: StateKey) {
        for (batch, event) in (0u32..).zip(&plan.scenario.events) {
            let Action::RevokeTokens { stream, share, others } = &event.action else {
                continue;
            };
            if *others > 0 {
                let one = |number| other_entry(plan, key, (batch, number));
                let entries = (0..*others).map(one).collect();
                self.others.push((Tick::ZERO + event.at, entries));
            }
            let Some(name) = stream else {
                continue;
            };
            let streams = &plan.scenario.streams;
            let Some(place) = streams.iter().position(|stream| stream.name == *name) else {
                continue;
            };
            let below = (f64::from(streams[place].holders) * share / 100.0).ceil() as u32;
            let at = Tick::ZERO + event.at;
            let is_hit = |facts: &Facts| {
                facts.holder.is_some_and(|holder| {
                    holder.stream == StreamPlace(place as u16)
                        && holder.number < below
                        && holder.issued <= at
                }) && end_of(plan, facts) > at
            };
            for (token, minted) in (0u32..).map(TokenPlace).zip(&plan.corpus.tokens) {
                if is_hit(&minted.facts) {
                    self.revoke(plan, (key, AUTHORIZATION_VERSION), token, at);
                }
            }
        }
    }

    /// Makes the tokens of subjects void on which the issuer decides.
    fn add_changes(&mut self, plan: &Plan, key: StateKey, subjects: &Subjects) {
        for (token, minted) in (0u32..).map(TokenPlace).zip(&plan.corpus.tokens) {
            let Some(holder) = minted.facts.holder else {
                continue;
            };
            if subjects.is_gone(holder) {
                self.unissued.insert(token);
            } else if let Some(at) = subjects.void_at(holder)
                && end_of(plan, &minted.facts) > at
            {
                self.revoke(plan, (key, subjects.version(at + NEXT)), token, at);
            }
        }
    }

    /// Lets what concerns several tokens be told once, until the last of them has ended.
    fn share_entries(&mut self) {
        let mut ends = HashMap::<(Box<str>, Tick), Tick>::new();
        for one in &self.revocations {
            let end = ends.entry((one.entry.key.clone(), one.at)).or_insert(one.end);
            *end = one.end.max(*end);
        }
        for one in &mut self.revocations {
            let end = ends.remove(&(one.entry.key.clone(), one.at));
            one.is_told = end.is_some();
            one.entry.end = end.unwrap_or(one.end);
        }
    }

    /// For each token the span in which what the store is told refuses it.
    fn refused_spans(&self, plan: &Plan, key: StateKey) -> Vec<[Tick; 2]> {
        let mut spans: Vec<[Tick; 2]> =
            self.revoked_at.iter().map(|from| [*from, Tick::MAX]).collect();
        if matches!(key, StateKey::JwtId | StateKey::Session | StateKey::Client) {
            return spans;
        }
        let mut told = HashMap::<&str, Vec<(Tick, &StateEntry)>>::new();
        let later = self.revocations.iter().filter(|one| one.is_told);
        let later = later.map(|one| (one.at, &one.entry));
        for (at, entry) in self.before.iter().map(|entry| (Tick::MIN, entry)).chain(later) {
            told.entry(&entry.key).or_default().push((at, entry));
        }
        for ([from, until], minted) in spans.iter_mut().zip(&plan.corpus.tokens) {
            let facts = &minted.facts;
            let refuses = |(_, entry): &&(Tick, &StateEntry)| match entry.knowledge {
                Knowledge::Clear => false,
                Knowledge::Revoked => true,
                Knowledge::Version(least) => facts.version.unwrap_or_default() < least,
                Knowledge::NotBefore(at) => facts.issued_at < at,
            };
            let own = || told.get(&*facts.subject).into_iter().flatten().filter(refuses);
            if *from == Tick::MAX {
                *until = own().map(|(_, entry)| entry.end).max().unwrap_or(Tick::MAX);
            }
            *from = own().map(|(at, _)| *at).min().unwrap_or(Tick::MAX).min(*from);
        }
        spans
    }

    /// Draws revocations of single tokens. Each is of the token that a holder has at that instant.
    fn draw(&mut self, plan: &Plan, key: StateKey, (per_s, until): (f64, Duration)) {
        if per_s <= 0.0 {
            return;
        }
        let held = HeldTokens::of(plan);
        let mut rng = random::stream(plan.seed, &["revocations"]);
        let end = until.as_secs_f64();
        let mut at_s = 0.0;
        loop {
            at_s += -(1.0 - unit(&mut rng)).ln() / per_s;
            if at_s >= end {
                return;
            }
            let at = Tick((at_s * 1e9) as i64);
            let is_live = |token: &TokenPlace| {
                let facts = &plan.corpus.tokens[token.index()].facts;
                self.revoked_at(*token) == Tick::MAX && end_of(plan, facts) > at
            };
            // A holder whose token is revoked already is none to be chosen.
            let mut chosen = (0..REDRAWS).filter_map(|_| held.at(unit(&mut rng), at));
            if let Some(token) = chosen.find(is_live) {
                self.revoke(plan, (key, AUTHORIZATION_VERSION), token, at);
            }
        }
    }

    /// Revokes a token. `version` is the least authorization version from now on.
    fn revoke(
        &mut self,
        plan: &Plan,
        (key, version): (StateKey, u64),
        token: TokenPlace,
        at: Tick,
    ) {
        let facts = &plan.corpus.tokens[token.index()].facts;
        let known = &mut self.revoked_at[token.index()];
        if *known <= at {
            return;
        }
        *known = at;
        let end = end_of(plan, facts);
        let of_token = (key, version, plan.instant(at) + NEXT);
        self.revocations.push(TokenRevocation {
            at,
            token,
            entry: entry_of(of_token, facts, end),
            is_told: true,
            end,
            issued_at: facts.issued_at,
            version: facts.version,
            expires: Tick(end.0 - plan.scenario.leeway().as_nanos() as i64),
        });
    }
}

/// What a store is told of a token. `version` is the least authorization version from now on, and
/// `not_before` the least instant of issue.
fn entry_of(
    (key, version, not_before): (StateKey, u64, UnixTime),
    facts: &Facts,
    end: Tick,
) -> StateEntry {
    let (name, knowledge) = match key {
        StateKey::JwtId | StateKey::Session | StateKey::Client => {
            (&facts.jwt_id, Knowledge::Revoked)
        }
        StateKey::Subject => (&facts.subject, Knowledge::Revoked),
        StateKey::Version => (&facts.subject, Knowledge::Version(version)),
        StateKey::NotBefore => (&facts.subject, Knowledge::NotBefore(not_before)),
    };
    StateEntry { key: name.clone(), knowledge, end }
}

/// The batch of what was decided before the beginning. Others have the number of their event.
const BEFORE: u32 = u32::MAX;

/// What a store is told of a token that never arrives, and has until after the end. Its key has the
/// form of a real one, and a version (RFC 9562 §4.2) that none has.
fn other_entry(plan: &Plan, key: StateKey, (batch, number): (u32, u64)) -> StateEntry {
    let name = format!("{batch:08x}-0000-0000-0000-{number:012x}");
    let knowledge = match key {
        StateKey::Version => Knowledge::Version(AUTHORIZATION_VERSION),
        StateKey::NotBefore => Knowledge::NotBefore(plan.instant(Tick::ZERO)),
        _ => Knowledge::Revoked,
    };
    let PlanParts { scenario, .. } = &**plan;
    let last = scenario.load.duration + scenario.issuer.token_lifetime + scenario.leeway();
    StateEntry { key: name.into_boxed_str(), knowledge, end: Tick::ZERO + last }
}

/// The instant from which no verifier accepts a token: its end, the leeway, and the most by which a
/// verifier's clock is behind.
fn end_of(plan: &Plan, facts: &Facts) -> Tick {
    let behind = plan.scenario.phases.iter().map(|phase| match phase.skew {
        Skew::Behind(by) => by,
        Skew::None | Skew::Ahead(_) => Duration::ZERO,
    });
    let last = facts.expires + plan.scenario.leeway() + behind.max().unwrap_or_default();
    let since = (last.0 - plan.epoch.0).clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    Tick(since as i64)
}

/// The tokens of each holder, in order of their issue.
struct HeldTokens(Vec<Vec<(Tick, TokenPlace)>>);

impl HeldTokens {
    fn of(plan: &Plan) -> HeldTokens {
        let mut by_holder = BTreeMap::<(StreamPlace, u32), Vec<_>>::new();
        for (token, minted) in (0u32..).map(TokenPlace).zip(&plan.corpus.tokens) {
            if let (Some(holder), None) = (minted.facts.holder, minted.class.row().due) {
                let tokens = by_holder.entry((holder.stream, holder.number)).or_default();
                tokens.push((holder.issued, token));
            }
        }
        let mut all: Vec<Vec<(Tick, TokenPlace)>> = by_holder.into_values().collect();
        all.iter_mut().for_each(|tokens| tokens.sort());
        HeldTokens(all)
    }

    /// The token that a holder, drawn by `share`, has at an instant.
    fn at(&self, share: f64, at: Tick) -> Option<TokenPlace> {
        let tokens = self.0.get((share * self.0.len() as f64) as usize)?;
        let next = tokens.partition_point(|(issued, _)| *issued <= at);
        Some(tokens[next.checked_sub(1)?].1)
    }
}
