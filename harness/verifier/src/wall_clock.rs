//! The verifier's clock. It shows the issuer's time, or deviates by the amount that a phase gives.
//! Claims are judged by it. Ages of key sets, timeouts and pauses are not.

use std::time::Duration;

use crate::tick::Tick;
use crate::unix_time::UnixTime;

/// The deviation of a clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Skew {
    /// The clock is right.
    #[default]
    None,
    /// The clock shows a later time.
    Ahead(Duration),
    /// The clock shows an earlier time.
    Behind(Duration),
}

impl Skew {
    fn off(self, time: UnixTime) -> UnixTime {
        match self {
            Skew::None => time,
            Skew::Ahead(by) => time + by,
            Skew::Behind(by) => time - by,
        }
    }
}

/// The clock of the verifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WallClock {
    /// The instant of tick 0.
    epoch: UnixTime,
    /// The deviations with their beginnings, in order of time. The list is empty if the clock is
    /// always right.
    skews: Vec<(Tick, Skew)>,
    /// Whether it always shows `epoch`.
    is_still: bool,
}

impl WallClock {
    /// A clock without a deviation. `epoch` is the instant of tick 0.
    pub const fn right(epoch: UnixTime) -> WallClock {
        WallClock { epoch, skews: Vec::new(), is_still: false }
    }

    /// A clock that shows `instant` at every tick, for tokens that are judged as of that instant.
    pub const fn still(instant: UnixTime) -> WallClock {
        WallClock { epoch: instant, skews: Vec::new(), is_still: true }
    }

    /// A clock with these deviations, each from its instant on. They must be in order of time.
    pub fn new(epoch: UnixTime, skews: impl IntoIterator<Item = (Tick, Skew)>) -> WallClock {
        let mut skews: Vec<(Tick, Skew)> = skews.into_iter().collect();
        if skews.iter().all(|(_, skew)| *skew == Skew::None) {
            skews.clear();
        }
        WallClock { epoch, skews, is_still: false }
    }

    /// The time that the clock shows.
    pub fn at(&self, now: Tick) -> UnixTime {
        if self.is_still {
            return self.epoch;
        }
        let skew = self.skews.iter().rfind(|(since, _)| *since <= now);
        skew.map_or(Skew::None, |(_, skew)| *skew).off(self.epoch.at(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_what_each_phase_says() {
        let seconds = |count: u64| Duration::from_secs(count);
        let tick = |count: u64| Tick::ZERO + seconds(count);
        let steps = [
            (tick(0), Skew::None),
            (tick(10), Skew::Ahead(seconds(45))),
            (tick(20), Skew::Behind(seconds(5))),
        ];
        let clock = WallClock::new(UnixTime::from_seconds(1000), steps);
        let rows = [(0, 1000, "right"), (10, 1055, "ahead from then on"), (25, 1020, "behind")];
        for (now, expected, reason) in rows {
            assert_eq!(clock.at(tick(now)).seconds(), expected, "{reason}");
        }
        let right = WallClock::new(UnixTime::from_seconds(7), [(tick(0), Skew::None)]);
        assert_eq!(right, WallClock::right(UnixTime::from_seconds(7)), "nothing to look through");
    }

    #[test]
    fn one_that_stands_shows_one_instant() {
        let instant = UnixTime::from_seconds(1000);
        let clock = WallClock::still(instant);
        for now in [Tick(i64::MIN), Tick(-1), Tick::ZERO, Tick(1), Tick(i64::MAX)] {
            assert_eq!(clock.at(now), instant, "{now:?}");
        }
    }
}
