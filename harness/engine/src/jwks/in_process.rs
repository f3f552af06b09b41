//! The transport of virtual time. It collects attempts. The engine that drives the clock takes
//! them, and gets their replies from the pure function of faults.

use std::sync::{Arc, Mutex, PoisonError};

use jwtbench_verifier::key_cache::Fetch;

use super::key_source::Transport;

/// Attempts that were started and not yet taken. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct InProcess {
    started: Arc<Mutex<Vec<Fetch>>>,
}

impl InProcess {
    /// The attempts started since the last call.
    pub fn take(&self) -> Vec<Fetch> {
        std::mem::take(&mut self.started.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Transport for InProcess {
    fn start(&self, fetch: Fetch) {
        self.started.lock().unwrap_or_else(PoisonError::into_inner).push(fetch);
    }

    fn deadline_moved(&self) {}
}
