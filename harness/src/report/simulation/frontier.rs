//! The frontier: how long a withdrawn key is trusted against how long users are locked out, a point
//! per cache policy. Down and to the left is better.

use maud::{Markup, html as markup};

use super::{dominating, figure};
use crate::report::html::scale::{Scale, coordinate};
use crate::result::simulation::{Simulation, SimulationRow};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 170.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 52.0;

/// A policy's place: seconds of exposure and of lockout, at their worst.
struct Point<'s> {
    row: &'s SimulationRow,
    /// `None` for beyond the horizon.
    exposure: Option<f64>,
    lockout: f64,
}

/// The plot of one scenario; nothing where the scenario lacks an axis.
pub(super) fn frontier(simulation: &Simulation, scenario: &str, own: &[String]) -> Markup {
    let points: Vec<Point<'_>> = simulation
        .of_scenario(scenario)
        .filter_map(|row| {
            let exposure = row.metric("exposure_s")?.max;
            let lockout = row.metric("lockout_s")?.max.unwrap_or_default();
            Some(Point { row, exposure, lockout })
        })
        .collect();
    if points.is_empty() {
        return markup! {};
    }
    // Both axes hold zero: a logarithm of one more than the figure.
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(1.0, f64::max) + 1.0;
    let farthest = most(&mut points.iter().filter_map(|point| point.exposure));
    let highest = most(&mut points.iter().map(|point| point.lockout));
    let never = points.iter().any(|point| point.exposure.is_none());
    let beyond = if never { 60.0 } else { 0.0 };
    let x = Scale::log(1.0, farthest, LEFT, WIDTH - RIGHT - beyond);
    let y = Scale::log(1.0, highest, HEIGHT - BOTTOM, TOP);
    let right = WIDTH - RIGHT;
    let place = |point: &Point<'_>| {
        let across = point.exposure.map_or(right, |seconds| x.at(seconds + 1.0));
        (across, y.at(point.lockout + 1.0))
    };
    markup! {
        figure.curve {
            svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img"
                aria-label=(format!("Exposure against lockout, {scenario}")) {
                (grid(&x, &y, never))
                @for (index, (at, (cx, cy))) in labels(&points, place).into_iter().enumerate() {
                    @let point = &points[index];
                    @let is_own = own.contains(&point.row.cache_policy);
                    @let is_best = dominating(simulation, point.row).is_empty();
                    @let ink = if is_own { "var(--bad)" } else { "var(--ink-0)" };
                    @let fill = if is_best { ink } else { "var(--paper)" };
                    circle r=(if is_own { 6 } else { 4 }) stroke=(ink) stroke-width="1.5"
                        fill=(fill) cx=(coordinate(cx)) cy=(coordinate(cy)) {
                        title {
                            (point.row.cache_policy) ": exposure "
                            (figure("exposure_s", point.exposure)) ", lockout "
                            (figure("lockout_s", Some(point.lockout)))
                        }
                    }
                    text x=(coordinate(cx + 9.0)) y=(coordinate(at + 4.0)) font-size="11"
                        fill="currentColor" { (point.row.cache_policy) }
                }
            }
            figcaption {
                "Worst exposure (across) against worst lockout (up) over all cache ages; down and "
                "to the left is better. Filled: dominated by no other policy. \"Never\": a "
                "withdrawn key is still trusted at the horizon."
            }
        }
    }
}

/// Where labels go: beside their points, and apart from each other where points crowd.
fn labels(
    points: &[Point<'_>],
    place: impl Fn(&Point<'_>) -> (f64, f64),
) -> Vec<(f64, (f64, f64))> {
    let mut taken: Vec<(f64, f64)> = Vec::new();
    let one = |point: &Point<'_>| {
        let (cx, cy) = place(point);
        let near = |at: f64, taken: &[(f64, f64)]| {
            taken.iter().any(|(x, y)| (x - cx).abs() < 130.0 && (y - at).abs() < 12.0)
        };
        let mut at = cy;
        for step in 1..40 {
            if !near(at, &taken) {
                break;
            }
            let side = if step % 2 == 1 { -1.0 } else { 1.0 };
            let moved = cy + side * 6.0 * f64::from(step);
            at = moved.clamp(TOP, HEIGHT - BOTTOM);
        }
        taken.push((cx, at));
        (at, (cx, cy))
    };
    points.iter().map(one).collect()
}

fn grid(x: &Scale, y: &Scale, never: bool) -> Markup {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    // Round spans, as people think of them, in seconds.
    let spans = [0.0, 1.0, 10.0, 60.0, 300.0, 1200.0, 3600.0, 14_400.0, 43_200.0, 86_400.0];
    let ticks = |scale: &Scale| -> Vec<(f64, f64)> {
        let on = spans.into_iter().filter(|span| scale.reaches(span + 1.0));
        on.map(|span| (span, scale.at(span + 1.0))).collect()
    };
    markup! {
        g.grid {
            @for (span, at) in ticks(y) {
                @let at = coordinate(at);
                path d=(format!("M{LEFT} {at}H{right}")) {}
                text x=(LEFT - 6.0) y=(at) dy="4" text-anchor="end" { (super::span(span)) }
            }
            @for (span, at) in ticks(x) {
                @let at = coordinate(at);
                path d=(format!("M{at} {TOP}V{bottom}")) {}
                text x=(at) y=(bottom + 16.0) text-anchor="middle" { (super::span(span)) }
            }
            @if never {
                path d=(format!("M{right} {TOP}V{bottom}")) stroke-dasharray="4 3" {}
                text x=(right) y=(bottom + 16.0) text-anchor="middle" { "never" }
            }
            text x=((LEFT + right) / 2.0) y=(HEIGHT - 12.0) text-anchor="middle" {
                "a withdrawn key is trusted for"
            }
            text x=(LEFT - 6.0) y="12" text-anchor="start" { "users locked out for" }
        }
    }
}
