//! The core with a memory. What a token proved under a key is found once and remembered. The key
//! cache, the key set, and everything that depends on time and state are evaluated at every
//! arrival.

use std::sync::{Arc, Mutex, PoisonError};

use jwtbench_scenario::model::place::TokenPlace;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::key_cache::View;
use jwtbench_verifier::key_set::SlottedKey;
use jwtbench_verifier::prepared_keys::PreparedKeys;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::Verdict;
use jwtbench_verifier::verifier::{Proven, Scratch, Verifier};

use crate::contender::core::Core;
use crate::contender::{Contender, Presented, Progress, Setup};
use crate::jwks::key_source::KeySource;
use crate::virtual_time::remembering::Remembering;

/// The core, and what its tokens have proved.
pub(super) struct RememberingCore<'c> {
    core: Core<'c>,
    source: &'c KeySource,
    verifier: Verifier,
    scratch: Scratch,
    algorithm: Algorithm,
    has_strategy: bool,
    known: &'c KnownTokens,
}

/// What tokens have proved, by place in the corpus. All instances share it.
pub(super) struct KnownTokens(Mutex<Vec<Option<Arc<KnownToken>>>>);

/// A good token that was proven before.
struct KnownToken {
    kid: String,
    proven: Proven<'static>,
}

impl KnownTokens {
    /// Nothing is known of a corpus of so many tokens.
    pub(super) fn new(tokens: usize) -> KnownTokens {
        KnownTokens(Mutex::new(vec![None; tokens]))
    }

    fn of(&self, place: TokenPlace) -> Option<Arc<KnownToken>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[place.index()].clone()
    }

    fn keep(&self, place: TokenPlace, token: KnownToken) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known[place.index()] = Some(Arc::new(token));
    }
}

impl KnownToken {
    fn is_under(&self, key: &SlottedKey) -> bool {
        key.jwk.thumbprint == self.proven.thumbprint
    }
}

impl<'c> RememberingCore<'c> {
    pub(super) fn new(setup: &Setup<'c>, known: &'c KnownTokens) -> RememberingCore<'c> {
        RememberingCore {
            core: Core::new(setup),
            source: setup.source,
            verifier: Verifier::new(setup.policy.clone()),
            scratch: Scratch::new(setup.policy),
            algorithm: setup.algorithm,
            has_strategy: setup.fleet.is_some(),
            known,
        }
    }

    /// The progress of a token that was proven before. `None` if another key is now due for its
    /// kid, or if the key cache must be asked.
    fn recall(
        &mut self,
        operation: u32,
        place: TokenPlace,
        view: &View,
        now: Tick,
    ) -> Option<Progress> {
        let known = self.known.of(place)?;
        let key = view.keys.find(Some(&known.kid), self.algorithm).ok()?;
        if now >= view.consult_at || !known.is_under(key) {
            return None;
        }
        Some(self.core.judge_known(operation, &known.proven, view, now))
    }

    /// Remembers what a token proves that the core did not refuse under these keys, unless it is
    /// known already.
    fn keep(&mut self, token: Presented<'c>, view: &View) {
        if let Some(known) = self.known.of(token.place)
            && view.keys.find(Some(&known.kid), self.algorithm).is_ok_and(|key| known.is_under(key))
        {
            return;
        }
        let mut keys = PreparedKeys::prepare(&Remembering, &[self.algorithm], &view.keys);
        let Ok(opened) = self.verifier.open(token.bytes, &mut self.scratch) else {
            return;
        };
        let Some(kid) = opened.kid().map(str::to_owned) else {
            return;
        };
        if let Ok(proven) = self.verifier.prove(opened, &mut keys) {
            let proven = proven.into_owned();
            self.known.keep(token.place, KnownToken { kid, proven });
        }
    }
}

impl<'c> Contender<'c> for RememberingCore<'c> {
    fn begin(&mut self, operation: u32, token: Presented<'c>, now: Tick) -> Progress {
        // A verdict cache is a memory of its own, and its effect must be seen.
        if self.source.verdicts().is_some() {
            return self.core.begin(operation, token, now);
        }
        let view = self.source.view();
        if let Some(progress) = self.recall(operation, token.place, &view, now) {
            return progress;
        }
        let progress = self.core.begin(operation, token, now);
        // Under a strategy that asks, a good token waits first.
        let is_good = match &progress {
            Progress::Done(verdict) => verdict.code.is_ok(),
            Progress::Waiting => self.has_strategy,
        };
        if is_good {
            self.keep(token, &view);
        }
        progress
    }

    fn is_woken(&self) -> bool {
        self.core.is_woken()
    }

    fn resume(&mut self, now: Tick, done: &mut Vec<(u32, Verdict)>) {
        self.core.resume(now, done);
    }

    fn waiting(&self) -> usize {
        self.core.waiting()
    }
}
