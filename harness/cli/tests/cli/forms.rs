//! The forms that other tools read, each read back by another reader than its writer: the log by
//! the crate's own iterator, XML by an XML parser, CSV by a CSV parser. `scripts/hdr` holds log and
//! tables against an HdrHistogram library in another language.

#![allow(clippy::unwrap_used)]

use crate::binary;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use binary::{jwtbench, scenario_file};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use jwtbench_report::{csv, hgrm, junit, percentile_tables};
use jwtbench_result::latency::histogram_log;
use jwtbench_result::*;

/// A row of `count` operations: 1 µs late each, served in 10 µs, 20 µs …
fn row(class: &str, code: &str, count: u64) -> OutcomeRow {
    let mut latencies = Latencies::default();
    (1..=count).for_each(|number| latencies.record(number * 10_000, number * 10_000, 1_000));
    OutcomeRow {
        stream: "users".into(),
        class: class.into(),
        code: code.into(),
        count,
        latency: Some(latencies.summarise()),
        whole: Some(PackedLatencies::pack(&latencies)),
    }
}

fn phase(name: &str, start_ns: i64, outcomes: Vec<OutcomeRow>) -> PhaseResult {
    PhaseResult {
        name: name.into(),
        start_ns,
        end_ns: start_ns + 500_000_000,
        outcomes,
        ..PhaseResult::default()
    }
}

fn measurement(scenario: &str, contender: &str, outcomes: Vec<OutcomeRow>) -> Measurement {
    let calm = row("valid", "ACCEPT", 1_000);
    Measurement {
        scenario: scenario.into(),
        family: "user".into(),
        contender: contender.into(),
        algorithm: "ES256".into(),
        cache_policy: "default".into(),
        rounds: vec![Round::default(); 3],
        phases: vec![
            phase("start", 0, vec![calm]),
            phase("the end, \"now\"", 500_000_000, outcomes),
        ],
        ..Measurement::default()
    }
}

/// One good trial, one with a wrong verdict, one that missed two expectations, one without figures.
fn result() -> RunResult {
    let good = vec![row("valid", "ACCEPT", 5_000), row("expired", "JWT_EXPIRED", 7)];
    let mut wrong = measurement("a/one", "core:null", vec![row("expired", "ACCEPT", 1)]);
    wrong.verdicts.wrong = 1;
    let [class, due, got] = ["expired", "JWT_EXPIRED", "ACCEPT"].map(String::from);
    wrong.wrong = vec![Wrong { class, due, got, count: 1 }];
    let mut missed = measurement("b/two", "core:ring", vec![row("valid", "ACCEPT", 3)]);
    let expectation = |key: &str, value, met| ExpectationResult {
        key: key.into(),
        bound: "< 2".into(),
        value,
        met,
    };
    missed.expectations = vec![
        expectation("all.users.valid.lockouts", 190.0, false),
        expectation("all.users.ACCEPT.response.p99", 1.5e6, false),
        expectation("all.users.valid.late", 0.0, true),
    ];
    let mut broken = measurement("b/two", "core:graviola", Vec::new());
    broken.phases.clear();
    broken.error = Some("no AVX2 <here> & now\u{1b}[31m".into());
    let record = |name: &str| ScenarioRecord {
        name: name.into(),
        family: "user".into(),
        title: String::new(),
        analysis: String::new(),
        dynamic: false,
        text: String::new(),
        load: None,
        policy: None,
        cache_dropped: Vec::new(),
        judged_at_s: None,
    };
    RunResult {
        schema_version: SCHEMA_VERSION,
        command: "jwtbench run".into(),
        started_at: "2026-03-14T09:26:53Z".into(),
        elapsed_s: 5.0,
        seed: 7,
        partial: false,
        machine: Machine { profile: "release".into(), ..Machine::default() },
        versions: BTreeMap::new(),
        scenarios: ["a/one", "b/two", "c/three"].map(record).into(),
        measurements: vec![measurement("a/one", "core:ring", good), wrong, missed, broken],
        cache_policies: Vec::new(),
        rate_bases: Vec::new(),
        capacities: Vec::new(),
        outcome_ranges: Vec::new(),
    }
}

/// The intervals of a log: tag, start and length in milliseconds, highest value as written.
fn intervals(log: &str) -> Vec<(String, u128, u128, f64, Histogram<u64>)> {
    let entries = IntervalLogIterator::new(log.as_bytes()).map(|entry| entry.expect("a log"));
    let interval = |entry| match entry {
        LogEntry::Interval(interval) => {
            let bytes = STANDARD.decode(interval.encoded_histogram()).unwrap();
            let histogram = Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
            let span = [interval.start_timestamp(), interval.duration()].map(|d| d.as_millis());
            let tag = interval.tag().expect("a tag").as_str().to_owned();
            Some((tag, span[0], span[1], interval.max(), histogram))
        }
        _ => None,
    };
    entries.filter_map(interval).collect()
}

/// A log read back into a result whose rows have none.
fn attach(result: &RunResult, log: &str) -> Result<RunResult, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("result.hlog");
    fs::write(&path, log).unwrap();
    let mut bare: RunResult =
        serde_json::from_str(&serde_json::to_string(result).unwrap()).unwrap();
    assert!(!bare.has_histograms(), "result.jsonl holds none");
    histogram_log::attach(&mut bare, &path).map_err(|error| error.to_string())?;
    Ok(bare)
}

#[test]
fn the_log_holds_every_histogram_under_its_tag() {
    let result = result();
    let log = histogram_log::write(&result);
    assert_eq!(log, histogram_log::write(&result), "the same twice");
    assert!(log.starts_with("#[Histogram log format version 1.3]\n"), "{log}");
    assert!(log.contains("\n#[StartTime: 1773480413.000 (seconds since epoch)]\n"), "{log}");
    let intervals = intervals(&log);
    let rows = result.measurements.iter().flat_map(|m| &m.phases).map(|p| p.outcomes.len());
    assert_eq!(intervals.len(), 3 * rows.sum::<usize>());
    let (tag, start, length, max, histogram) = &intervals[4];
    assert_eq!(
        tag,
        "scenario=a/one;contender=core:ring;algorithm=ES256;cache=default;\
         phase=the%20end%2C%20%22now%22;stream=users;class=valid;code=ACCEPT;kind=service"
    );
    assert_eq!((*start, *length), (500, 500));
    assert_eq!(histogram.len(), 5_000);
    // 10 µs to 50 ms, evenly; 3 digits.
    assert!(histogram.value_at_quantile(0.99).abs_diff(49_500_000) < 49_500, "{tag}");
    assert!((max - 50.0).abs() < 0.05, "in milliseconds: {max}");
    let tags: Vec<&String> = intervals.iter().map(|(tag, ..)| tag).collect();
    assert!(tags.iter().all(|tag| !tag.contains([' ', ','])), "{tags:?}");
}

#[test]
fn a_log_read_back_gives_the_same_forms() {
    let result = result();
    let log = histogram_log::write(&result);
    let read = attach(&result, &log).unwrap();
    assert_eq!(histogram_log::write(&read), log);
    assert_eq!(hgrm(&read), hgrm(&result));
    assert_eq!(csv(&read), csv(&result));
}

#[test]
fn a_dropped_round_is_in_no_histogram() {
    let mut result = result();
    // 1,000 operations in histograms, and 200 of a round whose times were withheld.
    result.measurements[0].phases[0].outcomes[0].count = 1_200;
    let log = histogram_log::write(&result);
    assert_eq!(histogram_log::write(&attach(&result, &log).unwrap()), log);
}

#[test]
fn a_log_that_is_damaged_or_of_another_result_is_refused() {
    let result = result();
    let log = histogram_log::write(&result);
    let line = |number: usize| log.lines().filter(|l| l.starts_with("Tag=")).nth(number).unwrap();
    let other = |number: usize| {
        let mut other = self::result();
        other.measurements[0].phases[0].outcomes = vec![row("valid", "ACCEPT", 1_001)];
        let log = histogram_log::write(&other);
        log.lines().filter(|l| l.starts_with("Tag=")).nth(number).unwrap().to_owned()
    };
    let (head, payload) = line(0).split_at(line(0).len() - 40);
    let untagged = |number: usize| line(number).split_once(',').unwrap().1.to_owned() + "\n";
    let rows = [
        ("no log at all\n".to_owned(), "no interval log", "another file"),
        (log.replace(line(0), "Tag=x,0.0"), "no interval log", "a line cut short"),
        (log.replace(payload, ""), "no histogram", "a histogram cut short"),
        (log.replace(head, &head[..head.len() - 9]), "no histogram", "a damaged histogram"),
        (log.replace("core:ring", "core:other"), "not of this result", "another contender"),
        (log.replace("kind=service", "kind=x"), "not of this result", "an unknown latency"),
        (format!("{log}{}\n", line(0)), "not of this result", "an interval too many"),
        (log.replace("Tag=scenario", "Tag="), "not of this result", "tags without names"),
        ((0..3).map(untagged).collect(), "without a tag", "no tags"),
        ((0..3).map(|n| other(n) + "\n").collect(), "1001 operations", "another count"),
    ];
    for (text, words, why) in rows {
        let error = attach(&result, &text).expect_err(why);
        assert!(error.contains(words) && error.contains("result.hlog"), "{why}: {error}");
    }
}

#[test]
fn tables_are_what_hdr_histogram_prints() {
    let tables = percentile_tables(&result());
    // 3 rows of the good trial and 2 of the one that missed, 3 tables each.
    assert_eq!(tables.len(), 15);
    let files: Vec<&str> = tables.iter().map(|table| table.file.as_str()).collect();
    let file = "b-two_core-ring_ES256_default_start_users_valid_ACCEPT_service.hgrm";
    assert_eq!(files.iter().filter(|name| **name == file).count(), 1, "{files:?}");
    let mut distinct = files.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), files.len(), "no file overwrites another");
    // Seven operations of 10, 20 … 70 µs; checked by hand against the rule of the format.
    let seven = tables.iter().find(|table| table.file.contains("JWT-EXPIRED_service")).unwrap();
    let expected = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n      \
                    10.007 0.000000000000          1           1.00\n      \
                    10.007 0.100000000000          1           1.11\n      \
                    20.015 0.200000000000          2           1.25\n";
    assert!(seven.text.contains(expected), "{}", seven.text);
    let last = seven.text.lines().rev().nth(3).unwrap();
    assert_eq!(last, "      70.015 1.000000000000          7");
    assert!(seven.text.contains("Total count    =            7]"), "{}", seven.text);
    assert!(seven.text.contains("#[Values in microseconds]"), "{}", seven.text);
}

#[test]
fn a_trial_made_twice_has_files_of_its_own() {
    let mut result = result();
    result.measurements.push(result.measurements[0].clone());
    let files: Vec<String> = percentile_tables(&result).into_iter().map(|t| t.file).collect();
    assert!(files.iter().any(|file| file.ends_with("_service_2.hgrm")), "{files:?}");
    let log = histogram_log::write(&result);
    assert_eq!(histogram_log::write(&attach(&result, &log).unwrap()), log);
}

#[test]
fn the_table_of_values_is_rfc_4180() {
    let text = csv(&result());
    assert!(text.lines().count() == 9 && text.matches("\r\n").count() == 9, "{text}");
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let rows = reader.deserialize().collect::<Result<Vec<BTreeMap<String, String>>, _>>().unwrap();
    assert_eq!(rows[1]["phase"], "the end, \"now\"", "quoted and read back");
    assert_eq!(rows[1]["count"], "5000");
    let service: u64 = rows[1]["service_p99_ns"].parse().unwrap();
    assert!(service.abs_diff(49_500_000) < 49_500, "{service}");
    assert_eq!(rows[0]["lateness_max_ns"], rows[0]["lateness_p50_ns"]);
    // A wrong answer is an error row, never a number.
    for wrong in rows.iter().filter(|row| row["contender"] == "core:null") {
        assert_eq!(wrong["response_p50_ns"], "");
        assert!(wrong["fault"].contains("1 wrong verdict"), "{wrong:?}");
    }
    let broken = rows.iter().find(|row| row["contender"] == "core:graviola").unwrap();
    assert_eq!((broken["count"].as_str(), broken["phase"].as_str()), ("0", ""));
    assert_eq!(broken["fault"], "no AVX2 <here> & now[31m", "without control characters");
    let mut simulated = result();
    simulated.measurements.iter_mut().for_each(|m| m.virtual_time = true);
    assert!(!csv(&simulated).contains("0000"), "no times where none were measured");
}

/// Elements and their attributes in the schema of Jenkins (xunit-plugin, junit-10.xsd).
const SCHEMA: [(&str, &[&str]); 8] = [
    ("testsuites", &["name", "time", "tests", "failures", "errors"]),
    ("testsuite", &["name", "tests", "failures", "errors", "time", "skipped", "timestamp"]),
    ("properties", &[]),
    ("property", &["name", "value"]),
    ("testcase", &["name", "time", "classname"]),
    ("failure", &["type", "message"]),
    ("error", &["type", "message"]),
    ("skipped", &["type", "message"]),
];

#[test]
fn junit_has_a_case_for_every_trial() {
    let mut result = result();
    result.partial = true;
    result.measurements[0].contender.push_str("<\"&'\u{0}");
    let text = junit(&result);
    let document = roxmltree::Document::parse(&text).unwrap();
    for node in document.descendants().filter(|node| node.is_element()) {
        let name = node.tag_name().name();
        let known = SCHEMA.iter().find(|(element, _)| *element == name);
        let allowed = known.map_or(&[][..], |(_, allowed)| allowed);
        assert!(known.is_some() || name == "system-out", "{name}");
        assert!(node.attributes().all(|a| allowed.contains(&a.name())), "{name}: {text}");
    }
    let root = document.root_element();
    let counts = ["tests", "failures", "errors"].map(|name| root.attribute(name).unwrap());
    assert_eq!(counts, ["5", "2", "2"], "one that never began is an error");
    let case = |suite: &str, name: &str| {
        let cases = document.descendants().filter(|n| n.has_tag_name("testcase"));
        let mut cases = cases.filter(|n| n.attribute("classname") == Some(suite));
        cases.find(|n| n.attribute("name").unwrap().starts_with(name)).expect(name)
    };
    let inside = |suite, name, element: &str| {
        let child = case(suite, name).children().find(|n| n.has_tag_name(element))?;
        let message = child.attribute("message").unwrap();
        Some(format!(
            "{}: {message}: {}",
            child.attribute("type").unwrap(),
            child.text().unwrap_or_default()
        ))
    };
    assert_eq!(case("a/one", "core:ring").attribute("name"), Some("core:ring<\"&' ES256"));
    assert_eq!(case("a/one", "core:ring").attribute("time"), Some("3.000"));
    assert_eq!(inside("a/one", "core:ring", "failure"), None);
    let rows = [
        ("a/one", "core:null", "failure", "wrong verdict: 1 wrong verdict: expired due"),
        ("a/one", "core:null", "failure", "expired: due JWT_EXPIRED, got ACCEPT (1 time)"),
        ("b/two", "core:ring", "failure", "expectation missed: expected all.users.valid.lockouts"),
        ("b/two", "core:ring", "failure", "lockouts < 2, was 190"),
        ("b/two", "core:ring", "failure", "response.p99 < 2, was 1.50 ms"),
        ("b/two", "core:graviola", "error", "no valid figures: no AVX2 <here> & now[31m"),
        ("c/three", "not measured", "error", "the run was cut short before it began"),
    ];
    for (suite, name, element, words) in rows {
        let got = inside(suite, name, element).unwrap_or_default();
        assert!(got.contains(words), "{suite} {name}: `{words}` is not in: {got}");
    }
}

#[test]
fn junit_counts_and_names_what_was_not_judged() {
    let mut result = result();
    let keys = ["all.users.ACCEPT.response.p99", "all.all.exposure.worst"].map(String::from);
    result.measurements[2].unjudged = keys.into();
    let text = junit(&result);
    for (words, times) in [
        ("expectations met 1 of 3, not judged 2;", 1),
        ("not judged: all.users.ACCEPT.response.p99, all.all.exposure.worst", 1),
        ("not judged 0;", 3),
        ("not judged: ", 1),
    ] {
        assert_eq!(text.matches(words).count(), times, "{words}: {text}");
    }
}

#[test]
fn a_whole_run_skips_nothing() {
    let text = junit(&result());
    assert!(!text.contains("<skipped"), "{text}");
    assert!(text.contains("tests=\"4\""), "{text}");
}

const SCENARIO: &str = r#"
title = "t"
analysis = "a"
algorithms = ["EdDSA"]
[load]
arrivals = "closed"
warmup = "20ms"
duration = "200ms"
[[stream]]
name = "users"
tokens = { valid = 90, expired = 10 }
"#;

/// What the command printed; its exit code is as expected.
fn said(args: &[&str], code: i32) -> String {
    let output = jwtbench(args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let shown = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{args:?}: {shown}");
    if code == 0 { text(&output.stdout) } else { shown }
}

#[test]
fn the_command_line_writes_and_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (scenario, run) = (scenario_file(folder.path(), "user/s", SCENARIO), at("run"));
    said(&["run", &scenario, "--contender", "core:ring", "--quiet", "--out", &run], 0);
    let stored = fs::read_to_string(at("run/result.hlog")).unwrap();
    assert_eq!(said(&["report", &run, "--format", "hlog"], 0), stored);

    // What the log holds is what the summaries in result.jsonl were made from.
    let result = RunResult::read(Path::new(&at("run/result.jsonl"))).unwrap();
    let summaries = result.measurements.iter().flat_map(|m| &m.phases).flat_map(|p| &p.outcomes);
    let summaries = summaries.filter_map(|row| row.latency.as_ref());
    let summaries = summaries.flat_map(|of| LatencyKind::ALL.map(|kind| of.of(kind).clone()));
    for (summary, (tag, .., histogram)) in summaries.zip(intervals(&stored)) {
        assert_eq!(summary.count, histogram.len(), "{tag}");
        assert_eq!(summary.p50_ns, histogram.value_at_quantile(0.5), "{tag}");
        assert_eq!(summary.p999_ns, histogram.value_at_quantile(0.999), "{tag}");
        assert_eq!(summary.max_ns, histogram.max(), "{tag}");
    }
    for (form, file) in [("csv", "result.csv"), ("junit", "junit.xml"), ("hlog", "result.hlog")] {
        said(&["report", &run, "--format", form, "--out", &at(form)], 0);
        let written = fs::read_to_string(Path::new(&at(form)).join(file)).unwrap();
        assert_eq!(said(&["report", &run, "--format", form], 0), written, "{form}");
    }
    said(&["report", &run, "--format", "hgrm", "--out", &at("hgrm")], 0);
    assert_eq!(fs::read_dir(at("hgrm")).unwrap().count(), intervals(&stored).len());
    // It has no bound, so that nothing is ranked; what comes out empty is no success.
    for form in ["ranking", "answers", "picture"] {
        let shown = said(&["report", &run, "--format", form], 1);
        assert!(shown.contains(&format!("no {form}: ")) && shown.contains("raw:*"), "{shown}");
    }
    // A copy takes its histograms along.
    said(&["report", &run, "--out", &at("copy")], 0);
    assert_eq!(fs::read_to_string(at("copy/result.hlog")).unwrap(), stored);

    // Without its log a result still gives what its summaries can.
    fs::remove_file(at("copy/result.hlog")).unwrap();
    assert!(said(&["report", &at("copy"), "--format", "csv"], 0).contains("user/s"));
    for form in ["hgrm", "hlog"] {
        let said = said(&["report", &at("copy"), "--format", form], 2);
        assert!(said.contains("result.hlog") && said.contains("run the command again"), "{said}");
    }
    // A stale log does not outlive the result it belongs to.
    said(&["report", &at("copy"), "--out", &run, "--force"], 0);
    assert!(!Path::new(&at("run/result.hlog")).exists());
}
