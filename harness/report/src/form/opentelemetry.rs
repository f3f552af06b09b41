//! OpenTelemetry metrics as a file of JSON Lines. Each line is an ExportMetricsServiceRequest in
//! the JSON encoding of OTLP 1, one for each trial. The whole histograms become exponential ones,
//! and durations are in seconds. In that encoding 64-bit integers are text and enumerations are
//! numbers.

mod exponential;

use exponential::ExponentialHistogram;
use serde::Serialize;

use jwtbench_result::trend::tracked::{NamedTrial, TrackedFigure, TrackedMetric};
use jwtbench_result::{LatencyKind, RunResult};

use crate::form::export::{Export, Exported, WholeLatency, whole_latencies};
use crate::shown;

/// AGGREGATION_TEMPORALITY_DELTA: a result is one closed interval that adds to no other.
const DELTA: u32 = 1;
const NS_PER_S: f64 = 1e9;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MetricsRequest<'r> {
    resource_metrics: [ResourceMetrics<'r>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceMetrics<'r> {
    resource: Resource<'r>,
    scope_metrics: [ScopeMetrics<'r>; 1],
}

#[derive(Serialize)]
struct Resource<'r> {
    attributes: &'r [Attribute],
}

#[derive(Serialize)]
struct ScopeMetrics<'r> {
    scope: OtlpScope<'r>,
    metrics: Vec<OtlpMetric>,
}

#[derive(Serialize)]
struct OtlpScope<'r> {
    name: &'static str,
    version: &'r str,
}

#[derive(Clone, Serialize)]
struct Attribute {
    key: String,
    value: AttributeValue,
}

#[derive(Clone, Serialize)]
enum AttributeValue {
    #[serde(rename = "stringValue")]
    Text(String),
    #[serde(rename = "intValue")]
    Int(String),
    #[serde(rename = "boolValue")]
    Bool(bool),
}

#[derive(Serialize)]
struct OtlpMetric {
    name: String,
    description: &'static str,
    unit: &'static str,
    #[serde(flatten)]
    data: MetricData,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum MetricData {
    #[serde(rename_all = "camelCase")]
    ExponentialHistogram { aggregation_temporality: u32, data_points: Vec<HistogramPoint> },
    #[serde(rename_all = "camelCase")]
    Gauge { data_points: Vec<GaugePoint> },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HistogramPoint {
    attributes: Vec<Attribute>,
    start_time_unix_nano: String,
    time_unix_nano: String,
    count: String,
    sum: f64,
    scale: i32,
    zero_count: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    positive: Option<Buckets>,
    min: f64,
    max: f64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Buckets {
    offset: i32,
    bucket_counts: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GaugePoint {
    attributes: Vec<Attribute>,
    start_time_unix_nano: String,
    time_unix_nano: String,
    as_double: f64,
}

/// Writes the trials of `shown`, a line each. The bounds are those of the `whole` result. The whole
/// histograms are needed.
pub fn opentelemetry(shown: &RunResult, whole: &RunResult) -> Export {
    let exported = Exported::of(shown, whole);
    let attributes = resource(whole);
    let version = whole.versions.get("jwtbench").map_or("", String::as_str);
    let mut text = String::new();
    for named in &exported.trials {
        let span = OtlpSpan::of(whole);
        let mut metrics: Vec<OtlpMetric> =
            LatencyKind::ALL.into_iter().filter_map(|kind| latency(named, kind, &span)).collect();
        let figures = exported.figures(named.trial).into_iter();
        metrics.extend(figures.map(|(metric, figure)| gauge(named, metric, figure, &span)));
        let scope = OtlpScope { name: "jwtbench", version };
        let request = MetricsRequest {
            resource_metrics: [ResourceMetrics {
                resource: Resource { attributes: &attributes },
                scope_metrics: [ScopeMetrics { scope, metrics }],
            }],
        };
        text.push_str(&serde_json::to_string(&request).unwrap_or_default());
        text.push('\n');
    }
    exported.form(text)
}

/// The start and the end of the run, in nanoseconds since 1970. A value of 0 means unknown.
struct OtlpSpan {
    start: u64,
    end: u64,
}

impl OtlpSpan {
    fn of(result: &RunResult) -> OtlpSpan {
        let start = result.started_ns().unwrap_or(0);
        let length = (result.elapsed_s.max(0.0) * NS_PER_S) as u64;
        OtlpSpan { start, end: if start == 0 { 0 } else { start.saturating_add(length) } }
    }
}

fn text(key: &str, value: &str) -> Attribute {
    Attribute { key: shown::line(key), value: AttributeValue::Text(shown::line(value)) }
}

/// The attributes of the program and the machine, named as in the semantic conventions where these
/// have a name.
fn resource(result: &RunResult) -> Vec<Attribute> {
    let machine = &result.machine;
    let arch = match machine.arch.as_str() {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let version = result.versions.get("jwtbench").map_or("", String::as_str);
    let mut attributes = vec![
        text("service.name", "jwtbench"),
        text("service.version", version),
        text("host.arch", arch),
        text("host.cpu.model.name", &machine.cpu),
        text("os.description", &machine.kernel),
        text("jwtbench.build.profile", &machine.profile),
        text("jwtbench.build.rustc", &machine.rustc),
        text("jwtbench.seed", &result.seed.to_string()),
    ];
    let int = |key: &str, value: u64| Attribute {
        key: key.to_owned(),
        value: AttributeValue::Int(value.to_string()),
    };
    attributes.push(int("jwtbench.machine.cores", machine.cores.into()));
    if let Ok(bytes) = i64::try_from(machine.memory_bytes) {
        attributes.push(int("jwtbench.machine.memory_bytes", bytes.unsigned_abs()));
    }
    attributes.push(Attribute {
        key: "jwtbench.machine.virtualised".to_owned(),
        value: AttributeValue::Bool(machine.virtualised),
    });
    if let Some(revision) = &machine.revision {
        attributes.push(text("vcs.ref.head.revision", revision));
    }
    let versions = result.versions.iter().filter(|(name, _)| *name != "jwtbench");
    attributes
        .extend(versions.map(|(name, version)| text(&format!("jwtbench.version.{name}"), version)));
    attributes
}

/// The attributes of a trial. Where the result holds an equal trial before it, a number is added.
fn of_trial(named: &NamedTrial<'_>) -> Vec<Attribute> {
    let trial = named.trial;
    let mut attributes = vec![
        text("jwtbench.scenario", &trial.scenario),
        text("jwtbench.contender", &trial.contender),
        text("jwtbench.algorithm", &trial.algorithm),
        text("jwtbench.cache_policy", &trial.cache_policy),
    ];
    if named.number > 1 {
        attributes.push(Attribute {
            key: "jwtbench.repeat".to_owned(),
            value: AttributeValue::Int(named.number.to_string()),
        });
    }
    attributes
}

/// The metric of one of the three latencies, with a point for each phase, stream, class and code.
/// It is `None` where no histogram was kept.
fn latency(named: &NamedTrial<'_>, kind: LatencyKind, span: &OtlpSpan) -> Option<OtlpMetric> {
    let (name, description) = match kind {
        LatencyKind::Response => {
            ("response", "Wait for the worker by the intended arrivals, and service.")
        }
        LatencyKind::Service => ("service", "Start of an operation to its verdict."),
        LatencyKind::Lateness => {
            ("lateness", "What the generator was late although the worker was free.")
        }
    };
    let whole = whole_latencies(named.trial, kind);
    let data_points: Vec<HistogramPoint> =
        whole.iter().map(|whole| histogram_point(named, whole, span)).collect();
    (!data_points.is_empty()).then(|| OtlpMetric {
        name: format!("jwtbench.{name}.duration"),
        description,
        unit: "s",
        data: MetricData::ExponentialHistogram { aggregation_temporality: DELTA, data_points },
    })
}

fn histogram_point(
    named: &NamedTrial<'_>,
    whole: &WholeLatency<'_>,
    span: &OtlpSpan,
) -> HistogramPoint {
    let histogram = &whole.histogram;
    let exponential = ExponentialHistogram::of(histogram);
    let mut attributes = of_trial(named);
    attributes.extend([
        text("jwtbench.phase", whole.phase),
        text("jwtbench.stream", whole.stream),
        text("jwtbench.class", whole.class),
        text("jwtbench.code", whole.code),
    ]);
    let positive = (!exponential.counts.is_empty()).then(|| Buckets {
        offset: exponential.offset,
        bucket_counts: exponential.counts.iter().map(u64::to_string).collect(),
    });
    HistogramPoint {
        attributes,
        start_time_unix_nano: span.start.to_string(),
        time_unix_nano: span.end.to_string(),
        count: histogram.len().to_string(),
        sum: histogram.mean() * histogram.len() as f64 / NS_PER_S,
        scale: exponential.scale,
        zero_count: exponential.zero_count.to_string(),
        positive,
        min: exponential.min_ns as f64 / NS_PER_S,
        max: histogram.max() as f64 / NS_PER_S,
    }
}

fn gauge(
    named: &NamedTrial<'_>,
    metric: TrackedMetric,
    figure: TrackedFigure,
    span: &OtlpSpan,
) -> OtlpMetric {
    let (name, unit, divisor) = match metric {
        TrackedMetric::P50OverBound => ("service.p50_over_bound", "1", 1.0),
        TrackedMetric::P50 => ("service.p50", "s", NS_PER_S),
        TrackedMetric::P99 => ("service.p99", "s", NS_PER_S),
        TrackedMetric::Throughput => ("throughput", "{operation}/s", 1.0),
        TrackedMetric::Cpu => ("cpu.time_per_operation", "s/{operation}", NS_PER_S),
    };
    OtlpMetric {
        name: format!("jwtbench.{name}"),
        description: metric.meaning(),
        unit,
        data: MetricData::Gauge {
            data_points: vec![GaugePoint {
                attributes: of_trial(named),
                start_time_unix_nano: span.start.to_string(),
                time_unix_nano: span.end.to_string(),
                as_double: figure.value / divisor,
            }],
        },
    }
}
