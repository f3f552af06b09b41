//! The windows of a round, with the work of the workers and the state of the host in each. The
//! module knows no operation's verdict.

use std::time::Duration;

use jwtbench_result::host::disturbance::HostShare;
use jwtbench_result::host::noise::{Hiccups, Noise};
use jwtbench_result::host::window::ScheduleKeeping;
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::tick::Tick;

use crate::real::clock::RealClock;
use crate::real::host::{ThreadReading, processors};
use crate::real::host_sampler::HostSamples;
use crate::real::worker::WorkerRecord;
use crate::trial::{CourseRecord, PhaseCourse};

/// The width of a window, unless a phase is shorter.
const WIDTH: Duration = Duration::from_secs(1);
/// The most windows of one round. In longer rounds the windows are wider.
const MAX_WINDOWS: u32 = 600;

/// One window: its phase and its span. It begins where the last one ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PhaseWindow {
    phase: usize,
    from: Tick,
    until: Tick,
}

/// The windows of a plan, without gaps. The rest of a phase belongs to its last window.
fn spans(plan: &Plan) -> Vec<PhaseWindow> {
    let width = WIDTH.max(plan.scenario.load.duration / MAX_WINDOWS);
    let phases = 0..plan.scenario.phases.len();
    let cut = |phase: usize| {
        let (from, until) = plan.phase_span(phase);
        let count = (until.since(from).as_nanos() / width.as_nanos()).max(1) as u32;
        (0..count).map(move |number| PhaseWindow {
            phase,
            from: from + width * number,
            until: if number + 1 == count { until } else { from + width * (number + 1) },
        })
    };
    phases.flat_map(cut).collect()
}

/// The instants at which the host is read, if this many rounds share the time.
pub(crate) fn edges(plan: &Plan, lanes: u32) -> Vec<Tick> {
    let spans = spans(plan);
    let first = spans.first().map(|span| span.from);
    let edges = first.into_iter().chain(spans.iter().map(|span| span.until));
    edges.map(|edge| Tick(edge.0 * i64::from(lanes))).collect()
}

/// The share of their turns in which workers had no CPU; `None` if they take no turns.
fn waited_in_turns(records: &[WorkerRecord]) -> Option<f64> {
    let turns = || records.iter().filter_map(|record| record.in_turns);
    let time: Duration = turns().map(|(time, _)| time).sum();
    let waited: u64 = turns().map(|(_, waited)| waited).sum();
    (!time.is_zero()).then(|| waited as f64 / time.as_nanos() as f64)
}

/// The share of spans in which the process stood still; `None` if the spans are empty.
fn share_of(pauses: &[(Tick, Tick)], spans: &[(Tick, Tick)]) -> Option<f64> {
    let length = |(from, until): &(Tick, Tick)| until.since(*from).as_nanos();
    let whole: u128 = spans.iter().map(length).sum();
    let common = |span: &(Tick, Tick)| {
        let parts = pauses.iter().map(|(from, until)| (span.0.max(*from), span.1.min(*until)));
        parts.filter(|(from, until)| from < until).map(|part| length(&part)).sum::<u128>()
    };
    let stood: u128 = spans.iter().map(common).sum();
    (whole > 0).then(|| stood as f64 / whole as f64)
}

/// Merges pauses that several threads may have seen, so that each instant counts once.
fn disjoint(mut pauses: Vec<(Tick, Tick)>) -> Vec<(Tick, Tick)> {
    pauses.sort_unstable();
    let mut apart: Vec<(Tick, Tick)> = Vec::with_capacity(pauses.len());
    for (from, until) in pauses {
        match apart.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            _ => apart.push((from, until)),
        }
    }
    apart
}

/// Makes the record of a round from the work of the workers and the samples of the host.
/// `calibrated_ns` is the time of the control kernel on a quiet machine, in nanoseconds.
pub(crate) fn record(
    plan: &Plan,
    (records, clock): (&[WorkerRecord], RealClock),
    watched: HostSamples,
    calibrated_ns: Option<u64>,
) -> CourseRecord {
    let spans = spans(plan);
    let mut windows: Vec<ScheduleKeeping> =
        spans.iter().map(|span| ScheduleKeeping::new(span.from.0, span.until.0)).collect();
    let ends = (0..plan.scenario.phases.len()).map(|phase| plan.phase_span(phase));
    let mut phases: Vec<ScheduleKeeping> =
        ends.map(|(from, until)| ScheduleKeeping::new(from.0, until.0)).collect();
    let workers = records.iter().zip(&plan.schedules);
    for (offer, arrival) in workers.flat_map(|(record, plan)| record.offers.iter().zip(plan)) {
        if arrival.phase.is_warmup() {
            continue;
        }
        let window = spans.partition_point(|span| span.until.0 <= offer.intended);
        windows[window.min(spans.len() - 1)].enter(offer);
        phases[arrival.phase.index()].enter(offer);
    }
    let spare = processors().saturating_sub(plan.scenario.load.workers);
    let in_turns = waited_in_turns(records);
    let pauses = disjoint(watched.pauses.iter().map(|pause| pause.on(&clock)).collect());
    let turns: Vec<(Tick, Tick)> =
        records.iter().flat_map(|record| &record.spans).copied().collect();
    let paused_in_turns = share_of(&pauses, &turns);
    let host = |from: usize, until: usize| {
        let span = spans[until - 1].until.since(spans[from].from) * watched.lanes;
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        let share = match (watched.readings.get(from), watched.readings.get(until)) {
            (Some(then), Some(now)) => now.since(then, nanos, &watched.workers),
            _ => HostShare::default(),
        };
        let hiccups = watched.hiccups_between(from, until).filter(|_| spare > 0);
        let paused = paused_in_turns
            .or_else(|| share_of(&pauses, &[(spans[from].from, spans[until - 1].until)]));
        HostShare { worker_wait: in_turns.or(share.worker_wait), hiccups, paused, ..share }
    };
    let workers = plan.scenario.load.workers;
    let by_window = windows.iter().zip(&spans).enumerate().map(|(number, (keeping, span))| {
        let name = &plan.scenario.phases[span.phase].name;
        keeping.window(name, workers, &host(number, number + 1))
    });
    let by_phase = phases.iter().enumerate().map(|(phase, keeping)| {
        let first = spans.partition_point(|span| span.phase < phase);
        let last = spans.partition_point(|span| span.phase <= phase);
        let host = host(first, last);
        PhaseCourse { verdict: keeping.verdict(&host), disturbed: keeping.disturbance(&host) }
    });
    let noise = noise(plan, records, &watched, (&host(0, spans.len()), calibrated_ns));
    CourseRecord {
        windows: by_window.collect(),
        phases: by_phase.collect(),
        noise,
        hiccups: watched.hiccups,
    }
}

/// The noise of the host in a whole round.
fn noise(
    plan: &Plan,
    records: &[WorkerRecord],
    watched: &HostSamples,
    (whole, calibrated_ns): (&HostShare, Option<u64>),
) -> Noise {
    let load = &plan.scenario.load;
    let threads = records.iter().map(|record| record.thread);
    let thread = threads.fold(ThreadReading::default(), ThreadReading::plus);
    let kernel_ns = watched.kernel_ns;
    let drift = |calibrated: u64| kernel_ns as f64 / calibrated.max(1) as f64 - 1.0;
    let total = (load.duration + load.warmup) * watched.lanes;
    Noise {
        steal: whole.steal,
        others: whole.others,
        cpu_pressure: whole.pressure,
        foreign_pressure: whole.foreign_pressure,
        worker_wait: whole.worker_wait,
        paused: whole.paused,
        spare_processors: Some(processors().saturating_sub(load.workers)),
        involuntary_switches: thread.involuntary,
        run_queue_ns: thread.run_queue_ns,
        kernel_ns,
        kernel_drift: calibrated_ns.map(drift),
        hiccups: Hiccups::of(&watched.hiccups),
        watch_cpu: Some(watched.cpu.as_secs_f64() / total.as_secs_f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_falls_on_whoever_was_at_work() {
        let ticks = |spans: &[(i64, i64)]| -> Vec<(Tick, Tick)> {
            spans.iter().map(|(from, until)| (Tick(*from), Tick(*until))).collect()
        };
        let pauses = ticks(&[(100, 400), (350, 500), (90, 120), (700, 710)]);
        let pauses = disjoint(pauses);
        assert_eq!(pauses, ticks(&[(90, 500), (700, 710)]), "each instant once");
        let rows: [(&[(i64, i64)], _, &str); 6] = [
            (&[(0, 1000)], Some(0.42), "a round that has the time to itself"),
            (&[(0, 90), (500, 700)], Some(0.0), "turns between them"),
            (&[(80, 505)], Some(410.0 / 425.0), "the turn that was at work"),
            (&[(0, 50), (200, 250)], Some(0.5), "one turn of two"),
            (&[(600, 600)], None, "no time at all"),
            (&[], None, "no turns"),
        ];
        for (spans, due, why) in rows {
            assert_eq!(share_of(&pauses, &ticks(spans)), due, "{why}");
        }
    }
}
