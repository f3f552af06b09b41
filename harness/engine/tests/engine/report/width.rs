//! Names of forty characters in every form for a terminal, at 80 columns and below: nothing is cut
//! and no column goes.

use std::collections::BTreeMap;

use jwtbench_report::{
    TerminalStyle, check_table, comparison, duel_terminal, simulation_terminal, terminal,
    terminal_verdict,
};
use jwtbench_result::RunResult;
use jwtbench_result::comparison::{Allowance, Comparison, ComparisonTerms};
use jwtbench_result::duel::{DuelResult, Duels};
use jwtbench_result::record::stored::from_json;
use jwtbench_result::simulation::Simulation;

use crate::report::fixture;

/// Each name, and what stands for it.
const NAMES: [(&str, &str); 8] = [
    ("core:ring", "core:a-backend-of-forty-characters-all-x"),
    ("raw:ring", "raw:a-backend-of-forty-characters-all-xx"),
    ("core:aws-lc-rs", "core:another-of-forty-characters-x-x-x-x"),
    ("jose-like", "a-preset-whose-name-has-forty-letters-xx"),
    ("default", "the-preset-whose-name-has-40-letters-x-x"),
    ("hot-path/accept", "hot-path/a-scenario-of-forty-charactersx"),
    ("policy/withdrawal", "policy/a-scenario-of-forty-characters-xx"),
    ("planned-overlap", "a-scenario-that-has-40-characters-or-more"),
];

fn long(text: &str) -> String {
    NAMES.iter().fold(text.to_owned(), |text, (name, long)| text.replace(name, long))
}

fn read<T: serde::de::DeserializeOwned>(text: &str) -> T {
    from_json(&long(text)).expect("a real one under other names")
}

fn style(width: usize) -> TerminalStyle {
    TerminalStyle { colour: false, width }
}

/// A result with as many contenders as there are, and more.
fn crowd() -> RunResult {
    let mut result = fixture::result();
    let of_core = |contender: &str| contender.starts_with("core:");
    let first = result.measurements.iter().find(|m| of_core(&m.contender)).cloned();
    for number in 0..24 {
        let mut more = first.clone().expect("the fixture has a core");
        more.contender = format!("core:number-{number}-of-many-that-have-long-names");
        result.measurements.push(more);
    }
    read(&serde_json::to_string(&result).expect("it can be written"))
}

/// Every form by the name of its verb, at a width.
fn forms(width: usize) -> Vec<(&'static str, String)> {
    let style = style(width);
    let result = crowd();
    let mut other = result.clone();
    for round in other.measurements.iter_mut().flat_map(|m| &mut m.rounds) {
        round.p50_ns = round.p50_ns * 3 / 2;
    }
    let allowed = vec![Allowance::Plan, Allowance::Seed, Allowance::Machine];
    let terms = ComparisonTerms { allowed, ..ComparisonTerms::default() };
    let compared = Comparison::of(&result, &other, &terms).expect("they are alike");
    let duel: DuelResult = read(include_str!("../../cases/stored/duel.json"));
    let capacity: RunResult = read(include_str!("../../cases/stored/capacity.json"));
    let simulation: Simulation = read(include_str!("../../cases/stored/simulation.json"));
    let run: RunResult = read(include_str!("../../cases/stored/run.json"));
    vec![
        ("run", terminal(&result, style)),
        ("a real run", terminal(&run, style)),
        ("check", check_table(&result, style) + &terminal_verdict(&result, style)),
        ("compare", comparison(&compared, style)),
        ("duel", duel_terminal(&Duels::new(vec![duel]), style)),
        ("capacity", terminal(&capacity, style)),
        ("simulate", simulation_terminal(&simulation, style)),
    ]
}

/// The words with a digit in front, or a bracket and a digit: figures.
fn figures(text: &str) -> BTreeMap<&str, usize> {
    let is_figure = |word: &&str| {
        word.trim_start_matches(['[', '(', '-']).starts_with(|c: char| c.is_ascii_digit())
    };
    let mut figures = BTreeMap::new();
    for word in text.split_whitespace().filter(is_figure) {
        *figures.entry(word).or_default() += 1;
    }
    figures
}

#[test]
fn no_figure_is_cut_and_no_column_goes() {
    let columns: [(&str, &[&str]); 7] = [
        ("run", &["p50", "throughput", "lockouts", "exposed", "fetches", "wrong", "Verdict"]),
        ("a real run", &["lockouts", "exposed", "fetches", "wrong", "to raw"]),
        ("check", &["class", "due", " 1  2", "24", "Verdict"]),
        ("compare", &["All trials", "INVALID"]),
        ("duel", &["95 % interval", "floor", "says", "INVALID"]),
        ("capacity", &["at SLO", "modelled", "measured/modelled"]),
        ("simulate", &["exposure", "lockout", "Verdict"]),
    ];
    let whole = forms(2_000);
    for width in [60, 80] {
        for ((verb, text), ((_, whole), (_, heads))) in
            forms(width).iter().zip(whole.iter().zip(columns))
        {
            // Fewer than 80 columns are taken as 80.
            let wide = text.lines().find(|line| line.chars().count() > 80);
            assert_eq!(wide, None, "{verb} at {width}: a line is wider than 80 columns");
            assert!(!text.contains('…'), "{verb} at {width}: something is cut:\n{text}");
            for head in heads {
                assert!(text.contains(head), "{verb} at {width}: no {head}:\n{text}");
            }
            let found = figures(text);
            for (figure, count) in figures(whole) {
                let is_there = found.get(figure).is_some_and(|found| *found >= count);
                assert!(
                    is_there,
                    "{verb} at {width}: {figure} is not there {count} times:\n{text}"
                );
            }
        }
    }
}

/// A name of forty characters stays in one piece, so that it can be searched for.
#[test]
fn names_of_forty_characters_stay_whole() {
    for (verb, text) in forms(80) {
        let name = match verb {
            "simulate" => "a-preset-whose-name-has-forty-letters-xx",
            _ => "core:a-backend-of-forty-characters-all-x",
        };
        if verb != "compare" && verb != "check" {
            assert!(text.contains(name), "{verb}: no {name}:\n{text}");
        }
    }
}
