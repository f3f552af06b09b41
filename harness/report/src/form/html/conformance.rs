//! The conformance matrix on the page: first the rows in which a contender deviates, then all rows.

use maud::{Markup, html as markup};

use jwtbench_result::RunResult;

use crate::quantity;
use crate::subject::conformance::{ConformanceAnswer, Matrix, MatrixRow, matrix};

/// The section with the matrix.
pub fn section(result: &RunResult) -> Markup {
    let matrix = matrix(result);
    let deviates = |row: &&MatrixRow| row.cells.iter().flatten().any(|c| !c.deviating.is_empty());
    let deviating: Vec<&MatrixRow> = matrix.rows.iter().filter(deviates).collect();
    let all: Vec<&MatrixRow> = matrix.rows.iter().collect();
    markup! {
        section {
            h2 id="conformance" { "Conformance" }
            p.lead {
                "What each contender answered to each class of token, over all scenarios. "
                "✓ is the code that was due; a foreign library is judged by accept or refuse, not "
                "by code. A code in a cell deviates: "
                span.pill.bad { "wrong" } " fails the run, a " span.pill.warn { "finding" }
                " on a foreign library does not. Bounds and floors see valid tokens only and are "
                "left out."
            }
            @if all.is_empty() {
                p { "No verdict was recorded." }
            } @else {
                @if deviating.is_empty() {
                    p { "Every contender answered every class as it was due." }
                } @else {
                    h3 { "Deviations" }
                    (table(&matrix, &deviating))
                }
                details open[all.len() <= 20] {
                    summary {
                        "All of them: " (quantity::count(all.len() as u64)) " classes and codes"
                    }
                    (table(&matrix, &all))
                }
            }
        }
    }
}

fn table(matrix: &Matrix, rows: &[&MatrixRow]) -> Markup {
    markup! {
        div.scroll {
            table.matrix {
                thead {
                    tr {
                        th scope="col" { "class" }
                        th scope="col" { "due" }
                        @for contender in &matrix.contenders {
                            th scope="col" { (heading(contender)) }
                        }
                    }
                }
                tbody {
                    @for row in rows {
                        tr {
                            th scope="row" {
                                (row.class)
                                @if !row.algorithms.is_empty() {
                                    " " span.faint { (row.algorithms.join(", ")) }
                                }
                            }
                            td { code { (row.due) } }
                            @for (cell, contender) in row.cells.iter().zip(&matrix.contenders) {
                                (answer(cell.as_ref(), contender))
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The heading of a contender in two lines: its kind and its backend.
fn heading(contender: &str) -> Markup {
    markup! {
        @match contender.split_once(':') {
            Some((kind, backend)) => { (kind) ":" br; (backend) },
            None => (contender),
        }
    }
}

fn answer(cell: Option<&ConformanceAnswer>, contender: &str) -> Markup {
    let Some(cell) = cell else {
        return markup! { td.none { span.faint { "·" } } };
    };
    let judged = quantity::counted(cell.count, "verdict");
    let given: Vec<&str> = cell.right.union(&cell.deviating).copied().collect();
    let title = format!("{contender}: {} in {judged}", given.join(", "));
    let class = if cell.is_wrong { "wrong" } else { "finding" };
    markup! {
        @if cell.deviating.is_empty() {
            td.right title=(title) { "✓" }
        } @else {
            td class=(class) title=(title) {
                @for (at, code) in cell.deviating.iter().enumerate() {
                    @if at > 0 { br; }
                    (code)
                }
            }
        }
    }
}
