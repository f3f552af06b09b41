//! What changed from one simulation to another, on a terminal: the changes, and the verdict last.

use jwtbench_result::simulation::{FigureChange, Shift, SimulationChange};

use crate::TerminalStyle;
use crate::form::terminal::text::{Paint, TerminalText};
use crate::subject::simulation::change::{
    HEADS, cells, changed, closing, gaps, missed, name, shown_figures, without_figures,
};

/// Writes a table for each row that changed, and the verdict last.
pub fn simulation_change(change: &SimulationChange, style: TerminalStyle) -> String {
    let mut text = TerminalText::new(style);
    for (side, command) in ["Base     ", "Candidate"].into_iter().zip(&change.commands) {
        text.line(Paint::Plain, &format!("{side}  {command}"));
    }
    for unlike in &change.unlike {
        text.wrapped(Paint::Warning, "", &format!("!! unlike, as allowed: {unlike}"));
    }
    for row in changed(change) {
        text.heading(&name(row));
        let line = |figure: &&FigureChange| {
            let paint = match (figure.shift, figure.decides) {
                (Shift::Worse, true) => Paint::Bad,
                (Shift::Better, _) => Paint::Good,
                (Shift::OneSided, _) => Paint::Warning,
                _ => Paint::Plain,
            };
            (paint, cells(figure).to_vec())
        };
        let lines: Vec<(Paint, Vec<String>)> = shown_figures(row).iter().map(line).collect();
        if !lines.is_empty() {
            text.table(1, &HEADS[1..], &lines);
        }
        for one in &row.newly_missed {
            text.wrapped(Paint::Bad, "  ", &missed(one));
        }
        if let Some(said) = without_figures(row) {
            text.wrapped(Paint::Plain, "  ", said);
        }
    }
    for gap in gaps(change) {
        text.wrapped(Paint::Warning, "", &format!("!! {gap}"));
    }
    text.heading("Verdict");
    let is_bad = change.rows.is_empty()
        || change.is_wrong()
        || change.newly_misses()
        || change.worse().count() > 0;
    text.wrapped(if is_bad { Paint::Bad } else { Paint::Good }, "", &closing(change));
    text.into_string()
}
