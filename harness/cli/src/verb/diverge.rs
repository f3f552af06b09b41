//! `diverge`: compares backends and libraries on the inputs where they differ.

use std::fs::{self, File};
use std::io;
use std::panic;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;

use jwtbench_engine::divergence::observe;
use jwtbench_report::{self as report, shown};

use crate::flag::SEED;
use crate::output::print;
use crate::{Exit, Failure};

/// Ask backends, whole libraries and our core side by side on the inputs where they differ.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    jwtbench diverge                               the tables, as Markdown\n  \
    jwtbench diverge --out reports/divergence.md   refresh the report that is kept\n  \
    jwtbench diverge --json | jq '.groups[].rows[] | select(.remarks != [])'")]
pub struct Args {
    /// Seed of keys and tokens
    #[arg(long, default_value_t = SEED)]
    seed: u64,
    /// Print JSON instead of Markdown
    #[arg(long)]
    json: bool,
    /// Write to this file, replacing it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs the verb.
pub fn run(args: Args) -> Result<Exit, Failure> {
    let refused = |error: io::Error| {
        let shown = args.out.as_deref().unwrap_or(Path::new("")).display();
        Failure::Usage(format!("--out {shown} cannot be written ({error}); choose another"))
    };
    if let Some(path) = &args.out {
        // The file is checked before the work, not after it.
        File::options().append(true).create(true).open(path).map_err(refused)?;
    }
    // A panic of a library on an input is its answer, so it is not printed on the terminal.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let observed = panic::catch_unwind(|| observe(args.seed));
    panic::set_hook(hook);
    let divergence = observed.map_err(|_| {
        Failure::Error("jwtbench itself failed on an input; please report it with --seed".into())
    })?;
    let text = match args.json {
        true => shown::json(&serde_json::to_string_pretty(&divergence).unwrap_or_default()) + "\n",
        false => report::divergence(&divergence),
    };
    let Some(path) = &args.out else {
        print(&text);
        return Ok(Exit::Passed);
    };
    fs::write(path, text).map_err(refused)?;
    print(&format!("Report   {}\n", path.display()));
    Ok(Exit::Passed)
}
