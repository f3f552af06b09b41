//! The bound beside a trial: the bare signature check that took turns with it. Between two sessions
//! of one build a median changes with the host. The ratio to the bound's median, turn by turn, does
//! not. Pure.

use crate::statistics::median;
use crate::{Measurement, Round, RunResult};

use super::pairing::Pair;
use super::threshold::ComparedMetric;

/// The kind of contender that is a bound.
const RAW: &str = "raw:";
/// Contenders that verify no signature: the floors of the harness and of the core.
const FLOORS: [&str; 2] = ["null:", "core:null"];

/// One bound, measured on both sides.
pub(super) struct Bound<'r> {
    pub(super) base: &'r Measurement,
    pub(super) candidate: &'r Measurement,
}

impl<'r> Bound<'r> {
    /// The bound of the base's backend, or otherwise the fastest bound that both sides have. It is
    /// `None` for a trial that is a bound or a floor itself, and if no bound took turns with it.
    pub(super) fn beside(
        (one, other): &Pair<'r>,
        base: &'r RunResult,
        candidate: &'r RunResult,
    ) -> Option<Bound<'r>> {
        if [one, other].iter().any(|m| is_floor(&m.contender) || m.contender.starts_with(RAW)) {
            return None;
        }
        let mut bounds: Vec<Bound<'r>> = beside(one, base)
            .filter_map(|mine| {
                let mut theirs = beside(other, candidate);
                let candidate = theirs.find(|theirs| theirs.contender == mine.contender)?;
                Some(Bound { base: mine, candidate })
            })
            .collect();
        let backend =
            |m: &Measurement| m.contender.split_once(':').map(|(_, name)| name.to_owned());
        let own = bounds.iter().position(|bound| backend(bound.base) == backend(one));
        let speed = |bound: &Bound<'_>| median(&plain(ComparedMetric::P50, bound.base));
        let fastest = || {
            let places = 0..bounds.len();
            places.min_by(|a, b| speed(&bounds[*a]).total_cmp(&speed(&bounds[*b])))
        };
        own.or_else(fastest).map(|place| bounds.swap_remove(place))
    }
}

/// Whether a contender is a floor, which is shown and never gated.
pub(super) fn is_floor(contender: &str) -> bool {
    FLOORS.contains(&contender)
}

/// The bounds that took turns with a trial.
fn beside<'r>(
    trial: &Measurement,
    result: &'r RunResult,
) -> impl Iterator<Item = &'r Measurement> + use<'r> {
    let (scenario, algorithm) = (trial.scenario.clone(), trial.algorithm.clone());
    let cache_policy = trial.cache_policy.clone();
    result.measurements.iter().filter(move |m| {
        m.contender.starts_with(RAW)
            && m.scenario == scenario
            && m.algorithm == algorithm
            && m.cache_policy == cache_policy
            && m.error.is_none()
            && m.verdicts.wrong == 0
            && !m.virtual_time
    })
}

/// The values of a metric in the rounds that were not dropped, in its own unit.
pub(crate) fn plain(metric: ComparedMetric, trial: &Measurement) -> Vec<f64> {
    let rounds = trial.rounds.iter().filter(|round| round.dropped.is_none());
    rounds.filter_map(|round| metric.of(round)).collect()
}

/// The natural logarithms of the cost of each round that was not dropped. If there is a bound, the
/// cost is divided by the bound's cost in the same round.
pub(super) fn costs(
    metric: ComparedMetric,
    trial: &Measurement,
    bound: Option<&Measurement>,
) -> Vec<f64> {
    let sign = if metric.is_gain() { -1.0 } else { 1.0 };
    let Some(bound) = bound else {
        return plain(metric, trial).into_iter().map(|figure| sign * figure.ln()).collect();
    };
    let is_kept =
        |(one, other): &(&Round, &Round)| one.dropped.is_none() && other.dropped.is_none();
    let rounds = trial.rounds.iter().zip(&bound.rounds).filter(is_kept);
    rounds
        .filter_map(|(mine, theirs)| {
            let whole = metric.of(mine)?.ln() - metric.of(theirs)?.ln();
            let by_turns =
                if metric == ComparedMetric::P50 { by_turns(mine, theirs) } else { None };
            Some(sign * (whole + by_turns.unwrap_or(0.0)))
        })
        .collect()
}

/// The ratio of two contenders' median service times, for each round that neither dropped. If the
/// contenders took turns, the ratio is taken turn by turn.
pub fn ratios_by_round(one: &Measurement, other: &Measurement) -> Vec<f64> {
    costs(ComparedMetric::P50, one, Some(other)).into_iter().map(f64::exp).collect()
}

/// The logarithm of the median ratio of the turns, each turn relative to its round's median. A host
/// that changes its speed within a round shifts the medians of the two rounds apart, but not those
/// of adjacent turns. It is `None` if the rounds have different turns.
fn by_turns(mine: &Round, theirs: &Round) -> Option<f64> {
    let pairs = mine.turns.iter().zip(&theirs.turns);
    let ratios = pairs.filter(|(one, other)| **one > 0.0 && **other > 0.0);
    let logs: Vec<f64> =
        ratios.map(|(one, other)| (f64::from(*one) / f64::from(*other)).ln()).collect();
    let is_whole = mine.turns.len() == theirs.turns.len() && !logs.is_empty();
    is_whole.then(|| median(&logs))
}
