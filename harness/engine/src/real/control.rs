//! What rounds in real time may be told.

use std::sync::atomic::AtomicBool;

use crate::real::live_view::LiveView;

/// What a run may be told.
#[derive(Clone, Copy)]
pub struct Control<'s> {
    /// Set to end at once.
    pub stop: &'s AtomicBool,
    /// The port of the mocked endpoint; any if `None`.
    pub port: Option<u16>,
    /// Where the rounds say how they go, if somebody looks.
    pub watch: Option<&'s LiveView>,
}
