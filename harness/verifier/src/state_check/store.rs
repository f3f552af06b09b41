//! The requests of the machine to a store, and their outcomes.

use std::sync::Arc;

use crate::state_strategy::{PollScope, StoreTimeouts};
use crate::tick::Tick;

use super::{Knowledge, StateEntry};

/// The name of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub u64);

impl OpId {
    /// The number of the machine that makes the request.
    pub const fn instance(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// One request that must be made at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOp {
    /// The name, by which the outcome is reported.
    pub id: OpId,
    /// What is asked.
    pub kind: OpKind,
    /// The time limits.
    pub timeouts: StoreTimeouts,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpKind {
    /// What is known of these keys, in their order. The empty key is one of a token without a key.
    Lookup(Vec<Arc<str>>),
    /// The list, or what was added to it since this instant.
    Poll(PollScope, Tick),
}

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreOutcome {
    /// What is known of the keys, in their order.
    Answers(Vec<Knowledge>),
    /// The list.
    Listing(StoreListing),
    /// A failure.
    Failed(StoreFailure),
}

/// A list, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreListing {
    /// The entries.
    pub entries: Arc<[StateEntry]>,
    /// Whether it is the whole list.
    pub is_full: bool,
    /// The instant at which the list was complete; `None` if that is the start of the request.
    pub as_of: Option<Tick>,
    /// The instant after which the list must not be relied on; `None` if it does not say.
    pub until: Option<Tick>,
}

/// The reason why a request failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreFailure {
    /// The connection was refused.
    Refused,
    /// The connection was not made in time.
    ConnectTimeout,
    /// The connection was reset.
    Reset,
    /// The answer did not come in time.
    AnswerTimeout,
    /// The store answered with an error.
    Error,
}

impl StoreOutcome {
    /// Whether the request failed.
    pub const fn is_failure(&self) -> bool {
        matches!(self, StoreOutcome::Failed(_))
    }
}
