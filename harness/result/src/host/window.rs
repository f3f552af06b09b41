//! Whether the generator kept to its schedule, window by window, and what was the cause if not: the
//! contender, the generator or the host. Pure; nanoseconds throughout.

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::host::disturbance::{HostShare, MAX_STEAL};

/// The lateness of the generator, in nanoseconds, up to which it never counts as late.
pub const LATE_FLOOR_NS: u64 = 5_000;
/// The share of the median service time up to which lateness does not count either.
pub const LATE_SHARE: f64 = 0.2;
/// One in this many operations may be late or left behind.
const TOLERATED: u64 = 100;

/// Who decided what was measured in a window.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum WindowVerdict {
    /// The schedule was kept.
    #[serde(rename = "OK")]
    Ok,
    /// The contender could not serve what arrived.
    #[serde(rename = "CONTENDER-SATURATED")]
    ContenderSaturated,
    /// The generator did not keep to its schedule. Responses are as if it had; its lateness stands
    /// beside them.
    #[serde(rename = "GENERATOR-LIMITED")]
    GeneratorLimited,
    /// The host took the CPU away.
    #[serde(rename = "HOST-STOLEN")]
    HostStolen,
}

impl WindowVerdict {
    /// The name as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            WindowVerdict::Ok => "OK",
            WindowVerdict::ContenderSaturated => "CONTENDER-SATURATED",
            WindowVerdict::HostStolen => "HOST-STOLEN",
            WindowVerdict::GeneratorLimited => "GENERATOR-LIMITED",
        }
    }
}

/// One arrival as a worker handled it, in ticks of the scenario clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The intended start.
    pub intended: i64,
    /// The instant from which the worker had nothing else to do.
    pub free: i64,
    /// The actual start, or the instant of shedding.
    pub start: i64,
    /// The wait in nanoseconds if every arrival had been offered in time.
    pub wait_ns: u64,
    /// The instant at which the worker finished it.
    pub released: i64,
    /// Whether it was dropped under the shedding rule.
    pub is_shed: bool,
}

impl Offer {
    /// The lateness of the generator in nanoseconds: how late it started although the worker was
    /// idle.
    pub fn generator_ns(&self) -> u64 {
        self.start.saturating_sub(self.intended.max(self.free)).max(0) as u64
    }

    /// The time in nanoseconds for which the worker was busy.
    pub fn service_ns(&self) -> u64 {
        self.released.saturating_sub(self.start).max(0) as u64
    }
}

/// The offers of a span of time, summed up over workers.
#[derive(Clone, Debug)]
pub struct ScheduleKeeping {
    from: i64,
    until: i64,
    arrivals: u64,
    shed: u64,
    /// The number of offers that started after the end of the span.
    behind: u64,
    generator_sum: u64,
    service_sum: u64,
    generator: Histogram<u64>,
    service: Histogram<u64>,
}

/// One window of a round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Window {
    /// Name of the phase that it lies in.
    pub phase: String,
    /// Start on the scenario clock, in nanoseconds.
    pub start_ns: i64,
    /// End on the scenario clock, in nanoseconds.
    pub end_ns: i64,
    /// Who decided what was measured.
    pub verdict: WindowVerdict,
    /// Operations planned in it; 0 in a closed loop, which has no schedule to keep.
    pub arrivals: u64,
    /// Of them, dropped under the shedding rule.
    pub shed: u64,
    /// Of them, started only after its end.
    pub behind: u64,
    /// Lateness of the generator alone (the worker was idle), median, in nanoseconds.
    pub generator_p50_ns: u64,
    /// The same, 99th percentile.
    pub generator_p99_ns: u64,
    /// The same, highest.
    pub generator_max_ns: u64,
    /// Share of the workers' time in which they served, over 1 if they served late.
    pub busy: f64,
    /// Share of all CPU time that the hypervisor took, 0..=1.
    pub steal: Option<f64>,
    /// Share of the time in which some runnable task had no CPU, 0..=1.
    pub cpu_pressure: Option<f64>,
    /// The same without the waits of our own threads.
    pub foreign_pressure: Option<f64>,
    /// Share of all CPU time that other processes used, 0..=1.
    pub others: Option<f64>,
    /// Share of the workers' time in which they were runnable and had no CPU, beyond what other
    /// threads of ours used, 0..=1.
    pub worker_wait: Option<f64>,
    /// Share of the time in which this process stood still as a whole, 0..=1.
    pub paused: Option<f64>,
    /// Null, or why the host disturbed it: its figures are neither gated nor ranked.
    pub disturbed: Option<String>,
}

impl ScheduleKeeping {
    /// An empty record of the span from `from` to `until` in ticks.
    pub fn new(from: i64, until: i64) -> ScheduleKeeping {
        let empty = Histogram::new(3).expect("3 digits are within what HdrHistogram allows");
        ScheduleKeeping {
            from,
            until,
            arrivals: 0,
            shed: 0,
            behind: 0,
            generator_sum: 0,
            service_sum: 0,
            generator: empty.clone(),
            service: empty,
        }
    }

    /// Enters an offer that was intended for this span.
    pub fn enter(&mut self, offer: &Offer) {
        self.arrivals += 1;
        if offer.is_shed {
            self.shed += 1;
            return;
        }
        let (late, service) = (offer.generator_ns(), offer.service_ns());
        self.behind += u64::from(offer.start > self.until);
        self.generator_sum += late;
        self.service_sum += service;
        for (histogram, value) in [(&mut self.generator, late), (&mut self.service, service)] {
            histogram.record(value).expect("it grows as far as a u64 goes");
        }
    }

    fn span_ns(&self) -> u64 {
        self.until.saturating_sub(self.from).max(0) as u64
    }

    /// The lateness that is still tolerated, in nanoseconds.
    fn limit_ns(&self) -> u64 {
        let median = self.service.value_at_quantile(0.5) as f64;
        LATE_FLOOR_NS.max((median * LATE_SHARE) as u64)
    }

    /// The verdict on the span: what decided the measurement.
    pub fn verdict(&self, host: &HostShare) -> WindowVerdict {
        let tolerated = (self.arrivals / TOLERATED).max(1);
        let late = match self.generator.max() > self.limit_ns() {
            true => self.generator.count_between(self.limit_ns() + 1, u64::MAX),
            false => 0,
        };
        let is_behind = self.behind + self.shed > tolerated;
        // The backlog grows although the workers are idle for most of the time.
        let is_slow = is_behind && self.generator_sum > self.service_sum;
        if late > tolerated || is_slow {
            return match host.stolen_ns(self.span_ns()) >= self.generator_sum as f64 {
                true => WindowVerdict::HostStolen,
                false => WindowVerdict::GeneratorLimited,
            };
        }
        if host.steal.is_some_and(|steal| steal > MAX_STEAL) {
            return WindowVerdict::HostStolen;
        }
        if is_behind { WindowVerdict::ContenderSaturated } else { WindowVerdict::Ok }
    }

    /// The reason why the host disturbed the span: it exceeded a limit, or it took the CPU when it
    /// was needed. It is `None` if the host did not disturb it.
    pub fn disturbance(&self, host: &HostShare) -> Option<String> {
        let is_stolen = self.verdict(host) == WindowVerdict::HostStolen;
        let taken = || is_stolen.then(|| "the CPU taken while the generator was late".to_owned());
        host.disturbance().or_else(taken)
    }

    /// The window as a result stores it.
    pub fn window(&self, phase: &str, workers: u32, host: &HostShare) -> Window {
        let time = self.span_ns() as f64 * f64::from(workers);
        Window {
            phase: phase.to_owned(),
            start_ns: self.from,
            end_ns: self.until,
            verdict: self.verdict(host),
            arrivals: self.arrivals,
            shed: self.shed,
            behind: self.behind,
            generator_p50_ns: self.generator.value_at_quantile(0.5),
            generator_p99_ns: self.generator.value_at_quantile(0.99),
            generator_max_ns: self.generator.max(),
            busy: if time > 0.0 { self.service_sum as f64 / time } else { 0.0 },
            steal: host.steal,
            cpu_pressure: host.pressure,
            foreign_pressure: host.foreign_pressure,
            others: host.others,
            worker_wait: host.worker_wait,
            paused: host.paused,
            disturbed: self.disturbance(host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STILL: HostShare = HostShare {
        steal: Some(0.0),
        others: Some(0.0),
        pressure: Some(0.0),
        foreign_pressure: Some(0.0),
        worker_wait: Some(0.0),
        paused: Some(0.0),
        hiccups: None,
        cpus: 2,
    };
    const SECOND: i64 = 1_000_000_000;

    fn offer(intended: i64, free: i64, start: i64, released: i64) -> Offer {
        Offer { intended, free, start, wait_ns: 0, released, is_shed: false }
    }

    /// 1000 arrivals in a second, 1 ms apart. Each is started `late` after it could have been and
    /// served for `service`.
    fn keeping(late: i64, service: i64) -> ScheduleKeeping {
        let mut keeping = ScheduleKeeping::new(0, SECOND);
        let mut free = 0;
        for number in 0..1000 {
            let intended = number * 1_000_000;
            let start = intended.max(free) + late;
            let released = start + service;
            keeping.enter(&offer(intended, free, start, released));
            free = released;
        }
        keeping
    }

    #[test]
    fn each_window_has_one_to_blame() {
        let stolen = HostShare { steal: Some(0.3), ..STILL };
        let crowded = HostShare { others: Some(0.9), foreign_pressure: Some(0.8), ..STILL };
        let idle_others = HostShare { others: Some(0.5), ..STILL };
        let untold = HostShare { cpus: 2, ..HostShare::default() };
        let rows = [
            (keeping(1_000, 35_000), STILL, WindowVerdict::Ok, "kept"),
            (keeping(4_900, 10), STILL, WindowVerdict::Ok, "below the floor"),
            (keeping(50_000, 300_000), STILL, WindowVerdict::Ok, "below a fifth of the service"),
            (keeping(1_000, 35_000), untold, WindowVerdict::Ok, "kept, and no /proc"),
            (keeping(6_000, 10), STILL, WindowVerdict::GeneratorLimited, "late while idle"),
            (keeping(6_000, 10), untold, WindowVerdict::GeneratorLimited, "late, no /proc"),
            (keeping(6_000, 10), idle_others, WindowVerdict::GeneratorLimited, "others had room"),
            (
                keeping(100_000, 35_000),
                stolen,
                WindowVerdict::HostStolen,
                "late, stolen time says why",
            ),
            (keeping(100_000, 35_000), crowded, WindowVerdict::HostStolen, "late, crowded out"),
            (keeping(1_000, 35_000), stolen, WindowVerdict::HostStolen, "in time, yet stolen"),
            (keeping(100, 1_200_000), STILL, WindowVerdict::ContenderSaturated, "cannot serve it"),
            (keeping(1_500_000, 100), STILL, WindowVerdict::GeneratorLimited, "cannot offer it"),
            (keeping(0, 999_000), STILL, WindowVerdict::Ok, "just kept up with"),
            (ScheduleKeeping::new(0, SECOND), STILL, WindowVerdict::Ok, "a closed loop"),
            (
                ScheduleKeeping::new(0, SECOND),
                stolen,
                WindowVerdict::HostStolen,
                "a closed loop, stolen",
            ),
        ];
        for (keeping, host, verdict, why) in rows {
            assert_eq!(keeping.verdict(&host), verdict, "{why}");
            let is_disturbed = keeping.disturbance(&host).is_some();
            assert!(is_disturbed || verdict != WindowVerdict::HostStolen, "{why}");
            assert!(!is_disturbed || host != STILL, "{why}: not by a still host");
        }
    }

    /// The lateness of the generator exceeds the time of service, and the worker falls behind.
    #[test]
    fn a_backlog_of_the_generators_own_making() {
        let mut keeping = ScheduleKeeping::new(0, 1_000_000);
        let mut free = 0;
        for number in 0..20_000 {
            let intended = number * 50;
            let start = intended.max(free) + 120;
            let released = start + 40;
            keeping.enter(&offer(intended, free, start, released));
            free = released;
        }
        assert_eq!(keeping.verdict(&STILL), WindowVerdict::GeneratorLimited);
    }

    #[test]
    fn shed_arrivals_are_left_behind_by_the_contender() {
        let mut keeping = keeping(100, 10_000);
        assert_eq!(keeping.verdict(&STILL), WindowVerdict::Ok);
        for intended in 0..100 {
            let (free, start) = (900_000_000, 900_000_000);
            keeping.enter(&Offer { is_shed: true, ..offer(intended, free, start, start) });
        }
        assert_eq!(keeping.verdict(&STILL), WindowVerdict::ContenderSaturated);
        assert_eq!(keeping.window("start", 1, &STILL).shed, 100);
    }

    /// Two late starts of a hundred are too many. One is tolerated, so one hiccup does not condemn
    /// a short phase.
    #[test]
    fn one_late_start_is_tolerated() {
        for (count, verdict) in [(1, WindowVerdict::Ok), (2, WindowVerdict::GeneratorLimited)] {
            let mut keeping = ScheduleKeeping::new(0, SECOND);
            for number in 0..50 {
                let intended = number * 10_000_000;
                let start = intended + if number < count { 1_000_000 } else { 0 };
                let released = start + 10_000;
                keeping.enter(&offer(intended, intended, start, released));
            }
            assert_eq!(keeping.verdict(&STILL), verdict, "{count} of 50");
        }
    }
}
