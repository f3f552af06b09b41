//! A simulation as Markdown, for a CI step summary or a README.

use std::fmt::Write as _;

use super::{Column, columns, phase_tables, runs, verdict};
use crate::report::markdown::cell::{code, plain};
use crate::result::simulation::{Simulation, SimulationRow};

/// A table per scenario, with what to look at.
pub fn simulation_markdown(simulation: &Simulation) -> String {
    let mut text = format!("# Cache policies in virtual time\n\n{}\n", code(&simulation.command));
    let all = runs(&simulation.rows);
    // Writing to a String cannot fail.
    let _ = write!(text, "\nMedian / worst of {all}. Definitions: `reports/README.md`.\n");
    let link = |name: &str| format!("[{}](policies/{name}.md)", plain(name));
    let links: Vec<String> = simulation.policies.iter().map(|note| link(&note.name)).collect();
    if !links.is_empty() {
        let _ = write!(text, "\nIn words, a page each: {}.\n", links.join(", "));
    }
    for scenario in simulation.scenario_names() {
        let rows: Vec<&SimulationRow> = simulation.of_scenario(scenario).collect();
        let _ = write!(text, "\n## {}\n", plain(scenario));
        if let Some(note) = simulation.scenarios.iter().find(|note| note.name == scenario) {
            let _ = write!(text, "\n**{}.** {}\n", plain(&note.title), note.analysis);
        }
        let _ = write!(text, "\nMedian / worst of {}:\n", runs(rows.iter().copied()));
        table(&mut text, &rows, &columns(&rows));
        for (heading, columns) in phase_tables(&rows) {
            let _ = write!(text, "\n{heading}:\n");
            table(&mut text, &rows, &columns);
        }
        for row in rows.iter().filter(|row| simulation.is_own(row)) {
            if let Some(verdict) = verdict(simulation, row) {
                let _ = write!(text, "\n**{}**: {verdict}\n", plain(&row.cache_policy));
            }
        }
    }
    text
}

fn table(text: &mut String, rows: &[&SimulationRow], columns: &[Column]) {
    text.push_str("\n| cache policy |");
    for column in columns {
        let _ = write!(text, " {} |", plain(&column.title));
    }
    text.push_str("\n|---|");
    text.push_str(&"---:|".repeat(columns.len()));
    for (place, row) in rows.iter().enumerate() {
        let _ = write!(text, "\n| {} |", plain(&row.cache_policy));
        for column in columns {
            let _ = write!(text, " {} |", column.cells[place]);
        }
    }
    text.push('\n');
}
