//! A duel for a terminal: every verdict, what it means and what to do next, then the figures.

use jwtbench_result::duel::{Duels, MetricVerdict};
use jwtbench_result::statistics::Decision;

use crate::TerminalStyle;
use crate::form::terminal::text::{Paint, TerminalText};
use crate::subject::duel::{
    advice, cells, circumstances, control, mark, missing, notes, sides, sureness, verdict, wrong,
};
use crate::subject::standing;

/// The columns that a terminal has room for, as index and heading.
const NARROW: [(usize, &str); 7] = [
    (0, "metric"),
    (1, "A"),
    (2, "B"),
    (3, "cost"),
    (4, "95 % interval"),
    (6, "floor"),
    (8, "says"),
];

/// Duels of the same two arms over several algorithms, for a terminal or a pipe: every verdict,
/// then the figures.
pub fn duel_terminal(all: &Duels, style: TerminalStyle) -> String {
    let mut text = TerminalText::new(style);
    let duels = &all.duels;
    let Some(first) = duels.first() else {
        return text.into_string();
    };
    if first.machine.profile == "debug" {
        text.wrapped(Paint::Warning, "", "!! a debug build: its times mean nothing");
    }
    let [candidate, base] = sides(first);
    text.line(Paint::Strong, &format!("Duel  A {candidate}"));
    text.line(Paint::Strong, &format!("      B {base}"));
    text.wrapped(Paint::Dim, "      ", &circumstances(first));
    for line in standing::marks(&first.cache_policies) {
        text.wrapped(Paint::Dim, "      ", &line);
    }
    if let Some(line) = missing(all) {
        text.wrapped(Paint::Warning, "", &format!("!! {line}"));
    }
    for duel in duels {
        text.line(Paint::Plain, "");
        text.wrapped(paint(duel.verdict, true), "", &verdict(duel));
        for line in wrong(duel) {
            text.wrapped(Paint::Bad, "  ", &line);
        }
        for line in advice(duel) {
            text.wrapped(Paint::Plain, "  ", &line);
        }
    }
    let head = NARROW.map(|(_, head)| head);
    for duel in duels.iter().filter(|duel| duel.wrong.is_empty()) {
        text.heading(&format!(
            "{}{}",
            duel.algorithm,
            mark::of_figures(&duel.noise, duel.dropped_blocks)
        ));
        let cells = |metric: &MetricVerdict| {
            let cells = cells(metric);
            (paint(metric.decision, metric.gated), NARROW.map(|(at, _)| cells[at].clone()).to_vec())
        };
        text.table(1, &head, &duel.metrics.iter().map(cells).collect::<Vec<_>>());
        for line in mark::of_blocks(&duel.noise) {
            text.wrapped(Paint::Warning, "  ", &line);
        }
        text.wrapped(Paint::Dim, "  ", &sureness(duel));
        if let Some(line) = control(duel) {
            text.wrapped(Paint::Dim, "  ", &line);
        }
    }
    if duels.iter().any(|duel| duel.wrong.is_empty()) {
        text.line(Paint::Plain, "");
        for note in notes(duels) {
            text.wrapped(Paint::Dim, "  ", &note);
        }
    }
    text.into_string()
}

fn paint(decision: Decision, gated: bool) -> Paint {
    match decision {
        _ if !gated => Paint::Dim,
        Decision::Regressed => Paint::Bad,
        Decision::Improved | Decision::Equivalent => Paint::Good,
        Decision::Inconclusive | Decision::Invalid => Paint::Warning,
    }
}
