//! Instants on the scenario clock. The verifier gets the time as an argument and never reads a
//! clock.

use std::ops::{Add, Sub};
use std::time::Duration;

/// An instant in nanoseconds since the scenario began. It is negative before the start, since a
/// cache may be older than that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(pub i64);

impl Tick {
    /// The beginning of the scenario.
    pub const ZERO: Tick = Tick(0);
    /// The instant before every other one.
    pub const MIN: Tick = Tick(i64::MIN);
    /// The instant after every other one, which stands for never.
    pub const MAX: Tick = Tick(i64::MAX);

    /// The time passed since `earlier`; zero if that is later than `self`.
    pub fn since(self, earlier: Tick) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0).max(0) as u64)
    }
}

impl Add<Duration> for Tick {
    type Output = Tick;

    /// Adds a duration. The result saturates at [`Tick::MAX`].
    fn add(self, span: Duration) -> Tick {
        Tick(self.0.saturating_add(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Tick {
    type Output = Tick;

    /// Subtracts a duration. The result saturates at [`Tick::MIN`].
    fn sub(self, span: Duration) -> Tick {
        Tick(self.0.saturating_sub(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)))
    }
}
