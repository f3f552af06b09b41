//! The conformance matrix for a terminal: a line per token class, a column per contender.

use std::ops::Range;

use jwtbench_result::RunResult;

use crate::TerminalStyle;
use crate::form::terminal::text::{Paint, TerminalText};
use crate::subject::conformance::{ConformanceAnswer, Matrix, MatrixRow, matrix};

/// The width of the text before the marks of a row, in columns.
const BESIDE: usize = 46;

/// The matrix as text. The mark `+` means that the contender conforms, and `.` that it was not
/// asked. `A` means that it accepted what should be refused, `R` that it refused what should be
/// accepted, and `x` that it gave another code than the one due.
pub fn check_table(result: &RunResult, style: TerminalStyle) -> String {
    let matrix = matrix(result);
    let mut text = TerminalText::new(style);
    text.heading("Conformance: every class of token × every contender");
    for (number, contender) in (1..).zip(&matrix.contenders) {
        text.line(Paint::Plain, &format!("  {number:>2} {contender}"));
    }
    let marks = matrix.contenders.len().max(1);
    let room = style.width.max(80).saturating_sub(BESIDE) / 3;
    for from in (0..marks).step_by(room.max(1)) {
        write_block(&matrix, from..(from + room).min(matrix.contenders.len()), &mut text);
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

/// Writes the rows with the marks of some of the contenders.
fn write_block(matrix: &Matrix<'_>, shown: Range<usize>, text: &mut TerminalText) {
    let numbers: Vec<String> = shown.clone().map(|place| format!("{:>2}", place + 1)).collect();
    let header = format!("{:<21}{:<24} {}", "class", "due", numbers.join(" "));
    text.heading(&header);
    for row in &matrix.rows {
        let cells = &row.cells[shown.clone()];
        let marks: Vec<String> =
            cells.iter().map(|cell| format!("{:>2}", mark(cell.as_ref(), row.due))).collect();
        let algorithms = row.algorithms.join(",");
        let line = format!("{:<21}{:<24} {}", row.class, row.due, marks.join(" "));
        let paint = if deviates(row) { Paint::Warning } else { Paint::Plain };
        let width = line.chars().count() + 1 + algorithms.chars().count();
        if algorithms.is_empty() || width <= text.width() {
            text.line(paint, &format!("{line} {algorithms}"));
        } else {
            text.line(paint, &line);
            text.wrapped(paint, "    ", &row.algorithms.join(", "));
        }
    }
}

fn deviates(row: &MatrixRow<'_>) -> bool {
    row.cells.iter().flatten().any(|cell| !cell.deviating.is_empty())
}

fn mark(cell: Option<&ConformanceAnswer<'_>>, due: &str) -> &'static str {
    match cell {
        None => ".",
        Some(cell) if cell.deviating.is_empty() => "+",
        Some(cell) if cell.deviating.contains("ACCEPT") => "A",
        Some(_) if due == "ACCEPT" => "R",
        Some(_) => "x",
    }
}
