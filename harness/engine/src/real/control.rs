//! The control of rounds in real time.

use std::sync::atomic::AtomicBool;

use crate::real::live_view::LiveView;
use crate::state::store::StateStore;

/// The control of a run by its caller.
#[derive(Clone, Copy)]
pub struct Control<'s> {
    /// The run ends at once when this is set.
    pub stop: &'s AtomicBool,
    /// The port of the mocked endpoint; any free one if `None`.
    pub port: Option<u16>,
    /// The view to which rounds report their progress; `None` if nothing displays it.
    pub watch: Option<&'s LiveView>,
    /// The store of the state of tokens.
    pub store: StateStore,
}

impl<'s> Control<'s> {
    /// A run that ends early when `stop` is set, at any free port and over the model of a store.
    /// Nothing displays its progress.
    pub fn new(stop: &'s AtomicBool) -> Control<'s> {
        Control { stop, port: None, watch: None, store: StateStore::Model }
    }
}
