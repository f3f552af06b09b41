//! The results of commands: measurements with the verdicts that prove them, and the machine that
//! they came from. They are the only input of every report. This crate knows nothing of sockets,
//! clocks or formatting.
//!
//! # Map
//!
//! - What is stored, in which form and version? [`RunResult`], [`simulation`], [`duel`]; the lines
//!   are read by [`StoredForm`].
//! - What is stored while a command goes on? [`record::part`].
//! - How are files from others checked? [`record::stored`].
//! - What did one trial record? [`Measurement`], its [`Latencies`], its [`Timeline`].
//! - Where are the whole histograms? [`latency::histogram_log`].
//! - Did the generator keep to its schedule, and was the host still? [`host::window`],
//!   [`host::noise`], [`host::disturbance`].
//! - What became faster, slower or wrong? Between two results: [`comparison`]. Between two arms in
//!   lock step: [`duel`]. Over many results: [`trend`].
//! - With which statistics? [`statistics`].
//! - What did a cache policy do, in counts? [`record::outcome`].
//! - How much load holds an objective? [`capacity`], with [`latency::lindley`].
//! - How do foreign libraries deviate? [`Finding`], [`record::divergence`].
//! - How far was a preset checked against its model? [`record::standing`].

pub mod capacity;
pub mod comparison;
pub mod duel;
pub mod host;
pub mod latency;
pub mod record;
pub mod simulation;
pub mod statistics;
pub mod trend;

pub use host::calibration::Calibration;
pub use host::machine::Machine;
pub use latency::histogram::{
    CurvePoint, HistogramSummary, Latencies, LatencyKind, LatencySummary,
};
pub use latency::packed_latencies::PackedLatencies;
pub use record::lines::ObjectMembers;
pub use record::load::{LoadRecord, RateRecord};
pub use record::measurement::{
    ArrivalCounts, ConformanceCell, Count, EndpointCounts, ExpectationResult, ExposedClass,
    Finding, FindingTag, Measurement, OutcomeRow, PhaseResult, Round, VerdictCounts, Wrong,
};
pub use record::run::{CachePolicyRecord, RunResult, SCHEMA_VERSION, ScenarioRecord};
pub use record::soundness::Unsound;
pub use record::state::StateResult;
pub use record::stored_form::{ReadError, StoredForm};
pub use record::timeline::{Mark, MarkKind, Timeline, TimelineBin};
pub use record::verdict_stream::{ClassVerdicts, VerdictStream};
