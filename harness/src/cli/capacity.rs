//! `run --capacity`: what a contender can carry, and what its users would wait below that. Also
//! the calibration behind rates such as `"70%"`.

use std::time::Duration;

use clap::Args;

use crate::contender::{ContenderSpec, Optional};
use crate::result::Measurement;
use crate::result::RunResult;
use crate::result::capacity::{
    Capacity, CapacityCard, LoadCheck, LoadFigures, Model, RateBasis, ResolvedRate, Saturated,
    Service, Slo, curve, figures,
};
use crate::scenario::Scenario;
use crate::scenario::class::Class;
use crate::scenario::plan::{MAX_ARRIVALS, Plan};
use crate::scenario::signer::Signers;
use crate::trial::{Control, Gathering, Trial, initial_revocations};

use super::Failure;
use super::job::Job;
use super::progress::Progress;

/// What `--capacity` measures unless told otherwise.
pub const SCENARIO: &str = "hot-path/mix";
/// The objective unless told otherwise.
const SLO: &str = "p99 < 1ms";
/// Measured time of a closed round, and its rounds.
const CLOSED: (Duration, u32) = (Duration::from_millis(500), 3);
/// Measured time of a real open loop.
const OPEN: Duration = Duration::from_secs(2);
/// A real open loop runs at this share of capacity, another at the modelled limit.
const SHARE: f64 = 0.7;
/// The second one where the objective has no limit, or that of the first one.
const OTHER_SHARE: f64 = 0.9;
/// The class of forged tokens.
const FORGED: &str = "bad-signature";

/// Flags of `run` for capacities.
#[derive(Args, Clone, Debug)]
pub struct CapacityArgs {
    /// Find the capacity of a scenario's mix, response times below it, and the highest rate that
    /// holds --slo [scenario: hot-path/mix]
    #[arg(long, conflicts_with_all = ["full", "rate", "tokens"])]
    capacity: bool,
    /// The objective [default: 'p99 < 1ms']
    #[arg(long, value_name = "SLO", requires = "capacity", value_parser = Slo::parse)]
    slo: Option<Slo>,
    /// Count the cores for this rate per second, such as 200k
    #[arg(long, value_name = "RATE", requires = "capacity", value_parser = rate)]
    for_rate: Option<f64>,
}

/// A rate per second, with `k` or `M` for thousands or millions.
fn rate(text: &str) -> Result<f64, String> {
    let scales = [("k", 1e3), ("M", 1e6), ("", 1.0)];
    let found = scales.iter().find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)));
    let number = found.and_then(|(digits, scale)| Some(digits.parse::<f64>().ok()? * scale));
    match number {
        Some(rate) if rate > 0.0 && rate <= 1e12 => Ok(rate),
        _ => Err("no rate above 0; write it like 5000, 200k or 1.5M".into()),
    }
}

/// Finding capacities, with everything that it takes.
#[derive(Clone, Debug)]
pub struct Task {
    slo: Slo,
    for_rate: Option<f64>,
    closed: (Duration, u32),
    open: Duration,
}

impl CapacityArgs {
    /// Whether capacities are to be found.
    pub fn is_asked(&self) -> bool {
        self.capacity
    }

    /// The task, if capacities are to be found; `duration` and `rounds` as the user gave them.
    pub fn task(&self, duration: Option<Duration>, rounds: Option<u32>) -> Option<Task> {
        let slo = self.slo.clone().or_else(|| Slo::parse(SLO).ok())?;
        self.capacity.then(|| Task {
            slo,
            for_rate: self.for_rate,
            closed: (duration.unwrap_or(CLOSED.0), rounds.unwrap_or(CLOSED.1)),
            open: duration.unwrap_or(OPEN),
        })
    }
}

/// A job's contender at work.
struct Bench<'a> {
    job: &'a Job,
    contender: ContenderSpec,
    signers: &'a Signers,
    control: Control<'a>,
    progress: &'a Progress,
}

impl Bench<'_> {
    fn say(&self, what: &str) {
        let Job { scenario, algorithm, .. } = self.job;
        self.progress.say(format!("{} {algorithm} {}: {what}", scenario.name, self.contender));
    }

    fn plan(&self, scenario: &Scenario) -> Result<Plan, Failure> {
        if scenario.planned() > MAX_ARRIVALS {
            let (name, millions) = (&scenario.name, MAX_ARRIVALS / 1e6);
            return Err(Failure::Usage(format!(
                "{name}: at this capacity over {millions:.0} million arrivals would be planned; \
                 lower the share of capacity, or --duration"
            )));
        }
        Ok(Plan::new(scenario, self.job.algorithm, self.signers, &|_| {}))
    }

    /// A closed loop; `None` if told to stop.
    fn saturate(&self, closed: &Scenario) -> Result<Option<(Saturated, Measurement)>, Failure> {
        let plan = self.plan(closed)?;
        let trial = Trial::new(&plan, self.contender, initial_revocations(&plan).as_ref())?;
        Ok(trial.saturate(self.control)?)
    }

    /// A real open loop beside the model; `None` if told to stop.
    fn check(
        &self,
        model: &Model,
        slo: &Slo,
        load: f64,
        open: &Scenario,
    ) -> Result<Option<LoadCheck>, Failure> {
        let rate_per_s: f64 = open.streams.iter().map(|stream| stream.settings[0].rate.per_s).sum();
        let plan = self.plan(open)?;
        let trial = Trial::new(&plan, self.contender, initial_revocations(&plan).as_ref())?;
        let record = trial.run(self.control)?;
        if record.interrupted {
            return Ok(None);
        }
        let headline = record.ledger.headline();
        let at = |quantile| headline.response_at(quantile);
        let measured = LoadFigures { p50_ns: at(0.5), p99_ns: at(0.99), slo_ns: at(slo.quantile) };
        let mut gathering = Gathering::new(&plan, self.contender, false);
        gathering.add(0, record);
        let measurement = gathering.finish();
        let modelled = figures(model, slo, rate_per_s);
        Ok(Some(LoadCheck {
            load,
            rate_per_s,
            done: measurement.arrivals.done,
            unfinished: measurement.arrivals.unfinished,
            wrong: measurement.verdicts.wrong,
            modelled,
            measured,
            disagreement: measured.slo_ns as f64 / (modelled.slo_ns as f64).max(1.0),
            holds: slo.holds(measured.slo_ns),
        }))
    }
}

impl Task {
    /// Finds the capacity of each contender of a job and enters it, with the closed loop behind
    /// it.
    pub fn measure(
        &self,
        job: &Job,
        signers: &Signers,
        control: Control<'_>,
        progress: &Progress,
        result: &mut RunResult,
    ) -> Result<(), Failure> {
        for contender in &job.contenders {
            let bench = Bench { job, contender: *contender, signers, control, progress };
            if let Some((capacity, measurement)) = self.find(&bench)? {
                result.capacities.push(capacity);
                result.measurements.push(measurement);
            }
            progress.skip(u64::from(job.scenario.load.rounds));
        }
        Ok(())
    }

    /// `None` if told to stop.
    fn find(&self, bench: &Bench<'_>) -> Result<Option<(Capacity, Measurement)>, Failure> {
        let scenario = &bench.job.scenario;
        let mix = scenario.mix();
        bench.say("closed loop");
        let Some((saturated, measurement)) = bench.saturate(&self.closed(scenario, &mix))? else {
            return Ok(None);
        };
        let model = Model::new(saturated.services.clone(), bench.signers.seed());
        let Some(model) = model else {
            let name = &scenario.name;
            return Err(Failure::Error(format!(
                "{name} {}: a worker finished nothing in the closed loop; raise --duration",
                bench.contender
            )));
        };
        bench.say("forged tokens");
        let Some(forged) = self.forged(bench)? else {
            return Ok(None);
        };
        let capacity = saturated.capacity_per_s;
        let limit = model.limit(&self.slo, capacity);
        let mut checks = Vec::new();
        for load in loads(limit.map(|limit| limit / capacity)) {
            bench.say(&format!("open loop at {:.0} % of capacity", load * 100.0));
            let duration = self.open.min(Duration::from_secs_f64(MAX_ARRIVALS / 4.0 / capacity));
            let open = scenario.open(&mix, load * capacity, duration);
            let Some(check) = bench.check(&model, &self.slo, load, &open)? else {
                return Ok(None);
            };
            checks.push(check);
        }
        let found = Capacity {
            scenario: scenario.name.clone(),
            contender: bench.contender.to_string(),
            algorithm: bench.job.algorithm.name().into(),
            workers: scenario.load.workers,
            capacity_per_s: capacity,
            mean_service_ns: model.mean_service_ns(),
            slo: self.slo.to_string(),
            curve: curve(&model, &self.slo, capacity),
            limit_per_s: limit,
            checks,
            card: CapacityCard::of(&saturated, &model, &self.slo, limit, &forged, self.for_rate),
        };
        Ok(Some((found, measurement)))
    }

    fn closed(&self, scenario: &Scenario, mix: &[(Class, f64)]) -> Scenario {
        let mut closed = scenario.closed(mix);
        (closed.load.duration, closed.load.rounds) = self.closed;
        closed
    }

    /// Services of forged tokens at one worker; none where the contender judges no tokens. `None`
    /// if told to stop.
    fn forged(&self, bench: &Bench<'_>) -> Result<Option<Vec<Service>>, Failure> {
        let Some(class) = Class::find(FORGED).filter(|_| bench.contender.judges()) else {
            return Ok(Some(Vec::new()));
        };
        let mut closed = bench.job.scenario.closed(&[(class, 100.0)]);
        closed.load.workers = 1;
        let saturated = bench.saturate(&closed)?;
        Ok(saturated.map(|(saturated, _)| saturated.services.concat()))
    }
}

/// The loads of the two real open loops, as shares of capacity: apart from each other, so that
/// they say something about the slope too.
fn loads(limit: Option<f64>) -> [f64; 2] {
    match limit {
        Some(limit) if (limit - SHARE).abs() > 0.02 => [SHARE, limit.min(1.0)],
        _ => [SHARE, OTHER_SHARE],
    }
}

impl Job {
    /// The job with relative rates worked out, and what they were shares of: the capacity of the
    /// scenario's `capacity-of`, or of the first contender. All contenders get the same load.
    pub fn calibrated(
        &self,
        signers: &Signers,
        control: Control<'_>,
        progress: &Progress,
    ) -> Result<(Job, Option<RateBasis>), Failure> {
        let Some(closed) = self.scenario.calibration() else {
            return Ok((self.clone(), None));
        };
        let contender = self.calibrated_contender()?;
        let bench = Bench { job: self, contender, signers, control, progress };
        bench.say("calibrating");
        let Some((saturated, measurement)) = bench.saturate(&closed)? else {
            return Ok((Job { contenders: Vec::new(), ..self.clone() }, None));
        };
        let name = &self.scenario.name;
        if measurement.verdicts.wrong > 0 {
            let wrong = measurement.verdicts.wrong;
            return Err(Failure::Wrong(format!(
                "{name}: calibrating {contender} gave {wrong} wrong verdicts; `jwtbench check` \
                 shows them"
            )));
        }
        let capacity = saturated.capacity_per_s;
        let scenario = self.scenario.clone().resolved(capacity);
        if scenario.planned() > MAX_ARRIVALS {
            return Err(Failure::Usage(format!(
                "{name}: of {capacity:.0} per second, the capacity of {contender}, its shares make \
                 more than {:.0} million arrivals; lower the shares or --duration",
                MAX_ARRIVALS / 1e6
            )));
        }
        let rates = scenario.resolved_rates().map(|rate| ResolvedRate {
            phase: rate.phase.into(),
            stream: rate.stream.into(),
            rate_per_s: rate.rate.per_s,
            rate_to_per_s: rate.rate_to.per_s,
        });
        let basis = RateBasis {
            scenario: name.clone(),
            algorithm: self.algorithm.name().into(),
            contender: contender.to_string(),
            capacity_per_s: capacity,
            rates: rates.collect(),
        };
        Ok((Job { scenario, ..self.clone() }, Some(basis)))
    }

    fn calibrated_contender(&self) -> Result<ContenderSpec, Failure> {
        let path = self.scenario.path.display();
        let Some(name) = &self.scenario.capacity_of else {
            return self.contenders.first().copied().ok_or_else(|| {
                Failure::Usage(format!("{path}: no contender whose capacity rates are shares of"))
            });
        };
        let all = ContenderSpec::known();
        let found = all.iter().find(|spec| spec.to_string() == *name);
        match found.copied() {
            Some(spec) if !spec.supports(self.algorithm) => Err(Failure::Usage(format!(
                "{path}: [load] capacity-of = \"{name}\" does not verify {}; name a contender \
                 that does, or leave the algorithm out",
                self.algorithm
            ))),
            Some(spec) => Ok(spec),
            None => {
                let mut missing = Optional::missing();
                if let Some(optional) = missing.find(|optional| optional.name == *name) {
                    let why = optional.remedy();
                    return Err(Failure::Usage(format!("{path}: [load] capacity-of: {why}")));
                }
                let known: Vec<String> = all.iter().map(ToString::to_string).collect();
                Err(Failure::Usage(format!(
                    "{path}: [load] capacity-of = \"{name}\" is no contender on this machine; \
                     known: {}",
                    known.join(", ")
                )))
            }
        }
    }
}
