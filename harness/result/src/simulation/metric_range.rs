//! A metric over all runs, with values that the horizon cut off.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A metric over all runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricRange {
    /// The least; null if even that was cut off by the horizon.
    #[serde(serialize_with = "nano")]
    pub min: Option<f64>,
    /// The median, nearest rank; null if that was cut off.
    #[serde(serialize_with = "nano")]
    pub p50: Option<f64>,
    /// The greatest; null if that was cut off.
    #[serde(serialize_with = "nano")]
    pub max: Option<f64>,
    /// Runs that have it.
    pub n: u64,
    /// How many of them the horizon cut off: the true figure is greater.
    pub censored: u64,
    /// The mean, of a metric that has one; absent if any was cut off.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "nano")]
    pub mean: Option<f64>,
    /// Half the width of the mean's interval of 95 %; absent without a mean.
    #[serde(default, skip_serializing_if = "Option::is_none", serialize_with = "nano")]
    pub mean_error: Option<f64>,
}

impl MetricRange {
    /// The range over these values, of which `None` is one that the horizon cut off. It is `None`
    /// if there are no values.
    pub fn of(values: &[Option<f64>]) -> Option<MetricRange> {
        let mut known: Vec<f64> = values.iter().copied().flatten().collect();
        known.sort_by(f64::total_cmp);
        let n = values.len();
        let last = n.checked_sub(1)?;
        // Values that were cut off rank above all others.
        let at = |rank: usize| known.get(rank).copied();
        let censored = (n - known.len()) as u64;
        let (min, p50, max) = (at(0), at(last / 2), at(last));
        Some(MetricRange { min, p50, max, n: n as u64, censored, mean: None, mean_error: None })
    }

    /// The range with the mean over these values, which are those of the range. `groups` are the
    /// values of independent draws, as values of one draw may depend on one another.
    #[must_use]
    pub fn with_mean(self, groups: &[Vec<f64>]) -> MetricRange {
        if self.censored > 0 {
            return self;
        }
        let count: usize = groups.iter().map(Vec::len).sum();
        let mean = groups.iter().flatten().sum::<f64>() / count.max(1) as f64;
        // The variance of a ratio of sums over clusters.
        let clusters = groups.iter().filter(|group| !group.is_empty()).count() as f64;
        let square = |group: &Vec<f64>| (group.iter().map(|one| one - mean).sum::<f64>()).powi(2);
        let squares: f64 = groups.iter().map(square).sum();
        let variance = squares * clusters / (clusters - 1.0) / (count as f64).powi(2);
        let mean_error = (clusters > 1.0).then(|| 1.96 * variance.sqrt());
        MetricRange { mean: Some(mean), mean_error, ..self }
    }
}

/// Stores a figure with nine decimals. Digits below a nanosecond depend on the order of summation,
/// and a JSON reader would not return them unchanged.
pub(super) fn nano<S: serde::Serializer>(figure: &Option<f64>, to: S) -> Result<S::Ok, S::Error> {
    figure.map(|figure| (figure * 1e9).round() / 1e9).serialize(to)
}

pub(super) fn whole_nano<S: serde::Serializer>(figure: &f64, to: S) -> Result<S::Ok, S::Error> {
    nano(&Some(*figure), to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_off_ranks_above_all() {
        let of = |values: &[Option<f64>]| MetricRange::of(values);
        let metric = |min, p50, max, n, censored| {
            Some(MetricRange { min, p50, max, n, censored, ..MetricRange::default() })
        };
        let (one, two) = (Some(1.0), Some(2.0));
        let rows = [
            (vec![], None, "nothing"),
            (vec![two, one], metric(one, one, two, 2, 0), "nearest rank from below"),
            (vec![two, None, one], metric(one, two, None, 3, 1), "the greatest is cut off"),
            (vec![None, None, one], metric(one, None, None, 3, 2), "the median as well"),
            (vec![None], metric(None, None, None, 1, 1), "all of them"),
        ];
        for (values, expected, reason) in rows {
            assert_eq!(of(&values), expected, "{reason}");
        }
    }

    #[test]
    fn what_is_stored_is_read_as_it_was_written() {
        let sum = Some(1114.0500000000013);
        let (min, n, censored) = (Some(0.050000001), 2, 1);
        let metric = MetricRange { min, p50: sum, n, censored, ..MetricRange::default() };
        let text = serde_json::to_string(&metric).unwrap();
        assert!(text.starts_with("{\"min\":0.050000001,\"p50\":1114.05,\"max\":null"), "{text}");
        let read: MetricRange = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }
}
