//! `mint`: a conformance pack for any language: key set, policy, and tokens with the verdict due.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use clap::Args as ClapArgs;
use clap::builder::RangedI64ValueParser;

use jwtbench_scenario::pack::{self, Pack};
use jwtbench_scenario::plan::Plan;
use jwtbench_scenario::policy_file;
use jwtbench_scenario::signer::Signers;
use jwtbench_verifier::algorithm::Algorithm;

use super::interruption::stop_on_signal;
use super::lock::Lock;
use super::origin::OriginArgs;
use super::output::print;
use super::progress::LiveProgress;
use super::run::SEED;
use super::{Exit, Failure};

/// The scenario that a pack is made of.
const EVERY_CLASS: &str = "conformance/every-class";
/// The file of an algorithm's private keys.
const PRIVATE_KEYS: &str = "private-keys.json";
/// Where a pack is made before it is moved to its place.
const MAKING: &str = ".mint.part";
/// The files of an algorithm.
const FILES: [&str; 5] = ["jwks.json", "policy.toml", "pack.json", "tokens.jsonl", PRIVATE_KEYS];

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
    let mut scenarios = args.origin.library(args.quiet)?.select(&[EVERY_CLASS.to_owned()])?;
    let scenario = scenarios.remove(0);
    let mut algorithms = args.algorithm.clone();
    if algorithms.is_empty() {
        algorithms.clone_from(&scenario.algorithms);
    }
    let stop = stop_on_signal()?;
    let pack_folder = PackFolder::prepare(&args.out, args.force)?;
    let signers = Signers::new(args.seed);
    let progress = LiveProgress::new(algorithms.len() as u64, args.quiet);
    let mut count = 0;
    for algorithm in &algorithms {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        progress.say(format!("{algorithm}: signing"));
        let plan = Plan::new(&scenario, *algorithm, &signers, &progress.minting()).checked()?;
        let pack = Pack::of(&plan, args.per_class)?;
        count += pack.len();
        let folder = pack_folder.making.join(algorithm.name());
        let policy = policy_file::text(&plan.scenario.policy_for(*algorithm));
        write(&folder, "jwks.json", &pack.key_set)?;
        write(&folder, "policy.toml", policy.as_bytes())?;
        write(&folder, "pack.json", pack.about().as_bytes())?;
        write(&folder, "tokens.jsonl", pack.tokens().as_bytes())?;
        progress.step();
    }
    if args.with_private_keys {
        for algorithm in algorithms.iter().take_while(|_| !stop.load(Ordering::Relaxed)) {
            let keys = signers.private_jwks(*algorithm).to_string();
            write_private(&pack_folder.making.join(algorithm.name()), keys.as_bytes())?;
        }
    }
    if stop.load(Ordering::Relaxed) {
        return Err(Failure::Error("interrupted: no pack is written".into()));
    }
    pack_folder.hand_over(&algorithms, &pack::readme(&algorithms, args.seed))?;
    progress.finish();
    if !args.quiet {
        print(&format!("{count} tokens in {shown}; {} says how to use them\n", pack::README));
    }
    Ok(Exit::Passed)
}

/// A pack is made in a folder of its own inside the one it is for, and moved when it is whole: what
/// a killed command leaves is never taken for a pack.
struct PackFolder {
    out: PathBuf,
    making: PathBuf,
    _lock: Lock,
}

impl PackFolder {
    /// Makes sure of the folder. One that holds a pack, or what is left of one, is refused without
    /// `force`.
    fn prepare(out: &Path, force: bool) -> Result<PackFolder, Failure> {
        let refused = |why: &str| {
            let shown = out.display();
            Err(Failure::Usage(format!("--out {shown} {why}; choose another folder")))
        };
        if out.join(pack::README).exists() && !force {
            return refused("holds a pack already; add --force");
        }
        let lock = match fs::create_dir_all(out).and_then(|()| Lock::take(out)) {
            Ok(Some(lock)) => lock,
            Ok(None) => return refused("is being written by another jwtbench"),
            Err(error) => return refused(&format!("cannot be written ({error})")),
        };
        let making = out.join(MAKING);
        if making.exists() {
            if !force {
                return refused(&format!(
                    "holds {MAKING}, what a mint that was cut short left and nothing can use: add \
                     --force to replace it"
                ));
            }
            fs::remove_dir_all(&making).map_err(|error| unwritten(&making, &error))?;
        }
        fs::create_dir(&making).map_err(|error| unwritten(&making, &error))?;
        Ok(PackFolder { out: out.into(), making, _lock: lock })
    }

    /// Moves what was made to where it belongs. The README comes last: nothing is a pack before.
    fn hand_over(&self, algorithms: &[Algorithm], readme: &str) -> Result<(), Failure> {
        let unmoved = |path: &Path| {
            let path = path.to_owned();
            move |error: io::Error| unwritten(&path, &error)
        };
        let last = self.out.join(pack::README);
        if last.exists() {
            fs::remove_file(&last).map_err(unmoved(&last))?;
        }
        for algorithm in algorithms {
            let [made, due] = [&self.making, &self.out].map(|folder| folder.join(algorithm.name()));
            if due.is_dir() {
                for name in FILES.iter().filter(|name| due.join(name).exists()) {
                    fs::remove_file(due.join(name)).map_err(unmoved(&due))?;
                }
                // What else is there is not of a pack, and stays.
                for entry in fs::read_dir(&made).map_err(unmoved(&made))? {
                    let name = entry.map_err(unmoved(&made))?.file_name();
                    fs::rename(made.join(&name), due.join(&name)).map_err(unmoved(&due))?;
                }
                fs::remove_dir(&made).map_err(unmoved(&made))?;
            } else {
                fs::rename(&made, &due).map_err(unmoved(&due))?;
            }
        }
        write(&self.making, pack::README, readme.as_bytes())?;
        fs::rename(self.making.join(pack::README), &last).map_err(unmoved(&last))?;
        fs::remove_dir_all(&self.making).map_err(unmoved(&self.making))
    }
}

impl Drop for PackFolder {
    fn drop(&mut self) {
        // After an error too: half a pack is of no use, and may hold private keys.
        _ = fs::remove_dir_all(&self.making);
    }
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let path = folder.join(name);
    let written = || {
        fs::create_dir_all(folder)?;
        let mut file = fs::File::create(&path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    written().map_err(|error| unwritten(&path, &error))
}

/// Writes private keys, for their owner's eyes alone.
fn write_private(folder: &Path, keys: &[u8]) -> Result<(), Failure> {
    let path = folder.join(PRIVATE_KEYS);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = || {
        let mut file = options.open(&path)?;
        file.write_all(keys)?;
        file.sync_all()
    };
    written().map_err(|error| unwritten(&path, &error))
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    let shown = path.display();
    Failure::Usage(format!("--out: {shown} cannot be written ({error}); choose another folder"))
}
