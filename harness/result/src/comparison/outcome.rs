//! The outcome of a trial on both sides: accepted tokens of stolen keys, accepted revoked tokens,
//! good tokens refused or late, and fetches. A count is worse if it is above the range that 16
//! seeds give the base in virtual time. Pure.

mod sentence;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::Serialize;

use crate::record::outcome::{OutcomeCounts, OutcomeKey, OutcomeKind, OutcomeRange, SeedSpread};
use crate::{Measurement, RunResult};

use super::pairing::{Pair, has_one_plan};

/// The time by which real time may be behind virtual time without any disturbance, in nanoseconds:
/// a fetch passes through sockets and threads. In six runs of every dynamic scenario on a busy
/// machine, counts differed by at most the arrivals of 12 ms.
const LAG_NS: f64 = 20e6;

/// The verdict on an outcome, or on one figure of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub enum OutcomeVerdict {
    /// Above the range of the base's seeds.
    Worse,
    /// Below that range.
    Better,
    /// Within that range.
    Unchanged,
    /// Shown, and not compared with a range.
    NotGated,
}

impl fmt::Display for OutcomeVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            OutcomeVerdict::Worse => "WORSE",
            OutcomeVerdict::Better => "BETTER",
            OutcomeVerdict::Unchanged => "UNCHANGED",
            OutcomeVerdict::NotGated => "NOT-GATED",
        })
    }
}

/// The outcome of one trial, compared.
#[derive(Clone, Debug, Serialize)]
pub struct TrialOutcome {
    /// `family/name` of the scenario.
    pub scenario: String,
    /// The algorithm.
    pub algorithm: String,
    /// The base's contender.
    pub base_contender: String,
    /// The candidate's contender.
    pub contender: String,
    /// The base's cache policy.
    pub base_cache_policy: String,
    /// The candidate's cache policy.
    pub cache_policy: String,
    /// The worst verdict of its figures.
    pub verdict: OutcomeVerdict,
    /// What changed, worse before better.
    pub sentences: Vec<OutcomeSentence>,
    /// Null, or what of it is not gated, and why.
    pub not_gated: Option<Ungated>,
    /// Its counts in one round.
    pub figures: Vec<OutcomeFigure>,
}

/// A sentence on something that changed for users or attackers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutcomeSentence {
    /// The direction of the change.
    pub verdict: OutcomeVerdict,
    /// The sentence, without a full stop.
    pub text: String,
}

/// Why an outcome is not gated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ungated {
    /// The reason, and what to do.
    pub reason: String,
    /// Whether it could have been gated if the results were made again or not interrupted.
    pub is_gap: bool,
}

/// One count on both sides.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OutcomeFigure {
    /// The kind and part that are counted.
    #[serde(flatten)]
    pub key: OutcomeKey,
    /// The base's count per round.
    pub base: f64,
    /// The candidate's count per round.
    pub candidate: f64,
    /// The range of the base's seeds; null if no seeds were drawn.
    pub seeds: Option<SeedSpread>,
    /// The highest count that is not worse; null if the count is not gated.
    pub limit: Option<f64>,
    /// The verdict on the count.
    pub verdict: OutcomeVerdict,
}

/// The range and the tolerance for both sides' counts.
struct Measure<'r> {
    range: &'r OutcomeRange,
    /// The number of arrivals within the time by which real time may be behind.
    lag: f64,
    /// Whether the host disturbed a side.
    is_disturbed: bool,
}

impl TrialOutcome {
    /// Compares a trial. It is `None` if nothing is counted on either side and time does not matter
    /// to the scenario, or if a side failed.
    pub(super) fn of(
        base: &RunResult,
        candidate: &RunResult,
        pair: &Pair<'_>,
    ) -> Option<TrialOutcome> {
        let (one, other) = *pair;
        if one.error.is_some() || other.error.is_some() {
            return None;
        }
        let counts = [one, other].map(OutcomeCounts::of);
        let is_dynamic =
            |record: &crate::ScenarioRecord| record.name == other.scenario && record.dynamic;
        let happens = |counts: &OutcomeCounts| counts.keys().any(|key| counts.count(key) > 0);
        if !candidate.scenarios.iter().any(is_dynamic) && !counts.iter().any(happens) {
            return None;
        }
        let measure = Measure::of(base, candidate, pair);
        let mut figures = figures(pair, &counts, measure.as_ref().ok());
        excuse_causes(&mut figures);
        let verdicts = || figures.iter().map(|figure| figure.verdict);
        let verdict = match verdicts().min() {
            Some(verdict) if measure.is_ok() => verdict,
            _ => OutcomeVerdict::NotGated,
        };
        Some(TrialOutcome {
            scenario: other.scenario.clone(),
            algorithm: other.algorithm.clone(),
            base_contender: one.contender.clone(),
            contender: other.contender.clone(),
            base_cache_policy: one.cache_policy.clone(),
            cache_policy: other.cache_policy.clone(),
            verdict,
            sentences: sentence::all(pair, &figures),
            not_gated: match measure {
                Ok(measure) => measure.is_disturbed.then(Ungated::disturbed),
                Err(reason) => Some(reason),
            },
            figures,
        })
    }
}

impl Ungated {
    fn disturbed() -> Ungated {
        let reason = "late answers and fetches are not held against anything: the host disturbed \
                      a side, see its noise; make it again on a quiet machine";
        Ungated { reason: reason.into(), is_gap: true }
    }
}

impl<'r> Measure<'r> {
    fn of(
        base: &'r RunResult,
        candidate: &RunResult,
        pair: &Pair<'_>,
    ) -> Result<Measure<'r>, Ungated> {
        let (one, other) = *pair;
        let gap = |reason: String| Ungated { reason, is_gap: true };
        let is_dynamic = base.scenarios.iter().any(|s| s.name == one.scenario && s.dynamic);
        let Some(range) = base.outcome_ranges.iter().find(|range| range.is_of(one)) else {
            return Err(match is_dynamic {
                true => gap("the base keeps no range; make it again".into()),
                false => Ungated {
                    reason: "nothing is scripted in this scenario, so that no seeds are drawn"
                        .into(),
                    is_gap: false,
                },
            });
        };
        if range.cut_short {
            let reason = "the base was interrupted before its seeds were drawn; make it again";
            return Err(gap(reason.into()));
        }
        if let Some(reason) = &range.withheld {
            return Err(Ungated { reason: reason.clone(), is_gap: false });
        }
        if !has_one_plan(pair) && !differs_by_seed(base, candidate, &one.scenario) {
            return Err(gap("the plans are not alike".into()));
        }
        let own = candidate.outcome_ranges.iter().find(|range| range.is_of(other));
        let arrivals = match has_one_plan(pair) {
            true => Some(range.arrivals),
            false => own.map(|range| range.arrivals),
        };
        for (side, measurement, arrivals) in
            [("base", one, Some(range.arrivals)), ("candidate", other, arrivals)]
        {
            let rounds = measurement.rounds.len() as u64;
            if rounds == 0 || arrivals != Some(measurement.arrivals.planned / rounds.max(1)) {
                return Err(gap(format!(
                    "the {side} was cut short, or keeps no count of its arrivals; make it again"
                )));
            }
        }
        let is_disturbed = one.noisy.is_some() || other.noisy.is_some();
        let lag = lag(range, pair, is_disturbed);
        Ok(Measure { range, lag, is_disturbed })
    }

    /// Judges a count on both sides: the highest count that is not worse, and the verdict.
    fn judge(&self, key: &OutcomeKey, base: f64, candidate: f64) -> (Option<f64>, OutcomeVerdict) {
        let is_timed = matches!(key.kind, OutcomeKind::Late | OutcomeKind::Fetches);
        let is_part = key.kind == OutcomeKind::LockoutsByCode;
        // A host that takes the processor away makes answers late and fetch attempts fail.
        if is_part || (is_timed && self.is_disturbed) {
            return (None, OutcomeVerdict::NotGated);
        }
        let slack = match key.kind {
            OutcomeKind::Fetches => 0.0,
            _ if self.is_disturbed => self.lag,
            // If the base has none, none is allowed.
            _ => self.lag.min(base),
        };
        let spread = self.range.spread(key);
        let limit = (spread.highest as f64).max(base + slack);
        let floor = (spread.lowest as f64).min(base - slack);
        let verdict = match candidate {
            count if count > limit => OutcomeVerdict::Worse,
            count if count < floor => OutcomeVerdict::Better,
            _ => OutcomeVerdict::Unchanged,
        };
        (Some(limit), verdict)
    }
}

/// Whether both sides ran the same scenario under the same load with different seeds.
fn differs_by_seed(base: &RunResult, candidate: &RunResult, scenario: &str) -> bool {
    let of = |result: &'_ RunResult| {
        let record = result.scenarios.iter().find(|record| record.name == scenario)?;
        Some((record.text.clone(), record.load.clone()?))
    };
    base.seed != candidate.seed && of(base).is_some() && of(base) == of(candidate)
}

/// The number of arrivals while real time is behind. That time is [`LAG_NS`], plus the longest
/// hiccup if the host disturbed a side.
fn lag(range: &OutcomeRange, (one, other): &Pair<'_>, is_disturbed: bool) -> f64 {
    let hiccup = |side: &Measurement| {
        let hiccups = side.noise.as_ref().and_then(|noise| noise.hiccups.as_ref());
        hiccups.map_or(0, |hiccups| hiccups.max_ns)
    };
    let longest = if is_disturbed { hiccup(one).max(hiccup(other)) } else { 0 };
    let end_ns = one.phases.last().map_or(0, |phase| phase.end_ns).max(1);
    (range.arrivals as f64 * (LAG_NS + longest as f64) / end_ns as f64).ceil()
}

/// The figures of every count that either side has, by kind.
fn figures(
    (one, other): &Pair<'_>,
    [base, candidate]: &[OutcomeCounts; 2],
    measure: Option<&Measure<'_>>,
) -> Vec<OutcomeFigure> {
    let mut keys: Vec<&OutcomeKey> = base.keys().chain(candidate.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    // An older result has counts and no classes.
    let total = OutcomeKey::whole(OutcomeKind::ExposedAccepts);
    let tells_classes = |counts: &OutcomeCounts| {
        let mut kinds = counts.keys().map(|key| key.kind);
        counts.count(&total) == 0 || kinds.any(|kind| kind == OutcomeKind::ExposedByClass)
    };
    let has_classes = tells_classes(base) && tells_classes(candidate);
    let is_told = |key: &&OutcomeKey| has_classes || key.kind != OutcomeKind::ExposedByClass;
    let a_round = |counts: &OutcomeCounts, key: &OutcomeKey, side: &Measurement| {
        counts.count(key) as f64 / side.rounds.len().max(1) as f64
    };
    let figure = |key: &OutcomeKey| {
        let (base, candidate) = (a_round(base, key, one), a_round(candidate, key, other));
        let judged = measure.map(|measure| measure.judge(key, base, candidate));
        let (limit, verdict) = judged.unwrap_or((None, OutcomeVerdict::NotGated));
        let seeds = measure.map(|measure| measure.range.spread(key));
        OutcomeFigure { key: key.clone(), base, candidate, seeds, limit, verdict }
    };
    keys.into_iter().filter(is_told).map(figure).collect()
}

/// Ungates the causes if there are fewer exposed accepts in all: another cause does not make that
/// worse.
fn excuse_causes(figures: &mut [OutcomeFigure]) {
    let is_better = |figure: &OutcomeFigure| {
        figure.key.kind == OutcomeKind::ExposedAccepts && figure.verdict == OutcomeVerdict::Better
    };
    if figures.iter().any(is_better) {
        for figure in figures.iter_mut().filter(|f| f.key.kind == OutcomeKind::ExposedByCause) {
            (figure.limit, figure.verdict) = (None, OutcomeVerdict::NotGated);
        }
    }
}
