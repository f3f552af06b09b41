//! What the key cache asks of a transport, and what can come of it.

use std::sync::Arc;
use std::time::Duration;

use crate::cache_policy::Timeouts;
use crate::key_set::{KeySet, SetFault};

/// Names one attempt of one fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FetchId(pub u64);

impl FetchId {
    /// The number of the cache that makes it.
    pub const fn cache(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// One attempt that the transport shall make, at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// Names the attempt in the answer.
    pub id: FetchId,
    /// Limits.
    pub timeouts: Timeouts,
    /// Largest body to read, in bytes.
    pub max_body: usize,
}

/// What came of an attempt, once its body was read as a key set.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A usable set, in its place in the sequence of generations, and how long its response allows
    /// to keep it (`Cache-Control: max-age`), if it says so.
    Set(Arc<KeySet>, Option<Duration>),
    /// Nothing usable.
    Failed(FetchFailure),
}

/// Why an attempt brought nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchFailure {
    /// Nobody listens.
    Refused,
    /// No connection in time.
    ConnectTimeout,
    /// Reset or closed before the response was whole.
    Reset,
    /// No byte came in time.
    IdleTimeout,
    /// Not done in time.
    TotalTimeout,
    /// A status other than 200, with the pause that `Retry-After` asks for.
    Status(u16, Option<Duration>),
    /// A redirect: never followed.
    Redirect,
    /// Body over the limit.
    TooLarge,
    /// A whole body that is no usable key set.
    Set(SetFault),
}

impl FetchFailure {
    /// The name in counters.
    pub const fn name(self) -> &'static str {
        match self {
            FetchFailure::Refused => "refused",
            FetchFailure::ConnectTimeout => "connect-timeout",
            FetchFailure::Reset => "reset",
            FetchFailure::IdleTimeout => "idle-timeout",
            FetchFailure::TotalTimeout => "total-timeout",
            FetchFailure::Status(..) => "status",
            FetchFailure::Redirect => "redirect",
            FetchFailure::TooLarge => "too-large",
            FetchFailure::Set(SetFault::NotAKeySet) => "not-a-key-set",
            FetchFailure::Set(SetFault::Empty) => "empty-set",
            FetchFailure::Set(SetFault::NoUsableKey) => "no-usable-key",
            FetchFailure::Set(SetFault::BadEntry) => "bad-entry",
        }
    }

    /// Whether another attempt soon may fare better. A refusal by status below 500, a redirect or
    /// a body over the limit is an answer.
    pub const fn may_pass(self) -> bool {
        match self {
            FetchFailure::Status(status, _) => status >= 500,
            FetchFailure::Redirect | FetchFailure::TooLarge => false,
            _ => true,
        }
    }

    /// The pause that the server asked for.
    pub const fn retry_after(self) -> Option<Duration> {
        match self {
            FetchFailure::Status(_, pause) => pause,
            _ => None,
        }
    }
}
