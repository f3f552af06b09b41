//! `compare`: compares one stored result or simulation with another. Nothing is measured.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use jwtbench_result::comparison::Matching;

use crate::gate::Gate;
use crate::output::stored::StoredFile;
use crate::{Exit, Failure};

/// Hold one stored result, or one simulation, against another.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    jwtbench compare reports/runs/A reports/runs/B\n  \
    jwtbench compare main.json branch.json --threshold 'p50=5%|25%' --strict\n  \
    jwtbench compare old new --allow machine --markdown >> $GITHUB_STEP_SUMMARY\n  \
    jwtbench compare sim-before sim-after               two simulations\n\n\
    Exit codes: 0 passed, 1 nothing in common, 2 not alike or no result, 3 regression, also of\n\
    exposure, lockouts or fetches beyond what 16 seeds give the base, 4 wrong verdict,\n\
    5 expectation newly missed, 6 under --strict: invalid, inconclusive or missing.\n\
    Of simulations 3 is worse exposure, lockout, silence, fetches or requests to the store,\n\
    beyond the draws of the base; --threshold and --primary are of times, and refused.")]
pub struct Args {
    /// The base: a result.jsonl or simulation.jsonl, or the folder it is in
    base: PathBuf,
    /// The candidate: likewise
    candidate: PathBuf,
    #[command(flatten)]
    gate: Gate,
}

/// Runs the verb.
pub fn run(args: Args) -> Result<Exit, Failure> {
    args.gate.thresholds()?;
    for path in [&args.base, &args.candidate] {
        if let Err(error) = path.metadata() {
            return Err(Failure::Usage(format!("cannot read {}: {error}", path.display())));
        }
    }
    let [base, candidate] = [StoredFile::find(&args.base)?, StoredFile::find(&args.candidate)?];
    let is_simulation = [&base, &candidate].map(StoredFile::is_simulation);
    match is_simulation {
        [true, true] => return args.gate.hold_stored([&base, &candidate]),
        [false, false] => {}
        [is_first, _] => {
            let (one, other) = match is_first {
                true => (&args.base, &args.candidate),
                false => (&args.candidate, &args.base),
            };
            return Err(Failure::Usage(format!(
                "{} is a simulation, and {} is none; compare two of a kind",
                one.display(),
                other.display()
            )));
        }
    }
    let base = args.gate.read(&args.base)?;
    let candidate = args.gate.read(&args.candidate)?;
    args.gate.hold(&base, &candidate, Matching::default())
}
