//! Capacities on the page: the latency-against-load curve with what real open loops measured on
//! it, the knee, and the card.

use std::fmt::Write;

use maud::{Markup, html as markup};

use super::curve::short;
use super::ink::Ink;
use super::scale::{Scale, coordinate};
use crate::report::capacity::{self, CHECKS, CURVE, NOTE};
use crate::report::quantity;
use crate::result::RunResult;
use crate::result::capacity::Capacity;

const WIDTH: f64 = 440.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 26.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 40.0;

/// The section; nothing when no capacity was asked for.
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
            @for found in &result.capacities {
                h3 { (found.scenario) ": " (capacity::title(found)) }
                p { strong { (capacity::limit(found)) } }
                (plot(found, ink))
                (table(&CHECKS, found.checks.iter().map(capacity::check).collect()))
                dl.facts {
                    @for (what, value) in capacity::card(found) {
                        dt { (what) }
                        dd { (value) }
                    }
                }
                details {
                    summary { "The curve in figures" }
                    (table(&CURVE, found.curve.iter().map(capacity::point).collect()))
                }
            }
        }
    }
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

fn plot(found: &Capacity, ink: &Ink) -> Markup {
    let modelled = || found.curve.iter().map(|point| point.response);
    let measured = || found.checks.iter().map(|check| check.measured);
    let all = || modelled().chain(measured()).flat_map(|figures| [figures.p50_ns, figures.p99_ns]);
    let (Some(low), Some(high)) = (all().min(), all().max()) else {
        return markup! {};
    };
    let x = Scale::exact(0.0, 1.0, LEFT, WIDTH - RIGHT);
    let y = Scale::log(low as f64, high as f64, HEIGHT - BOTTOM, TOP);
    let lines = [("p50", 0), ("p99", 1)];
    let pick = |figures: crate::result::capacity::LoadFigures, which: usize| {
        y.at([figures.p50_ns, figures.p99_ns][which] as f64)
    };
    let label = format!("Response time by load, {}", capacity::title(found));
    let knee = found.limit_per_s.map(|limit| coordinate(x.at(limit / found.capacity_per_s)));
    markup! {
        figure.curve {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" aria-label=(label) {
                (grid(&x, &y))
                @for (name, which) in lines {
                    @let points = found.curve.iter().map(|p| (p.load, pick(p.response, which)));
                    path class=(format!("{} line", ink.contender(&found.contender)))
                        d=(path(points, &x)) {
                        title { (name) ", modelled" }
                    }
                    @for check in &found.checks {
                        @let (cx, cy) = (x.at(check.load), pick(check.measured, which));
                        circle r="4" fill="currentColor" cx=(coordinate(cx)) cy=(coordinate(cy)) {
                            title { (name) ", measured at " (quantity::share(check.load)) }
                        }
                    }
                }
                @if let Some(knee) = knee {
                    path stroke="currentColor" stroke-dasharray="4 3"
                        d=(format!("M{knee} {TOP}V{}", HEIGHT - BOTTOM)) {
                        title { (capacity::limit(found)) }
                    }
                }
            }
            figcaption {
                "Response time by share of capacity: p50 and p99 modelled (lines), measured in "
                "real open loops (dots). Dashed: the knee."
            }
        }
    }
}

fn grid(x: &Scale, y: &Scale) -> Markup {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    markup! {
        g.grid {
            @for tick in y.ticks() {
                @let at = coordinate(y.at(tick));
                path d=(format!("M{LEFT} {at}H{right}")) {}
                text x=(LEFT - 6.0) y=(at) dy="4" text-anchor="end" {
                    (short(&quantity::nanoseconds(tick)))
                }
            }
            @for tick in x.ticks() {
                @let at = coordinate(x.at(tick));
                path d=(format!("M{at} {TOP}V{bottom}")) {}
                text x=(at) y=(bottom + 16.0) text-anchor="middle" {
                    (format!("{:.0}%", tick * 100.0))
                }
            }
        }
    }
}

/// A line through points given as load and height.
fn path(points: impl Iterator<Item = (f64, f64)>, x: &Scale) -> String {
    let mut path = String::new();
    for (at, (load, height)) in points.enumerate() {
        let step = if at == 0 { 'M' } else { 'L' };
        // Writing to a String cannot fail.
        let _ = write!(path, "{step}{} {}", coordinate(x.at(load)), coordinate(height));
    }
    path
}
