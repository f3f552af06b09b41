//! What the metrics of a duel say together, as a sentence about A and B. Pure.

use crate::statistics::Decision;

use super::{DuelMetric, MetricVerdict};

/// Sums up the metrics. A regression of any metric that decides comes first, then an improvement,
/// then an inconclusive metric. A metric that is not gated decides if A costs `limit` times as
/// much; otherwise it is only mentioned.
pub(super) fn sum_up(metrics: &[MetricVerdict], limit: Option<f64>) -> (Decision, String) {
    let is_beyond = |metric: &MetricVerdict| {
        let is_worse = metric.decision == Decision::Regressed;
        is_worse && limit.is_some_and(|limit| metric.cost.estimate >= limit)
    };
    let (deciding, others): (Vec<&MetricVerdict>, Vec<&MetricVerdict>) =
        metrics.iter().partition(|metric| metric.gated || is_beyond(metric));
    let that_are = |decision: Decision| -> Vec<&MetricVerdict> {
        deciding.iter().copied().filter(|metric| metric.decision == decision).collect()
    };
    let [worse, better, undecided] =
        [Decision::Regressed, Decision::Improved, Decision::Inconclusive].map(that_are);
    if !worse.is_empty() {
        let though = match better.as_slice() {
            [] => String::new(),
            better => format!(", though {}", joined(better, difference)),
        };
        let sentence = format!("A takes {} than B{though}", joined(&worse, difference));
        return (Decision::Regressed, sentence);
    }
    let found = others
        .into_iter()
        .filter(|metric| matches!(metric.decision, Decision::Regressed | Decision::Improved));
    let found: Vec<&MetricVerdict> = found.collect();
    let aside = match found.as_slice() {
        [] => String::new(),
        found => format!("; not decided by: {}", joined(found, difference)),
    };
    if !better.is_empty() {
        let sentence = format!("A takes {} than B{aside}", joined(&better, difference));
        return (Decision::Improved, sentence);
    }
    if !undecided.is_empty() {
        let names = joined(&undecided, |metric| metric.metric.name().to_owned());
        return (Decision::Inconclusive, format!("cannot tell A from B by {names}{aside}"));
    }
    let same = joined(&deciding, |metric| {
        format!("the same {} within {}", noun(metric.metric), percent(metric.threshold))
    });
    (Decision::Equivalent, format!("A and B take {same}{aside}"))
}

/// The noun for what A takes more or less of.
fn noun(metric: DuelMetric) -> &'static str {
    match metric {
        DuelMetric::P50 => "time",
        DuelMetric::P99 => "time at p99",
        DuelMetric::Throughput => "time by throughput",
        DuelMetric::Cpu => "CPU time",
    }
}

/// The difference in words: `31 % more CPU time`.
fn difference(metric: &MetricVerdict) -> String {
    let change = metric.cost.estimate - 1.0;
    let direction = if change > 0.0 { "more" } else { "less" };
    format!("{} {direction} {}", percent(change.abs()), noun(metric.metric))
}

/// The metrics in one phrase: `x`, `x and y`, `x, y and z`.
fn joined(metrics: &[&MetricVerdict], part: impl Fn(&MetricVerdict) -> String) -> String {
    let mut parts: Vec<String> = metrics.iter().map(|metric| part(metric)).collect();
    let last = parts.pop().unwrap_or_default();
    if parts.is_empty() { last } else { format!("{} and {last}", parts.join(", ")) }
}

/// A fraction as a percentage: `3 %`, `4.2 %`, `31 %`.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let digits = usize::from(percent < 9.95 && (percent - percent.round()).abs() >= 0.05);
    format!("{percent:.digits$} %")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::{Estimate, SignFlip};

    fn metric(metric: DuelMetric, gated: bool, cost: f64, decision: Decision) -> MetricVerdict {
        let ratio = Estimate { estimate: cost, low: cost - 0.01, high: cost + 0.01 };
        MetricVerdict {
            metric,
            gated,
            candidate: 0.0,
            base: 0.0,
            cost: ratio,
            cost_90: ratio,
            test: SignFlip { p: 0.01, exact: true },
            p_holm: None,
            threshold: metric.threshold(),
            floor: 0.0,
            same: ratio,
            minimum_effect: 0.0,
            blocks_needed: 0,
            decision,
        }
    }

    #[test]
    fn metrics_become_a_sentence() {
        use Decision::{Equivalent as E, Improved as I, Inconclusive as U, Regressed as R};
        use DuelMetric::{Cpu, P50, P99, Throughput};
        type Row<'a> = (&'a [(DuelMetric, bool, f64, Decision)], Decision, &'a str);
        let rows: [Row<'_>; 12] = [
            (&[(P50, true, 1.31, R)], R, "A takes 31 % more time than B"),
            (&[(P50, true, 0.75, I)], I, "A takes 25 % less time than B"),
            (
                &[(P50, true, 1.042, R), (Cpu, true, 1.03, R)],
                R,
                "A takes 4.2 % more time and 3 % more CPU time than B",
            ),
            (
                &[(P50, true, 1.05, R), (Cpu, true, 0.9, I)],
                R,
                "A takes 5 % more time than B, though 10 % less CPU time",
            ),
            (
                &[(P50, true, 1.0, E), (Cpu, true, 1.0, E)],
                E,
                "A and B take the same time within 3 % and the same CPU time within 3 %",
            ),
            (
                &[(P50, true, 1.0, E), (P99, false, 1.0, U)],
                E,
                "A and B take the same time within 3 %",
            ),
            (
                &[(P50, true, 1.0, E), (P99, false, 1.4, R)],
                E,
                "A and B take the same time within 3 %; not decided by: 40 % more time at p99",
            ),
            (
                &[(P50, true, 1.0, E), (P99, false, 2.5, R)],
                R,
                "A takes 150 % more time at p99 than B",
            ),
            (
                &[(P50, true, 1.0, E), (P99, false, 2.5, U)],
                E,
                "A and B take the same time within 3 %",
            ),
            (&[(P50, true, 1.0, U), (Cpu, true, 1.0, E)], U, "cannot tell A from B by p50"),
            (&[(P50, true, 0.9, I), (Cpu, true, 1.0, U)], I, "A takes 10 % less time than B"),
            (&[(Throughput, true, 1.25, R)], R, "A takes 25 % more time by throughput than B"),
        ];
        for (given, decision, sentence) in rows {
            let metrics: Vec<MetricVerdict> = given
                .iter()
                .map(|(of, gated, cost, decision)| metric(*of, *gated, *cost, *decision))
                .collect();
            assert_eq!(sum_up(&metrics, Some(2.0)), (decision, sentence.to_owned()));
        }
        let doubled = metric(DuelMetric::P99, false, 2.5, Decision::Regressed);
        let tie = metric(DuelMetric::P50, true, 1.0, Decision::Equivalent);
        let (decision, _) = sum_up(&[tie, doubled], None);
        assert_eq!(decision, Decision::Equivalent, "--gate names what decides alone");
    }
}
