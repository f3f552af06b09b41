//! Generator and host: whether the schedules were kept and how still the machine was. The same
//! lines for every form.

use super::quantity;
use super::unjudged::is_of_simulation;
use crate::result::window::{Window, WindowVerdict};
use crate::result::{Measurement, RunResult};

/// What all windows of a result say together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Generator {
    /// Windows by verdict, the gravest last; verdicts that did not occur are left out.
    pub windows: Vec<(WindowVerdict, u64)>,
    /// Arrivals shed.
    pub shed: u64,
    /// Rounds dropped because the host disturbed them, and all rounds.
    pub dropped: (u64, u64),
    /// Name and value of what was noted of clock and host.
    pub facts: Vec<(&'static str, String)>,
    /// What a reader must know before a figure is used.
    pub remarks: Vec<String>,
}

impl Generator {
    /// Of a result; `None` where nothing was recorded (virtual time, older results).
    pub fn of(result: &RunResult) -> Option<Generator> {
        let rounds = || result.measurements.iter().flat_map(|m| &m.rounds);
        let windows: Vec<&Window> = rounds().flat_map(|round| &round.windows).collect();
        if windows.is_empty() {
            return None;
        }
        let every = [
            WindowVerdict::Ok,
            WindowVerdict::ContenderSaturated,
            WindowVerdict::HostStolen,
            WindowVerdict::GeneratorLimited,
        ];
        let count = |verdict| windows.iter().filter(|w| w.verdict == verdict).count() as u64;
        let counts = every.map(|verdict| (verdict, count(verdict)));
        let dropped = rounds().filter(|round| round.dropped.is_some()).count() as u64;
        Some(Generator {
            windows: counts.into_iter().filter(|(_, count)| *count > 0).collect(),
            shed: result.measurements.iter().map(|m| m.arrivals.shed).sum(),
            dropped: (dropped, rounds().count() as u64),
            facts: facts(result),
            remarks: result.measurements.iter().flat_map(remarks).collect(),
        })
    }

    /// One line: windows by verdict, shed arrivals, dropped rounds.
    pub fn line(&self) -> String {
        let windows = self.windows.iter();
        let windows: Vec<String> = windows
            .map(|(verdict, count)| format!("{} {}", quantity::count(*count), verdict.name()))
            .collect();
        let (dropped, rounds) = self.dropped;
        format!(
            "windows: {} · shed {} · rounds dropped {dropped} of {rounds}",
            windows.join(", "),
            quantity::count(self.shed),
        )
    }
}

fn facts(result: &RunResult) -> Vec<(&'static str, String)> {
    let nanos = |ns: u64| quantity::nanoseconds(ns as f64);
    let mut facts = Vec::new();
    if let Some(known) = &result.machine.calibration {
        let [p50, p99, max] = [
            known.sleep_overshoot_p50_ns,
            known.sleep_overshoot_p99_ns,
            known.sleep_overshoot_max_ns,
        ]
        .map(nanos);
        facts.push(("one clock read", nanos(known.clock_read_ns)));
        facts.push(("overshoot of a 100 µs sleep", format!("p50 {p50}, p99 {p99}, max {max}")));
        facts.extend(known.timer_slack_ns.map(|slack| ("timer slack", nanos(slack))));
        facts.push(("workers spin within", nanos(known.spin_within_ns)));
        facts.push(("control kernel, calibrated", nanos(known.kernel_ns)));
    }
    let noises: Vec<_> = result.measurements.iter().filter_map(|m| m.noise.as_ref()).collect();
    let worst = |name, values: Vec<f64>, show: fn(f64) -> String| {
        values.into_iter().max_by(f64::total_cmp).map(|value| (name, show(value)))
    };
    let shares = [
        ("steal, worst trial", noises.iter().filter_map(|n| n.steal).collect()),
        ("CPU used by others, worst trial", noises.iter().filter_map(|n| n.others).collect()),
        ("CPU pressure, worst trial", noises.iter().filter_map(|n| n.cpu_pressure).collect()),
        ("control kernel drift, worst", noises.iter().filter_map(|n| n.kernel_drift).collect()),
    ];
    facts.extend(shares.into_iter().filter_map(|(name, v)| worst(name, v, quantity::share)));
    let hiccups = noises.iter().filter_map(|n| n.hiccups.as_ref()).map(|h| h.max_ns as f64);
    let longest = worst("longest hiccup", hiccups.collect(), quantity::nanoseconds);
    facts.extend(longest);
    let switches: u64 = noises.iter().filter_map(|n| n.involuntary_switches).sum();
    facts.push(("involuntary switches of workers", quantity::count(switches)));
    facts
}

/// What a reader of one measurement must know.
fn remarks(measurement: &Measurement) -> Vec<String> {
    let Measurement { scenario, contender, algorithm, .. } = measurement;
    let who = format!("{scenario} {contender} {algorithm}");
    let mut remarks = Vec::new();
    if let Some(plant) = &measurement.planted {
        remarks.push(format!("{who}: PLANTED FAULT {plant}: no measurement"));
    }
    if let Some(noisy) = &measurement.noisy {
        remarks.push(format!("{who}: INVALID (noisy): {noisy}"));
    }
    for phase in &measurement.phases {
        if let Some(reason) = &phase.withheld {
            remarks.push(format!("{who}, phase {}: {reason}", phase.name));
        } else if phase.verdict == Some(WindowVerdict::ContenderSaturated) {
            let verdict = WindowVerdict::ContenderSaturated.name();
            remarks.push(format!("{who}, phase {}: {verdict}", phase.name));
        }
    }
    let latencies = measurement.unjudged.iter().filter(|key| !is_of_simulation(key));
    let latencies: Vec<&str> = latencies.map(String::as_str).collect();
    if !latencies.is_empty() {
        let keys = latencies.join(", ");
        remarks.push(format!("{who}: not judged, for want of a valid latency: {keys}"));
    }
    remarks
}
