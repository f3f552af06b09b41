//! The two judgements of an operation. Conformance: was this verdict due under the key set and the
//! state that the verifier held at the instant it used? Outcome: did it serve the user, by what the
//! issuer knows? What is due comes from facts minted with the token, and never from the verifier.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxBuildHasher;

use jwtbench_scenario::model::place::{PhasePlace, StreamPlace, TokenPlace};
use jwtbench_scenario::plan::Plan;
use jwtbench_scenario::token::class::Stage;
use jwtbench_scenario::token::corpus::{Facts, KidFact, Token};
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::cache_policy::{Coalescing, LockScope, OutageAnswer};
use jwtbench_verifier::jwk::{Kid, Thumbprint};
use jwtbench_verifier::key_cache::Freshness;
use jwtbench_verifier::key_set::KeySet;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;
use jwtbench_verifier::verdict::Verdict;
use jwtbench_verifier::wall_clock::WallClock;

use super::history::{History, Over};
use super::state::{StateJudge, lockout_cause};

/// A verdict's code: `Ok` for ACCEPT.
pub type Code = Result<(), Rejection>;

/// One operation with its times and its verdict.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// The token, by its place in the corpus.
    pub token: TokenPlace,
    /// The stream, by its place in the scenario.
    pub stream: StreamPlace,
    /// The phase, by its place in the scenario, or the warm-up.
    pub phase: PhasePlace,
    /// The instant at which the operation should have started.
    pub intended: Tick,
    /// How long the operation would have waited for its worker if every arrival had been offered in
    /// time, in nanoseconds
    /// ([`PunctualWorker`](jwtbench_result::latency::lindley::PunctualWorker)).
    pub wait_ns: u64,
    /// How late the generator offered the operation although its worker was free, in nanoseconds.
    pub late_ns: u64,
    /// The instant at which the operation started.
    pub start: Tick,
    /// The instant at which the operation had its verdict.
    pub end: Tick,
    /// The verdict.
    pub verdict: Verdict,
}

impl Operation {
    /// The service time: from start to verdict, waits for keys included.
    pub fn service(&self) -> Duration {
        self.end.since(self.start)
    }

    /// The response time that a user would notice: the wait for the worker, then the service time.
    /// Lateness of the generator is not part of it.
    pub fn response(&self) -> Duration {
        Duration::from_nanos(self.wait_ns).saturating_add(self.service())
    }
}

/// The judgement of one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The code due.
    pub due: Code,
    /// Whether the verdict conforms.
    pub conforms: bool,
    /// Whether the token was good from arrival to verdict.
    pub good: bool,
    /// The first cause that fits, if the token was accepted although its key was withdrawn or its
    /// `jti` revoked.
    pub exposed: Option<&'static str>,
    /// Whether the token was refused although it was good.
    pub lockout: bool,
    /// The cause, if that was because of its state under a strategy.
    pub state_lockout: Option<&'static str>,
    /// Whether the token was good and accepted, but after the deadline.
    pub late: bool,
}

/// How a contender's conformance is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    /// The verdict must have the code that is due.
    Code,
    /// The verdict must accept or refuse as is due.
    Acceptance,
}

/// Whether a token was asked for before a fetch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AskOrder {
    /// The fetch ended later.
    Before,
    /// The instants do not tell.
    Unknown,
    /// The fetch had ended.
    After,
}

impl AskOrder {
    /// The order for an operation that began at `start`, whose verdict knows of a fetch that ended
    /// at `finished`. A verdict that is given at once has `now` at the start. If it knows of a
    /// later fetch, a worker in real time read the clock, the fetch ended, and then the worker
    /// asked.
    fn of((start, now): (Tick, Tick), finished: Tick) -> AskOrder {
        match finished > start {
            true if now > start => AskOrder::Before,
            false if finished < start => AskOrder::After,
            _ => AskOrder::Unknown,
        }
    }
}

/// Judges the operations of one trial.
pub struct Judge<'p> {
    plan: &'p Plan,
    history: &'p History,
    sets: HashMap<u64, HeldKeys, FxBuildHasher>,
    first: HeldKeys,
    strictness: Strictness,
    leeway: Duration,
    clock: WallClock,
    max_age: Option<Duration>,
    window: Duration,
    /// The judge of the state of tokens under a strategy.
    state: Option<StateJudge<'p>>,
    /// The code for a token whose key is not known because fetches fail.
    unavailable: Rejection,
    /// Whether all waiting operations wait for the one fetch under way. If not, a token may be
    /// answered after a fetch that was not its own, and either code for an absent kid may be right.
    shares_fetches: bool,
}

/// The usable keys of a set by kid, for the algorithm of the trial. At most two different keys are
/// kept for a kid, as further ones change no answer.
#[derive(Default)]
struct HeldKeys(HashMap<Kid, Vec<Thumbprint>, FxBuildHasher>);

impl HeldKeys {
    fn of(set: &KeySet, algorithm: Algorithm) -> HeldKeys {
        let mut keys: HashMap<Kid, Vec<Thumbprint>, FxBuildHasher> = HashMap::default();
        for entry in set.entries() {
            if let Some(kid) = &entry.kid {
                let key = entry.key.as_ref().filter(|key| key.jwk.algorithm == algorithm);
                let keys = keys.entry(Arc::clone(kid)).or_default();
                let fitting = key.map(|key| key.jwk.thumbprint);
                if let Some(new) = fitting.filter(|new| keys.len() < 2 && !keys.contains(new)) {
                    keys.push(new);
                }
            }
        }
        HeldKeys(keys)
    }

    fn find(&self, kid: &str) -> Result<Thumbprint, Rejection> {
        let keys = self.0.get(kid).ok_or(Rejection::UnknownKid)?;
        match keys.as_slice() {
            [] => Err(Rejection::KeyMismatch),
            [one] => Ok(*one),
            _ => Err(Rejection::KeyAmbiguous),
        }
    }
}

/// Whether the verdict comes from a verdict cache whose entry was proven under an earlier key set.
fn outlived(verdict: &Verdict) -> bool {
    let held = verdict.held.map(|held| held.generation);
    verdict.remembered.is_some_and(|generation| Some(generation) != held)
}

impl<'p> Judge<'p> {
    /// A judge for a trial of `plan`. `sets` are the generations held, in order; the first of them
    /// also stands for contenders without a key cache.
    pub fn new(
        plan: &'p Plan,
        history: &'p History,
        sets: &[Arc<KeySet>],
        strictness: Strictness,
    ) -> Judge<'p> {
        let held = |set: &Arc<KeySet>| HeldKeys::of(set, plan.algorithm);
        let (policy, cache) = (&plan.scenario.policy, &plan.scenario.cache.policy);
        Judge {
            plan,
            history,
            sets: sets.iter().map(|set| (set.generation(), held(set))).collect(),
            first: sets.first().map(held).unwrap_or_default(),
            strictness,
            leeway: plan.scenario.leeway(),
            clock: plan.wall_clock(),
            max_age: policy.max_age,
            state: StateJudge::new(plan, history),
            window: cache.unknown_kid_window(cache.longest_ttl()),
            shares_fetches: cache.coalescing == Coalescing::SingleFlight
                && cache.lock == LockScope::Misses
                && cache.budget.is_none_or(|budget| budget.max_wait.is_zero()),
            unavailable: match cache.outage {
                OutageAnswer::Unavailable => Rejection::KeysUnavailable,
                OutageAnswer::Unauthorized => Rejection::UnknownKid,
            },
        }
    }

    /// The token of an operation.
    pub fn token(&self, operation: &Operation) -> &'p Token {
        &self.plan.corpus.tokens[operation.token.index()]
    }

    /// Judges one operation.
    pub fn judge(&self, operation: &Operation) -> Judgement {
        let token = self.token(operation);
        let verdict = &operation.verdict;
        let (due, also) = self.due(&token.facts, operation);
        let conforms = match self.strictness {
            Strictness::Code => verdict.code == due || Some(verdict.code) == also,
            Strictness::Acceptance => {
                verdict.code.is_ok() == due.is_ok()
                    || also.is_some_and(|also| verdict.code.is_ok() == also.is_ok())
            }
        };
        let due = also.filter(|also| *also == verdict.code).unwrap_or(due);
        let (from, to) = (operation.intended.min(operation.start), operation.end);
        let accepted = verdict.code.is_ok();
        let deadline = self.plan.scenario.load.deadline;
        // An operation that waits beyond its deadline is not served, whatever happens to the token
        // after that.
        let until = to.min(operation.intended + deadline).max(from);
        let revoked_at = self.state.as_ref().map(|state| state.revoked_at(operation));
        let good = self.is_good(token, from, until) && revoked_at.is_none_or(|at| at > until);
        Judgement {
            due,
            conforms,
            good,
            exposed: self.exposure(&token.facts, operation, (from, to)).filter(|_| accepted),
            lockout: good && !accepted,
            state_lockout: self
                .state
                .as_ref()
                .filter(|_| good)
                .and_then(|_| lockout_cause(verdict)),
            late: good && accepted && operation.response() > deadline,
        }
    }

    /// Whether the token is good at every instant: signed under a key that the issuer publishes,
    /// within its times, and not revoked.
    fn is_good(&self, token: &Token, from: Tick, to: Tick) -> bool {
        let facts = &token.facts;
        token.class.row().due.is_none()
            && self.history.published(&self.plan.timeline, facts, from, to) == Over::Always
            && self.times(facts, self.plan.instant(to)).is_ok()
    }

    /// The cause of an exposure, if the token should not have been trusted at any instant.
    fn exposure(
        &self,
        facts: &Facts,
        operation: &Operation,
        (from, to): (Tick, Tick),
    ) -> Option<&'static str> {
        let (timeline, verdict) = (&self.plan.timeline, &operation.verdict);
        if self.history.is_issuers(timeline, facts)
            && self.history.published(timeline, facts, from, to) == Over::Never
        {
            let cause = match verdict.held.map(|held| held.freshness) {
                _ if outlived(verdict) => "verdict-cache",
                Some(Freshness::EmptyKept) => "empty-kept",
                Some(Freshness::Stale) => "stale",
                _ if self.has_no_expiry() => "no-expiry",
                _ => "ttl",
            };
            return Some(cause);
        }
        if let Some(state) = &self.state {
            return (state.revoked_at(operation) <= from).then(|| state.cause(operation));
        }
        // Whoever knows no state accepts it.
        facts.is_revoked.then_some("state-none")
    }

    /// Whether the key cache keeps a set for ever, whatever the response to its fetch says.
    fn has_no_expiry(&self) -> bool {
        let policy = &self.plan.scenario.cache.policy;
        policy.ttl == Duration::MAX && policy.http_freshness.is_none()
    }

    /// The code due, and a second code that is as right where the order of events is not known.
    fn due(&self, facts: &Facts, operation: &Operation) -> (Code, Option<Code>) {
        let fault = |stage| facts.fault.filter(|(at, _)| *at == stage).map(|(_, code)| code);
        if let Some(code) = fault(Stage::Open) {
            return (Err(code), None);
        }
        let verdict = &operation.verdict;
        let now = self.clock.at(verdict.now);
        if let Some(code) = facts.settled {
            return self.settled(code, facts, operation);
        }
        let kid = match &facts.kid {
            KidFact::Named(kid) => kid,
            KidFact::Absent | KidFact::TooLong => return (Err(Rejection::UnknownKid), None),
        };
        let key = match self.keys(verdict).find(kid) {
            Ok(key) => key,
            Err(Rejection::UnknownKid) => return self.absent(facts, operation),
            Err(code) => return (Err(code), None),
        };
        if let Some(code) = fault(Stage::SignatureText) {
            return (Err(code), None);
        }
        if facts.signed_by != Some(key) {
            return (Err(Rejection::BadSignature), None);
        }
        if let Some(code) = fault(Stage::Claims) {
            return (Err(code), None);
        }
        if let Err(code) = self.times(facts, now) {
            return (Err(code), None);
        }
        if let Some(code) = fault(Stage::Purpose) {
            return (Err(code), None);
        }
        (self.state(facts, operation), None)
    }

    /// The codes due for a token whose verdict was settled under the whole set, which the verifier
    /// may not hold.
    fn settled(&self, code: Code, facts: &Facts, operation: &Operation) -> (Code, Option<Code>) {
        let unavailable = Err(Rejection::KeysUnavailable);
        if code == Err(Rejection::UnknownKid) {
            // While a set is being fetched, a kid is not yet known to be unknown.
            return (code, Some(unavailable));
        }
        let verdict = &operation.verdict;
        let is_without = verdict.held.is_some_and(|held| held.freshness == Freshness::None);
        match &facts.kid {
            KidFact::Absent if is_without => (unavailable, None),
            // A cache that holds keys by kid loses keys without a kid, and others, as it fetches.
            KidFact::Absent => {
                let by_kid = self.plan.scenario.cache.policy.per_kid;
                (code, by_kid.map(|_| Err(Rejection::KeyMismatch)))
            }
            KidFact::Named(kid)
                if is_without && self.keys(verdict).find(kid) == Err(Rejection::UnknownKid) =>
            {
                self.absent(facts, operation)
            }
            _ => (code, None),
        }
    }

    /// The code due by steps 11 and 12 of the contract, from the state on.
    fn state(&self, facts: &Facts, operation: &Operation) -> Code {
        let fault = |stage| facts.fault.filter(|(at, _)| *at == stage).map(|(_, code)| code);
        let last = fault(Stage::Request).map_or(Ok(()), Err);
        match &self.state {
            Some(state) => state.due(last, operation),
            None if facts.is_revoked => Err(Rejection::Revoked),
            None => fault(Stage::State).map_or(last, Err),
        }
    }

    /// The codes due for a kid that the held set lacks. With grounds the kid is unknown; without,
    /// the keys are unavailable.
    fn absent(&self, facts: &Facts, operation: &Operation) -> (Code, Option<Code>) {
        let unknown = Err(Rejection::UnknownKid);
        let Some(held) = operation.verdict.held else {
            return (unknown, None);
        };
        let refuses_itself = |at: Tick| {
            facts.fault.is_some_and(|(stage, _)| stage == Stage::Claims)
                || self.is_expired(facts, self.clock.at(at))
        };
        // The verifier checks this once, when the operation begins.
        if refuses_itself(operation.start) {
            return (unknown, None);
        }
        // A set too old to be served may have had the kid, so nothing is known of the kid.
        let too_old = held.freshness == Freshness::None && held.last_fetch.is_some_and(|l| l.ok);
        let last = held.last_fetch.filter(|last| last.ok);
        let is_young = last.is_some_and(|last| operation.verdict.now < last.started + self.window);
        let span = (operation.start, operation.verdict.now);
        let asked = last.map(|last| AskOrder::of(span, last.finished));
        let ended_since = asked == Some(AskOrder::Before);
        let both = asked == Some(AskOrder::Unknown);
        if too_old {
            (Err(self.unavailable), Some(unknown))
        } else if is_young || (ended_since && self.shares_fetches) {
            (unknown, None)
        } else if ended_since {
            (unknown, Some(Err(self.unavailable)))
        } else {
            (Err(self.unavailable), both.then_some(unknown))
        }
    }

    /// The keys under which a verdict was given: those held then, or those held when it was
    /// remembered.
    fn keys(&self, verdict: &Verdict) -> &HeldKeys {
        static NOTHING: std::sync::LazyLock<HeldKeys> = std::sync::LazyLock::new(HeldKeys::default);
        match verdict.remembered.or(verdict.held.map(|held| held.generation)) {
            None => &self.first,
            Some(generation) => self.sets.get(&generation).unwrap_or(&NOTHING),
        }
    }

    fn is_expired(&self, facts: &Facts, now: UnixTime) -> bool {
        now - self.leeway >= facts.expires
    }

    /// The code due by step 10 of the contract, from the facts.
    fn times(&self, facts: &Facts, now: UnixTime) -> Code {
        let latest = now + self.leeway;
        if self.is_expired(facts, now) {
            return Err(Rejection::Expired);
        }
        if facts.not_before.is_some_and(|not_before| latest < not_before) {
            return Err(Rejection::NotYetValid);
        }
        if latest < facts.issued_at {
            return Err(Rejection::IssuedInFuture);
        }
        match self.max_age {
            Some(max_age) if now > facts.issued_at + max_age + self.leeway => {
                Err(Rejection::TooOld)
            }
            _ => Ok(()),
        }
    }
}

/// A code's spelling in results.
pub fn spell(code: Code) -> &'static str {
    match code {
        Ok(()) => "ACCEPT",
        Err(rejection) => rejection.code(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In virtual time a verdict at once knows of no later fetch, so nothing is excused there.
    #[test]
    fn a_token_that_waited_asked_before_the_fetch_ended() {
        let rows = [
            ((10, 10), 5, AskOrder::After, "the fetch had ended"),
            ((10, 20), 5, AskOrder::After, "and the token waited for another"),
            ((10, 10), 10, AskOrder::Unknown, "one and the same instant"),
            ((10, 20), 10, AskOrder::Unknown, "the same instant, and a wait"),
            ((10, 20), 20, AskOrder::Before, "it waited for this fetch"),
            ((10, 20), 15, AskOrder::Before, "it waited, and was woken later"),
            ((10, 10), 15, AskOrder::Unknown, "it began, the fetch ended, it asked"),
        ];
        for ((start, now), finished, expected, reason) in rows {
            let found = AskOrder::of((Tick(start), Tick(now)), Tick(finished));
            assert_eq!(found, expected, "{reason}");
        }
    }
}
