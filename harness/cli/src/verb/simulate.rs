//! `simulate`: compares cache policies or state strategies in virtual time, with the durations of
//! production, from many ages of the cache and with many draws of the arrivals.

mod advice;
mod lineup;
mod strategies;
mod sweep;

use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use advice::advise;
use clap::Args as ClapArgs;
use lineup::{Lineup, NamedPolicy, OWN_CACHE, own_cache_note};
use strategies::Strategies;
use sweep::{SweptPolicy, swept};

use jwtbench_engine::session::{Session, SessionObserver as _};
use jwtbench_engine::simulation::{Ask, SimulationError, WrongVerdict};
use jwtbench_report::{shown, simulation_expectation, simulation_terminal};
use jwtbench_result::simulation::{PolicyNote, ScenarioNote, Simulation};
use jwtbench_scenario::catalogue::Catalogue;
use jwtbench_scenario::format::cache::{About, CacheSpec, Preset, Presets, read_cache_policy};
use jwtbench_scenario::format::fleet;
use jwtbench_scenario::format::overrides::Overrides;
use jwtbench_scenario::format::sweep::Sweep;
use jwtbench_scenario::{InstanceAges, MAX_INSTANCES, SIMULATED, STATE, Scenario};
use jwtbench_verifier::algorithm::Algorithm;

use crate::flag::filter::algorithm;
use crate::flag::origin::OriginArgs;
use crate::flag::{SEED, duration};
use crate::output::part::SimulationPart;
use crate::output::terminal_style;
use crate::output::{Output, OutputKind, encoded, print, tell, written};
use crate::progress::LiveProgress;
use crate::{Exit, Failure};

/// Put cache policies or state strategies through days of production in virtual time, and compare
/// them.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    jwtbench simulate                                  every policy, scenarios of family policy\n  \
    jwtbench simulate --cache-policy mine.toml         your own beside the presets\n  \
    jwtbench simulate policy/withdrawal --cache-policy default --json\n  \
    jwtbench simulate policy/outage --sweep stale-if-error=0s..2h\n  \
    jwtbench simulate --instances 50 --out sim\n  \
    jwtbench simulate state                            every state strategy\n  \
    jwtbench simulate state/steady --state-strategy default\n  \
    jwtbench simulate --fleet ours.toml                every state strategy, your numbers\n\n\
    Exit codes: 0 passed, 4 wrong verdict, 5 expectation missed by the policy of [cache] or of\n\
    --cache-policy, or by the strategy of [state] or of --state-strategy; those that are\n\
    simulated beside it are there to be compared with.")]
pub struct Args {
    /// Scenarios: names, globs, families, or paths of .toml files [default: policy, or state with
    /// --state-strategy]
    scenarios: Vec<String>,
    /// Your own fleet in a few numbers, in place of scenarios: instances, requests, tokens, their
    /// lifetime, revocations, an outage of the store, prices
    #[arg(long, value_name = "FILE", conflicts_with_all = ["scenarios", "horizon", "instances"])]
    fleet: Option<PathBuf>,
    #[command(flatten)]
    pub(super) origin: OriginArgs,
    /// A preset, or a file of your own (repeatable), in place of the scenario's [cache], and held
    /// to its [expect]; a file is compared with every preset
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) cache_policy: Vec<String>,
    /// In scenarios with [state]: a preset, or a file of your own (repeatable), in place of the
    /// scenario's strategy, and held to its [expect]; a file is compared with every preset
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) state_strategy: Vec<String>,
    /// Simulate each policy at many values of one key, such as ttl=1m..1h or ttl=1m..1h:12 (at most
    /// twice); without --cache-policy, that of the scenario's [cache]
    #[arg(long, value_name = "KEY=LOW..HIGH", value_parser = Sweep::from_str)]
    sweep: Vec<Sweep>,
    /// The algorithm of the tokens
    #[arg(long, value_name = "ALGORITHM", value_parser = algorithm, default_value = "ES256")]
    algorithm: Algorithm,
    /// Seed of keys, tokens, arrivals and latencies
    #[arg(long, default_value_t = SEED)]
    seed: u64,
    /// Instances of the verifier, each with a cache of its own [default: the scenario's, or 1]
    #[arg(long, value_name = "K",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_INSTANCES)))]
    instances: Option<u32>,
    /// Their caches: all of the same age, or of ages spread over the ttl [default: the scenario's,
    /// or same]
    #[arg(long, value_name = "same|spread", value_parser = instance_ages)]
    instance_ages: Option<InstanceAges>,
    /// Simulated time instead of the scenario's, at most 24h
    #[arg(long, value_parser = duration)]
    horizon: Option<Duration>,
    /// Ages of the cache at the beginning, evenly spread over its ttl
    #[arg(long, value_name = "N", default_value_t = 8,
          value_parser = clap::value_parser!(u32).range(1..=4096))]
    offsets: u32,
    /// Draws of the arrivals; every pair of an age and a draw is a run
    #[arg(long, value_name = "N", default_value_t = 8,
          value_parser = clap::value_parser!(u32).range(1..=4096))]
    draws: u32,
    /// Print JSON instead of tables
    #[arg(long)]
    pub(super) json: bool,
    /// Folder for simulation.jsonl, simulation.md, index.html and the picture frontier.svg
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write over a simulation that the folder holds
    #[arg(long, requires = "out")]
    force: bool,
    /// Say nothing but faults
    #[arg(short, long)]
    pub(super) quiet: bool,
}

/// Runs the verb.
pub fn run(args: Args, command: String) -> Result<Exit, Failure> {
    let prepare = || {
        let folder = args.out.clone();
        let prepared =
            folder.map(|folder| Output::prepare(folder, args.force, OutputKind::Simulation));
        prepared.transpose()
    };
    let FinishedSimulation { simulation, wrong, output } =
        args.simulated(command, &|_| true, prepare)?;
    // The simulation is shown before it is written, since the disk may be full.
    args.show(&simulation)?;
    let kept = output.map_or(Ok(()), |output| output.write_simulation(&simulation));
    written(kept, Ok(exit(&wrong, &simulation)))
}

/// What came of a simulation.
pub(super) struct FinishedSimulation {
    pub(super) simulation: Simulation,
    pub(super) wrong: Vec<WrongVerdict>,
    /// The folder that it goes to.
    pub(super) output: Option<Output>,
}

/// A simulation in progress, with its part if there is an output folder.
struct SimulationInProgress {
    simulation: Simulation,
    part: Option<SimulationPart>,
}

impl SimulationInProgress {
    fn keep(&mut self) {
        if let Some(part) = &mut self.part {
            part.add(&self.simulation);
        }
    }
}

/// The exit of a simulation. Wrong verdicts are printed, and outrank the rest.
fn exit(wrong: &[WrongVerdict], simulation: &Simulation) -> Exit {
    for breach in wrong {
        let WrongVerdict { scenario, cache_policy, class, due, given, count } = breach;
        tell(format!("{scenario} {cache_policy}: {class}: {count} × {given}, due {due}"));
    }
    if !wrong.is_empty() {
        Exit::Wrong
    } else if simulation.missed().next().is_some() {
        Exit::Missed
    } else {
        Exit::Passed
    }
}

fn scenario_note(scenario: &Scenario) -> ScenarioNote {
    ScenarioNote {
        name: scenario.name.clone(),
        title: scenario.title.clone(),
        analysis: scenario.analysis.clone(),
    }
}

fn policy_note(name: String, about: Option<About>, keys: Vec<String>) -> PolicyNote {
    let Some(About { title, source, opt_in, not_modelled, differs, checked }) = about else {
        return PolicyNote { name, keys, ..PolicyNote::default() };
    };
    PolicyNote { name, title: Some(title), source, opt_in, not_modelled, differs, checked, keys }
}

fn instance_ages(text: &str) -> Result<InstanceAges, String> {
    match text {
        "same" => Ok(InstanceAges::Same),
        "spread" => Ok(InstanceAges::Spread),
        other => Err(format!("`{other}` is neither same nor spread")),
    }
}

fn is_file(name: &str) -> bool {
    name.ends_with(".toml")
}

fn stem(path: &str) -> String {
    let stem = Path::new(path).file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}

impl Args {
    /// Simulates the scenarios whose names are wanted. The folder is prepared once the arguments
    /// are known to be right.
    ///
    /// # Errors
    /// If an argument is wrong, or names no scenario.
    pub(super) fn simulated(
        &self,
        command: String,
        wanted: &dyn Fn(&str) -> bool,
        prepare: impl FnOnce() -> Result<Option<Output>, Failure>,
    ) -> Result<FinishedSimulation, Failure> {
        let library = self.origin.library(self.quiet)?.naming(self.files().map(stem));
        let files = self.state_strategy.iter().map(String::as_str).filter(|name| is_file(name));
        let library = library.naming_strategies(files.map(stem));
        let mut scenarios = self.scenarios(&library)?;
        scenarios.retain(|scenario| wanted(&scenario.name));
        if scenarios.is_empty() {
            return Err(Failure::Usage("none of the stored scenarios is there any more".into()));
        }
        let presets = library.presets();
        let (policies, mut notes) = self.policies(&presets)?;
        let strategies = self.strategies(&scenarios, &library.strategies())?;
        if scenarios.iter().all(|scenario| scenario.state.is_some()) {
            notes.clear();
        }
        notes.extend(strategies.iter().flat_map(Strategies::notes));
        let lineups: Vec<Lineup<'_>> =
            scenarios.iter().map(|scenario| self.lineup(scenario, &policies, &presets)).collect();
        let output = prepare()?;
        let progress = LiveProgress::new(scenarios.len() as u64, self.quiet || self.json);
        // There is no stop flag: signals end this process in the usual way. What is finished is in
        // the part.
        let never = AtomicBool::new(false);
        let session = Session::new(self.seed, &never, &progress);
        let mut simulation = self.head(&scenarios, &lineups, notes);
        simulation.command = command;
        let planned = self.planned(&scenarios, &lineups, strategies.as_ref())?;
        let part =
            output.as_ref().map(|output| SimulationPart::begin(output, planned, &simulation));
        let mut coming = SimulationInProgress { simulation, part: part.transpose()? };
        let mut wrong = Vec::new();
        for (scenario, lineup) in scenarios.iter().zip(&lineups) {
            progress.say(scenario.name.clone());
            let mut more = match strategies.as_ref().filter(|_| scenario.state.is_some()) {
                Some(strategies) => {
                    self.simulate_state(scenario, (lineup, strategies), &session, &mut coming)?
                }
                None => self.simulate(scenario, lineup, &session, &mut coming)?,
            };
            wrong.append(&mut more);
            progress.step();
        }
        progress.finish();
        Ok(FinishedSimulation { simulation: coming.simulation, wrong, output })
    }

    /// The simulation before its first row: descriptions of scenarios and policies.
    fn head(
        &self,
        scenarios: &[Scenario],
        lineups: &[Lineup<'_>],
        mut policies: Vec<PolicyNote>,
    ) -> Simulation {
        let mut own: Vec<String> = self.files().map(stem).collect();
        own.extend(self.state_strategy.iter().filter(|name| is_file(name)).map(|name| stem(name)));
        let pairs = scenarios.iter().zip(lineups);
        let pairs = pairs.filter(|(scenario, _)| scenario.state.is_none());
        let changed = pairs.filter(|(_, lineup)| lineup.is_gated(OWN_CACHE));
        let changed: Vec<&Scenario> = changed.map(|(scenario, _)| scenario).collect();
        if !changed.is_empty() {
            own.push(OWN_CACHE.into());
            policies.insert(0, own_cache_note(changed.into_iter()));
        }
        let scenarios = scenarios.iter().map(scenario_note).collect();
        Simulation { own, scenarios, policies, ..Simulation::default() }
    }

    /// Prints the tables or the JSON. Missed expectations are printed as messages if no table is
    /// shown.
    fn show(&self, simulation: &Simulation) -> Result<(), Failure> {
        if self.json {
            print(&(shown::json(&encoded(simulation)?) + "\n"));
        } else if !self.quiet {
            print(&simulation_terminal(simulation, terminal_style()));
        }
        if self.json || self.quiet {
            for (row, missed) in simulation.missed() {
                let (scenario, policy) = (&row.scenario, row.subject());
                let said = simulation_expectation(row, missed);
                tell(format!("{scenario} {policy}: expected {said}"));
            }
        }
        Ok(())
    }

    /// The names of everything that will be simulated, one for each row and each point of a sweep.
    fn planned(
        &self,
        scenarios: &[Scenario],
        lineups: &[Lineup<'_>],
        strategies: Option<&Strategies>,
    ) -> Result<Vec<String>, Failure> {
        let mut planned = Vec::new();
        for (scenario, lineup) in scenarios.iter().zip(lineups) {
            if let Some(strategies) = strategies.filter(|_| scenario.state.is_some()) {
                let lines = strategies.lines(lineup.one()?);
                let names = lines.iter().flat_map(|line| &line.strategy).map(|one| &one.name);
                planned.extend(names.map(|name| format!("{} {name}", scenario.name)));
                continue;
            }
            let specs = self.specs(lineup, &self.places(scenario, lineup)?);
            planned.extend(specs.iter().map(|spec| format!("{} {}", scenario.name, spec.name)));
        }
        Ok(planned)
    }

    /// The policies to simulate. A requested sweep replaces all others; a scenario's own sweep is
    /// added to them.
    fn specs(&self, lineup: &Lineup<'_>, places: &[SweptPolicy]) -> Vec<CacheSpec> {
        let rest = if self.sweep.is_empty() { lineup.specs.as_slice() } else { &[] };
        let swept = places.iter().map(|place| place.spec().clone());
        rest.iter().cloned().chain(swept).collect()
    }

    /// Simulates one scenario, and adds its figures. Returns the wrong verdicts.
    fn simulate(
        &self,
        scenario: &Scenario,
        lineup: &Lineup<'_>,
        session: &Session<'_>,
        coming: &mut SimulationInProgress,
    ) -> Result<Vec<WrongVerdict>, Failure> {
        let &Args { algorithm, offsets, draws, .. } = self;
        let ask = Ask { algorithm, offsets, draws };
        let policies = &lineup.specs;
        let places = self.places(scenario, lineup)?;
        let specs = self.specs(lineup, &places);
        let (mut left, mut wrong) = (specs.len(), Vec::new());
        session.simulate(scenario, &specs, ask, &mut |mut one| {
            let simulation = &mut coming.simulation;
            simulation.hindsight.append(&mut one.hindsight);
            simulation.events.append(&mut one.events);
            wrong.append(&mut one.wrong);
            if one.rows.is_empty() {
                return;
            }
            // The policies of a sweep come last.
            match places.len().checked_sub(left) {
                Some(place) => {
                    let points = one.rows.iter().map(|row| places[place].point(row));
                    simulation.sweep.extend(points);
                    if !self.sweep.is_empty() {
                        simulation.rows.append(&mut one.rows);
                    }
                }
                None => {
                    lineup.judge(&mut one);
                    simulation.rows.append(&mut one.rows);
                }
            }
            left -= 1;
            coming.keep();
        })?;
        let simulation = &mut coming.simulation;
        let is_beaten = |spec: &&CacheSpec| {
            let mut rows = simulation.of_scenario(&scenario.name);
            let row = rows.find(|row| row.cache_policy == spec.name);
            row.is_some_and(|row| !simulation.dominating(row).is_empty())
        };
        let beaten =
            policies.iter().filter(|spec| simulation.own.contains(&spec.name)).filter(is_beaten);
        let beaten: Vec<&CacheSpec> = beaten.collect();
        for spec in beaten {
            simulation.advice.extend(advise(scenario, spec, session, ask)?);
        }
        coming.keep();
        Ok(wrong)
    }

    fn scenarios(&self, library: &Catalogue) -> Result<Vec<Scenario>, Failure> {
        if let Some(path) = &self.fleet {
            return Ok(vec![fleet::read(path, &library.presets())?]);
        }
        let patterns = match self.scenarios.is_empty() {
            true if self.state_strategy.is_empty() => vec![SIMULATED.to_owned()],
            true => vec![STATE.to_owned()],
            false => self.scenarios.clone(),
        };
        let overrides = Overrides {
            duration: self.horizon,
            instances: self.instances,
            instance_ages: self.instance_ages,
            ..Overrides::default()
        };
        let chosen = library.select(&patterns)?.into_iter();
        Ok(chosen.map(|scenario| scenario.with(&overrides)).collect::<Result<_, _>>()?)
    }

    /// The files among the requested policies.
    fn files(&self) -> impl Iterator<Item = &str> {
        self.cache_policy.iter().map(String::as_str).filter(|name| is_file(name))
    }

    /// The policies that are simulated in a scenario.
    fn lineup<'s>(
        &self,
        scenario: &'s Scenario,
        policies: &[NamedPolicy],
        presets: &Presets,
    ) -> Lineup<'s> {
        if self.cache_policy.is_empty() {
            return Lineup::own(scenario, policies, presets);
        }
        let name = |name: &String| if is_file(name) { stem(name) } else { name.clone() };
        Lineup::named(scenario, policies, self.cache_policy.iter().map(name).collect())
    }

    /// The requested policies, with their notes. Every preset is added if all of them are the
    /// user's files, or if none was requested. There are none if the sweep is of each scenario's
    /// own policy.
    fn policies(&self, presets: &Presets) -> Result<(Vec<NamedPolicy>, Vec<PolicyNote>), Failure> {
        let mut names: Vec<&str> = self.cache_policy.iter().map(String::as_str).collect();
        let known = presets.names();
        if self.sweep.is_empty() && names.iter().all(|name| is_file(name)) {
            names.extend(known.iter().map(String::as_str));
        }
        let mut specs: Vec<NamedPolicy> = Vec::new();
        let mut notes = Vec::new();
        for name in names {
            let Preset { name: stem, policy, start, about, keys, .. } =
                read_cache_policy(presets, name).map_err(Failure::Usage)?;
            if specs.iter().any(|spec| spec.name == stem) {
                let message = format!(
                    "two cache policies are called `{stem}`; rename the file {name}, or name each \
                     policy once"
                );
                return Err(Failure::Usage(message));
            }
            specs.push(NamedPolicy { name: stem.clone(), policy, start });
            notes.push(policy_note(stem, about, keys));
        }
        if self.sweep.len() > 2 {
            return Err(Failure::Usage("more than two sweeps; give at most two keys".into()));
        }
        Ok((specs, notes))
    }

    /// The policies at each value of the requested sweep. Without one, the scenario's own sweep
    /// applies to the user's files. If there are none, it applies to the scenario's policy, or to
    /// `default` if presets were requested.
    fn places(
        &self,
        scenario: &Scenario,
        lineup: &Lineup<'_>,
    ) -> Result<Vec<SweptPolicy>, Failure> {
        let has_files = self.files().next().is_some();
        let is_swept = |spec: &&CacheSpec| match (self.cache_policy.is_empty(), has_files) {
            (true, _) => lineup.is_gated(&spec.name),
            (false, true) => self.files().map(stem).any(|name| name == spec.name),
            (false, false) => spec.name == "default",
        };
        let places = match self.sweep.is_empty() {
            false => swept(&lineup.specs, &self.sweep),
            true => {
                let lines: Vec<CacheSpec> = lineup.specs.iter().filter(is_swept).cloned().collect();
                swept(&lines, &scenario.sweep)
            }
        };
        places.map_err(Failure::Usage)
    }
}

impl From<SimulationError> for Failure {
    fn from(error: SimulationError) -> Failure {
        match error {
            SimulationError::Flow(fault) => Failure::Usage(fault.to_string()),
            SimulationError::Trial(error) => error.into(),
        }
    }
}
