//! What the host did in a span of time, and the rule by which it disturbed a measurement. The rule
//! was fixed beforehand. Our own threads are no disturbance: what they cause is subtracted first.
//! Pure.

use crate::host::noise::Hiccups;

/// The largest share of stolen CPU time that does not disturb. The hypervisor takes it from any
/// running thread, so it lengthens work by about the same share, which is what a comparison gates
/// (5 %).
pub const MAX_STEAL: f64 = 0.05;
/// The largest share of all CPU time that other processes may use. An idle machine showed up to 4 %
/// in 466 rounds. One busy process on 2 processors is 50 %.
pub const MAX_OTHERS: f64 = 0.10;
/// The largest share of the time in which other tasks may wait for a processor. Beyond it there is
/// more work than processors. An idle machine showed 0.6 % at most, including our own waits.
pub const MAX_PRESSURE: f64 = 0.05;
/// The largest share of the workers' time in which they may wait for a processor. Beyond it one
/// arrival in a hundred meets such a wait, and the 99th percentile is no longer the contender's.
pub const MAX_WAIT: f64 = 0.01;
/// The largest share of the time in which this process may stand still, for the same reason.
pub const MAX_PAUSED: f64 = 0.01;
/// The largest median delay of a thread that wakes from sleep, in nanoseconds: three times the most
/// that an idle machine showed (86 us).
pub const MAX_HICCUP_P50_NS: u64 = 250_000;
/// The largest such delay at the 99th percentile, in nanoseconds: longer than any operation takes.
/// An idle machine showed 66 us.
pub const MAX_HICCUP_P99_NS: u64 = 1_000_000;
/// The least number of sleeps that has a 99th percentile.
const FEWEST_HICCUPS: u64 = 100;
/// The largest share of a round's windows that may be disturbed. Beyond it the round is disturbed
/// too.
pub const MAX_DISTURBED: f64 = 0.2;

/// What the host did in a span, as shares of all CPU time or of all time, 0..=1. A share is `None`
/// if the kernel does not report it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HostShare {
    /// CPU time taken by the hypervisor.
    pub steal: Option<f64>,
    /// CPU time used by other processes.
    pub others: Option<f64>,
    /// Time in which some runnable task of any process had no CPU.
    pub pressure: Option<f64>,
    /// The same without the waits of our own threads.
    pub foreign_pressure: Option<f64>,
    /// Time of the workers in which they were runnable and had no CPU, beyond what other threads of
    /// ours used.
    pub worker_wait: Option<f64>,
    /// Time in which this process stood still as a whole: stopped by a signal, or frozen.
    pub paused: Option<f64>,
    /// How late a sleeping thread woke; `None` if our workers left it no processor to wake on.
    pub hiccups: Option<Hiccups>,
    /// The number of CPUs that the shares refer to.
    pub cpus: u32,
}

impl HostShare {
    /// The CPU time in nanoseconds that the host kept from us in `span_ns`. The time of other
    /// processes counts only if they left us too little.
    pub fn stolen_ns(&self, span_ns: u64) -> f64 {
        let pressure = self.foreign_pressure.or(self.pressure);
        let presses = pressure.is_none_or(|pressure| pressure > MAX_PRESSURE)
            || self.worker_wait.is_some_and(|wait| wait > MAX_WAIT);
        let others = self.others.filter(|_| presses).unwrap_or(0.0);
        let all = span_ns as f64 * f64::from(self.cpus);
        all * (self.steal.unwrap_or(0.0) + self.paused.unwrap_or(0.0) + others)
    }

    /// The reason why a measurement in this span counts as disturbed; `None` if it does not.
    pub fn disturbance(&self) -> Option<String> {
        let limits = [
            ("time in which this process stood still", self.paused, MAX_PAUSED),
            ("steal", self.steal, MAX_STEAL),
            ("CPU time of other processes", self.others, MAX_OTHERS),
            ("time in which others waited for a CPU", self.foreign_pressure, MAX_PRESSURE),
            ("time in which workers waited for a CPU", self.worker_wait, MAX_WAIT),
        ];
        for (what, share, limit) in limits {
            if let Some(share) = share.filter(|share| *share > limit) {
                let (share, limit) = (share * 100.0, limit * 100.0);
                return Some(format!("{what} {share:.1} %, over {limit:.0} %"));
            }
        }
        let hiccups = self.hiccups?;
        let tail = hiccups.p99_ns.min(if hiccups.count < FEWEST_HICCUPS { 0 } else { u64::MAX });
        let limits = [
            ("median", hiccups.p50_ns, MAX_HICCUP_P50_NS),
            ("99th percentile", tail, MAX_HICCUP_P99_NS),
        ];
        let (at, late, limit) = limits.into_iter().find(|(_, late, limit)| late > limit)?;
        let [late, limit] = [late, limit].map(|ns| ns as f64 / 1e6);
        Some(format!("a sleeping thread woke {late:.2} ms late at the {at}, over {limit:.2} ms"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worst figures of an idle machine over 466 rounds.
    const IDLE: HostShare = HostShare {
        steal: Some(0.041),
        others: Some(0.0405),
        pressure: Some(0.0056),
        foreign_pressure: Some(0.0056),
        worker_wait: Some(0.0005),
        paused: Some(0.0),
        hiccups: Some(Hiccups { count: 220, p50_ns: 86_014, p99_ns: 66_471, max_ns: 3_914_382 }),
        cpus: 2,
    };

    fn hiccups(count: u64, p50_ns: u64, p99_ns: u64) -> Option<Hiccups> {
        Some(Hiccups { count, p50_ns, p99_ns, max_ns: p99_ns })
    }

    #[test]
    fn an_idle_machine_is_not_disturbed_and_a_neighbour_does() {
        let own_making = HostShare {
            pressure: Some(0.82),
            foreign_pressure: Some(0.0),
            worker_wait: Some(0.0),
            hiccups: None,
            ..IDLE
        };
        let burners = HostShare { others: Some(0.6), pressure: Some(0.9), ..IDLE };
        let rows = [
            (IDLE, None, "the worst of an idle machine"),
            (HostShare { cpus: 2, ..HostShare::default() }, None, "the kernel tells nothing"),
            (own_making, None, "all pressure is of our own making"),
            (HostShare { others: Some(MAX_OTHERS), ..IDLE }, None, "at the limit"),
            (HostShare { worker_wait: Some(MAX_WAIT), ..IDLE }, None, "at the limit"),
            (HostShare { hiccups: hiccups(99, 0, 9_000_000), ..IDLE }, None, "no 99th percentile"),
            (HostShare { hiccups: hiccups(500, 250_000, 1_000_000), ..IDLE }, None, "at both"),
            (HostShare { steal: Some(0.06), ..IDLE }, Some("steal 6.0 %"), "a hypervisor"),
            (
                HostShare { others: Some(0.5), ..IDLE },
                Some("other processes 50.0 %"),
                "one burner on two processors, and never in our way",
            ),
            (burners, Some("other processes"), "two burners"),
            (
                HostShare { foreign_pressure: Some(0.3), ..IDLE },
                Some("others waited"),
                "short-lived processes crowd",
            ),
            (HostShare { worker_wait: Some(0.02), ..IDLE }, Some("workers waited"), "we wait"),
            (HostShare { paused: Some(MAX_PAUSED), ..IDLE }, None, "at the limit"),
            (HostShare { paused: Some(0.3), ..IDLE }, Some("stood still 30.0 %"), "SIGSTOP"),
            (HostShare { hiccups: hiccups(20, 300_000, 0), ..IDLE }, Some("median"), "late"),
            (
                HostShare { hiccups: hiccups(220, 20_000, 3_000_000), ..IDLE },
                Some("3.00 ms late at the 99th percentile"),
                "a late tail",
            ),
        ];
        for (share, expected, why) in rows {
            let got = share.disturbance();
            match expected {
                None => assert_eq!(got, None, "{why}"),
                Some(words) => {
                    assert!(got.as_ref().is_some_and(|got| got.contains(words)), "{why}: {got:?}");
                }
            }
        }
    }

    #[test]
    fn only_what_was_kept_from_us_is_stolen() {
        let still = HostShare { cpus: 2, ..HostShare::default() };
        let rows = [
            (still, 0.0, "nothing told"),
            (HostShare { steal: Some(0.25), ..still }, 500.0, "half a processor of two"),
            (HostShare { paused: Some(0.25), ..still }, 500.0, "stopped: all processors"),
            (HostShare { others: Some(0.25), ..still }, 500.0, "no pressure told: in our way"),
            (
                HostShare { others: Some(0.25), pressure: Some(0.0), ..still },
                0.0,
                "others had room",
            ),
            (
                HostShare { others: Some(0.25), pressure: Some(0.8), ..still },
                500.0,
                "others had none",
            ),
            (
                HostShare {
                    others: Some(0.25),
                    pressure: Some(0.8),
                    foreign_pressure: Some(0.0),
                    ..still
                },
                0.0,
                "the pressure was our own",
            ),
            (
                HostShare {
                    others: Some(0.25),
                    foreign_pressure: Some(0.0),
                    worker_wait: Some(0.2),
                    ..still
                },
                500.0,
                "workers waited for them",
            ),
        ];
        for (share, expected, why) in rows {
            assert!((share.stolen_ns(1_000) - expected).abs() < 1e-9, "{why}");
        }
    }
}
