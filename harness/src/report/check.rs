//! The conformance matrix for a terminal: a line per token class, a column per contender.

use super::TerminalStyle;
use super::conformance::{Cell, MatrixRow, matrix};
use super::terminal::text::{Paint, Text};
use crate::result::RunResult;

/// The matrix as text. `+` conforms, `.` was not asked, `A` accepted and `R` refused against what
/// was due, `x` gave another code than the one due.
pub fn check_table(result: &RunResult, style: TerminalStyle) -> String {
    let matrix = matrix(result);
    let mut text = Text::new(style);
    text.heading("Conformance: every class of token × every contender");
    for (number, contender) in (1..).zip(&matrix.contenders) {
        text.line(Paint::Plain, &format!("  {number:>2} {contender}"));
    }
    let numbers: Vec<String> =
        (1..=matrix.contenders.len()).map(|number| format!("{number:>2}")).collect();
    let header = format!("{:<21}{:<24} {}", "class", "due", numbers.join(" "));
    text.heading(&header);
    for row in &matrix.rows {
        let marks: Vec<String> =
            row.cells.iter().map(|cell| format!("{:>2}", mark(cell.as_ref(), row.due))).collect();
        let algorithms = row.algorithms.join(",");
        let line = format!("{:<21}{:<24} {} {algorithms}", row.class, row.due, marks.join(" "));
        text.line(if deviates(row) { Paint::Warning } else { Paint::Plain }, &line);
    }
    let legend = "+ conforms · A accepted, R refused, x another code, against what was due · . not \
                  asked. Foreign libraries are judged by accept or refuse only.";
    text.wrapped(Paint::Dim, "", legend);
    if matrix.rows.iter().any(deviates) {
        text.heading("Codes given that were not due");
    }
    for row in matrix.rows.iter().filter(|row| deviates(row)) {
        for (contender, cell) in matrix.contenders.iter().zip(&row.cells) {
            let Some(cell) = cell.as_ref().filter(|cell| !cell.deviating.is_empty()) else {
                continue;
            };
            let given: Vec<&str> = cell.deviating.iter().copied().collect();
            let (class, due, given) = (row.class, row.due, given.join(", "));
            let algorithms = row.algorithms.join(", ");
            let line = format!("{class} due {due}: {contender} gave {given} {algorithms}");
            text.wrapped(if cell.is_wrong { Paint::Bad } else { Paint::Plain }, "  ", &line);
        }
    }
    text.into_string()
}

fn deviates(row: &MatrixRow<'_>) -> bool {
    row.cells.iter().flatten().any(|cell| !cell.deviating.is_empty())
}

fn mark(cell: Option<&Cell<'_>>, due: &str) -> &'static str {
    match cell {
        None => ".",
        Some(cell) if cell.deviating.is_empty() => "+",
        Some(cell) if cell.deviating.contains("ACCEPT") => "A",
        Some(_) if due == "ACCEPT" => "R",
        Some(_) => "x",
    }
}
