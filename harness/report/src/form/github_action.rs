//! The file that github-action-benchmark reads: an array of figures. A file holds one kind: either
//! less is better (`customSmallerIsBetter`) or more is better (`customBiggerIsBetter`).

use serde::Serialize;

use jwtbench_result::RunResult;

use crate::form::export::{Export, Exported};
use crate::shown::line;

/// The kind of figures that a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Figures of which less is better.
    Smaller,
    /// Figures of which more is better.
    Bigger,
}

#[derive(Serialize)]
struct Benchmark {
    name: String,
    unit: &'static str,
    value: f64,
    range: String,
    extra: String,
}

/// Writes the trials of `shown` as an array. The bounds are those of the `whole` result.
pub fn github_action(shown: &RunResult, whole: &RunResult, direction: Direction) -> Export {
    let exported = Exported::of(shown, whole);
    let mut benchmarks = Vec::new();
    for named in &exported.trials {
        for (metric, figure) in exported.figures(named.trial) {
            if metric.is_gain() != (direction == Direction::Bigger) {
                continue;
            }
            let (low, high) = (short(figure.low), short(figure.high));
            benchmarks.push(Benchmark {
                name: format!("{}/{}", line(&named.name()), metric.name()),
                unit: metric.unit(),
                value: figure.value,
                range: format!("{low} to {high}"),
                extra: format!("{}\nrounds {}\n{}", metric.meaning(), figure.rounds, origin(whole)),
            });
        }
    }
    let text = serde_json::to_string_pretty(&benchmarks).unwrap_or_default() + "\n";
    exported.form(text)
}

/// A figure rounded to the digits that the rounds support.
fn short(figure: f64) -> String {
    if figure.abs() < 100.0 { format!("{figure:.4}") } else { format!("{figure:.0}") }
}

/// The origin of the figures: start, revision, seed and machine, a line each.
fn origin(result: &RunResult) -> String {
    let machine = &result.machine;
    let revision = machine.revision.as_deref().unwrap_or("unknown");
    let (cpu, cores, arch) = (&machine.cpu, machine.cores, &machine.arch);
    let lines = [
        format!("made {}", result.started_at),
        format!("revision {revision}, seed {}", result.seed),
        format!("{cpu}, {cores} cores, {arch}"),
    ];
    lines.map(|text| line(&text)).join("\n")
}
