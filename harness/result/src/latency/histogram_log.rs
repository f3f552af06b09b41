//! The whole histograms of a result as an HdrHistogram V2 interval log (`.hlog`). It is written
//! beside `result.jsonl` and read back into the rows it belongs to. Each phase and row has one
//! interval, under a tag that names its parts.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{
    IntervalLogHistogram, IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag,
};

use crate::record::run::started_ns;
use crate::record::stored_file;
use crate::{
    LatencyKind, Machine, Measurement, OutcomeRow, PackedLatencies, PhaseResult, RunResult,
};

/// The divisor to the unit of the third field of an interval line, the highest value. The unit is
/// milliseconds, as in the logs of the Java library.
const MAX_VALUE_DIVISOR: f64 = 1e6;

/// The trial, phase, row and latency of one histogram of a result.
#[derive(Clone, Copy, Debug)]
pub struct Series<'r> {
    /// The trial.
    pub measurement: &'r Measurement,
    /// The phase.
    pub phase: &'r PhaseResult,
    /// The row, which has a stream, a class and a code.
    pub row: &'r OutcomeRow,
    /// The latency.
    pub kind: LatencyKind,
}

impl<'r> Series<'r> {
    /// Every series of a result, in the order of the result.
    pub fn all(result: &'r RunResult) -> impl Iterator<Item = Series<'r>> {
        Series::of_each(&result.measurements)
    }

    /// Every series of some measurements, in their order.
    fn of_each(measurements: &'r [Measurement]) -> impl Iterator<Item = Series<'r>> {
        measurements.iter().flat_map(Series::of)
    }

    /// Every series of a measurement, in the order of its phases and rows.
    pub fn of(measurement: &'r Measurement) -> impl Iterator<Item = Series<'r>> {
        let rows = |phase: &'r PhaseResult| phase.outcomes.iter().map(move |row| (phase, row));
        measurement.phases.iter().flat_map(rows).flat_map(move |(phase, row)| {
            LatencyKind::ALL.map(|kind| Series { measurement, phase, row, kind })
        })
    }

    /// The parts of the tag, each with its name.
    pub fn parts(&self) -> [(&'static str, &'r str); 9] {
        let Series { measurement, phase, row, kind } = *self;
        [
            ("scenario", &measurement.scenario),
            ("contender", &measurement.contender),
            ("algorithm", &measurement.algorithm),
            ("cache", &measurement.cache_policy),
            ("phase", &phase.name),
            ("stream", &row.stream),
            ("class", &row.class),
            ("code", &row.code),
            ("kind", kind.name()),
        ]
    }
}

/// The tag: `name=value` pairs separated by `;`. A character that a tag or a path cannot hold is
/// written as `%` and two hexadecimal digits.
impl fmt::Display for Series<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (name, value)) in self.parts().into_iter().enumerate() {
            let separator = if number > 0 { ";" } else { "" };
            write!(f, "{separator}{name}=")?;
            for byte in value.bytes() {
                match byte {
                    b'-' | b'_' | b'.' | b':' | b'/' => write!(f, "{}", char::from(byte))?,
                    _ if byte.is_ascii_alphanumeric() => write!(f, "{}", char::from(byte))?,
                    _ => write!(f, "%{byte:02X}")?,
                }
            }
        }
        Ok(())
    }
}

/// The reason why the histograms beside a result could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file does not exist or cannot be read.
    #[error(
        "cannot read {path}: {source}; a result keeps its whole histograms there: copy it \
             beside the result, or run the command again with this jwtbench"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no log.
    #[error("{path}: {fault}; copy it again from where the result was made, or run again")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The fault and its place.
        fault: String,
    },
    /// The log is that of another result.
    #[error("{path} is not of this result: it {fault}; name the folder that holds both")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The difference between them.
        fault: String,
    },
}

/// The path of the log of a stored result.
pub fn beside(result: &Path) -> PathBuf {
    result.with_extension("hlog")
}

/// The log of a result. It has comments only if no whole histogram was kept.
pub fn write(result: &RunResult) -> String {
    log(&result.started_at, &result.machine, &result.measurements)
}

/// The log of some measurements of a result. It is empty if no whole histogram was kept.
pub fn of(started_at: &str, machine: &Machine, measurements: &[Measurement]) -> String {
    let mut phases = measurements.iter().flat_map(|measurement| &measurement.phases);
    match phases.any(|phase| phase.outcomes.iter().any(|row| row.whole.is_some())) {
        true => log(started_at, machine, measurements),
        false => String::new(),
    }
}

fn log(started_at: &str, machine: &Machine, measurements: &[Measurement]) -> String {
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    // A comment is one line, whatever text a result holds.
    let profile = machine.profile.replace(char::is_control, "");
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment("[Histogram log format version 1.3]")
        .add_comment(&start_time(started_ns(started_at)))
        .add_comment("[jwtbench: values in nanoseconds; third field in milliseconds]")
        .add_comment(
            "[jwtbench: one interval per phase, stream, class, code and latency; all rounds \
             merged; timestamps on the scenario clock, in seconds]",
        )
        .add_comment(&format!("[jwtbench: {profile} build]"))
        .with_max_value_divisor(MAX_VALUE_DIVISOR)
        .begin_log_with(&mut bytes, &mut serializer)
        .expect("memory takes it");
    for series in Series::of_each(measurements) {
        let Some(whole) = &series.row.whole else { continue };
        let histogram = whole.histogram(series.kind);
        let start = nanoseconds(series.phase.start_ns);
        let length = nanoseconds(series.phase.end_ns).saturating_sub(start);
        let tag = series.to_string();
        let tag = Tag::new(&tag).expect("a comma, a space or a line's end is escaped");
        log.write_histogram(&histogram, start, length, Some(tag))
            .expect("memory takes it, and no count is above 2^63");
    }
    String::from_utf8(bytes).expect("numbers, base64, escaped tags and comments of ours")
}

fn nanoseconds(ns: i64) -> Duration {
    Duration::from_nanos(u64::try_from(ns).unwrap_or(0))
}

/// The header from which readers take the absolute time. It is empty if the result's own time is
/// not readable.
fn start_time(started_ns: Option<u64>) -> String {
    let seconds = started_ns.map(|ns| ns / 1_000_000_000);
    seconds.map_or_else(String::new, |s| format!("[StartTime: {s}.000 (seconds since epoch)]"))
}

/// Reads the log at `path` into the rows of `result`, which must be whole and not filtered.
///
/// # Errors
/// If there is no log, if it is damaged, or if it is the log of another result.
pub fn attach(result: &mut RunResult, path: &Path) -> Result<(), LogError> {
    let text = stored_file::read(path)
        .map_err(|source| LogError::Unreadable { path: path.into(), source })?;
    attach_text(&mut result.measurements, &text, path)
}

/// Reads a log into measurements from its text. `path` is where the text was found.
///
/// # Errors
/// If the log is damaged, or if it is the log of other measurements.
pub fn attach_text(
    measurements: &mut [Measurement],
    text: &[u8],
    path: &Path,
) -> Result<(), LogError> {
    let malformed = |fault: String| LogError::Malformed { path: path.into(), fault };
    let foreign = |fault: String| LogError::Foreign { path: path.into(), fault };
    let mut intervals = Vec::new();
    for entry in IntervalLogIterator::new(text) {
        match entry {
            Ok(LogEntry::Interval(interval)) => intervals.push(interval),
            Ok(LogEntry::StartTime(_) | LogEntry::BaseTime(_)) => {}
            Err(error) => return Err(malformed(format!("no interval log ({error:?})"))),
        }
    }
    let rows = Series::of_each(measurements).step_by(LatencyKind::ALL.len());
    let mut wholes = Vec::new();
    let mut left = intervals.as_slice();
    for row in rows {
        let Some((three, rest)) = left.split_first_chunk() else {
            wholes.push(None);
            continue;
        };
        if !is_of(row, three) {
            wholes.push(None);
            continue;
        }
        let whole = decode(three).ok_or_else(|| malformed(format!("no histogram at {row}")))?;
        // The times of a dropped round are in no histogram, although its operations are counted.
        let count = row.row.latency.as_ref().map_or(0, |latency| latency.of(row.kind).count);
        let kept = whole.histogram(row.kind).len();
        if count != kept {
            return Err(foreign(format!("holds {kept} operations where {count} were, at {row}")));
        }
        wholes.push(Some(whole));
        left = rest;
    }
    if let Some(interval) = left.first() {
        let tag = interval.tag().map_or("an interval without a tag", |tag| tag.as_str());
        return Err(foreign(format!("holds {tag}")));
    }
    let phases = measurements.iter_mut().flat_map(|measurement| &mut measurement.phases);
    let rows = phases.flat_map(|phase| &mut phase.outcomes);
    rows.zip(wholes).for_each(|(row, whole)| row.whole = whole);
    Ok(())
}

fn is_of(row: Series<'_>, intervals: &[IntervalLogHistogram<'_>; 3]) -> bool {
    let series = LatencyKind::ALL.map(|kind| Series { kind, ..row }.to_string());
    let tags = intervals.each_ref().map(|interval| interval.tag());
    series.iter().zip(tags).all(|(series, tag)| tag.is_some_and(|tag| tag.as_str() == series))
}

fn decode(intervals: &[IntervalLogHistogram<'_>; 3]) -> Option<PackedLatencies> {
    let decoded = intervals.each_ref().map(|i| STANDARD.decode(i.encoded_histogram()).ok());
    let [Some(response), Some(service), Some(lateness)] = decoded else {
        return None;
    };
    PackedLatencies::from_bytes([response, service, lateness])
}
