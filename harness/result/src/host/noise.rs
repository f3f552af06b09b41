//! The noise record: what the host did during a round. By a rule fixed beforehand, a disturbed
//! round is dropped, and a trial with too many of them is disturbed. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::disturbance::{HostShare, MAX_DISTURBED};
use crate::host::window::Window;

/// The largest share by which the control kernel may take longer than calibrated. Beyond it a round
/// is disturbed. An idle machine showed 18 % at most.
pub const MAX_DRIFT: f64 = 0.25;
/// The largest share of a trial's rounds that is dropped.
pub const MAX_DROPPED: f64 = 0.2;

/// What the host did during a round, or during all rounds of a trial.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Noise {
    /// Share of all CPU time that the hypervisor took, 0..=1; null where the kernel does not tell.
    pub steal: Option<f64>,
    /// Share of all CPU time that other processes used, 0..=1.
    pub others: Option<f64>,
    /// Share of the time in which some runnable task had no CPU, 0..=1 (`/proc/pressure/cpu`).
    pub cpu_pressure: Option<f64>,
    /// The same without the waits of our own threads.
    pub foreign_pressure: Option<f64>,
    /// Share of the workers' time in which they were runnable and had no CPU, beyond what other
    /// threads of ours used, 0..=1.
    pub worker_wait: Option<f64>,
    /// Share of the time in which this process stood still as a whole, 0..=1: stopped by a signal
    /// (`SIGSTOP`), or frozen with its container or machine. In turns: of the turns.
    pub paused: Option<f64>,
    /// Processors beyond one for each worker: 0 if the watching thread had none of its own; null
    /// in results older than this field.
    pub spare_processors: Option<u32>,
    /// Times that a worker was taken off its CPU.
    pub involuntary_switches: Option<u64>,
    /// Time that workers were runnable and had no CPU, in nanoseconds, summed over them.
    pub run_queue_ns: Option<u64>,
    /// Time of the control kernel just before the round, in nanoseconds (over rounds: the median).
    pub kernel_ns: u64,
    /// How much longer than calibrated the kernel took, as a share (over rounds: the largest).
    pub kernel_drift: Option<f64>,
    /// Overshoots of a thread that sleeps 1 ms every 10 ms.
    pub hiccups: Option<Hiccups>,
    /// CPU time of the watching thread, as a share of one core.
    pub watch_cpu: Option<f64>,
}

/// How late a thread was that slept 1 ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hiccups {
    /// Sleeps.
    pub count: u64,
    /// Median overshoot, in nanoseconds.
    pub p50_ns: u64,
    /// 99th percentile, in nanoseconds.
    pub p99_ns: u64,
    /// Highest, in nanoseconds.
    pub max_ns: u64,
}

impl Hiccups {
    /// The summary of raw overshoots in nanoseconds; `None` if there are none.
    pub fn of(overshoots: &[u64]) -> Option<Hiccups> {
        let mut sorted = overshoots.to_vec();
        sorted.sort_unstable();
        let max_ns = *sorted.last()?;
        let at = |permille: usize| sorted[(sorted.len() - 1) * permille / 1000];
        let count = sorted.len() as u64;
        Some(Hiccups { count, p50_ns: at(500), p99_ns: at(990), max_ns })
    }
}

impl Noise {
    /// The reason why the round counts as disturbed; `None` if it does not.
    pub fn disturbance(&self) -> Option<String> {
        self.share().disturbance().or_else(|| {
            let drift = self.kernel_drift.filter(|drift| *drift > MAX_DRIFT)?;
            let [drift, limit] = [drift, MAX_DRIFT].map(|share| share * 100.0);
            Some(format!("the control kernel took {drift:.0} % longer, over {limit:.0} %"))
        })
    }

    /// The noise of several rounds together, with the raw hiccups of all of them in nanoseconds.
    /// Shares are means and counts are sums. It is `None` if there are no rounds.
    pub fn over(rounds: &[Noise], hiccups: &[u64]) -> Option<Noise> {
        let mut kernels: Vec<u64> = rounds.iter().map(|noise| noise.kernel_ns).collect();
        kernels.sort_unstable();
        let kernel_ns = *kernels.get(kernels.len() / 2)?;
        let values = |of: fn(&Noise) -> Option<f64>| rounds.iter().filter_map(of);
        let mean = |of: fn(&Noise) -> Option<f64>| {
            let count = values(of).count();
            (count > 0).then(|| values(of).sum::<f64>() / count as f64)
        };
        let sum = |of: fn(&Noise) -> Option<u64>| {
            let told = rounds.iter().filter_map(of);
            told.fold(None, |sum: Option<u64>, one| Some(sum.unwrap_or(0) + one))
        };
        Some(Noise {
            steal: mean(|noise| noise.steal),
            others: mean(|noise| noise.others),
            cpu_pressure: mean(|noise| noise.cpu_pressure),
            foreign_pressure: mean(|noise| noise.foreign_pressure),
            worker_wait: mean(|noise| noise.worker_wait),
            paused: mean(|noise| noise.paused),
            spare_processors: rounds.iter().filter_map(|noise| noise.spare_processors).min(),
            involuntary_switches: sum(|noise| noise.involuntary_switches),
            run_queue_ns: sum(|noise| noise.run_queue_ns),
            kernel_ns,
            kernel_drift: values(|noise| noise.kernel_drift).max_by(f64::total_cmp),
            hiccups: Hiccups::of(hiccups),
            watch_cpu: mean(|noise| noise.watch_cpu),
        })
    }

    /// The part of the record that the rule for spans uses.
    fn share(&self) -> HostShare {
        HostShare {
            steal: self.steal,
            others: self.others,
            pressure: self.cpu_pressure,
            foreign_pressure: self.foreign_pressure,
            worker_wait: self.worker_wait,
            paused: self.paused,
            hiccups: self.hiccups.filter(|_| self.spare_processors.is_some_and(|spare| spare > 0)),
            cpus: 0,
        }
    }
}

/// The noise of a trial, collected round by round.
#[derive(Clone, Debug, Default)]
pub struct NoiseLog {
    rounds: Vec<Noise>,
    hiccups: Vec<u64>,
    may_drop: usize,
    dropped: usize,
    disturbed: usize,
}

/// The verdict of the rule on one round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoiseEntry {
    /// The reason why it counts as disturbed; `None` if it does not.
    pub disturbed: Option<String>,
    /// Whether its figures are left out.
    pub is_dropped: bool,
}

/// The reason why a round counts as disturbed by its windows; `None` if few enough of them are.
fn disturbed_windows(windows: &[Window]) -> Option<String> {
    let reasons = || windows.iter().filter_map(|window| window.disturbed.as_ref());
    let (count, all) = (reasons().count(), windows.len());
    let first = reasons().next().filter(|_| count as f64 > all as f64 * MAX_DISTURBED)?;
    Some(format!("{count} of {all} windows, the first of them by {first}"))
}

impl NoiseLog {
    /// The empty log of a trial with this many rounds.
    pub fn new(rounds: u32) -> NoiseLog {
        let may_drop = (f64::from(rounds) * MAX_DROPPED) as usize;
        NoiseLog { may_drop, ..NoiseLog::default() }
    }

    /// Enters a round with its raw hiccups in nanoseconds and its windows. The round is dropped if
    /// it is disturbed and the cap is not reached.
    pub fn enter(&mut self, noise: &Noise, hiccups: &[u64], windows: &[Window]) -> NoiseEntry {
        self.rounds.push(noise.clone());
        self.hiccups.extend_from_slice(hiccups);
        let disturbed = noise.disturbance().or_else(|| disturbed_windows(windows));
        if disturbed.is_none() {
            return NoiseEntry::default();
        }
        self.disturbed += 1;
        let is_dropped = self.dropped < self.may_drop;
        self.dropped += usize::from(is_dropped);
        NoiseEntry { disturbed, is_dropped }
    }

    /// The reason why the whole trial counts as disturbed: more rounds are disturbed than may be
    /// dropped. It is `None` otherwise.
    pub fn verdict(&self) -> Option<String> {
        (self.disturbed > self.may_drop).then(|| {
            format!(
                "{} of {} rounds were disturbed by the host; at most {} may be dropped",
                self.disturbed,
                self.rounds.len(),
                self.may_drop,
            )
        })
    }

    /// All rounds together.
    pub fn total(&self) -> Option<Noise> {
        Noise::over(&self.rounds, &self.hiccups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::window::ScheduleKeeping;

    fn noise(steal: f64, drift: f64) -> Noise {
        Noise { steal: Some(steal), kernel_drift: Some(drift), ..Noise::default() }
    }

    #[test]
    fn a_round_is_disturbed_beyond_the_limits_only() {
        let rows = [
            (noise(0.0, 0.0), None, "still"),
            (noise(0.05, 0.25), None, "at both limits"),
            (noise(0.0, -0.5), None, "faster than calibrated"),
            (Noise::default(), None, "the kernel tells nothing"),
            (noise(0.06, 0.0), Some("steal"), "stolen"),
            (noise(0.0, 0.3), Some("kernel"), "slowed down"),
            (noise(0.06, 0.3), Some("steal"), "both: the first is named"),
        ];
        for (noise, expected, why) in rows {
            let got = noise.disturbance();
            match expected {
                None => assert_eq!(got, None, "{why}"),
                Some(word) => assert!(got.unwrap_or_default().contains(word), "{why}"),
            }
        }
    }

    #[test]
    fn a_round_of_disturbed_windows_is_disturbed() {
        let window = |disturbed: bool| {
            let reason = disturbed.then(|| "steal 9.0 %, over 5 %".to_owned());
            let keeping =
                ScheduleKeeping::new(0, 1_000_000_000).window("start", 1, &HostShare::default());
            Window { disturbed: reason, ..keeping }
        };
        let rows = [
            (0, 0, false, "no windows"),
            (0, 5, false, "none disturbed"),
            (1, 5, false, "a fifth"),
            (2, 5, true, "more"),
            (1, 1, true, "the only one"),
            (1, 4, true, "a quarter"),
        ];
        for (disturbed, all, expected, why) in rows {
            let windows: Vec<Window> = (0..all).map(|place| window(place < disturbed)).collect();
            let entry = NoiseLog::new(4).enter(&noise(0.0, 0.0), &[], &windows);
            assert_eq!(entry.disturbed.is_some(), expected, "{why}: {entry:?}");
            let names = entry.disturbed.is_none_or(|why| why.contains("by steal 9.0 %"));
            assert!(names, "{why}");
        }
    }

    /// Hiccups count only if the watching thread had a processor to wake on.
    #[test]
    fn hiccups_that_our_own_workers_cause_do_not_disturb() {
        let late = Hiccups { count: 220, p50_ns: 900_000, p99_ns: 9_000_000, max_ns: 9_000_000 };
        let rows = [(None, false), (Some(0), false), (Some(1), true)];
        for (spare_processors, expected) in rows {
            let noise = Noise { hiccups: Some(late), spare_processors, ..noise(0.0, 0.0) };
            assert_eq!(noise.disturbance().is_some(), expected, "{spare_processors:?}");
        }
    }

    /// Of 10 rounds two may be dropped. With a third disturbed round the trial is disturbed, and no
    /// further round is dropped.
    #[test]
    fn drops_are_capped_and_counted() {
        let mut log = NoiseLog::new(10);
        let rows = [(0.0, false), (0.5, true), (0.5, true), (0.01, false)];
        for (steal, dropped) in rows {
            let entry = log.enter(&noise(steal, 0.0), &[], &[]);
            assert_eq!(entry.disturbed.is_some(), dropped, "{steal}");
            assert_eq!(entry.is_dropped, dropped, "{steal}");
        }
        assert_eq!(log.verdict(), None, "within the cap");
        let entry = log.enter(&noise(0.5, 0.0), &[], &[]);
        assert!(entry.disturbed.is_some(), "marked all the same");
        assert!(!entry.is_dropped, "over the cap nothing is dropped");
        assert!(log.verdict().is_some_and(|text| text.starts_with("3 of 5 rounds")));
        let mut few = NoiseLog::new(4);
        let entry = few.enter(&noise(0.5, 0.0), &[], &[]);
        assert!(!entry.is_dropped, "a fifth of four rounds is none");
        assert!(few.verdict().is_some());
        assert_eq!(NoiseLog::new(4).verdict(), None, "nothing entered");
    }

    #[test]
    fn a_trial_sums_counts_and_never_averages_percentiles() {
        let mut log = NoiseLog::new(2);
        assert_eq!(log.total(), None, "no round");
        for (kernel_ns, switches) in [(100, 3), (300, 4)] {
            let involuntary_switches = Some(switches);
            let noise = Noise { kernel_ns, involuntary_switches, ..noise(0.02, 0.1) };
            log.enter(&noise, &[kernel_ns, 7 * kernel_ns], &[]);
        }
        let total = log.total().expect("two rounds");
        assert_eq!(total.involuntary_switches, Some(7));
        assert_eq!(total.cpu_pressure, None, "what no round was told stays unknown");
        let hiccups = Hiccups { count: 4, p50_ns: 300, p99_ns: 700, max_ns: 2100 };
        assert_eq!(total.hiccups, Some(hiccups));
    }
}
