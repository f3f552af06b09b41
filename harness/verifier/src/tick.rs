//! An instant on the scenario clock. The verifier is told the time; it never looks.

use std::ops::{Add, Sub};
use std::time::Duration;

/// Nanoseconds since the scenario began; negative before it (a cache may be older than the start).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick(pub i64);

impl Tick {
    /// The beginning of the scenario.
    pub const ZERO: Tick = Tick(0);
    /// Before every other instant.
    pub const MIN: Tick = Tick(i64::MIN);
    /// After every other instant: never.
    pub const MAX: Tick = Tick(i64::MAX);

    /// Time passed since `earlier`; zero if that lies ahead.
    pub fn since(self, earlier: Tick) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0).max(0) as u64)
    }
}

impl Add<Duration> for Tick {
    type Output = Tick;

    /// Saturates at [`Tick::MAX`].
    fn add(self, span: Duration) -> Tick {
        Tick(self.0.saturating_add(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Tick {
    type Output = Tick;

    /// Saturates at [`Tick::MIN`].
    fn sub(self, span: Duration) -> Tick {
        Tick(self.0.saturating_sub(i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)))
    }
}
