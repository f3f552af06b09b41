//! One cache policy or state strategy over all scenarios, in words: a page for its users.

use std::fmt::Write as _;

use jwtbench_result::simulation::{PolicyNote, Simulation, SimulationRow};

use crate::form::markdown::cell::{code, plain};
use crate::subject::simulation::expected::expected_lines;
use crate::subject::simulation::words::{better, words};
use crate::subject::simulation::{cell, facts, is_of_state, runs};

/// The page of one policy.
pub fn policy_markdown(simulation: &Simulation, note: &PolicyNote) -> String {
    let rows = || simulation.rows.iter().filter(|row| row.subject() == note.name);
    let name = note.standing().marked(&note.name);
    let mut text = format!("# {}\n", plain(&name));
    // Writing to a String cannot fail.
    if let Some(title) = &note.title {
        let _ = write!(text, "\n{}.\n", plain(title));
    }
    let known = facts(note);
    if !known.is_empty() {
        text.push('\n');
    }
    for (name, fact) in known {
        let _ = writeln!(text, "- **{name}**: {}.", plain(fact));
    }
    if !note.keys.is_empty() {
        // No key may close the code block early.
        let held = |c: char| c.is_control() || c == '`';
        let keys = note.keys.iter().map(|key| key.replace(held, " ") + "\n");
        let _ = write!(text, "\n```toml\n{}```\n", keys.collect::<String>());
    }
    let _ = write!(text, "\nMedian / worst of {}:\n", runs(rows()));
    let (last, names) = match is_of_state(rows()) {
        true => ("silence", ["state_exposure_s", "lockout_s", "silence_s"]),
        false => ("regret", ["exposure_s", "lockout_s", "regret_s"]),
    };
    let _ = write!(text, "\n| scenario | exposure | lockout | {last} |\n|---|---:|---:|---:|\n");
    for row in rows() {
        let cells = names.map(|name| cell(row, name));
        let cells = cells.join(" | ");
        let _ = writeln!(text, "| {} | {cells} |", code(&row.scenario));
    }
    for row in rows() {
        let (title, said) = (title(simulation, row), plain(&words(row).join(" ")));
        let _ = write!(text, "\n## {}\n\n{}: {said}", plain(title), code(&row.scenario));
        if let Some(better) = better(simulation, row) {
            let _ = write!(text, " {}", plain(&better));
        }
        text.push('\n');
        for line in expected_lines(&[row]) {
            let (key, bound, figure) = (code(line.key), code(line.bound), plain(&line.figure));
            let _ = write!(text, "\n- {}: {key} {bound}, was {figure}", line.state);
        }
        if !row.expectations.is_empty() {
            text.push('\n');
        }
    }
    text
}

/// The title of a row's scenario.
pub(crate) fn title<'s>(simulation: &'s Simulation, row: &'s SimulationRow) -> &'s str {
    let note = simulation.scenarios.iter().find(|note| note.name == row.scenario);
    note.map_or(row.scenario.as_str(), |note| note.title.as_str())
}
