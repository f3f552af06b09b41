//! The messages of opentelemetry/proto/metrics/v1/metrics.proto as the JSON encoding of OTLP has
//! them, and what a point must hold.

use hdrhistogram::Histogram;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Request {
    pub resource_metrics: Vec<ResourceMetrics>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ResourceMetrics {
    pub resource: Resource,
    pub scope_metrics: Vec<ScopeMetrics>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    pub attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeMetrics {
    pub scope: Scope,
    pub metrics: Vec<Metric>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    pub name: String,
    pub version: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attribute {
    pub key: String,
    pub value: serde_json::Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Metric {
    pub name: String,
    pub description: String,
    pub unit: String,
    pub exponential_histogram: Option<ExponentialHistogram>,
    pub gauge: Option<Gauge>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ExponentialHistogram {
    pub aggregation_temporality: u32,
    pub data_points: Vec<Point>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Gauge {
    pub data_points: Vec<GaugePoint>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GaugePoint {
    pub attributes: Vec<Attribute>,
    pub start_time_unix_nano: String,
    pub time_unix_nano: String,
    pub as_double: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Point {
    pub attributes: Vec<Attribute>,
    pub start_time_unix_nano: String,
    pub time_unix_nano: String,
    pub count: String,
    pub sum: f64,
    pub scale: i32,
    pub zero_count: String,
    pub positive: Option<Buckets>,
    pub min: f64,
    pub max: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Buckets {
    pub offset: i32,
    pub bucket_counts: Vec<String>,
}

/// Holds a point against the histogram that it was made of: counts add up, and a quantile lies in
/// the bucket that the cumulated counts lead to.
pub fn hold(point: &Point, whole: &Histogram<u64>, about: &str) {
    let zeros: u64 = point.zero_count.parse().unwrap();
    let buckets: Vec<(i32, u64)> = point
        .positive
        .iter()
        .flat_map(|buckets| {
            let counts = buckets.bucket_counts.iter().map(|count| count.parse().unwrap());
            (buckets.offset..).zip(counts)
        })
        .collect();
    let sum: u64 = buckets.iter().map(|(_, count)| count).sum();
    assert_eq!(point.count, (zeros + sum).to_string(), "{about}");
    assert_eq!(zeros + sum, whole.len(), "{about}");
    assert!(buckets.len() <= 160, "{about}: {} buckets", buckets.len());
    let near = |one: f64, other: f64| (one - other).abs() <= other.abs() * 1e-9 + 1e-15;
    assert!(near(point.sum, whole.mean() * whole.len() as f64 / 1e9), "{about}");
    assert!(whole.equivalent((point.min * 1e9).round() as u64, whole.min()), "{about}");
    assert!(near(point.max, whole.max() as f64 / 1e9), "{about}");
    let base = 2f64.powf(0.5f64.powi(point.scale));
    let is_in = |value: f64, bucket: i32| {
        let (low, high) = (base.powi(bucket), base.powi(bucket + 1));
        low < value * (1.0 + 1e-9) && value <= high * (1.0 + 1e-9)
    };
    if let (Some((first, _)), Some((last, _))) = (buckets.first(), buckets.last()) {
        assert!(is_in(point.max, *last), "{about}: the highest value");
        let lowest = if zeros > 0 { point.min == 0.0 } else { is_in(point.min, *first) };
        assert!(lowest, "{about}: the lowest value");
    }
    for quantile in [0.01, 0.5, 0.9, 0.99, 0.999, 1.0] {
        let rank = ((quantile * whole.len() as f64).ceil() as u64).max(1);
        let value = whole.value_at_quantile(quantile) as f64 / 1e9;
        let mut up_to = zeros;
        if rank <= up_to {
            assert_eq!(value, 0.0, "{about} at {quantile}");
            continue;
        }
        let found = buckets.iter().find(|(_, count)| {
            up_to += count;
            rank <= up_to
        });
        assert!(is_in(value, found.unwrap().0), "{about} at {quantile}");
    }
}
