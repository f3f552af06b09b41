//! Closed loops that find capacities. Their rounds take turns, and every service is recorded.

use std::sync::atomic::Ordering;

use jwtbench_result::Measurement;
use jwtbench_result::capacity::Saturated;
use jwtbench_result::statistics::median;

use crate::real::{Control, interleaved};
use crate::trial::{Gathering, RoundRecord, Trial, TrialError};

/// Runs the rounds of closed loops of one plan, so that disturbances fall on all trials alike. Each
/// round runs every trial, in rotating order, and in turns if all trials can. Capacity and CPU time
/// are medians over the rounds that are not dropped. `None` if the run was told to stop.
///
/// # Errors
/// The errors of [`Trial::run`].
pub fn saturate(
    mut trials: Vec<Trial<'_>>,
    control: Control<'_>,
) -> Result<Option<Vec<(Saturated, Measurement)>>, TrialError> {
    trials.iter_mut().for_each(|trial| trial.records_services = true);
    let mut found: Vec<(Saturated, Gathering<'_>)> = trials
        .iter()
        .map(|trial| (Saturated::default(), Gathering::new(trial.plan, trial.contender, false)))
        .collect();
    let rounds = trials.first().map_or(0, |trial| trial.plan.scenario.load.rounds);
    for round in 0..rounds as usize {
        let count = trials.len();
        let mut order: Vec<usize> = (0..count).collect();
        order.rotate_left(round % count);
        let ordered: Vec<&Trial<'_>> = order.iter().map(|at| &trials[*at]).collect();
        for (place, (record, at)) in
            round_of_each(&ordered, round, control)?.into_iter().zip(order).enumerate()
        {
            if record.interrupted || control.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let (saturated, gathering) = &mut found[at];
            take(saturated, (round * count + place) as u32, record, gathering);
        }
    }
    let finish = |(saturated, gathering): (Saturated, Gathering<'_>)| {
        let measurement = gathering.finish();
        (finished(saturated, &measurement), measurement)
    };
    Ok(Some(found.into_iter().map(finish).collect()))
}

/// Runs one round of each trial, in this order.
fn round_of_each(
    trials: &[&Trial<'_>],
    round: usize,
    control: Control<'_>,
) -> Result<Vec<RoundRecord>, TrialError> {
    if trials.len() > 1 && trials.iter().all(|trial| trial.can_take_turns()) {
        return interleaved(trials, round, control).into_iter().collect();
    }
    trials.iter().map(|trial| trial.run(control)).collect()
}

/// Adds a round, unless the measurement leaves out its figures.
fn take(to: &mut Saturated, order: u32, mut record: RoundRecord, gathering: &mut Gathering<'_>) {
    let mut services = std::mem::take(&mut record.services);
    if !gathering.add(order, record) {
        return;
    }
    to.services.resize_with(services.len(), Vec::new);
    let workers = to.services.iter_mut().zip(&mut services);
    workers.for_each(|(mine, theirs)| mine.append(theirs));
}

/// Adds the figures of the rounds that are not dropped.
fn finished(saturated: Saturated, measurement: &Measurement) -> Saturated {
    let rounds = || measurement.rounds.iter().filter(|round| round.dropped.is_none());
    let rates: Vec<f64> = rounds().map(|round| round.throughput_per_s).collect();
    let cpu: Vec<f64> = rounds().filter_map(|round| round.cpu_ns_per_op).collect();
    Saturated {
        capacity_per_s: median(&rates),
        cpu_ns_per_op: (!cpu.is_empty()).then(|| median(&cpu)),
        token_bytes_mean: measurement.token_bytes_mean,
        disturbed: measurement.disturbance(),
        ..saturated
    }
}
