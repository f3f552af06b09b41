//! Latency histograms. They are recorded as HDR histograms and kept as their summaries. Nanoseconds
//! throughout.

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The number of significant decimal digits that a recorded value keeps.
const DIGITS: u8 = 3;

/// What is kept of one histogram, in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HistogramSummary {
    /// Recorded values.
    pub count: u64,
    /// Arithmetic mean.
    pub mean_ns: f64,
    /// Median.
    pub p50_ns: u64,
    /// 90th percentile.
    pub p90_ns: u64,
    /// 99th percentile.
    pub p99_ns: u64,
    /// 99.9th percentile.
    pub p999_ns: u64,
    /// Highest value.
    pub max_ns: u64,
}

/// One point of a latency curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CurvePoint {
    /// Quantile in 0..=1.
    pub quantile: f64,
    /// The latency at that quantile, in nanoseconds.
    pub ns: u64,
}

/// One of the three latencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LatencyKind {
    /// The wait that the operation would have had with a punctual generator, and then the service.
    Response,
    /// The time from the actual start to the end.
    Service,
    /// The time by which the generator was late although the worker was free.
    Lateness,
}

impl LatencyKind {
    /// All three, in the order of every form.
    pub const ALL: [LatencyKind; 3] =
        [LatencyKind::Response, LatencyKind::Service, LatencyKind::Lateness];

    /// The name in every form.
    pub fn name(self) -> &'static str {
        match self {
            LatencyKind::Response => "response",
            LatencyKind::Service => "service",
            LatencyKind::Lateness => "lateness",
        }
    }
}

/// The three latencies of one row, summarised.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LatencySummary {
    /// The wait for the worker, computed from the intended arrivals and the recorded services, plus
    /// the service. It is what a user would feel.
    pub response: HistogramSummary,
    /// Actual start to end. What the contender needed.
    pub service: HistogramSummary,
    /// From the intended start, or from when the worker was free, to the actual start: the
    /// generator's own, and in no response.
    pub lateness: HistogramSummary,
}

impl LatencySummary {
    /// The summary of one of the three.
    pub fn of(&self, kind: LatencyKind) -> &HistogramSummary {
        match kind {
            LatencyKind::Response => &self.response,
            LatencyKind::Service => &self.service,
            LatencyKind::Lateness => &self.lateness,
        }
    }
}

/// The three histograms of one row. They are merged by adding counts, never by averaging
/// percentiles.
#[derive(Clone, Debug)]
pub struct Latencies {
    response: Histogram<u64>,
    service: Histogram<u64>,
    lateness: Histogram<u64>,
}

impl Default for Latencies {
    fn default() -> Self {
        // The histogram grows with the recorded values, so that a row of fast operations stays
        // small.
        let empty = Histogram::new(DIGITS).expect("3 digits are within what HdrHistogram allows");
        Latencies { response: empty.clone(), service: empty.clone(), lateness: empty }
    }
}

impl Latencies {
    /// Records one operation, in nanoseconds.
    pub fn record(&mut self, response_ns: u64, service_ns: u64, lateness_ns: u64) {
        for (histogram, value) in [
            (&mut self.response, response_ns),
            (&mut self.service, service_ns),
            (&mut self.lateness, lateness_ns),
        ] {
            histogram.record(value).expect("it grows as far as a u64 goes");
        }
    }

    /// Adds the counts of another worker or round.
    pub fn merge(&mut self, other: &Latencies) {
        for (mine, theirs) in [
            (&mut self.response, &other.response),
            (&mut self.service, &other.service),
            (&mut self.lateness, &other.lateness),
        ] {
            // A histogram that grows takes every value that another one of its precision holds.
            mine.add(theirs).expect("both grow");
        }
    }

    /// The whole histogram of one of the three.
    pub fn histogram(&self, kind: LatencyKind) -> &Histogram<u64> {
        match kind {
            LatencyKind::Response => &self.response,
            LatencyKind::Service => &self.service,
            LatencyKind::Lateness => &self.lateness,
        }
    }

    /// The number of operations recorded.
    pub fn count(&self) -> u64 {
        self.service.len()
    }

    /// The summaries.
    pub fn summarise(&self) -> LatencySummary {
        LatencySummary {
            response: summarise(&self.response),
            service: summarise(&self.service),
            lateness: summarise(&self.lateness),
        }
    }

    /// The response time at a quantile, in nanoseconds.
    pub fn response_at(&self, quantile: f64) -> u64 {
        self.response.value_at_quantile(quantile)
    }

    /// The service curve, from the median to the tail on the usual log-percentile axis.
    pub fn service_curve(&self) -> Vec<CurvePoint> {
        curve(&self.service)
    }

    /// The response curve on the same axis.
    pub fn response_curve(&self) -> Vec<CurvePoint> {
        curve(&self.response)
    }
}

fn summarise(histogram: &Histogram<u64>) -> HistogramSummary {
    HistogramSummary {
        count: histogram.len(),
        mean_ns: histogram.mean(),
        p50_ns: histogram.value_at_quantile(0.5),
        p90_ns: histogram.value_at_quantile(0.9),
        p99_ns: histogram.value_at_quantile(0.99),
        p999_ns: histogram.value_at_quantile(0.999),
        max_ns: histogram.max(),
    }
}

/// The points of a curve: the median, and quantiles 1 - 10^(-k/8), which are evenly spaced on the
/// log-percentile axis. They go as far as the count can resolve.
fn curve(histogram: &Histogram<u64>) -> Vec<CurvePoint> {
    let count = histogram.len() as f64;
    let tail = |step: i32| libm::pow(10.0, -f64::from(step) / 8.0);
    let tails = (0..3).map(tail).chain([0.5]).chain((3..=40).map(tail));
    tails
        .take_while(|tail| count > 0.0 && tail * count >= 0.999)
        .map(|tail| {
            let quantile = 1.0 - tail;
            CurvePoint { quantile, ns: histogram.value_at_quantile(quantile) }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With 3 digits a value is within a thousandth of the recorded one, over nine orders of
    /// magnitude.
    #[test]
    fn keeps_what_was_recorded_and_merges_by_adding() {
        let mut one = Latencies::default();
        let mut other = Latencies::default();
        for (latencies, from) in [(&mut one, 0u64), (&mut other, 500)] {
            for number in from..from + 500 {
                latencies.record(1_000 + number * 1_000_000, number * 1_000_000, 1_000);
            }
        }
        one.merge(&other);
        let LatencySummary { response, service, lateness } = one.summarise();
        let near = |got: u64, expected: u64| got.abs_diff(expected) <= expected / 500 + 1;
        assert_eq!(service.count, 1000);
        assert!(near(service.p50_ns, 499_000_000), "{service:?}");
        assert!(near(service.max_ns, 999_000_000), "{service:?}");
        assert!(near(response.max_ns, 999_001_000), "{response:?}");
        assert!(near(lateness.p99_ns, 1_000), "{lateness:?}");
    }
}
