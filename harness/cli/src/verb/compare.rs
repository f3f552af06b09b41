//! `compare`: compares one stored result with another. Nothing is measured.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use jwtbench_result::comparison::Matching;

use crate::gate::Gate;
use crate::{Exit, Failure};

/// Hold one stored result against another.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    jwtbench compare reports/runs/A reports/runs/B\n  \
    jwtbench compare main.json branch.json --threshold 'p50=5%|25%' --strict\n  \
    jwtbench compare old new --allow machine --markdown >> $GITHUB_STEP_SUMMARY\n\n\
    Exit codes: 0 passed, 2 not alike or no result, 3 regression, also of exposure, lockouts\n\
    or fetches beyond what 16 seeds give the base, 4 wrong verdict,\n\
    5 expectation newly missed, 6 under --strict: invalid, inconclusive or missing.")]
pub struct Args {
    /// The base: a result.jsonl, or the folder it is in
    base: PathBuf,
    /// The candidate: likewise
    candidate: PathBuf,
    #[command(flatten)]
    gate: Gate,
}

/// Runs the verb.
pub fn run(args: Args) -> Result<Exit, Failure> {
    args.gate.thresholds()?;
    let base = args.gate.read(&args.base)?;
    let candidate = args.gate.read(&args.candidate)?;
    args.gate.hold(&base, &candidate, Matching::default())
}
