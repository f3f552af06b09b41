//! Finds the capacities of a job's contenders: closed loops in turns, a model of each contender,
//! real open loops in turns, and the capacity cards.

use std::sync::atomic::Ordering;
use std::time::Duration;

use jwtbench_engine::contender::ContenderSpec;
use jwtbench_engine::real::clock::Stopwatch;
use jwtbench_engine::real::saturate;
use jwtbench_engine::session::{Job, Session, SessionObserver as _};
use jwtbench_engine::trial::{Gathering, Trial, class_state};
use jwtbench_result::capacity::{
    Capacity, CapacityCard, LoadCheck, LoadFigures, Model, Saturated, Slo, curve, figures,
};
use jwtbench_result::{Latencies, Measurement, RunResult};
use jwtbench_scenario::Scenario;
use jwtbench_scenario::plan::{MAX_ARRIVALS, Plan};
use jwtbench_scenario::token::class::{Class, Flood};

use crate::Failure;
use crate::progress::LiveProgress;

use super::agenda::{Agenda, SearchStep};

/// The load of the first real open loop, as a share of capacity. The second one runs at the
/// modelled limit.
const SHARE: f64 = 0.7;
/// The load of the second real open loop, as a share of capacity, if the objective has no limit or
/// its limit is that of the first loop.
const OTHER_SHARE: f64 = 0.9;
/// The number of pieces of a real open loop. Between two pieces, the other contenders run theirs.
const PIECES: u32 = 4;

/// The task of finding capacities, with its settings.
#[derive(Clone, Debug)]
pub struct CapacityTask {
    /// The objective.
    pub slo: Slo,
    /// The rate per second that cores are counted for, if any.
    pub for_rate: Option<f64>,
    /// The measured time of a closed round, and the number of rounds.
    pub closed: (Duration, u32),
    /// The measured time of a real open loop.
    pub open: Duration,
}

/// A job under measurement, with its session and its progress.
pub struct CapacityBench<'a> {
    /// The job.
    pub job: &'a Job,
    /// The session, with the signers, the calibration and the stop flag.
    pub session: &'a Session<'a>,
    /// The progress to show it on.
    pub progress: &'a LiveProgress,
}

/// The figures of a closed loop, one entry for each contender. `None` if the loop was stopped.
type Saturation = Option<Vec<(Saturated, Measurement)>>;

impl CapacityBench<'_> {
    pub(super) fn say(&self, what: &str) {
        let Job { scenario, algorithm, .. } = self.job;
        self.progress.say(format!("{} {algorithm}: {what}", scenario.name));
    }

    fn plan(&self, scenario: &Scenario) -> Result<Plan, Failure> {
        if scenario.planned() > MAX_ARRIVALS {
            let (name, millions) = (&scenario.name, MAX_ARRIVALS / 1e6);
            return Err(Failure::Usage(format!(
                "{name}: at this capacity over {millions:.0} million arrivals would be planned; \
                 lower the share of capacity, or --duration"
            )));
        }
        Ok(Plan::new(scenario, self.job.algorithm, self.session.signers(), &|_| {}).checked()?)
    }

    fn trial<'p>(&self, plan: &'p Plan, contender: ContenderSpec) -> Result<Trial<'p>, Failure> {
        let state = class_state(plan);
        let trial = Trial::new(plan, contender, state.as_ref())?;
        Ok(trial.calibrated(self.session.calibration().cloned()))
    }

    /// Runs closed loops of the contenders, which take turns.
    pub(super) fn saturate(
        &self,
        contenders: &[ContenderSpec],
        plan: &Plan,
    ) -> Result<Saturation, Failure> {
        let trial = |contender: &ContenderSpec| self.trial(plan, *contender);
        let trials = contenders.iter().map(trial).collect::<Result<Vec<_>, _>>()?;
        Ok(saturate(trials, self.session.control())?)
    }
}

/// One contender whose capacity is being found.
struct Candidate {
    contender: ContenderSpec,
    saturated: Saturated,
    model: Model,
    limit: Option<f64>,
    forged: Option<Saturated>,
    checks: Vec<LoadCheck>,
}

/// One real open loop, run piece by piece.
struct OpenLoop<'p> {
    plan: &'p Plan,
    trial: Trial<'p>,
    gathering: Gathering<'p>,
    latencies: Latencies,
}

/// The remaining steps, and the progress that shows them.
struct ShownAgenda<'a> {
    agenda: Agenda,
    progress: &'a LiveProgress,
    /// Measures the time since the last step ended.
    since: Stopwatch,
}

impl ShownAgenda<'_> {
    /// Runs a step, and records how long it took, including the work since the last step.
    fn step<T>(&mut self, step: SearchStep, take: impl FnOnce() -> T) -> T {
        let next = self.agenda.next(step);
        self.progress.foresee(self.agenda.left().saturating_sub(next), next);
        let taken = take();
        self.agenda.over(step, self.since.elapsed());
        self.since = Stopwatch::start();
        self.progress.foresee(self.agenda.left(), Duration::ZERO);
        self.progress.step();
        taken
    }
}

impl CapacityTask {
    /// The steps of the search for all jobs.
    pub fn agenda(&self, jobs: &[Job]) -> Agenda {
        let mut agenda = Agenda::default();
        for job in jobs {
            let closed = self.closed(&job.scenario, &job.scenario.mix());
            let load = &closed.load;
            let rounds = (load.warmup + load.duration) * load.rounds;
            let judges = job.contenders.iter().filter(|spec| spec.judges()).count() as u32;
            let count = job.contenders.len() as u32;
            let forged = u32::from(judges > 0);
            agenda.plan(SearchStep::Sign, 1 + forged + 2 * count, Duration::ZERO);
            agenda.plan(SearchStep::Closed, 1, rounds * count);
            agenda.plan(SearchStep::Forged, forged, rounds * judges);
            agenda.plan(SearchStep::Model, count, Duration::ZERO);
            agenda.plan(SearchStep::Open, 2 * PIECES * count, load.warmup + self.open / PIECES);
            agenda.plan(SearchStep::Card, count, Duration::ZERO);
        }
        agenda
    }

    /// Finds the capacity of each contender of a job, and adds it to the result with the
    /// measurements of the closed loops. `agenda` covers all jobs; afterwards it holds only the
    /// remaining steps.
    pub fn measure(
        &self,
        bench: &CapacityBench<'_>,
        agenda: &mut Agenda,
        result: &mut RunResult,
    ) -> Result<(), Failure> {
        let (agenda_now, progress) = (agenda.clone(), bench.progress);
        let since = Stopwatch::start();
        let mut shown = ShownAgenda { agenda: agenda_now, progress, since };
        let found = self.find(bench, &mut shown, result);
        *agenda = shown.agenda;
        result.capacities.extend(found?.unwrap_or_default());
        Ok(())
    }

    /// Finds the capacities of all contenders of a job. `None` if the search was stopped.
    fn find(
        &self,
        bench: &CapacityBench<'_>,
        shown: &mut ShownAgenda<'_>,
        result: &mut RunResult,
    ) -> Result<Option<Vec<Capacity>>, Failure> {
        let mix = bench.job.scenario.mix();
        let Some(mut candidates) = self.candidates(bench, &mix, shown, result)? else {
            return Ok(None);
        };
        for which in 0..2 {
            bench.say(&format!("real open loops, {} of 2", which + 1));
            if !self.check(bench, &mix, &mut candidates, which, shown)? {
                return Ok(None);
            }
        }
        let capacity = |candidate: Candidate| {
            bench.say(&format!("card of {}", candidate.contender));
            shown.step(SearchStep::Card, || self.capacity(bench, candidate))
        };
        Ok(Some(candidates.into_iter().map(capacity).collect()))
    }

    /// Runs closed loops of all contenders in turns, and makes a model of each. `None` if the
    /// search was stopped.
    fn candidates(
        &self,
        bench: &CapacityBench<'_>,
        mix: &[(Class, f64)],
        shown: &mut ShownAgenda<'_>,
        result: &mut RunResult,
    ) -> Result<Option<Vec<Candidate>>, Failure> {
        let Job { scenario, contenders, .. } = bench.job;
        bench.say("signing");
        let plan = shown.step(SearchStep::Sign, || bench.plan(&self.closed(scenario, mix)))?;
        bench.say("closed loops, taking turns");
        let found = shown.step(SearchStep::Closed, || bench.saturate(contenders, &plan))?;
        let Some(found) = found else {
            return Ok(None);
        };
        let Some(mut forged) = self.forged(bench, shown)? else {
            return Ok(None);
        };
        let mut candidates = Vec::new();
        for (contender, (saturated, measurement)) in contenders.iter().zip(found) {
            result.measurements.push(measurement);
            bench.say(&format!("model of {contender}"));
            let seed = bench.session.signers().seed();
            let modelled = shown.step(SearchStep::Model, || {
                let model = Model::new(saturated.services.clone(), seed)?;
                let limit = model.limit(&self.slo, saturated.capacity_per_s);
                Some((model, limit))
            });
            let Some((model, limit)) = modelled else {
                let name = &scenario.name;
                return Err(Failure::Error(format!(
                    "{name} {contender}: a worker finished nothing in the closed loop; raise \
                     --duration"
                )));
            };
            let forged = if contender.judges() { forged.pop() } else { None };
            let (contender, checks) = (*contender, Vec::new());
            candidates.push(Candidate { contender, saturated, model, limit, forged, checks });
        }
        Ok(Some(candidates))
    }

    fn closed(&self, scenario: &Scenario, mix: &[(Class, f64)]) -> Scenario {
        let (duration, rounds) = self.closed;
        scenario.closed(mix).in_rounds(duration, rounds)
    }

    /// Runs closed loops of forged tokens with one worker, for each contender that judges tokens.
    /// The last contender's figures come first. `None` if the search was stopped.
    fn forged(
        &self,
        bench: &CapacityBench<'_>,
        shown: &mut ShownAgenda<'_>,
    ) -> Result<Option<Vec<Saturated>>, Failure> {
        let judges = |spec: &&ContenderSpec| spec.judges();
        let contenders: Vec<ContenderSpec> =
            bench.job.contenders.iter().filter(judges).copied().collect();
        let is_forged = |class: &Class| class.row().flood == Some(Flood::BadSignature);
        let Some(class) = Class::all().find(is_forged).filter(|_| !contenders.is_empty()) else {
            return Ok(Some(Vec::new()));
        };
        let closed = self.closed(&bench.job.scenario, &[(class, 100.0)]).single_worker();
        let plan = shown.step(SearchStep::Sign, || bench.plan(&closed))?;
        bench.say("forged tokens, taking turns");
        let found = shown.step(SearchStep::Forged, || bench.saturate(&contenders, &plan))?;
        Ok(found.map(|found| found.into_iter().rev().map(|(saturated, _)| saturated).collect()))
    }

    /// Runs one real open loop of every contender, piece by piece in turns, and adds its figures
    /// beside those of the model. False if the search was stopped.
    fn check(
        &self,
        bench: &CapacityBench<'_>,
        mix: &[(Class, f64)],
        candidates: &mut [Candidate],
        which: usize,
        shown: &mut ShownAgenda<'_>,
    ) -> Result<bool, Failure> {
        let control = bench.session.control();
        let mut plans = Vec::new();
        for candidate in &*candidates {
            let capacity = candidate.saturated.capacity_per_s;
            let load = loads(candidate.limit.map(|limit| limit / capacity))[which];
            let fits = Duration::from_secs_f64(MAX_ARRIVALS / 4.0 / capacity.max(1.0));
            let piece = self.open.min(fits) / PIECES;
            let open = bench.job.scenario.open(mix, load * capacity, piece);
            plans.push((load, shown.step(SearchStep::Sign, || bench.plan(&open))?));
        }
        let mut loops = Vec::new();
        for (candidate, (_, plan)) in candidates.iter().zip(&plans) {
            loops.push(OpenLoop {
                plan,
                trial: bench.trial(plan, candidate.contender)?,
                gathering: Gathering::new(plan, candidate.contender, false),
                latencies: Latencies::default(),
            });
        }
        for piece in 0..PIECES {
            let mut order: Vec<usize> = (0..loops.len()).collect();
            order.rotate_left(piece as usize % loops.len().max(1));
            for at in order {
                let running = &mut loops[at];
                let record = shown.step(SearchStep::Open, || running.trial.run(control))?;
                if record.interrupted || control.stop.load(Ordering::Relaxed) {
                    return Ok(false);
                }
                let headline = record.ledger.headline();
                if running.gathering.add(piece, record) {
                    running.latencies.merge(&headline);
                }
            }
        }
        for (candidate, (running, (load, _))) in
            candidates.iter_mut().zip(loops.into_iter().zip(&plans))
        {
            let check = running.beside(&candidate.model, &self.slo, *load);
            candidate.checks.push(check);
        }
        Ok(true)
    }

    fn capacity(&self, bench: &CapacityBench<'_>, candidate: Candidate) -> Capacity {
        let Candidate { contender, saturated, model, limit, forged, checks } = candidate;
        let scenario = &bench.job.scenario;
        let capacity_per_s = saturated.capacity_per_s;
        let card = CapacityCard::of(&saturated, &model, &self.slo, limit, forged.as_ref())
            .with_cores(self.for_rate, limit, &saturated, &checks);
        Capacity {
            scenario: scenario.name.clone(),
            contender: contender.to_string(),
            algorithm: bench.job.algorithm.name().into(),
            workers: scenario.load.workers,
            capacity_per_s,
            disturbed: saturated.disturbed,
            mean_service_ns: model.mean_service_ns(),
            slo: self.slo.to_string(),
            curve: curve(&model, &self.slo, capacity_per_s),
            limit_per_s: limit,
            checks,
            card,
        }
    }
}

impl OpenLoop<'_> {
    /// The measured figures of the loop beside those of the model.
    fn beside(self, model: &Model, slo: &Slo, load: f64) -> LoadCheck {
        let OpenLoop { plan, gathering, latencies, .. } = self;
        let streams = &plan.scenario.streams;
        let rate_per_s: f64 = streams.iter().map(|stream| stream.settings[0].rate.per_s).sum();
        let at = |quantile| latencies.response_at(quantile);
        let measured = LoadFigures { p50_ns: at(0.5), p99_ns: at(0.99), slo_ns: at(slo.quantile) };
        let measurement = gathering.finish();
        let modelled = figures(model, slo, rate_per_s);
        LoadCheck {
            load,
            rate_per_s,
            done: measurement.arrivals.done,
            unfinished: measurement.arrivals.unfinished,
            wrong: measurement.verdicts.wrong,
            modelled,
            measured,
            disagreement: measured.slo_ns as f64 / (modelled.slo_ns as f64).max(1.0),
            holds: slo.holds(measured.slo_ns),
            disturbed: measurement.disturbance(),
        }
    }
}

/// The loads of the two real open loops, as shares of capacity. They differ, so that they also show
/// the slope.
fn loads(limit: Option<f64>) -> [f64; 2] {
    match limit {
        Some(limit) if (limit - SHARE).abs() > 0.02 => [SHARE, limit.min(1.0)],
        _ => [SHARE, OTHER_SHARE],
    }
}
