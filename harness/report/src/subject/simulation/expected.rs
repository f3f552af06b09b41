//! The expectations of a simulation in words: the verdict on those that gate, and each expectation
//! with its figure.

use jwtbench_result::simulation::{COLUMNS, Simulation, SimulationExpectation, SimulationRow};

use crate::quantity::counted;

use super::bound::{state_bound, state_choices};
use super::{beyond, figure, is_of_state};

/// One expectation of one policy, as a line of a table.
pub(crate) struct ExpectedLine<'s> {
    /// `met` or `MISSED`, and whether it gates.
    pub(crate) state: String,
    pub(crate) is_missed: bool,
    pub(crate) subject: &'s str,
    pub(crate) key: &'s str,
    pub(crate) bound: &'s str,
    /// The figure as text.
    pub(crate) figure: String,
}

/// The verdict on all expectations that gate. The flag is true if one is missed or may be, because
/// rows are missing.
pub(crate) fn verdict_line(simulation: &Simulation) -> (bool, String) {
    let gated = || simulation.rows.iter().filter(|row| row.is_gated);
    let judged = gated().map(|row| row.expectations.len() as u64).sum::<u64>();
    let missed = simulation.missed().count() as u64;
    let unjudged = gated().map(|row| row.unjudged.len() as u64).sum::<u64>();
    let said = match (judged, missed) {
        (0, _) => "NOTHING GATED: no expectation of a simulation binds the policies that are \
                   not only compared with"
            .to_owned(),
        (1, 0) => "PASSED: the one expectation met".to_owned(),
        (_, 0) => format!("PASSED: all {} met", counted(judged, "expectation")),
        _ => format!("FAILED: {missed} of {} missed", counted(judged, "expectation")),
    };
    // A missing row might have missed its expectations.
    let said = match simulation.partial {
        true => format!("INTERRUPTED: rows are missing; of those that are there, {said}"),
        false => said,
    };
    let rest = match unjudged {
        0 => String::new(),
        count => format!("; {} not judged here, `run` judges them", counted(count, "other")),
    };
    (missed > 0 || simulation.partial, said + &rest)
}

/// What there is to say below the table of a scenario.
pub(crate) fn remarks(rows: &[&SimulationRow]) -> Vec<String> {
    let rest = [state_bound(rows), gated(rows), unjudged(rows)];
    state_choices(rows).into_iter().chain(rest.into_iter().flatten()).collect()
}

/// A sentence on the policies that are held to the expectations of a scenario.
fn gated(rows: &[&SimulationRow]) -> Option<String> {
    let (gated, others): (Vec<&&SimulationRow>, Vec<&&SimulationRow>) =
        rows.iter().partition(|row| row.is_gated);
    let names: Vec<&str> = gated.iter().map(|row| row.subject()).collect();
    if names.is_empty() {
        return None;
    }
    let others = match others.len() {
        0 => String::new(),
        1 => "; the other policy is there to be compared with".to_owned(),
        count => format!("; the other {count} policies are there to be compared with"),
    };
    let names = names.join(", ");
    let (table, others) = match is_of_state(rows.iter().copied()) {
        true => ("[state]", others.replace("policies", "strategies").replace("policy", "strategy")),
        false => ("[cache]", others),
    };
    Some(format!(
        "Held to the scenario's [expect], as its {table} or in place of it: {names}{others}."
    ))
}

/// The expectations of a scenario's rows.
pub(crate) fn expected_lines<'s>(rows: &[&'s SimulationRow]) -> Vec<ExpectedLine<'s>> {
    let of_row = |row: &&'s SimulationRow| {
        let row = *row;
        row.expectations.iter().map(move |one| ExpectedLine {
            state: state(row, one),
            is_missed: row.is_gated && !one.met,
            subject: row.subject(),
            key: &one.key,
            bound: &one.bound,
            figure: value(one, &beyond(row, metric(one))),
        })
    };
    rows.iter().flat_map(of_row).collect()
}

/// A sentence on the keys that bind a policy of these rows and that only `run` can judge.
fn unjudged(rows: &[&SimulationRow]) -> Option<String> {
    let mut keys: Vec<&str> = Vec::new();
    for key in rows.iter().filter(|row| row.is_gated).flat_map(|row| &row.unjudged) {
        if !keys.contains(&key.as_str()) {
            keys.push(key);
        }
    }
    (!keys.is_empty())
        .then(|| format!("Not judged here, `jwtbench run` judges it: {}.", keys.join(", ")))
}

/// An expectation with its figure, in one line.
pub fn simulation_expectation(row: &SimulationRow, one: &SimulationExpectation) -> String {
    format!("{} {}, was {}", one.key, one.bound, value(one, &beyond(row, metric(one))))
}

fn state(row: &SimulationRow, one: &SimulationExpectation) -> String {
    let state = if one.met { "met" } else { "MISSED" };
    if row.is_gated { state.into() } else { format!("{} (not gated)", state.to_lowercase()) }
}

/// The figure of an expectation. `beyond` is the text for one that the horizon cut off.
pub(super) fn value(one: &SimulationExpectation, beyond: &str) -> String {
    let name = metric(one);
    match one.value {
        None if one.is_beyond => beyond.into(),
        None => "nothing: this scenario has no such figure".into(),
        value => figure(name, value),
    }
}

/// The metric of an expectation.
fn metric(one: &SimulationExpectation) -> &str {
    let word = one.key.split('.').nth(2).unwrap_or_default();
    let is_named = |name: &&str| *name == word || name.strip_suffix("_s") == Some(word);
    COLUMNS.into_iter().find(is_named).unwrap_or(word)
}
