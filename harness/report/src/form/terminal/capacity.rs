//! Capacities on the terminal: the knee first, then the real open loops, then the card.

use jwtbench_result::RunResult;

use crate::subject::capacity::{self, CHECKS, CURVE, NOTE};

use super::text::{Paint, TerminalText};

/// Writes each capacity, and the capacities that relative rates are shares of.
pub fn write(result: &RunResult, text: &mut TerminalText) {
    let bases = capacity::bases(result);
    if !bases.is_empty() {
        text.heading("Rates that are shares of a capacity");
        bases.iter().for_each(|line| text.wrapped(Paint::Plain, "", line));
    }
    let mut scenario = "";
    for found in &result.capacities {
        if found.scenario != scenario {
            scenario = &found.scenario;
            text.heading(&format!("Capacity of {scenario}"));
            text.wrapped(Paint::Dim, "", NOTE);
        }
        text.line(Paint::Strong, &capacity::title(found));
        text.wrapped(Paint::Plain, "  ", &capacity::limit(found));
        let points = capacity::points(found).into_iter().map(|point| (Paint::Plain, point));
        text.table(0, &CURVE, &points.collect::<Vec<_>>());
        let checks = found.checks.iter().map(|check| {
            let paint = if check.wrong > 0 { Paint::Bad } else { Paint::Plain };
            (paint, capacity::check(check))
        });
        text.table(0, &CHECKS, &checks.collect::<Vec<_>>());
        for line in capacity::disturbances(found) {
            text.wrapped(Paint::Warning, "  ", &line);
        }
        for (what, value) in capacity::card(found) {
            text.wrapped(Paint::Plain, "  ", &format!("{what}: {value}"));
        }
    }
}
