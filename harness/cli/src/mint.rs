//! `mint`: a conformance pack for any language: key set, policy, and tokens with the verdict due.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use clap::builder::RangedI64ValueParser;

use jwtbench_verifier::algorithm::Algorithm;

use jwtbench_engine::scenario::pack::{self, Pack};
use jwtbench_engine::scenario::plan::Plan;
use jwtbench_engine::scenario::policy_file;
use jwtbench_engine::scenario::signer::Signers;

use super::origin::OriginArgs;
use super::output::print;
use super::progress::Progress;
use super::run::SEED;
use super::{Exit, Failure};

/// The scenario that a pack is made of.
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
    #[arg(long, value_name = "ALGORITHM", value_parser = super::filter::algorithm)]
    algorithm: Vec<Algorithm>,
    /// Tokens of each class, at most; one of each that is longer than 16 KB
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = count())]
    per_class: u32,
    /// Also write the private keys of the issuer
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
    if args.out.join(pack::README).exists() && !args.force {
        return Err(Failure::Usage(format!(
            "--out {shown} holds a pack already; choose another folder, or add --force"
        )));
    }
    let mut scenarios = args.origin.library(args.quiet)?.select(&[EVERY_CLASS.to_owned()])?;
    let scenario = scenarios.remove(0);
    let mut algorithms = args.algorithm.clone();
    if algorithms.is_empty() {
        algorithms.clone_from(&scenario.algorithms);
    }
    let signers = Signers::new(args.seed);
    let progress = Progress::new(algorithms.len() as u64, args.quiet);
    let mut count = 0;
    for algorithm in &algorithms {
        progress.say(format!("{algorithm}: signing"));
        let plan = Plan::new(&scenario, *algorithm, &signers, &progress.minting());
        let pack = Pack::of(&plan, args.per_class);
        count += pack.len();
        let folder = args.out.join(algorithm.name());
        let policy = policy_file::text(&plan.scenario.policy_for(*algorithm));
        write(&folder, "jwks.json", &pack.key_set)?;
        write(&folder, "policy.toml", policy.as_bytes())?;
        write(&folder, "pack.json", pack.about().as_bytes())?;
        write(&folder, "tokens.jsonl", pack.tokens().as_bytes())?;
        if args.with_private_keys {
            let keys = signers.private_jwks(*algorithm);
            write(&folder, "private-keys.json", keys.to_string().as_bytes())?;
        }
        progress.step();
    }
    write(&args.out, pack::README, pack::readme(&algorithms, args.seed).as_bytes())?;
    progress.finish();
    if !args.quiet {
        print(&format!("{count} tokens in {shown}; {} says how to use them\n", pack::README));
    }
    Ok(Exit::Passed)
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let path = folder.join(name);
    fs::create_dir_all(folder).and_then(|()| fs::write(&path, bytes)).map_err(|error| {
        let shown = path.display();
        Failure::Usage(format!("--out: {shown} cannot be written ({error}); choose another folder"))
    })
}
