//! A scenario minute by minute, with a line for each policy. A minute is red where a withdrawn key
//! was accepted, and amber where good tokens were refused. The events are at the top.

use maud::{Markup, html as markup};

use jwtbench_result::simulation::{Minute, Simulation, SimulationRow};

use crate::form::svg::scale::{Scale, coordinate};
use crate::subject::simulation::{marked, runs};

const WIDTH: f64 = 900.0;
const LEFT: f64 = 200.0;
const RIGHT: f64 = 28.0;
const LINE: f64 = 15.0;
/// The lowest opacity that is still visible.
const FAINTEST: f64 = 0.25;

/// The picture of a scenario. It is empty if the scenario is too long for it.
pub(crate) fn minutes(simulation: &Simulation, scenario: &str) -> Markup {
    let rows: Vec<&SimulationRow> = simulation.of_scenario(scenario).collect();
    let Some(count) = rows.iter().map(|row| row.timeline.len()).max().filter(|count| *count > 0)
    else {
        return markup! {};
    };
    let x = Scale::exact(0.0, count as f64, LEFT, WIDTH - RIGHT);
    let most = rows.iter().flat_map(|row| &row.timeline).map(|minute| minute.exposed).max();
    let events: Vec<_> =
        simulation.events.iter().filter(|event| event.scenario == scenario).collect();
    let top = 22.0 + 13.0 * events.len() as f64;
    let height = top + LINE * rows.len() as f64 + 24.0;
    markup! {
        h3 { "Minute by minute" }
        figure {
            svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img"
                aria-label=(format!("{scenario}, minute by minute")) {
                @for (index, event) in events.iter().enumerate() {
                    @let at = x.at(event.at_s / 60.0);
                    @let label = 18.0 + 13.0 * index as f64;
                    path d=(format!("M{} {label}V{}", coordinate(at), height - 20.0))
                        stroke="var(--event)" stroke-width="1" fill="none" {}
                    @let (place, anchor) = match at > WIDTH * 0.7 {
                        true => (at - 5.0, "end"),
                        false => (at + 5.0, "start"),
                    };
                    text x=(coordinate(place)) y=(label + 3.0) text-anchor=(anchor)
                        font-size="11" fill="var(--event)" {
                        (crate::subject::simulation::span(event.at_s)) " " (event.what)
                    }
                }
                @for (index, row) in rows.iter().enumerate() {
                    @let name = marked(simulation, row.subject());
                    (line((&name, row), top + LINE * index as f64, &x, most.unwrap_or_default()))
                }
                @for minute in (0..=count).step_by(tick(count)) {
                    text x=(coordinate(x.at(minute as f64))) y=(height - 6.0) font-size="11"
                        text-anchor="middle" fill="var(--soft)" { (minute) " min" }
                }
            }
            figcaption {
                "Upper half, red: tokens of a withdrawn key, or revoked ones, were taken. Lower "
                "half, amber: good tokens were refused or late. The darker, the more of them, over "
                "all runs (" (runs(rows.iter().copied())) "). Blank: neither."
            }
        }
    }
}

/// The number of minutes between two labels.
fn tick(count: usize) -> usize {
    if count > 20 { 10 } else { 5 }
}

fn line((name, row): (&str, &SimulationRow), top: f64, x: &Scale, most_exposed: u64) -> Markup {
    let bottom = top + LINE - 2.0;
    markup! {
        text x=(LEFT - 8.0) y=(top + 10.0) text-anchor="end" font-size="11" fill="currentColor" {
            (name)
        }
        path d=(format!("M{LEFT} {bottom}H{}", WIDTH - RIGHT)) stroke="var(--rule)" fill="none" {}
        @for (at, minute) in row.timeline.iter().enumerate() {
            @let Minute { good, refused, exposed, .. } = *minute;
            (cell((at, x), top, exposed, most_exposed, "var(--bad)"))
            (cell((at, x), top + (LINE - 2.0) / 2.0, refused, good, "var(--unknown)"))
        }
    }
}

fn cell((at, x): (usize, &Scale), top: f64, count: u64, of: u64, ink: &str) -> Markup {
    let (left, right) = (x.at(at as f64), x.at(at as f64 + 1.0));
    let share = count as f64 / of.max(1) as f64;
    let opacity = FAINTEST + (1.0 - FAINTEST) * share.min(1.0);
    markup! {
        @if count > 0 {
            rect x=(coordinate(left)) y=(coordinate(top)) width=(coordinate(right - left))
                height=(coordinate((LINE - 2.0) / 2.0)) fill=(ink)
                fill-opacity=(format!("{opacity:.2}")) {}
        }
    }
}
