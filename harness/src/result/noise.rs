//! The noise record: what the host did during a round, and the rule, fixed beforehand, by which a
//! disturbed round is dropped. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A round with a higher share of stolen CPU time than this is disturbed.
pub const MAX_STEAL: f64 = 0.05;
/// A round whose control kernel took longer than calibrated by more than this share is disturbed.
pub const MAX_DRIFT: f64 = 0.25;
/// At most this share of a trial's rounds is dropped.
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Of raw overshoots in nanoseconds; `None` of none.
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
    /// Why the round counts as disturbed; `None` if it does not.
    pub fn disturbance(&self) -> Option<String> {
        let percent = |share: f64| share * 100.0;
        if let Some(steal) = self.steal.filter(|steal| *steal > MAX_STEAL) {
            let (steal, limit) = (percent(steal), percent(MAX_STEAL));
            return Some(format!("steal {steal:.1} % is over {limit:.0} %"));
        }
        let drift = self.kernel_drift.filter(|drift| *drift > MAX_DRIFT)?;
        let (drift, limit) = (percent(drift), percent(MAX_DRIFT));
        Some(format!("the control kernel took {drift:.0} % longer, over {limit:.0} %"))
    }
}

/// The noise of a trial, round by round as they come in.
#[derive(Clone, Debug, Default)]
pub struct NoiseLog {
    rounds: Vec<Noise>,
    hiccups: Vec<u64>,
    may_drop: usize,
    dropped: usize,
    disturbed: usize,
}

impl NoiseLog {
    /// Of a trial with this many rounds.
    pub fn new(rounds: u32) -> NoiseLog {
        let may_drop = (f64::from(rounds) * MAX_DROPPED) as usize;
        NoiseLog { may_drop, ..NoiseLog::default() }
    }

    /// Enters a round with its raw hiccups, in nanoseconds. Says why it is dropped, if it is:
    /// disturbed, and the cap is not reached.
    pub fn enter(&mut self, noise: &Noise, hiccups: &[u64]) -> Option<String> {
        self.rounds.push(noise.clone());
        self.hiccups.extend_from_slice(hiccups);
        let reason = noise.disturbance()?;
        self.disturbed += 1;
        if self.dropped == self.may_drop {
            return None;
        }
        self.dropped += 1;
        Some(reason)
    }

    /// Why the whole trial counts as disturbed: more rounds are than may be dropped.
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

    /// All rounds together: shares as means, counts as sums.
    pub fn total(&self) -> Option<Noise> {
        let mut kernels: Vec<u64> = self.rounds.iter().map(|noise| noise.kernel_ns).collect();
        kernels.sort_unstable();
        let kernel_ns = *kernels.get(kernels.len() / 2)?;
        let values = |of: fn(&Noise) -> Option<f64>| self.rounds.iter().filter_map(of);
        let mean = |of: fn(&Noise) -> Option<f64>| {
            let count = values(of).count();
            (count > 0).then(|| values(of).sum::<f64>() / count as f64)
        };
        let sum = |of: fn(&Noise) -> Option<u64>| {
            let told = self.rounds.iter().filter_map(of);
            told.fold(None, |sum: Option<u64>, one| Some(sum.unwrap_or(0) + one))
        };
        Some(Noise {
            steal: mean(|noise| noise.steal),
            others: mean(|noise| noise.others),
            cpu_pressure: mean(|noise| noise.cpu_pressure),
            involuntary_switches: sum(|noise| noise.involuntary_switches),
            run_queue_ns: sum(|noise| noise.run_queue_ns),
            kernel_ns,
            kernel_drift: values(|noise| noise.kernel_drift).max_by(f64::total_cmp),
            hiccups: Hiccups::of(&self.hiccups),
            watch_cpu: mean(|noise| noise.watch_cpu),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    /// Of 10 rounds two may go; with a third the trial is disturbed, and what is left stays.
    #[test]
    fn drops_are_capped_and_counted() {
        let mut log = NoiseLog::new(10);
        let rows = [(0.0, false), (0.5, true), (0.5, true), (0.01, false)];
        for (steal, dropped) in rows {
            assert_eq!(log.enter(&noise(steal, 0.0), &[]).is_some(), dropped, "{steal}");
        }
        assert_eq!(log.verdict(), None, "within the cap");
        assert_eq!(log.enter(&noise(0.5, 0.0), &[]), None, "over the cap nothing is dropped");
        assert!(log.verdict().is_some_and(|text| text.starts_with("3 of 5 rounds")));
        let mut few = NoiseLog::new(4);
        assert_eq!(few.enter(&noise(0.5, 0.0), &[]), None, "a fifth of four rounds is none");
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
            log.enter(&noise, &[kernel_ns, 7 * kernel_ns]);
        }
        let total = log.total().expect("two rounds");
        assert_eq!(total.involuntary_switches, Some(7));
        assert_eq!(total.cpu_pressure, None, "what no round was told stays unknown");
        let hiccups = Hiccups { count: 4, p50_ns: 300, p99_ns: 700, max_ns: 2100 };
        assert_eq!(total.hiccups, Some(hiccups));
    }
}
