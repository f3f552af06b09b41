//! The rankings of a hot-path scenario. If a bound was measured beside the contenders, they are
//! shown in full. Otherwise each contender has one line with its median under every algorithm.

use jwtbench_result::Measurement;

use crate::quantity;
use crate::subject::caveat::{legend, marked};
use crate::subject::chapter::Chapter;
use crate::subject::fault::fault;
use crate::subject::ranking::{Ranking, RankingRow, Role, rankings};
use crate::subject::state;

use super::text::{Paint, TerminalText};

/// Writes the rankings of `chapter`, or nothing if none of its trials was timed.
pub fn write(chapter: &Chapter, text: &mut TerminalText) {
    let rankings = rankings(chapter);
    if rankings.is_empty() {
        return;
    }
    text.heading(&format!("{}  {}", chapter.name, chapter.title));
    if rankings.iter().any(Ranking::has_bound) {
        for (at, ranking) in rankings.iter().enumerate() {
            if at > 0 {
                text.line(Paint::Plain, "");
            }
            in_full(ranking, text);
        }
    } else {
        compact(&rankings, text);
    }
    let sound = chapter.measurements.iter().copied().filter(|trial| fault(trial).is_none());
    for (trial, sentences) in state::of_trials(sound) {
        let of = |trial: &Measurement| format!("{} {}: ", trial.contender, trial.algorithm);
        let name = trial.map(of).unwrap_or_default();
        text.wrapped(Paint::Plain, "  ", &format!("{name}{sentences}"));
    }
    if let Some(legend) = legend(chapter.measurements.iter().copied()) {
        text.wrapped(Paint::Dim, "  ", &legend);
    }
}

fn in_full(ranking: &Ranking, text: &mut TerminalText) {
    let head = [ranking.algorithm, "p50", "p99", "throughput", "to fastest", "to raw"];
    let ratio = |r: Option<f64>| r.map_or_else(|| "–".to_owned(), quantity::ratio);
    let mut rows = Vec::new();
    for row in &ranking.rows {
        let Ok(speed) = &row.speed else { continue };
        let paint = if row.role == Role::Ranked { Paint::Plain } else { Paint::Dim };
        let cells = vec![
            label(row),
            marked(quantity::nanoseconds(speed.p50_ns), row.measurement),
            quantity::nanoseconds(speed.p99_ns),
            quantity::rate(speed.throughput_per_s),
            ratio(row.to_fastest),
            ratio(row.to_bound),
        ];
        rows.push((paint, cells));
    }
    text.table(1, &head, &rows);
    faults(ranking, text);
}

fn compact(rankings: &[Ranking], text: &mut TerminalText) {
    let mut head = vec!["p50, to fastest"];
    let mut contenders: Vec<&str> = Vec::new();
    for ranking in rankings {
        head.extend([ranking.algorithm, ""]);
        for row in &ranking.rows {
            if !contenders.contains(&row.measurement.contender.as_str()) {
                contenders.push(&row.measurement.contender);
            }
        }
    }
    let rows: Vec<(Paint, Vec<String>)> = contenders
        .iter()
        .map(|contender| {
            let mut cells = vec![(*contender).to_owned()];
            let rows = rankings
                .iter()
                .map(|ranking| ranking.rows.iter().find(|r| r.measurement.contender == *contender));
            cells.extend(rows.flat_map(median_and_ratio));
            let is_ranked = Role::of(contender) == Role::Ranked;
            (if is_ranked { Paint::Plain } else { Paint::Dim }, cells)
        })
        .collect();
    text.table(1, &head, &rows);
    rankings.iter().for_each(|ranking| faults(ranking, text));
}

fn median_and_ratio(row: Option<&RankingRow>) -> [String; 2] {
    match row.map(|r| (&r.speed, r)) {
        None => ["–".to_owned(), String::new()],
        Some((Err(_), _)) => ["error".to_owned(), String::new()],
        Some((Ok(speed), row)) => {
            let ratio = row.to_fastest.map(quantity::ratio).unwrap_or_default();
            [marked(quantity::nanoseconds(speed.p50_ns), row.measurement), ratio]
        }
    }
}

fn faults(ranking: &Ranking, text: &mut TerminalText) {
    for row in &ranking.rows {
        if let Err(fault) = &row.speed {
            let line =
                format!("{} {}  ERROR {fault}", row.measurement.contender, ranking.algorithm);
            text.wrapped(Paint::Bad, "  ", &line);
        }
    }
}

fn label(row: &RankingRow) -> String {
    let contender = &row.measurement.contender;
    match row.role {
        Role::Ranked => contender.clone(),
        Role::Bound => format!("· {contender} (bound)"),
        Role::Floor => format!("· {contender} (floor)"),
    }
}
