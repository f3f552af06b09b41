//! Latency curves on the log-percentile axis, where each further nine takes the same width. The
//! latency axis is logarithmic too, so that the tail and the median both show.

use std::fmt::Write;

use maud::{Markup, html as markup};

use crate::form::svg::scale::{Scale, coordinate, levels, uprights};
use crate::quantity;
use crate::subject::ranking::{Ranking, RankingRow, Role};
use crate::subject::speed::at_quantile;

use super::ink::Ink;

const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 26.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 40.0;
const QUANTILES: [(f64, &str); 6] = [
    (0.5, "50%"),
    (0.9, "90%"),
    (0.99, "99%"),
    (0.999, "99.9%"),
    (0.9999, "99.99%"),
    (0.99999, "99.999%"),
];

/// Plots the service curves of one ranking. The plot is empty when no row has a curve. Floors are
/// left out, because they would flatten all other curves.
pub fn plot(ranking: &Ranking, ink: &Ink) -> Markup {
    let drawn: Vec<&RankingRow> = ranking
        .rows
        .iter()
        .filter(|r| r.speed.is_ok() && r.measurement.service_curve.len() > 1)
        .filter(|r| r.role != Role::Floor)
        .collect();
    let Some((x, y)) = scales(&drawn) else {
        return markup! {};
    };
    let label = format!("Service time by percentile, {}", ranking.algorithm);
    markup! {
        figure.curve {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label) {
                (grid(&x, &y))
                @for row in &drawn {
                    path class=(class(row, ink))
                        d=(path(row, &x, &y)) {
                        title { (title(row)) }
                    }
                }
            }
            figcaption {
                "Service time by percentile. Dotted: bare signature check."
                @if drawn.iter().any(|row| row.measurement.is_disturbed()) {
                    " Pale: disturbed by the host."
                }
            }
        }
    }
}

/// The place of a quantile in decades of the tail: 0.9 is 1, and 0.99 is 2.
fn nines(quantile: f64) -> f64 {
    -libm::log10((1.0 - quantile).max(1e-9))
}

fn scales(rows: &[&RankingRow]) -> Option<(Scale, Scale)> {
    let points = || rows.iter().flat_map(|r| &r.measurement.service_curve);
    let last = points().map(|p| nines(p.quantile)).reduce(f64::max)?;
    let shown = || points().filter(|p| p.quantile >= 0.5).map(|p| p.ns as f64);
    let medians = rows.iter().flat_map(|r| r.speed.as_ref().ok()).map(|s| s.p50_ns);
    let low = medians.chain(shown()).reduce(f64::min)?;
    let high = shown().reduce(f64::max)?;
    let x = Scale::exact(nines(0.5), last.max(2.0), LEFT, WIDTH - RIGHT);
    Some((x, Scale::log(low, high, HEIGHT - BOTTOM, TOP)))
}

fn grid(x: &Scale, y: &Scale) -> Markup {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    // A quantile gets a label if the curves reach it and the label before it leaves room.
    let mut labelled: Vec<(f64, String)> = Vec::new();
    for (quantile, name) in QUANTILES {
        let at = x.at(nines(quantile));
        let has_room = labelled.last().is_none_or(|(before, _)| at - before > 38.0);
        if has_room && x.reaches(nines(quantile)) {
            labelled.push((at, name.to_owned()));
        }
    }
    let times = y.ticks().into_iter();
    let times = times.map(|tick| (y.at(tick), short(&quantity::nanoseconds(tick))));
    markup! {
        g.grid {
            (levels(times, (LEFT, right)))
            (uprights(labelled, (TOP, bottom)))
        }
    }
}

/// Shortens the label of a tick by the zeros that a round number does not need.
pub fn short(label: &str) -> String {
    label.replace(".00 ", " ").replace(".0 ", " ")
}

fn path(row: &RankingRow, x: &Scale, y: &Scale) -> String {
    let curve = &row.measurement.service_curve;
    let mut path = String::new();
    let median = at_quantile(curve, 0.5).map(|ns| (0.5, ns));
    let rest = curve.iter().filter(|p| p.quantile > 0.5).map(|p| (p.quantile, p.ns as f64));
    for (at, (quantile, ns)) in median.into_iter().chain(rest).enumerate() {
        let step = if at == 0 { 'M' } else { 'L' };
        let (px, py) = (coordinate(x.at(nines(quantile))), coordinate(y.at(ns)));
        // Writing to a String cannot fail.
        let _ = write!(path, "{step}{px} {py}");
    }
    path
}

fn class(row: &RankingRow, ink: &Ink) -> String {
    let pale = if row.measurement.is_disturbed() { " disturbed" } else { "" };
    format!("{} line{pale}", ink.contender(&row.measurement.contender))
}

fn title(row: &RankingRow) -> String {
    let mut title = row.measurement.contender.clone();
    for (quantile, name) in QUANTILES {
        let curve = &row.measurement.service_curve;
        let reaches = curve.last().is_some_and(|p| p.quantile >= quantile - 1e-9);
        if let Some(ns) = at_quantile(curve, quantile).filter(|_| reaches) {
            let _ = write!(title, "\n{name}: {}", quantity::nanoseconds(ns));
        }
    }
    title
}
