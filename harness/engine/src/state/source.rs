//! The state of a trial: revoked tokens and authorization versions, in memory of the verifiers'
//! process. The script writes it while workers read it.

use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use rustc_hash::FxBuildHasher;

use jwtbench_verifier::claims::Claims;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::state_check::{Knowledge, StateAnswer, StateCheck, StateEntry, StateToken};
use jwtbench_verifier::state_strategy::{LastWord, StateFilter, StateKey, StateStrategy};
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;
use jwtbench_verifier::verifier::{Proven, Request, Verifier};

/// The number of parts of the list. A look-up takes the read lock of one of them, so that workers
/// seldom meet.
const PARTS: usize = 64;

/// The state, shared by all workers of a trial.
#[derive(Debug)]
pub struct StateSource {
    /// What is known of tokens, by `jti`, in parts by its hash.
    tokens: Vec<RwLock<StateCheck>>,
    /// The authorization versions required of subjects.
    versions: RwLock<StateCheck>,
    has_versions: AtomicBool,
    is_down: AtomicBool,
}

impl StateSource {
    /// An empty state with room for `entries` tokens. `filter` is the share of false positives of a
    /// filter before them.
    pub fn new(entries: usize, filter: Option<f64>) -> StateSource {
        let last_word = LastWord::List;
        let filter = filter.map(|false_positives| StateFilter { false_positives, last_word });
        let tokens = StateStrategy { filter, ..StateStrategy::memory() };
        let part = || StateCheck::new(tokens.clone(), 0).with_room(entries.div_ceil(PARTS));
        let versions = StateStrategy { key: StateKey::Version, ..StateStrategy::memory() };
        StateSource {
            tokens: std::iter::repeat_with(part).take(PARTS).map(RwLock::new).collect(),
            versions: RwLock::new(StateCheck::new(versions, 0)),
            has_versions: AtomicBool::new(false),
            is_down: AtomicBool::new(false),
        }
    }

    /// Revokes tokens by `jti`, each with the instant at which it has expired for every verifier. A
    /// verdict that begins after the return sees all of them.
    pub fn revoke(&self, tokens: impl IntoIterator<Item = (Box<str>, Tick)>, now: Tick) {
        for (key, end) in tokens {
            let entry = StateEntry { key, knowledge: Knowledge::Revoked, end };
            let part = self.part(&entry.key).write();
            part.unwrap_or_else(PoisonError::into_inner).pushed(None, &[entry], now);
        }
    }

    /// The part of the list that has the entry of this `jti`, if there is one.
    fn part(&self, jwt_id: &str) -> &RwLock<StateCheck> {
        // The lower bits find an entry in its part.
        let hash = FxBuildHasher.hash_one(jwt_id) >> 48;
        &self.tokens[hash as usize % PARTS]
    }

    /// Requires at least this authorization version of tokens of `subject` from now on.
    pub fn require_version(&self, subject: Box<str>, version: u64) {
        let knowledge = Knowledge::Version(version);
        let entry = StateEntry { key: subject, knowledge, end: Tick::MAX };
        let mut versions = self.versions.write().unwrap_or_else(PoisonError::into_inner);
        versions.pushed(None, &[entry], Tick::ZERO);
        self.has_versions.store(true, Ordering::Release);
    }

    /// Sets whether the state is available. While it is not, no token that depends on it is judged.
    pub fn set_available(&self, available: bool) {
        self.is_down.store(!available, Ordering::Release);
    }

    /// What is held of the state of a token.
    fn standing(&self, claims: &Claims<'_>) -> Result<(), Rejection> {
        if self.is_down.load(Ordering::Acquire) {
            return Err(Rejection::StateUnavailable);
        }
        let token = StateToken {
            key: claims.jwt_id.as_deref(),
            version: claims.authorization_version,
            issued_at: claims.issued_at,
            expires: Tick::MAX,
        };
        if let Some(jwt_id) = token.key {
            peek(self.part(jwt_id), &token)?;
        }
        match self.has_versions.load(Ordering::Acquire) {
            true => peek(&self.versions, &StateToken { key: Some(&claims.subject), ..token }),
            false => Ok(()),
        }
    }

    /// The number of revoked tokens that are held.
    pub fn len(&self) -> usize {
        self.sum(StateCheck::entries)
    }

    /// Whether no revoked token is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory that revoked tokens take on the heap, in bytes.
    pub fn bytes(&self) -> usize {
        self.sum(StateCheck::bytes)
    }

    fn sum(&self, of: impl Fn(&StateCheck) -> usize) -> usize {
        let parts = self.tokens.iter();
        parts.map(|part| of(&part.read().unwrap_or_else(PoisonError::into_inner))).sum()
    }

    /// Whether a token with this `jti` is revoked.
    pub fn is_revoked(&self, jwt_id: &str) -> bool {
        let token =
            StateToken { key: Some(jwt_id), version: None, issued_at: None, expires: Tick::MAX };
        peek(self.part(jwt_id), &token).is_err()
    }
}

/// What a list in memory says of a token. It needs no time, and nobody to ask.
fn peek(check: &RwLock<StateCheck>, token: &StateToken<'_>) -> Result<(), Rejection> {
    let check = check.read().unwrap_or_else(PoisonError::into_inner);
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
    state: Option<&StateSource>,
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
