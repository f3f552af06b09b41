//! What the classes of a plan need to be known of their tokens: the `jti`s that are revoked, and
//! the authorization versions that are required. It is known from the beginning and never changes;
//! a plan with `[state]` has a strategy and a store instead.

use jwtbench_scenario::plan::Plan;
use jwtbench_scenario::token::pack::AUTHORIZATION_VERSION;
use jwtbench_verifier::claims::Claims;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::state_check::{Knowledge, StateAnswer, StateCheck, StateEntry, StateToken};
use jwtbench_verifier::state_strategy::{StateKey, StateStrategy};
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;
use jwtbench_verifier::verifier::{Proven, Request, Verifier};

/// The state, shared by all workers of a trial.
#[derive(Debug)]
pub struct ClassState {
    /// What is known of tokens, by `jti`.
    tokens: StateCheck,
    /// The authorization versions required of subjects.
    versions: StateCheck,
}

impl ClassState {
    /// The state with these `jti`s revoked, and these authorization versions required of subjects.
    pub fn new<'s>(
        revoked: impl IntoIterator<Item = &'s str>,
        versions: impl IntoIterator<Item = (&'s str, u64)>,
    ) -> ClassState {
        let by_version = StateStrategy { key: StateKey::Version, ..StateStrategy::memory() };
        let revoked = revoked.into_iter().map(|jwt_id| entry(jwt_id, Knowledge::Revoked));
        let required = versions
            .into_iter()
            .map(|(subject, version)| entry(subject, Knowledge::Version(version)));
        ClassState {
            tokens: holding(StateStrategy::memory(), revoked.collect()),
            versions: holding(by_version, required.collect()),
        }
    }

    /// The state that the tokens of a plan need; `None` if they need none, or the plan has a state
    /// of its own.
    pub fn of(plan: &Plan) -> Option<ClassState> {
        if plan.scenario.state.is_some() {
            return None;
        }
        let facts = || plan.corpus.tokens.iter().map(|token| &token.facts);
        let revoked: Vec<&str> =
            facts().filter(|facts| facts.is_revoked).map(|facts| &*facts.jwt_id).collect();
        let versions: Vec<(&str, u64)> = facts()
            .filter_map(|facts| Some((facts.versioned.as_deref()?, AUTHORIZATION_VERSION)))
            .collect();
        let is_needed = !revoked.is_empty() || !versions.is_empty();
        is_needed.then(|| ClassState::new(revoked, versions))
    }

    /// What is known of a token.
    fn standing(&self, claims: &Claims<'_>) -> Result<(), Rejection> {
        let token = StateToken {
            key: claims.jwt_id.as_deref(),
            version: claims.authorization_version,
            issued_at: claims.issued_at,
            expires: Tick::MAX,
        };
        if token.key.is_some() {
            peek(&self.tokens, &token)?;
        }
        match self.versions.entries() {
            0 => Ok(()),
            _ => peek(&self.versions, &StateToken { key: Some(&claims.subject), ..token }),
        }
    }
}

fn entry(key: &str, knowledge: Knowledge) -> StateEntry {
    StateEntry { key: key.into(), knowledge, end: Tick::MAX }
}

/// A machine that holds these entries.
fn holding(strategy: StateStrategy, entries: Vec<StateEntry>) -> StateCheck {
    let mut check = StateCheck::new(strategy, 0);
    check.pushed(None, &entries, Tick::ZERO);
    check
}

/// What a list in memory says of a token. It needs no time, and nobody to ask.
fn peek(check: &StateCheck, token: &StateToken<'_>) -> Result<(), Rejection> {
    match check.peek(token, Tick::ZERO) {
        Some(StateAnswer::Decided(code, _)) => code,
        Some(StateAnswer::Wait) | None => Err(Rejection::StateUnavailable),
    }
}

/// Performs steps 10 to 12 of the contract on a proven token, by the state if there is one.
///
/// # Errors
/// The first fault.
pub fn in_force(
    verifier: &Verifier,
    proven: &Proven<'_>,
    state: Option<&ClassState>,
    now: UnixTime,
) -> Result<(), Rejection> {
    let request = Request::default();
    match state {
        None => verifier.in_force(proven, &request, now),
        Some(state) => {
            let held = |claims: &Claims<'_>| Some(state.standing(claims));
            verifier.in_force_by(proven, &request, now, held).map(|_| ())
        }
    }
}
