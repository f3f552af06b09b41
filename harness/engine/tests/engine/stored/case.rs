//! One case of a stored form: a real one, changed as a script of bytes says, read as `report`,
//! `compare` and `replay` read it, and rendered in every form. Shared by the test of stored forms
//! and by the fuzz target `stored`.

#[path = "mutation.rs"]
pub mod mutation;

use std::path::Path;
use std::sync::LazyLock;

use mutation::{Script, mutate};
use serde_json::Value;

use jwtbench_report::{self as report, TerminalStyle};
use jwtbench_result::comparison::{Allowance, Comparison, ComparisonTerms, Matching};
use jwtbench_result::duel::Duels;
use jwtbench_result::latency::histogram_log;
use jwtbench_result::record::stored;
use jwtbench_result::simulation::Simulation;
use jwtbench_result::{Measurement, RunResult, StoredForm};
use jwtbench_scenario::Scenario;
use jwtbench_scenario::catalogue::source::Source;
use jwtbench_scenario::format::cache::Presets;

use super::load;

/// A run with phases, events, a fault of the endpoint, bounds and relative rates.
pub const RUN: &str = include_str!("../../cases/stored/run.json");
/// Its whole histograms.
pub const LOG: &[u8] = include_bytes!("../../cases/stored/run.hlog");
/// Capacities.
pub const CAPACITY: &str = include_str!("../../cases/stored/capacity.json");
/// A simulation.
pub const SIMULATION: &str = include_str!("../../cases/stored/simulation.json");
/// A duel.
pub const DUEL: &str = include_str!("../../cases/stored/duel.json");

const PLAIN: TerminalStyle = TerminalStyle { colour: false, width: 80 };
const COLOUR: TerminalStyle = TerminalStyle { colour: true, width: 120 };
/// No form is longer than so many bytes, whatever it is made of: the forms above are a few thousand
/// lines at the most.
const LONGEST: usize = 64 << 20;

static BASE: LazyLock<RunResult> = LazyLock::new(|| read(RUN).expect("it is a real one"));
static VALUES: LazyLock<[Value; 4]> = LazyLock::new(|| {
    [RUN, CAPACITY, SIMULATION, DUEL].map(|text| serde_json::from_str(text).expect("a real one"))
});

/// Tries what these bytes make: JSON is taken as it is, everything else is a script. Gives the
/// forms by name; none if the text was refused.
pub fn try_case(bytes: &[u8]) -> Vec<(&'static str, String)> {
    if bytes.trim_ascii_start().starts_with(b"{") {
        let text = String::from_utf8_lossy(bytes);
        return [run(&text, true), simulation(&text), duel(&text)].concat();
    }
    if bytes.starts_with(b"#[") {
        return log(bytes);
    }
    let mut script = Script(bytes);
    let kind = script.byte();
    let compares = kind.is_multiple_of(4);
    let kind = kind / 4 % 8;
    if kind == 7 {
        return log(&changed_log(&mut script));
    }
    let [of_run, of_capacity, of_simulation, of_duel] = &*VALUES;
    let original = match kind {
        0..=2 => of_run,
        3 => of_capacity,
        4 | 5 => of_simulation,
        _ => of_duel,
    };
    let mut value = original.clone();
    if let Some(profile) = value.pointer_mut("/machine/profile") {
        // The figures of a debug build are compared with nothing.
        *profile = "release".into();
    }
    mutate(&mut value, &mut script);
    let mut text = value.to_string();
    if script.byte() == 7 && text.starts_with('{') {
        text.insert_str(1, "\"schema_version\":1,");
    }
    match kind {
        0..=3 => run(&text, compares),
        4 | 5 => simulation(&text),
        _ => duel(&text),
    }
}

fn read(text: &str) -> Option<RunResult> {
    RunResult::parse(Path::new("result.jsonl"), text).ok()
}

/// A run in every form, beside itself and beside the one it was made of, and its scenarios as a
/// replay makes them again.
fn run(text: &str, compares: bool) -> Vec<(&'static str, String)> {
    let Some(mut result) = read(text) else {
        return Vec::new();
    };
    let path = Path::new("result.hlog");
    if histogram_log::attach_text(&mut result.measurements, LOG, path).is_err() {
        result.measurements.iter_mut().for_each(drop_histograms);
    }
    let forms = run_forms(&result);
    let again = serde_json::to_string(&result).expect("what was read can be written");
    assert!(read(&again).is_some(), "what was read and written is read again");
    if compares {
        compare(&result, &result);
        compare(&BASE, &result);
        compare(&result, &BASE);
    }
    replay(&result);
    checked(forms)
}

fn drop_histograms(measurement: &mut Measurement) {
    let rows = measurement.phases.iter_mut().flat_map(|phase| &mut phase.outcomes);
    rows.for_each(|row| row.whole = None);
}

fn run_forms(result: &RunResult) -> Vec<(&'static str, String)> {
    vec![
        ("terminal", report::terminal(result, PLAIN)),
        ("colour", report::terminal(result, COLOUR)),
        ("terminal", report::terminal_verdict(result, PLAIN)),
        ("terminal", report::check_table(result, PLAIN)),
        ("markdown", report::markdown(result)),
        ("markdown", report::ranking_table(result)),
        ("markdown", report::answer_list(result)),
        ("xml", report::picture(result)),
        ("html", report::html(result)),
        ("csv", report::csv(result)),
        ("xml", report::junit(result)),
        ("hgrm", report::hgrm(result)),
        ("hlog", histogram_log::write(result)),
    ]
}

fn compare(base: &RunResult, candidate: &RunResult) {
    let allowed = vec![Allowance::Plan, Allowance::Seed, Allowance::Machine, Allowance::Version];
    for any_cache_policy in [false, true] {
        let matching = Matching { any_cache_policy, ..Matching::default() };
        let terms =
            ComparisonTerms { allowed: allowed.clone(), matching, ..ComparisonTerms::default() };
        let compared = Comparison::of(base, candidate, &terms).expect("all is allowed");
        checked(vec![
            ("terminal", report::comparison(&compared, PLAIN)),
            ("markdown", report::comparison_markdown(&compared)),
            ("json", serde_json::to_string(&compared).expect("it can be written")),
        ]);
    }
    assert!(Comparison::of(base, base, &ComparisonTerms::default()).is_ok_and(|same| same.same));
}

/// The scenarios from their stored texts, under the stored load.
fn replay(result: &RunResult) {
    let presets = Presets::of(Source::Binary);
    for record in &result.scenarios {
        let path = format!("{}.toml", record.name);
        let Ok(scenario) = Scenario::parse(Path::new(&path), &record.text, &presets) else {
            continue;
        };
        let Some(Ok(scenario)) = record.load.as_ref().map(|load| load::apply(load, scenario))
        else {
            continue;
        };
        let bases = result.rate_bases.iter().filter(|basis| basis.scenario == record.name);
        for basis in bases {
            let planned = scenario.clone().settled(basis.capacity_per_s).planned();
            assert!(!planned.is_nan(), "arrivals are a number");
        }
    }
}

fn simulation(text: &str) -> Vec<(&'static str, String)> {
    let Ok(simulation) = stored::from_json::<Simulation>(text) else {
        return Vec::new();
    };
    let simulation = &simulation;
    let mut forms = vec![
        ("terminal", report::simulation_terminal(simulation, PLAIN)),
        ("colour", report::simulation_terminal(simulation, COLOUR)),
        ("markdown", report::simulation_markdown(simulation)),
        ("xml", report::simulation_picture(simulation)),
        ("html", report::simulation_html(simulation)),
        ("xml", report::simulation_junit(simulation)),
    ];
    for note in simulation.policies.iter().take(3) {
        forms.push(("markdown", report::policy_markdown(simulation, note)));
    }
    let again = serde_json::to_string(simulation).expect("what was read can be written");
    assert!(stored::from_json::<Simulation>(&again).is_ok(), "and is read again");
    checked(forms)
}

fn duel(text: &str) -> Vec<(&'static str, String)> {
    let Ok(stored) = Duels::parse(Path::new("duel.jsonl"), text) else {
        return Vec::new();
    };
    let lines = stored.to_lines().expect("what was read can be written");
    let duels = Duels::parse(Path::new("duel.jsonl"), &lines).expect("and is read again");
    checked(vec![
        ("terminal", report::duel_terminal(&duels, PLAIN)),
        ("colour", report::duel_terminal(&duels, COLOUR)),
        ("markdown", report::duel_markdown(&duels)),
    ])
}

/// A log beside the run that it is of.
fn log(bytes: &[u8]) -> Vec<(&'static str, String)> {
    let mut result = BASE.clone();
    match histogram_log::attach_text(&mut result.measurements, bytes, Path::new("result.hlog")) {
        Ok(()) => {
            checked(vec![("hgrm", report::hgrm(&result)), ("hlog", histogram_log::write(&result))])
        }
        Err(_) => Vec::new(),
    }
}

/// The log with some bytes or lines changed.
fn changed_log(script: &mut Script<'_>) -> Vec<u8> {
    let mut log = LOG.to_vec();
    for _ in 0..=script.byte() % 6 {
        let place = (script.below(0x1_0000) << 8 | usize::from(script.byte())) % log.len().max(1);
        match script.byte() % 6 {
            0 => log.truncate(place),
            1 => log.insert(place, script.byte()),
            2 => drop(log.drain(place..(place + 1 + script.below(200)).min(log.len()))),
            3 => {
                let copy = log[place..].to_vec();
                log.extend(copy);
                log.truncate(2 * LOG.len());
            }
            _ => {
                if let Some(byte) = log.get_mut(place) {
                    *byte = script.byte();
                }
            }
        }
    }
    log
}

/// Holds what is true of every form.
fn checked(forms: Vec<(&'static str, String)>) -> Vec<(&'static str, String)> {
    for (name, text) in &forms {
        assert!(text.len() <= LONGEST, "{name}: {} bytes", text.len());
        let drives = |c: char| c.is_control() && !"\n\r\t".contains(c);
        // JSON keeps what it was given, and is no form for a terminal.
        if let Some(at) = text.find(drives).filter(|_| !["colour", "json"].contains(name)) {
            let line = text[..at].lines().next_back().unwrap_or_default();
            panic!("{name}: a control character of the file is behind {line:?}");
        }
        if *name == "terminal" {
            for line in text.lines() {
                assert!(line.chars().count() <= 80, "wider than 80 columns: {line}");
                assert!(!line.contains(char::is_control), "drives a terminal: {line:?}");
            }
        }
    }
    forms
}
