//! `mint`: writes a conformance pack for any language: key set, policy, and tokens with the verdict
//! due.

mod folder;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use clap::Args as ClapArgs;
use clap::builder::RangedI64ValueParser;
use folder::PackFolder;

use jwtbench_engine::session::{Session, SessionObserver as _};
use jwtbench_scenario::format::policy_file;
use jwtbench_scenario::token::pack::{self, Pack};
use jwtbench_verifier::algorithm::Algorithm;

use crate::flag::SEED;
use crate::flag::origin::OriginArgs;
use crate::interruption::stop_on_signal;
use crate::output::print;
use crate::progress::LiveProgress;
use crate::{Exit, Failure};

/// The scenario that a pack is made from.
const EVERY_CLASS: &str = "conformance/every-class";

/// Write a conformance pack for any language: key set, policy, tokens with the verdict due.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    jwtbench mint --out pack\n  \
    jwtbench mint --out pack --algorithm PS256 --per-class 3")]
pub struct Args {
    /// The folder to write to; one that holds a pack is refused without --force
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    origin: OriginArgs,
    /// Seed of keys and tokens; the same seed gives the same pack, to the byte
    #[arg(long, default_value_t = SEED)]
    seed: u64,
    /// Only this algorithm, such as ES256 (repeatable)
    #[arg(long, value_name = "ALGORITHM", value_parser = crate::flag::filter::algorithm)]
    algorithm: Vec<Algorithm>,
    /// Tokens of each class, at most; one of each that is longer than 16 KB
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = count())]
    per_class: u32,
    /// Also write the private keys of the issuer, readable by you alone
    #[arg(long)]
    with_private_keys: bool,
    /// Replace the pack in the folder
    #[arg(long)]
    force: bool,
    /// Say nothing but what went wrong
    #[arg(short, long)]
    quiet: bool,
}

fn count() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=24)
}

/// Runs the verb.
pub fn run(args: Args) -> Result<Exit, Failure> {
    let shown = args.out.display();
    let mut scenarios = args.origin.library(args.quiet)?.select(&[EVERY_CLASS.to_owned()])?;
    let scenario = scenarios.remove(0);
    let mut algorithms = args.algorithm.clone();
    if algorithms.is_empty() {
        algorithms.clone_from(&scenario.algorithms);
    }
    let mut named = BTreeSet::new();
    algorithms.retain(|algorithm| named.insert(algorithm.name()));
    let stop = stop_on_signal()?;
    let pack_folder = PackFolder::prepare(&args.out, args.force)?;
    let progress = LiveProgress::new(algorithms.len() as u64, args.quiet);
    let session = Session::new(args.seed, stop, &progress);
    let (mut count, mut made) = (0, Vec::new());
    for algorithm in &algorithms {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        progress.say(format!("{algorithm}: signing"));
        let plan = session.plan(&scenario, *algorithm)?;
        let pack = Pack::of(&plan, args.per_class)?;
        count += pack.len();
        let policy = policy_file::text(&plan.scenario.policy_for(*algorithm));
        let [tokens, about] = [pack.tokens(), pack.about()];
        let contents = [&pack.key_set, policy.as_bytes(), tokens.as_bytes(), about.as_bytes()];
        pack_folder.add(*algorithm, contents).map_err(|failure| pack_folder.told(failure))?;
        made.push(*algorithm);
        progress.step();
    }
    if made.is_empty() {
        return Err(Failure::Error("interrupted: no pack is written".into()));
    }
    let missing = &algorithms[made.len()..];
    if let Some(part) = pack_folder.part_beside_whole().filter(|_| !missing.is_empty()) {
        let ([made, all], part) = ([made.len(), algorithms.len()], part.display());
        return Err(Failure::Error(format!(
            "interrupted: {shown} holds the pack that it held before; {made} of {all} algorithms \
             of the new one are in {part}, each whole"
        )));
    }
    let readme = pack::readme(&made, missing, args.seed);
    pack_folder.hand_over(&made, args.with_private_keys.then(|| session.signers()), &readme)?;
    if !missing.is_empty() {
        let [made, all] = [made.len(), algorithms.len()];
        return Err(Failure::Error(format!(
            "interrupted: {shown} holds {made} of {all} algorithms, each whole"
        )));
    }
    progress.finish();
    if !args.quiet {
        print(&format!("{count} tokens in {shown}; {} says how to use them\n", pack::README));
    }
    Ok(Exit::Passed)
}
