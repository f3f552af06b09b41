//! The core with a memory. What a token proved under a key is found once and remembered. The key
//! cache, the key set, and everything that depends on time and state are evaluated at every
//! arrival.

use jwtbench_scenario::model::place::TokenPlace;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::key_cache::View;
use jwtbench_verifier::key_set::SlottedKey;
use jwtbench_verifier::prepared_keys::PreparedKeys;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::{Held, Verdict};
use jwtbench_verifier::verifier::{Proven, Scratch, Verifier};
use jwtbench_verifier::wall_clock::WallClock;

use crate::contender::{Contender, ContenderSpec, Presented, Progress, Setup};
use crate::jwks::key_source::KeySource;
use crate::state::source::{StateSource, in_force};
use crate::virtual_time::remembering::Remembering;

/// The core, and what its tokens have proved.
pub(super) struct RememberingCore<'c> {
    core: Box<dyn Contender<'c> + 'c>,
    source: &'c KeySource,
    verifier: Verifier,
    scratch: Scratch,
    algorithm: Algorithm,
    clock: WallClock,
    state: Option<&'c StateSource>,
    /// The known tokens, by place in the corpus.
    known: Vec<Option<KnownToken>>,
}

/// A good token that was proven before.
struct KnownToken {
    kid: String,
    proven: Proven<'static>,
}

impl KnownToken {
    fn is_under(&self, key: &SlottedKey) -> bool {
        key.jwk.thumbprint == self.proven.thumbprint
    }
}

impl<'c> RememberingCore<'c> {
    pub(super) fn new(setup: &Setup<'c>) -> RememberingCore<'c> {
        RememberingCore {
            core: ContenderSpec::Core(&Remembering).build(setup),
            source: setup.source,
            verifier: Verifier::new(setup.policy.clone()),
            scratch: Scratch::new(setup.policy),
            algorithm: setup.algorithm,
            clock: setup.clock.clone(),
            state: setup.state,
            known: setup.corpus.iter().map(|_| None).collect(),
        }
    }

    /// The verdict on a token that was proven before. `None` if another key is now due for its kid,
    /// or if the key cache must be asked.
    fn recall(&self, place: TokenPlace, view: &View, now: Tick) -> Option<Verdict> {
        let known = self.known[place.index()].as_ref()?;
        let key = view.keys.find(Some(&known.kid), self.algorithm).ok()?;
        if now >= view.consult_at || !known.is_under(key) {
            return None;
        }
        let code = in_force(&self.verifier, &known.proven, self.state, self.clock.at(now));
        Some(Verdict::new(code, now, Some(Held::from(view))))
    }

    /// Remembers what a token proves that the core accepted under these keys, unless it is known
    /// already.
    fn keep(&mut self, token: Presented<'c>, view: &View) {
        if let Some(known) = &self.known[token.place.index()]
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
            self.known[token.place.index()] = Some(KnownToken { kid, proven });
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
        if let Some(verdict) = self.recall(token.place, &view, now) {
            return Progress::Done(verdict);
        }
        let progress = self.core.begin(operation, token, now);
        if let Progress::Done(Verdict { code: Ok(()), .. }) = progress {
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
