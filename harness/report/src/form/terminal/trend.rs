//! A trend for a terminal: a row of blocks for each trial, the change point in words, and every
//! figure if there are few trials. Knows no file.

use jwtbench_result::trend::{Change, Trend, TrendPoint, TrendSeries};

use crate::TerminalStyle;
use crate::form::terminal::text::{Paint, TerminalText};
use crate::subject::trend::{closing, left_out, limits, mark, name, sentence, shown, span};

/// The most series that are shown figure by figure.
const IN_FULL: usize = 3;
/// The number of latest figures that have a block: where few series are shown, and where many are.
const BLOCKS: usize = 50;
const FEW_BLOCKS: usize = 20;
/// The number of columns for a name beside its blocks.
const NAME: usize = 34;
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The mark of a figure that does not count and so has no height.
const NO_HEIGHT: char = '·';
/// Renders the trend as text.
pub fn trend(trend: &Trend, style: TerminalStyle) -> String {
    let mut text = TerminalText::new(style);
    let (metric, unit) = (trend.metric, trend.unit);
    text.line(Paint::Strong, &format!("Trend of {} ({unit})", metric.name()));
    let direction = if trend.more_is_better { "more" } else { "less" };
    let meaning = format!("{}; {direction} is better; median of the rounds", metric.meaning());
    text.wrapped(Paint::Dim, "", &meaning);
    text.wrapped(Paint::Plain, "", &span(trend));
    for aside in &trend.set_aside {
        text.wrapped(Paint::Warning, "", &format!("!! set aside: {aside}"));
    }
    for line in left_out(trend) {
        text.wrapped(Paint::Warning, "", &line);
    }
    let mut scenario = "";
    for series in &trend.series {
        if series.scenario != scenario {
            text.heading(&series.scenario);
            scenario = &series.scenario;
        }
        show(&mut text, trend, series);
    }
    text.heading("Change points");
    for line in closing(trend) {
        text.wrapped(Paint::Plain, "", &line);
    }
    text.into_string()
}

fn show(text: &mut TerminalText, trend: &Trend, series: &TrendSeries) {
    let is_in_full = trend.series.len() <= IN_FULL;
    if is_in_full {
        text.wrapped(Paint::Strong, "  ", &name(series));
        text.line(Paint::Plain, &format!("    {}", row(trend, series, BLOCKS)));
    } else {
        let name = name(series);
        let row = row(trend, series, FEW_BLOCKS);
        // A name that leaves no room gets a line of its own.
        let beside = if name.chars().count() > NAME { "" } else { &name };
        if beside.is_empty() {
            text.wrapped(Paint::Plain, "  ", &name);
        }
        text.line(Paint::Plain, &format!("  {beside:<NAME$} {row}"));
    }
    if let Change::Found(change) = &series.change {
        let paint = if change.is_better { Paint::Good } else { Paint::Warning };
        text.wrapped(paint, "    ", &sentence(trend, series, change));
    }
    if is_in_full {
        in_full(text, trend, series);
    }
}

/// The first and the last figure that count, and a block for each of the latest figures.
fn row(trend: &Trend, series: &TrendSeries, most: usize) -> String {
    let values: Vec<f64> = series.points.iter().filter_map(TrendPoint::counted).collect();
    let end = |value: Option<&f64>| value.map_or("–".into(), |value| shown(trend.metric, *value));
    let (first, last) = (end(values.first()), end(values.last()));
    let earlier = series.points.len().saturating_sub(most);
    let cut = if earlier > 0 { "…" } else { "" };
    format!("{first:>9} {cut}{} {last}", blocks(&series.points[earlier..]))
}

/// Writes every figure of a series.
fn in_full(text: &mut TerminalText, trend: &Trend, series: &TrendSeries) {
    let cells = |(place, point): (usize, &TrendPoint)| {
        let result = &trend.results[point.result];
        let figure = |of: f64| shown(trend.metric, of);
        let figures = match &point.figure {
            Some(of) => [
                figure(of.value) + mark(point.unsound),
                figure(of.low),
                figure(of.high),
                of.rounds.to_string(),
            ],
            None => ["–".into(), String::new(), String::new(), String::new()],
        };
        let is_first_after =
            matches!(&series.change, Change::Found(change) if change.first_after == place);
        let paint = match (is_first_after, point.unsound) {
            (true, _) => Paint::Strong,
            (false, Some(_)) => Paint::Dim,
            (false, None) => Paint::Plain,
        };
        let from = if is_first_after { "→ " } else { "" };
        let revision = result.revision.clone().unwrap_or_default();
        let names = [format!("{from}{}", result.started_at), revision];
        (paint, names.into_iter().chain(figures).collect())
    };
    let rows: Vec<(Paint, Vec<String>)> = series.points.iter().enumerate().map(cells).collect();
    text.table(2, &["started", "revision", "value", "lowest", "highest", "rounds"], &rows);
    for point in &series.points {
        let at = &trend.results[point.result].started_at;
        let notes = point.other.iter().map(|other| format!("{at}: {other}"));
        notes.for_each(|note| text.wrapped(Paint::Dim, "  ", &note));
    }
}

/// A block for each figure. A figure that does not count has a dot.
fn blocks(points: &[TrendPoint]) -> String {
    let Some((low, high)) = limits(points) else {
        return points.iter().map(|_| NO_HEIGHT).collect();
    };
    let top = HEIGHTS.len() - 1;
    let height = |value: f64| ((value - low) / (high - low) * top as f64).round() as usize;
    let block = |point: &TrendPoint| {
        point.counted().map_or(NO_HEIGHT, |value| HEIGHTS[height(value).min(top)])
    };
    points.iter().map(block).collect()
}
