//! A result as it comes: a head, then a row for each thing that is finished, each a line of JSON.
//! What a command that was killed leaves behind. Knows no folder.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use jwtbench_scenario::format::bounded_file;

use crate::capacity::{Capacity, RateBasis};
use crate::duel::{BlockNoise, DuelResult, Duels, Sample};
use crate::latency::histogram_log;
use crate::record::outcome::OutcomeRange;
use crate::simulation::{
    Advice, HindsightPoint, Simulation, SimulationEvent, SimulationRow, SweepPoint,
};
use crate::{Measurement, RunResult};

use super::stored;

/// The version of parts; raised when a field changes its meaning or goes.
pub const PART_VERSION: u32 = 1;

/// The first line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Head<T> {
    /// [`PART_VERSION`] of the writer.
    pub part_version: u32,
    /// Whose part it is: `run`, `simulation` or `duel`.
    pub of: String,
    /// What was to be done, a name for each row.
    pub planned: Vec<String>,
    /// The result with everything that was known before the first row, and no row.
    pub head: T,
}

/// A part as it was read.
#[derive(Clone, Debug)]
pub struct Part<T, R> {
    /// What was to be done.
    pub planned: Vec<String>,
    /// The result without its rows.
    pub head: T,
    /// The rows, in the order in which they were finished.
    pub rows: Vec<R>,
    /// Whether the last line was cut off; it is left out.
    pub is_torn: bool,
}

/// How far a command came that was cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// What was finished.
    pub done: usize,
    /// What was to be done.
    pub planned: usize,
    /// Whether the last line was cut off, and left out.
    pub is_torn: bool,
}

/// Why a part could not be read.
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
    /// The command was ended before anything was known.
    #[error("{path}: the command was ended before it had begun; run it again")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A line that is whole and cannot be read.
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
        /// What it is instead.
        fault: String,
    },
}

impl PartError {
    /// Whether the file is as it should be, and the command was ended too early.
    pub fn is_empty(&self) -> bool {
        matches!(self, PartError::Empty { .. })
    }
}

/// What is read of the first line before anything else.
#[derive(Deserialize)]
struct WireHead {
    part_version: u32,
    of: String,
}

/// Whether a file is the head of a part and nothing more.
pub fn is_head(path: &Path) -> bool {
    if has_rows(path) {
        return false;
    }
    let bytes = bounded_file::read(path, bounded_file::RESULT).unwrap_or_default();
    let head = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    serde_json::from_slice::<WireHead>(head).is_ok()
}

/// Whether a part holds anything that was finished: a whole line after its head.
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

/// Reads the part of a command of this kind. A last line without its end is left out.
///
/// # Errors
/// If it cannot be read, if it is another one's, if it has no head, or at the first line that is
/// whole and broken.
pub fn read<T, R>(path: &Path, of: &str) -> Result<Part<T, R>, PartError>
where
    T: DeserializeOwned,
    R: DeserializeOwned,
{
    let bytes = bounded_file::read(path, bounded_file::RESULT)
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

/// An error without its place.
fn what(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(what, _)| what.to_owned())
}

/// What one finished job brought to the result of a run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RunRow<'r> {
    /// Wall-clock time since the run began, in seconds.
    pub elapsed_s: f64,
    /// Its trials.
    pub measurements: Cow<'r, [Measurement]>,
    /// What its relative rates were shares of.
    #[serde(default, skip_serializing_if = "is_none")]
    pub rate_bases: Cow<'r, [RateBasis]>,
    /// Its capacities.
    #[serde(default, skip_serializing_if = "is_none")]
    pub capacities: Cow<'r, [Capacity]>,
    /// What other seeds made of a plan.
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
    /// What has come to the result since, which counts as written from now on. `None` if nothing.
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

/// What one policy in one scenario brought to a simulation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SimulatedRow<'s> {
    /// Rows of the table.
    rows: Cow<'s, [SimulationRow]>,
    /// Points of a sweep.
    sweep: Cow<'s, [SweepPoint]>,
    /// What the scenario allows whoever knows it beforehand.
    hindsight: Cow<'s, [HindsightPoint]>,
    /// What happens in the scenario.
    events: Cow<'s, [SimulationEvent]>,
    /// What to change.
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
    /// What has come to the simulation since, which counts as written from now on. `None` without
    /// any figure.
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
    /// Reads the part of a simulation as one that was cut short.
    ///
    /// # Errors
    /// Those of [`read`].
    pub fn read_part(path: &Path) -> Result<(Simulation, Cut), PartError> {
        let part = read::<Simulation, SimulatedRow>(path, "simulation")?;
        let Part { planned, mut head, rows, is_torn } = part;
        let mut done = 0;
        for row in rows {
            // A point of a sweep that was asked for has a row as well.
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

/// What a duel brought: a block, or its end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct DuelRow {
    /// With the first block: the duel, without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun: Option<Box<DuelResult>>,
    /// The rounds of the block.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<Sample>,
    /// What the host did meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<BlockNoise>,
    /// At its end: the duel, with all its blocks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Box<DuelResult>>,
}

impl Duels {
    /// Reads the part of duels: those that were fought to their end, and the blocks of one that was
    /// not, from which nothing follows.
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
        // One that is under way is shown without figures, and is missing all the same.
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
