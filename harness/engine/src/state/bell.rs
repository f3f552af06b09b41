//! A bell: whoever waits for an instant is woken before it when there is something to do.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The bell. It stays rung until somebody has waited.
#[derive(Debug, Default)]
pub struct Bell {
    rung: Mutex<bool>,
    waiting: Condvar,
}

impl Bell {
    /// Rings.
    pub fn ring(&self) {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut *rung, true) {
            self.waiting.notify_one();
        }
    }

    /// Waits until the bell is rung, or for this long at most.
    pub fn wait(&self, most: Duration) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.waiting.wait_timeout_while(rung, most, |rung| !*rung);
        let (mut rung, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *rung = false;
    }
}
