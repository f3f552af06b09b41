//! The transport of virtual time: attempts are collected, and whoever drives the clock asks the
//! pure fault function what came of them and when.

use std::sync::{Arc, Mutex, PoisonError};

use jwtbench_verifier::key_cache::Fetch;

use super::key_source::Transport;

/// Attempts started and not yet answered. Clones share them.
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
