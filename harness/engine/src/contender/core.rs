//! The verifier core over one backend, with its key cache: the main subject of jwtbench.

use jwtbench_scenario::model::place::WorkerPlace;
use jwtbench_verifier::key_cache::{Answer, Freshness, Ticket, View};
use jwtbench_verifier::prepared_keys::PreparedKeys;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::{Held, Verdict};
use jwtbench_verifier::verifier::{Opened, Proven, Scratch, Verifier};
use jwtbench_verifier::wall_clock::WallClock;

use crate::jwks::key_source::KeySource;
use crate::state::source::{StateSource, in_force};

use super::{Contender, Presented, Progress, Setup};

pub(super) struct Core<'c> {
    verifier: Verifier,
    scratch: Scratch,
    source: &'c KeySource,
    worker: WorkerPlace,
    prepared: PreparedKeys,
    clock: WallClock,
    state: Option<&'c StateSource>,
    parked: Parked<'c>,
    woken: Vec<(u32, Answer)>,
}

/// Operations that wait, each in its place. Their number is bounded by the waits that the key cache
/// allows.
#[derive(Default)]
struct Parked<'c> {
    places: Vec<Option<(u32, Presented<'c>)>>,
    free: Vec<u32>,
}

impl<'c> Core<'c> {
    pub(super) fn new(setup: &Setup<'c>) -> Core<'c> {
        Core {
            verifier: Verifier::new(setup.policy.clone()),
            scratch: Scratch::new(setup.policy),
            source: setup.source,
            worker: setup.worker,
            prepared: setup.source.prepare(),
            clock: setup.clock.clone(),
            state: setup.state,
            parked: Parked::default(),
            woken: Vec::new(),
        }
    }

    /// Asks for other keys, since a signature did not verify under those of `view` and the policy
    /// says so.
    fn ask_again(
        &mut self,
        operation: u32,
        token: Presented<'c>,
        view: &View,
        now: Tick,
    ) -> Progress {
        let Core { verifier, scratch, parked, source, worker, .. } = self;
        let kid = verifier.open(token.bytes, scratch).ok();
        let kid = kid.as_ref().and_then(Opened::kid).unwrap_or_default();
        let place = parked.park(operation, token);
        let answer = source.ask_again(kid, Ticket { worker: worker.0, place }, now);
        if matches!(answer, Answer::Wait) {
            return Progress::Waiting;
        }
        parked.take(place);
        let code = Err(Rejection::BadSignature);
        Progress::Done(Verdict::new(code, now, Some(Held::from(view))))
    }

    /// The verdict on an operation that waited.
    fn wake(&mut self, token: Presented<'c>, answer: Answer, now: Tick) -> Verdict {
        match answer {
            Answer::Use(view) => {
                let Core { verifier, scratch, prepared, clock, .. } = self;
                let prove = Prove {
                    verifier,
                    source: self.source,
                    worker: self.worker,
                    state: self.state,
                    clock,
                    now,
                    token: token.bytes,
                };
                let code = verifier
                    .open(token.bytes, scratch)
                    .and_then(|opened| prove.under(opened, prepared, &view));
                Verdict::new(code, now, Some(Held::from(&*view)))
            }
            Answer::Refuse { code, view, at } => {
                Verdict::new(Err(code), at, Some(Held::from(&*view)))
            }
            // A wake never means another wait. Refusing is the safe interpretation.
            Answer::Wait => Verdict::new(Err(Rejection::KeysUnavailable), now, None),
        }
    }
}

/// The context of a proof, apart from the keys.
struct Prove<'v, 'c> {
    verifier: &'v Verifier,
    source: &'c KeySource,
    worker: WorkerPlace,
    state: Option<&'c StateSource>,
    clock: &'v WallClock,
    now: Tick,
    token: &'v [u8],
}

impl Prove<'_, '_> {
    /// The verdict on a token that was proven before, from its text alone. If verdicts are tied to
    /// the key set by policy, keys that are due for a refresh are asked for first.
    fn remembered(&self, view: &View) -> Option<Verdict> {
        let verdicts = self.source.verdicts()?;
        if verdicts.is_tied() && self.now >= view.consult_at {
            return None;
        }
        let known = verdicts.get(self.token, view.keys.generation())?;
        let code = self.in_force(&known.proven);
        if code == Err(Rejection::Expired) {
            verdicts.forget(self.token);
        }
        let (held, remembered) = (Some(Held::from(view)), Some(known.generation));
        Some(Verdict { code, now: self.now, held, remembered })
    }

    fn in_force(&self, proven: &Proven<'_>) -> Result<(), Rejection> {
        in_force(self.verifier, proven, self.state, self.clock.at(self.now))
    }

    fn under(
        &self,
        opened: Opened<'_>,
        prepared: &mut PreparedKeys,
        view: &View,
    ) -> Result<(), Rejection> {
        self.source.catch_up(self.worker, prepared, view);
        let proven = self.verifier.prove(opened, prepared)?;
        self.in_force(&proven)?;
        if let Some(verdicts) = self.source.verdicts() {
            verdicts.keep(self.token, prepared.set().generation(), proven);
        }
        Ok(())
    }
}

impl<'c> Contender<'c> for Core<'c> {
    fn begin(&mut self, operation: u32, token: Presented<'c>, now: Tick) -> Progress {
        let Core { verifier, scratch, prepared, parked, clock, .. } = self;
        let (source, worker) = (self.source, self.worker);
        let (state, bytes) = (self.state, token.bytes);
        let prove = Prove { verifier, source, worker, state, clock, now, token: bytes };
        let view = source.view();
        if let Some(verdict) = prove.remembered(&view) {
            return Progress::Done(verdict);
        }
        let mut opened = match verifier.open(token.bytes, scratch) {
            Ok(opened) => opened,
            Err(code) => {
                return Progress::Done(Verdict::new(Err(code), now, None));
            }
        };
        let done =
            |code, view: &View| Progress::Done(Verdict::new(code, now, Some(Held::from(view))));
        let Some(kid) = opened.kid() else {
            // Such a token never causes a fetch.
            let is_required = verifier.policy().spec().kid_required || source.requires_kid();
            let refused = opened.has_kid() || is_required;
            let code = match view.freshness {
                _ if refused => Err(Rejection::UnknownKid),
                Freshness::None => Err(Rejection::KeysUnavailable),
                _ => prove.under(opened, prepared, &view),
            };
            return done(code, &view);
        };
        if view.keys.has_kid(kid) {
            if now < view.consult_at {
                let code = prove.under(opened, prepared, &view);
                if code == Err(Rejection::BadSignature) && source.refetches_bad_signatures() {
                    return self.ask_again(operation, token, &view, now);
                }
                return done(code, &view);
            }
        } else if now < view.absent_until || verifier.refuses_itself(&mut opened, clock.at(now)) {
            return done(Err(Rejection::UnknownKid), &view);
        }
        let place = parked.park(operation, token);
        let ticket = Ticket { worker: worker.0, place };
        // The token has a `kid`, as found above.
        let answer = source.ask(opened.kid().unwrap_or_default(), ticket, now);
        match answer {
            Answer::Wait => Progress::Waiting,
            Answer::Use(view) => {
                parked.take(place);
                let code = prove.under(opened, prepared, &view);
                if code == Err(Rejection::BadSignature) && source.refetches_bad_signatures() {
                    return self.ask_again(operation, token, &view, now);
                }
                done(code, &view)
            }
            Answer::Refuse { code, view, .. } => {
                parked.take(place);
                done(Err(code), &view)
            }
        }
    }

    fn is_woken(&self) -> bool {
        self.source.has_wakes(self.worker)
    }

    fn resume(&mut self, now: Tick, done: &mut Vec<(u32, Verdict)>) {
        let mut woken = std::mem::take(&mut self.woken);
        self.source.take_wakes(self.worker, &mut woken);
        for (place, answer) in woken.drain(..) {
            if let Some((operation, token)) = self.parked.take(place) {
                let verdict = self.wake(token, answer, now);
                done.push((operation, verdict));
            }
        }
        self.woken = woken;
    }

    fn waiting(&self) -> usize {
        self.parked.places.len() - self.parked.free.len()
    }
}

impl<'c> Parked<'c> {
    fn park(&mut self, operation: u32, token: Presented<'c>) -> u32 {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() as u32 - 1
        });
        self.places[place as usize] = Some((operation, token));
        place
    }

    fn take(&mut self, place: u32) -> Option<(u32, Presented<'c>)> {
        let parked = self.places.get_mut(place as usize)?.take();
        if parked.is_some() {
            self.free.push(place);
        }
        parked
    }
}
