//! Evaluation of a scenario's expectations on what a trial recorded.

use jwtbench_result::{EndpointCounts, ExpectationResult, HistogramSummary, Latencies};
use jwtbench_scenario::Scenario;
use jwtbench_scenario::model::expectation::{
    BoundFigure, Channel, EndpointMetric, Expectation, ExpectedMetric, Quantile, Subject,
};

use super::judgement::spell;
use super::ledger::{Ledger, LedgerRow, RowKey};

/// The figures on which an expectation is evaluated.
pub struct Figures<'r> {
    /// The scenario.
    pub scenario: &'r Scenario,
    /// The operations, judged.
    pub ledger: &'r Ledger,
    /// The endpoint's counts by phase; `None` without an endpoint.
    pub endpoint: Option<&'r [EndpointCounts]>,
}

/// Whether an expectation on this subject bounds a latency.
pub fn is_latency(subject: &Subject) -> bool {
    matches!(subject.metric, ExpectedMetric::Operations { figure: BoundFigure::Latency(..), .. })
}

/// The phases that an expectation refers to, by name; `None` for all of them.
pub fn phases(expectation: &Expectation) -> Option<Vec<&str>> {
    let own = expectation.subject.phase.as_deref()?;
    Some([Some(own), expectation.limit.of_phase.as_deref()].into_iter().flatten().collect())
}

impl Figures<'_> {
    /// Evaluates an expectation. A bound on a latency without a sample is not met.
    pub fn evaluate(&self, expectation: &Expectation) -> ExpectationResult {
        let Expectation { key, bound, subject, limit, .. } = expectation;
        let value = self.value(subject, subject.phase.as_deref());
        let bound_value = match &limit.of_phase {
            None => Some(limit.number),
            Some(phase) => self.value(subject, Some(phase)).map(|base| base * limit.number),
        };
        let met = match (value, bound_value) {
            (Some(value), Some(bound)) => limit.comparison.holds(value, bound),
            _ => false,
        };
        let (key, bound) = (key.clone(), bound.clone());
        ExpectationResult { key, bound, value: value.unwrap_or(0.0), met }
    }

    fn value(&self, subject: &Subject, phase: Option<&str>) -> Option<f64> {
        let phase = phase.map(|name| {
            self.scenario.phases.iter().position(|phase| phase.name == name).unwrap_or(usize::MAX)
        });
        match &subject.metric {
            ExpectedMetric::Endpoint(metric) => Some(self.endpoint(*metric, phase)),
            // A metric of a simulation is judged there.
            ExpectedMetric::Simulated { .. } => None,
            ExpectedMetric::Operations { stream, which, figure } => {
                let wanted = |key: &RowKey| {
                    let name = &self.scenario.streams[key.stream.index()].name;
                    phase.is_none_or(|phase| key.phase.index() == phase)
                        && stream.as_ref().is_none_or(|stream| stream == name)
                        && which
                            .as_ref()
                            .is_none_or(|it| it == key.class.name() || it == spell(key.code))
                };
                let rows = self.ledger.rows.iter().filter(|(key, _)| wanted(key));
                operations(rows.map(|(_, row)| row), *figure)
            }
        }
    }

    fn endpoint(&self, metric: EndpointMetric, phase: Option<usize>) -> f64 {
        let all = self.endpoint.unwrap_or_default();
        let wanted = all
            .iter()
            .enumerate()
            .filter(|(index, _)| phase.is_none_or(|phase| *index == phase))
            .map(|(_, counts)| counts);
        let count = match metric {
            EndpointMetric::Attempts => wanted.map(|counts| counts.attempts).sum(),
            EndpointMetric::Served => wanted.map(|counts| counts.served).sum(),
            EndpointMetric::Failures => wanted.map(|counts| counts.failures).sum(),
            EndpointMetric::MaxInFlight => {
                wanted.map(|counts| counts.max_in_flight).max().unwrap_or(0)
            }
        };
        count as f64
    }
}

fn operations<'r>(rows: impl Iterator<Item = &'r LedgerRow>, figure: BoundFigure) -> Option<f64> {
    let sum = |count: fn(&LedgerRow) -> u64, rows: &mut dyn Iterator<Item = &'r LedgerRow>| {
        Some(rows.map(count).sum::<u64>() as f64)
    };
    let mut rows = rows;
    match figure {
        BoundFigure::Count => sum(|row| row.count, &mut rows),
        BoundFigure::Lockouts => sum(|row| row.lockouts, &mut rows),
        BoundFigure::ExposedAccepts => sum(|row| row.exposed, &mut rows),
        BoundFigure::Remembered => sum(|row| row.remembered, &mut rows),
        BoundFigure::Late => sum(|row| row.late, &mut rows),
        BoundFigure::Latency(channel, quantile) => {
            let mut merged = Latencies::default();
            rows.for_each(|row| merged.merge(&row.latencies));
            let summary = merged.summarise();
            let summary = match channel {
                Channel::Response => summary.response,
                Channel::Service => summary.service,
                Channel::Lateness => summary.lateness,
            };
            (summary.count > 0).then(|| pick(&summary, quantile))
        }
    }
}

fn pick(summary: &HistogramSummary, quantile: Quantile) -> f64 {
    match quantile {
        Quantile::Mean => summary.mean_ns,
        Quantile::P50 => summary.p50_ns as f64,
        Quantile::P90 => summary.p90_ns as f64,
        Quantile::P99 => summary.p99_ns as f64,
        Quantile::P999 => summary.p999_ns as f64,
        Quantile::Max => summary.max_ns as f64,
    }
}
