//! Capacities in the step summary: one row for each. Curves and open loops are collapsed.

use jwtbench_result::RunResult;
use jwtbench_result::capacity::Capacity;

use crate::subject::capacity::{self, CHECKS, CURVE, NOTE};

use super::cell::{code, plain, row};

/// Writes all capacities, and the capacities that relative rates are shares of.
pub fn write(result: &RunResult, out: &mut String) {
    let bases = capacity::bases(result);
    if !bases.is_empty() {
        out.push_str("### Rates that are shares of a capacity\n\n");
        bases.iter().for_each(|line| out.push_str(&format!("- {}\n", plain(line))));
        out.push('\n');
    }
    if result.capacities.is_empty() {
        return;
    }
    out.push_str(&format!("### Capacity\n\n{NOTE}\n\n"));
    out.push_str("| scenario | contender | algorithm | workers | capacity | knee |\n");
    out.push_str("|---|---|---|--:|--:|---|\n");
    for found in &result.capacities {
        out.push_str(&row(&[
            code(&found.scenario),
            code(&found.contender),
            plain(&found.algorithm),
            found.workers.to_string(),
            capacity::reached(found),
            plain(&capacity::limit(found)),
        ]));
    }
    out.push('\n');
    result.capacities.iter().for_each(|found| details(found, out));
}

fn details(found: &Capacity, out: &mut String) {
    let title = plain(&capacity::title(found));
    out.push_str(&format!("<details><summary>{title}</summary>\n\n"));
    table(&CURVE, capacity::points(found).into_iter(), out);
    table(&CHECKS, found.checks.iter().map(capacity::check), out);
    for line in capacity::disturbances(found) {
        out.push_str(&format!("- {}\n", plain(&line)));
    }
    for (what, value) in capacity::card(found) {
        out.push_str(&format!("- {}: {}\n", plain(&what), plain(&value)));
    }
    out.push_str("\n</details>\n\n");
}

fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>, out: &mut String) {
    out.push_str(&row(&head.iter().map(ToString::to_string).collect::<Vec<_>>()));
    out.push_str(&format!("|{}\n", "--:|".repeat(head.len())));
    rows.for_each(|cells| out.push_str(&row(&cells)));
    out.push('\n');
}
