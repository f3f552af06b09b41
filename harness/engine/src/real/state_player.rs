//! The state of a round in real time: whoever plays the store, and hands its answers and messages
//! to the machines of the workers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jwtbench_scenario::model::state::StoreSetting;
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::tick::Tick;

use crate::judge::history::Telling;
use crate::real::clock::RealClock;
use crate::state::bell::Bell;
use crate::state::truth::StateTruth;
use crate::state::world::{StateRecord, StateWorld};
use crate::trial::TrialError;

/// The longest sleep of a player, after which it looks whether the round is over.
pub(crate) const LONGEST_SLEEP: Duration = Duration::from_millis(20);

/// A player of the state.
pub(crate) trait StatePlayer: Sync {
    /// Plays until the round is over.
    ///
    /// # Errors
    /// If the store cannot be had although the plan says that it works.
    fn play(&self, is_over: &AtomicBool) -> Result<(), TrialError>;

    /// Puts a setting of the store in force.
    fn set_store(&self, setting: &StoreSetting);

    /// Restarts this share of the instances, in percent, after those of earlier turns.
    fn restart(&self, share: f64, turn: u32);

    /// What the issuer decides.
    fn truth(&self) -> Arc<StateTruth>;

    /// What came of it.
    fn finish(self: Box<Self>, plan: &Plan) -> PlayedState;
}

/// What a player leaves.
pub(crate) struct PlayedState {
    /// What came of the state.
    pub(crate) record: StateRecord,
    /// When machines were given what the issuer had decided.
    pub(crate) telling: Telling,
}

/// The player of the model of a store.
pub(crate) struct ModelPlayer<'s> {
    state: Mutex<StateWorld<'s>>,
    truth: Arc<StateTruth>,
    bell: Arc<Bell>,
    clock: RealClock,
}

impl<'s> ModelPlayer<'s> {
    /// A player of this state. The machines of its fleet ring the bell.
    pub(crate) fn new(state: StateWorld<'s>, bell: Arc<Bell>, clock: RealClock) -> ModelPlayer<'s> {
        let truth = Arc::clone(&state.truth);
        ModelPlayer { state: Mutex::new(state), truth, bell, clock }
    }

    fn lock(&self) -> MutexGuard<'_, StateWorld<'s>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state at once, after everything that was due before.
    fn change(&self, change: impl FnOnce(&mut StateWorld<'s>, Tick)) {
        let mut state = self.lock();
        state.catch_up(|| self.clock.now());
        change(&mut state, self.clock.now());
        drop(state);
        self.bell.ring();
    }
}

impl StatePlayer for ModelPlayer<'_> {
    fn play(&self, is_over: &AtomicBool) -> Result<(), TrialError> {
        while !is_over.load(Ordering::Relaxed) {
            let next = {
                let mut state = self.lock();
                state.catch_up(|| self.clock.now());
                if state.is_still() {
                    return Ok(());
                }
                state.next_at()
            };
            let pause = next.map_or(LONGEST_SLEEP, |at| at.since(self.clock.now()));
            self.bell.wait(pause.min(LONGEST_SLEEP));
        }
        Ok(())
    }

    fn set_store(&self, setting: &StoreSetting) {
        self.change(|state, now| state.apply(setting, now));
    }

    fn restart(&self, share: f64, turn: u32) {
        self.change(|state, now| state.restart(share, turn, now));
    }

    fn truth(&self) -> Arc<StateTruth> {
        Arc::clone(&self.truth)
    }

    fn finish(self: Box<Self>, plan: &Plan) -> PlayedState {
        let mut state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        let telling = Telling::Late(state.late);
        // Whoever works may end before the measured time does.
        let horizon = Tick::ZERO + plan.scenario.load.duration;
        state.catch_up(|| horizon);
        PlayedState { record: state.finish(plan), telling }
    }
}
