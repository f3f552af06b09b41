//! What github-action-benchmark reads: an array of figures, of which less is better
//! (`customSmallerIsBetter`) or more (`customBiggerIsBetter`); one file holds one kind.

use serde::Serialize;

use jwtbench_result::RunResult;

use crate::form::export::{Export, Exported};
use crate::shown::line;

/// Which figures a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Those of which less is better.
    Smaller,
    /// Those of which more is better.
    Bigger,
}

/// One figure.
#[derive(Serialize)]
struct Benchmark {
    name: String,
    unit: &'static str,
    value: f64,
    range: String,
    extra: String,
}

/// The trials of `shown` as an array; bounds are those of the `whole` result.
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

/// A figure without digits that no round has.
fn short(figure: f64) -> String {
    if figure.abs() < 100.0 { format!("{figure:.4}") } else { format!("{figure:.0}") }
}

/// Where the figures come from.
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
