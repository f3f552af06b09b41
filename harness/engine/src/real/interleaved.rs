//! One round of several trials of a plan together, in turns of a few milliseconds.

use std::thread;

use crate::real::Control;
use crate::real::turns::TurnOrder;
use crate::trial::{RoundRecord, Trial, TrialError};

/// Runs a round of each trial, in this order. `shift` moves their workers to other processors.
///
/// # Errors
/// For each trial the errors of [`Trial::run`].
pub fn interleaved(
    trials: &[&Trial<'_>],
    shift: usize,
    control: Control<'_>,
) -> Vec<Result<RoundRecord, TrialError>> {
    let Some(first) = trials.first() else {
        return Vec::new();
    };
    let load = &first.plan.scenario.load;
    let turn_order = TurnOrder::of_rounds(trials.len(), load.duration);
    thread::scope(|scope| {
        let mut running = Vec::with_capacity(trials.len());
        for (place, trial) in trials.iter().enumerate() {
            let lane = turn_order.lane(place, load.workers as usize, shift);
            running.push(scope.spawn(move || trial.run_in_turns(control, Some(&lane))));
        }
        let join = |handle: thread::ScopedJoinHandle<'_, _>| {
            handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        running.into_iter().map(join).collect()
    })
}
