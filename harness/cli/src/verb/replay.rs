//! `replay`: runs a stored result's plans again, as stored, or simulates a stored simulation again,
//! and compares the new one with the old one.

mod simulation;
mod stored;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args as ClapArgs;
use globset::Glob;
use stored::{OwnFiles, ReplayBase};

use jwtbench_engine::contender::{ContenderSpec, Optional};
use jwtbench_engine::session::{Job, OwnCorpus, PlanHashes};
use jwtbench_report::trial_faults;
use jwtbench_result::comparison::Matching;
use jwtbench_result::{Measurement, RunResult};
use jwtbench_scenario::format::policy_file;
use jwtbench_scenario::plan::MAX_ARRIVALS;
use jwtbench_scenario::token::class::Class;
use jwtbench_scenario::token::own::OWN;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::policy::PolicySpec;

use crate::flag::filter::Filter;
use crate::flag::fit::Fit;
use crate::flag::origin::OriginArgs;
use crate::flag::replacement::{Replacement, tell_dropped};
use crate::flag::store::StoreArgs;
use crate::gate::Gate;
use crate::job::{JobSetting, measure, told_of_own};
use crate::output::stored::StoredFile;
use crate::output::{Output, tell, written};
use crate::{Exit, Failure};

/// Run a stored result's plans again, or a simulation's scenarios, and hold the new one against the
/// old one.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    jwtbench replay reports/runs/X                      did anything change?\n  \
    jwtbench replay X --cache-policy mine.toml          after a configuration change\n  \
    jwtbench replay X --policy api.toml                 under another verifier policy\n  \
    jwtbench replay X --contender core:graviola --base core:ring --scenario 'hot-path/*'\n  \
    jwtbench replay reports/state                       a simulation, with the files of today\n\n\
    Exit codes: those of compare. A plan that cannot be made again ends with 2.")]
pub struct Args {
    /// A result.jsonl or simulation.jsonl, or the folder it is in
    result: PathBuf,
    #[command(flatten)]
    origin: OriginArgs,
    #[command(flatten)]
    filter: Filter,
    /// The stored contender to compare another --contender with
    #[arg(long, value_name = "CONTENDER", requires = "contender")]
    base: Option<String>,
    /// Only scenarios whose name matches this glob (repeatable)
    #[arg(long, value_name = "GLOB")]
    scenario: Vec<String>,
    /// A cache policy in place of the stored one: a preset, or a file of your own
    #[arg(long, value_name = "NAME|FILE")]
    cache_policy: Option<String>,
    /// A state strategy in place of the stored one: a preset, or a file of your own
    #[arg(long, value_name = "NAME|FILE")]
    state_strategy: Option<String>,
    #[command(flatten)]
    store: StoreArgs,
    /// Judge by the policy in this file instead; the tokens stay as they were minted
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The tokens of a stored `run --tokens`, which no result keeps; with --jwks
    #[arg(long, value_name = "FILE", requires = "jwks")]
    tokens: Option<PathBuf>,
    /// Their key set
    #[arg(long, value_name = "FILE", requires = "tokens")]
    jwks: Option<PathBuf>,
    /// Folder for the new result [default: reports/runs/TIME]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Overwrite a result in --out
    #[arg(long)]
    force: bool,
    /// Port of the mocked JWKS endpoint on loopback [default: any free one]
    #[arg(long)]
    port: Option<u16>,
    /// No progress
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    gate: Gate,
}

/// Runs the verb.
pub fn run(args: Args, command: String) -> Result<Exit, Failure> {
    args.gate.thresholds()?;
    if let Some(stored) = StoredFile::find(&args.result).ok().filter(StoredFile::is_simulation) {
        return simulation::replay(&args, &stored);
    }
    let mut base = args.gate.read(&args.result)?;
    args.narrow(&mut base)?;
    let policy = args.policy.as_deref().map(policy_file::read).transpose()?;
    let matching = args.matching(&base)?;
    let presets = args.origin.library(args.quiet)?.presets();
    let replacement = Replacement::read(args.cache_policy.as_deref(), None, &presets)?;
    let replacement = replacement.and_state(args.state_strategy.as_deref(), &presets)?;
    let (cache, state) = (replacement.cache, replacement.state);
    let stored = ReplayBase {
        result: &base,
        path: &args.result,
        presets: &presets,
        cache: cache.as_ref(),
        state: state.as_ref(),
    };
    let mut jobs = args.jobs(&stored, policy.as_ref(), &matching)?;
    let told = told_of_own(&mut jobs);
    if !args.quiet {
        told.iter().for_each(tell);
    }
    let scenarios = || jobs.iter().map(|job| &job.scenario);
    if cache.is_some() && !args.quiet {
        tell_dropped(scenarios());
    }
    let cache_policies = stored.cache_policies(scenarios());
    let output = Output::of_run(args.out.as_deref(), args.force)?;
    let setting = JobSetting {
        command,
        seed: base.seed,
        port: args.port,
        is_quiet: args.quiet,
        shows_progress: !args.quiet,
        store: args.store.store(scenarios())?,
        capacity: None,
        plant: None,
        cache_policies,
        revise: if policy.is_some() { forgive } else { |_| {} },
    };
    let (result, failure) = measure(&jobs, setting, &output)?;
    if args.gate.shows_no_words() {
        trial_faults(&result).iter().for_each(tell);
    }
    // The comparison is shown before the result is written, since the disk may be full.
    let held = match failure {
        Some(failure) => Err(failure),
        None => args.gate.hold(&base, &result, matching),
    };
    let has_trials = !result.measurements.is_empty();
    written(output.keep(&result, has_trials), held)
}

/// Removes wrong verdicts that only the replaced policy explains. The verdicts due belong to the
/// stored policy. Under another policy, a different verdict is drift, but a forged token that is
/// accepted is wrong under any policy.
fn forgive(measurement: &mut Measurement) {
    if measurement.family == OWN {
        return;
    }
    measurement.wrong.retain(|wrong| {
        let is_forged = Class::find(&wrong.class).is_some_and(|class| class.row().forged);
        is_forged && wrong.got == "ACCEPT"
    });
    measurement.verdicts.wrong = measurement.wrong.iter().map(|wrong| wrong.count).sum();
}

impl Args {
    /// Keeps the trials to replay, and refuses trials that cannot be replayed.
    fn narrow(&self, base: &mut RunResult) -> Result<(), Failure> {
        let mut globs = Vec::new();
        for pattern in &self.scenario {
            let glob = Glob::new(pattern)
                .map_err(|error| Failure::Usage(format!("--scenario {pattern}: {error}")))?;
            globs.push(glob.compile_matcher());
        }
        let wanted = |name: &str| globs.is_empty() || globs.iter().any(|glob| glob.is_match(name));
        base.measurements.retain(|m| {
            wanted(&m.scenario) && self.filter.has_algorithm(&m.algorithm) && m.error.is_none()
        });
        let shown = self.result.display();
        let refuse = |reason: &str| Err(Failure::Usage(format!("{shown}: {reason}")));
        if base.measurements.is_empty() {
            return refuse("the filters leave no trial with figures; leave some out");
        }
        let is_own = |m: &Measurement| m.family == OWN;
        if self.tokens.is_none() && base.measurements.iter().any(is_own) {
            return refuse(
                "holds trials of your own tokens, which no result keeps; name them again with \
                 --tokens and --jwks, or leave them out with --scenario",
            );
        }
        if self.tokens.is_some() && !base.measurements.iter().any(is_own) {
            return refuse("holds no trial of your own tokens; leave --tokens and --jwks out");
        }
        let stores = base.measurements.iter().filter_map(|m| Some(&m.state.as_ref()?.store));
        let mut real = stores.filter(|store| *store != "model");
        if let Some(store) = real.next().filter(|_| self.store.state_store.is_none()) {
            return refuse(&format!(
                "was measured over {store}; name a store with --state-store, such as redis"
            ));
        }
        if base.measurements.iter().any(|m| m.virtual_time) {
            return refuse("was made in virtual time; `jwtbench check` repeats it exactly");
        }
        Ok(())
    }

    /// The stored contender that each requested contender is compared with.
    fn matching(&self, base: &RunResult) -> Result<Matching, Failure> {
        let mut contenders = Vec::new();
        let mut stored: Vec<&str> = base.measurements.iter().map(|m| &*m.contender).collect();
        stored.sort_unstable();
        stored.dedup();
        if !self.filter.contender.is_empty() {
            for spec in self.filter.contenders()? {
                let name = spec.to_string();
                let partner = match (&self.base, stored.as_slice()) {
                    (Some(base), _) if !stored.contains(&base.as_str()) => None,
                    (Some(base), _) => Some(base.clone()),
                    (None, stored) if stored.contains(&name.as_str()) => Some(name.clone()),
                    (None, [only]) => Some((*only).to_owned()),
                    (None, _) => None,
                };
                let Some(partner) = partner else {
                    return Err(Failure::Usage(format!(
                        "{}: nothing stands against {name}; name one of its contenders with \
                         --base: {}",
                        self.result.display(),
                        stored.join(", ")
                    )));
                };
                contenders.push((partner, name));
            }
        }
        Ok(Matching {
            contenders,
            any_cache_policy: self.cache_policy.is_some(),
            any_state_strategy: self.state_strategy.is_some(),
        })
    }

    /// The jobs to run: one for the trials of each plan and cache policy.
    fn jobs(
        &self,
        stored: &ReplayBase<'_>,
        policy: Option<&PolicySpec>,
        matching: &Matching,
    ) -> Result<Vec<Job>, Failure> {
        let own = self.own(stored, policy)?;
        let mut jobs: Vec<(&Measurement, Job)> = Vec::new();
        let mut fit = Fit::new(&self.filter, &self.scenario);
        for measurement in &stored.result.measurements {
            let known = jobs.iter_mut().find(|(first, _)| is_one_job(first, measurement));
            let job = match known {
                Some((_, job)) => job,
                None => {
                    let job = self.job(stored, measurement, policy, own.as_ref())?;
                    jobs.push((measurement, job));
                    let last = jobs.len() - 1;
                    &mut jobs[last].1
                }
            };
            for name in asked(measurement, matching) {
                let spec = contender(&name, &self.filter)?;
                let fits = job.is_known_to(spec);
                let is_new = job.contenders.iter().all(|known| known.to_string() != name);
                let pairs = fit.pairs(&job.scenario, &[job.algorithm], &[spec])?;
                if is_new && fits && !pairs.is_empty() {
                    job.contenders.push(spec);
                }
            }
        }
        fit.finish(self.quiet)?;
        let jobs: Vec<Job> = jobs.into_iter().map(|(_, job)| job).collect();
        let jobs: Vec<Job> = jobs.into_iter().filter(|job| !job.contenders.is_empty()).collect();
        match jobs.is_empty() {
            true => Err(Failure::Usage("no chosen contender fits a stored trial".into())),
            false => Ok(jobs),
        }
    }

    /// The user's own tokens, if `--tokens` and `--jwks` were given.
    fn own(
        &self,
        stored: &ReplayBase<'_>,
        policy: Option<&PolicySpec>,
    ) -> Result<Option<Arc<OwnCorpus>>, Failure> {
        let (Some(tokens), Some(jwks)) = (&self.tokens, &self.jwks) else {
            return Ok(None);
        };
        stored.own(&OwnFiles { tokens, jwks, policy }).map(|own| Some(Arc::new(own)))
    }

    fn job(
        &self,
        stored: &ReplayBase<'_>,
        measurement: &Measurement,
        policy: Option<&PolicySpec>,
        own: Option<&Arc<OwnCorpus>>,
    ) -> Result<Job, Failure> {
        let fault = |why: &str| {
            let (shown, name) = (self.result.display(), &measurement.scenario);
            Failure::Usage(format!("{shown}: {name}: {why}"))
        };
        let scenario = stored.scenario(measurement, self.tokens.as_deref().zip(own))?;
        if scenario.planned() > MAX_ARRIVALS {
            return Err(fault("its load plans more arrivals than fit in memory"));
        }
        let algorithm = Algorithm::from_name(&measurement.algorithm);
        let algorithm = algorithm.ok_or_else(|| fault("its algorithm is not known here"))?;
        let own = own.filter(|_| measurement.family == OWN).cloned();
        if own.as_ref().is_some_and(|own| !own.tokens.contains_key(&algorithm)) {
            let name = algorithm.name();
            return Err(fault(&format!("none of the tokens is of {name} under this policy")));
        }
        let hashes = PlanHashes {
            plan: measurement.plan_hash.clone(),
            corpus: measurement.corpus_hash.clone(),
            token_lifetime_s: measurement.state.as_ref().map(|state| state.token_lifetime_s),
        };
        // The user's own tokens were already judged by the policy.
        let policy = policy.filter(|_| own.is_none()).cloned();
        Ok(Job { scenario, algorithm, contenders: Vec::new(), own, policy, due: Some(hashes) })
    }
}

fn is_one_job(one: &Measurement, other: &Measurement) -> bool {
    one.scenario == other.scenario
        && one.algorithm == other.algorithm
        && one.cache_policy == other.cache_policy
        && one.state_strategy() == other.state_strategy()
}

/// The contenders to run for a stored trial.
fn asked(measurement: &Measurement, matching: &Matching) -> Vec<String> {
    if matching.contenders.is_empty() {
        return vec![measurement.contender.clone()];
    }
    let pairs = matching.contenders.iter().filter(|(base, _)| *base == measurement.contender);
    let mut asked: Vec<String> = pairs.map(|(_, contender)| contender.clone()).collect();
    if is_bound_of(measurement, matching) {
        asked.push(measurement.contender.clone());
    }
    asked
}

/// Whether the trial is of the bound that took turns with the stored counterpart of a requested
/// contender. The bound runs again, so that both results can be related to it.
fn is_bound_of(measurement: &Measurement, matching: &Matching) -> bool {
    let backend = |name: &str| name.split_once(':').map(|(_, backend)| backend.to_owned());
    let bound = measurement.contender.strip_prefix("raw:").map(str::to_owned);
    let mut bases = matching.contenders.iter().map(|(base, _)| backend(base));
    bound.is_some() && bases.any(|backend| backend == bound)
}

/// The contender of this name. A command is started only if the command line names it, never
/// because a file does, since the result may come from an untrusted source.
fn contender(name: &str, filter: &Filter) -> Result<ContenderSpec, Failure> {
    if name.starts_with("exec:") {
        let is_named = filter.contender.iter().any(|named| named == name);
        let own = Filter { contender: vec![name.to_owned()], ..Filter::default() };
        return match own.contenders()?.first() {
            Some(spec) if is_named => Ok(*spec),
            _ => Err(Failure::Usage(format!(
                "the result was measured with {name}, and no command is started because a file \
                 names it; name it as well (--contender '{name}'), or choose others with \
                 --contender and --base"
            ))),
        };
    }
    let found = ContenderSpec::known().into_iter().find(|spec| spec.to_string() == name);
    found.ok_or_else(|| {
        let optional = Optional::missing().find(|optional| optional.name == name);
        let why = optional
            .map_or_else(|| format!("{name} does not run on this machine"), Optional::remedy);
        Failure::Usage(format!("{why}; or choose others with --contender and --base"))
    })
}
