//! The age of the key set in use, over time. It counts from the start of the request that brought
//! or confirmed the set. Pure: a function of the attempts; knows no clock.

/// A confirmation of the set: when an attempt brought a usable set, and when its request had
/// started. Both are nanoseconds on the scenario clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetConfirmation {
    /// The instant at which the set was adopted or found unchanged.
    pub at_ns: i64,
    /// The instant at which the request for it started.
    pub since_ns: i64,
}

/// The confirmations of one round, in order.
#[derive(Clone, Debug, Default)]
pub struct SetAge(Vec<SetConfirmation>);

impl SetAge {
    /// Takes confirmations in order of `at_ns`. An answer to an older request than the last one
    /// makes the set no younger and is left out.
    pub fn new(confirmations: impl IntoIterator<Item = SetConfirmation>) -> SetAge {
        let mut kept: Vec<SetConfirmation> = Vec::new();
        for confirmation in confirmations {
            if kept.last().is_none_or(|last| last.since_ns < confirmation.since_ns) {
                kept.push(confirmation);
            }
        }
        SetAge(kept)
    }

    /// The age at an instant, in nanoseconds; `None` while no set is held.
    pub fn at(&self, at_ns: i64) -> Option<u64> {
        let held = self.0.iter().rev().find(|confirmation| confirmation.at_ns <= at_ns)?;
        Some(u64::try_from(at_ns - held.since_ns).unwrap_or(0))
    }

    /// The highest age in a span, both ends included, in nanoseconds. Age falls only when a set is
    /// confirmed, so it is highest just before that, or at the end.
    pub fn highest(&self, from_ns: i64, until_ns: i64) -> Option<u64> {
        let within = |at: &i64| *at > from_ns && *at <= until_ns;
        let before = self.0.iter().map(|confirmation| confirmation.at_ns).filter(within);
        before.filter_map(|at| self.at(at - 1)).chain(self.at(until_ns)).max()
    }
}

#[cfg(test)]
mod tests {
    use super::{SetAge, SetConfirmation};

    fn age(rows: &[(i64, i64)]) -> SetAge {
        let confirmation =
            |(at_ns, since_ns): &(i64, i64)| SetConfirmation { at_ns: *at_ns, since_ns: *since_ns };
        SetAge::new(rows.iter().map(confirmation))
    }

    #[test]
    fn age_counts_from_the_start_of_the_request() {
        let held = age(&[(-5, -10), (100, 90), (200, 150)]);
        let rows = [
            (-6, None, "nothing is held yet"),
            (-5, Some(5), "adopted"),
            (0, Some(10), "older"),
            (99, Some(109), "just before the next"),
            (100, Some(10), "younger, not new: the request took its time"),
            (200, Some(50), "again"),
            (1000, Some(850), "never again"),
        ];
        for (at, expected, why) in rows {
            assert_eq!(held.at(at), expected, "{why}");
        }
    }

    #[test]
    fn an_older_request_makes_nothing_younger() {
        let held = age(&[(10, 8), (20, 5), (30, 8)]);
        assert_eq!(held.at(40), Some(32));
    }

    #[test]
    fn the_highest_age_lies_before_a_confirmation_or_at_the_end() {
        let held = age(&[(0, 0), (100, 90), (200, 190)]);
        let rows = [
            (0, 50, Some(50), "grows to the end"),
            (0, 150, Some(99), "before the first confirmation"),
            (0, 1000, Some(810), "an outage at the end"),
            (100, 105, Some(15), "a confirmation at its beginning is past"),
            (-50, -1, None, "nothing was held"),
            (-50, 10, Some(10), "from nothing"),
        ];
        for (from, until, expected, why) in rows {
            assert_eq!(held.highest(from, until), expected, "{why}");
        }
        assert_eq!(age(&[]).highest(0, 10), None);
    }
}
