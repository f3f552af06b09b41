//! `mint`: a conformance pack for any language: key set, policy, and tokens with the verdict due.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::Args as ClapArgs;
use clap::builder::RangedI64ValueParser;

use jwtbench_verifier::algorithm::Algorithm;

use jwtbench_engine::scenario::pack::{self, Pack};
use jwtbench_engine::scenario::plan::Plan;
use jwtbench_engine::scenario::policy_file;
use jwtbench_engine::scenario::signer::Signers;

use super::interruption::stop_on_signal;
use super::origin::OriginArgs;
use super::output::print;
use super::progress::Progress;
use super::run::SEED;
use super::{Exit, Failure};

/// The scenario that a pack is made of.
const EVERY_CLASS: &str = "conformance/every-class";
/// The file of an algorithm's private keys.
const PRIVATE_KEYS: &str = "private-keys.json";

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
    // Those of the pack that was there would pass for those of this one.
    for algorithm in &algorithms {
        remove(&args.out.join(algorithm.name()).join(PRIVATE_KEYS))?;
    }
    let signers = Signers::new(args.seed);
    let progress = Progress::new(algorithms.len() as u64, args.quiet);
    let mut count = 0;
    for algorithm in &algorithms {
        progress.say(format!("{algorithm}: signing"));
        let plan = Plan::new(&scenario, *algorithm, &signers, &progress.minting()).checked()?;
        let pack = Pack::of(&plan, args.per_class);
        count += pack.len();
        let folder = args.out.join(algorithm.name());
        let policy = policy_file::text(&plan.scenario.policy_for(*algorithm));
        write(&folder, "jwks.json", &pack.key_set)?;
        write(&folder, "policy.toml", policy.as_bytes())?;
        write(&folder, "pack.json", pack.about().as_bytes())?;
        write(&folder, "tokens.jsonl", pack.tokens().as_bytes())?;
        progress.step();
    }
    write(&args.out, pack::README, pack::readme(&algorithms, args.seed).as_bytes())?;
    if args.with_private_keys {
        write_private_keys(&args.out, &algorithms, &signers)?;
    }
    progress.finish();
    if !args.quiet {
        print(&format!("{count} tokens in {shown}; {} says how to use them\n", pack::README));
    }
    Ok(Exit::Passed)
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let path = folder.join(name);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&path, bytes));
    written.map_err(|error| unwritable(&path, &error))
}

/// Writes the private keys of each algorithm. If it fails or is interrupted, none of them is left.
fn write_private_keys(
    out: &Path,
    algorithms: &[Algorithm],
    signers: &Signers,
) -> Result<(), Failure> {
    let stop = stop_on_signal()?;
    let mut written: Vec<PathBuf> = Vec::new();
    let mut failed = None;
    for algorithm in algorithms {
        let path = out.join(algorithm.name()).join(PRIVATE_KEYS);
        let keys = signers.private_jwks(*algorithm).to_string();
        if let Err(error) = write_private(&path, keys.as_bytes()) {
            failed = Some(unwritable(&path, &error));
            break;
        }
        written.push(path);
    }
    if failed.is_some() || stop.load(Ordering::Relaxed) {
        written.iter().try_for_each(|path| remove(path))?;
    }
    failed.map_or(Ok(()), Err)
}

/// Writes a file that only its owner can read, whole or not at all.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let passing = path.with_extension(format!("{}.part", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&passing)?;
    let written = file.write_all(bytes).and_then(|()| fs::rename(&passing, path));
    if written.is_err() {
        // The first error is the one to be told.
        _ = fs::remove_file(&passing);
    }
    written
}

fn remove(path: &Path) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            let shown = path.display();
            let message = format!("--out: {shown} cannot be removed ({error}); remove it yourself");
            Err(Failure::Usage(message))
        }
        _ => Ok(()),
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let shown = path.display();
    Failure::Usage(format!("--out: {shown} cannot be written ({error}); choose another folder"))
}
