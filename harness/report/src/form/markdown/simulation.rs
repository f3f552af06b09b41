//! A simulation as Markdown, for a CI step summary or a README.

use std::fmt::Write as _;

use jwtbench_result::simulation::{Simulation, SimulationRow};

use crate::form::markdown::cell::{code, plain, prose};
use crate::subject::simulation::expected::{
    expected_lines, remarks, simulation_expectation, verdict_line,
};
use crate::subject::simulation::{
    Column, columns, marked, marks, phase_tables, runs, subject_title, subjects, verdict,
};

/// Writes a table for each scenario, with remarks on what to look at.
pub fn simulation_markdown(simulation: &Simulation) -> String {
    let mut text =
        format!("# {} in virtual time\n\n{}\n", subjects(simulation), code(&simulation.command));
    let (_, line) = verdict_line(simulation);
    let all = runs(&simulation.rows);
    // Writing to a String cannot fail.
    let _ = write!(text, "\n**{}**\n", plain(&line));
    let missed = simulation.missed().map(|(row, one)| {
        let said = simulation_expectation(row, one);
        format!("- {} {}: {}\n", plain(&row.scenario), plain(row.subject()), code(&said))
    });
    let missed: String = missed.collect();
    if !missed.is_empty() {
        let _ = write!(text, "\n{missed}");
    }
    let _ = write!(text, "\nMedian / worst of {all}. Definitions: `reports/METRICS.md`.\n");
    if !simulation.policies.is_empty() {
        let page = "`policies/NAME.md`, beside this file where `jwtbench` wrote it";
        let _ = write!(text, "\nIn words, a page for each policy: {page}.\n");
    }
    let marks = marks(simulation);
    if !marks.is_empty() {
        text.push('\n');
    }
    for line in marks {
        let _ = writeln!(text, "- {}", plain(&line));
    }
    for scenario in simulation.scenario_names() {
        let rows: Vec<&SimulationRow> = simulation.of_scenario(scenario).collect();
        let _ = write!(text, "\n## {}\n", plain(scenario));
        if let Some(note) = simulation.scenarios.iter().find(|note| note.name == scenario) {
            let _ = write!(text, "\n**{}.** {}\n", plain(&note.title), prose(&note.analysis));
        }
        let _ = write!(text, "\nMedian / worst of {}:\n", runs(rows.iter().copied()));
        table(&mut text, simulation, &columns(&rows), &rows);
        for (heading, columns) in phase_tables(&rows) {
            let _ = write!(text, "\n{heading}:\n");
            table(&mut text, simulation, &columns, &rows);
        }
        write_expected(&mut text, simulation, &rows);
        for row in rows.iter().filter(|row| simulation.is_own(row)) {
            if let Some(verdict) = verdict(simulation, row) {
                let _ = write!(text, "\n**{}**: {}\n", plain(row.subject()), plain(&verdict));
            }
        }
    }
    text
}

/// Writes the expectations that policies are held to, and whether they are met.
fn write_expected(text: &mut String, simulation: &Simulation, rows: &[&SimulationRow]) {
    for said in remarks(rows) {
        let _ = write!(text, "\n{}\n", plain(&said));
    }
    let lines = expected_lines(rows);
    if !lines.is_empty() {
        let subject = subject_title(rows);
        let _ = write!(
            text,
            "\n| expectation | bound | figure | {subject} | |\n|---|---|---|---|---|\n"
        );
    }
    for line in lines {
        let state = if line.is_missed { format!("**{}**", line.state) } else { line.state };
        let (key, bound) = (code(line.key), code(line.bound));
        let (figure, name) = (plain(&line.figure), plain(&marked(simulation, line.subject)));
        let _ = writeln!(text, "| {key} | {bound} | {figure} | {name} | {state} |");
    }
}

fn table(text: &mut String, simulation: &Simulation, columns: &[Column], rows: &[&SimulationRow]) {
    let _ = write!(text, "\n| {} |", subject_title(rows));
    for column in columns {
        let _ = write!(text, " {} |", plain(&column.title));
    }
    text.push_str("\n|---|");
    text.push_str(&"---:|".repeat(columns.len()));
    for (place, row) in rows.iter().enumerate() {
        let _ = write!(text, "\n| {} |", plain(&marked(simulation, row.subject())));
        for column in columns {
            let _ = write!(text, " {} |", column.cells[place]);
        }
    }
    text.push('\n');
}
