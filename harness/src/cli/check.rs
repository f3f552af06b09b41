//! `check`: every verdict of every scenario once, with few tokens and in virtual time. Times are
//! not judged.

use clap::Args as ClapArgs;

use crate::report::{check_table, terminal_verdict};
use crate::result::{RunResult, SCHEMA_VERSION};
use crate::scenario::library::Library;
use crate::scenario::plan::Plan;
use crate::scenario::signer::Signers;
use crate::trial::clock::{Stopwatch, utc_now};
use crate::trial::{Trial, initial_revocations};

use super::filter::{Filter, lasting_seconds};
use super::job::{fitting, records, versions};
use super::machine::describe;
use super::output::print;
use super::progress::Progress;
use super::run::{SEED, terminal_style};
use super::{Exit, Failure};

/// Operations of one trial.
const OPERATIONS: f64 = 400.0;

/// Judge every scenario once with few tokens, in virtual time.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    jwtbench check                            every scenario, contender and algorithm\n  \
    jwtbench check 'hot-path/*' --contender 'core:*' --json")]
pub struct Args {
    /// Scenarios: names, globs such as 'rotation/*', families, or paths of .toml files
    scenarios: Vec<String>,
    #[command(flatten)]
    filter: Filter,
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

/// Runs the verb.
pub fn run(args: Args, command: String) -> Result<Exit, Failure> {
    let (started_at, stopwatch) = (utc_now(), Stopwatch::start());
    let here = std::env::current_dir()
        .map_err(|error| Failure::Error(format!("no current folder: {error}")))?;
    let scenarios = lasting_seconds(Library::find(&here)?.select(&args.scenarios)?)?;
    let contenders = args.filter.contenders()?;
    let progress = Progress::new(scenarios.len() as u64, args.quiet || args.json);
    let signers = Signers::new(args.seed);
    let mut measurements = Vec::new();
    for scenario in &scenarios {
        progress.say(scenario.name.clone());
        let mut thin = scenario.clone().thinned(OPERATIONS);
        thin.load.rounds = 1;
        for algorithm in args.filter.algorithms(&scenario.algorithms) {
            let plan = Plan::new(&thin, algorithm, &signers, &|_| {});
            let revoked = initial_revocations(&plan);
            for contender in fitting(scenario, &contenders) {
                if !contender.supports(algorithm) {
                    continue;
                }
                let trial = Trial::new(&plan, contender, revoked.as_ref())?;
                measurements.push(trial.simulated()?);
            }
        }
        progress.step();
    }
    progress.finish();
    let result = RunResult {
        schema_version: SCHEMA_VERSION,
        command,
        started_at,
        elapsed_s: stopwatch.elapsed().as_secs_f64(),
        seed: args.seed,
        partial: false,
        machine: describe(None),
        versions: versions(contenders.iter()),
        scenarios: records(scenarios.iter()),
        measurements,
        rate_bases: Vec::new(),
        capacities: Vec::new(),
        outcome_ranges: Vec::new(),
    };
    args.show(&result);
    Ok(Exit::of(&result))
}

impl Args {
    fn show(&self, result: &RunResult) {
        let text = match (self.json, self.quiet) {
            (true, _) => serde_json::to_string(result).unwrap_or_default() + "\n",
            (false, true) => terminal_verdict(result, terminal_style()),
            (false, false) => {
                let style = terminal_style();
                check_table(result, style) + &terminal_verdict(result, style)
            }
        };
        print(&text);
    }
}
