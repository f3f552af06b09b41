//! A trend in words, the same in every form. Knows no file.

use jwtbench_result::Unsound;
use jwtbench_result::statistics::ALPHA;
use jwtbench_result::trend::tracked::TrackedMetric;
use jwtbench_result::trend::{Change, ChangePoint, Trend, TrendPoint, TrendSeries};

use crate::quantity;

/// The least span of a row of blocks, as a fraction, so that a small difference also looks small.
const LEAST_SPAN: f64 = 0.02;

/// A sentence on what the trend covers.
pub(crate) fn span(trend: &Trend) -> String {
    let results = quantity::counted(trend.results.len() as u64, "result");
    match (trend.results.first(), trend.results.last()) {
        (Some(first), Some(last)) => {
            format!("{results}, {} to {}", first.started_at, last.started_at)
        }
        _ => results,
    }
}

/// The figures that no test counts, by reason, each with its mark.
pub(crate) fn left_out(trend: &Trend) -> Vec<String> {
    let line = |(unsound, count): (&Unsound, &usize)| {
        let mark = mark(Some(*unsound)).trim_start().to_owned();
        let mark = if mark.is_empty() { mark } else { format!("{mark}: ") };
        let figures = quantity::counted(*count as u64, "figure");
        format!("{mark}no test counts {figures} {}", unsound.reason())
    };
    trend.left_out.iter().map(line).collect()
}

/// The letter beside a figure that no test counts.
pub(crate) fn mark(unsound: Option<Unsound>) -> &'static str {
    match unsound {
        Some(Unsound::Disturbed) => " d",
        Some(Unsound::Partial) => " p",
        _ => "",
    }
}

/// The name of a series without its scenario. The conditions in which it differs from other series
/// of its trial are added.
pub(crate) fn name(series: &TrendSeries) -> String {
    let start = format!("{}/", series.scenario);
    let name = series.trial.strip_prefix(&start).unwrap_or(&series.trial);
    match series.apart.is_empty() {
        true => name.to_owned(),
        false => format!("{name} [{}]", series.apart.join("; ")),
    }
}

/// The change of a series in words.
pub(crate) fn sentence(trend: &Trend, series: &TrendSeries, change: &ChangePoint) -> String {
    let other = match change.other.is_empty() {
        true => String::new(),
        false => format!("; with it {}", change.other.join(", ")),
    };
    format!("{}, {}{other}", size(trend, change), place(trend, series, change))
}

/// The size of the change, and how sure it is.
pub(crate) fn size(trend: &Trend, change: &ChangePoint) -> String {
    format!(
        "changed by {:.3}× ({}), {} to {}; p {}",
        change.ratio,
        if change.is_better { "better" } else { "worse" },
        shown(trend.metric, change.before),
        shown(trend.metric, change.after),
        probability(trend, change.p, change.p_adjusted),
    )
}

/// The two results between which the change happened.
pub(crate) fn place(trend: &Trend, series: &TrendSeries, change: &ChangePoint) -> String {
    let at = |place: usize| {
        let result = &trend.results[series.points[place].result];
        let revision = result.revision.as_deref().unwrap_or("no revision");
        format!("{} ({revision})", result.started_at)
    };
    format!("between {} and {}", at(change.last_before), at(change.first_after))
}

pub(crate) fn probability(trend: &Trend, p: f64, p_adjusted: f64) -> String {
    match trend.tests() {
        0 | 1 => format!("{p:.4}"),
        tests => format!("{p_adjusted:.4} (Holm over {tests} trials; alone {p:.4})"),
    }
}

/// The closing sentences: the results of the tests over all series.
pub(crate) fn closing(trend: &Trend) -> Vec<String> {
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
pub(crate) fn shown(metric: TrackedMetric, value: f64) -> String {
    match metric {
        TrackedMetric::P50OverBound => format!("{value:.3}×"),
        TrackedMetric::Throughput => quantity::rate(value),
        TrackedMetric::P50 | TrackedMetric::P99 | TrackedMetric::Cpu => {
            quantity::nanoseconds(value)
        }
    }
}

/// The lowest and the highest figure that counts, widened to a span of at least [`LEAST_SPAN`].
pub(crate) fn limits(points: &[TrendPoint]) -> Option<(f64, f64)> {
    let values = || points.iter().filter_map(TrendPoint::counted);
    let (low, high) = (values().min_by(f64::total_cmp)?, values().max_by(f64::total_cmp)?);
    let missing = (low * LEAST_SPAN - (high - low)).max(0.0) / 2.0;
    Some((low - missing, high + missing))
}
