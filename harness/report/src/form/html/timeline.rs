//! The timeline of a dynamic trial: panels on one time axis, with phases shaded and events marked.
//! The panels show verdicts by code, latency of good tokens, harm to users, and fetches.

use std::collections::BTreeMap;
use std::fmt::Write;

use maud::{Markup, html as markup};

use jwtbench_result::{Mark, MarkKind, Timeline, TimelineBin};

use crate::form::svg::scale::{Scale, coordinate};
use crate::quantity;

use super::curve::short;
use super::ink::{code_class, code_layer};

const WIDTH: f64 = 940.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 914.0;
/// The height of the strip with phase names, and its height with event numbers below them.
const STRIPS: (f64, f64) = (22.0, 42.0);
/// The height of a panel's title.
const TITLE: f64 = 32.0;
/// The most bins for which each bin has a tooltip with figures. Beyond it the page would get too
/// large.
const MOST_TOOLTIPS: usize = 250;

/// One panel: its title, its height and its drawing between `top` and `bottom`.
struct Panel<'a> {
    title: &'static str,
    height: f64,
    draw: Box<dyn Fn(f64, f64) -> Markup + 'a>,
}

/// Renders the timeline with its legend and its list of events. `disturbed` holds the spans that
/// the host disturbed, as start and end on the scenario clock in nanoseconds; they are shaded.
/// `with_tooltips` adds figures per bin.
pub fn timeline(timeline: &Timeline, disturbed: &[(i64, i64)], with_tooltips: bool) -> Markup {
    if timeline.bins.is_empty() || timeline.bin_ns == 0 {
        return markup! {};
    }
    let span = timeline.bins.len() as f64 * timeline.bin_ns as f64;
    let x = Scale::exact(0.0, span, LEFT, RIGHT);
    let panels = panels(timeline, &x);
    let has_events = of_kind(timeline, MarkKind::Event).next().is_some();
    let mut top = if has_events { STRIPS.1 } else { STRIPS.0 };
    let mut placed = Vec::new();
    for panel in &panels {
        placed.push((top + TITLE, top + TITLE + panel.height, panel));
        top += TITLE + panel.height;
    }
    let bottom = top;
    let tooltips = with_tooltips && timeline.bins.len() <= MOST_TOOLTIPS;
    markup! {
        figure.timeline {
            (legend(timeline, !disturbed.is_empty()))
            div.scroll {
                svg viewBox=(format!("0 0 {WIDTH} {}", bottom + 34.0)) role="img"
                    aria-label="Course of the trial" {
                    (phases(timeline, &x, bottom))
                    (disturbances(disturbed, &x, bottom))
                    @for (from, to, panel) in &placed { ((panel.draw)(*from, *to)) }
                    (events(timeline, &x, bottom))
                    @for (from, _, panel) in &placed {
                        text.panel x=(LEFT + 4.0) y=(from - 9.0) { (panel.title) }
                    }
                    (time_axis(span, bottom))
                    @if tooltips { (hover(timeline, &x, bottom)) }
                }
            }
            (event_list(timeline))
        }
    }
}

fn panels<'a>(timeline: &'a Timeline, x: &'a Scale) -> Vec<Panel<'a>> {
    let mut panels = vec![
        Panel {
            title: "verdicts per second, by code",
            height: 150.0,
            draw: Box::new(|from, to| verdicts(timeline, x, from, to)),
        },
        Panel {
            title: "response of good tokens: median (line), highest (dots)",
            height: 120.0,
            draw: Box::new(|from, to| latency(timeline, x, from, to)),
        },
    ];
    let harmed = |bin: &TimelineBin| bin.lockouts + bin.exposed_accepts > 0;
    if timeline.bins.iter().any(harmed) {
        panels.push(Panel {
            title: "lockouts and exposed accepts per bin",
            height: 56.0,
            draw: Box::new(|from, to| {
                let parts =
                    |b: &TimelineBin| [(b.lockouts, "lockout"), (b.exposed_accepts, "exposed")];
                columns(timeline, x, from, to, &parts)
            }),
        });
    }
    panels.push(Panel {
        title: "fetch attempts and failures per bin",
        height: 56.0,
        draw: Box::new(|from, to| {
            let parts = |b: &TimelineBin| [(b.attempts, "attempt"), (b.failures, "failure")];
            columns(timeline, x, from, to, &parts)
        }),
    });
    panels
}

/// The place on the time axis where a bin starts.
fn start(timeline: &Timeline, x: &Scale, bin: usize) -> f64 {
    x.at(bin as f64 * timeline.bin_ns as f64)
}

/// The codes of the timeline with their totals, in the order in which they are stacked.
fn codes(timeline: &Timeline) -> Vec<(&str, u64)> {
    let mut totals: BTreeMap<&str, u64> = BTreeMap::new();
    for (code, count) in timeline.bins.iter().flat_map(|b| &b.verdicts) {
        *totals.entry(code).or_default() += count;
    }
    let mut codes: Vec<(&str, u64)> = totals.into_iter().collect();
    codes.sort_by_key(|(code, _)| code_layer(code));
    codes
}

fn verdicts(timeline: &Timeline, x: &Scale, from: f64, to: f64) -> Markup {
    let per_second = 1e9 / timeline.bin_ns as f64;
    let total = |b: &TimelineBin| b.verdicts.values().sum::<u64>() as f64 * per_second;
    let highest = timeline.bins.iter().map(total).fold(0.0, f64::max);
    let y = Scale::linear(highest, to, from);
    let mut floor = vec![0.0; timeline.bins.len()];
    let mut layers = Vec::new();
    for (code, _) in codes(timeline) {
        let ceiling: Vec<f64> = timeline
            .bins
            .iter()
            .zip(&floor)
            .map(|(b, low)| low + b.verdicts.get(code).copied().unwrap_or(0) as f64 * per_second)
            .collect();
        layers.push((code, area(timeline, x, &y, &floor, &ceiling)));
        floor = ceiling;
    }
    markup! {
        (value_axis(&y, &|v| quantity::rate(v)))
        @for (code, path) in layers { path class=(code_class(code)) d=(path) {} }
    }
}

/// The area between two step lines, as one closed path.
fn area(timeline: &Timeline, x: &Scale, y: &Scale, floor: &[f64], ceiling: &[f64]) -> String {
    let mut path = format!("M{}", coordinate(start(timeline, x, 0)));
    let mut separator = ' ';
    let forth = (0..ceiling.len()).map(|bin| (ceiling[bin], bin + 1));
    let back = (0..floor.len()).rev().map(|bin| (floor[bin], bin));
    for (height, edge) in forth.chain(back) {
        let (at, edge) = (coordinate(y.at(height)), coordinate(start(timeline, x, edge)));
        // Writing to a String cannot fail.
        let _ = write!(path, "{separator}{at}H{edge}");
        separator = 'V';
    }
    path.push('Z');
    path
}

fn latency(timeline: &Timeline, x: &Scale, from: f64, to: f64) -> Markup {
    let good = || timeline.bins.iter().filter(|b| b.good_p50_ns > 0);
    let lowest = good().map(|b| b.good_p50_ns).min();
    let highest = good().map(|b| b.good_max_ns.max(b.good_p50_ns)).max();
    let (Some(lowest), Some(highest)) = (lowest, highest) else {
        let accepts = timeline.bins.iter().any(|b| b.verdicts.contains_key("ACCEPT"));
        let why = if accepts { "no latency recorded" } else { "no good token" };
        return markup! { text.note x=(LEFT + 8.0) y=(from + 20.0) { (why) } };
    };
    let y = Scale::log(lowest as f64, highest as f64, to, from);
    let (mut line, mut dots) = (String::new(), String::new());
    let mut is_gap = true;
    for (at, bin) in timeline.bins.iter().enumerate() {
        if bin.good_p50_ns == 0 {
            is_gap = true;
            continue;
        }
        let (left, right) = (start(timeline, x, at), start(timeline, x, at + 1));
        let height = coordinate(y.at(bin.good_p50_ns as f64));
        // Writing to a String cannot fail.
        let _ = match is_gap {
            true => write!(line, "M{} {height}H{}", coordinate(left), coordinate(right)),
            false => write!(line, "V{height}H{}", coordinate(right)),
        };
        is_gap = false;
        let (middle, highest) = ((left + right) / 2.0, y.at(bin.good_max_ns as f64));
        let _ = write!(dots, "M{} {}h0", coordinate(middle), coordinate(highest));
    }
    markup! {
        (value_axis(&y, &|v| short(&quantity::nanoseconds(v))))
        path.median d=(line) {}
        path.highest d=(dots) {}
    }
}

type TimelineParts<'a> = &'a dyn Fn(&TimelineBin) -> [(u64, &'static str); 2];

/// Draws two columns side by side for each bin, with one path per kind.
fn columns(timeline: &Timeline, x: &Scale, from: f64, to: f64, parts: TimelineParts) -> Markup {
    let highest = timeline.bins.iter().flat_map(parts).map(|(n, _)| n).max().unwrap_or(0);
    let y = Scale::linear((highest as f64).max(2.0), to, from);
    let mut paths: BTreeMap<&str, String> = BTreeMap::new();
    for (at, bin) in timeline.bins.iter().enumerate() {
        let (left, right) = (start(timeline, x, at), start(timeline, x, at + 1));
        let width = ((right - left) * 0.4).clamp(1.5, 8.0);
        for (side, (count, kind)) in parts(bin).into_iter().enumerate() {
            if count > 0 {
                let path = paths.entry(kind).or_default();
                let edge = coordinate((left + right) / 2.0 + (side as f64 - 1.0) * width);
                let (high, wide) = (coordinate(y.at(count as f64)), coordinate(width));
                // Writing to a String cannot fail.
                let _ = write!(path, "M{edge} {to}V{high}h{wide}V{to}Z");
            }
        }
    }
    markup! {
        (value_axis(&y, &|v| quantity::count(v.round() as u64)))
        @for (kind, path) in paths { path class=(format!("column {kind}")) d=(path) {} }
    }
}

fn value_axis(y: &Scale, name: &dyn Fn(f64) -> String) -> Markup {
    let mut ticks = y.ticks();
    let span = ticks.first().zip(ticks.last()).map_or(0.0, |(a, b)| (y.at(*a) - y.at(*b)).abs());
    // A label needs 18 units. Where there is less, every other one is left out.
    while ticks.len() > 2 && span / ((ticks.len() - 1) as f64) < 18.0 {
        ticks = ticks.into_iter().step_by(2).collect();
    }
    markup! {
        g.grid {
            @for tick in ticks {
                @let at = coordinate(y.at(tick));
                path d=(format!("M{LEFT} {at}H{RIGHT}")) {}
                text x=(LEFT - 6.0) y=(at) dy="4" text-anchor="end" { (short(&name(tick))) }
            }
        }
    }
}

/// The time axis in seconds, minutes or hours, depending on its span.
fn time_axis(span_ns: f64, bottom: f64) -> Markup {
    let (unit_ns, unit) = match span_ns {
        ns if ns < 300e9 => (1e9, "s"),
        ns if ns < 18_000e9 => (60e9, "min"),
        _ => (3600e9, "h"),
    };
    let x = Scale::exact(0.0, span_ns / unit_ns, LEFT, RIGHT);
    markup! {
        g.grid {
            path.axis d=(format!("M{LEFT} {bottom}H{RIGHT}")) {}
            @for tick in x.ticks() {
                @let at = coordinate(x.at(tick));
                @let rounded = (tick * 1e6).round() / 1e6;
                path.axis d=(format!("M{at} {bottom}v5")) {}
                text x=(at) y=(bottom + 19.0) text-anchor="middle" { (rounded) " " (unit) }
            }
        }
    }
}

fn of_kind(timeline: &Timeline, kind: MarkKind) -> impl Iterator<Item = &Mark> {
    let span = timeline.bins.len() as f64 * timeline.bin_ns as f64;
    let inside = move |m: &&Mark| m.kind == kind && (m.at_ns.max(0) as f64) < span;
    timeline.marks.iter().filter(inside)
}

fn phases(timeline: &Timeline, x: &Scale, bottom: f64) -> Markup {
    let marks: Vec<&Mark> = of_kind(timeline, MarkKind::Phase).collect();
    let edge = |at: usize| marks.get(at).map_or(RIGHT, |m| x.at(m.at_ns as f64));
    markup! {
        @for (at, mark) in marks.iter().enumerate() {
            @let (left, width) = (edge(at), edge(at + 1) - edge(at));
            // A letter takes about 7 units. A label that does not fit is cut, and the tooltip has
            // the whole.
            @let fits = ((width - 8.0) / 7.0).max(0.0) as usize;
            g class=(if at % 2 == 0 { "phase even" } else { "phase odd" }) {
                title { "phase " (mark.label) }
                rect x=(coordinate(left)) y="0" width=(coordinate(width)) height=(bottom) {}
                text x=(coordinate(left + 6.0)) y="15" { (clipped(&mark.label, fits)) }
            }
        }
    }
}

/// Shades the spans that the host disturbed.
fn disturbances(spans: &[(i64, i64)], x: &Scale, bottom: f64) -> Markup {
    markup! {
        @for (from, to) in spans {
            @let (left, right) = (x.at(*from as f64).max(LEFT), x.at(*to as f64).min(RIGHT));
            rect.disturbed x=(coordinate(left)) y=(STRIPS.0) height=(bottom - STRIPS.0)
                width=(coordinate((right - left).max(0.0))) {
                title { "disturbed by the host" }
            }
        }
    }
}

fn clipped(label: &str, letters: usize) -> String {
    if label.chars().count() <= letters {
        return label.to_owned();
    }
    let mut cut: String = label.chars().take(letters.saturating_sub(1)).collect();
    if letters > 1 {
        cut.push('…');
    }
    cut
}

fn events(timeline: &Timeline, x: &Scale, bottom: f64) -> Markup {
    let mut places = Vec::new();
    let mut free = LEFT;
    for (at, mark) in of_kind(timeline, MarkKind::Event).enumerate() {
        let exact = x.at(mark.at_ns as f64);
        let label = exact.max(free);
        free = label + 18.0;
        places.push((at + 1, mark, exact, label));
    }
    markup! {
        @for (number, mark, exact, label) in places {
            g.event {
                title { (mark.label) }
                path d=(format!("M{0} 40V{bottom}", coordinate(exact))) {}
                circle cx=(coordinate(label)) cy="31" r="8" {}
                text x=(coordinate(label)) y="35" text-anchor="middle" { (number) }
            }
        }
    }
}

fn event_list(timeline: &Timeline) -> Markup {
    let events: Vec<&Mark> = of_kind(timeline, MarkKind::Event).collect();
    markup! {
        @if !events.is_empty() {
            ol.events {
                @for event in events {
                    li {
                        span.num { (quantity::nanoseconds(event.at_ns as f64)) }
                        " " (event.label)
                    }
                }
            }
        }
    }
}

fn legend(timeline: &Timeline, is_disturbed: bool) -> Markup {
    let harm = |of: fn(&TimelineBin) -> u64| timeline.bins.iter().map(of).sum::<u64>();
    let columns = [
        ("lockout", "lockouts", harm(|b| b.lockouts)),
        ("exposed", "exposed accepts", harm(|b| b.exposed_accepts)),
        ("attempt", "fetch attempts", harm(|b| b.attempts)),
        ("failure", "failed fetches", harm(|b| b.failures)),
    ];
    markup! {
        ul.legend {
            @for (code, total) in codes(timeline) {
                li {
                    (swatch(&code_class(code))) (code) " "
                    span.num.faint { (quantity::count(total)) }
                }
            }
            @if is_disturbed {
                li { (swatch("disturbed")) "disturbed by the host" }
            }
            @for (class, name, total) in columns {
                @if total > 0 {
                    li {
                        (swatch(class)) (name) " "
                        span.num.faint { (quantity::count(total)) }
                    }
                }
            }
        }
    }
}

fn swatch(class: &str) -> Markup {
    markup! {
        svg.swatch viewBox="0 0 10 10" aria-hidden="true" {
            rect class=(class) width="10" height="10" rx="2" {}
        }
    }
}

fn hover(timeline: &Timeline, x: &Scale, bottom: f64) -> Markup {
    markup! {
        g.hover {
            @for (at, bin) in timeline.bins.iter().enumerate() {
                @let (left, right) = (start(timeline, x, at), start(timeline, x, at + 1));
                rect x=(coordinate(left)) y=(STRIPS.0) width=(coordinate(right - left))
                    height=(bottom - STRIPS.0) {
                    title { (tooltip(timeline, at, bin)) }
                }
            }
        }
    }
}

fn tooltip(timeline: &Timeline, at: usize, bin: &TimelineBin) -> String {
    let from = at as f64 * timeline.bin_ns as f64;
    let mut text = format!("from {}", quantity::nanoseconds(from));
    for (code, count) in bin.verdicts.iter().filter(|(_, n)| **n > 0) {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n{code} {}", quantity::count(*count));
    }
    if bin.good_p50_ns > 0 {
        let (p50, max) = (bin.good_p50_ns as f64, bin.good_max_ns as f64);
        let (p50, max) = (quantity::nanoseconds(p50), quantity::nanoseconds(max));
        let _ = write!(text, "\ngood: median {p50}, highest {max}");
    }
    let counts = [
        ("lockouts", bin.lockouts),
        ("exposed accepts", bin.exposed_accepts),
        ("fetch attempts", bin.attempts),
        ("failed fetches", bin.failures),
    ];
    for (name, count) in counts.into_iter().filter(|(_, n)| *n > 0) {
        let _ = write!(text, "\n{name} {}", quantity::count(count));
    }
    if let Some(age) = bin.set_age_ns {
        let _ = write!(text, "\nkey set {} old", quantity::nanoseconds(age as f64));
    }
    text
}
