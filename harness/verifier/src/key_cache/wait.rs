//! A token that waits for keys.

use super::FetchId;
use crate::jwk::Kid;
use crate::tick::Tick;

/// Names a parked token: chosen by its worker, unique among those it has parked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    /// The worker.
    pub worker: u32,
    /// The place where it parked the token.
    pub place: u32,
}

/// A wait with a deadline of its own.
#[derive(Clone, Debug)]
pub(super) struct Wait {
    /// Whom to wake.
    pub(super) ticket: Ticket,
    /// For which kid.
    pub(super) kid: Kid,
    /// When to answer at the latest.
    pub(super) deadline: Tick,
    /// What for.
    pub(super) on: On,
}

/// What a wait waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// The end of this fetch, named by its first attempt.
    Flight(FetchId),
    /// Its turn behind a fetch that locks everybody out: it asks again.
    Turn,
    /// The budget, which is free again at this instant: it asks again.
    Budget(Tick),
}
