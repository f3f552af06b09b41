//! A trend for a terminal: a row of blocks per trial, the change point in words, and
//! every figure where few trials are asked for. Knows no file.

mod picture;

use jwtbench_result::Unsound;
use jwtbench_result::statistics::ALPHA;
use jwtbench_result::trend::tracked::TrackedMetric;
use jwtbench_result::trend::{Change, ChangePoint, Trend, TrendPoint, TrendSeries};

use super::TerminalStyle;
use super::quantity;
use super::terminal::text::{Paint, TerminalText};

pub use picture::trend_picture;

/// Up to so many series are shown figure by figure.
const IN_FULL: usize = 3;
/// The latest so many figures have a block where few series are shown, and where many are.
const BLOCKS: usize = 50;
const FEW_BLOCKS: usize = 20;
/// Columns for a name beside its blocks.
const NAME: usize = 34;
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// A figure that is not worth a height.
const NO_HEIGHT: char = '·';
/// A row of blocks spans at least this, as a fraction: smaller differences look as small as they
/// are.
const LEAST_SPAN: f64 = 0.02;

/// The trend as text.
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

fn span(trend: &Trend) -> String {
    let results = quantity::counted(trend.results.len() as u64, "result");
    match (trend.results.first(), trend.results.last()) {
        (Some(first), Some(last)) => {
            format!("{results}, {} to {}", first.started_at, last.started_at)
        }
        _ => results,
    }
}

/// What no test counts, with its mark.
fn left_out(trend: &Trend) -> Vec<String> {
    let line = |(unsound, count): (&Unsound, &usize)| {
        let mark = mark(Some(*unsound)).trim_start().to_owned();
        let mark = if mark.is_empty() { mark } else { format!("{mark}: ") };
        let figures = quantity::counted(*count as u64, "figure");
        format!("{mark}no test counts {figures} {}", unsound.reason())
    };
    trend.left_out.iter().map(line).collect()
}

/// The letter beside a figure that no test counts.
fn mark(unsound: Option<Unsound>) -> &'static str {
    match unsound {
        Some(Unsound::Disturbed) => " d",
        Some(Unsound::Partial) => " p",
        _ => "",
    }
}

/// The name of a series without its scenario, with what it does not share with its neighbours.
fn name(series: &TrendSeries) -> String {
    let start = format!("{}/", series.scenario);
    let name = series.trial.strip_prefix(&start).unwrap_or(&series.trial);
    match series.apart.is_empty() {
        true => name.to_owned(),
        false => format!("{name} [{}]", series.apart.join("; ")),
    }
}

fn show(text: &mut TerminalText, trend: &Trend, series: &TrendSeries) {
    let is_in_full = trend.series.len() <= IN_FULL;
    if is_in_full {
        text.wrapped(Paint::Strong, "  ", &name(series));
        text.line(Paint::Plain, &format!("    {}", row(trend, series, BLOCKS)));
    } else {
        let name = name(series);
        let row = row(trend, series, FEW_BLOCKS);
        // A name that leaves no room has a line of its own.
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

/// The first and the last figure that count, and a block for each of the latest ones.
fn row(trend: &Trend, series: &TrendSeries, most: usize) -> String {
    let values: Vec<f64> = series.points.iter().filter_map(TrendPoint::counted).collect();
    let end = |value: Option<&f64>| value.map_or("–".into(), |value| shown(trend.metric, *value));
    let (first, last) = (end(values.first()), end(values.last()));
    let earlier = series.points.len().saturating_sub(most);
    let cut = if earlier > 0 { "…" } else { "" };
    format!("{first:>9} {cut}{} {last}", blocks(&series.points[earlier..]))
}

/// Every figure of a series.
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

/// The change of a series in words.
fn sentence(trend: &Trend, series: &TrendSeries, change: &ChangePoint) -> String {
    let other = match change.other.is_empty() {
        true => String::new(),
        false => format!("; with it {}", change.other.join(", ")),
    };
    format!("{}, {}{other}", size(trend, change), place(trend, series, change))
}

/// By how much it changed, and how sure that is.
fn size(trend: &Trend, change: &ChangePoint) -> String {
    format!(
        "changed by {:.3}× ({}), {} to {}; p {}",
        change.ratio,
        if change.is_better { "better" } else { "worse" },
        shown(trend.metric, change.before),
        shown(trend.metric, change.after),
        probability(trend, change.p, change.p_adjusted),
    )
}

/// Between which two results it changed.
fn place(trend: &Trend, series: &TrendSeries, change: &ChangePoint) -> String {
    let at = |place: usize| {
        let result = &trend.results[series.points[place].result];
        let revision = result.revision.as_deref().unwrap_or("no revision");
        format!("{} ({revision})", result.started_at)
    };
    format!("between {} and {}", at(change.last_before), at(change.first_after))
}

fn probability(trend: &Trend, p: f64, p_adjusted: f64) -> String {
    match trend.tests() {
        0 | 1 => format!("{p:.4}"),
        tests => format!("{p_adjusted:.4} (Holm over {tests} trials; alone {p:.4})"),
    }
}

/// What came of the tests over all series.
fn closing(trend: &Trend) -> Vec<String> {
    let (mut found, mut none, mut too_few) = (0u64, 0u64, Vec::new());
    for series in &trend.series {
        match &series.change {
            Change::Found(_) => found += 1,
            Change::None { .. } => none += 1,
            Change::TooFew { figures, needed } => too_few.push((*figures, *needed)),
        }
    }
    let mut lines = Vec::new();
    if found > 0 {
        lines.push(format!("{} changed.", quantity::counted(found, "trial")));
    }
    if none > 0 {
        let least = trend.series.iter().filter_map(|series| match &series.change {
            Change::None { p_adjusted, .. } => Some(*p_adjusted),
            _ => None,
        });
        let least = least.fold(1.0, f64::min);
        let trials = quantity::counted(none, "trial");
        lines.push(format!("No change found in {trials}: p {least:.4} or more, {ALPHA} would do."));
    }
    if let Some((_, needed)) = too_few.iter().min() {
        let most = too_few.iter().map(|(figures, _)| *figures).max().unwrap_or(0);
        let trials = quantity::counted(too_few.len() as u64, "trial");
        let figures = quantity::counted(most as u64, "figure");
        let needed = match needed {
            Some(needed) => format!("it takes {needed}"),
            None => "name fewer trials, since all tests share one error rate".to_owned(),
        };
        lines.push(format!(
            "It cannot be told whether {trials} changed: at the most {figures} count; {needed}."
        ));
    }
    lines.push(
        "Pettitt's test (1979), p by permutation. It looks for one step, informs and gates \
         nothing; a slow drift of the host is a change to it as well."
            .to_owned(),
    );
    lines
}

/// A figure as a person reads it.
fn shown(metric: TrackedMetric, value: f64) -> String {
    match metric {
        TrackedMetric::P50OverBound => format!("{value:.3}×"),
        TrackedMetric::Throughput => quantity::rate(value),
        TrackedMetric::P50 | TrackedMetric::P99 | TrackedMetric::Cpu => {
            quantity::nanoseconds(value)
        }
    }
}

/// The lowest and the highest figure that counts, apart by [`LEAST_SPAN`] at least.
fn limits(points: &[TrendPoint]) -> Option<(f64, f64)> {
    let values = || points.iter().filter_map(TrendPoint::counted);
    let (low, high) = (values().min_by(f64::total_cmp)?, values().max_by(f64::total_cmp)?);
    let missing = (low * LEAST_SPAN - (high - low)).max(0.0) / 2.0;
    Some((low - missing, high + missing))
}

/// A block for each figure; those that do not count have a dot.
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
