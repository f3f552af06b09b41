//! The ledger of judged operations: histograms and counts by phase, stream, class and code. Each
//! worker has one. Ledgers are merged by adding their counts.

use std::collections::{BTreeMap, HashMap, HashSet};

use rustc_hash::FxBuildHasher;

use jwtbench_result::Latencies;
use jwtbench_scenario::model::place::{PhasePlace, StreamPlace, TokenPlace};
use jwtbench_scenario::token::class::Class;
use jwtbench_verifier::tick::Tick;

use super::judgement::{Code, Judge, Operation};

/// The key of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// The phase, by its place in the scenario.
    pub phase: PhasePlace,
    /// The stream, by its place in the scenario.
    pub stream: StreamPlace,
    /// The token class.
    pub class: Class,
    /// The code given.
    pub code: Code,
}

/// One row of the ledger.
#[derive(Clone, Debug, Default)]
pub struct LedgerRow {
    /// The number of operations.
    pub count: u64,
    /// The three latencies of these operations, without those of dropped rounds.
    pub latencies: Latencies,
    /// The number of good tokens refused.
    pub lockouts: u64,
    /// The number of exposed accepts.
    pub exposed: u64,
    /// The number of good tokens accepted late.
    pub late: u64,
    /// The number of verdicts that the verdict cache gave.
    pub remembered: u64,
}

/// A cell of the conformance matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// The token class.
    pub class: Class,
    /// The code due.
    pub due: Code,
    /// The code given.
    pub got: Code,
    /// Whether the code given conforms.
    pub conforms: bool,
}

/// One bin of the timeline.
#[derive(Clone, Debug, Default)]
pub struct Bin {
    /// Verdicts by code.
    pub verdicts: BTreeMap<Code, u64>,
    /// Response times of good tokens, in nanoseconds.
    pub good: Vec<u64>,
    /// The number of good tokens refused.
    pub lockouts: u64,
    /// The number of exposed accepts.
    pub exposed: u64,
}

/// The judged operations of a trial.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Rows of the measured phases.
    pub rows: HashMap<RowKey, LedgerRow, FxBuildHasher>,
    /// The conformance matrix, warm-up included.
    pub cells: HashMap<Cell, u64, FxBuildHasher>,
    /// Every code that each token was given, by the token's place in the corpus; warm-up included.
    pub given: HashSet<(TokenPlace, Code), FxBuildHasher>,
    /// Exposed accepts by cause.
    pub exposures: BTreeMap<&'static str, u64>,
    /// Lockouts because of the state under a strategy, by cause.
    pub state_lockouts: BTreeMap<&'static str, u64>,
    /// Lockouts by code.
    pub lockouts: BTreeMap<Code, u64>,
    /// The timeline.
    pub bins: Vec<Bin>,
    /// The number of operations entered, warm-up excluded.
    pub done: u64,
    /// The size of their tokens together, in bytes.
    pub token_bytes: u64,
    /// Width of a bin in nanoseconds; 0 for no timeline.
    pub bin_ns: i64,
}

impl Ledger {
    /// An empty ledger with timeline bins of this width in nanoseconds; 0 for no timeline.
    pub fn new(bin_ns: i64) -> Ledger {
        Ledger { bin_ns, ..Ledger::default() }
    }

    /// Judges an operation and enters it.
    pub fn enter(&mut self, judge: &Judge<'_>, operation: &Operation) {
        let judgement = judge.judge(operation);
        let token = judge.token(operation);
        let (class, got) = (token.class, operation.verdict.code);
        let cell = Cell { class, due: judgement.due, got, conforms: judgement.conforms };
        *self.cells.entry(cell).or_default() += 1;
        self.given.insert((operation.token, got));
        if operation.phase.is_warmup() {
            return;
        }
        self.done += 1;
        self.token_bytes += token.bytes.len() as u64;
        let Operation { phase, stream, intended, late_ns, .. } = *operation;
        let [response_ns, service_ns] = [operation.response(), operation.service()]
            .map(|span| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX));
        let row = self.rows.entry(RowKey { phase, stream, class, code: got }).or_default();
        row.count += 1;
        row.latencies.record(response_ns, service_ns, late_ns);
        row.lockouts += u64::from(judgement.lockout);
        row.exposed += u64::from(judgement.exposed.is_some());
        row.late += u64::from(judgement.late);
        row.remembered += u64::from(operation.verdict.remembered.is_some());
        if judgement.lockout {
            *self.lockouts.entry(got).or_default() += 1;
        }
        if let Some(cause) = judgement.state_lockout {
            *self.state_lockouts.entry(cause).or_default() += 1;
        }
        if let Some(cause) = judgement.exposed {
            *self.exposures.entry(cause).or_default() += 1;
        }
        if self.bin_ns > 0 {
            let bin = self.bin(intended);
            *bin.verdicts.entry(got).or_default() += 1;
            bin.lockouts += u64::from(judgement.lockout);
            bin.exposed += u64::from(judgement.exposed.is_some());
            if judgement.good {
                bin.good.push(response_ns);
            }
        }
    }

    fn bin(&mut self, at: Tick) -> &mut Bin {
        let index = (at.0 / self.bin_ns).max(0) as usize;
        if self.bins.len() <= index {
            self.bins.resize_with(index + 1, Bin::default);
        }
        &mut self.bins[index]
    }

    /// Discards the latencies and keeps the counts.
    pub fn withhold(&mut self) {
        self.rows.values_mut().for_each(|row| row.latencies = Latencies::default());
        self.bins.iter_mut().for_each(|bin| bin.good.clear());
    }

    /// Adds the ledger of another worker or round.
    pub fn merge(&mut self, other: Ledger) {
        for (key, row) in other.rows {
            let mine = self.rows.entry(key).or_default();
            mine.count += row.count;
            mine.latencies.merge(&row.latencies);
            mine.lockouts += row.lockouts;
            mine.exposed += row.exposed;
            mine.late += row.late;
            mine.remembered += row.remembered;
        }
        for (cell, count) in other.cells {
            *self.cells.entry(cell).or_default() += count;
        }
        self.given.extend(other.given);
        for (cause, count) in other.exposures {
            *self.exposures.entry(cause).or_default() += count;
        }
        for (cause, count) in other.state_lockouts {
            *self.state_lockouts.entry(cause).or_default() += count;
        }
        for (code, count) in other.lockouts {
            *self.lockouts.entry(code).or_default() += count;
        }
        if self.bins.len() < other.bins.len() {
            self.bins.resize_with(other.bins.len(), Bin::default);
        }
        for (mine, theirs) in self.bins.iter_mut().zip(other.bins) {
            for (code, count) in theirs.verdicts {
                *mine.verdicts.entry(code).or_default() += count;
            }
            mine.good.extend(theirs.good);
            mine.lockouts += theirs.lockouts;
            mine.exposed += theirs.exposed;
        }
        self.done += other.done;
        self.token_bytes += other.token_bytes;
        self.bin_ns = self.bin_ns.max(other.bin_ns);
    }

    /// Exposed accepts by class.
    pub fn exposed_classes(&self) -> BTreeMap<Class, u64> {
        let mut classes = BTreeMap::new();
        for (key, row) in self.rows.iter().filter(|(_, row)| row.exposed > 0) {
            *classes.entry(key.class).or_default() += row.exposed;
        }
        classes
    }

    /// The latencies of accepted operations. If none was accepted, those of all operations.
    pub fn headline(&self) -> Latencies {
        let accepted = self.rows.iter().any(|(key, _)| key.code.is_ok());
        let mut merged = Latencies::default();
        for (_, row) in self.rows.iter().filter(|(key, _)| key.code.is_ok() == accepted) {
            merged.merge(&row.latencies);
        }
        merged
    }
}
