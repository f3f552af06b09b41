//! One round of each arm. If all arms can, they take turns of a few milliseconds, so that a host
//! whose speed changes several times a second favours none of them.

use std::thread;
use std::time::Duration;

use jwtbench_result::duel::Arm;

use crate::real::turns::TurnOrder;
use crate::session::SessionError;

use super::arm::{ArmRound, RoundRunner};

/// Whether all arms can take turns.
pub(super) fn is_in_turns(arms: &[Box<dyn RoundRunner + '_>; 3]) -> bool {
    arms.iter().all(|arm| arm.members().is_some())
}

/// Runs a round of each arm, in this order. `shift` moves all of them to other processors.
pub(super) fn rounds(
    arms: &mut [Box<dyn RoundRunner + '_>; 3],
    order: &[Arm],
    round: Duration,
    shift: usize,
) -> Result<Vec<ArmRound>, SessionError> {
    let members: Option<Vec<usize>> = arms.iter().map(|arm| arm.members()).collect();
    let Some(members) = members else {
        return order.iter().map(|arm| arms[*arm as usize].round(None)).collect();
    };
    let turn_order = TurnOrder::of_rounds(order.len(), round);
    let mut done: Vec<(usize, Result<ArmRound, SessionError>)> = thread::scope(|scope| {
        let running: Vec<_> = (arms.iter_mut().zip(members).enumerate())
            .filter_map(|(arm, (arm_runner, members))| {
                let place = order.iter().position(|of| *of as usize == arm)?;
                let lane = turn_order.lane(place, members, shift);
                Some((place, scope.spawn(move || arm_runner.round(Some(&lane)))))
            })
            .collect();
        let join = |handle: thread::ScopedJoinHandle<'_, _>| {
            handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        running.into_iter().map(|(place, handle)| (place, join(handle))).collect()
    });
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, round)| round).collect()
}
