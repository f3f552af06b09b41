//! The conformance matrix: the answers of every contender to every class of token, over all
//! measurements. Algorithms share a row unless some contender answers them differently.

use std::collections::{BTreeMap, BTreeSet};

use jwtbench_result::{Measurement, RunResult};

use crate::subject::ranking::Role;

/// The matrix. A row is a class with the code due, and a column is a contender.
pub struct Matrix<'a> {
    /// The columns.
    pub contenders: Vec<&'a str>,
    /// The rows, by class and code due.
    pub rows: Vec<MatrixRow<'a>>,
}

/// One class with one code due.
pub struct MatrixRow<'a> {
    /// The token class.
    pub class: &'a str,
    /// The code due.
    pub due: &'a str,
    /// The algorithms of this row; empty when all algorithms agree.
    pub algorithms: Vec<&'a str>,
    /// One cell for each contender; `None` if the contender was not asked.
    pub cells: Vec<Option<ConformanceAnswer<'a>>>,
}

/// The answers of one contender to one class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConformanceAnswer<'a> {
    /// The codes given that satisfy the code due.
    pub right: BTreeSet<&'a str>,
    /// The codes given that do not satisfy it.
    pub deviating: BTreeSet<&'a str>,
    /// Whether a deviation is wrong and fails the run, rather than a finding only.
    pub is_wrong: bool,
    /// The number of verdicts.
    pub count: u64,
}

type Cells<'a> = Vec<Option<ConformanceAnswer<'a>>>;

/// The matrix of a result.
pub fn matrix(result: &RunResult) -> Matrix<'_> {
    let contenders = columns(result);
    let mut by_row: BTreeMap<(&str, &str), BTreeMap<&str, Cells>> = BTreeMap::new();
    for measurement in &result.measurements {
        let Some(column) = contenders.iter().position(|c| *c == measurement.contender) else {
            continue;
        };
        for given in &measurement.conformance {
            let algorithms = by_row.entry((&given.class, &given.due)).or_default();
            let empty = || vec![None; contenders.len()];
            let cells = algorithms.entry(&measurement.algorithm).or_insert_with(empty);
            let cell = cells[column].get_or_insert_with(ConformanceAnswer::default);
            let codes = if given.conforms { &mut cell.right } else { &mut cell.deviating };
            codes.insert(&given.got);
            cell.is_wrong |= measurement
                .wrong
                .iter()
                .any(|w| (&w.class, &w.due, &w.got) == (&given.class, &given.due, &given.got));
            cell.count += given.count;
        }
    }
    let rows = by_row.into_iter().flat_map(|((class, due), algorithms)| {
        let merged = merge(algorithms);
        let alone = merged.len() == 1;
        merged.into_iter().map(move |(algorithms, cells)| MatrixRow {
            class,
            due,
            algorithms: if alone { Vec::new() } else { algorithms },
            cells,
        })
    });
    Matrix { rows: rows.collect(), contenders }
}

/// The ranked contenders that gave a verdict, cores first, in the order of the result. Bounds and
/// floors are left out, because they see valid tokens only.
fn columns(result: &RunResult) -> Vec<&str> {
    let mut contenders: Vec<&str> = Vec::new();
    for measurement in result.measurements.iter().filter(|m| is_asked(m)) {
        if !contenders.contains(&measurement.contender.as_str()) {
            contenders.push(&measurement.contender);
        }
    }
    contenders.sort_by_key(|c| !c.starts_with("core:"));
    contenders
}

fn is_asked(measurement: &Measurement) -> bool {
    Role::of(&measurement.contender) == Role::Ranked && !measurement.conformance.is_empty()
}

/// Merges the algorithms whose cells do not contradict each other into one row.
fn merge<'a>(algorithms: BTreeMap<&'a str, Cells<'a>>) -> Vec<(Vec<&'a str>, Cells<'a>)> {
    let mut merged: Vec<(Vec<&str>, Cells)> = Vec::new();
    for (algorithm, cells) in algorithms {
        match merged.iter_mut().find(|(_, have)| agree(have, &cells)) {
            Some((names, have)) => {
                names.push(algorithm);
                for (have, more) in have.iter_mut().zip(cells) {
                    match (have.as_mut(), more) {
                        (Some(have), Some(more)) => {
                            have.count += more.count;
                            have.is_wrong |= more.is_wrong;
                        }
                        (None, more) => *have = more,
                        (Some(_), None) => {}
                    }
                }
            }
            None => merged.push((vec![algorithm], cells)),
        }
    }
    merged
}

fn agree(left: &Cells, right: &Cells) -> bool {
    left.iter().zip(right).all(|(l, r)| match (l, r) {
        (Some(l), Some(r)) => l.right == r.right && l.deviating == r.deviating,
        _ => true,
    })
}
