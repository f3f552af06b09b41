//! `trend` as a user meets it: what it finds in folders, what it shows in 80 columns, in JSON and
//! as a picture, and how it ends; and `report` with the forms for programs that read no remarks.

#![allow(clippy::unwrap_used)]

use crate::binary::command_in;
use crate::report;

use std::fs;
use std::path::Path;
use std::process::Output;

use jwtbench_result::latency::histogram_log;
use jwtbench_result::{Latencies, PackedLatencies, Round, RunResult};

use report::fixture;

/// A result of two trials and their bound, made on that day of January; the first contender costs
/// so many times the bound.
fn result(day: u32, cost: f64) -> RunResult {
    let mut result = fixture::clean();
    result.started_at = format!("2026-01-{day:02}T09:00:00Z");
    result.machine.revision = Some(format!("rev{day:02}"));
    result.measurements.retain(|m| {
        m.scenario == "hot-path/accept"
            && m.algorithm == "ES256"
            && ["core:ring", "raw:ring", "jsonwebtoken:aws-lc-rs"].contains(&m.contender.as_str())
    });
    for trial in &mut result.measurements {
        let cost = match trial.contender.as_str() {
            "core:ring" => cost,
            "raw:ring" => 1.0,
            _ => 2.0,
        };
        let round = |number: u32| Round {
            order: number,
            done: 10_000,
            throughput_per_s: 20_000.0 / cost,
            p50_ns: (50_000.0 * cost) as u64 + u64::from(number),
            p99_ns: (70_000.0 * cost) as u64,
            ..Round::default()
        };
        trial.rounds = (0..3).map(round).collect();
    }
    result
}

fn store(folder: &Path, name: &str, result: &RunResult) {
    let folder = folder.join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("result.jsonl"), serde_json::to_string(result).unwrap()).unwrap();
}

/// Twelve results with a step after the sixth, one of them disturbed, in folders of their own.
fn stored() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for day in 1..=12 {
        let cost = if day <= 6 { 1.05 } else { 1.20 } + f64::from(day % 3) * 1e-3;
        let mut one = result(day, cost);
        if day == 4 {
            one.measurements.iter_mut().for_each(|m| m.noisy = Some("3 of 3 rounds".into()));
        }
        let version = if day <= 6 { "ring 0.17.14" } else { "ring 0.18.0" };
        one.versions.insert("core:ring".into(), version.into());
        store(&folder.path().join("runs"), &format!("{}", 20 - day), &one);
    }
    folder
}

fn jwtbench(folder: &Path, arguments: &[&str]) -> Output {
    command_in(folder).args(arguments).output().unwrap()
}

/// What the command printed and said; its exit code is as expected.
fn said(folder: &Path, arguments: &[&str], code: i32) -> (String, String) {
    let output = jwtbench(folder, arguments);
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {out}{err}");
    assert!(!err.contains("panicked"), "{err}");
    (out, err)
}

/// The text in one line, since lines are broken to a width.
fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<&str>>().join(" ")
}

#[test]
fn a_planted_step_is_shown_and_gates_nothing() {
    let folder = stored();
    let (text, err) = said(folder.path(), &["trend", "runs"], 0);
    assert_eq!(err, "");
    for line in text.lines() {
        assert!(line.chars().count() <= 80 && !line.contains('\u{1b}'), "{line}");
    }
    for words in [
        "Trend of p50-over-bound (ratio)",
        "12 results, 2026-01-01T09:00:00Z to 2026-01-12T09:00:00Z",
        "d: no test counts 1 figure that the host disturbed",
        "core:ring/ES256",
        "▁▁▁·▁▁██████",
        "changed by 1.14",
        "(worse)",
        "between 2026-01-06T09:00:00Z (rev06) and 2026-01-07T09:00:00Z (rev07)",
        "with it core:ring: ring 0.17.14 became ring 0.18.0",
        "1.051× d",
        "→ 2026-01-07T09:00:00Z",
        "1 trial changed.",
        "Pettitt's test (1979)",
    ] {
        assert!(joined(&text).contains(words), "`{words}` is not in: {text}");
    }
}

#[test]
fn json_and_picture_tell_the_same() {
    let folder = stored();
    let asked = ["trend", "runs", "--contender", "core:ring", "--json", "--svg", "trend.svg"];
    let (text, _) = said(folder.path(), &asked, 0);
    let trend: serde_json::Value = serde_json::from_str(&text).unwrap();
    let change = &trend["series"][0]["change"];
    assert_eq!((&trend["metric"], &trend["unit"]), (&"p50-over-bound".into(), &"ratio".into()));
    assert_eq!((&change["verdict"], &change["first_after"]), (&"found".into(), &6.into()));
    assert!((change["ratio"].as_f64().unwrap() - 1.2 / 1.05).abs() < 0.01, "{change}");
    assert!(change["p"].as_f64().unwrap() < 0.01, "{change}");
    assert_eq!(trend["series"][0]["points"][3]["unsound"], "disturbed");
    assert_eq!(trend["left_out"]["disturbed"], 1);
    let picture = fs::read_to_string(folder.path().join("trend.svg")).unwrap();
    let document = roxmltree::Document::parse(&picture).unwrap();
    let class = |class: &str| {
        document.descendants().filter(|n| n.attribute("class") == Some(class)).count()
    };
    assert_eq!((class("dot"), class("left-out"), class("change")), (11, 1, 1));
    assert!(picture.contains("prefers-color-scheme:dark"), "light and dark");
    assert!(picture.contains("changed by 1.14") && picture.contains("(rev07)"), "{picture}");
}

#[test]
fn filters_metrics_and_paths() {
    let folder = stored();
    let rows: [(&[&str], i32, &str, &str); 12] = [
        (&["runs", "--metric", "p50"], 0, "jsonwebtoken:aws-lc-rs", "no bound is needed"),
        (&["runs", "--metric", "throughput"], 0, "more is better", "its direction"),
        (&["runs", "--metric", "cpu"], 1, "nothing to show", "no round has it"),
        (&["runs/19", "runs/18/result.jsonl"], 0, "it takes 8", "two paths, too few"),
        (&["runs/19", "runs/19"], 0, "the same result as runs/19", "counted once"),
        (&["runs", "--contender", "jsonwebtoken:*"], 1, "needs no bound", "it has no bound here"),
        (&["runs", "--algorithm", "EdDSA"], 1, "nothing to show", "no trial is left"),
        (&["runs", "--scenario", "outage"], 1, "nothing to show", "no scenario is left"),
        (&["no-such"], 2, "cannot read no-such", "no file"),
        (&["."], 2, "holds no result.jsonl", "one level is searched, not two"),
        (&["runs", "--metric", "p77"], 2, "p50-over-bound", "no metric"),
        (&["runs", "--svg", "no-such/x.svg"], 2, "cannot be written", "no folder"),
    ];
    for (arguments, code, words, why) in rows {
        let (out, err) = said(folder.path(), &[&["trend"], arguments].concat(), code);
        let said = joined(&format!("{out}{err}"));
        assert!(said.contains(words), "{why}: `{words}` is not in: {said}");
    }
    // A folder in it that holds no result of this version is set aside.
    fs::create_dir(folder.path().join("runs/old")).unwrap();
    fs::write(folder.path().join("runs/old/result.jsonl"), "{\"schema_version\": 0}").unwrap();
    let (text, _) = said(folder.path(), &["trend", "runs"], 0);
    assert!(
        joined(&text).contains("set aside: runs/old/result.jsonl has schema version 0"),
        "{text}"
    );
    let (_, err) = said(folder.path(), &["trend", "runs/old"], 2);
    assert!(err.contains("schema version 0"), "named, it is refused: {err}");
}

#[test]
fn results_that_are_not_alike_are_apart() {
    let folder = stored();
    for day in 1..=12 {
        let mut other = result(day, 1.5);
        other.machine.cpu = "Another CPU \u{1b}[31m".into();
        other.started_at = format!("2026-02-{day:02}T09:00:00Z");
        store(&folder.path().join("runs"), &format!("other-{day}"), &other);
    }
    let (text, _) = said(folder.path(), &["trend", "runs", "--svg", "apart.svg"], 0);
    let picture = fs::read_to_string(folder.path().join("apart.svg")).unwrap();
    assert!(roxmltree::Document::parse(&picture).is_ok(), "{picture}");
    for words in ["[machine Example CPU", "[machine Another CPU \u{fffd}[31m", "Holm over 2 trials"]
    {
        assert!(joined(&text).contains(words), "`{words}` is not in: {text}");
    }
    assert!(!text.contains('\u{1b}'), "{text}");
    assert_eq!(text.matches("changed by").count(), 1, "{text}");
}

#[test]
fn report_hands_on_what_stands_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut one = result(1, 1.05);
    for row in one.measurements.iter_mut().flat_map(|m| &mut m.phases).flat_map(|p| &mut p.outcomes)
    {
        let mut latencies = Latencies::default();
        (0..row.count).for_each(|ns| latencies.record(ns, ns, 0));
        row.whole = Some(PackedLatencies::pack(&latencies));
    }
    one.measurements[0].noisy = Some("3 of 3 rounds".into());
    store(folder.path(), "run", &one);
    for (form, file, start) in [
        ("bencher", "bencher.json", "{"),
        ("github-action-benchmark", "smaller-is-better.json", "["),
        ("github-action-benchmark-bigger", "bigger-is-better.json", "["),
        ("prometheus", "metrics.prom", "# HELP jwtbench_result_info"),
        ("opentelemetry", "metrics.jsonl", "{\"resourceMetrics\""),
    ] {
        let asked = ["report", "run", "--format", form];
        let log = folder.path().join("run/result.hlog");
        if ["prometheus", "opentelemetry"].contains(&form) && !log.exists() {
            let (_, err) = said(folder.path(), &asked, 2);
            assert!(err.contains("result.hlog") && err.contains("run the command again"), "{err}");
            fs::write(&log, histogram_log::write(&one)).unwrap();
        }
        let (text, err) = said(folder.path(), &asked, 0);
        assert!(text.starts_with(start), "{form}: {text}");
        assert!(err.contains("left out 1 of 3 trials, that the host disturbed"), "{form}: {err}");
        said(folder.path(), &[&asked[..], &["--out", form]].concat(), 0);
        assert_eq!(fs::read_to_string(folder.path().join(form).join(file)).unwrap(), text);
    }
    let alone = ["report", "run", "--format", "bencher", "--contender", "raw:ring"];
    assert_eq!(said(folder.path(), &alone, 0).1, "", "what is not asked for is not left out");
    one.partial = true;
    store(folder.path(), "run", &one);
    let (text, err) = said(folder.path(), &["report", "run", "--format", "bencher"], 1);
    assert!(text.is_empty() && err.contains("left out 3 of 3 trials, of a run that"), "{err}");
}
