//! A simulation on a terminal: a table per scenario, median and worst over all runs.

use super::expected::{ExpectedLine, expected_lines, gated, unjudged, verdict_line};
use super::{Column, columns, marked, marks, phase_tables, runs, verdict};
use crate::report::TerminalStyle;
use crate::report::terminal::text::{Paint, Text};
use crate::result::simulation::{Simulation, SimulationRow};

/// Between two columns.
const GAP: usize = 2;

/// A table per scenario.
pub fn simulation_terminal(simulation: &Simulation, style: TerminalStyle) -> String {
    let mut text = Text::new(style);
    for scenario in simulation.scenario_names() {
        let rows: Vec<&SimulationRow> = simulation.of_scenario(scenario).collect();
        let runs = runs(rows.iter().copied());
        text.heading(&format!("{scenario}: median / worst of {runs}"));
        let metrics = [("", columns(&rows))];
        let names = rows.iter().map(|row| marked(simulation, &row.cache_policy));
        let names: Vec<String> = names.collect();
        for (heading, columns) in metrics.into_iter().chain(phase_tables(&rows)) {
            if !heading.is_empty() {
                text.wrapped(Paint::Plain, "", heading);
            }
            for columns in fitting(&names, &columns, style.width.max(80)) {
                let head: Vec<&str> = ["cache policy"]
                    .into_iter()
                    .chain(columns.iter().map(|column| column.title.as_str()))
                    .collect();
                let line = |(place, row): (usize, &&SimulationRow)| {
                    let cells = columns.iter().map(|column| column.cells[place].clone());
                    let is_own = simulation.is_own(row);
                    let paint = if is_own { Paint::Strong } else { Paint::Plain };
                    (
                        paint,
                        [marked(simulation, &row.cache_policy)].into_iter().chain(cells).collect(),
                    )
                };
                let lines: Vec<(Paint, Vec<String>)> = rows.iter().enumerate().map(line).collect();
                text.table(1, &head, &lines);
            }
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

/// Who is held to what, and whether it is met.
fn write_expected(simulation: &Simulation, rows: &[&SimulationRow], text: &mut Text) {
    for said in [gated(rows), unjudged(rows)].into_iter().flatten() {
        text.wrapped(Paint::Plain, "", &said);
    }
    for line in expected_lines(rows) {
        let ExpectedLine { state, cache_policy, key, bound, figure, .. } = &line;
        let paint = if line.is_missed { Paint::Bad } else { Paint::Plain };
        let name = marked(simulation, cache_policy);
        text.wrapped(paint, "  ", &format!("{state}: {name}: {key} {bound}, was {figure}"));
    }
}

/// The columns of each table: as many as fit beside the names.
fn fitting<'c>(names: &[String], columns: &'c [Column], width: usize) -> Vec<Vec<&'c Column>> {
    let widest = |cells: &mut dyn Iterator<Item = usize>| GAP + cells.max().unwrap_or_default();
    let names = widest(&mut names.iter().map(|name| name.chars().count()));
    let mut tables: Vec<Vec<&Column>> = vec![Vec::new()];
    let mut used = names.max("cache policy".len() + GAP);
    let first = used;
    for column in columns {
        let figures = column.cells.iter().map(|cell| cell.chars().count());
        let wide = widest(&mut figures.chain([column.title.chars().count()]));
        if used + wide > width && used > first {
            tables.push(Vec::new());
            used = first;
        }
        used += wide;
        if let Some(table) = tables.last_mut() {
            table.push(column);
        }
    }
    tables
}
