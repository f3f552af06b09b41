//! `check`: judges every verdict of every scenario once, with few tokens and in virtual time. Times
//! are not judged.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use clap::Args as ClapArgs;
use globset::Glob;

use jwtbench_engine::contender::ContenderSpec;
use jwtbench_engine::real::clock::{Stopwatch, utc_now};
use jwtbench_engine::session::{Job, Session, SessionObserver as _, records, versions};
use jwtbench_report::{check_table, shortfalls, shown, terminal_verdict};
use jwtbench_result::{RunResult, SCHEMA_VERSION};
use jwtbench_scenario::Scenario;
use jwtbench_scenario::format::cache::{Preset, Presets, read_cache_policy};
use jwtbench_scenario::format::state::{StatePreset, StatePresets};
use jwtbench_verifier::algorithm::Algorithm;

use crate::flag::SEED;
use crate::flag::filter::{Filter, lasting_seconds};
use crate::flag::fit::Fit;
use crate::flag::origin::OriginArgs;
use crate::flag::replacement::{Replacement, cache_policy_records, informed, tell_dropped};
use crate::machine::describe;
use crate::output::{print, tell, terminal_style};
use crate::progress::LiveProgress;
use crate::{Exit, Failure};

/// The number of operations of one trial.
const OPERATIONS: f64 = 400.0;

/// Judge every scenario once with few tokens, in virtual time.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    jwtbench check                            every scenario, contender and algorithm\n  \
    jwtbench check 'hot-path/*' --contender 'core:*' --json\n  \
    jwtbench check rotation --cache-policy '*' --contender core:ring   every preset\n  \
    jwtbench check rotation --policy api.toml")]
pub struct Args {
    /// Scenarios: names, globs such as 'rotation/*', families, or paths of .toml files
    scenarios: Vec<String>,
    #[command(flatten)]
    origin: OriginArgs,
    #[command(flatten)]
    filter: Filter,
    /// A cache policy in place of each scenario's whole [cache]: a preset, a glob such as '*' over
    /// presets, or a file of your own (repeatable)
    #[arg(long, value_name = "NAME|FILE")]
    cache_policy: Vec<String>,
    /// A state strategy in place of that of each scenario's [state]: a preset, or a file of your
    /// own (repeatable)
    #[arg(long, value_name = "NAME|FILE")]
    state_strategy: Vec<String>,
    /// Mint the tokens to this policy, in place of each scenario's [policy]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Seed of keys, tokens, arrivals and faults
    #[arg(long, default_value_t = SEED)]
    seed: u64,
    /// Print the result as JSON instead of the table
    #[arg(long)]
    json: bool,
    /// Say nothing but the verdict
    #[arg(short, long)]
    quiet: bool,
}

/// The contenders for each algorithm that they can be judged under.
type Pairs = Vec<(Algorithm, Vec<ContenderSpec>)>;

/// A scenario with few tokens. It is judged under each cache policy, with the contenders that can
/// run it.
struct Thin {
    scenario: Scenario,
    under: Vec<(Scenario, Pairs)>,
}

/// Runs the verb.
pub fn run(args: Args, command: String) -> Result<Exit, Failure> {
    let (started_at, stopwatch) = (utc_now(), Stopwatch::start());
    let library = args.origin.library(args.quiet)?;
    let presets = library.presets();
    let scenarios = args.judged(lasting_seconds(library.select(&args.scenarios)?)?, &presets)?;
    let replacements = cache_policies(&args.cache_policy, &presets)?;
    let strategies = state_strategies(&args.state_strategy, &presets.strategies())?;
    let contenders = args.filter.contenders()?;
    let thin = args.thinned(&scenarios, (&replacements, &strategies), &contenders)?;
    let progress = LiveProgress::new(scenarios.len() as u64, args.quiet || args.json);
    let (never, nobody) = (AtomicBool::new(false), ());
    let session = Session::new(args.seed, &never, &nobody);
    let (mut measurements, mut judged) = (Vec::new(), Vec::new());
    for thin in &thin {
        progress.say(thin.scenario.name.clone());
        for algorithm in args.filter.algorithms(&thin.scenario.algorithms) {
            let job = Job::minted(thin.scenario.clone(), algorithm, Vec::new());
            let under = thin.under.iter().filter_map(|(scenario, pairs)| {
                let (_, able) = pairs.iter().find(|(able, _)| *able == algorithm)?;
                Some((scenario, able.as_slice()))
            });
            measurements.extend(session.judge_under(&job, &under.collect::<Vec<_>>())?);
        }
        judged.extend(thin.under.iter().map(|(scenario, _)| scenario.clone()));
        progress.step();
    }
    progress.finish();
    if !args.quiet {
        tell_dropped(judged.iter());
    }
    let result = RunResult {
        schema_version: SCHEMA_VERSION,
        command,
        started_at,
        elapsed_s: stopwatch.elapsed().as_secs_f64(),
        seed: args.seed,
        partial: false,
        machine: describe(),
        versions: versions(contenders.iter()),
        scenarios: records(judged.iter()),
        cache_policies: cache_policy_records(judged.iter(), &replacements, &presets),
        measurements,
        rate_bases: Vec::new(),
        capacities: Vec::new(),
        outcome_ranges: Vec::new(),
    };
    args.show(&result);
    Ok(Exit::of(&result))
}

/// The cache policies that the command line names, each once.
fn cache_policies(named: &[String], presets: &Presets) -> Result<Vec<Preset>, Failure> {
    let known = presets.names();
    let mut chosen: Vec<Preset> = Vec::new();
    for given in named {
        let glob = Glob::new(given)
            .map_err(|error| Failure::Usage(format!("--cache-policy {given}: {error}")))?
            .compile_matcher();
        let is_meant = |name: &&str| !given.ends_with(".toml") && glob.is_match(name);
        let mut matching: Vec<&str> = known.iter().map(String::as_str).filter(is_meant).collect();
        if matching.is_empty() {
            matching.push(given);
        }
        for name in matching {
            let preset = read_cache_policy(presets, name).map_err(Failure::Usage)?;
            match chosen.iter().find(|known| known.name == preset.name) {
                None => chosen.push(preset),
                Some(known) if *known == preset => {}
                Some(_) => {
                    let message = format!("{given}: another is called so too; rename the file");
                    return Err(Failure::Usage(message));
                }
            }
        }
    }
    Ok(chosen)
}

/// The scenario under each of the cache policies, or unchanged if there is none.
fn under(scenario: &Scenario, replacements: &[Preset]) -> Vec<Scenario> {
    match replacements.is_empty() {
        true => vec![scenario.clone()],
        false => replacements.iter().map(|preset| scenario.clone().under(preset)).collect(),
    }
}

/// The state strategies that the command line names.
fn state_strategies(named: &[String], known: &StatePresets) -> Result<Vec<StatePreset>, Failure> {
    let mut chosen: Vec<StatePreset> = Vec::new();
    for given in named {
        let strategy = known.read_named(given).map_err(Failure::Usage)?;
        if chosen.iter().any(|one| one.name == strategy.name) {
            let message = format!("--state-strategy {given}: it is named twice; leave one out");
            return Err(Failure::Usage(message));
        }
        chosen.push(strategy);
    }
    Ok(chosen)
}

/// These scenarios under each of the strategies, or unchanged if there is none.
fn informed_each(
    scenarios: Vec<Scenario>,
    strategies: &[StatePreset],
) -> Result<Vec<Scenario>, Failure> {
    if strategies.is_empty() {
        return Ok(scenarios);
    }
    let pairs = scenarios.iter().flat_map(|one| strategies.iter().map(move |other| (one, other)));
    pairs.map(|(scenario, strategy)| informed(scenario.clone(), strategy)).collect()
}

impl Args {
    /// The scenarios with few tokens, each with the contenders that are judged in it.
    fn thinned(
        &self,
        scenarios: &[Scenario],
        (replacements, strategies): (&[Preset], &[StatePreset]),
        contenders: &[ContenderSpec],
    ) -> Result<Vec<Thin>, Failure> {
        let mut fit = Fit::new(&self.filter, &self.scenarios);
        let mut thin = Vec::new();
        for scenario in scenarios {
            let scenario = scenario.clone().for_check(OPERATIONS);
            let algorithms = self.filter.algorithms(&scenario.algorithms);
            let mut pairs = |scenario: Scenario| {
                let pairs = fit.pairs(&scenario, &algorithms, contenders)?;
                Ok((scenario, pairs))
            };
            let under = informed_each(under(&scenario, replacements), strategies)?;
            let under: Result<_, Failure> = under.into_iter().map(&mut pairs).collect();
            thin.push(Thin { scenario, under: under? });
        }
        fit.finish(self.quiet)?;
        Ok(thin)
    }

    /// The scenarios under the policy of `--policy`.
    fn judged(
        &self,
        scenarios: Vec<Scenario>,
        presets: &Presets,
    ) -> Result<Vec<Scenario>, Failure> {
        let replacement = Replacement::read(None, self.policy.as_deref(), presets)?;
        replacement.allow(&self.filter.algorithm)?;
        scenarios.into_iter().map(|scenario| replacement.onto(scenario)).collect()
    }

    fn show(&self, result: &RunResult) {
        if self.json {
            shortfalls(result).iter().for_each(tell);
        }
        let text = match (self.json, self.quiet) {
            (true, _) => shown::json(&serde_json::to_string(result).unwrap_or_default()) + "\n",
            (false, true) => terminal_verdict(result, terminal_style()),
            (false, false) => {
                let style = terminal_style();
                check_table(result, style) + &terminal_verdict(result, style)
            }
        };
        print(&text);
    }
}
