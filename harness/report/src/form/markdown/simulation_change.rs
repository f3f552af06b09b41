//! What changed from one simulation to another, for a CI step summary.

use std::fmt::Write as _;

use jwtbench_result::simulation::SimulationChange;

use crate::form::markdown::cell::{code, plain};
use crate::subject::simulation::change::{
    HEADS, cells, changed, closing, gaps, missed, name, shown_figures, without_figures,
};

/// Writes the verdict, and a table of everything that changed.
pub fn simulation_change_markdown(change: &SimulationChange) -> String {
    let mut text = format!("## {}\n\n", plain(&closing(change)));
    // Writing to a String cannot fail.
    for (side, command) in ["Base", "Candidate"].into_iter().zip(&change.commands) {
        let _ = write!(text, "{side}: {}\n\n", code(command));
    }
    let unlike = change.unlike.iter().map(|what| format!("unlike, as allowed: {what}"));
    for line in unlike.chain(gaps(change)) {
        let _ = writeln!(text, "- {}", plain(&line));
    }
    let rows = changed(change);
    for row in &rows {
        let missed = row.newly_missed.iter().map(missed);
        let said = without_figures(row).map(str::to_owned);
        for line in missed.chain(said) {
            let _ = writeln!(text, "- {}: {}", plain(&name(row)), plain(&line));
        }
    }
    if rows.iter().any(|row| !shown_figures(row).is_empty()) {
        let _ = write!(text, "\n| {} |\n|---|---|---:|---:|---|\n", HEADS.join(" | "));
    }
    for row in &rows {
        for figure in shown_figures(row) {
            let cells = cells(figure).map(|cell| plain(&cell));
            let _ = writeln!(text, "| {} | {} |", plain(&name(row)), cells.join(" | "));
        }
    }
    text
}
