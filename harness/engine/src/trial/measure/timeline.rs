//! The timeline of a trial: verdicts, fetches and the age of the key set, bin by bin.

use std::time::Duration;

use jwtbench_result::{Mark, MarkKind, Timeline, TimelineBin};

use crate::judge::judgement::spell;
use crate::judge::ledger::Bin;
use crate::jwks::key_source::FetchStep;

use super::Gathering;

impl Gathering<'_> {
    /// The timeline of all rounds together.
    pub(super) fn timeline(&self) -> Timeline {
        let scenario = &self.plan.scenario;
        let bin_ns = self.ledger.bin_ns;
        let count = scenario.load.duration.as_nanos().div_ceil(bin_ns as u128) as usize;
        let mut bins: Vec<TimelineBin> = self.ledger.bins.iter().map(timeline_bin).collect();
        bins.resize_with(count.max(bins.len()), TimelineBin::default);
        for note in &self.fetches {
            let index = (note.at.0 / bin_ns).max(0) as usize;
            if let Some(bin) = bins.get_mut(index) {
                bin.attempts += u64::from(note.step == FetchStep::Started);
                bin.failures += u64::from(matches!(note.step, FetchStep::Failed(_)));
            }
        }
        for (end, bin) in (1..).zip(&mut bins) {
            let ages = self.set_ages.iter().filter_map(|age| age.at(end * bin_ns));
            bin.set_age_ns = ages.max();
        }
        let nanos = |span: Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        let phases = scenario.phases.iter().map(|phase| Mark {
            at_ns: nanos(phase.at),
            kind: MarkKind::Phase,
            label: phase.name.clone(),
        });
        let events = scenario.events.iter().map(|event| Mark {
            at_ns: nanos(event.at),
            kind: MarkKind::Event,
            label: event.action.label(),
        });
        let mut marks: Vec<Mark> = phases.chain(events).collect();
        marks.sort_by_key(|mark| mark.at_ns);
        Timeline { bin_ns: bin_ns as u64, bins, marks }
    }
}

fn timeline_bin(bin: &Bin) -> TimelineBin {
    let mut good = bin.good.clone();
    good.sort_unstable();
    let at = |index: usize| good.get(index).copied().unwrap_or(0);
    TimelineBin {
        verdicts: bin.verdicts.iter().map(|(code, n)| (spell(*code).to_owned(), *n)).collect(),
        good_p50_ns: at(good.len() / 2),
        good_max_ns: at(good.len().saturating_sub(1)),
        lockouts: bin.lockouts,
        exposed_accepts: bin.exposed,
        attempts: 0,
        failures: 0,
        set_age_ns: None,
    }
}
