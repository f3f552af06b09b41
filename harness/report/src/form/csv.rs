//! Comma-separated values (RFC 4180): one row per scenario, contender, algorithm, cache policy,
//! phase, stream, class and code. Durations are in nanoseconds and unrounded. An empty field is a
//! figure that does not count.

use csv::{Terminator, WriterBuilder};

use jwtbench_result::{LatencyKind, Measurement, OutcomeRow, PhaseResult, RunResult};

use crate::shown::is_unshown;
use crate::subject::fault::fault;
use crate::subject::standing::standing;

const NAMES: [&str; 8] =
    ["scenario", "contender", "algorithm", "cache_policy", "phase", "stream", "class", "code"];
const FIGURES: [&str; 5] = ["p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns"];

/// The result as a CSV table.
pub fn csv(result: &RunResult) -> String {
    let mut rows = vec![heading()];
    for measurement in &result.measurements {
        let fault = fault(measurement).unwrap_or_default();
        let standing = standing(result, &measurement.cache_policy);
        let remark = standing.mark().zip(standing.sentence());
        let remark = remark.map_or_else(String::new, |(mark, said)| format!("{mark} {said}"));
        let origin = |mut row: Vec<String>| {
            row.extend([remark.clone(), result.machine.profile.clone(), fault.clone()]);
            row
        };
        let before = rows.len();
        for phase in &measurement.phases {
            let is_timed = fault.is_empty() && !measurement.virtual_time;
            let outcomes = phase.outcomes.iter();
            let row = |row| origin(cells(measurement, phase, row, is_timed));
            rows.extend(outcomes.map(row));
        }
        if rows.len() == before {
            // Nothing was recorded, so the trial has one row that says why.
            let (phase, row) = (PhaseResult::default(), OutcomeRow::default());
            rows.push(origin(cells(measurement, &phase, &row, false)));
        }
    }
    encode(&rows)
}

fn heading() -> Vec<String> {
    let figure = |kind: LatencyKind| FIGURES.map(|name| format!("{}_{name}", kind.name()));
    let names = NAMES.into_iter().chain(["count"]).map(str::to_owned);
    let last = ["phase_verdict", "disturbed", "cache_policy_standing", "build", "fault"];
    let last = last.map(str::to_owned);
    names.chain(LatencyKind::ALL.into_iter().flat_map(figure)).chain(last).collect()
}

fn cells(
    measurement: &Measurement,
    phase: &PhaseResult,
    row: &OutcomeRow,
    is_timed: bool,
) -> Vec<String> {
    let Measurement { scenario, contender, algorithm, cache_policy, .. } = measurement;
    let names: [&str; 5] = [scenario, contender, algorithm, cache_policy, &phase.name];
    let of_row: [&str; 3] = [&row.stream, &row.class, &row.code];
    let mut cells: Vec<String> = names.into_iter().chain(of_row).map(str::to_owned).collect();
    cells.push(row.count.to_string());
    for kind in LatencyKind::ALL {
        let of = row.latency.as_ref().filter(|_| is_timed).map(|latency| latency.of(kind));
        let figures = of.map(|of| [of.p50_ns, of.p90_ns, of.p99_ns, of.p999_ns, of.max_ns]);
        // A figure that cannot be trusted is left empty.
        cells.extend(figures.map_or_else(Default::default, |ns| ns.map(|ns| ns.to_string())));
    }
    // These cells say whether the generator or the host affected the figures.
    cells.push(phase.verdict.map_or_else(String::new, |verdict| verdict.name().to_owned()));
    cells.push(phase.disturbed.clone().or(measurement.noisy.clone()).unwrap_or_default());
    cells
}

fn encode(rows: &[Vec<String>]) -> String {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        let shown = row.iter().map(|cell| cell.replace(is_unshown, ""));
        writer.write_record(shown).expect("memory takes it, and all rows are as long as the first");
    }
    let bytes = writer.into_inner().expect("memory takes it");
    String::from_utf8(bytes).expect("text and commas")
}
