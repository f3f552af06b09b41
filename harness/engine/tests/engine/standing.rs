//! A cache policy that is known to differ from what it stands for, or was only read, is marked with
//! its sentence in every form that names it: comparisons, duels, tables of values and pictures.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use report::fixture;
use serde_json::{Value, json};

use jwtbench_report::{
    TerminalStyle, comparison, comparison_markdown, csv, duel_markdown, duel_terminal,
    simulation_html, simulation_picture,
};
use jwtbench_result::comparison::{Comparison, ComparisonTerms, Matching};
use jwtbench_result::duel::{DUEL_SCHEMA_VERSION, DuelResult, Duels};
use jwtbench_result::record::standing::UNDRIVEN;
use jwtbench_result::simulation::{MetricRange, PolicyNote, Simulation, SimulationRow};
use jwtbench_result::{CachePolicyRecord, RunResult};

use crate::report;

const NAME: &str = "x-like";
const PLAIN: TerminalStyle = TerminalStyle { colour: false, width: 100 };

/// What is known of the policy: in what it differs, how it was checked, and the mark and the words
/// that every form must have for it.
struct Known {
    differs: Option<&'static str>,
    checked: Option<&'static str>,
    marked: &'static str,
    sentence: &'static str,
    reason: &'static str,
}

const ROWS: [Known; 4] = [
    Known {
        differs: Some("it waits for ever"),
        checked: Some(UNDRIVEN),
        marked: "x-like ≠",
        sentence: "it waits for ever",
        reason: "known to differ",
    },
    Known {
        differs: None,
        checked: Some(UNDRIVEN),
        marked: "x-like °",
        sentence: UNDRIVEN,
        reason: "only read",
    },
    Known {
        differs: None,
        checked: Some("driven beside it"),
        marked: "",
        sentence: "",
        reason: "held to it",
    },
    Known { differs: None, checked: None, marked: "", sentence: "", reason: "nothing is known" },
];

impl Known {
    fn record(&self) -> CachePolicyRecord {
        CachePolicyRecord {
            name: NAME.into(),
            differs: self.differs.map(str::to_owned),
            checked: self.checked.map(str::to_owned),
            ..CachePolicyRecord::default()
        }
    }

    /// One line of text, so that it does not matter where lines were broken.
    fn check(&self, form: &str, text: &str) {
        let text = text.split_whitespace().collect::<Vec<&str>>().join(" ");
        let why = format!("{}, {form}: {text}", self.reason);
        assert!(text.contains(NAME), "named: {why}");
        assert!(text.contains(self.marked) && text.contains(self.sentence), "{why}");
        if self.marked.is_empty() {
            assert!(!text.contains(['≠', '°']), "no mark where none is needed: {why}");
        }
    }
}

/// A result of one dynamic trial under the policy, and with the record of it.
fn result(seed: u64, record: Option<CachePolicyRecord>) -> RunResult {
    let mut result = fixture::clean();
    result.measurements = vec![fixture::dynamic("outage/refused", "core:ring", "ES256", 1)];
    result.measurements[0].cache_policy = NAME.into();
    result.started_at = format!("2026-03-14T09:26:5{seed}Z");
    result.cache_policies = record.into_iter().collect();
    result
}

fn compared(base: &RunResult, candidate: &RunResult) -> Comparison {
    let matching = Matching { any_cache_policy: true, ..Matching::default() };
    Comparison::of(base, candidate, &ComparisonTerms { matching, ..ComparisonTerms::default() })
        .unwrap()
}

#[test]
fn a_comparison_marks_the_policies_of_its_trials() {
    for known in &ROWS {
        let record = Some(known.record());
        let sides = [
            (result(1, record.clone()), result(2, record.clone()), "both results know it"),
            (result(1, None), result(2, record.clone()), "the base is older"),
            (result(1, record.clone()), result(2, None), "the candidate is older"),
        ];
        for (base, candidate, reason) in sides {
            let compared = compared(&base, &candidate);
            known.check(&format!("terminal, {reason}"), &comparison(&compared, PLAIN));
            known.check(&format!("Markdown, {reason}"), &comparison_markdown(&compared));
            let json = serde_json::to_value(&compared).unwrap();
            let differs = &json["cache_policies"][0]["differs"];
            assert_eq!(differs.as_str(), known.differs, "JSON, {reason}: {json}");
            assert_eq!(json["cache_policies"][0]["checked"].as_str(), known.checked, "{reason}");
        }
    }
}

#[test]
fn a_comparison_marks_each_side_by_its_own_name() {
    let [known, ..] = &ROWS;
    let mut base = result(1, None);
    base.measurements[0].cache_policy = "default".into();
    let candidate = result(2, Some(known.record()));
    let text = comparison(&compared(&base, &candidate), PLAIN);
    assert!(text.contains("default → x-like ≠"), "{text}");
    // A trial without a partner is named too.
    base.measurements.clear();
    let text = comparison(&compared(&base, &candidate), PLAIN);
    assert!(text.contains("only the candidate has outage/refused ES256 core:ring (x-like ≠)"));
    // Where both are one result no policy is named, and no mark is to be explained.
    let text = comparison(&compared(&candidate, &candidate), PLAIN);
    assert!(!text.contains('≠'), "{text}");
}

/// A duel as it was stored before cache policies were kept.
fn duel(cache_policies: [&str; 2], records: Vec<CachePolicyRecord>) -> DuelResult {
    let setting = |cache_policy: &str| {
        let (policy, build) = ("scenario", "this");
        json!({ "cache_policy": cache_policy, "policy": policy, "build": build, "planted": 0.0 })
    };
    let machine = serde_json::to_value(fixture::clean().machine).unwrap();
    let [candidate, base] = cache_policies.map(setting);
    let stored: Value = json!({
        "schema_version": DUEL_SCHEMA_VERSION, "command": "jwtbench duel", "started_at": "",
        "elapsed_s": 1.0,
        "seed": 1, "base": "core:ring", "candidate": "core:ring", "base_setting": base,
        "candidate_setting": candidate, "algorithm": "ES256", "scenario": "hot-path/accept",
        "plan_hash": "ab", "corpus_hash": "cd", "machine": machine, "versions": {},
        "verdict": "INCONCLUSIVE", "reason": "because", "ratio": null, "metrics": [],
        "control": null, "blocks": 6, "in_turns": true, "dropped_blocks": 0, "noise": [],
        "wrong": [],
        "samples": [],
    });
    let duel: DuelResult = serde_json::from_value(stored).unwrap();
    DuelResult { cache_policies: records, ..duel }
}

#[test]
fn a_duel_marks_the_policies_of_its_sides() {
    for known in &ROWS {
        let sides = [[NAME, "default"], ["default", NAME], [NAME, "y-like"]];
        for cache_policies in sides {
            let duel = duel(cache_policies, vec![known.record()]);
            let json = serde_json::to_value(&duel).unwrap();
            assert_eq!(json["cache_policies"][0]["differs"].as_str(), known.differs, "{json}");
            let duels = Duels::new(vec![duel]);
            known.check("terminal", &duel_terminal(&duels, PLAIN));
            known.check("Markdown", &duel_markdown(&duels));
        }
    }
    let [known, ..] = &ROWS;
    let both = Duels::new(vec![duel([NAME, NAME], vec![known.record()])]);
    known.check("a policy of both", &duel_terminal(&both, PLAIN));
    let older = Duels::new(vec![duel([NAME, NAME], Vec::new())]);
    let text = duel_terminal(&older, PLAIN) + &serde_json::to_string(&older).unwrap();
    assert!(!text.contains(['≠', '°']) && !text.contains("cache_policies"), "{text}");
}

#[test]
fn a_table_of_values_has_a_column_for_it() {
    for known in &ROWS {
        let text = csv(&result(1, Some(known.record())));
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let rows =
            reader.deserialize().collect::<Result<Vec<BTreeMap<String, String>>, _>>().unwrap();
        assert!(!rows.is_empty());
        for row in rows {
            assert_eq!(row["cache_policy"], NAME, "the name alone, as in the other forms");
            let said = &row["cache_policy_standing"];
            assert!(said.contains(known.sentence), "{}: {said}", known.reason);
            let mark = known.marked.trim_start_matches(NAME).trim();
            assert!(said.starts_with(mark), "{}: {said}", known.reason);
            assert_eq!(said.is_empty(), mark.is_empty(), "{}: {said}", known.reason);
        }
    }
}

#[test]
fn the_frontier_marks_its_labels() {
    for known in &ROWS {
        let CachePolicyRecord { name, differs, checked, .. } = known.record();
        let metric = |value: f64| MetricRange::of(&[Some(value)]).unwrap();
        let row = SimulationRow {
            scenario: "policy/drill".into(),
            cache_policy: NAME.into(),
            metrics: [("exposure_s", 60.0), ("lockout_s", 5.0)]
                .map(|(name, value)| (name.to_owned(), metric(value)))
                .into(),
            ..SimulationRow::default()
        };
        let note = PolicyNote { name, differs, checked, ..PolicyNote::default() };
        let simulation =
            Simulation { rows: vec![row], policies: vec![note], ..Simulation::default() };
        let picture = simulation_picture(&simulation);
        roxmltree::Document::parse(&picture).unwrap();
        known.check("picture", &picture);
        let label =
            format!("{} </text>", if known.marked.is_empty() { NAME } else { known.marked });
        let labels = picture.replace("</text>", " </text>");
        assert!(labels.contains(&label), "{}: {picture}", known.reason);
        known.check("page", &simulation_html(&simulation));
    }
}
