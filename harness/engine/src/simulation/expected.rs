//! The expectations of a scenario, checked against the figures of a cache policy in its simulation.

use std::collections::BTreeMap;

use jwtbench_result::simulation::{MetricRange, SimulationExpectation};
use jwtbench_scenario::model::expectation::{End, Expectation, ExpectedMetric as Bounded};

/// Judges the expectations that bind a policy by its simulation, and gives the keys of those that a
/// simulation cannot judge.
pub fn judge(
    expectations: &[&Expectation],
    figures: &BTreeMap<String, MetricRange>,
) -> (Vec<SimulationExpectation>, Vec<String>) {
    let (judged, other): (Vec<&Expectation>, Vec<&Expectation>) =
        expectations.iter().partition(|one| one.subject.metric.is_simulated());
    let judged = judged.into_iter().map(|one| held(one, figures)).collect();
    (judged, other.into_iter().map(|one| one.key.clone()).collect())
}

fn held(
    expectation: &Expectation,
    figures: &BTreeMap<String, MetricRange>,
) -> SimulationExpectation {
    let Expectation { key, bound, subject, limit, .. } = expectation;
    // A value that the horizon cut off is greater than any figure.
    let figure = |phase: Option<&str>| {
        let metric = figures.get(&subject.simulated_in(phase)?)?;
        end(&subject.metric, metric).map(|value| value.unwrap_or(f64::INFINITY))
    };
    let value = figure(subject.phase.as_deref());
    let bound_value = match limit.of_phase.as_deref() {
        None => Some(limit.number),
        // A figure that was cut off has no multiple to compare with.
        Some(phase) => figure(Some(phase)).filter(|base| base.is_finite()),
    };
    let factor = if limit.of_phase.is_some() { limit.number } else { 1.0 };
    let pair = value.zip(bound_value.map(|base| base * factor));
    let met = pair.is_some_and(|(value, bound)| limit.comparison.holds(value, bound));
    let (key, bound) = (key.clone(), bound.clone());
    let is_beyond = value.is_some_and(f64::is_infinite);
    let value = value.filter(|value| value.is_finite());
    SimulationExpectation { key, bound, value, is_beyond, met }
}

/// The median or worst value that the bound applies to; `Some(None)` if the horizon cut it off.
fn end(bounded: &Bounded, metric: &MetricRange) -> Option<Option<f64>> {
    let Bounded::Simulated { metric: bounded, end, .. } = bounded else {
        return None;
    };
    Some(match end {
        End::Median => metric.p50,
        End::Mean => metric.mean,
        End::Worst if bounded.least_is_worst => metric.min,
        End::Worst => metric.max,
    })
}

#[cfg(test)]
mod tests {
    use jwtbench_scenario::model::expectation::{Binding, KnownNames};

    use super::*;

    const NAMES: KnownNames<'static> =
        KnownNames { phases: &["start", "down"], streams: &["users"] };

    fn figures() -> BTreeMap<String, MetricRange> {
        let metric = |min, p50, max| MetricRange { min, p50, max, n: 3, ..MetricRange::default() };
        let rows = [
            ("all.all.exposure", metric(Some(1.0), Some(60.0), None)),
            ("all.all.grace", metric(Some(300.0), None, None)),
            ("start.all.attempts_per_hour", metric(Some(1.0), Some(2.0), Some(3.0))),
            ("down.all.attempts_per_hour", metric(Some(4.0), Some(6.0), Some(12.0))),
            ("down.users.lockout", metric(None, None, None)),
            ("start.users.lockout", metric(None, None, None)),
        ];
        rows.into_iter().map(|(name, metric)| (name.to_owned(), metric)).collect()
    }

    #[test]
    fn a_figure_that_does_not_exist_meets_nothing() {
        let rows = [
            ("all.all.exposure.median", "<= 1m", true, "the bound itself"),
            ("all.all.exposure.median", "< 1m", false, "not below it"),
            ("all.all.exposure.worst", "<= 24h", false, "cut off is beyond any bound"),
            ("all.all.exposure.worst", "> 24h", true, "and above any"),
            ("all.all.grace.worst", ">= 5m", true, "the least grace is the worst"),
            ("all.all.grace.worst", ">= 6m", false, "and here too little"),
            ("all.all.grace.median", ">= 24h", true, "not noticed at all"),
            ("all.all.recovery.worst", "<= 24h", false, "no outage"),
            ("all.all.recovery.worst", ">= 0s", false, "whatever the bound"),
            ("all.all.herd.worst", "<= 3", false, "not recorded"),
            ("down.all.attempts_per_hour.worst", "<= 4 x start", true, "of the same end"),
            ("down.all.attempts_per_hour.median", "< 3 x start", false, "of the same end"),
            ("down.all.wait.worst", "<= 4 x start", false, "neither exists"),
            ("down.users.lockout.worst", "<= 4 x start", false, "a part of for ever"),
        ];
        for (key, bound, met, reason) in rows {
            let one = Expectation::parse(Binding::Scenario, key, bound, &NAMES).unwrap();
            let (judged, unjudged) = judge(&[&one], &figures());
            assert_eq!((judged[0].met, unjudged.len()), (met, 0), "{key} {bound}: {reason}");
        }
        let key = "all.users.valid.lockouts";
        let one = Expectation::parse(Binding::Scenario, key, "== 0", &NAMES).unwrap();
        assert_eq!(judge(&[&one], &figures()), (vec![], vec![key.to_owned()]), "of `run`");
    }
}
