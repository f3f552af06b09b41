//! The wording of what changed from one simulation to another.

use jwtbench_result::simulation::{
    FigureChange, MetricRange, RowChange, Shift, SimulationChange, SimulationExpectation,
};

use super::expected::value;
use super::{FOREVER, range, title};
use crate::quantity::counted;

/// The heads of the columns of a table of changes.
pub(crate) const HEADS: [&str; 5] = ["", "figure", "base", "candidate", "change"];

/// The scenario of a row, and what it is about.
pub(crate) fn name(row: &RowChange) -> String {
    let RowChange { scenario, base, candidate, .. } = row;
    match base == candidate {
        true => format!("{scenario} {base}"),
        false => format!("{scenario} {base} → {candidate}"),
    }
}

/// The rows in which anything differs.
pub(crate) fn changed(change: &SimulationChange) -> Vec<&RowChange> {
    change.rows.iter().filter(|row| !row.is_same()).collect()
}

/// A figure as the cells after the first: its name, what it was, what it is, and the direction.
pub(crate) fn cells(figure: &FigureChange) -> [String; 4] {
    let beyond = if figure.metric == "grace_s" { "not within" } else { FOREVER };
    let said = |metric: &Option<MetricRange>| range(&figure.metric, metric.as_ref(), beyond);
    let shift = match figure.shift {
        Shift::Worse if figure.decides => "WORSE",
        Shift::Worse => "worse",
        Shift::Better => "better",
        Shift::Within => "within the draws",
        Shift::OneSided => "on one side only",
    };
    let name = title(&figure.metric).to_owned();
    [name, said(&figure.base), said(&figure.candidate), shift.to_owned()]
}

/// The figures of a row that differ as far as they are shown.
pub(crate) fn shown_figures(row: &RowChange) -> Vec<&FigureChange> {
    let is_shown = |figure: &&FigureChange| {
        let [_, base, candidate, _] = cells(figure);
        figure.shift != Shift::Within || base != candidate
    };
    row.figures.iter().filter(is_shown).collect()
}

/// What is said of a row in which no figure differs as far as it is shown, and yet something does.
pub(crate) fn without_figures(row: &RowChange) -> Option<&'static str> {
    let is_silent = shown_figures(row).is_empty() && row.newly_missed.is_empty();
    match (is_silent, row.figures.is_empty()) {
        (false, _) => None,
        (true, true) => Some("every figure as before; some verdicts differ"),
        (true, false) => Some("no figure differs by as much as is shown"),
    }
}

/// An expectation that is newly missed.
pub(crate) fn missed(one: &SimulationExpectation) -> String {
    let value = value(one, "beyond the horizon");
    format!("newly missed: {} {}, was {value}", one.key, one.bound)
}

/// What could not be compared, or not well, in lines.
pub(crate) fn gaps(change: &SimulationChange) -> Vec<String> {
    let only = |side: &str, names: &[String]| match names {
        [] => None,
        names => Some(format!("only in the {side}: {}", names.join(", "))),
    };
    let partial = "a simulation was cut short: rows are missing";
    let single = "the base has one run, which shows no spread: with --draws 8 it would";
    let is_single = change.rows.iter().any(|row| row.runs == 1 && !row.is_same());
    [
        only("base", &change.only_base),
        only("candidate", &change.only_candidate),
        change.is_partial.then(|| partial.to_owned()),
        is_single.then(|| single.to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The verdict, and what to do.
pub(crate) fn closing(change: &SimulationChange) -> String {
    let rows = counted(change.rows.len() as u64, "row");
    let better = change.rows.iter().flat_map(|row| &row.figures);
    let better = better.filter(|one| one.decides && one.shift == Shift::Better).count();
    let better = match better {
        0 => String::new(),
        count => format!(", and {count} better"),
    };
    let alone = change.only_base.len() + change.only_candidate.len();
    let rows = match alone {
        0 => rows,
        count => format!("{rows}; {} not compared", counted(count as u64, "other")),
    };
    let is_same = change.rows.iter().all(RowChange::is_same);
    match change.worse().count() {
        _ if change.rows.is_empty() => "NOTHING COMPARED: no row is in both simulations; simulate \
                                        the same scenarios under policies of the same names"
            .into(),
        _ if change.is_wrong() => {
            format!("WRONG: the candidate gave wrong verdicts; mend them first, in {rows}")
        }
        0 if change.newly_misses() => {
            format!("EXPECTATION NEWLY MISSED: no figure that decides is worse{better}, in {rows}")
        }
        0 if is_same => {
            format!("UNCHANGED: every figure and every verdict is the same, in {rows}")
        }
        0 => format!(
            "NOT WORSE: no figure that decides is beyond the draws of the base{better}, in {rows}"
        ),
        count => format!(
            "WORSE: {} beyond the draws of the base{better}, in {rows}; decide whether what is \
             better is worth it, or take the change back",
            counted(count as u64, "figure")
        ),
    }
}
