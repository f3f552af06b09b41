//! The budget of fetches for unknown kids: how many are allowed, and when the next one may start.

use std::collections::VecDeque;

use crate::cache_policy::{ArmedOn, Budget, WindowKind};
use crate::tick::Tick;

/// The used part of a budget.
#[derive(Clone, Debug)]
pub(super) struct BudgetState {
    rule: Option<Budget>,
    /// The instants that count, at most as many as the budget has fetches.
    spent: VecDeque<Tick>,
    /// The instant at which a bucket is full again.
    full_at: Tick,
}

impl BudgetState {
    /// A budget of which nothing is used.
    pub(super) fn new(rule: Option<Budget>) -> BudgetState {
        BudgetState { rule, spent: VecDeque::new(), full_at: Tick::MIN }
    }

    /// The first instant from `now` on at which the budget allows a fetch.
    pub(super) fn free_at(&mut self, now: Tick) -> Tick {
        let Some(rule) = self.rule else {
            return now;
        };
        if rule.fetches == 0 {
            return Tick::MAX;
        }
        match rule.kind {
            WindowKind::Sliding => {
                while self.spent.front().is_some_and(|at| *at + rule.window <= now) {
                    self.spent.pop_front();
                }
                let over = self.spent.len().checked_sub(rule.fetches as usize);
                over.map_or(now, |over| self.spent[over] + rule.window)
            }
            WindowKind::Fixed => {
                let closes = self.spent.front().map(|at| *at + rule.window);
                if closes.is_some_and(|closes| closes <= now) {
                    self.spent.clear();
                }
                let is_free = self.spent.len() < rule.fetches as usize;
                closes.filter(|_| !is_free).unwrap_or(now)
            }
            WindowKind::Bucket => {
                let interval = rule.window / rule.fetches.max(1);
                let room = interval * (rule.fetches.max(1) - 1);
                now.max(self.full_at - room)
            }
        }
    }

    /// Takes a fetch from the budget if it allows one now. Returns whether it does.
    pub(super) fn take(&mut self, now: Tick) -> bool {
        let is_free = self.free_at(now) <= now;
        if is_free && self.is_armed_on(ArmedOn::Attempt) {
            self.use_one(now);
        }
        is_free
    }

    /// Counts a successful fetch. `missed` says that its set lacks the requested kid.
    pub(super) fn succeeded(&mut self, missed: bool, now: Tick) {
        if self.is_armed_on(ArmedOn::Success) || missed && self.is_armed_on(ArmedOn::Miss) {
            self.free_at(now);
            self.use_one(now);
        }
    }

    fn is_armed_on(&self, event: ArmedOn) -> bool {
        self.rule.is_some_and(|rule| rule.armed_on == event)
    }

    fn use_one(&mut self, now: Tick) {
        let Some(rule) = self.rule else {
            return;
        };
        if rule.kind == WindowKind::Bucket {
            self.full_at = self.full_at.max(now) + rule.window / rule.fetches.max(1);
            return;
        }
        // Only events that did not ask the budget can exceed it.
        if self.spent.len() >= rule.fetches as usize {
            self.spent.pop_front();
        }
        self.spent.push_back(now);
    }
}
