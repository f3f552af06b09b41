//! The requests of the key cache to a transport, and their outcomes.

use std::sync::Arc;
use std::time::Duration;

use crate::cache_policy::Timeouts;
use crate::key_set::{KeySet, SetFault};

/// The name of one attempt of a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FetchId(pub u64);

impl FetchId {
    /// The number of the cache that makes the attempt.
    pub const fn cache(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

/// One attempt that the transport must make at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// The name of the attempt, by which its outcome is reported.
    pub id: FetchId,
    /// The time limits.
    pub timeouts: Timeouts,
    /// The largest body to read, in bytes.
    pub max_body: usize,
}

/// The outcome of an attempt, after its body has been read as a key set.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A usable set with its generation, and the time for which its response allows to keep it
    /// (`Cache-Control: max-age`), if it gives one.
    Set(Arc<KeySet>, Option<Duration>),
    /// A failure.
    Failed(FetchFailure),
}

/// The reason why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FetchFailure {
    /// The connection was refused.
    Refused,
    /// The connection was not made in time.
    ConnectTimeout,
    /// The connection was reset or closed before the response was complete.
    Reset,
    /// The next byte did not arrive in time.
    IdleTimeout,
    /// The attempt was not complete in time.
    TotalTimeout,
    /// The status was not 200. The pause is the one that `Retry-After` asks for.
    Status(u16, Option<Duration>),
    /// The response was a redirect, which is never followed.
    Redirect,
    /// The body was larger than the limit.
    TooLarge,
    /// The body was complete, but not a usable key set.
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

    /// Whether another attempt soon may succeed. A status below 500, a redirect or a body over the
    /// limit is a definite answer.
    pub const fn may_pass(self) -> bool {
        match self {
            FetchFailure::Status(status, _) => status >= 500,
            FetchFailure::Redirect | FetchFailure::TooLarge => false,
            _ => true,
        }
    }

    /// The pause that the server asked for, if any.
    pub const fn retry_after(self) -> Option<Duration> {
        match self {
            FetchFailure::Status(_, pause) => pause,
            _ => None,
        }
    }
}
