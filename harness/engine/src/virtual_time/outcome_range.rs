//! The range of a plan's outcomes under 16 seeds, in virtual time. Scenario, load, keys and cache
//! policy stay the same; arrivals, classes, holders and jitter are drawn again. Nothing is
//! measured.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use jwtbench_result::record::outcome::{OutcomeCounts, OutcomeRange};
use jwtbench_scenario::Arrivals;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::plan::{Plan, Redraw};
use jwtbench_verifier::policy::PolicySpec;

use crate::contender::ContenderSpec;
use crate::trial::{Trial, TrialError, class_state};

use super::remembering::Remembering;

/// The number of seeds that are drawn: the plan's own and those that follow it.
pub const SEEDS: u64 = 16;
/// The most arrivals of a plan that is drawn again. With more it would take longer than the
/// measurement.
const MAX_ARRIVALS: usize = 500_000;

/// The range of a plan's outcomes; `None` if time does not matter to the plan. After a stop the
/// range says that it was cut short. `signers` and `minted_for` are those with which the plan was
/// made.
///
/// # Errors
/// If the policy is not valid for the algorithm, and the errors of [`Trial::simulated`].
pub fn outcome_range(
    plan: &Plan,
    signers: &Signers,
    minted_for: &PolicySpec,
    stop: &AtomicBool,
) -> Result<Option<OutcomeRange>, TrialError> {
    if !plan.scenario.is_dynamic() {
        return Ok(None);
    }
    let mut range = unfilled(plan);
    range.withheld = withheld(plan);
    if range.withheld.is_some() {
        return Ok(Some(range));
    }
    if stop.load(Ordering::Relaxed) {
        return Ok(Some(range.cut_short()));
    }
    range.seeds = (0..SEEDS).map(|step| plan.seed.wrapping_add(step)).collect();
    let redraw = Redraw::new(plan, signers, minted_for, &range.seeds);
    let state = class_state(&redraw.plan(plan.seed));
    let one = |seed: &u64| -> Result<Option<OutcomeCounts>, TrialError> {
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let plan = redraw.plan(*seed);
        // Any core will do; this one checks each signature once for all seeds.
        let spec = ContenderSpec::Core(&Remembering);
        let measurement = Trial::new(&plan, spec, state.as_ref())?.simulated()?;
        Ok(Some(OutcomeCounts::of(&measurement)))
    };
    let drawn: Vec<Option<OutcomeCounts>> =
        range.seeds.par_iter().map(one).collect::<Result<_, _>>()?;
    let Some(drawn) = drawn.into_iter().collect::<Option<Vec<OutcomeCounts>>>() else {
        return Ok(Some(range.cut_short()));
    };
    range.enter(&drawn);
    Ok(Some(range))
}

fn unfilled(plan: &Plan) -> OutcomeRange {
    let arrivals = plan.schedules.iter().flatten().filter(|arrival| !arrival.phase.is_warmup());
    OutcomeRange {
        scenario: plan.scenario.name.clone(),
        algorithm: plan.algorithm.name().into(),
        cache_policy: plan.scenario.cache.name.clone(),
        plan_hash: plan.hash.clone(),
        policy_hash: plan.policy_hash(),
        cache_policy_hash: plan.cache_policy_hash(),
        state_strategy_hash: plan.state_strategy_hash(),
        arrivals: arrivals.count() as u64,
        ..OutcomeRange::default()
    }
}

/// The reason, if nothing can be drawn whose counts can be compared with those of real time.
fn withheld(plan: &Plan) -> Option<String> {
    let arrivals: usize = plan.schedules.iter().map(Vec::len).sum();
    if plan.scenario.load.arrivals == Arrivals::Closed {
        return Some(
            "in a closed loop the number of operations is the machine's: virtual time has no \
             such number"
                .into(),
        );
    }
    (arrivals > MAX_ARRIVALS).then(|| {
        format!("{arrivals} arrivals a round are too many to draw again, over {MAX_ARRIVALS}")
    })
}
