//! `duel`: two contenders, configurations or builds in lock step, and what can be said of them.

mod answers;
mod arm;
mod block;
mod build;
mod interleaved;
mod limit;
mod serve;
mod side;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arm::{LocalArm, RoundRunner};
use block::BlockWatch;
use build::{BuildArm, Patience};
use clap::Args as ClapArgs;
use side::{DuelSide, DuelSideArgs};

use jwtbench_engine::real::Control;
use jwtbench_engine::real::clock::{Stopwatch, utc_now};
use jwtbench_engine::real::host::CpuTime;
use jwtbench_engine::session::versions;
use jwtbench_report::{duel_terminal, shown};
use jwtbench_result::Machine;
use jwtbench_result::duel::{
    BlockNoise, DUEL_SCHEMA_VERSION, DuelMetric, DuelResult, Duels, LIMIT, Rules, SLOTS, Sample,
    WrongArm, lineup, weigh,
};
use jwtbench_result::record::part::DuelRow;
use jwtbench_result::record::standing::of_both;
use jwtbench_result::statistics::Decision;
use jwtbench_scenario::Arrivals;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::algorithm::Algorithm;

use crate::flag::filter::algorithm;
use crate::flag::origin::OriginArgs;
use crate::flag::replacement::tell_dropped;
use crate::flag::{SEED, duration};
use crate::interruption::stop_on_signal;
use crate::machine::{describe, profile};
use crate::output::part::PartFile;
use crate::output::terminal_style;
use crate::output::{Output, OutputKind, print, tell, written};
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

/// What the rounds gave.
struct DuelRounds {
    samples: Vec<Sample>,
    noise: Vec<BlockNoise>,
    wrong: Vec<WrongArm>,
}

/// One duel before it is fought: an algorithm, A and B.
struct Matchup {
    algorithm: Algorithm,
    candidate: DuelSide,
    base: DuelSide,
}

/// Runs the verb.
pub fn run(args: Args, command: String) -> Result<Exit, Failure> {
    let matchups = args.matchups()?;
    let output = args.output()?;
    let stop = stop_on_signal()?;
    if profile() == "debug" && !args.quiet {
        tell("a debug build: its times mean nothing; use cargo run --release");
    }
    if !args.quiet {
        // Says which folder the sides' scenarios are of.
        args.origin.library(false)?;
        let sides = matchups.iter().flat_map(|one| [&one.candidate.scenario, &one.base.scenario]);
        tell_dropped(sides);
    }
    let all = rounds(args.blocks) * matchups.len() as u64;
    let progress = LiveProgress::new(all, args.quiet || args.json);
    let mut fought: Vec<DuelResult> = Vec::new();
    let mut failure = None;
    let planned: Vec<String> = matchups.iter().map(|one| one.algorithm.name().to_owned()).collect();
    let part = output
        .as_ref()
        .map(|output| PartFile::begin(output, OutputKind::Duel, planned.clone(), &command));
    let mut part = part.transpose()?;
    for matchup in &matchups {
        match args.duel(matchup, &command, stop, (&progress, part.as_mut())) {
            Ok(duel) => fought.push(duel),
            Err(cause) => {
                failure = Some(cause);
                break;
            }
        }
    }
    progress.finish();
    // What was fought to its end before a failure is kept, and shown before it is written: the disk
    // may be full. The blocks of a duel that was cut short stay in the part.
    let is_whole = failure.is_none();
    let duels = Duels::new(fought).of_planned(&planned);
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
    /// The duels to fight: over the algorithm that was asked for, or over each of the scenario's
    /// that both sides support.
    fn matchups(&self) -> Result<Vec<Matchup>, Failure> {
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
        let matchup = |algorithm: Algorithm| {
            let of = |args: DuelSideArgs| {
                DuelSide::new(DuelSideArgs { algorithm: Some(algorithm), ..args })
            };
            let (candidate, base) = (of(self.candidate_args())?, of(self.base_args())?);
            Ok(Matchup { algorithm, candidate, base })
        };
        algorithms.into_iter().map(matchup).collect()
    }

    /// Fights one duel.
    fn duel(
        &self,
        matchup: &Matchup,
        command: &str,
        stop: &AtomicBool,
        (progress, mut part): (&LiveProgress, Option<&mut PartFile>),
    ) -> Result<DuelResult, Failure> {
        let (started_at, stopwatch, cpu) = (utc_now(), Stopwatch::start(), CpuTime::read());
        let Matchup { algorithm, candidate, base } = matchup;
        progress.say(format!("{algorithm}: signing"));
        let plan = base.plan(&Signers::new(self.seed), &progress.minting())?;
        let other = candidate.other_plan(base, &plan, progress)?;
        let planning = stopwatch.elapsed();
        let (machine, control) = (describe(), Control { stop, port: None, watch: None });
        let plans = [other.as_ref().unwrap_or(&plan), &plan];
        let (mut arms, build) =
            arms(self, [candidate, base], plans, (control, &machine, planning))?;
        let in_turns = interleaved::is_in_turns(&arms);
        let rules = self.rules(candidate);
        let round = base.scenario.load.duration;
        let say = |block| {
            progress.say(format!("{algorithm}: block {} of {}", block + 1, self.blocks));
        };
        let made = (command, started_at, build);
        let mut result = DuelResult { machine, in_turns, ..self.nothing_yet(matchup, &plan, made) };
        let mut blocks = Blocks { duel: &result, part: part.as_deref_mut() };
        let fought = fight(&mut arms, self, round, stop, (progress, &say, &mut blocks))?;
        (result.noise, result.wrong) = (fought.noise, fought.wrong);
        if result.wrong.is_empty() {
            weigh_into(&mut result, fought.samples, &rules);
        }
        result.machine.steal = cpu.zip(CpuTime::read()).map(|(then, now)| now.steal_since(then));
        result.elapsed_s = stopwatch.elapsed().as_secs_f64();
        if let Some(part) = part {
            part.add(&DuelRow { ended: Some(Box::new(result.clone())), ..DuelRow::default() });
        }
        Ok(result)
    }
}

impl Args {
    /// A duel before its first block.
    fn nothing_yet(
        &self,
        Matchup { algorithm, candidate, base }: &Matchup,
        plan: &Plan,
        (command, started_at, build): (&str, String, String),
    ) -> DuelResult {
        DuelResult {
            schema_version: DUEL_SCHEMA_VERSION,
            command: command.to_owned(),
            started_at,
            elapsed_s: 0.0,
            seed: self.seed,
            base: base.contender.to_string(),
            candidate: candidate.contender.to_string(),
            base_setting: base.setting(build),
            candidate_setting: candidate.setting("this".into()),
            cache_policies: of_both(&base.cache_policies, &candidate.cache_policies),
            algorithm: algorithm.name().into(),
            scenario: plan.scenario.name.clone(),
            plan_hash: plan.hash.clone(),
            corpus_hash: plan.corpus.hash.clone(),
            machine: Machine::default(),
            versions: versions([candidate.contender, base.contender].iter()),
            verdict: Decision::Invalid,
            reason: "verdicts were wrong: there are no figures".into(),
            ratio: None,
            metrics: Vec::new(),
            control: None,
            blocks: self.blocks,
            in_turns: false,
            dropped_blocks: 0,
            noise: Vec::new(),
            wrong: Vec::new(),
            samples: Vec::new(),
        }
    }
}

/// A duel under way, and the part that its blocks are kept in.
struct Blocks<'d> {
    duel: &'d DuelResult,
    part: Option<&'d mut PartFile>,
}

impl Blocks<'_> {
    /// A block is over; with the first one goes what the duel is about.
    fn keep(&mut self, samples: &[Sample], noise: &BlockNoise) {
        if let Some(part) = &mut self.part {
            part.add(&DuelRow {
                begun: (noise.block == 0).then(|| Box::new(self.duel.clone())),
                samples: samples.to_vec(),
                noise: Some(noise.clone()),
                ended: None,
            });
        }
    }
}

/// The three arms, and which build the base is.
fn arms<'p>(
    args: &Args,
    [candidate, base]: [&DuelSide; 2],
    [plan, base_plan]: [&'p Plan; 2],
    (control, machine, planning): (Control<'p>, &Machine, Duration),
) -> Result<([Box<dyn RoundRunner + 'p>; 3], String), Failure> {
    let Some(path) = &args.base_binary else {
        let here = |side, plan| {
            LocalArm::new(side, plan, control, machine.calibration.clone()).map(Box::new)
        };
        let [a, b, again] =
            [here(candidate, plan)?, here(base, base_plan)?, here(base, base_plan)?];
        return Ok(([a, b, again], "this".into()));
    };
    // The candidate is a process too: as far away as the base.
    let patience = Patience { silence: args.base_timeout, planning, stop: control.stop };
    let a = Box::new(BuildArm::this(candidate, plan, patience)?);
    let named = (path.as_path(), "--base-binary");
    let there = || BuildArm::start(named, base, base_plan, patience).map(Box::new);
    let (b, again) = (there()?, there()?);
    Ok(([a, b, again], build::fingerprint(path)?))
}

fn rounds(blocks: u32) -> u64 {
    u64::from(blocks) * SLOTS as u64
}

fn weigh_into(result: &mut DuelResult, samples: Vec<Sample>, rules: &Rules) {
    let weighed = weigh(&samples, &result.noise, rules);
    result.verdict = weighed.verdict;
    result.reason = weighed.reason;
    result.ratio = weighed.ratio;
    result.metrics = weighed.metrics;
    result.control = Some(weighed.control);
    result.dropped_blocks = weighed.dropped;
    result.samples = samples;
}

/// Block by block in the order of the line-up, until the end or the first wrong verdict.
fn fight(
    arms: &mut [Box<dyn RoundRunner + '_>; 3],
    args: &Args,
    round: Duration,
    stop: &AtomicBool,
    (progress, say, kept): (&LiveProgress, &dyn Fn(u32), &mut Blocks<'_>),
) -> Result<DuelRounds, Failure> {
    let (mut samples, mut noise) = (Vec::<Sample>::new(), Vec::new());
    for (block, order) in (0u32..).zip(lineup(args.blocks, args.seed)) {
        say(block);
        let (first, mut watch) = (samples.len(), BlockWatch::start(arms));
        for (half, order) in order.chunks(SLOTS / 2).enumerate() {
            let rounds = interleaved::rounds(arms, order, round, block as usize + half);
            if stop.load(Ordering::Relaxed) {
                let message = "interrupted: a duel cut short says nothing";
                return Err(Failure::Error(message.into()));
            }
            for (mut round, arm) in rounds?.into_iter().zip(order) {
                watch.enter(&mut round);
                if !round.wrong.is_empty() {
                    let wrong = round.wrong.into_iter().map(|wrong| WrongArm { arm: *arm, wrong });
                    return Ok(DuelRounds { samples, noise, wrong: wrong.collect() });
                }
                let slot = (samples.len() - first) as u32;
                let reading = round.reading;
                samples.push(Sample { block, slot, arm: *arm, reading });
                progress.step();
            }
        }
        noise.push(watch.finish(block));
        kept.keep(&samples[first..], &noise[block as usize]);
    }
    Ok(DuelRounds { samples, noise, wrong: Vec::new() })
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
            policy: self.base_policy.clone(),
            plant: 0.0,
        }
    }

    fn candidate_args(&self) -> DuelSideArgs {
        DuelSideArgs {
            contender: self.candidate.clone(),
            cache_policy: self.cache_policy.clone(),
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

    /// One object where an algorithm was asked for, an array of them otherwise; printed, and then
    /// written to the output, which is whole or not.
    fn show(&self, duels: &Duels, output: Option<&Output>) -> Result<(), Failure> {
        let json = match duels.duels.as_slice() {
            [duel] if self.algorithm.is_some() => serde_json::to_string(duel),
            duels => serde_json::to_string(duels),
        };
        let json =
            json.map_err(|error| Failure::Error(format!("cannot encode the result: {error}")))?;
        match self.json {
            true => print(&(shown::json(&json) + "\n")),
            false => print(&duel_terminal(duels, terminal_style())),
        }
        match output {
            Some(output) => output.write_duels(duels),
            None => Ok(()),
        }
    }

    /// A wrong verdict outranks a regression, which outranks doubt.
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
