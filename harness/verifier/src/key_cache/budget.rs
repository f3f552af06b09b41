//! How many fetches unknown kids may cause: attempts in a sliding window, armed on the attempt.

use std::collections::VecDeque;

use crate::cache_policy::UnknownKid;
use crate::tick::Tick;

/// Attempts made, and when.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    rule: UnknownKid,
    spent: VecDeque<Tick>,
}

impl Budget {
    /// A budget of which nothing is spent.
    pub(super) fn new(rule: UnknownKid) -> Budget {
        Budget { rule, spent: VecDeque::new() }
    }

    /// Spends one attempt if the window allows it. Holds at most `budget` instants.
    pub(super) fn take(&mut self, now: Tick) -> bool {
        let UnknownKid::Refetch { budget, window } = self.rule else {
            return false;
        };
        while self.spent.front().is_some_and(|at| *at + window <= now) {
            self.spent.pop_front();
        }
        let free = self.spent.len() < budget as usize;
        if free {
            self.spent.push_back(now);
        }
        free
    }
}
