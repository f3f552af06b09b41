//! The forms for programs that read no remarks: each parsed back by another reader than its writer,
//! its figures held against the histograms, and nothing in it that does not stand alone.

#![allow(clippy::unwrap_used)]

mod otlp;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::json;

use jwtbench_report::{Direction, Export, bencher, github_action, opentelemetry, prometheus};
use jwtbench_result::host::window;
use jwtbench_result::latency::histogram_log::{self, Series};
use jwtbench_result::*;

/// A row of `count` operations: 1 µs late each but the first, served in 10 µs, 20 µs …
fn row(class: &str, code: &str, count: u64) -> OutcomeRow {
    let mut latencies = Latencies::default();
    let late = |number: u64| if number == 1 { 0 } else { 1_000 };
    (1..=count).for_each(|n| latencies.record(n * 10_000 + late(n), n * 10_000, late(n)));
    OutcomeRow {
        stream: "users".into(),
        class: class.into(),
        code: code.into(),
        count,
        latency: Some(latencies.summarise()),
        whole: Some(PackedLatencies::pack(&latencies)),
    }
}

fn trial(scenario: &str, contender: &str, cost: u64) -> Measurement {
    let round = |number: u64| Round {
        done: 1_000,
        throughput_per_s: 1e9 / (cost + number) as f64,
        p50_ns: cost + number * 100,
        p99_ns: 2 * cost + number * 100,
        cpu_ns_per_op: Some(cost as f64),
        ..Round::default()
    };
    let phase = |name: &str, start_ns, outcomes| PhaseResult {
        name: name.into(),
        start_ns,
        end_ns: start_ns + 500_000_000,
        outcomes,
        ..PhaseResult::default()
    };
    let late = vec![row("valid", "ACCEPT", 5_000), row("expired", "JWT_EXPIRED", 7)];
    let mut trial = Measurement {
        scenario: scenario.into(),
        contender: contender.into(),
        algorithm: "ES256".into(),
        cache_policy: "default".into(),
        rounds: (0..3).map(round).collect(),
        phases: vec![
            phase("start", 0, vec![row("valid", "ACCEPT", 1_000)]),
            phase("the \"end\",\\\nnow", 500_000_000, late),
        ],
        ..Measurement::default()
    };
    trial.verdicts.judged = 6_007;
    trial
}

/// Two contenders, the bound of one of them, one under another cache policy, and one made twice.
fn result() -> RunResult {
    let mut other = trial("b/two", "core:ring", 40_000);
    other.cache_policy = "nimbus-like".into();
    let twice = trial("b/two", "core:graviola", 30_000);
    let measurements = vec![
        trial("a/one", "core:ring", 50_000),
        trial("a/one", "raw:ring", 40_000),
        other,
        twice.clone(),
        twice,
    ];
    RunResult {
        schema_version: SCHEMA_VERSION,
        command: "jwtbench run".into(),
        started_at: "2026-03-14T09:26:53Z".into(),
        elapsed_s: 5.5,
        seed: u64::MAX,
        partial: false,
        machine: Machine {
            cpu: "Example \u{1b}[31mCPU".into(),
            cores: 2,
            memory_bytes: 8 << 30,
            arch: "x86_64".into(),
            profile: "release".into(),
            revision: Some("39744189ab12+".into()),
            ..Machine::default()
        },
        versions: [("jwtbench", "0.1.0"), ("core:ring", "ring 0.17.14")]
            .map(|(name, version)| (name.into(), version.into()))
            .into(),
        scenarios: Vec::new(),
        cache_policies: Vec::new(),
        measurements,
        rate_bases: Vec::new(),
        capacities: Vec::new(),
        outcome_ranges: Vec::new(),
    }
}

/// Every form of a result, by name.
fn forms(result: &RunResult) -> [(&'static str, Export); 5] {
    [
        ("opentelemetry", opentelemetry(result, result)),
        ("prometheus", prometheus(result, result)),
        ("bencher", bencher(result, result)),
        ("smaller", github_action(result, result, Direction::Smaller)),
        ("bigger", github_action(result, result, Direction::Bigger)),
    ]
}

#[test]
fn opentelemetry_is_otlp_and_holds_every_histogram() {
    let result = result();
    let export = opentelemetry(&result, &result);
    assert_eq!((export.trials, export.text.lines().count()), (5, 5), "a line for each trial");
    let mut seen = BTreeSet::new();
    for (line, trial) in export.text.lines().zip(&result.measurements) {
        let request: otlp::Request = serde_json::from_str(line).unwrap();
        let [of_resource] = request.resource_metrics.as_slice() else { panic!("{line}") };
        let attributes = of_resource.resource.attributes.iter();
        let resource: BTreeMap<&str, &serde_json::Value> =
            attributes.map(|attribute| (attribute.key.as_str(), &attribute.value)).collect();
        let cpu = "Example \u{fffd}[31mCPU";
        assert_eq!(*resource["host.arch"], json!({"stringValue": "amd64"}));
        assert_eq!(*resource["jwtbench.machine.cores"], json!({"intValue": "2"}), "as text");
        assert_eq!(*resource["jwtbench.machine.virtualised"], json!({"boolValue": false}));
        assert_eq!(*resource["host.cpu.model.name"], json!({"stringValue": cpu}));
        let [of_scope] = of_resource.scope_metrics.as_slice() else { panic!("{line}") };
        assert_eq!((&*of_scope.scope.name, &*of_scope.scope.version), ("jwtbench", "0.1.0"));
        for metric in &of_scope.metrics {
            assert!(!metric.description.is_empty() && metric.name.starts_with("jwtbench."));
            if let Some(gauge) = &metric.gauge {
                let [point] = gauge.data_points.as_slice() else { panic!("{line}") };
                assert_eq!(point.time_unix_nano, "1773480418500000000");
                assert!(seen.insert(format!("{} {:?}", metric.name, point.attributes)));
                if metric.name == "jwtbench.service.p50" {
                    let p50 = trial.rounds[1].p50_ns as f64 / 1e9;
                    assert!(metric.unit == "s" && point.as_double == p50, "{line}");
                    assert_eq!(point.start_time_unix_nano, "1773480413000000000");
                }
                continue;
            }
            let histogram = metric.exponential_histogram.as_ref().unwrap();
            assert_eq!((histogram.aggregation_temporality, metric.unit.as_str()), (1, "s"));
            let kind = metric.name.split('.').nth(1).unwrap();
            let series: Vec<Series<'_>> =
                Series::of(trial).filter(|series| series.kind.name() == kind).collect();
            assert_eq!(histogram.data_points.len(), series.len(), "{}", metric.name);
            for (point, series) in histogram.data_points.iter().zip(series) {
                assert_eq!(point.start_time_unix_nano, "1773480413000000000");
                assert_eq!(point.time_unix_nano, "1773480418500000000");
                assert!(seen.insert(format!("{} {:?}", metric.name, point.attributes)), "once");
                let whole = series.row.whole.as_ref().unwrap().histogram(series.kind);
                otlp::hold(point, &whole, &series.to_string());
            }
        }
    }
    assert!(seen.iter().any(|name| name.starts_with("jwtbench.service.p50_over_bound")));
}

/// One sample of the text exposition format.
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

/// Reads a sample as Prometheus does: labels in braces, their values with three escapes.
fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).unwrap();
    let name = line[..end].to_owned();
    let mut labels = Vec::new();
    let mut rest = &line[end..];
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").unwrap();
            let mut value = String::new();
            let mut chars = after.char_indices();
            let close = loop {
                match chars.next().unwrap() {
                    (place, '"') => break place,
                    (_, '\\') => value.push(match chars.next().unwrap().1 {
                        'n' => '\n',
                        c @ ('\\' | '"') => c,
                        c => panic!("an escape that is none: {c} in {line}"),
                    }),
                    (_, c) => value.push(c),
                }
            };
            labels.push((label.to_owned(), value));
            rest = after[close + 1..].trim_start_matches(',');
        }
        rest = &rest[1..];
    }
    let value = rest.trim_start().parse().unwrap();
    Sample { name, labels, value }
}

/// The samples of each family by its name, with its kind; a family is whole and has a head.
fn families(text: &str) -> BTreeMap<String, (String, Vec<Sample>)> {
    let mut families: BTreeMap<String, (String, Vec<Sample>)> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("# HELP ") {
            current = head.split(' ').next().unwrap().to_owned();
            assert!(!families.contains_key(&current), "{current} comes in two parts");
        } else if let Some(head) = line.strip_prefix("# TYPE ") {
            let (name, kind) = head.split_once(' ').unwrap();
            assert_eq!(name, current);
            families.insert(name.into(), (kind.into(), Vec::new()));
        } else {
            let sample = sample(line);
            let (kind, samples) = families.get_mut(&current).unwrap();
            let part = sample.name.strip_prefix(&current).unwrap();
            let parts: &[&str] =
                if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            assert!(parts.contains(&part), "{line}");
            samples.push(sample);
        }
    }
    families
}

#[test]
fn prometheus_text_is_read_line_by_line() {
    let result = result();
    let export = prometheus(&result, &result);
    let families = families(&export.text);
    let names: Vec<&str> = families.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "jwtbench_cpu_seconds_per_operation",
            "jwtbench_lateness_seconds",
            "jwtbench_response_seconds",
            "jwtbench_result_info",
            "jwtbench_result_start_time_seconds",
            "jwtbench_service_p50_over_bound_ratio",
            "jwtbench_service_p50_seconds",
            "jwtbench_service_p99_seconds",
            "jwtbench_service_seconds",
            "jwtbench_throughput_operations_per_second",
        ]
    );
    let mut seen = BTreeSet::new();
    for sample in families.values().flat_map(|(_, samples)| samples) {
        assert!(
            seen.insert(format!("{} {:?}", sample.name, sample.labels)),
            "twice: {}",
            sample.name
        );
    }
    let p50 = &families["jwtbench_service_p50_seconds"].1;
    assert!((p50[0].value - 50.1e-6).abs() < 1e-12, "in seconds: {}", p50[0].value);
    let start = &families["jwtbench_result_start_time_seconds"].1[0];
    assert_eq!(start.value, 1_773_480_413.0);
    let ratio = &families["jwtbench_service_p50_over_bound_ratio"].1;
    assert_eq!(ratio.len(), 1, "only one contender has its bound beside it");
    assert!((ratio[0].value - 50_100.0 / 40_100.0).abs() < 1e-9);
    assert!(!export.text.contains('\u{1b}'), "no control character reaches a terminal");
}

#[test]
fn prometheus_buckets_are_cumulative_and_hold_what_was_recorded() {
    let result = result();
    let families = families(&prometheus(&result, &result).text);
    for kind in LatencyKind::ALL {
        let samples = &families[&format!("jwtbench_{}_seconds", kind.name())].1;
        let mut left = samples.as_slice();
        for series in Series::all(&result).filter(|series| series.kind == kind) {
            let whole = series.row.whole.as_ref().unwrap().histogram(kind);
            let length = left.iter().position(|s| s.name.ends_with("_count")).unwrap() + 1;
            let (own, rest) = left.split_at(length);
            left = rest;
            let (buckets, ends) = own.split_at(length - 2);
            let label = |sample: &Sample, name: &str| {
                let found = sample.labels.iter().find(|(label, _)| label == name);
                found.map(|(_, value)| value.clone()).unwrap()
            };
            assert_eq!(label(&own[0], "phase"), series.phase.name, "escaped and read back");
            let mut last = (0.0, 0.0);
            for bucket in buckets {
                let le: f64 = label(bucket, "le").parse().unwrap();
                assert!(le > last.0 && bucket.value >= last.1, "{series}: not cumulative at {le}");
                last = (le, bucket.value);
                let up_to = |limit: u64| whole.count_between(0, limit);
                if le.is_finite() {
                    let ns = (le * 1e9).round() as u64;
                    // An HdrHistogram bucket that reaches beyond the end is counted above it.
                    let above = whole.count_between(ns, ns);
                    let exact = [up_to(ns), up_to(ns) - above];
                    assert!(exact.contains(&(bucket.value as u64)), "{series} at {le}");
                }
            }
            assert_eq!(last, (f64::INFINITY, whole.len() as f64), "{series}");
            assert_eq!(ends[1].value, whole.len() as f64, "{series}");
            let sum = whole.mean() * whole.len() as f64 / 1e9;
            assert!((ends[0].value - sum).abs() <= sum * 1e-9, "{series}");
        }
        assert!(left.is_empty());
    }
}

/// The schema of Bencher Metric Format, as its documentation has it.
const BENCHER: &str = r#"{"type": "object", "patternProperties": {".+": {"type": "object",
    "patternProperties": {".+": {"type": "object", "required": ["value"], "properties": {
    "value": {"type": "number"}, "lower_value": {"type": "number"},
    "upper_value": {"type": "number"}}}}}}}"#;

#[test]
fn bencher_metric_format_is_valid_and_named() {
    let result = result();
    let export = bencher(&result, &result);
    let document: serde_json::Value = serde_json::from_str(&export.text).unwrap();
    let schema = serde_json::from_str(BENCHER).unwrap();
    assert!(jsonschema::is_valid(&schema, &document), "{document}");
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Metric {
        value: f64,
        lower_value: f64,
        upper_value: f64,
    }
    let benchmarks: BTreeMap<String, BTreeMap<String, Metric>> =
        serde_json::from_value(document).unwrap();
    let names: Vec<&str> = benchmarks.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "a/one/core:ring/ES256",
            "a/one/raw:ring/ES256",
            "b/two/core:graviola/ES256",
            "b/two/core:graviola/ES256#2",
            "b/two/core:ring/ES256@nimbus-like",
        ]
    );
    for metric in benchmarks.values().flat_map(BTreeMap::values) {
        assert!(metric.lower_value <= metric.value && metric.value <= metric.upper_value);
    }
    let ring = &benchmarks["a/one/core:ring/ES256"];
    let measures: Vec<&str> = ring.keys().map(String::as_str).collect();
    let all = ["cpu-ns-per-operation", "p50-ns", "p50-over-bound-ratio", "p99-ns"];
    assert_eq!(measures[..4], all);
    assert_eq!(measures[4], "throughput-operations-per-s");
    let p50 = &ring["p50-ns"];
    assert_eq!((p50.value, p50.lower_value, p50.upper_value), (50_100.0, 50_000.0, 50_200.0));
    assert!(!benchmarks["a/one/raw:ring/ES256"].contains_key("p50-over-bound-ratio"));
}

#[test]
fn github_action_benchmark_has_one_array_for_each_direction() {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Benchmark {
        name: String,
        unit: String,
        value: f64,
        range: String,
        extra: String,
    }
    let result = result();
    let read = |direction| -> Vec<Benchmark> {
        serde_json::from_str(&github_action(&result, &result, direction).text).unwrap()
    };
    let (smaller, bigger) = (read(Direction::Smaller), read(Direction::Bigger));
    assert_eq!((smaller.len(), bigger.len()), (16, 5), "p50, p99, cpu of five, and one ratio");
    assert!(bigger.iter().all(|one| one.name.ends_with("/throughput")));
    let names: BTreeSet<&str> =
        smaller.iter().chain(&bigger).map(|one| one.name.as_str()).collect();
    assert_eq!(names.len(), 21, "every name once");
    let p50 = smaller.iter().find(|one| one.name == "a/one/core:ring/ES256/p50").unwrap();
    assert_eq!((p50.value, p50.unit.as_str()), (50_100.0, "ns"));
    assert_eq!(p50.range, "50000 to 50200");
    assert!(p50.extra.contains("rounds 3") && p50.extra.contains("39744189ab12+"), "{}", p50.extra);
    assert!(!p50.extra.contains('\u{1b}'), "{}", p50.extra);
}

#[test]
fn what_does_not_stand_alone_is_in_no_form() {
    type Spoil = fn(&mut RunResult);
    let rows: [(Spoil, &str); 7] = [
        (|r| r.measurements[0].verdicts.wrong = 1, "with a wrong verdict"),
        (|r| r.measurements[0].error = Some("broke".into()), "without valid figures"),
        (|r| r.measurements[0].verdicts.judged = 0, "without a verdict that was judged"),
        (|r| r.measurements[0].noisy = Some("3 of 3".into()), "that the host disturbed"),
        (|r| r.measurements[0].virtual_time = true, "in virtual time"),
        (|r| r.measurements[0].planted = Some("slow".into()), "with a fault that was planted"),
        (
            |r| r.measurements[0].phases[1].verdict = Some(window::WindowVerdict::HostStolen),
            "that the host disturbed",
        ),
    ];
    for (spoil, reason) in rows {
        let mut result = result();
        spoil(&mut result);
        for (form, export) in forms(&result) {
            assert_eq!(export.trials, 4, "{form}: {reason}");
            assert_eq!(export.left_out, [format!("left out 1 of 5 trials, {reason}")], "{form}");
            let is_there = |scenario: &str, contender: &str| match form {
                "opentelemetry" => export.text.lines().any(|line| {
                    line.contains(&format!("\"stringValue\":\"{scenario}\""))
                        && line.contains(&format!("\"stringValue\":\"{contender}\""))
                }),
                "prometheus" => {
                    let labels = format!("scenario=\"{scenario}\",contender=\"{contender}\"");
                    export.text.contains(&labels)
                }
                _ => export.text.contains(&format!("{scenario}/{contender}/")),
            };
            assert!(!is_there("a/one", "core:ring"), "{form}: {reason}: {}", export.text);
            assert!(is_there("a/one", "raw:ring"), "{form}: the others are there");
        }
    }
    let whole: [(Spoil, &str); 2] = [
        (|r| r.partial = true, "of a run that was cut short"),
        (|r| r.machine.profile = "debug".into(), "of a debug build"),
    ];
    for (spoil, reason) in whole {
        let mut result = result();
        spoil(&mut result);
        for (form, export) in forms(&result) {
            assert_eq!(export.trials, 0, "{form}: {reason}");
            assert_eq!(export.left_out, [format!("left out 5 of 5 trials, {reason}")], "{form}");
        }
    }
}

#[test]
fn a_ratio_stands_with_its_bound() {
    let mut result = result();
    result.measurements[1].noisy = Some("3 of 3".into());
    let export = bencher(&result, &result);
    assert!(!export.text.contains("p50-over-bound"), "{}", export.text);
    assert!(export.text.contains("a/one/core:ring/ES256"), "its own times stand");
    let said = export.left_out.join("; ");
    assert!(said.contains("left out p50-over-bound of 1 trial: "), "{said}");
    // A bound that the filters leave out is still the bound.
    let whole = self::result();
    let mut shown = whole.clone();
    shown.measurements.truncate(1);
    let export = bencher(&shown, &whole);
    assert!(export.text.contains("p50-over-bound") && export.left_out.is_empty(), "{export:?}");
}

/// Older results have several rows of one phase, stream, class and code.
#[test]
fn rows_of_one_kind_are_one_series() {
    let mut result = result();
    result.measurements.truncate(1);
    let rows = &mut result.measurements[0].phases[0].outcomes;
    rows.insert(0, row("valid", "ACCEPT", 10));
    // As they come out of a log, where they do not grow.
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("result.hlog");
    std::fs::write(&log, histogram_log::write(&result)).unwrap();
    histogram_log::attach(&mut result, &log).unwrap();
    let families = families(&prometheus(&result, &result).text);
    let samples = &families["jwtbench_service_seconds"].1;
    let counts = samples.iter().filter(|sample| sample.name.ends_with("_count"));
    let counts: Vec<f64> = counts.map(|sample| sample.value).collect();
    assert_eq!(counts, [1_010.0, 5_000.0, 7.0]);
    let line = opentelemetry(&result, &result).text;
    assert_eq!(line.matches("\"count\":\"1010\"").count(), 3, "each of the three latencies");
    assert_eq!(line.matches("\"stringValue\":\"ACCEPT\"").count(), 6, "two rows of each");
}

#[test]
fn names_of_foreign_results_do_no_harm() {
    let mut result = result();
    result.measurements[0].scenario = "a\u{1b}]0;x\u{7}\u{9b}/\"one\"\n{}\\".into();
    for (form, export) in forms(&result) {
        let is_harmful = |c: char| c.is_control() && c != '\n';
        assert!(!export.text.contains(is_harmful), "{form}");
        match form {
            "prometheus" => assert!(!families(&export.text).is_empty()),
            "opentelemetry" => assert_eq!(export.text.lines().count(), 5),
            _ => assert!(serde_json::from_str::<serde_json::Value>(&export.text).is_ok()),
        }
    }
}
