//! A result that is still being made: a head, then a row for each thing that is finished, each a
//! line of JSON. It is what a killed command leaves. Knows no folder.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::capacity::{Capacity, RateBasis};
use crate::duel::{BlockNoise, DuelResult, Duels, Sample};
use crate::latency::histogram_log;
use crate::record::outcome::OutcomeRange;
use crate::simulation::{
    Advice, HindsightPoint, Simulation, SimulationEvent, SimulationRow, SweepPoint,
};
use crate::{Measurement, RunResult};

use super::{stored, stored_file};

/// The version of parts. It is raised when a field changes its meaning or is removed.
pub const PART_VERSION: u32 = 1;

/// The head of a part, which is its first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Head<T> {
    /// [`PART_VERSION`] of the writer.
    pub part_version: u32,
    /// The kind of the command: `run`, `simulation` or `duel`.
    pub of: String,
    /// The planned rows, by name.
    pub planned: Vec<String>,
    /// The result without rows, with everything that was known before the first one.
    pub head: T,
}

/// A part as it was read.
#[derive(Clone, Debug)]
pub struct Part<T, R> {
    /// The planned rows, by name.
    pub planned: Vec<String>,
    /// The result without its rows.
    pub head: T,
    /// The rows, in the order in which they were finished.
    pub rows: Vec<R>,
    /// Whether the last line was cut off. Such a line is left out.
    pub is_torn: bool,
}

/// The progress of a command that was cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The number of rows that were finished.
    pub done: usize,
    /// The number of rows that were planned.
    pub planned: usize,
    /// Whether the last line was cut off. Such a line is left out.
    pub is_torn: bool,
}

/// The reason why a part could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The file could not be opened or read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The command was stopped before it wrote a head.
    #[error("{path}: the command was ended before it had begun; run it again")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A complete line cannot be read.
    #[error("{path}:{line}: {fault}; leave the line out, or run the command again")]
    Broken {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        fault: String,
    },
    /// The file is no part of this kind and version.
    #[error("{path}:1: {fault}; use the jwtbench that wrote it, or run the command again")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// How it differs.
        fault: String,
    },
}

impl PartError {
    /// Whether the file is valid, but the command was stopped before it wrote a head.
    pub fn is_empty(&self) -> bool {
        matches!(self, PartError::Empty { .. })
    }
}

/// The members of the first line that are read before anything else.
#[derive(Deserialize)]
struct WireHead {
    part_version: u32,
    of: String,
}

/// Whether a file is the head of a part without any row.
pub fn is_head(path: &Path) -> bool {
    if has_rows(path) {
        return false;
    }
    let bytes = stored_file::read(path).unwrap_or_default();
    let head = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    serde_json::from_slice::<WireHead>(head).is_ok()
}

/// Whether a part holds a finished row: a complete line after its head.
pub fn has_rows(path: &Path) -> bool {
    let Ok(mut file) = File::open(path).map(BufReader::new) else {
        return false;
    };
    let mut is_whole = || {
        let mut line = Vec::new();
        file.read_until(b'\n', &mut line).is_ok() && line.ends_with(b"\n")
    };
    is_whole() && is_whole()
}

/// Reads the part of a command of this kind. A last line without a line feed is left out.
///
/// # Errors
/// If the file cannot be read, if it is of another kind, if it has no head, or if a complete line
/// is broken.
pub fn read<T, R>(path: &Path, of: &str) -> Result<Part<T, R>, PartError>
where
    T: DeserializeOwned,
    R: DeserializeOwned,
{
    let bytes = stored_file::read(path)
        .map_err(|source| PartError::Unreadable { path: path.into(), source })?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    let is_torn = whole < bytes.len();
    let mut lines = bytes[..whole].split_inclusive(|byte| *byte == b'\n');
    let Some(first) = lines.next() else {
        return Err(PartError::Empty { path: path.into() });
    };
    let wire: WireHead = parsed(path, 1, first)?;
    let foreign = |fault| Err(PartError::Foreign { path: path.into(), fault });
    if wire.part_version != PART_VERSION {
        let found = wire.part_version;
        return foreign(format!(
            "part version {found}; this jwtbench reads version {PART_VERSION}"
        ));
    }
    if wire.of != of {
        return foreign(format!("the part of a {:?}, not of a {of}", wire.of));
    }
    let Head { planned, head, .. } = parsed(path, 1, first)?;
    let rows = (2..).zip(lines).map(|(number, line)| parsed(path, number, line));
    let rows: Vec<R> = rows.collect::<Result<_, _>>()?;
    Ok(Part { planned, head, rows, is_torn })
}

fn parsed<T: DeserializeOwned>(path: &Path, line: usize, bytes: &[u8]) -> Result<T, PartError> {
    let text = String::from_utf8_lossy(bytes);
    stored::from_json(&text).map_err(|error| {
        // The error's own line is always 1.
        let fault = format!("no line of a part (column {}: {})", error.column(), what(&error));
        PartError::Broken { path: path.into(), line, fault }
    })
}

/// The text of an error without its place.
fn what(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(what, _)| what.to_owned())
}

/// The row of a finished job: what it added to the result of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RunRow<'r> {
    /// Wall-clock time since the run began, in seconds.
    pub elapsed_s: f64,
    /// The trials of the job.
    pub measurements: Cow<'r, [Measurement]>,
    /// The capacities that its relative rates are shares of.
    #[serde(default, skip_serializing_if = "is_none")]
    pub rate_bases: Cow<'r, [RateBasis]>,
    /// The capacities of the job.
    #[serde(default, skip_serializing_if = "is_none")]
    pub capacities: Cow<'r, [Capacity]>,
    /// The ranges of outcomes under other seeds.
    #[serde(default, skip_serializing_if = "is_none")]
    pub outcome_ranges: Cow<'r, [OutcomeRange]>,
    /// The whole histograms of its trials, as an interval log; empty where none were kept.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub histograms: String,
}

fn is_none<T>(rows: &[T]) -> bool {
    rows.is_empty()
}

/// How much of a result is in its part.
#[derive(Clone, Copy, Debug, Default)]
pub struct Written {
    measurements: usize,
    rate_bases: usize,
    capacities: usize,
    outcome_ranges: usize,
}

impl Written {
    /// The row with everything that was added to the result since the last call, which counts as
    /// written from now on. It is `None` if nothing was added.
    pub fn more<'r>(&mut self, result: &'r RunResult) -> Option<RunRow<'r>> {
        let measurements = &result.measurements[self.measurements..];
        let row = RunRow {
            elapsed_s: result.elapsed_s,
            measurements: Cow::Borrowed(measurements),
            rate_bases: Cow::Borrowed(&result.rate_bases[self.rate_bases..]),
            capacities: Cow::Borrowed(&result.capacities[self.capacities..]),
            outcome_ranges: Cow::Borrowed(&result.outcome_ranges[self.outcome_ranges..]),
            histograms: histogram_log::of(&result.started_at, &result.machine, measurements),
        };
        *self = Written {
            measurements: result.measurements.len(),
            rate_bases: result.rate_bases.len(),
            capacities: result.capacities.len(),
            outcome_ranges: result.outcome_ranges.len(),
        };
        let is_empty = row.measurements.is_empty()
            && is_none(&row.rate_bases)
            && is_none(&row.capacities)
            && is_none(&row.outcome_ranges);
        (!is_empty).then_some(row)
    }
}

impl RunResult {
    /// Reads the part of a run as a partial result, with the whole histograms.
    ///
    /// # Errors
    /// Those of [`read`].
    pub fn read_part(path: &Path) -> Result<(RunResult, Cut), PartError> {
        let Part { planned, mut head, rows, is_torn } = read::<RunResult, RunRow>(path, "run")?;
        let mut done = 0;
        for (line, row) in (2..).zip(rows) {
            let mut measurements = row.measurements.into_owned();
            if !row.histograms.is_empty() {
                let text = row.histograms.as_bytes();
                let attached = histogram_log::attach_text(&mut measurements, text, path);
                attached.map_err(|error| {
                    let fault = format!("its histograms: {error}");
                    PartError::Broken { path: path.into(), line, fault }
                })?;
            }
            let is_job = !(measurements.is_empty() && row.capacities.is_empty());
            done += usize::from(is_job);
            head.elapsed_s = row.elapsed_s;
            head.measurements.append(&mut measurements);
            head.rate_bases.extend(row.rate_bases.into_owned());
            head.capacities.extend(row.capacities.into_owned());
            head.outcome_ranges.extend(row.outcome_ranges.into_owned());
        }
        head.partial = true;
        Ok((head, Cut { done, planned: planned.len(), is_torn }))
    }
}

/// The row of one policy in one scenario: what it added to a simulation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SimulatedRow<'s> {
    /// The rows of the table.
    rows: Cow<'s, [SimulationRow]>,
    /// The points of a sweep.
    sweep: Cow<'s, [SweepPoint]>,
    /// The points that are reachable with hindsight.
    hindsight: Cow<'s, [HindsightPoint]>,
    /// The events of the scenario.
    events: Cow<'s, [SimulationEvent]>,
    /// The advice on what to change.
    advice: Cow<'s, [Advice]>,
}

/// How much of a simulation is in its part.
#[derive(Clone, Copy, Debug, Default)]
pub struct SimulationWritten {
    rows: usize,
    sweep: usize,
    hindsight: usize,
    events: usize,
    advice: usize,
}

impl SimulationWritten {
    /// The row with everything that was added to the simulation since the last call, which counts
    /// as written from now on. It is `None` if no figure was added.
    pub fn more<'s>(&mut self, simulation: &'s Simulation) -> Option<SimulatedRow<'s>> {
        let row = SimulatedRow {
            rows: Cow::Borrowed(&simulation.rows[self.rows..]),
            sweep: Cow::Borrowed(&simulation.sweep[self.sweep..]),
            hindsight: Cow::Borrowed(&simulation.hindsight[self.hindsight..]),
            events: Cow::Borrowed(&simulation.events[self.events..]),
            advice: Cow::Borrowed(&simulation.advice[self.advice..]),
        };
        if row.rows.is_empty() && row.sweep.is_empty() && row.advice.is_empty() {
            return None;
        }
        *self = SimulationWritten {
            rows: simulation.rows.len(),
            sweep: simulation.sweep.len(),
            hindsight: simulation.hindsight.len(),
            events: simulation.events.len(),
            advice: simulation.advice.len(),
        };
        Some(row)
    }
}

impl Simulation {
    /// Reads the part of a simulation as a simulation that was cut short.
    ///
    /// # Errors
    /// Those of [`read`].
    pub fn read_part(path: &Path) -> Result<(Simulation, Cut), PartError> {
        let part = read::<Simulation, SimulatedRow>(path, "simulation")?;
        let Part { planned, mut head, rows, is_torn } = part;
        let mut done = 0;
        for row in rows {
            // A point of a sweep has a row as well.
            done += usize::from(!(row.rows.is_empty() && row.sweep.is_empty()));
            head.rows.extend(row.rows.into_owned());
            head.sweep.extend(row.sweep.into_owned());
            head.hindsight.extend(row.hindsight.into_owned());
            head.events.extend(row.events.into_owned());
            head.advice.extend(row.advice.into_owned());
        }
        head.partial = true;
        Ok((head, Cut { done, planned: planned.len(), is_torn }))
    }
}

/// The row of a duel: a block, or the finished duel.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DuelRow {
    /// The duel without blocks. Only the first block has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<Box<DuelResult>>,
    /// The rounds of the block.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<Sample>,
    /// What the host did during the block.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<BlockNoise>,
    /// The finished duel with all its blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Box<DuelResult>>,
}

impl Duels {
    /// Reads the part of duels: the finished ones, and the blocks of one that was not finished and
    /// has no verdict.
    ///
    /// # Errors
    /// Those of [`read`], and for a block before its duel.
    pub fn read_part(path: &Path) -> Result<(Duels, Cut), PartError> {
        let Part { planned, rows, is_torn, .. } = read::<String, DuelRow>(path, "duel")?;
        let (mut duels, mut open) = (Vec::new(), None::<DuelResult>);
        for (line, row) in (2..).zip(rows) {
            if let Some(ended) = row.ended {
                duels.push(*ended);
                open = None;
                continue;
            }
            if let Some(begun) = row.begun {
                open = Some(*begun);
            }
            let Some(duel) = &mut open else {
                let fault = "a block before its duel".to_owned();
                return Err(PartError::Broken { path: path.into(), line, fault });
            };
            duel.samples.extend(row.samples);
            duel.noise.extend(row.noise);
        }
        let done = duels.len();
        // An unfinished duel is shown without figures, and still counts as missing.
        let missing = Duels::new(duels.clone()).of_planned(&planned).missing;
        duels.extend(open.map(|duel| {
            let (fought, blocks) = (duel.noise.len(), duel.blocks);
            let reason = format!(
                "INTERRUPTED after {fought} of {blocks} blocks: a duel cut short says nothing"
            );
            DuelResult { reason, ..duel }
        }));
        let whole = Duels { missing, ..Duels::new(duels) };
        Ok((whole, Cut { done, planned: planned.len(), is_torn }))
    }
}
