//! A breaker: after so many failures in a row it answers instead of the store for a while.

use crate::state_strategy::Breaker;
use crate::tick::Tick;

/// The state of a breaker.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BreakerState {
    failures: u32,
    open_until: Option<Tick>,
}

impl BreakerState {
    /// Whether a request may be made. After the breaker was open, one may, and decides.
    pub(super) fn lets_pass(&mut self, now: Tick) -> bool {
        match self.open_until {
            Some(until) if now < until => false,
            Some(_) => {
                // Others wait for the outcome of this one.
                self.open_until = Some(Tick::MAX);
                true
            }
            None => true,
        }
    }

    /// Whether the breaker answers in place of the store.
    pub(super) fn is_open(&self, now: Tick) -> bool {
        self.open_until.is_some_and(|until| now < until)
    }

    /// The outcome of a request.
    pub(super) fn see(&mut self, terms: Option<Breaker>, is_failure: bool, now: Tick) {
        if !is_failure {
            *self = BreakerState::default();
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if let Some(terms) = terms.filter(|terms| self.failures >= terms.failures) {
            self.open_until = Some(now + terms.open_for);
        }
    }
}
