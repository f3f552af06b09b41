//! `duel`: compares two contenders, configurations or builds in lock step.

mod answers;
mod build;
mod limit;
mod serve;
mod side;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use build::{AnswerLimits, BuildArm};
use clap::Args as ClapArgs;
use side::DuelSideArgs;

use jwtbench_engine::session::{
    DuelJob, DuelSide, ProcessArm, ProcessStarter, RoundRunner, Session,
};
use jwtbench_report::{duel_terminal, shown};
use jwtbench_result::duel::{Arm, DuelMetric, DuelResult, Duels, LIMIT, Rules, SLOTS};
use jwtbench_result::record::part::DuelRow;
use jwtbench_result::statistics::Decision;
use jwtbench_scenario::Arrivals;
use jwtbench_verifier::algorithm::Algorithm;

use crate::flag::filter::algorithm;
use crate::flag::origin::OriginArgs;
use crate::flag::replacement::tell_dropped;
use crate::flag::{SEED, duration};
use crate::interruption::stop_on_signal;
use crate::machine::{describe, profile};
use crate::output::part::PartFile;
use crate::output::terminal_style;
use crate::output::{Output, OutputKind, print, tell, tell_missing, written};
use crate::progress::LiveProgress;
use crate::{Exit, Failure};

pub use serve::{Args as ServeArgs, run as serve};

/// Compare two contenders, configurations or builds in lock step.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    jwtbench duel core:ring core:aws-lc-rs    over each algorithm that both support\n  \
    jwtbench duel core:ring core:aws-lc-rs --algorithm ES256\n  \
    jwtbench duel core:ring core:ring         A/A: what this machine's noise looks like\n  \
    jwtbench duel core:ring raw:ring --threshold p50=5% --blocks 32\n  \
    jwtbench duel core:ring core:ring --policy new.toml --base-policy old.toml\n  \
    jwtbench duel core:ring core:ring --base-binary ../main/target/release/jwtbench\n\n\
    The ratio is A/B of cost: B is the base, A the candidate; REGRESSED means that A costs more.\n\
    Exit codes: 0 no regression, 2 usage, 3 REGRESSED, 4 wrong verdict (no figures), 6 with\n\
    --strict: INCONCLUSIVE or INVALID.")]
pub struct Args {
    /// A, the candidate: a contender such as core:ring
    #[arg(value_name = "A")]
    candidate: String,
    /// B, the base: a contender, the same one for a duel of configurations, builds or noise
    #[arg(value_name = "B")]
    base: String,
    /// The scenario: a name, or the path of a .toml file
    #[arg(long, default_value = "hot-path/accept")]
    scenario: String,
    #[command(flatten)]
    origin: OriginArgs,
    /// The algorithm of the tokens [default: each of the scenario's that both support, a duel each]
    #[arg(long, value_parser = algorithm)]
    algorithm: Option<Algorithm>,
    /// Blocks of six rounds; at least 6
    #[arg(long, default_value_t = 16, value_parser = limit::blocks)]
    blocks: u32,
    /// A smaller difference does not count: METRIC=PERCENT for p50, p99, throughput or cpu
    /// (repeatable) [default: 3%, p99 10%]
    #[arg(long, value_name = "METRIC=PERCENT", value_parser = limit::threshold)]
    threshold: Vec<(DuelMetric, f64)>,
    /// The verdict depends on this metric alone (repeatable) [default: p50 and cpu, p50 in an open
    /// loop; the others only where A costs twice as much]
    #[arg(long, value_name = "METRIC", value_parser = limit::metric)]
    gate: Vec<DuelMetric>,
    /// Measured time per round, at least 100ms [default: the scenario's]
    #[arg(long, value_parser = duration)]
    duration: Option<Duration>,
    /// Seed of keys, tokens, arrivals, order and resampling
    #[arg(long, default_value_t = SEED)]
    seed: u64,
    /// Cache policy of the candidate: a preset or a file in place of the scenario's [cache]
    #[arg(long, value_name = "NAME|FILE")]
    cache_policy: Option<String>,
    /// Cache policy of the base
    #[arg(long, value_name = "NAME|FILE")]
    base_cache_policy: Option<String>,
    /// State strategy of the candidate: a preset or a file in place of that of [state]
    #[arg(long, value_name = "NAME|FILE")]
    state_strategy: Option<String>,
    /// State strategy of the base
    #[arg(long, value_name = "NAME|FILE")]
    base_state_strategy: Option<String>,
    /// Policy of the candidate: a file in place of the scenario's [policy]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Policy of the base
    #[arg(long, value_name = "FILE")]
    base_policy: Option<PathBuf>,
    /// Another jwtbench that runs the base, in a process of its own
    #[arg(long, value_name = "PATH")]
    base_binary: Option<PathBuf>,
    /// How long --base-binary may be silent beyond the work it is asked for before it is ended
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = duration,
        default_value = "1m",
        requires = "base_binary"
    )]
    base_timeout: Duration,
    /// Make the candidate slower by this share of each operation, to see it found
    #[arg(long, hide = true, value_name = "PERCENT", value_parser = limit::percent)]
    plant: Option<f64>,
    /// Exit with 6 on INCONCLUSIVE or INVALID
    #[arg(long)]
    strict: bool,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    /// Folder for duel.jsonl and duel.md [default: none is written]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Overwrite a duel in --out
    #[arg(long)]
    force: bool,
    /// No progress
    #[arg(short, long)]
    quiet: bool,
}

/// A planned duel, with the flags that make its sides in other processes.
struct Matchup {
    job: DuelJob,
    candidate: DuelSideArgs,
    base: DuelSideArgs,
}

/// Runs the verb.
pub fn run(args: Args, command: String) -> Result<Exit, Failure> {
    let matchups = args.matchups(&command)?;
    let output = args.output()?;
    let stop = stop_on_signal()?;
    if profile() == "debug" && !args.quiet {
        tell("a debug build: its times mean nothing; use cargo run --release");
    }
    if !args.quiet {
        // Prints the folder that the sides' scenarios come from.
        args.origin.library(false)?;
        let jobs = matchups.iter().map(|one| &one.job);
        tell_dropped(jobs.flat_map(|job| [&job.candidate.scenario, &job.base.scenario]));
    }
    let all = u64::from(args.blocks) * SLOTS as u64 * matchups.len() as u64;
    let progress = LiveProgress::new(all, args.quiet || args.json);
    let session = Session::new(args.seed, stop, &progress);
    let mut ended: Vec<DuelResult> = Vec::new();
    let mut failure = None;
    let planned: Vec<String> =
        matchups.iter().map(|one| one.job.algorithm.name().to_owned()).collect();
    let part = output
        .as_ref()
        .map(|output| PartFile::begin(output, OutputKind::Duel, planned.clone(), &command));
    let mut part = part.transpose()?;
    for matchup in &matchups {
        match args.duel(matchup, &session, stop, part.as_mut()) {
            Ok(duel) => ended.push(duel),
            Err(cause) => {
                failure = Some(cause);
                break;
            }
        }
    }
    progress.finish();
    // Duels that ended before a failure are kept. They are shown before they are written, since the
    // disk may be full. The blocks of a duel that was cut short stay in the part.
    let is_whole = failure.is_none();
    let duels = Duels::new(ended).of_planned(&planned);
    let kept = match is_whole || !duels.duels.is_empty() {
        true => args.show(&duels, output.as_ref()),
        false => Ok(()),
    };
    let ended = match failure {
        Some(failure) if args.exit(&duels.duels) != Exit::Wrong => Err(failure),
        Some(failure) => Err(Failure::Wrong(failure.to_string())),
        None => Ok(args.exit(&duels.duels)),
    };
    written(kept, ended)
}

impl Args {
    /// The duels to run: one with the algorithm of `--algorithm`, or one with each of the
    /// scenario's algorithms that both sides support.
    fn matchups(&self, command: &str) -> Result<Vec<Matchup>, Failure> {
        let algorithms = match self.algorithm {
            Some(algorithm) => vec![algorithm],
            None => {
                let (candidate, base) = (self.candidate_args(), self.base_args());
                let (shared, others) = side::shared_algorithms(&candidate, &base)?;
                for other in others.iter().filter(|_| !self.quiet) {
                    tell(format!("{other} is left out: only one side verifies it, or none"));
                }
                shared
            }
        };
        let build = match &self.base_binary {
            Some(path) => build::fingerprint(path)?,
            None => "this".to_owned(),
        };
        let matchup = |algorithm: Algorithm| {
            let of = |args: DuelSideArgs| DuelSideArgs { algorithm: Some(algorithm), ..args };
            let (mut candidate, mut base) = (of(self.candidate_args()), of(self.base_args()));
            let ((candidate_side, _), (base_side, _)) =
                (candidate.side("this")?, base.side(&build)?);
            // The names that these stand for here, whatever they would stand for in another build.
            candidate.contender = candidate_side.contender.to_string();
            base.contender = base_side.contender.to_string();
            let job = DuelJob {
                algorithm,
                rules: self.rules(&candidate_side),
                candidate: candidate_side,
                base: base_side,
                blocks: self.blocks,
                command: command.to_owned(),
            };
            Ok(Matchup { job, candidate, base })
        };
        algorithms.into_iter().map(matchup).collect()
    }

    /// Runs one duel.
    fn duel(
        &self,
        Matchup { job, candidate, base }: &Matchup,
        session: &Session<'_>,
        stop: &AtomicBool,
        mut part: Option<&mut PartFile>,
    ) -> Result<DuelResult, Failure> {
        let starter = self.base_binary.as_ref().map(|path| {
            move |ProcessArm { arm, plan, planning }: ProcessArm<'_>| {
                let limits = AnswerLimits { silence: self.base_timeout, planning, stop };
                // The candidate also runs in another process, so that both sides communicate alike.
                let arm: Box<dyn RoundRunner + '_> = Box::new(match arm {
                    Arm::Candidate => BuildArm::this(candidate, plan, limits)?,
                    Arm::Base | Arm::Again => {
                        BuildArm::start((path, "--base-binary"), base, plan, limits)?
                    }
                });
                Ok(arm)
            }
        });
        let starter = starter.as_ref().map(|starter| starter as ProcessStarter<'_>);
        let mut keep = |row: &DuelRow| {
            if let Some(part) = &mut part {
                part.add(row);
            }
        };
        Ok(session.duel(job, describe(), starter, &mut keep)?)
    }
}

impl Args {
    fn base_args(&self) -> DuelSideArgs {
        DuelSideArgs {
            contender: self.base.clone(),
            scenario: self.scenario.clone(),
            origin: self.origin.clone(),
            algorithm: self.algorithm,
            duration: self.duration,
            seed: self.seed,
            cache_policy: self.base_cache_policy.clone(),
            state_strategy: self.base_state_strategy.clone(),
            policy: self.base_policy.clone(),
            plant: 0.0,
        }
    }

    fn candidate_args(&self) -> DuelSideArgs {
        DuelSideArgs {
            contender: self.candidate.clone(),
            cache_policy: self.cache_policy.clone(),
            state_strategy: self.state_strategy.clone(),
            policy: self.policy.clone(),
            plant: self.plant.unwrap_or(0.0),
            ..self.base_args()
        }
    }

    fn rules(&self, side: &DuelSide) -> Rules {
        let is_chosen = !self.gate.is_empty();
        let own = DuelMetric::gates(side.scenario.load.arrivals == Arrivals::Closed);
        let gates = if is_chosen { self.gate.clone() } else { own.to_vec() };
        let limit = (!is_chosen).then_some(LIMIT);
        let thresholds: BTreeMap<DuelMetric, f64> = self.threshold.iter().copied().collect();
        Rules { thresholds, gates, limit, seed: self.seed }
    }

    fn output(&self) -> Result<Option<Output>, Failure> {
        let Some(folder) = &self.out else {
            return Ok(None);
        };
        Output::prepare(folder.clone(), self.force, OutputKind::Duel).map(Some)
    }

    /// Prints the duels, then writes them to the output, even if some are missing. The JSON is one
    /// object if `--algorithm` was given, and an array otherwise.
    fn show(&self, duels: &Duels, output: Option<&Output>) -> Result<(), Failure> {
        let json = match duels.duels.as_slice() {
            [duel] if self.algorithm.is_some() => serde_json::to_string(duel),
            duels => serde_json::to_string(duels),
        };
        let json =
            json.map_err(|error| Failure::Error(format!("cannot encode the result: {error}")))?;
        match self.json {
            true => {
                tell_missing(duels);
                print(&(shown::json(&json) + "\n"));
            }
            false => print(&duel_terminal(duels, terminal_style())),
        }
        match output {
            Some(output) => output.write_duels(duels),
            None => Ok(()),
        }
    }

    /// The exit of the duels. A wrong verdict outranks a regression, and a regression outranks an
    /// inconclusive or invalid duel.
    fn exit(&self, duels: &[DuelResult]) -> Exit {
        let any = |is: fn(&DuelResult) -> bool| duels.iter().any(is);
        if any(|duel| !duel.wrong.is_empty()) {
            Exit::Wrong
        } else if any(|duel| duel.verdict == Decision::Regressed) {
            Exit::Regressed
        } else if self.strict
            && any(|duel| matches!(duel.verdict, Decision::Inconclusive | Decision::Invalid))
        {
            Exit::Unproven
        } else {
            Exit::Passed
        }
    }
}
