//! Turns of several rounds that share the processors. A state of the host that lasts longer than a
//! few turns affects all of them alike. The module knows no contender.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::real::clock::Pause;

/// The length of a turn. It is so short that the host seldom changes its speed between the turns of
/// two lanes. It is so long that the time to refill the caches does not matter.
const TURN: Duration = Duration::from_millis(5);
/// The interval at which a waiting worker checks whether it was told to stop. It is long, because
/// the check disturbs the worker whose turn it is. That worker usually sees the stop first, leaves,
/// and wakes the next one.
const LOOK: Duration = Duration::from_secs(1);

/// The order of turns. A lane has one turn at a time, and all its members work in it. A waiting
/// worker sleeps until its own turn. If all woke at every change, they would occupy the processors
/// on which the present lane is measured.
pub struct TurnOrder {
    /// The lane of each turn.
    order: Vec<usize>,
    length: Duration,
    state: Mutex<TurnState>,
    /// Spans in which the process stood still. The more lanes there are, the longer each lane's
    /// watching thread sleeps; together the threads miss no pause.
    pauses: Mutex<Vec<Pause>>,
}

#[derive(Default)]
struct TurnState {
    /// The place of the present turn in the order.
    turn: usize,
    /// The number of members of the present lane that have ended this turn.
    passed: usize,
    /// The lanes that have left.
    gone: Vec<usize>,
    /// The members that sleep, and the turn for which each waits.
    asleep: Vec<(usize, Thread)>,
}

impl TurnOrder {
    /// An order of turns of this length. `order` has the lane of each turn.
    pub fn new(order: Vec<usize>, length: Duration) -> TurnOrder {
        TurnOrder { order, length, state: Mutex::default(), pauses: Mutex::default() }
    }

    /// An order of turns for rounds of this length. Each lane has an even number of measured turns,
    /// so that it is as often first as last.
    pub fn of_rounds(lanes: usize, round: Duration) -> TurnOrder {
        let whole = round.as_nanos().div_ceil(TURN.as_nanos()) as usize;
        TurnOrder::there_and_back(lanes, whole.next_multiple_of(2), TURN)
    }

    /// An order with a first turn and `turns` more for each lane. The order of the lanes reverses
    /// each time, so that a drift cancels out.
    fn there_and_back(lanes: usize, turns: usize, length: Duration) -> TurnOrder {
        let cycle = |number: usize| {
            let there = move |place: usize| {
                if number.is_multiple_of(2) { place } else { lanes - 1 - place }
            };
            (0..lanes).map(there)
        };
        TurnOrder::new((0..=turns).flat_map(cycle).collect(), length)
    }

    /// The lane at this place, with this many members. `shift` moves its members to other
    /// processors.
    pub fn lane(&self, place: usize, members: usize, shift: usize) -> Lane<'_> {
        Lane { turn_order: self, place, members, shift }
    }

    fn state(&self) -> MutexGuard<'_, TurnState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the next turn of a lane that has not left.
    fn advance(&self, state: &mut TurnState) {
        state.passed = 0;
        state.turn += 1;
        self.skip(state);
    }

    fn skip(&self, state: &mut TurnState) {
        while self.order.get(state.turn).is_some_and(|lane| state.gone.contains(lane)) {
            state.turn += 1;
        }
        let turn = state.turn;
        for (_, thread) in state.asleep.extract_if(.., |(due, _)| *due <= turn) {
            thread.unpark();
        }
    }
}

/// A lane of a turn order. When it is dropped, its turns are skipped.
pub struct Lane<'r> {
    turn_order: &'r TurnOrder,
    place: usize,
    members: usize,
    shift: usize,
}

impl Lane<'_> {
    /// The turns of one member.
    pub fn turns_of(&self, member: usize) -> WorkerTurns<'_> {
        let mine = |(_, lane): &(usize, &usize)| **lane == self.place;
        let turns = self.turn_order.order.iter().enumerate().filter(mine).map(|(turn, _)| turn);
        WorkerTurns { lane: self, member, turns: turns.collect(), next: 0 }
    }

    /// The number of lanes that share the time.
    pub fn lanes(&self) -> u32 {
        self.turn_order.order.iter().max().map_or(1, |last| *last as u32 + 1)
    }

    /// The number of turns of this lane.
    pub fn turns(&self) -> usize {
        self.turn_order.order.iter().filter(|lane| **lane == self.place).count()
    }

    /// The length of a turn.
    pub fn length(&self) -> Duration {
        self.turn_order.length
    }

    /// Notes a span in which the process stood still.
    pub(crate) fn note_pause(&self, pause: Pause) {
        self.turn_order.pauses.lock().unwrap_or_else(PoisonError::into_inner).push(pause);
    }

    /// The pauses that any lane has noted so far.
    pub(crate) fn pauses(&self) -> Vec<Pause> {
        self.turn_order.pauses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The number of processors by which the lane's members are moved.
    pub fn shift(&self) -> usize {
        self.shift
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        let mut state = self.turn_order.state();
        state.gone.push(self.place);
        self.turn_order.skip(&mut state);
    }
}

/// The turns of one member of a lane.
pub struct WorkerTurns<'l> {
    lane: &'l Lane<'l>,
    member: usize,
    /// The places of the member's turns in the order.
    turns: Vec<usize>,
    next: usize,
}

impl WorkerTurns<'_> {
    /// Waits for the member's next turn. `false` if the member has no more turns, or is told to
    /// stop.
    pub fn wait(&self, stop: &AtomicBool) -> bool {
        let Some(turn) = self.turns.get(self.next) else {
            return false;
        };
        let turn_order = self.lane.turn_order;
        let mut is_listed = false;
        while !stop.load(Ordering::Relaxed) {
            let mut state = turn_order.state();
            if state.turn >= *turn {
                return true;
            }
            if !is_listed {
                state.asleep.push((*turn, thread::current()));
                is_listed = true;
            }
            drop(state);
            // A thread that is woken before it parks does not sleep.
            thread::park_timeout(LOOK);
        }
        false
    }

    /// Ends the member's turn. The last member to do so starts the turn of the next lane.
    pub fn pass(&mut self) {
        self.next += 1;
        let turn_order = self.lane.turn_order;
        let mut state = turn_order.state();
        state.passed += 1;
        if state.passed == self.lane.members {
            turn_order.advance(&mut state);
        }
    }

    /// Whether the present turn is the member's first.
    pub fn is_first_turn(&self) -> bool {
        self.next == 0
    }

    /// Whether the present turn is the member's last.
    pub fn is_last(&self) -> bool {
        self.next + 1 == self.turns.len()
    }

    /// Whether this is the first member of its lane.
    pub fn is_first_member(&self) -> bool {
        self.member == 0
    }

    /// The number of the processor to work on. It is the same for this member of every lane.
    pub fn processor(&self) -> usize {
        self.member + self.lane.shift
    }

    /// The length of a turn.
    pub fn length(&self) -> Duration {
        self.lane.turn_order.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_millis(5);

    /// Lets lanes with these numbers of members take their turns, and returns the lane of each turn
    /// as it happened.
    fn play(turn_order: &TurnOrder, members: &[usize], quits_after: &[usize]) -> Vec<usize> {
        let seen = Mutex::new(Vec::new());
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            for (place, (members, quits)) in members.iter().zip(quits_after).enumerate() {
                let (seen, stop) = (&seen, &stop);
                scope.spawn(move || {
                    let lane = turn_order.lane(place, *members, 0);
                    thread::scope(|scope| {
                        for member in 0..*members {
                            let mut own_turns = lane.turns_of(member);
                            scope.spawn(move || {
                                let mut turns = 0;
                                while turns < *quits && own_turns.wait(stop) {
                                    seen.lock().unwrap().push(place);
                                    own_turns.pass();
                                    turns += 1;
                                }
                            });
                        }
                    });
                });
            }
        });
        seen.into_inner().unwrap()
    }

    #[test]
    fn turns_come_in_their_order() {
        const ALL: usize = usize::MAX;
        type Row<'r> = (TurnOrder, &'r [usize], &'r [usize], &'r [usize], &'r str);
        let rows: [Row<'_>; 5] = [
            (
                TurnOrder::there_and_back(3, 1, LENGTH),
                &[1, 1, 1],
                &[ALL, ALL, ALL],
                &[0, 1, 2, 2, 1, 0],
                "there and back",
            ),
            (
                TurnOrder::there_and_back(2, 1, LENGTH),
                &[2, 1],
                &[ALL, ALL],
                &[0, 0, 1, 1, 0, 0],
                "both members, each once a turn",
            ),
            (
                TurnOrder::new(vec![0, 1, 0, 1, 0], LENGTH),
                &[1, 1],
                &[ALL, ALL],
                &[0, 1, 0, 1, 0],
                "in turn",
            ),
            (
                TurnOrder::there_and_back(3, 2, LENGTH),
                &[1, 1, 1],
                &[ALL, 1, ALL],
                &[0, 1, 2, 2, 0, 0, 2],
                "one leaves: its turns are skipped",
            ),
            (TurnOrder::new(Vec::new(), LENGTH), &[1], &[ALL], &[], "no turns"),
        ];
        for (turn_order, members, quits_after, expected, why) in rows {
            assert_eq!(play(&turn_order, members, quits_after), expected, "{why}");
        }
    }

    /// While one lane works, waiting members sleep until their own turn.
    #[test]
    fn who_waits_is_woken_for_its_own_turn_only() {
        const LANES: usize = 8;
        let turn_order = TurnOrder::there_and_back(LANES, 3, LENGTH);
        let (stop, early) = (AtomicBool::new(false), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for place in 0..LANES {
                let (turn_order, stop, early) = (&turn_order, &stop, &early);
                scope.spawn(move || {
                    let lane = turn_order.lane(place, 1, 0);
                    let mut own_turns = lane.turns_of(0);
                    while own_turns.wait(stop) {
                        let state = turn_order.state();
                        let is_due = |(due, _): &&(usize, Thread)| *due <= state.turn;
                        early.lock().unwrap().push(state.asleep.iter().filter(is_due).count());
                        drop(state);
                        own_turns.pass();
                    }
                });
            }
        });
        let early = early.into_inner().unwrap();
        assert_eq!(early, [0; 4 * LANES], "every turn once, and nobody listed for a past one");
        assert!(turn_order.state().asleep.is_empty(), "nobody is left behind");
    }

    #[test]
    fn a_round_is_an_even_number_of_turns_after_the_first() {
        for (millis, expected) in [(100, 21), (101, 23), (105, 23), (1000, 201)] {
            let turn_order = TurnOrder::of_rounds(2, Duration::from_millis(millis));
            assert_eq!(turn_order.lane(1, 1, 0).turns(), expected, "{millis} ms");
        }
    }

    #[test]
    fn one_who_is_told_to_stop_does_not_wait() {
        let turn_order = TurnOrder::there_and_back(2, 1, LENGTH);
        let (first, second) = (turn_order.lane(0, 1, 0), turn_order.lane(1, 1, 1));
        let stop = AtomicBool::new(true);
        assert!(!second.turns_of(0).wait(&stop), "not its turn");
        assert!(!first.turns_of(0).wait(&stop), "its turn");
        assert_eq!((second.turns(), second.turns_of(1).processor()), (2, 2));
    }
}
