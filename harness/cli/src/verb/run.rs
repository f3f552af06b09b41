//! `run`: measures scenarios in real time, and writes the result with its reports.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args as ClapArgs;

use jwtbench_engine::session::{Job, fitting};
use jwtbench_engine::trial::PlantedFault;
use jwtbench_report::{shortfalls, shown, terminal};
use jwtbench_result::RunResult;
use jwtbench_scenario::catalogue::Catalogue;
use jwtbench_scenario::format::grammar;
use jwtbench_scenario::format::overrides::Overrides;
use jwtbench_scenario::plan::MAX_ARRIVALS;
use jwtbench_scenario::token::own;
use jwtbench_verifier::algorithm::Algorithm;

use crate::flag::filter::{Filter, lasting_seconds};
use crate::flag::fit::Fit;
use crate::flag::origin::OriginArgs;
use crate::flag::replacement::{Replacement, cache_policy_records, tell_dropped};
use crate::flag::store::StoreArgs;
use crate::flag::{SEED, duration};
use crate::job::capacity::{CapacityArgs, SCENARIO};
use crate::job::{JobSetting, measure, take, told_of_own};
use crate::output::{Output, RESULT, print, tell, terminal_style, written};
use crate::own::OwnArgs;
use crate::own::token_judge::PolicyAndKeys;
use crate::{Exit, Failure};

/// Measure scenarios in real time and write the result with its reports.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    jwtbench run                              the canonical workload\n  \
    jwtbench run --full                       every scenario on every contender\n  \
    jwtbench run unknown-kid                  one family\n  \
    jwtbench run my.toml --seed 7 --out runs/7\n  \
    jwtbench run hot-path/accept --rate 2000 --duration 10s\n  \
    jwtbench run --capacity --slo 'p99 < 1ms' --for-rate 200k\n  \
    jwtbench run 'rotation/*' --cache-policy mine.toml\n  \
    jwtbench run --tokens tokens.txt --jwks jwks.json --policy api.toml")]
pub struct Args {
    /// Scenarios: names, globs such as 'rotation/*', families, or paths of .toml files
    scenarios: Vec<String>,
    #[command(flatten)]
    origin: OriginArgs,
    #[command(flatten)]
    filter: Filter,
    /// A cache policy in place of each scenario's whole [cache]: a preset, or a file of your own
    #[arg(long, value_name = "NAME|FILE")]
    cache_policy: Option<String>,
    /// A state strategy in place of that of each scenario's [state]: a preset, or your own file
    #[arg(long, value_name = "NAME|FILE")]
    state_strategy: Option<String>,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    own: OwnArgs,
    #[command(flatten)]
    capacity: CapacityArgs,
    /// Every scenario on every contender and algorithm
    #[arg(long, conflicts_with = "scenarios")]
    full: bool,
    /// Measured time per round, such as 500ms
    #[arg(long, value_parser = duration)]
    duration: Option<Duration>,
    /// Arrivals per second over all streams, such as 2000 or 200k; a closed loop becomes Poisson
    #[arg(long, value_parser = grammar::rate)]
    rate: Option<f64>,
    /// Worker threads
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    workers: Option<u32>,
    /// Rounds per contender, interleaved
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: Option<u32>,
    /// Shed arrivals that are later than this, such as 50ms, and count them [default: none]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    shed_after: Option<Duration>,
    /// Plant a fault, to see that it is found: starve, slow=200us or stall=50ms@2s
    #[arg(long, value_name = "FAULT", hide = true)]
    plant: Option<PlantedFault>,
    /// Seed of keys, tokens, arrivals and faults
    #[arg(long, default_value_t = SEED)]
    seed: u64,
    /// Folder for result.jsonl, result.hlog, summary.md and index.html [default: reports/runs/TIME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Overwrite a result in --out
    #[arg(long)]
    force: bool,
    /// Port of the mocked JWKS endpoint on loopback [default: any free one]
    #[arg(long)]
    port: Option<u16>,
    /// Print the result as JSON instead of the summary
    #[arg(long)]
    json: bool,
    /// No progress and no summary
    #[arg(short, long)]
    quiet: bool,
}

/// Runs the verb.
pub fn run(mut args: Args, command: String) -> Result<Exit, Failure> {
    if args.capacity.is_asked() && args.scenarios.is_empty() {
        args.scenarios.push(SCENARIO.into());
    }
    let library = args.origin.library(args.quiet)?;
    let presets = library.presets();
    let policy = args.own.policy.as_deref().filter(|_| args.own.tokens.is_none());
    let replacement = Replacement::read(args.cache_policy.as_deref(), policy, &presets)?;
    let replacement = replacement.and_state(args.state_strategy.as_deref(), &presets)?;
    let jobs = match args.own.policy_and_keys()? {
        Some(policy_and_keys) => args.own_jobs(policy_and_keys, &replacement)?,
        None => args.jobs(&library, &replacement)?,
    };
    let scenarios = || jobs.iter().map(|job| &job.scenario);
    if !args.quiet {
        tell_dropped(scenarios());
    }
    let output = Output::of_run(args.out.as_deref(), args.force)?;
    let setting = JobSetting {
        command,
        seed: args.seed,
        port: args.port,
        plant: args.plant,
        is_quiet: args.quiet,
        shows_progress: !args.quiet && !args.json,
        store: args.store.store(scenarios())?,
        capacity: args.capacity.task(args.duration, args.rounds),
        cache_policies: cache_policy_records(scenarios(), replacement.cache.as_slice(), &presets),
        revise: |_| {},
    };
    let (result, failure) = measure(&jobs, setting, &output)?;
    // Trials that were measured before a failure are kept, and the result is marked as partial. It
    // is shown before it is written, since the disk may be full.
    let is_shown = failure.is_none() || !result.measurements.is_empty();
    if is_shown {
        args.show(&result);
    }
    let ended = failure.map_or_else(|| Ok(Exit::of(&result)), Err);
    let kept = output.keep(&result, is_shown);
    if is_shown && kept.is_ok() && !args.json && !args.quiet {
        let [result, report] = [RESULT, "index.html"].map(|name| output.path(name));
        print(&format!("\nResult   {}\nReport   {}\n", result.display(), report.display()));
    }
    written(kept, ended)
}

impl Args {
    /// One job for each algorithm of the user's tokens.
    fn own_jobs(
        &self,
        policy_and_keys: PolicyAndKeys,
        replacement: &Replacement,
    ) -> Result<Vec<Job>, Failure> {
        let scenario = own::scenario(self.own.path(), policy_and_keys.policy.spec());
        let scenario = replacement.onto(scenario.with(&self.overrides())?)?;
        let own = Arc::new(self.own.read(policy_and_keys, &scenario)?);
        let contenders = self.filter.measured()?;
        let asked = |algorithm: &Algorithm| self.filter.has_algorithm(algorithm.name());
        let algorithms: Vec<Algorithm> = own.tokens.keys().copied().filter(asked).collect();
        if algorithms.is_empty() {
            let message = "--algorithm: none of your tokens names it; leave the filter out";
            return Err(Failure::Usage(message.into()));
        }
        let (mut jobs, mut left_out) = (Vec::new(), Vec::new());
        for algorithm in algorithms {
            let mut job = Job::minted(scenario.clone(), algorithm, Vec::new());
            job.own = Some(Arc::clone(&own));
            left_out.extend(take(&mut job, &contenders));
            if !job.contenders.is_empty() {
                jobs.push(job);
            }
        }
        self.refuse_unused(&jobs, &left_out)?;
        let told = told_of_own(&mut jobs);
        if !self.quiet {
            told.iter().chain(&left_out).for_each(tell);
        }
        Ok(jobs)
    }

    /// Refuses a requested contender that can run on none of the tokens.
    fn refuse_unused(&self, jobs: &[Job], left_out: &[String]) -> Result<(), Failure> {
        let running = || jobs.iter().flat_map(|job| &job.contenders).map(ToString::to_string);
        let is_unused = |pattern: &&String| {
            let alone = Filter { contender: vec![(*pattern).clone()], algorithm: Vec::new() };
            !running().any(|name| alone.has_contender(&name))
        };
        let unused = self.filter.contender.iter().find(is_unused);
        unused.map_or(Ok(()), |pattern| {
            let why = left_out.join("; ");
            let message = format!("--contender {pattern}: none can run on your tokens: {why}");
            Err(Failure::Usage(message))
        })
    }

    fn overrides(&self) -> Overrides {
        Overrides {
            duration: self.duration,
            rate: self.rate,
            workers: self.workers,
            rounds: self.rounds,
            shed_after: self.shed_after,
            ..Overrides::default()
        }
    }

    fn jobs(&self, library: &Catalogue, replacement: &Replacement) -> Result<Vec<Job>, Failure> {
        replacement.allow(&self.filter.algorithm)?;
        let is_canonical = self.scenarios.is_empty() && !self.full;
        let mut scenarios = lasting_seconds(library.select(&self.scenarios)?)?;
        scenarios.retain(|scenario| scenario.canonical || !is_canonical);
        let contenders = self.filter.measured()?;
        let overrides = self.overrides();
        let mut fit = Fit::new(&self.filter, &self.scenarios);
        let mut jobs = Vec::new();
        let mut dynamic = 0;
        for scenario in scenarios {
            let scenario = replacement.onto(scenario.with(&overrides)?)?;
            if self.capacity.is_asked() && scenario.state.is_some() {
                return Err(Failure::Usage(format!(
                    "{} has [state], and --capacity drops what happens in a scenario; leave one of \
                     them out",
                    scenario.name
                )));
            }
            if scenario.planned() > MAX_ARRIVALS {
                let name = &scenario.name;
                return Err(Failure::Usage(format!(
                    "{name}: {:.0} million arrivals are planned; at most {:.0} million fit in \
                     memory: lower --rate or --duration",
                    scenario.planned() / 1e6,
                    MAX_ARRIVALS / 1e6,
                )));
            }
            let algorithms = self.filter.algorithms(&scenario.algorithms);
            if is_canonical && scenario.is_dynamic() {
                // Each dynamic scenario runs once; algorithms and contenders take turns.
                let fitting = fitting(&scenario, &contenders);
                if !fitting.is_empty() {
                    let algorithm = algorithms[dynamic % algorithms.len()];
                    let contenders = vec![fitting[dynamic % fitting.len()]];
                    jobs.push(Job::minted(scenario, algorithm, contenders));
                    dynamic += 1;
                }
                continue;
            }
            for (algorithm, able) in fit.pairs(&scenario, &algorithms, &contenders)? {
                jobs.push(Job::minted(scenario.clone(), algorithm, able));
            }
        }
        fit.finish(self.quiet)?;
        if jobs.is_empty() {
            return Err(Failure::Usage(
                "nothing to run: no chosen contender fits a chosen scenario (floors and bounds \
                 run valid tokens only; dynamic scenarios need a key cache, so core:*)"
                    .into(),
            ));
        }
        Ok(jobs)
    }

    fn show(&self, result: &RunResult) {
        if self.json || self.quiet {
            shortfalls(result).iter().for_each(tell);
        }
        if self.json {
            print(&(shown::json(&serde_json::to_string(result).unwrap_or_default()) + "\n"));
        } else if !self.quiet {
            print(&terminal(result, terminal_style()));
        }
    }
}
