//! A simulation on a terminal: a table per scenario, median and worst over cache ages.

use super::{columns, range, title, verdict};
use crate::report::TerminalStyle;
use crate::report::terminal::text::{Paint, Text};
use crate::result::simulation::Simulation;

/// Metrics in one table: more would be wider than 80 columns.
const ACROSS: usize = 4;

/// A table per scenario. `own` names the user's policies.
pub fn simulation_terminal(
    simulation: &Simulation,
    own: &[String],
    style: TerminalStyle,
) -> String {
    let mut text = Text::new(style);
    for scenario in simulation.scenarios() {
        let rows = || simulation.of_scenario(scenario);
        let ages = rows().flat_map(|row| row.metrics.values()).map(|metric| metric.n).max();
        let ages = ages.unwrap_or_default();
        text.heading(&format!("{scenario}: median / worst of {ages} cache ages"));
        for names in columns(rows()).chunks(ACROSS) {
            let head: Vec<&str> =
                ["cache policy"].into_iter().chain(names.iter().map(|name| title(name))).collect();
            let lines: Vec<(Paint, Vec<String>)> = rows()
                .map(|row| {
                    let figures = names.iter().map(|name| range(name, row.metric(name)));
                    let cells = [row.cache_policy.clone()].into_iter().chain(figures);
                    let is_own = own.contains(&row.cache_policy);
                    (if is_own { Paint::Strong } else { Paint::Plain }, cells.collect())
                })
                .collect();
            text.table(1, &head, &lines);
        }
        for row in rows().filter(|row| own.contains(&row.cache_policy)) {
            text.wrapped(Paint::Plain, "", &verdict(simulation, row));
        }
    }
    text.into_string()
}
