//! The frontier: a point for each cache policy or state strategy. One axis is how long a withdrawn
//! key or a revoked token is trusted, and the other is how long users are locked out. Lower left is
//! better.

use std::collections::BTreeSet;

use maud::{Markup, PreEscaped, html as markup};

use jwtbench_result::simulation::{HindsightPoint, Simulation, SimulationRow};

use crate::form::junit::printable;
use crate::form::svg::scale::{Scale, coordinate, levels, uprights};
use crate::subject::simulation::{
    FOREVER, figure, is_of_state, marked, runs, span as shown_span, standing,
};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 170.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 52.0;
/// The distance beyond which a line joins a label to its point.
const FAR: f64 = 8.0;

/// The place of a policy: its worst exposure and its worst lockout, in seconds.
struct Point<'s> {
    row: &'s SimulationRow,
    /// The worst exposure; `None` if it is beyond the horizon.
    exposure: Option<f64>,
    lockout: f64,
}

/// Draws hindsight as a diamond, because it is not a policy.
fn hindsight_mark(point: &HindsightPoint, (x, y): (f64, f64)) -> Markup {
    let fetches = match point.fetches {
        1 => "1 fetch".to_owned(),
        fetches => format!("{fetches} fetches"),
    };
    let exposure = figure("exposure_s", point.exposure_s);
    let lockout = figure("lockout_s", Some(point.lockout_s));
    markup! {
        path d=(format!("M{} {}l6 -6l6 6l-6 6z", coordinate(x - 6.0), coordinate(y)))
            fill="var(--good)" {
            title { "hindsight, " (fetches) ": exposure " (exposure) ", lockout " (lockout) }
        }
    }
}

/// The colours of a standalone picture, for light and dark themes.
const STYLE: &str = "svg{--bad:#b01e2d;--good:#14693f;--ink-0:#1f63c9;--paper:#fff;\
    color:#1d2430;font:11px system-ui,sans-serif}.grid path{stroke:#dde1e7;fill:none}\
    .grid text{fill:#59616d}@media(prefers-color-scheme:dark){svg{--bad:#ff8f98;--good:#6fd6a0;\
    --ink-0:#72aaff;--paper:#14171c;color:#dfe4ec}.grid path{stroke:#323843}\
    .grid text{fill:#a0a8b4}}";

/// The plot of one scenario. It is empty if the scenario lacks an axis.
pub(crate) fn frontier(simulation: &Simulation, scenario: &str) -> Markup {
    let points = points(simulation, scenario);
    markup! {
        @if !points.is_empty() {
            figure.curve {
                (drawing(simulation, scenario, &points, ""))
                figcaption {
                    "Worst exposure (across) against worst lockout (up) of "
                    (runs(points.iter().map(|point| point.row))) "; down "
                    "and to the left is better. Filled: dominated by no other policy; \"+ n\": n "
                    "more in the same place. Diamonds: what a cache could reach that knows when to "
                    "fetch, by number of fetches, if keys come and go by completed fetches alone; "
                    "one that lets keys expire can stand further left, and pays for it upwards. "
                    "\"For ever\": " (trusted(&points)) " is still trusted at the horizon."
                    @if is_of_state(points.iter().map(|point| point.row)) {
                        " The larger a point, the more the store is asked for each token."
                    }
                }
            }
        }
    }
}

/// The most telling plot as a standalone picture. It shows the scenario in which policies that no
/// other dominates differ the most: they have the most distinct places on both axes. The text is
/// empty if there is no plot.
pub fn simulation_picture(simulation: &Simulation) -> String {
    let choices = |scenario: &&str| {
        let points = points(simulation, scenario);
        let best = points.iter().filter(|point| simulation.dominating(point.row).is_empty());
        let seconds = |figure: f64| figure.round() as u64;
        let places = best.map(|point| (point.exposure.map(seconds), seconds(point.lockout)));
        let (across, up): (BTreeSet<_>, BTreeSet<_>) = places.unzip();
        across.len().min(up.len())
    };
    // Of several equal scenarios, the first is taken.
    let scenarios = simulation.scenario_names().into_iter().rev();
    match scenarios.max_by_key(choices) {
        Some(scenario) if choices(&scenario) > 0 => {
            let points = points(simulation, scenario);
            printable(&drawing(simulation, scenario, &points, STYLE).into_string()) + "\n"
        }
        _ => String::new(),
    }
}

fn points<'s>(simulation: &'s Simulation, scenario: &str) -> Vec<Point<'s>> {
    let rows = simulation.rows.iter().filter(|row| row.scenario == scenario);
    let points = rows.filter_map(|row| {
        let name = if row.state_strategy.is_some() { "state_exposure_s" } else { "exposure_s" };
        let exposure = row.metric(name)?.max;
        let lockout = row.metric("lockout_s")?.max.unwrap_or_default();
        Some(Point { row, exposure, lockout })
    });
    points.collect()
}

fn drawing(simulation: &Simulation, scenario: &str, points: &[Point<'_>], style: &str) -> Markup {
    // Both axes include zero, so a value is drawn at the logarithm of one more than the value.
    let most = |values: &mut dyn Iterator<Item = f64>| values.fold(1.0, f64::max) + 1.0;
    let best: Vec<&HindsightPoint> =
        simulation.hindsight.iter().filter(|point| point.scenario == scenario).collect();
    let exposures = || {
        let best = best.iter().map(|point| point.exposure_s);
        points.iter().map(|point| point.exposure).chain(best)
    };
    let lockouts = best.iter().map(|point| point.lockout_s);
    let farthest = most(&mut exposures().flatten());
    let highest = most(&mut points.iter().map(|point| point.lockout).chain(lockouts));
    let endless = exposures().any(|exposure| exposure.is_none());
    let beyond = if endless { 60.0 } else { 0.0 };
    let x = Scale::log(1.0, farthest, LEFT, WIDTH - RIGHT - beyond);
    let y = Scale::log(1.0, highest, HEIGHT - BOTTOM, TOP);
    let right = WIDTH - RIGHT;
    let at = |exposure: Option<f64>, lockout: f64| {
        let across = exposure.map_or(right, |seconds| x.at(seconds + 1.0));
        (across, y.at(lockout + 1.0))
    };
    let place = |point: &Point<'_>| at(point.exposure, point.lockout);
    markup! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img"
            aria-label=(format!("Exposure against lockout, {scenario}")) {
            @if !style.is_empty() { style { (PreEscaped(style)) } }
            (grid(&x, &y, endless, trusted(points)))
            @for point in &best { (hindsight_mark(point, at(point.exposure_s, point.lockout_s))) }
            @let groups = groups(points, place, &simulation.own);
            @for (group, at) in groups.iter().zip(labels(&groups)) {
                @if (at - group.at.1).abs() > FAR {
                    path d=(format!("M{} {}L{} {}", coordinate(group.at.0), coordinate(group.at.1),
                                    coordinate(group.at.0 + 8.0), coordinate(at)))
                        stroke="currentColor" stroke-opacity="0.35" fill="none" {}
                }
                (mark(simulation, group))
                text x=(coordinate(group.at.0 + 9.0)) y=(coordinate(at + 4.0)) font-size="11"
                    fill="currentColor" { (group.name(simulation)) }
            }
            @if let Some(key) = key(simulation, points) {
                text x=(WIDTH - 4.0) y=(HEIGHT - 12.0) text-anchor="end" font-size="11"
                    fill="currentColor" { (key) }
            }
        }
    }
}

/// A short key to the marks behind names; `None` where there are no marks.
fn key(simulation: &Simulation, points: &[Point<'_>]) -> Option<String> {
    let of = |point: &Point<'_>| standing(simulation, point.row.subject());
    let meanings = [("≠ known to differ", '≠'), ("° read, not driven", '°')];
    let is_there = |mark: char| points.iter().any(|point| of(point).mark() == Some(mark));
    let there = meanings.into_iter().filter(|(_, mark)| is_there(*mark));
    let there: Vec<&str> = there.map(|(meaning, _)| meaning).collect();
    (!there.is_empty()).then(|| there.join(", "))
}

/// The policies at one place. The first of them is the one that is named.
struct FrontierGroup<'p, 's> {
    at: (f64, f64),
    points: Vec<&'p Point<'s>>,
}

impl FrontierGroup<'_, '_> {
    /// The first policy with its mark, and the number of the others.
    fn name(&self, simulation: &Simulation) -> String {
        let first = self.points.first().map_or("", |point| point.row.subject());
        let first = marked(simulation, first);
        match self.points.len() {
            0 | 1 => first,
            many => format!("{first} + {}", many - 1),
        }
    }
}

/// Groups points that would cover each other. In a group the user's own policy comes first, then
/// `default`.
fn groups<'p, 's>(
    points: &'p [Point<'s>],
    place: impl Fn(&Point<'_>) -> (f64, f64),
    own: &[String],
) -> Vec<FrontierGroup<'p, 's>> {
    let mut groups: Vec<FrontierGroup<'p, 's>> = Vec::new();
    for point in points {
        let at = place(point);
        let near = |group: &&mut FrontierGroup<'_, '_>| {
            (group.at.0 - at.0).abs() < 4.0 && (group.at.1 - at.1).abs() < 4.0
        };
        match groups.iter_mut().find(near) {
            Some(group) => group.points.push(point),
            None => groups.push(FrontierGroup { at, points: vec![point] }),
        }
    }
    let rank = |point: &&Point<'_>| {
        let name = point.row.subject();
        (!own.iter().any(|one| one == name), name != "default")
    };
    for group in &mut groups {
        group.points.sort_by_key(rank);
    }
    groups
}

fn mark(simulation: &Simulation, group: &FrontierGroup<'_, '_>) -> Markup {
    let is_own = group.points.iter().any(|point| simulation.is_own(point.row));
    let is_best = group.points.iter().any(|point| simulation.dominating(point.row).is_empty());
    let ink = if is_own { "var(--bad)" } else { "var(--ink-0)" };
    let fill = if is_best { ink } else { "var(--paper)" };
    let (cx, cy) = group.at;
    markup! {
        circle r=(radius(group, is_own)) stroke=(ink) stroke-width="1.5"
            fill=(fill) cx=(coordinate(cx)) cy=(coordinate(cy)) {
            title {
                @for point in &group.points {
                    (marked(simulation, point.row.subject())) ": exposure "
                    (figure("exposure_s", point.exposure)) ", lockout "
                    (figure("lockout_s", Some(point.lockout)))
                    @if let Some(said) = standing(simulation, point.row.subject()).sentence() {
                        "; " (said)
                    }
                    "\n"
                }
            }
        }
    }
}

/// The radius of a point: larger for the user's own, and for a strategy that asks the store more.
fn radius(group: &FrontierGroup<'_, '_>, is_own: bool) -> String {
    let ops = group.points.iter().filter_map(|point| point.row.metric("store_ops_per_token")?.p50);
    let asked = ops.fold(0.0, f64::max).min(1.0);
    coordinate(if is_own { 6.0 } else { 4.0 } + 3.0 * asked)
}

/// What the axis of exposure is about.
fn trusted(points: &[Point<'_>]) -> &'static str {
    match is_of_state(points.iter().map(|point| point.row)) {
        true => "a revoked token",
        false => "a withdrawn key",
    }
}

/// The heights of the labels. Each is beside its point, and labels move apart where points are
/// close.
fn labels(groups: &[FrontierGroup<'_, '_>]) -> Vec<f64> {
    let mut taken: Vec<(f64, f64)> = Vec::new();
    let one = |group: &FrontierGroup<'_, '_>| {
        let (cx, cy) = group.at;
        let near = |at: f64, taken: &[(f64, f64)]| {
            taken.iter().any(|(x, y)| (x - cx).abs() < 150.0 && (y - at).abs() < 12.0)
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
        at
    };
    groups.iter().map(one).collect()
}

fn grid(x: &Scale, y: &Scale, endless: bool, trusted: &str) -> Markup {
    let (bottom, right) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
    // Round spans of time, in seconds.
    let spans = [0.0, 1.0, 10.0, 60.0, 300.0, 1200.0, 3600.0, 14_400.0, 43_200.0, 86_400.0];
    let ticks = |scale: &Scale| -> Vec<(f64, String)> {
        let on = spans.into_iter().filter(|span| scale.reaches(span + 1.0));
        on.map(|span| (scale.at(span + 1.0), shown_span(span))).collect()
    };
    markup! {
        g.grid {
            (levels(ticks(y), (LEFT, right)))
            (uprights(ticks(x), (TOP, bottom)))
            @if endless {
                path d=(format!("M{right} {TOP}V{bottom}")) stroke-dasharray="4 3" {}
                text x=(right) y=(bottom + 16.0) text-anchor="middle" { (FOREVER) }
            }
            text x=((LEFT + right) / 2.0) y=(HEIGHT - 12.0) text-anchor="middle" {
                (trusted) " is trusted for"
            }
            text x=(LEFT - 6.0) y="12" text-anchor="start" { "users locked out for" }
        }
    }
}
