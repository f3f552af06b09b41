//! The verifier core over one backend, with its key cache: the main subject of jwtbench.

use std::sync::Arc;

use slab::Slab;

use jwtbench_scenario::model::place::WorkerPlace;
use jwtbench_verifier::key_cache::{Answer, Freshness, Ticket, View};
use jwtbench_verifier::prepared_keys::PreparedKeys;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::state_check::StateGround;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::{Held, Verdict};
use jwtbench_verifier::verdict_cache::{Remembered, VerdictCache};
use jwtbench_verifier::verifier::{Opened, Proven, Scratch, Verifier};
use jwtbench_verifier::wall_clock::WallClock;

use crate::jwks::key_source::KeySource;
use crate::state::class_state::{ClassState, in_force};
use crate::state::step::{Proof, StateProgress, StateStep};

use super::{Contender, Presented, Progress, Setup};

pub(crate) struct Core<'c> {
    verifier: Verifier,
    scratch: Scratch,
    source: &'c KeySource,
    worker: WorkerPlace,
    prepared: PreparedKeys,
    clock: WallClock,
    state: Option<&'c ClassState>,
    step: Option<StateStep<'c>>,
    /// Operations that wait for keys, each at its place. Their number is bounded by the waits that
    /// the key cache allows.
    parked: Slab<(u32, Presented<'c>)>,
    woken: Vec<(u32, Answer)>,
}

impl<'c> Core<'c> {
    pub(crate) fn new(setup: &Setup<'c>) -> Core<'c> {
        Core {
            verifier: Verifier::new(setup.policy.clone()),
            scratch: Scratch::new(setup.policy),
            source: setup.source,
            worker: setup.worker,
            prepared: setup.source.prepare(),
            clock: setup.clock.clone(),
            state: setup.state,
            step: setup.fleet.map(|fleet| StateStep::new(fleet, setup.worker)),
            parked: Slab::new(),
            woken: Vec::new(),
        }
    }

    /// The progress of a token that is known to have been proven under the keys of `view`.
    pub(crate) fn judge_known(
        &mut self,
        operation: u32,
        proven: &Proven<'_>,
        view: &View,
        now: Tick,
    ) -> Progress {
        let Core { verifier, clock, .. } = self;
        let (source, worker, state) = (self.source, self.worker, self.state);
        let (step, token) = (self.step.as_mut(), [].as_slice());
        let mut prove =
            Prove { verifier, source, worker, state, step, operation, clock, now, token };
        progress(prove.in_force(proven, view, None), view, now)
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
        let place = parked.insert((operation, token));
        let answer = source.ask_again(kid, ticket(*worker, place), now);
        if matches!(answer, Answer::Wait) {
            return Progress::Waiting;
        }
        parked.remove(place);
        let code = Err(Rejection::BadSignature);
        Progress::Done(Verdict::new(code, now, Some(Held::from(view))))
    }

    /// The verdict on an operation that waited for keys; `None` if it now waits for its state.
    fn wake(&mut self, waited: (u32, Presented<'c>), answer: Answer, now: Tick) -> Option<Verdict> {
        let (operation, token) = waited;
        Some(match answer {
            Answer::Use(view) => {
                let Core { verifier, scratch, prepared, clock, .. } = self;
                let mut prove = Prove {
                    verifier,
                    source: self.source,
                    worker: self.worker,
                    state: self.state,
                    step: self.step.as_mut(),
                    operation,
                    clock,
                    now,
                    token: token.bytes,
                };
                let opened = verifier.open(token.bytes, scratch);
                let standing = match opened {
                    Ok(opened) => prove.under(opened, prepared, &view),
                    Err(code) => StateProgress::Done(Err(code), None),
                };
                return verdict(standing, &view, now);
            }
            Answer::Refuse { code, view, at } => {
                Verdict::new(Err(code), at, Some(Held::from(&*view)))
            }
            // A wake never means another wait. Refusing is the safe interpretation.
            Answer::Wait => Verdict::new(Err(Rejection::KeysUnavailable), now, None),
        })
    }
}

/// The verdict of a token under the keys of `view`; `None` if it waits for its state.
fn verdict(standing: StateProgress, view: &View, now: Tick) -> Option<Verdict> {
    match standing {
        StateProgress::Done(code, state) => {
            Some(Verdict { state, ..Verdict::new(code, now, Some(Held::from(view))) })
        }
        StateProgress::Waiting => None,
    }
}

fn progress(standing: StateProgress, view: &View, now: Tick) -> Progress {
    verdict(standing, view, now).map_or(Progress::Waiting, Progress::Done)
}

/// What the verdict cache remembers of a token's text. If verdicts are tied to the key set by
/// policy, keys that are due for a refresh are asked for first.
#[inline]
fn known<'c>(
    source: &'c KeySource,
    token: &[u8],
    view: &View,
    now: Tick,
) -> Option<(&'c VerdictCache, Arc<Remembered>)> {
    let verdicts = source.verdicts()?;
    if verdicts.is_tied() && now >= view.consult_at {
        return None;
    }
    Some((verdicts, verdicts.get(token, view.keys.generation())?))
}

/// The verdict on a token that the verdict cache remembers, and forgets once it has expired.
#[inline]
fn hit(
    verdicts: &VerdictCache,
    token: &[u8],
    (code, state): (Result<(), Rejection>, Option<StateGround>),
    (known, view): (&Remembered, &View),
    now: Tick,
) -> Verdict {
    if code == Err(Rejection::Expired) {
        verdicts.forget(token);
    }
    let (held, remembered) = (Some(Held::from(view)), Some(known.generation));
    Verdict { code, now, held, remembered, state }
}

/// The context of a proof, apart from the keys.
struct Prove<'v, 'c> {
    verifier: &'v Verifier,
    source: &'c KeySource,
    worker: WorkerPlace,
    state: Option<&'c ClassState>,
    step: Option<&'v mut StateStep<'c>>,
    operation: u32,
    clock: &'v WallClock,
    now: Tick,
    token: &'v [u8],
}

impl Prove<'_, '_> {
    /// The progress of a token that was proven before, from its text alone.
    fn remembered(&mut self, view: &View) -> Option<Progress> {
        let (verdicts, known) = known(self.source, self.token, view, self.now)?;
        Some(match self.in_force(&known.proven, view, Some(known.generation)) {
            StateProgress::Done(code, state) => {
                let verdict = hit(verdicts, self.token, (code, state), (&known, view), self.now);
                Progress::Done(verdict)
            }
            StateProgress::Waiting => Progress::Waiting,
        })
    }

    fn in_force(
        &mut self,
        proven: &Proven<'_>,
        view: &View,
        remembered: Option<u64>,
    ) -> StateProgress {
        match &mut self.step {
            None => {
                let code = in_force(self.verifier, proven, self.state, self.clock.at(self.now));
                StateProgress::Done(code, None)
            }
            Some(step) => {
                let held = Some(Held::from(view));
                let proof = Proof { operation: self.operation, held, remembered };
                step.judge((self.verifier, self.clock), proven, proof, self.now)
            }
        }
    }

    fn under(
        &mut self,
        opened: Opened<'_>,
        prepared: &mut PreparedKeys,
        view: &View,
    ) -> StateProgress {
        self.source.catch_up(self.worker, prepared, view);
        let proven = match self.verifier.prove(opened, prepared) {
            Ok(proven) => proven,
            Err(code) => return StateProgress::Done(Err(code), None),
        };
        let standing = self.in_force(&proven, view, None);
        if !matches!(standing, StateProgress::Done(Err(_), _))
            && let Some(verdicts) = self.source.verdicts()
        {
            verdicts.keep(self.token, prepared.set().generation(), proven);
        }
        standing
    }
}

impl<'c> Contender<'c> for Core<'c> {
    fn begin(&mut self, operation: u32, token: Presented<'c>, now: Tick) -> Progress {
        let Core { verifier, scratch, prepared, parked, clock, step, .. } = self;
        let (source, worker) = (self.source, self.worker);
        let (state, bytes, step) = (self.state, token.bytes, step.as_mut());
        let view = source.view();
        // Without a strategy a hit needs nothing else.
        if step.is_none()
            && let Some((verdicts, known)) = known(source, bytes, &view, now)
        {
            let code = in_force(verifier, &known.proven, state, clock.at(now));
            return Progress::Done(hit(verdicts, bytes, (code, None), (&known, &view), now));
        }
        let mut prove =
            Prove { verifier, source, worker, state, step, operation, clock, now, token: bytes };
        if prove.step.is_some()
            && let Some(progress) = prove.remembered(&view)
        {
            return progress;
        }
        let mut opened = match verifier.open(token.bytes, scratch) {
            Ok(opened) => opened,
            Err(code) => return Progress::Done(Verdict::new(Err(code), now, None)),
        };
        let Some(kid) = opened.kid() else {
            // Such a token never causes a fetch.
            let is_required = verifier.policy().spec().kid_required || source.requires_kid();
            let is_unknown = opened.has_kid() || is_required;
            return match view.freshness {
                _ if is_unknown => refused(Rejection::UnknownKid, &view, now),
                Freshness::None => refused(Rejection::KeysUnavailable, &view, now),
                _ => progress(prove.under(opened, prepared, &view), &view, now),
            };
        };
        if view.keys.has_kid(kid) {
            if now < view.consult_at {
                let standing = prove.under(opened, prepared, &view);
                if is_bad_signature(&standing) && source.refetches_bad_signatures() {
                    return self.ask_again(operation, token, &view, now);
                }
                return progress(standing, &view, now);
            }
        } else if now < view.absent_until || verifier.refuses_itself(&mut opened, clock.at(now)) {
            return refused(Rejection::UnknownKid, &view, now);
        }
        let place = parked.insert((operation, token));
        // The token has a `kid`, as found above.
        let answer = source.ask(opened.kid().unwrap_or_default(), ticket(worker, place), now);
        match answer {
            Answer::Wait => Progress::Waiting,
            Answer::Use(view) => {
                parked.remove(place);
                let standing = prove.under(opened, prepared, &view);
                if is_bad_signature(&standing) && source.refetches_bad_signatures() {
                    return self.ask_again(operation, token, &view, now);
                }
                progress(standing, &view, now)
            }
            Answer::Refuse { code, view, .. } => {
                parked.remove(place);
                refused(code, &view, now)
            }
        }
    }

    fn is_woken(&self) -> bool {
        self.source.has_wakes(self.worker) || self.step.as_ref().is_some_and(StateStep::is_woken)
    }

    fn resume(&mut self, now: Tick, done: &mut Vec<(u32, Verdict)>) {
        let mut woken = std::mem::take(&mut self.woken);
        self.source.take_wakes(self.worker, &mut woken);
        for (place, answer) in woken.drain(..) {
            if let Some(waited) = self.parked.try_remove(place as usize) {
                let verdict = self.wake(waited, answer, now);
                done.extend(verdict.map(|verdict| (waited.0, verdict)));
            }
        }
        self.woken = woken;
        if let Some(step) = &mut self.step {
            step.resume((&self.verifier, &self.clock), now, done);
        }
    }

    fn waiting(&self) -> usize {
        self.parked.len() + self.step.as_ref().map_or(0, StateStep::waiting)
    }
}

/// The ticket of the operation that this worker parked at a place.
fn ticket(worker: WorkerPlace, place: usize) -> Ticket {
    Ticket { worker: worker.0, place: place as u32 }
}

/// A refusal under the keys of `view`.
fn refused(code: Rejection, view: &View, now: Tick) -> Progress {
    Progress::Done(Verdict::new(Err(code), now, Some(Held::from(view))))
}

fn is_bad_signature(standing: &StateProgress) -> bool {
    matches!(standing, StateProgress::Done(Err(Rejection::BadSignature), _))
}
