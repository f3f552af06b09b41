//! Capacities on the page: one picture with the curves of all contenders, the line of the objective
//! and the measured open loops, then the card of each contender.

use std::fmt::Write;

use maud::{Markup, html as markup};

use jwtbench_result::RunResult;
use jwtbench_result::capacity::{Capacity, Slo};

use crate::form::svg::scale::{Scale, coordinate, levels, uprights};
use crate::quantity;
use crate::subject::capacity::{self, CHECKS, CURVE, NOTE};

use super::curve::short;
use super::ink::Ink;

const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 26.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 40.0;

/// The section on capacities. It is empty when no capacity was asked for.
pub fn section(result: &RunResult, ink: &Ink) -> Markup {
    let bases = capacity::bases(result);
    if result.capacities.is_empty() && bases.is_empty() {
        return markup! {};
    }
    markup! {
        section {
            h2 id="capacity" { "Capacity" }
            @for line in &bases { p { (line) } }
            @if !result.capacities.is_empty() { p { (NOTE) } }
            @for group in groups(&result.capacities) {
                @let first = group[0];
                h3 { (first.scenario) ": " (first.algorithm) }
                (overlay(&group, ink))
                @for found in &group {
                    h4 { (ink.sample(&found.contender)) " " (capacity::title(found)) }
                    p { strong { (capacity::limit(found)) } }
                    (table(&CHECKS, found.checks.iter().map(capacity::check).collect()))
                    @for line in capacity::disturbances(found) { p { (line) } }
                    dl.facts {
                        @for (what, value) in capacity::card(found) {
                            dt { (what) }
                            dd { (value) }
                        }
                    }
                    details {
                        summary { "The curve in figures" }
                        (table(&CURVE, capacity::points(found)))
                    }
                }
            }
        }
    }
}

/// Groups the capacities by scenario and algorithm, in the order of the result.
fn groups(capacities: &[Capacity]) -> Vec<Vec<&Capacity>> {
    let mut groups: Vec<Vec<&Capacity>> = Vec::new();
    for found in capacities {
        let is_alike = |group: &&mut Vec<&Capacity>| {
            group[0].scenario == found.scenario && group[0].algorithm == found.algorithm
        };
        match groups.iter_mut().find(is_alike) {
            Some(group) => group.push(found),
            None => groups.push(vec![found]),
        }
    }
    groups
}

fn table(head: &[&str], rows: Vec<Vec<String>>) -> Markup {
    markup! {
        div.scroll {
            table {
                thead { tr { @for cell in head { th { (cell) } } } }
                tbody { @for row in &rows { tr { @for cell in row { td { (cell) } } } } }
            }
        }
    }
}

/// Draws all contenders in one picture: the objective's percentile by arrivals per second, and the
/// objective itself.
fn overlay(group: &[&Capacity], ink: &Ink) -> Markup {
    let slo = Slo::parse(&group[0].slo).ok();
    let bound = slo.as_ref().map(|slo| slo.bound_ns as f64);
    let modelled = || group.iter().flat_map(|found| &found.curve);
    let checks = || group.iter().flat_map(|found| &found.checks);
    let rates = modelled().map(|point| point.rate_per_s);
    let times = modelled().map(|point| point.response.slo_ns);
    let times = times.chain(checks().map(|check| check.measured.slo_ns)).map(|ns| ns as f64);
    let times: Vec<f64> = times.chain(bound).filter(|ns| *ns > 0.0).collect();
    let fold = |values: &[f64], pick: fn(f64, f64) -> f64| values.iter().copied().reduce(pick);
    let rates: Vec<f64> = rates.chain(checks().map(|check| check.rate_per_s)).collect();
    let ends = |values: &[f64]| fold(values, f64::min).zip(fold(values, f64::max));
    let Some(((slow, fast), (low, high))) = ends(&rates).zip(ends(&times)) else {
        return markup! {};
    };
    let (x, y) =
        (Scale::log(slow, fast, LEFT, WIDTH - RIGHT), Scale::log(low, high, HEIGHT - BOTTOM, TOP));
    let metric = slo.as_ref().map_or("objective", Slo::metric).to_owned();
    let label = format!("{metric} of response times by arrivals, {}", group[0].algorithm);
    markup! {
        figure.curve {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label) {
                (grid(&x, &y))
                @if let Some(bound) = bound {
                    @let at = coordinate(y.at(bound));
                    path stroke="currentColor" stroke-dasharray="6 3"
                        d=(format!("M{LEFT} {at}H{}", WIDTH - RIGHT)) {
                        title { (group[0].slo) }
                    }
                    text x=(LEFT + 4.0) y=(at) dy="-4" { (group[0].slo) }
                }
                @for found in group { (contender(found, &metric, (&x, &y), ink)) }
            }
            figcaption {
                (metric) " by arrivals per second: modelled (lines), measured in real open loops "
                "(dots). Dashed: the objective; a tick on it is where a model breaks it."
                @if group.iter().any(|found| capacity::is_disturbed(found)) {
                    " Pale: disturbed by the host."
                }
                @for found in group { " " (ink.sample(&found.contender)) " " (found.contender) }
            }
        }
    }
}

/// Draws the line, the dots and the knee of one contender.
fn contender(found: &Capacity, metric: &str, (x, y): (&Scale, &Scale), ink: &Ink) -> Markup {
    let points = found.curve.iter().map(|p| (p.rate_per_s, y.at(p.response.slo_ns as f64)));
    let (name, class) = (&found.contender, ink.contender(&found.contender));
    let bound = Slo::parse(&found.slo).ok().map(|slo| y.at(slo.bound_ns as f64));
    markup! {
        path class=(format!("{class} line{}", pale(&found.disturbed))) d=(path(points, x)) {
            title { (name) ", " (metric) ", modelled" }
        }
        @for check in found.checks.iter().filter(|check| check.measured.slo_ns > 0) {
            @let at = [x.at(check.rate_per_s), y.at(check.measured.slo_ns as f64)].map(coordinate);
            @let class = format!("{class}{}", pale(&check.disturbed));
            circle class=(class) r="4" cx=(at[0]) cy=(at[1]) {
                title { (name) ", measured at " (quantity::rate(check.rate_per_s)) }
            }
        }
        @if let Some((limit, bound)) = found.limit_per_s.zip(bound) {
            path class=(class)
                d=(format!("M{} {}v12", coordinate(x.at(limit)), coordinate(bound - 6.0))) {
                title { (name) ": " (capacity::limit(found)) }
            }
        }
    }
}

/// The CSS class of a figure that the host disturbed.
fn pale(disturbed: &Option<String>) -> &'static str {
    if disturbed.is_some() { " disturbed" } else { "" }
}

fn grid(x: &Scale, y: &Scale) -> Markup {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    let times = y.ticks().into_iter();
    let times = times.map(|tick| (y.at(tick), short(&quantity::nanoseconds(tick))));
    let rates = x.ticks().into_iter();
    let rates = rates.map(|tick| (x.at(tick), short(&quantity::rate(tick))));
    markup! {
        g.grid {
            (levels(times, (LEFT, right)))
            (uprights(rates, (TOP, bottom)))
        }
    }
}

/// The path of a line through points, each given as rate and height.
fn path(points: impl Iterator<Item = (f64, f64)>, x: &Scale) -> String {
    let mut path = String::new();
    for (at, (rate, height)) in points.enumerate() {
        let step = if at == 0 { 'M' } else { 'L' };
        // Writing to a String cannot fail.
        let _ = write!(path, "{step}{} {}", coordinate(x.at(rate)), coordinate(height));
    }
    path
}
