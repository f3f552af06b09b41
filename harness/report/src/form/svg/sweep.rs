//! Plots of a swept key against exposure, lockout and fetches, each at its worst over all runs.
//! Each policy, and each value of a second key, has a line.

use maud::{Markup, html as markup};

use jwtbench_result::simulation::{MetricRange, Simulation, SweepPoint};

use crate::form::svg::scale::{Scale, coordinate};
use crate::subject::simulation::figure;

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 46.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 34.0;
/// The number of line colours. Further lines use the colours again.
const INKS: usize = 6;
/// The largest number of labels above zero on the axis of figures.
const STEPS: u32 = 5;

struct SweepLine<'s> {
    name: &'s str,
    points: Vec<&'s SweepPoint>,
}

/// The figure of a point that a plot draws.
type PointFigure = fn(&SweepPoint) -> Option<f64>;

/// The worst figure of a metric. It is infinite where the horizon cut it off.
fn worst(metric: Option<MetricRange>) -> Option<f64> {
    metric.map(|metric| metric.max.unwrap_or(f64::INFINITY))
}

/// The plots of one scenario. They are empty if there is no sweep.
pub(crate) fn sweep(simulation: &Simulation, scenario: &str) -> Markup {
    let lines = lines(simulation, scenario);
    let Some(key) = lines.iter().flat_map(|line| &line.points).map(|point| &point.key).next()
    else {
        return markup! {};
    };
    let plots: [(&str, &str, PointFigure); 3] = [
        ("a withdrawn key is trusted for", "exposure_s", |point| worst(point.exposure_s)),
        ("users locked out for", "lockout_s", |point| worst(point.lockout_s)),
        ("fetches for each instance and hour", "attempts_per_hour", |point| {
            worst(point.attempts_per_hour)
        }),
    ];
    markup! {
        h3 { "By " code { (key) } }
        div style="display:flex;flex-wrap:wrap;gap:1rem" {
            @for (title, name, of) in plots { (plot(&lines, title, name, of)) }
        }
        @if lines.len() > 1 {
            p.note {
                @for (index, line) in lines.iter().enumerate() {
                    span style=(format!("color:var(--ink-{})", index % INKS)) { "■ " }
                    (line.name) " "
                }
            }
        }
    }
}

fn lines<'s>(simulation: &'s Simulation, scenario: &str) -> Vec<SweepLine<'s>> {
    let mut lines: Vec<SweepLine<'s>> = Vec::new();
    for point in simulation.sweep.iter().filter(|point| point.scenario == scenario) {
        match lines.iter_mut().find(|line| line.name == point.line) {
            Some(line) => line.points.push(point),
            None => lines.push(SweepLine { name: &point.line, points: vec![point] }),
        }
    }
    lines
}

/// The step between two labels of an axis that ends at `most`. It gives at most [`STEPS`] labels,
/// and for a span of time it is a round one.
fn step(most: f64, is_span: bool) -> f64 {
    let round = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0];
    let spans = round.into_iter().chain((1..).map(|hours| 7200.0 * f64::from(hours)));
    let fits = |step: &f64| most / step <= f64::from(STEPS);
    match is_span {
        true => spans.into_iter().find(fits).unwrap_or(most),
        false => {
            let power = libm::pow(10.0, libm::log10(most / f64::from(STEPS)).floor());
            [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(fits).unwrap_or(most)
        }
    }
}

fn plot(lines: &[SweepLine<'_>], title: &str, name: &str, of: PointFigure) -> Markup {
    let all = || lines.iter().flat_map(|line| &line.points);
    let values = || all().filter_map(|point| of(point));
    if values().next().is_none() {
        return markup! {};
    }
    let ends = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, 0f64), |(low, high), at| (low.min(at), high.max(at)))
    };
    let (low, high) = ends(&mut all().map(|point| point.value));
    // From 1 on, the axis of the key is logarithmic. Shares, and keys that begin at 0, are linear.
    let x = match low >= 1.0 {
        true => Scale::log(low, high, LEFT, WIDTH - RIGHT),
        false => Scale::exact(low, high, LEFT, WIDTH - RIGHT),
    };
    let (_, most) = ends(&mut values().filter(|value| value.is_finite()));
    let step = step(most.max(1.0), name.ends_with("_s"));
    let y = Scale::exact(0.0, (most / step).ceil().max(1.0) * step, HEIGHT - BOTTOM, TOP);
    let ticks = (0..=STEPS).map(|tick| f64::from(tick) * step).filter(|value| y.reaches(*value));
    let place = |point: &SweepPoint, value: f64| {
        let up = if value.is_finite() { y.at(value) } else { TOP - 8.0 };
        (x.at(point.value), up)
    };
    let marks = lines.first().map(|line| [line.points.first(), line.points.last()]);
    markup! {
        svg viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) width=(WIDTH) role="img" aria-label=(title) {
            text x=(LEFT) y="11" font-size="11" fill="currentColor" { (title) }
            @for value in ticks {
                @let up = coordinate(y.at(value));
                path d=(format!("M{LEFT} {up}H{}", WIDTH - RIGHT)) stroke="var(--rule)" {}
                text x=(LEFT - 5.0) y=(up) dy="4" font-size="10" text-anchor="end"
                    fill="var(--soft)" { (figure(name, Some(value))) }
            }
            @for point in marks.into_iter().flatten().flatten() {
                text x=(coordinate(x.at(point.value))) y=(HEIGHT - 16.0) font-size="10"
                    text-anchor="middle" fill="var(--soft)" { (point.label) }
            }
            @for (index, line) in lines.iter().enumerate() {
                @let ink = format!("var(--ink-{})", index % INKS);
                @let points: Vec<_> = line.points.iter()
                    .filter_map(|point| Some((*point, of(point)?))).collect();
                @let path: Vec<String> = points.iter().map(|(point, value)| {
                    let (across, up) = place(point, *value);
                    format!("{} {}", coordinate(across), coordinate(up))
                }).collect();
                path d=(format!("M{}", path.join("L"))) stroke=(ink) stroke-width="1.5"
                    fill="none" {}
                @for (point, value) in points {
                    @let (across, up) = place(point, value);
                    @let said = Some(value).filter(|value| value.is_finite());
                    circle cx=(coordinate(across)) cy=(coordinate(up)) r="3" fill=(ink) {
                        title { (line.name) " " (point.label) ": " (figure(name, said)) }
                    }
                }
            }
        }
    }
}
