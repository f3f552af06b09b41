//! Step 11 of the contract under a state strategy: what is held decides, or the token is parked
//! until somebody has answered.

use slab::Slab;

use jwtbench_scenario::model::place::WorkerPlace;
use jwtbench_verifier::claims::Claims;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::state_check::{StateAnswer, StateGround};
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::{Held, Verdict};
use jwtbench_verifier::verifier::{InForce, Proven, Request, Verifier};
use jwtbench_verifier::wall_clock::WallClock;

use super::fleet::StateFleet;

/// The tokens of one worker that wait for their state.
pub struct StateStep<'c> {
    fleet: &'c StateFleet,
    worker: WorkerPlace,
    parked: Slab<ParkedToken>,
}

/// A proven token that waits.
struct ParkedToken {
    operation: u32,
    proven: Proven<'static>,
    held: Option<Held>,
    remembered: Option<u64>,
}

/// What steps 10 to 12 say of a token.
pub enum StateProgress {
    /// The verdict, and the ground on which the state was decided, if it came to that.
    Done(Result<(), Rejection>, Option<StateGround>),
    /// The token waits for its state.
    Waiting,
}

/// The operation of a token, and the keys under which it was proven.
#[derive(Clone, Copy)]
pub struct Proof {
    /// The number of the operation.
    pub operation: u32,
    /// The key set behind the proof.
    pub held: Option<Held>,
    /// The generation of the key set, if the proof came from the verdict cache.
    pub remembered: Option<u64>,
}

impl<'c> StateStep<'c> {
    /// The step of a worker, whose number is that of its instance.
    pub fn new(fleet: &'c StateFleet, worker: WorkerPlace) -> StateStep<'c> {
        StateStep { fleet, worker, parked: Slab::new() }
    }

    /// Performs steps 10 to 12 on a proven token. A token that must be asked for is parked. It is
    /// no part of its caller's code, so that a token without a strategy pays nothing for it.
    #[inline(never)]
    pub fn judge(
        &mut self,
        (verifier, clock): (&Verifier, &WallClock),
        proven: &Proven<'_>,
        proof: Proof,
        now: Tick,
    ) -> StateProgress {
        let (fleet, worker) = (self.fleet, self.worker);
        let token = fleet.token(&proven.claims);
        let mut ground = None;
        let held = |_: &Claims<'_>| match fleet.peek(worker, &token, now) {
            Some(StateAnswer::Decided(code, on)) => {
                ground = Some(on);
                Some(code)
            }
            Some(StateAnswer::Wait) | None => None,
        };
        match verifier.in_force_by(proven, &Request::default(), clock.at(now), held) {
            Err(code) => return StateProgress::Done(Err(code), ground),
            Ok(InForce::Yes) => return StateProgress::Done(Ok(()), ground),
            Ok(InForce::UnlessStateRefuses) => {}
        }
        let vacant = self.parked.vacant_entry();
        match fleet.ask(worker, &token, vacant.key() as u32, now) {
            StateAnswer::Wait => {
                let Proof { operation, held, remembered } = proof;
                let proven = proven.clone().into_owned();
                vacant.insert(ParkedToken { operation, proven, held, remembered });
                StateProgress::Waiting
            }
            StateAnswer::Decided(code, ground) => StateProgress::Done(code, Some(ground)),
        }
    }

    /// Whether [`StateStep::resume`] has something to do.
    pub fn is_woken(&self) -> bool {
        self.fleet.has_wakes(self.worker)
    }

    /// Ends the operations whose tokens were answered. Times are judged again.
    pub fn resume(
        &mut self,
        (verifier, clock): (&Verifier, &WallClock),
        now: Tick,
        done: &mut Vec<(u32, Verdict)>,
    ) {
        for (place, answer) in self.fleet.take_wakes(self.worker) {
            let Some(token) = self.parked.try_remove(place as usize) else {
                continue;
            };
            let ParkedToken { operation, proven, held, remembered } = token;
            let (state, ground) = match answer {
                StateAnswer::Decided(code, ground) => (code, ground),
                // A wake never means another wait. Refusing is the safe interpretation.
                StateAnswer::Wait => (Err(Rejection::StateUnavailable), StateGround::Outage),
            };
            let at = clock.at(now);
            let code = verifier.in_force_by(&proven, &Request::default(), at, |_| Some(state));
            let (code, state) = (code.map(|_| ()), Some(ground));
            done.push((operation, Verdict { code, now, held, remembered, state }));
        }
    }

    /// The number of tokens that wait.
    pub fn waiting(&self) -> usize {
        self.parked.len()
    }
}
