//! The text exposition format of Prometheus (version 0.0.4): the whole histograms and the figures
//! of every trial, in base units. There are no timestamps, so that a text-file collector accepts
//! it.

use std::fmt::Write as _;

use hdrhistogram::Histogram;

use jwtbench_result::trend::tracked::{NamedTrial, TrackedFigure, TrackedMetric};
use jwtbench_result::{LatencyKind, RunResult};

use crate::form::export::{Export, Exported, whole_latencies};
use crate::shown::line;

/// The upper ends of the five buckets within a decade, in tenths, evenly spaced on a logarithmic
/// axis.
const WITHIN_DECADE: [u64; 5] = [10, 16, 25, 40, 63];
/// A tenth of the start of each decade, in nanoseconds. The first decade starts at 100 ns and the
/// last at 1 s.
const DECADES: [u64; 8] = [10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
/// The last upper end, in nanoseconds.
const LAST_NS: u64 = 10_000_000_000;
const NS_PER_S: f64 = 1e9;

/// Names and values of labels.
type Labels<'l> = [(&'l str, &'l str)];

/// Writes the trials of `shown` as text. The bounds are those of the `whole` result. The whole
/// histograms are needed.
pub fn prometheus(shown: &RunResult, whole: &RunResult) -> Export {
    let exported = Exported::of(shown, whole);
    let mut out = String::new();
    about(&exported, whole, &mut out);
    for metric in TrackedMetric::ALL {
        gauges(&exported, metric, &mut out);
    }
    for kind in LatencyKind::ALL {
        histograms(&exported, kind, &mut out);
    }
    exported.form(out)
}

/// Writes the origin of the figures, and the number of trials that were left out.
fn about(exported: &Exported<'_>, result: &RunResult, out: &mut String) {
    let machine = &result.machine;
    let (cores, seed) = (machine.cores.to_string(), result.seed.to_string());
    let version = result.versions.get("jwtbench").map_or("", String::as_str);
    let labels = [
        ("version", version),
        ("revision", machine.revision.as_deref().unwrap_or("")),
        ("cpu", &machine.cpu),
        ("cores", &cores),
        ("arch", &machine.arch),
        ("kernel", &machine.kernel),
        ("build", &machine.profile),
        ("seed", &seed),
    ];
    head(out, "jwtbench_result_info", "gauge", "The result that these figures are of.");
    sample(out, "jwtbench_result_info", &labels, "1");
    if let Some(start) = result.started_ns() {
        let name = "jwtbench_result_start_time_seconds";
        head(out, name, "gauge", "Start of the run, in seconds since 1970.");
        sample(out, name, &[], &(start as f64 / NS_PER_S).to_string());
    }
    let name = "jwtbench_result_left_out_trials";
    if !exported.left_out.is_empty() {
        head(out, name, "gauge", "Trials whose figures do not stand alone and are not here.");
    }
    for (unsound, count) in &exported.left_out {
        sample(out, name, &[("reason", unsound.reason())], &count.to_string());
    }
}

/// The name of a metric, its divisor into base units and its help text.
const fn gauge(metric: TrackedMetric) -> (&'static str, f64, &'static str) {
    match metric {
        TrackedMetric::P50OverBound => (
            "jwtbench_service_p50_over_bound_ratio",
            1.0,
            "Median service time over that of the bare signature check of the same backend.",
        ),
        TrackedMetric::P50 => (
            "jwtbench_service_p50_seconds",
            NS_PER_S,
            "Median service time of accepted tokens: median of the rounds.",
        ),
        TrackedMetric::P99 => (
            "jwtbench_service_p99_seconds",
            NS_PER_S,
            "99th percentile of the service time of accepted tokens: median of the rounds.",
        ),
        TrackedMetric::Throughput => (
            "jwtbench_throughput_operations_per_second",
            1.0,
            "Completed operations per second of worker time at work: median of the rounds.",
        ),
        TrackedMetric::Cpu => (
            "jwtbench_cpu_seconds_per_operation",
            NS_PER_S,
            "CPU time of the workers per operation: median of the rounds.",
        ),
    }
}

fn gauges(exported: &Exported<'_>, metric: TrackedMetric, out: &mut String) {
    let (name, divisor, help) = gauge(metric);
    let figure = |named: &NamedTrial<'_>| -> Option<TrackedFigure> {
        let mut figures = exported.figures(named.trial).into_iter();
        figures.find(|(known, _)| *known == metric).map(|(_, figure)| figure)
    };
    let mut is_first = true;
    for named in &exported.trials {
        let Some(figure) = figure(named) else { continue };
        if is_first {
            head(out, name, "gauge", help);
            is_first = false;
        }
        let number = named.number.to_string();
        sample(out, name, &of_trial(named, &number), &(figure.value / divisor).to_string());
    }
}

/// The labels of a trial. Where the result holds an equal trial before it, a number is added.
fn of_trial<'l>(named: &NamedTrial<'l>, number: &'l str) -> Vec<(&'l str, &'l str)> {
    let trial = named.trial;
    let mut labels = vec![
        ("scenario", trial.scenario.as_str()),
        ("contender", trial.contender.as_str()),
        ("algorithm", trial.algorithm.as_str()),
        ("cache_policy", trial.cache_policy.as_str()),
    ];
    if named.number > 1 {
        labels.push(("repeat", number));
    }
    labels
}

fn histograms(exported: &Exported<'_>, kind: LatencyKind, out: &mut String) {
    let name = format!("jwtbench_{}_seconds", kind.name());
    let help = match kind {
        LatencyKind::Response => "Wait for the worker by the intended arrivals, and service.",
        LatencyKind::Service => "Start of an operation to its verdict.",
        LatencyKind::Lateness => "What the generator was late although the worker was free.",
    };
    let mut is_first = true;
    for named in &exported.trials {
        let number = named.number.to_string();
        for whole in whole_latencies(named.trial, kind) {
            if is_first {
                head(out, &name, "histogram", help);
                is_first = false;
            }
            let mut labels = of_trial(named, &number);
            labels.extend([
                ("phase", whole.phase),
                ("stream", whole.stream),
                ("class", whole.class),
                ("code", whole.code),
            ]);
            samples(out, &name, &labels, &whole.histogram);
        }
    }
}

/// Writes the samples of one histogram. A value counts as the highest value of its HdrHistogram
/// bucket, as in all our percentiles.
fn samples(out: &mut String, name: &str, labels: &Labels<'_>, histogram: &Histogram<u64>) {
    let mut steps = histogram.iter_recorded().peekable();
    let (bucket, mut up_to) = (format!("{name}_bucket"), 0u64);
    for end_ns in ends() {
        while let Some(step) = steps.next_if(|step| step.value_iterated_to() <= end_ns) {
            up_to = up_to.saturating_add(step.count_since_last_iteration());
        }
        let end = (end_ns as f64 / NS_PER_S).to_string();
        sample(out, &bucket, &[labels, &[("le", end.as_str())]].concat(), &up_to.to_string());
    }
    let count = histogram.len().to_string();
    sample(out, &bucket, &[labels, &[("le", "+Inf")]].concat(), &count);
    let sum = histogram.mean() * histogram.len() as f64 / NS_PER_S;
    sample(out, &format!("{name}_sum"), labels, &sum.to_string());
    sample(out, &format!("{name}_count"), labels, &count);
}

/// The upper ends of all buckets but the last, in nanoseconds.
fn ends() -> impl Iterator<Item = u64> {
    let decade = |decade: u64| WITHIN_DECADE.map(|tenths| tenths * decade);
    DECADES.into_iter().flat_map(decade).chain([LAST_NS])
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn sample(out: &mut String, name: &str, labels: &Labels<'_>, value: &str) {
    out.push_str(name);
    for (place, (label, value)) in labels.iter().enumerate() {
        let separator = if place == 0 { '{' } else { ',' };
        _ = write!(out, "{separator}{label}=\"{}\"", escaped(value));
    }
    if !labels.is_empty() {
        out.push('}');
    }
    _ = writeln!(out, " {value}");
}

/// The value of a label. Backslash, quote and line feed are escaped. Other control characters are
/// replaced, because they could control a terminal.
fn escaped(value: &str) -> String {
    let lines: Vec<String> = value.split('\n').map(line).collect();
    lines.join("\n").replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
