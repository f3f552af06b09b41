//! An exponential histogram in seconds (OpenTelemetry data model, ExponentialHistogram), made from
//! an HdrHistogram in nanoseconds. Bucket i holds values above base^i and up to base^(i + 1), with
//! base 2^(2^-scale).

use hdrhistogram::Histogram;

/// The finest scale. A bucket is 0.14 % wide, and a histogram of 3 digits tells no more apart.
const MAX_SCALE: i32 = 9;
/// The largest number of buckets that the SDKs use by default.
const MAX_BUCKETS: i32 = 160;

/// The exponential histogram of one series.
pub(super) struct ExponentialHistogram {
    /// The scale: each step doubles the buckets of a power of two.
    pub(super) scale: i32,
    /// The number of values that are zero.
    pub(super) zero_count: u64,
    /// The index of the first bucket.
    pub(super) offset: i32,
    /// The number of values in each bucket.
    pub(super) counts: Vec<u64>,
    /// The lowest value, in nanoseconds: of those that the lowest HdrHistogram bucket holds the
    /// lowest that lies in the first bucket here.
    pub(super) min_ns: u64,
}

impl ExponentialHistogram {
    /// Converts at the finest scale that keeps to [`MAX_BUCKETS`]. A value counts as the highest
    /// value of its HdrHistogram bucket, as in all our percentiles.
    pub(super) fn of(histogram: &Histogram<u64>) -> ExponentialHistogram {
        let mut zero_count = 0u64;
        let mut found: Vec<(i32, u64)> = Vec::new();
        for step in histogram.iter_recorded() {
            let count = step.count_since_last_iteration();
            match step.value_iterated_to() {
                0 => zero_count = zero_count.saturating_add(count),
                ns => found.push((index(ns), count)),
            }
        }
        let first = found.first().map_or(0, |(index, _)| *index);
        let last = found.last().map_or(0, |(index, _)| *index);
        // One scale less joins two buckets: an even one and the one after it.
        let mut less = 0;
        while (last >> less) - (first >> less) >= MAX_BUCKETS {
            less += 1;
        }
        let offset = first >> less;
        let length = if found.is_empty() { 0 } else { (last >> less) - offset + 1 };
        let mut counts = vec![0; length as usize];
        for (index, count) in found {
            let held: &mut u64 = &mut counts[((index >> less) - offset) as usize];
            *held = held.saturating_add(count);
        }
        let lowest = histogram.min();
        let min_ns = match zero_count {
            0 if !counts.is_empty() => {
                let is_below = |ns: u64| index(ns) >> less < offset;
                first_above(lowest, histogram.highest_equivalent(lowest), is_below)
            }
            _ => 0,
        };
        ExponentialHistogram { scale: MAX_SCALE - less, zero_count, offset, counts, min_ns }
    }
}

/// The first value from `low` on that is not below; `high` is not.
fn first_above(mut low: u64, mut high: u64, is_below: impl Fn(u64) -> bool) -> u64 {
    while low < high {
        let middle = low + (high - low) / 2;
        if is_below(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    high
}

/// The index of the bucket of a value at the finest scale.
fn index(ns: u64) -> i32 {
    let powers = libm::log2(ns as f64 / 1e9);
    (powers * f64::from(1 << MAX_SCALE)).ceil() as i32 - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_what_is_above_their_lower_end_and_up_to_the_upper() {
        let rows = [
            (1_000_000_000, -1, "1 s is the upper end of the bucket below it"),
            (1_000_000_001, 0, "and what is above it lies in the next"),
            (2_000_000_000, 511, "512 buckets for a power of two"),
            (500_000_000, -513, "and as many below"),
        ];
        for (ns, expected, why) in rows {
            assert_eq!(index(ns), expected, "{why}");
        }
    }

    /// An HdrHistogram bucket may lie across the end of an exponential one; what it holds counts in
    /// the upper one, so that the lowest value may not lie below it.
    #[test]
    fn the_lowest_and_the_highest_value_lie_in_the_buckets_at_the_ends() {
        let mut moved = 0;
        for ns in (1u64..3_000_000).step_by(997).chain([u64::MAX >> 1]) {
            for other in [ns, ns.saturating_mul(3)] {
                let mut histogram = Histogram::new(3).expect("3 digits");
                for ns in [ns, other] {
                    histogram.record(ns).expect("it grows");
                }
                let exponential = ExponentialHistogram::of(&histogram);
                let less = MAX_SCALE - exponential.scale;
                let last = exponential.offset + exponential.counts.len() as i32 - 1;
                let min = exponential.min_ns;
                assert_eq!(index(min) >> less, exponential.offset, "{ns}: the lowest");
                assert_eq!(index(histogram.max()) >> less, last, "{ns}: the highest");
                assert!(histogram.equivalent(min, ns), "{ns}: {min} is as good");
                moved += u32::from(min != histogram.min());
            }
        }
        assert!(moved > 100, "only {moved} lie across an end");
    }

    #[test]
    fn nothing_is_lost_over_any_range() {
        let rows: [(&[u64], &str); 5] = [
            (&[], "nothing recorded"),
            (&[0, 0], "only zeros"),
            (&[50_000], "one value"),
            (&[1, 1_000, 50_000, 9_000_000_000, 0], "ten decades"),
            (&[i64::MAX as u64, 1], "as far as it goes"),
        ];
        for (values, why) in rows {
            let mut histogram = Histogram::new(3).expect("3 digits");
            values.iter().for_each(|ns| histogram.record(*ns).expect("it grows"));
            let exponential = ExponentialHistogram::of(&histogram);
            let counted: u64 = exponential.counts.iter().sum();
            assert_eq!(counted + exponential.zero_count, values.len() as u64, "{why}");
            assert!(exponential.counts.len() <= MAX_BUCKETS as usize, "{why}");
            let ends = [exponential.counts.first(), exponential.counts.last()];
            assert!(ends.into_iter().flatten().all(|count| *count > 0), "{why}: no empty ends");
        }
    }
}
