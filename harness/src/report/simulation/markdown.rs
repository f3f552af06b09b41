//! A simulation as Markdown, for a CI step summary or a README.

use std::fmt::Write as _;

use super::{columns, range, title, verdict, words};
use crate::report::markdown::cell::{code, plain};
use crate::result::simulation::Simulation;

/// A table per scenario and what it means in words. `own` names the user's policies.
pub fn simulation_markdown(simulation: &Simulation, own: &[String], command: &str) -> String {
    let mut text = format!("# Cache policies in virtual time\n\n{}\n", code(command));
    text.push_str("\nMedian / worst over cache ages. Definitions: `reports/README.md`.\n");
    for scenario in simulation.scenarios() {
        let rows = || simulation.of_scenario(scenario);
        let names = columns(rows());
        // Writing to a String cannot fail.
        let _ = write!(text, "\n## {}\n\n| cache policy |", plain(scenario));
        for name in &names {
            let _ = write!(text, " {} |", title(name));
        }
        text.push_str(" attempts |\n|---|");
        text.push_str(&"---:|".repeat(names.len() + 1));
        for row in rows() {
            let _ = write!(text, "\n| {} |", plain(&row.cache_policy));
            for name in &names {
                let _ = write!(text, " {} |", range(name, row.metric(name)));
            }
            let _ = write!(text, " {} |", row.counts.attempts);
        }
        text.push('\n');
        for row in rows() {
            let mut said = words(row);
            if own.contains(&row.cache_policy) {
                said.extend(verdict(simulation, row));
            }
            if !said.is_empty() {
                let _ = write!(text, "\n**{}**: {}\n", plain(&row.cache_policy), said.join(" "));
            }
        }
    }
    text
}
