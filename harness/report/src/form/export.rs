//! Exports for programs that read no remarks: the trials whose figures stand alone, and the number
//! of the others with the reason. Knows no form.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use jwtbench_result::latency::histogram_log::Series;
use jwtbench_result::trend::tracked::{NamedTrial, TrackedFigure, TrackedMetric};
use jwtbench_result::{LatencyKind, Measurement, RunResult, Unsound};

use crate::quantity::counted;

/// A result in the form of another program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The text in that form.
    pub text: String,
    /// The number of trials in the text.
    pub trials: usize,
    /// What was left out and why, one sentence each.
    pub left_out: Vec<String>,
}

/// The trials of a result that may be exported.
pub(crate) struct Exported<'r> {
    /// The trials whose figures stand alone, in the order of the result.
    pub(crate) trials: Vec<NamedTrial<'r>>,
    /// The number of the other trials, by reason.
    pub(crate) left_out: BTreeMap<Unsound, usize>,
    /// The result in which bounds are looked up.
    whole: &'r RunResult,
    /// The number of all trials.
    of: usize,
}

impl<'r> Exported<'r> {
    /// The trials of `shown`, which may be a part of the `whole` result.
    pub(crate) fn of(shown: &'r RunResult, whole: &'r RunResult) -> Exported<'r> {
        let mut left_out = BTreeMap::new();
        let mut trials = NamedTrial::all(shown);
        let of = trials.len();
        trials.retain(|named| match Unsound::of(shown, named.trial) {
            Some(unsound) => {
                *left_out.entry(unsound).or_insert(0) += 1;
                false
            }
            None => true,
        });
        Exported { trials, left_out, whole, of }
    }

    /// The figures of a trial that stand alone, in the order of [`TrackedMetric::ALL`].
    pub(crate) fn figures(&self, trial: &Measurement) -> Vec<(TrackedMetric, TrackedFigure)> {
        let figure = |metric: TrackedMetric| {
            let figure = metric.figure(self.whole, trial)?;
            metric.unsound(self.whole, trial).is_none().then_some((metric, figure))
        };
        TrackedMetric::ALL.into_iter().filter_map(figure).collect()
    }

    /// Makes the export from its text and adds the sentences on what was left out.
    pub(crate) fn form(&self, text: String) -> Export {
        let mut left_out: Vec<String> = self
            .left_out
            .iter()
            .map(|(unsound, count)| {
                format!(
                    "left out {count} of {}, {}",
                    counted(self.of as u64, "trial"),
                    unsound.reason()
                )
            })
            .collect();
        let ratio = TrackedMetric::P50OverBound;
        let lacks = |named: &&NamedTrial<'_>| ratio.unsound(self.whole, named.trial).is_some();
        match self.trials.iter().filter(lacks).count() {
            0 => {}
            count => left_out.push(format!(
                "left out {} of {}: the figures of the bound do not stand alone",
                ratio.name(),
                counted(count as u64, "trial")
            )),
        }
        Export { text, trials: self.trials.len(), left_out }
    }
}

/// The histogram of one latency for one phase, stream, class and code, in nanoseconds.
pub(crate) struct WholeLatency<'r> {
    pub(crate) phase: &'r str,
    pub(crate) stream: &'r str,
    pub(crate) class: &'r str,
    pub(crate) code: &'r str,
    pub(crate) histogram: Histogram<u64>,
}

/// The whole histograms that were kept of a trial. Older results have several rows of one phase,
/// stream, class and code. These rows are merged here, because no form allows a series twice.
pub(crate) fn whole_latencies(trial: &Measurement, kind: LatencyKind) -> Vec<WholeLatency<'_>> {
    let mut all: Vec<WholeLatency<'_>> = Vec::new();
    for series in Series::of(trial).filter(|series| series.kind == kind) {
        let Some(whole) = &series.row.whole else { continue };
        let (phase, row) = (series.phase.name.as_str(), series.row);
        let mut histogram = whole.histogram(kind);
        histogram.auto(true);
        let is_it = |known: &&mut WholeLatency<'_>| {
            (known.phase, known.stream) == (phase, row.stream.as_str())
                && (known.class, known.code) == (row.class.as_str(), row.code.as_str())
        };
        match all.iter_mut().find(is_it) {
            Some(known) => {
                known.histogram.add(&histogram).expect("it grows as far as a u64 goes");
            }
            None => all.push(WholeLatency {
                phase,
                stream: &row.stream,
                class: &row.class,
                code: &row.code,
                histogram,
            }),
        }
    }
    all
}
