//! One metric over several stored results in the order of their time, trial by trial, and the point
//! where it changed. Results under different conditions form separate series. Pure: formats
//! nothing.

#[cfg(test)]
pub(crate) mod tests;
pub mod tracked;

use std::collections::BTreeMap;

use serde::Serialize;
use tracked::{NamedTrial, TrackedFigure, TrackedMetric, bound};

use super::statistics::{ALPHA, fewest_values, holm, least_p, median, pettitt};
use super::{Measurement, RunResult, StateResult, Unsound};

/// The seed of the permutations. It is fixed, so that the same results give the same p.
const SEED: u64 = 1;

/// A stored result and the path at which it was found.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The folder, for messages.
    pub path: String,
    /// The whole result, because a ratio needs the bound beside the trial.
    pub result: RunResult,
}

/// The trend of a metric over results.
#[derive(Clone, Debug, Serialize)]
pub struct Trend {
    /// The metric.
    pub metric: TrackedMetric,
    /// Its unit.
    pub unit: &'static str,
    /// Whether a higher value is better.
    pub more_is_better: bool,
    /// The results, by time.
    pub results: Vec<TrendResult>,
    /// One series for each trial under each set of conditions, in the order of their first result.
    pub series: Vec<TrendSeries>,
    /// Sentences on the results that are left out, each with the reason.
    pub set_aside: Vec<String>,
    /// The number of figures that no test counts, by reason.
    pub left_out: BTreeMap<Unsound, usize>,
}

/// One of the results.
#[derive(Clone, Debug, Serialize)]
pub struct TrendResult {
    /// The path at which it was found.
    pub path: String,
    /// Start of the run, RFC 3339, UTC.
    pub started_at: String,
    /// Revision of the source tree, where it is known.
    pub revision: Option<String>,
}

/// The series of one trial under the same conditions.
#[derive(Clone, Debug, Serialize)]
pub struct TrendSeries {
    /// `scenario/contender/algorithm`, as in every form.
    pub trial: String,
    /// The scenario.
    pub scenario: String,
    /// The contender.
    pub contender: String,
    /// The algorithm.
    pub algorithm: String,
    /// The cache policy.
    pub cache_policy: String,
    /// What all its results have in common.
    pub conditions: Conditions,
    /// How the conditions differ from those of the other series of its trial; empty if there is no
    /// other.
    pub apart: Vec<String>,
    /// Its figures by time.
    pub points: Vec<TrendPoint>,
    /// Whether, and where, it changed.
    pub change: Change,
}

/// The conditions that figures of one series have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Conditions {
    /// CPU, cores and architecture.
    pub machine: String,
    /// SHA-256 of the plan, in hex.
    pub plan_hash: String,
    /// SHA-256 of the corpus, in hex.
    pub corpus_hash: String,
}

/// One figure of a series.
#[derive(Clone, Debug, Serialize)]
pub struct TrendPoint {
    /// The index of its result.
    pub result: usize,
    /// The figure; null if there is none to show.
    pub figure: Option<TrackedFigure>,
    /// The reason why no test counts it; null if it counts.
    pub unsound: Option<Unsound>,
    /// The differences from the point before: versions, kernel, compiler, policies.
    pub other: Vec<String>,
    /// The facts that may differ between points, by name.
    #[serde(skip)]
    facts: BTreeMap<String, String>,
}

impl TrendPoint {
    /// The value, if a test counts it.
    pub fn counted(&self) -> Option<f64> {
        self.figure.filter(|_| self.unsound.is_none()).map(|figure| figure.value)
    }
}

/// The verdict of the test on a series.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Change {
    /// The series changed.
    Found(ChangePoint),
    /// No change was found.
    None {
        /// The probability that chance alone gives as clear a step.
        p: f64,
        /// The same after Holm over all series that were tested.
        p_adjusted: f64,
    },
    /// There are too few figures to tell.
    TooFew {
        /// The number of figures that count.
        figures: usize,
        /// The number of figures that would be enough; null if too many trials are tested for any
        /// number.
        needed: Option<usize>,
    },
}

/// Where a series changed, and by how much.
#[derive(Clone, Debug, Serialize)]
pub struct ChangePoint {
    /// The index in the series of the last point before the change.
    pub last_before: usize,
    /// The index of the first point after it.
    pub first_after: usize,
    /// Median of the figures before it.
    pub before: f64,
    /// Median of those after it.
    pub after: f64,
    /// After over before.
    pub ratio: f64,
    /// Whether the change is for the better.
    pub is_better: bool,
    /// The probability that chance alone gives as clear a step.
    pub p: f64,
    /// The same after Holm over all series that were tested.
    pub p_adjusted: f64,
    /// What else differs after it from before: versions, kernel, compiler, policies.
    pub other: Vec<String>,
}

impl Trend {
    /// The trend of the trials that `wanted` picks.
    pub fn of(
        stored: Vec<Stored>,
        metric: TrackedMetric,
        wanted: &dyn Fn(&Measurement) -> bool,
    ) -> Trend {
        let (stored, set_aside) = in_order(stored);
        let mut series: Vec<TrendSeries> = Vec::new();
        for (place, one) in stored.iter().enumerate() {
            for named in NamedTrial::all(&one.result) {
                if wanted(named.trial) {
                    add(&mut series, (place, &one.result), &named, metric);
                }
            }
        }
        let mut left_out = BTreeMap::new();
        for point in series.iter().flat_map(|series| &series.points) {
            if let Some(unsound) = point.unsound {
                *left_out.entry(unsound).or_insert(0) += 1;
            }
        }
        series.retain(|series| series.points.iter().any(|point| point.figure.is_some()));
        for series in &mut series {
            compare_neighbours(series);
        }
        tell_apart(&mut series);
        test(&mut series, metric);
        let result = |one: Stored| TrendResult {
            path: one.path,
            started_at: one.result.started_at,
            revision: one.result.machine.revision,
        };
        Trend {
            metric,
            unit: metric.unit(),
            more_is_better: metric.is_gain(),
            results: stored.into_iter().map(result).collect(),
            series,
            set_aside,
            left_out,
        }
    }

    /// The number of series that were tested.
    pub fn tests(&self) -> usize {
        self.series.iter().filter(|series| is_tested(series)).count()
    }
}

/// Sorts results by time, each once, and gives sentences on those that are left out.
fn in_order(stored: Vec<Stored>) -> (Vec<Stored>, Vec<String>) {
    let mut set_aside = Vec::new();
    let mut placed: Vec<(u64, Stored)> = Vec::new();
    for one in stored {
        let Some(start) = one.result.started_ns() else {
            set_aside.push(format!("{}: does not say when it was made", one.path));
            continue;
        };
        let is_again = |(known, other): &&(u64, Stored)| {
            *known == start
                && other.result.elapsed_s == one.result.elapsed_s
                && other.result.seed == one.result.seed
                && other.result.command == one.result.command
        };
        match placed.iter().find(is_again) {
            Some((_, other)) => {
                set_aside.push(format!("{}: the same result as {}", one.path, other.path));
            }
            None => placed.push((start, one)),
        }
    }
    placed.sort_by_key(|(start, _)| *start);
    (placed.into_iter().map(|(_, one)| one).collect(), set_aside)
}

/// Adds the figure of a trial to its series.
fn add(
    series: &mut Vec<TrendSeries>,
    (place, result): (usize, &RunResult),
    named: &NamedTrial<'_>,
    metric: TrackedMetric,
) {
    let trial = named.trial;
    let unsound = metric.unsound(result, trial);
    let figure = metric.figure(result, trial);
    let is_missed = unsound.is_some_and(|unsound| !unsound.is_shown());
    if !metric.applies(result, trial) || (figure.is_none() && !is_missed) {
        return;
    }
    let figure = figure.filter(|_| unsound.is_none_or(Unsound::is_shown));
    let facts = facts(result, trial, metric);
    let point = TrendPoint { result: place, figure, unsound, other: Vec::new(), facts };
    let (name, conditions) = (named.name(), Conditions::of(result, trial));
    let is_it = |known: &&mut TrendSeries| known.trial == name && known.conditions == conditions;
    match series.iter_mut().find(is_it) {
        Some(known) => known.points.push(point),
        None => series.push(TrendSeries {
            trial: name,
            scenario: trial.scenario.clone(),
            contender: trial.contender.clone(),
            algorithm: trial.algorithm.clone(),
            cache_policy: trial.cache_policy.clone(),
            conditions,
            apart: Vec::new(),
            points: vec![point],
            change: Change::TooFew { figures: 0, needed: None },
        }),
    }
}

impl Conditions {
    fn of(result: &RunResult, trial: &Measurement) -> Conditions {
        let machine = &result.machine;
        Conditions {
            machine: format!("{}, {} cores, {}", machine.cpu, machine.cores, machine.arch),
            plan_hash: trial.plan_hash.clone(),
            corpus_hash: trial.corpus_hash.clone(),
        }
    }
}

/// Notes at each point how it differs from the one before.
fn compare_neighbours(series: &mut TrendSeries) {
    for place in 1..series.points.len() {
        let other = changed(&series.points[place - 1].facts, &series.points[place].facts);
        series.points[place].other = other;
    }
}

/// The facts that may differ between results of one series, by name. An empty one is unknown.
fn facts(
    result: &RunResult,
    trial: &Measurement,
    metric: TrackedMetric,
) -> BTreeMap<String, String> {
    let beside = bound(result, trial).filter(|_| metric == TrackedMetric::P50OverBound);
    let contenders = [Some(trial), beside].into_iter().flatten().map(|one| one.contender.as_str());
    let versions = contenders
        .chain(["jwtbench"])
        .map(|name| (name.to_owned(), result.versions.get(name).cloned().unwrap_or_default()));
    let machine = &result.machine;
    let of_state = |of: fn(&StateResult) -> &String| trial.state.as_ref().map(of);
    let strategy = of_state(|state| &state.strategy_hash).cloned().unwrap_or_default();
    let others = [
        ("state strategy", strategy.chars().take(12).collect()),
        ("state store", of_state(|state| &state.store).cloned().unwrap_or_default()),
        ("kernel", machine.kernel.clone()),
        ("compiler", machine.rustc.clone()),
        ("governor", machine.governor.clone().unwrap_or_default()),
        ("policy", trial.policy_hash.chars().take(12).collect()),
        ("cache policy", trial.cache_policy_hash.chars().take(12).collect()),
    ];
    versions.chain(others.map(|(name, value)| (name.to_owned(), value))).collect()
}

fn changed(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let pairs = after.iter().filter_map(|(name, value)| Some((name, before.get(name)?, value)));
    pairs
        .filter(|(_, one, other)| !one.is_empty() && !other.is_empty() && one != other)
        .map(|(name, one, other)| format!("{name}: {one} became {other}"))
        .collect()
}

/// Notes at each series of one trial how its conditions differ from the others.
fn tell_apart(series: &mut [TrendSeries]) {
    let known: Vec<(String, Conditions)> =
        series.iter().map(|one| (one.trial.clone(), one.conditions.clone())).collect();
    for one in series {
        let others = || known.iter().filter(|(trial, _)| *trial == one.trial).map(|(_, of)| of);
        let own = &one.conditions;
        let hash = |hash: &str| hash.chars().take(8).collect::<String>();
        let mut apart = Vec::new();
        if others().any(|other| other.machine != own.machine) {
            apart.push(format!("machine {}", own.machine));
        }
        if others().any(|other| other.plan_hash != own.plan_hash) {
            apart.push(format!("plan {}", hash(&own.plan_hash)));
        }
        if others().any(|other| other.corpus_hash != own.corpus_hash) {
            apart.push(format!("corpus {}", hash(&own.corpus_hash)));
        }
        one.apart = apart;
    }
}

/// The figures of a series that count, with their places.
fn counted(series: &TrendSeries) -> (Vec<usize>, Vec<f64>) {
    let points = series.points.iter().enumerate();
    points.filter_map(|(place, point)| Some((place, point.counted()?))).unzip()
}

fn is_tested(series: &TrendSeries) -> bool {
    fewest_values(ALPHA, 1).is_some_and(|fewest| counted(series).1.len() >= fewest)
}

/// Tests every series for a change. All tests share one error rate.
fn test(series: &mut [TrendSeries], metric: TrackedMetric) {
    let tested: Vec<usize> = (0..series.len()).filter(|at| is_tested(&series[*at])).collect();
    let tests: Vec<_> =
        tested.iter().filter_map(|at| pettitt(&counted(&series[*at]).1, SEED)).collect();
    let adjusted = holm(&tests.iter().map(|test| test.p).collect::<Vec<f64>>());
    for one in series.iter_mut() {
        let figures = counted(one).1.len();
        one.change = Change::TooFew { figures, needed: fewest_values(ALPHA, tests.len()) };
    }
    for ((at, test), p_adjusted) in tested.into_iter().zip(&tests).zip(adjusted) {
        let (places, values) = counted(&series[at]);
        let can_tell = least_p(values.len()) * tests.len() as f64 <= ALPHA;
        if p_adjusted >= ALPHA {
            if can_tell {
                series[at].change = Change::None { p: test.p, p_adjusted };
            }
            continue;
        }
        let (before, after) = values.split_at(test.before);
        let (before, after) = (median(before), median(after));
        let (last_before, first_after) = (places[test.before - 1], places[test.before]);
        let between = series[at].points[last_before + 1..=first_after].iter();
        let other = between.flat_map(|point| point.other.clone()).collect();
        series[at].change = Change::Found(ChangePoint {
            last_before,
            first_after,
            before,
            after,
            ratio: after / before,
            is_better: (after > before) == metric.is_gain(),
            p: test.p,
            p_adjusted,
            other,
        });
    }
}
