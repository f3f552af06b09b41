//! A simulation on a terminal: a table per scenario, median and worst over cache ages.

use super::{columns, range, title, verdict};
use crate::report::TerminalStyle;
use crate::report::terminal::text::{Paint, Text};
use crate::result::simulation::{Simulation, SimulationRow};

/// Between two columns.
const GAP: usize = 2;

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
        for names in tables(&rows().collect::<Vec<_>>(), style.width.max(80)) {
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
            if let Some(verdict) = verdict(simulation, row) {
                text.wrapped(Paint::Plain, "", &verdict);
            }
        }
    }
    text.into_string()
}

/// The metrics of each table: as many as fit beside the names.
fn tables(rows: &[&SimulationRow], width: usize) -> Vec<Vec<&'static str>> {
    let widest = |cells: &mut dyn Iterator<Item = usize>| GAP + cells.max().unwrap_or_default();
    let names = widest(&mut rows.iter().map(|row| row.cache_policy.chars().count()));
    let mut tables: Vec<Vec<&str>> = vec![Vec::new()];
    let mut used = names.max("cache policy".len() + GAP);
    let first = used;
    for name in columns(rows.iter().copied()) {
        let figures = rows.iter().map(|row| range(name, row.metric(name)).chars().count());
        let wide = widest(&mut figures.chain([title(name).len()]));
        if used + wide > width && used > first {
            tables.push(Vec::new());
            used = first;
        }
        used += wide;
        if let Some(table) = tables.last_mut() {
            table.push(name);
        }
    }
    tables
}
