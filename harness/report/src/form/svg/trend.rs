//! A trend as a standalone SVG with a panel for each trial. A panel shows the figures in the order
//! of their results with the lowest and highest round, and a line at the change point. The picture
//! is readable in light and dark themes.

use maud::{Markup, PreEscaped, html as markup};

use jwtbench_result::trend::{Change, Trend, TrendPoint, TrendSeries};

use crate::form::junit::printable;
use crate::quantity::counted;
use crate::subject::trend::{limits, mark, name, place, shown, size};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 8.0;
const RIGHT: f64 = 90.0;
const HEAD: f64 = 40.0;
/// The height of one panel with its name, its plot and the sentence on its change.
const PANEL: f64 = 128.0;
const PLOT_TOP: f64 = 22.0;
const PLOT: f64 = 56.0;
const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#1d2430}.head{font-weight:600}\
    .dim{fill:#59616d}.line{stroke:#1f63c9;fill:none}.dot{fill:#1f63c9}\
    .left-out{fill:none;stroke:#98a2b0}.rounds{stroke:#1f63c9;stroke-opacity:.35}\
    .change{stroke:#c2571a;stroke-dasharray:4 3}.frame{stroke:#dde1e7;fill:none}\
    @media(prefers-color-scheme:dark){text{fill:#dfe4ec}.dim{fill:#a0a8b4}.line{stroke:#72aaff}\
    .dot{fill:#72aaff}.left-out{stroke:#6d7683}.rounds{stroke:#72aaff}.change{stroke:#f0985a}\
    .frame{stroke:#323843}}";

/// Draws the trend as one picture.
pub fn trend_picture(trend: &Trend) -> String {
    let height = HEAD + PANEL * trend.series.len() as f64;
    let title = format!("{} over {} results", trend.metric.name(), trend.results.len());
    let picture = markup! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {WIDTH} {height}"))
            role="img" aria-label=(title) {
            style { (PreEscaped(STYLE)) }
            text.head x="0" y="14" { (title) }
            text.dim x="0" y="30" {
                (trend.metric.meaning()) "; no test counts a hollow point"
            }
            @for (place, series) in trend.series.iter().enumerate() {
                (panel(trend, series, HEAD + PANEL * place as f64))
            }
        }
    };
    // XML allows no control characters, and a foreign result may hold some.
    printable(&picture.into_string()) + "\n"
}

/// The area in which the figures of a series are drawn.
struct Plot {
    top: f64,
    low: f64,
    high: f64,
    step: f64,
}

impl Plot {
    fn x(&self, place: usize) -> f64 {
        LEFT + (place as f64 + 0.5) * self.step
    }

    /// The height of a value. A value beyond the figures that count is drawn at the edge.
    fn y(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        self.top + PLOT * (1.0 - share.clamp(0.0, 1.0))
    }
}

fn panel(trend: &Trend, series: &TrendSeries, top: f64) -> Markup {
    let width = WIDTH - LEFT - RIGHT;
    let step = width / series.points.len().max(1) as f64;
    let limits = limits(&series.points);
    let (low, high) = limits.unwrap_or((0.0, 1.0));
    let plot = Plot { top: top + PLOT_TOP, low, high, step };
    markup! {
        text.head x=(LEFT) y=(top + 14.0) { (series.scenario) "/" (name(series)) }
        rect.frame x=(LEFT) y=(plot.top) width=(width) height=(PLOT) {}
        @if limits.is_some() {
            text.dim x=(WIDTH - RIGHT + 6.0) y=(plot.top + 10.0) { (shown(trend.metric, high)) }
            text.dim x=(WIDTH - RIGHT + 6.0) y=(plot.top + PLOT) { (shown(trend.metric, low)) }
        }
        path.line d=(line(series, &plot)) {}
        @for (place, point) in series.points.iter().enumerate() {
            (figure(trend, &plot, place, point))
        }
        @for (number, line) in said(trend, series).iter().enumerate() {
            text.dim x=(LEFT) y=(plot.top + PLOT + 16.0 * (number as f64 + 1.0)) { (line) }
        }
        @if let Change::Found(change) = &series.change {
            @let x = (plot.x(change.last_before) + plot.x(change.first_after)) / 2.0;
            path.change d=(format!("M{x:.1} {:.1}v{PLOT}", plot.top)) {}
        }
    }
}

/// What the test says about a series, line by line.
fn said(trend: &Trend, series: &TrendSeries) -> Vec<String> {
    match &series.change {
        Change::Found(change) => vec![size(trend, change), place(trend, series, change)],
        Change::None { p_adjusted, .. } => vec![format!("no change found, p {p_adjusted:.4}")],
        Change::TooFew { figures, .. } => {
            let figures = counted(*figures as u64, "figure");
            vec![format!("{figures} that count: too few to tell a change")]
        }
    }
}

/// The path from each figure that counts to the next one.
fn line(series: &TrendSeries, plot: &Plot) -> String {
    let points = series.points.iter().enumerate();
    let counted = points.filter_map(|(place, point)| Some((place, point.counted()?)));
    let step = |(number, (place, value)): (usize, (usize, f64))| {
        let letter = if number == 0 { 'M' } else { 'L' };
        format!("{letter}{:.1} {:.1}", plot.x(place), plot.y(value))
    };
    counted.enumerate().map(step).collect()
}

fn figure(trend: &Trend, plot: &Plot, place: usize, point: &TrendPoint) -> Markup {
    let result = &trend.results[point.result];
    let revision = result.revision.as_deref().unwrap_or("no revision");
    let class = if point.unsound.is_none() { "dot" } else { "left-out" };
    let x = plot.x(place);
    markup! {
        @if let Some(figure) = &point.figure {
            @let rounds = plot.y(figure.low) - plot.y(figure.high);
            path.rounds d=(format!("M{x:.1} {:.1}v{rounds:.1}", plot.y(figure.high))) {}
            circle class=(class) cx=(format!("{x:.1}")) cy=(format!("{:.1}", plot.y(figure.value)))
                r="3" {
                title {
                    (result.started_at) " (" (revision) "): "
                    (shown(trend.metric, figure.value)) (mark(point.unsound))
                }
            }
        }
    }
}
