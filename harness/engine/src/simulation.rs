//! Simulation of a scenario in virtual time with the durations of production. It uses real tokens,
//! the real verifier and the real key cache, under several cache policies, with many ages of the
//! cache and many draws of the arrivals. It is pure: the same plan and seed give the same rows on
//! every machine.

mod asked;
mod cause_counts;
pub mod expected;
mod hindsight;
mod instance;
mod issuance;
mod loss;
mod metrics;
mod peek;
mod recalling;
mod seen;
mod state;
mod tally;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use asked::Asked;
use cause_counts::CauseCounts;
use instance::{Instance, InstanceRun};
use issuance::Issuance;
use loss::Losses;
use metrics::{PhaseCost, by_phase, compare, over_runs, regret, starts, values};
use rayon::prelude::*;
use seen::{Outage, SeenScope};
use sha2::{Digest as _, Sha256};
use state::ExposureSpans;

use jwtbench_result::simulation::{
    HindsightPoint, MetricRange, Minute, PhaseRow, SimulationCounts, SimulationEvent, SimulationRow,
};
use jwtbench_scenario::format::cache::{CacheSpec, Start};
use jwtbench_scenario::format::hex::hex;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::model::state::NamedStrategy;
use jwtbench_scenario::plan::Plan;
use jwtbench_scenario::plan::flow::{self, FlowFault};
use jwtbench_scenario::token::class::Flood;
use jwtbench_scenario::token::corpus::Refs;
use jwtbench_scenario::{InstanceAges, Phase, Scenario};
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::tick::Tick;

use crate::trial::TrialError;

/// The greatest age of a cache at the beginning. A cache whose set never expires is at most this
/// old.
const LONGEST_CYCLE: Duration = Duration::from_secs(86_400);
/// The longest scenario that gets a timeline by minute.
const LONGEST_TIMELINE: Duration = Duration::from_secs(3600);
/// The golden ratio less one. The fractions of its multiples fill the span from 0 to 1 evenly,
/// independently of the order of the ages.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// The parameters of a simulation.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// The algorithm of the tokens.
    pub algorithm: Algorithm,
    /// The number of ages of the cache, evenly spread over its ttl.
    pub offsets: u32,
    /// The number of draws of the arrivals. Every pair of an age and a draw is a run.
    pub draws: u32,
}

/// The parameters of one run.
#[derive(Clone, Copy, Debug)]
struct Beginning {
    /// The number of the age of the cache, and the number of ages.
    age: (u32, u32),
    /// The number of the draw of the arrivals.
    draw: u32,
}

impl Beginning {
    /// The run's place among all runs. Those of the first draw come first.
    fn place(self) -> u32 {
        let (age, ages) = self.age;
        self.draw * ages + age
    }
}

/// Verdicts of one kind that the contract does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongVerdict {
    /// The scenario.
    pub scenario: String,
    /// The cache policy, or the state strategy in a scenario with state.
    pub cache_policy: String,
    /// The token class.
    pub class: &'static str,
    /// The code due.
    pub due: &'static str,
    /// The code given.
    pub given: &'static str,
    /// The number of such verdicts.
    pub count: u64,
}

/// Why a scenario could not be simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// The scenario's arrivals cannot be drawn.
    #[error(transparent)]
    Flow(#[from] FlowFault),
    /// The scenario's policy is not valid for the algorithm.
    #[error(transparent)]
    Trial(#[from] TrialError),
}

/// The results of one scenario.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Simulated {
    /// A row for each cache policy, in their order.
    pub rows: Vec<SimulationRow>,
    /// For each row the figures that the scenario's expectations need, by name
    /// (`phase.stream.metric`). A figure that does not exist is absent.
    pub figures: Vec<BTreeMap<String, MetricRange>>,
    /// The results of hindsight, by number of fetches.
    pub hindsight: Vec<HindsightPoint>,
    /// The events of the scenario.
    pub events: Vec<SimulationEvent>,
    /// Verdicts that the contract does not allow.
    pub wrong: Vec<WrongVerdict>,
}

/// What a row is about: a cache policy and, in a scenario with state, a state strategy in place of
/// the scenario's.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedLine {
    /// The cache policy.
    pub cache: CacheSpec,
    /// The state strategy; `None` for that of the scenario.
    pub strategy: Option<NamedStrategy>,
}

impl From<CacheSpec> for SimulatedLine {
    fn from(cache: CacheSpec) -> SimulatedLine {
        SimulatedLine { cache, strategy: None }
    }
}

/// Simulates one scenario under each of the cache policies or state strategies, with what each
/// cache holds at the beginning.
///
/// # Errors
/// If the scenario's arrivals cannot be drawn one at a time, or its policy does not allow the
/// algorithm.
pub fn simulate(
    scenario: &Scenario,
    lines: &[impl Clone + Into<SimulatedLine>],
    signers: &Signers,
    ask: Ask,
) -> Result<Simulated, SimulationError> {
    let mut whole = Simulated::default();
    simulate_each(scenario, lines, signers, ask, &mut |one: Simulated| {
        whole.rows.extend(one.rows);
        whole.figures.extend(one.figures);
        whole.hindsight.extend(one.hindsight);
        whole.events.extend(one.events);
        whole.wrong.extend(one.wrong);
    })?;
    Ok(whole)
}

/// Simulates one scenario as [`simulate`] does, and gives each result to `finished` as soon as it
/// is known: first those that need no policy, then line by line.
///
/// # Errors
/// The errors of [`simulate`].
pub fn simulate_each(
    scenario: &Scenario,
    lines: &[impl Clone + Into<SimulatedLine>],
    signers: &Signers,
    ask: Ask,
    finished: &mut dyn FnMut(Simulated),
) -> Result<(), SimulationError> {
    let mut issued = Issuance::new(scenario, signers, ask)?;
    let hindsight = issued.worst_hindsight();
    finished(Simulated { hindsight, events: events(scenario), ..Simulated::default() });
    for line in lines {
        let SimulatedLine { cache, strategy } = line.clone().into();
        let scenario = match strategy {
            Some(strategy) => scenario.clone().informed_by(strategy),
            None => scenario.clone(),
        };
        if scenario.issuer.token_lifetime != issued.lifetime {
            issued = Issuance::new(&scenario, signers, ask)?;
        }
        finished(simulate_line(&scenario, &cache, &issued, ask)?);
    }
    Ok(())
}

/// Simulates one line.
fn simulate_line(
    scenario: &Scenario,
    spec: &CacheSpec,
    issued: &Issuance,
    ask: Ask,
) -> Result<Simulated, SimulationError> {
    let draws = ask.draws.max(1);
    let Issuance { plan, refs, plan_hash, hindsights, .. } = issued;
    let is_cold = |scenario: &Scenario| scenario.cache.start == Start::Cold;
    let plan = Variants::new(plan, scenario, spec);
    let ages = plan.ages(ask.offsets);
    let runs = (0..draws).flat_map(move |draw| (0..ages).map(move |age| (age, draw)));
    let runs: Vec<Beginning> =
        runs.map(|(age, draw)| Beginning { age: (age, ages), draw }).collect();
    // The schedule can only be compared if it begins with the same keys.
    let is_alike = is_cold(&plan.whole.scenario) == is_cold(scenario);
    let one = |run: &Beginning| {
        let hindsight = if is_alike { hindsights[run.draw as usize].as_slice() } else { &[] };
        plan.met_by(*run).live(refs, *run, hindsight)
    };
    let fleets = runs.par_iter().map(one).collect::<Result<Vec<Fleet>, TrialError>>()?;
    let mut figures = over_runs(fleets.iter().flat_map(|fleet| &fleet.asked));
    if let Some(figure) = figures.get_mut("all.all.state_exposure") {
        *figure = exposure_over(&fleets).unwrap_or(*figure);
    }
    let mut wrong = Vec::new();
    let row = plan.row(fleets, (ages, draws), &mut wrong);
    let row = SimulationRow { plan_hash: Some(plan_hash.clone()), ..row };
    let (rows, figures) = (vec![row], vec![figures]);
    Ok(Simulated { rows, figures, wrong, ..Simulated::default() })
}

/// The phases and events of a scenario, in order.
fn events(scenario: &Scenario) -> Vec<SimulationEvent> {
    let phases = scenario.phases.iter().skip(1);
    let phases = phases.map(|phase| (phase.at, format!("phase {}", phase.name)));
    let events = scenario.events.iter().map(|event| match event.spread {
        Duration::ZERO => (event.at, event.action.label()),
        spread => {
            let spread = humantime::format_duration(spread);
            (event.at, format!("{}, up to {spread} later", event.action.label()))
        }
    });
    let mut all: Vec<(Duration, String)> = phases.chain(events).collect();
    all.sort_by_key(|(at, _)| *at);
    let name = &scenario.name;
    let one = |(at, what): (Duration, String)| SimulationEvent {
        scenario: name.clone(),
        at_s: at.as_secs_f64(),
        what,
    };
    all.into_iter().map(one).collect()
}

/// A plan under one cache policy, and the same plan without each of its floods.
struct Variants {
    whole: Plan,
    quiet: Vec<(Flood, Plan)>,
    asked: Arc<Asked>,
}

/// The results of the instances of one run. Their caches begin with one age, or with ages spread
/// over the ttl.
struct Fleet {
    values: BTreeMap<&'static str, Option<f64>>,
    asked: BTreeMap<String, Option<f64>>,
    exposures: ExposureSpans,
    /// The least exposures of whoever locks nobody out.
    bounds: ExposureSpans,
    phases: Vec<PhaseCost>,
    counts: SimulationCounts,
    causes: CauseCounts,
    timeline: Vec<Minute>,
    wrong: BTreeMap<(&'static str, &'static str, &'static str), u64>,
    hash: [u8; 32],
}

/// The exposures of revoked tokens over all runs.
fn exposure_over(fleets: &[Fleet]) -> Option<MetricRange> {
    state::exposure(fleets.iter().map(|fleet| &fleet.exposures))
}

/// Adds the counts of `more` to `sum`, minute by minute.
fn add_up(sum: &mut Vec<Minute>, more: &[Minute]) {
    sum.resize(sum.len().max(more.len()), Minute::default());
    for (sum, more) in sum.iter_mut().zip(more) {
        sum.add(more);
    }
}

impl Variants {
    fn new(plan: &Plan, scenario: &Scenario, spec: &CacheSpec) -> Variants {
        let scenario = scenario.clone().cached_by(spec.clone());
        let floods = Flood::ALL.into_iter().filter(|flood| flood.is_in(&scenario));
        let quiet = floods.map(|flood| (flood, plan.flowing(flood.silenced(&scenario)))).collect();
        let asked = Arc::new(Asked::of(&scenario));
        Variants { whole: plan.flowing(scenario), quiet, asked }
    }

    /// The number of ages of the cache that are simulated, if `offsets` are asked for.
    fn ages(&self, offsets: u32) -> u32 {
        match self.whole.scenario.cache.start {
            // Of a fleet each draw has ages of its own.
            _ if self.whole.scenario.state.is_some() => 1,
            Start::Cold | Start::Age(_) => 1,
            Start::Warm => offsets.max(1),
        }
    }

    /// The instant since which the cache of an instance holds its set, at this age of so many;
    /// `None` for a cold start.
    fn warm_since(&self, (age, ages): (u32, u32), instance: u32) -> Option<Tick> {
        let cache = &self.whole.scenario.cache;
        if let Start::Age(age) = cache.start {
            return Some(Tick::ZERO - age);
        }
        let max_age = self.whole.scenario.phases[0].endpoint.max_age;
        let cycle = cache.policy.ttl_of(max_age).min(LONGEST_CYCLE);
        let share = (f64::from(age) + 0.5) / f64::from(ages);
        let apart = match self.whole.scenario.instances.ages {
            InstanceAges::Same => 0.0,
            InstanceAges::Spread => f64::from(instance) * GOLDEN,
        };
        let share = (share + apart).fract();
        (cache.start != Start::Cold).then(|| Tick::ZERO - cycle.mul_f64(share))
    }

    /// The variants for this run: with its own arrivals, and with the events that are spread over
    /// time moved.
    fn met_by(&self, run: Beginning) -> Variants {
        let share = flow::spread_share(self.whole.seed, run.place());
        let met = |plan: &Plan| plan.drawn(run.draw).moved(share);
        let quiet = self.quiet.iter().map(|(flood, plan)| (*flood, met(plan)));
        let asked = Arc::clone(&self.asked);
        Variants { whole: met(&self.whole), quiet: quiet.collect(), asked }
    }

    fn live(
        &self,
        refs: &Refs,
        run: Beginning,
        hindsight: &[HindsightPoint],
    ) -> Result<Fleet, TrialError> {
        let fleet = |plan: &Plan, scopes: &[SeenScope]| -> Result<Vec<InstanceRun>, TrialError> {
            let seed = |number: u32| plan.seed ^ (u64::from(number) << 32 | u64::from(run.age.0));
            let one = |number| {
                let warm_since = self.warm_since(run.age, number);
                let seed = seed(number);
                Instance { plan, refs, warm_since, seed, renewals: &[], scopes }
            };
            // A fleet that shares a store is one run.
            let count =
                if plan.scenario.state.is_some() { 1 } else { plan.scenario.instances.count };
            (0..count).map(|number| one(number).run()).collect()
        };
        let runs = fleet(&self.whole, self.asked.scopes())?;
        let mut values = values(&self.whole, &runs);
        runs.iter().for_each(|run| state::add(&self.whole, run, &mut values));
        let records = || runs.iter().filter_map(|run| run.state.as_ref());
        let exposures = records().flat_map(|state| &state.times.spans).copied().collect();
        let bounds = records().flat_map(|state| &state.bounds).copied().collect();
        values.extend(regret(&values, &runs, hindsight).map(|regret| ("regret_s", regret)));
        for (flood, plan) in &self.quiet {
            let quiet = fleet(plan, &[])?;
            compare(*flood, &runs, &quiet, &mut values);
        }
        let losses = Losses::of(&self.whole);
        let lost = |span: (Tick, Tick)| {
            let starts = runs.iter().flat_map(|one| starts(&one.fetches));
            losses.as_ref().map(|losses| losses.worst(&self.whole, starts, span))
        };
        values.extend(lost((Tick::MIN, Tick::MAX)).map(|lost| ("poison_loss", Some(lost))));
        let asked = self.asked.values(&self.whole, &runs, &values, lost);
        let phases = by_phase(&self.whole, &runs, lost);
        let mut hash = Sha256::new();
        let (mut counts, mut causes) = (SimulationCounts::default(), CauseCounts::default());
        let (mut wrong, mut timeline) = (BTreeMap::new(), Vec::new());
        let is_short = self.whole.scenario.load.duration <= LONGEST_TIMELINE;
        for InstanceRun { tally, fetches, served, .. } in runs {
            let attempts = starts(&fetches).count() as u64;
            if is_short {
                add_up(&mut timeline, &tally.whole.minutes(starts(&fetches)));
            }
            let served = served.served;
            let misreported = tally.counts.misreported + tally.whole.misreported;
            counts.add(&SimulationCounts { attempts, served, misreported, ..tally.counts });
            causes.add(&tally.causes);
            for (key, count) in &tally.wrong {
                *wrong.entry(*key).or_default() += count;
            }
            hash.update(tally.stream_hash());
        }
        let hash = hash.finalize().into();
        Ok(Fleet {
            values,
            asked,
            exposures,
            bounds,
            phases,
            counts,
            causes,
            timeline,
            wrong,
            hash,
        })
    }

    fn row(
        &self,
        fleets: Vec<Fleet>,
        (ages, draws): (u32, u32),
        wrong: &mut Vec<WrongVerdict>,
    ) -> SimulationRow {
        let scenario = &self.whole.scenario;
        let mut metrics = over_runs(fleets.iter().flat_map(|fleet| &fleet.values));
        metrics.extend(exposure_over(&fleets).map(|range| ("state_exposure_s".to_owned(), range)));
        let bounds = state::exposure(fleets.iter().map(|fleet| &fleet.bounds));
        metrics.extend(bounds.map(|range| ("state_bound_s".to_owned(), range)));
        let (mut counts, mut causes) = (SimulationCounts::default(), CauseCounts::default());
        let (mut hash, mut timeline) = (Sha256::new(), Vec::new());
        let mut breaches: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
        let phases = phases(scenario, &fleets);
        for fleet in fleets {
            counts.add(&fleet.counts);
            add_up(&mut timeline, &fleet.timeline);
            causes.add(&fleet.causes);
            for (key, count) in fleet.wrong {
                *breaches.entry(key).or_default() += count;
            }
            hash.update(fleet.hash);
        }
        wrong.extend(breaches.into_iter().map(|((class, due, given), count)| WrongVerdict {
            scenario: scenario.name.clone(),
            cache_policy: match &scenario.state {
                Some(state) => state.strategy.name.clone(),
                None => scenario.cache.name.clone(),
            },
            class,
            due,
            given,
            count,
        }));
        let (key_age_s, wait_s) = (metrics.remove("key_age_s"), metrics.remove("wait_s"));
        let [causes, lockout_causes] = causes.stored();
        SimulationRow {
            scenario: scenario.name.clone(),
            cache_policy: scenario.cache.name.clone(),
            state_strategy: scenario.state.as_ref().map(|state| state.strategy.name.clone()),
            seed: self.whole.seed,
            instances: scenario.instances.count,
            ages,
            draws,
            horizon_s: scenario.load.duration.as_secs_f64(),
            fault_s: Outage::of(&self.whole).length_s(scenario.load.duration),
            metrics,
            key_age_s,
            wait_s,
            counts,
            causes,
            lockout_causes,
            is_gated: false,
            expectations: Vec::new(),
            unjudged: Vec::new(),
            phases,
            timeline,
            plan_hash: None,
            stream_hash: hex(&hash.finalize()),
        }
    }
}

/// The cost of each phase, over all runs.
fn phases(scenario: &Scenario, fleets: &[Fleet]) -> Vec<PhaseRow> {
    let one = |(place, phase): (usize, &Phase)| {
        let costs = || fleets.iter().filter_map(|fleet| fleet.phases.get(place));
        let over = |figure: fn(&PhaseCost) -> Option<f64>| {
            MetricRange::of(&costs().filter_map(figure).map(Some).collect::<Vec<_>>())
        };
        Some(PhaseRow {
            phase: phase.name.clone(),
            lockout_s: over(|cost| Some(cost.lockout_s))?,
            attempts_per_hour: over(|cost| Some(cost.attempts_per_hour)),
            poison_loss: over(|cost| cost.poison_loss),
        })
    };
    scenario.phases.iter().enumerate().filter_map(one).collect()
}
