//! The state of a round in real time: a thread that plays the store of the plan, and hands its
//! answers and messages to the machines of the workers when they are due.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::tick::Tick;

use crate::real::clock::RealClock;
use crate::state::bell::Bell;
use crate::state::truth::StateTruth;
use crate::state::world::{StateRecord, StateWorld};

/// The longest sleep of the player, after which it looks whether the round is over.
const LONGEST_SLEEP: Duration = Duration::from_millis(20);

/// The player of the state.
pub(crate) struct StatePlayer<'s> {
    state: Mutex<StateWorld<'s>>,
    truth: Arc<StateTruth>,
    bell: Arc<Bell>,
    clock: RealClock,
}

impl<'s> StatePlayer<'s> {
    /// A player of this state. The machines of its fleet ring the bell.
    pub(crate) fn new(state: StateWorld<'s>, bell: Arc<Bell>, clock: RealClock) -> StatePlayer<'s> {
        let truth = Arc::clone(&state.truth);
        StatePlayer { state: Mutex::new(state), truth, bell, clock }
    }

    /// What the issuer decides.
    pub(crate) fn truth(&self) -> Arc<StateTruth> {
        Arc::clone(&self.truth)
    }

    fn lock(&self) -> MutexGuard<'_, StateWorld<'s>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plays until the round is over.
    pub(crate) fn play(&self, is_over: &AtomicBool) {
        while !is_over.load(Ordering::Relaxed) {
            let next = {
                let mut state = self.lock();
                state.catch_up(|| self.clock.now());
                state.next_at()
            };
            let pause = next.map_or(LONGEST_SLEEP, |at| at.since(self.clock.now()));
            self.bell.wait(pause.min(LONGEST_SLEEP));
        }
    }

    /// Changes the state at once, after everything that was due before.
    pub(crate) fn change(&self, change: impl FnOnce(&mut StateWorld<'s>, Tick)) {
        let mut state = self.lock();
        state.catch_up(|| self.clock.now());
        change(&mut state, self.clock.now());
        drop(state);
        self.bell.ring();
    }

    /// What came of it.
    pub(crate) fn finish(self, plan: &Plan) -> StateRecord {
        let state = self.state.into_inner();
        state.unwrap_or_else(PoisonError::into_inner).finish(plan)
    }
}
