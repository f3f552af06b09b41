//! `trend`: shows one metric over stored results in the order of their time, with the point where
//! it changed. Nothing is measured, and nothing is gated.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, ValueEnum};

use jwtbench_report::{shown, trend, trend_picture};
use jwtbench_result::trend::tracked::TrackedMetric;
use jwtbench_result::trend::{Stored, Trend};
use jwtbench_result::{Measurement, RunResult, StoredForm};

use crate::flag::filter::{Filter, ScenarioFilter};
use crate::output::terminal_style;
use crate::output::{RESULT, print};
use crate::{Exit, Failure};

/// Show one metric over stored results, with the point where it changed.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    jwtbench trend reports/runs                          every result in the folder\n  \
    jwtbench trend reports --contender 'core:*' --algorithm ES256\n  \
    jwtbench trend reports/runs --metric p99 --scenario hot-path/accept --svg p99.svg\n  \
    jwtbench trend reports --json | jq '.series[] | select(.change.verdict == \"found\")'\n\n\
    Results on another machine or of another plan are drawn apart. What the host disturbed is\n\
    marked, and no test counts it. Exit codes: 0 shown, also where something changed, 1 nothing\n\
    to show, 2 usage or no result.")]
pub struct Args {
    /// Results: a result.jsonl, the folder it is in, or a folder of such folders
    #[arg(required = true, value_name = "DIR")]
    results: Vec<PathBuf>,
    /// The metric
    #[arg(long, value_enum, default_value_t = Followed::P50OverBound)]
    metric: Followed,
    /// Only scenarios whose name matches this glob (repeatable)
    #[arg(long, value_name = "GLOB")]
    scenario: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Also write a picture to this file, replacing it
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

/// The metrics that can be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Followed {
    /// Median service time over that of the bare signature check of the same backend
    P50OverBound,
    /// Median service time
    P50,
    /// 99th percentile of the service time
    P99,
    /// Operations per second of worker time at work
    Throughput,
    /// CPU time per operation
    Cpu,
}

impl From<Followed> for TrackedMetric {
    fn from(followed: Followed) -> TrackedMetric {
        match followed {
            Followed::P50OverBound => TrackedMetric::P50OverBound,
            Followed::P50 => TrackedMetric::P50,
            Followed::P99 => TrackedMetric::P99,
            Followed::Throughput => TrackedMetric::Throughput,
            Followed::Cpu => TrackedMetric::Cpu,
        }
    }
}

/// Runs the verb.
pub fn run(args: Args) -> Result<Exit, Failure> {
    let scenarios = ScenarioFilter::of(&args.scenario)?;
    let wanted = |trial: &Measurement| {
        scenarios.has(&trial.scenario)
            && args.filter.has_contender(&trial.contender)
            && args.filter.has_algorithm(&trial.algorithm)
    };
    let (mut stored, mut unread) = (Vec::new(), Vec::new());
    for path in &args.results {
        read(path, &mut stored, &mut unread)?;
    }
    let trials = stored.iter().flat_map(|one| &one.result.measurements);
    let meant = args.filter.meant(trials.map(|trial| trial.contender.as_str()));
    let mut found = Trend::of(stored, args.metric.into(), &wanted);
    found.set_aside.extend(unread);
    if found.series.is_empty() {
        return Err(Failure::Error(nothing(&found) + &meant));
    }
    if let Some(path) = &args.svg {
        fs::write(path, trend_picture(&found)).map_err(|error| {
            let shown = path.display();
            Failure::Usage(format!("--svg {shown} cannot be written ({error}); choose another"))
        })?;
    }
    print(&match args.json {
        true => shown::json(&serde_json::to_string(&found).unwrap_or_default()) + "\n",
        false => trend(&found, terminal_style()),
    });
    Ok(Exit::Passed)
}

/// Reads the result of a path, or the results in the folders of a folder. In such a folder, a file
/// that is no result of this version is set aside.
fn read(path: &Path, into: &mut Vec<Stored>, unread: &mut Vec<String>) -> Result<(), Failure> {
    let shown = |path: &Path| path.display().to_string();
    let inside = path.join(RESULT);
    if !path.is_dir() || inside.is_file() {
        let file = if path.is_dir() { &inside } else { path };
        into.push(Stored { path: shown(path), result: RunResult::read(file)? });
        return Ok(());
    }
    let failed = |error: std::io::Error| {
        Failure::Usage(format!("{} cannot be read: {error}", path.display()))
    };
    let mut folders = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let folder = entry.map_err(failed)?.path();
        if folder.join(RESULT).is_file() {
            folders.push(folder);
        }
    }
    folders.sort();
    if folders.is_empty() {
        return Err(Failure::Usage(format!(
            "{} holds no {RESULT}, nor does a folder in it; name the folder of a result, or one \
             that holds such folders",
            path.display()
        )));
    }
    for folder in folders {
        match RunResult::read(&folder.join(RESULT)) {
            Ok(result) => into.push(Stored { path: shown(&folder), result }),
            Err(error) => unread.push(error.to_string()),
        }
    }
    Ok(())
}

/// A message that says why there is nothing to show.
fn nothing(trend: &Trend) -> String {
    let left_out = trend.left_out.iter();
    let mut reasons: Vec<String> =
        left_out.map(|(unsound, count)| format!("{count} {}", unsound.reason())).collect();
    reasons.extend(trend.set_aside.iter().cloned());
    let why = match reasons.is_empty() {
        true => "no trial that the filters leave has it; --metric p50 needs no bound".to_owned(),
        false => format!("figures left out: {}", reasons.join("; ")),
    };
    format!("nothing to show of {}: {why}", trend.metric.name())
}
