//! A simulation on a terminal: a table for each scenario, with median and worst over all runs.

use jwtbench_result::simulation::{Simulation, SimulationRow};

use crate::TerminalStyle;
use crate::form::terminal::text::{Paint, TerminalText};
use crate::subject::simulation::expected::{ExpectedLine, expected_lines, remarks, verdict_line};
use crate::subject::simulation::{
    columns, marked, marks, phase_tables, runs, subject_title, verdict,
};

/// Writes a table for each scenario, and the verdict last.
pub fn simulation_terminal(simulation: &Simulation, style: TerminalStyle) -> String {
    let mut text = TerminalText::new(style);
    for scenario in simulation.scenario_names() {
        let rows: Vec<&SimulationRow> = simulation.of_scenario(scenario).collect();
        let runs = runs(rows.iter().copied());
        text.heading(&format!("{scenario}: median / worst of {runs}"));
        let metrics = [("", columns(&rows))];
        for (heading, columns) in metrics.into_iter().chain(phase_tables(&rows)) {
            if !heading.is_empty() {
                text.wrapped(Paint::Plain, "", heading);
            }
            let titles = columns.iter().map(|column| column.title.as_str());
            let head: Vec<&str> = [subject_title(&rows)].into_iter().chain(titles).collect();
            let line = |(place, row): (usize, &&SimulationRow)| {
                let cells = columns.iter().map(|column| column.cells[place].clone());
                let paint = if simulation.is_own(row) { Paint::Strong } else { Paint::Plain };
                let name = marked(simulation, row.subject());
                (paint, [name].into_iter().chain(cells).collect())
            };
            let lines: Vec<(Paint, Vec<String>)> = rows.iter().enumerate().map(line).collect();
            text.table(1, &head, &lines);
        }
        for row in rows.iter().filter(|row| simulation.is_own(row)) {
            if let Some(verdict) = verdict(simulation, row) {
                text.wrapped(Paint::Plain, "", &verdict);
            }
        }
        write_expected(simulation, &rows, &mut text);
    }
    for line in marks(simulation) {
        text.wrapped(Paint::Dim, "", &line);
    }
    let (is_missed, line) = verdict_line(simulation);
    text.heading("Verdict");
    text.wrapped(if is_missed { Paint::Bad } else { Paint::Good }, "", &line);
    text.into_string()
}

/// Writes the expectations that policies are held to, and whether they are met.
fn write_expected(simulation: &Simulation, rows: &[&SimulationRow], text: &mut TerminalText) {
    for said in remarks(rows) {
        text.wrapped(Paint::Plain, "", &said);
    }
    for line in expected_lines(rows) {
        let ExpectedLine { state, subject, key, bound, figure, .. } = &line;
        let paint = if line.is_missed { Paint::Bad } else { Paint::Plain };
        let name = marked(simulation, subject);
        text.wrapped(paint, "  ", &format!("{state}: {name}: {key} {bound}, was {figure}"));
    }
}
