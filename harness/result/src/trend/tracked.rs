//! A figure that is tracked from one result to the next: one value of one trial, with the lowest
//! and the highest of its rounds, under a stable name. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::comparison::{ComparedMetric, plain, ratios_by_round};
use crate::statistics::median;
use crate::{Measurement, RunResult, Unsound};

/// A metric that is tracked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrackedMetric {
    /// Median service time over that of the bare signature check of the same backend.
    P50OverBound,
    /// Median service time of accepted tokens.
    P50,
    /// 99th percentile of the service time of accepted tokens.
    P99,
    /// Completed operations per second of active worker time.
    Throughput,
    /// CPU time of the workers per operation; closed loops only.
    Cpu,
}

impl TrackedMetric {
    /// All metrics, in the order of every form.
    pub const ALL: [TrackedMetric; 5] = [
        TrackedMetric::P50OverBound,
        TrackedMetric::P50,
        TrackedMetric::P99,
        TrackedMetric::Throughput,
        TrackedMetric::Cpu,
    ];

    /// The name in identifiers and options.
    pub const fn name(self) -> &'static str {
        match self {
            TrackedMetric::P50OverBound => "p50-over-bound",
            TrackedMetric::P50 => "p50",
            TrackedMetric::P99 => "p99",
            TrackedMetric::Throughput => "throughput",
            TrackedMetric::Cpu => "cpu",
        }
    }

    /// The unit of its values.
    pub const fn unit(self) -> &'static str {
        match self {
            TrackedMetric::P50OverBound => "ratio",
            TrackedMetric::P50 | TrackedMetric::P99 => "ns",
            TrackedMetric::Throughput => "operations/s",
            TrackedMetric::Cpu => "ns/operation",
        }
    }

    /// The meaning in one line.
    pub const fn meaning(self) -> &'static str {
        match self {
            TrackedMetric::P50OverBound => {
                "median service time over that of the bare signature check of the same backend"
            }
            TrackedMetric::P50 => "median service time of accepted tokens",
            TrackedMetric::P99 => "99th percentile of the service time of accepted tokens",
            TrackedMetric::Throughput => "completed operations per second of worker time at work",
            TrackedMetric::Cpu => "CPU time of the workers per operation",
        }
    }

    /// Whether a higher value is better.
    pub const fn is_gain(self) -> bool {
        matches!(self, TrackedMetric::Throughput)
    }

    /// Whether a trial can have the metric at all. A ratio needs a bound, which is looked up in
    /// `result`.
    pub fn applies(self, result: &RunResult, trial: &Measurement) -> bool {
        self != TrackedMetric::P50OverBound || bound(result, trial).is_some()
    }

    /// The figure of a trial, even if it is unsound; `None` if it has none. The bound is looked up
    /// in `result`.
    pub fn figure(self, result: &RunResult, trial: &Measurement) -> Option<TrackedFigure> {
        let metric = match self {
            TrackedMetric::P50OverBound => {
                return TrackedFigure::of(&ratios_by_round(trial, bound(result, trial)?));
            }
            TrackedMetric::P50 => ComparedMetric::P50,
            TrackedMetric::P99 => ComparedMetric::P99,
            TrackedMetric::Throughput => ComparedMetric::Throughput,
            TrackedMetric::Cpu => ComparedMetric::Cpu,
        };
        TrackedFigure::of(&plain(metric, trial))
    }

    /// The reason why that figure does not stand alone. A ratio also needs a bound whose figures
    /// stand alone.
    pub fn unsound(self, result: &RunResult, trial: &Measurement) -> Option<Unsound> {
        let bound = || bound(result, trial).filter(|_| self == TrackedMetric::P50OverBound);
        Unsound::of(result, trial).or_else(|| Unsound::of(result, bound()?))
    }
}

/// One tracked figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct TrackedFigure {
    /// Median of the rounds, in the metric's unit.
    pub value: f64,
    /// Lowest round.
    pub low: f64,
    /// Highest round.
    pub high: f64,
    /// Rounds that were not dropped.
    pub rounds: usize,
}

impl TrackedFigure {
    fn of(rounds: &[f64]) -> Option<TrackedFigure> {
        let low = rounds.iter().copied().min_by(f64::total_cmp)?;
        let high = rounds.iter().copied().max_by(f64::total_cmp)?;
        let value = median(rounds);
        let is_finite = low.is_finite() && high.is_finite();
        is_finite.then_some(TrackedFigure { value, low, high, rounds: rounds.len() })
    }
}

/// The bare signature check of the same backend that ran beside a trial.
pub(crate) fn bound<'r>(result: &'r RunResult, trial: &Measurement) -> Option<&'r Measurement> {
    let (kind, backend) = trial.contender.split_once(':')?;
    let name = format!("raw:{backend}");
    let fits = |other: &&Measurement| {
        other.contender == name
            && other.scenario == trial.scenario
            && other.algorithm == trial.algorithm
            && other.cache_policy == trial.cache_policy
    };
    result.measurements.iter().find(fits).filter(|_| kind != "raw")
}

/// A trial with a name that is stable from one result to the next.
#[derive(Clone, Copy, Debug)]
pub struct NamedTrial<'r> {
    /// The trial.
    pub trial: &'r Measurement,
    /// 1, or a higher number if the result holds the same trial again.
    pub number: u32,
}

impl<'r> NamedTrial<'r> {
    /// Every trial of a result, in the order of the result.
    pub fn all(result: &'r RunResult) -> Vec<NamedTrial<'r>> {
        let mut seen: BTreeMap<([&str; 4], Option<&str>), u32> = BTreeMap::new();
        let named = |trial: &'r Measurement| {
            let Measurement { scenario, contender, algorithm, cache_policy, .. } = trial;
            let key = [scenario.as_str(), contender, algorithm, cache_policy];
            let number = seen.entry((key, trial.state_strategy())).or_insert(0);
            *number += 1;
            NamedTrial { trial, number: *number }
        };
        result.measurements.iter().map(named).collect()
    }

    /// The name `scenario/contender/algorithm`, with `@policy` if the cache policy is not the
    /// default one, `@state:strategy` if there is a state strategy, and `#number` if the result
    /// holds the trial again.
    pub fn name(&self) -> String {
        let Measurement { scenario, contender, algorithm, cache_policy, .. } = self.trial;
        let policy = match cache_policy.as_str() {
            "" | "default" => String::new(),
            other => format!("@{other}"),
        };
        let again = if self.number > 1 { format!("#{}", self.number) } else { String::new() };
        let state = self.trial.state_strategy().map(|name| format!("@state:{name}"));
        let state = state.unwrap_or_default();
        format!("{scenario}/{contender}/{algorithm}{policy}{state}{again}")
    }
}
