//! Generator and host: whether the schedules were kept, and how quiet the machine was. The lines
//! are the same in every form.

use jwtbench_result::host::window::{Window, WindowVerdict};
use jwtbench_result::{HistogramSummary, Measurement, PhaseResult, Round, RunResult};

use crate::quantity;
use crate::subject::unjudged::judge;

/// The summary of all windows of a result.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Generator {
    /// The number of windows by verdict, the most severe last. Verdicts that did not occur are left
    /// out.
    pub windows: Vec<(WindowVerdict, u64)>,
    /// The number of arrivals that were shed.
    pub shed: u64,
    /// The number of windows that the host disturbed.
    pub disturbed_windows: u64,
    /// The number of rounds that the host disturbed, the number of those that were dropped, and the
    /// number of all rounds.
    pub rounds: [u64; 3],
    /// The recorded facts on clock and host, each as name and value.
    pub facts: Vec<(&'static str, String)>,
    /// Remarks that a reader must know before using a figure.
    pub remarks: Vec<String>,
}

impl Generator {
    /// The summary of a result; `None` if nothing was recorded (virtual time, older results).
    pub fn of(result: &RunResult) -> Option<Generator> {
        let rounds = || result.measurements.iter().flat_map(|m| &m.rounds);
        let windows: Vec<&Window> = rounds().flat_map(|round| &round.windows).collect();
        if windows.is_empty() {
            return None;
        }
        let every = [
            WindowVerdict::Ok,
            WindowVerdict::ContenderSaturated,
            WindowVerdict::GeneratorLimited,
            WindowVerdict::HostStolen,
        ];
        let count = |verdict| windows.iter().filter(|w| w.verdict == verdict).count() as u64;
        let counts = every.map(|verdict| (verdict, count(verdict)));
        let of_rounds = |is: fn(&Round) -> bool| rounds().filter(|round| is(round)).count() as u64;
        let disturbed = windows.iter().filter(|window| window.disturbed.is_some()).count();
        Some(Generator {
            windows: counts.into_iter().filter(|(_, count)| *count > 0).collect(),
            shed: result.measurements.iter().map(|m| m.arrivals.shed).sum(),
            disturbed_windows: disturbed as u64,
            rounds: [
                of_rounds(|round| round.disturbed.is_some()),
                of_rounds(|round| round.dropped.is_some()),
                of_rounds(|_| true),
            ],
            facts: facts(result),
            remarks: remarks(&result.measurements),
        })
    }

    /// One line: windows by verdict, shed arrivals, dropped rounds.
    pub fn line(&self) -> String {
        let windows = self.windows.iter();
        let windows: Vec<String> = windows
            .map(|(verdict, count)| format!("{} {}", quantity::count(*count), verdict.name()))
            .collect();
        let [disturbed, dropped, rounds] = self.rounds.map(quantity::count);
        format!(
            "windows: {}; disturbed {} · shed {} · rounds: disturbed {disturbed}, dropped \
             {dropped} of {rounds}",
            windows.join(", "),
            quantity::count(self.disturbed_windows),
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
        facts.push((
            "overshoot of a sleep of 0.05 to 2 ms",
            format!("p50 {p50}, p99 {p99}, max {max}"),
        ));
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
        (
            "the same without our own threads",
            noises.iter().filter_map(|n| n.foreign_pressure).collect(),
        ),
        (
            "workers waited for a CPU, worst trial",
            noises.iter().filter_map(|n| n.worker_wait).collect(),
        ),
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

/// A function that gives the remark on a measurement, or `None`.
type GeneratorRemark<'f> = &'f dyn Fn(&Measurement) -> Option<String>;

/// The remarks that a reader must know before using a figure. A remark takes one line, however many
/// trials it applies to.
fn remarks(measurements: &[Measurement]) -> Vec<String> {
    let mut remarks = Vec::new();
    let planted = |m: &Measurement| {
        m.planted.as_ref().map(|plant| format!("PLANTED FAULT {plant}: no measurement"))
    };
    let unjudged = |m: &Measurement| {
        let keys = m.unjudged.iter().filter(|key| judge(m, key).is_none());
        let keys = keys.map(String::as_str).collect::<Vec<_>>().join(", ");
        (!keys.is_empty()).then(|| format!("not judged, for want of an undisturbed round: {keys}"))
    };
    let kinds: [GeneratorRemark<'_>; 2] = [&planted, &unjudged];
    for kind in kinds {
        let mut told: Vec<(String, Vec<&Measurement>)> = Vec::new();
        for measurement in measurements {
            let Some(text) = kind(measurement) else { continue };
            match told.iter_mut().find(|(known, _)| *known == text) {
                Some((_, of)) => of.push(measurement),
                None => told.push((text, vec![measurement])),
            }
        }
        remarks.extend(told.iter().map(|(text, of)| format!("{}: {text}", name(of))));
    }
    remarks.extend(noisy(measurements));
    let limits = [
        WindowVerdict::HostStolen,
        WindowVerdict::GeneratorLimited,
        WindowVerdict::ContenderSaturated,
    ];
    remarks.extend(limits.iter().filter_map(|verdict| limited(measurements, *verdict)));
    remarks
}

/// The name of the trial; for several, their number and the name of the first.
fn name(of: &[&Measurement]) -> String {
    let first = of.first().map_or_else(String::new, |measurement| {
        let Measurement { scenario, contender, algorithm, .. } = measurement;
        format!("{scenario} {contender} {algorithm}")
    });
    match of.len() {
        0 | 1 => first,
        count => format!("{} (such as {first})", quantity::counted(count as u64, "trial")),
    }
}

/// A remark on the trials of which too many rounds were disturbed, with the reason.
fn noisy(measurements: &[Measurement]) -> Option<String> {
    let trials: Vec<&Measurement> = measurements.iter().filter(|m| m.noisy.is_some()).collect();
    let first = trials.first()?;
    Some(format!("{}: INVALID (noisy): {}", name(&trials), first.disturbance()?))
}

/// A remark on the phases with this verdict, and on how late the generator was in them.
fn limited(measurements: &[Measurement], verdict: WindowVerdict) -> Option<String> {
    let phases = || measurements.iter().flat_map(|m| m.phases.iter().map(move |phase| (m, phase)));
    let mine: Vec<_> = phases().filter(|(_, phase)| phase.verdict == Some(verdict)).collect();
    let worst = |(_, phase): &&(&Measurement, &PhaseResult)| {
        phase.lateness.as_ref().map_or(0, |lateness| lateness.p99_ns)
    };
    let (trial, phase) = mine.iter().max_by_key(worst)?;
    let judged = phases().filter(|(_, phase)| phase.verdict.is_some()).count();
    let figures = |at: fn(&HistogramSummary) -> u64| {
        let values = mine.iter().filter_map(|(_, phase)| phase.lateness.as_ref()).map(at);
        range(values.collect())
    };
    let lateness = figures(|of| of.p50_ns).zip(figures(|of| of.p99_ns));
    let lateness = lateness.map(|(p50, p99)| format!(": lateness p50 {p50}, p99 {p99}"));
    Some(format!(
        "{} in {} of {} ({} {} {}, phase {}){}",
        verdict.name(),
        quantity::count(mine.len() as u64),
        quantity::counted(judged as u64, "phase"),
        trial.scenario,
        trial.contender,
        trial.algorithm,
        phase.name,
        lateness.unwrap_or_default(),
    ))
}

/// The range of values in nanoseconds: `16.0 µs`, or `16.0 µs to 118 µs`. It is `None` if there are
/// no values.
fn range(mut values: Vec<u64>) -> Option<String> {
    values.sort_unstable();
    let show = |ns: &u64| quantity::nanoseconds(*ns as f64);
    let (low, high) = (show(values.first()?), show(values.last()?));
    Some(if low == high { low } else { format!("{low} to {high}") })
}
