//! The answers of verifiers to the inputs on which they differ, with an input for each row and a
//! verifier for each column. It holds no input itself: no token, no key, no signature.

use serde::Serialize;

use crate::FindingTag;

/// The whole table, in groups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Divergence {
    /// The seed of keys and tokens.
    pub seed: u64,
    /// The columns, in order.
    pub columns: Vec<DivergenceColumn>,
    /// The groups, in order.
    pub groups: Vec<DivergenceGroup>,
}

/// One verifier, which is a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DivergenceColumn {
    /// Its name, `kind:name`.
    pub name: String,
    /// The kind of verifier.
    pub kind: ColumnKind,
    /// The versions behind it.
    pub version: String,
    /// How it was called.
    pub configuration: String,
    /// The column of the succeeding release, if this column is shown for comparison with it.
    pub successor: Option<String>,
}

/// The kind of verifier in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnKind {
    /// Our verifier over a backend.
    Core,
    /// A backend alone, below the key checks of our verifier.
    Raw,
    /// A whole JWT library.
    Library,
}

/// A group of inputs of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DivergenceGroup {
    /// The heading of the group.
    pub title: String,
    /// What its inputs have in common.
    pub about: String,
    /// The inputs.
    pub rows: Vec<DivergenceRow>,
}

/// One input, which is a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DivergenceRow {
    /// The input in one line.
    pub input: String,
    /// What our contract demands: [`Observed::Accept`] or [`Observed::Refuse`].
    pub due: Observed,
    /// The answers, in the order of the columns.
    pub observed: Vec<Observed>,
    /// How to read the answers that differ from our contract.
    pub remarks: Vec<Remark>,
}

/// A remark on how to read answers that differ from our contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// The columns that the remark is about.
    pub columns: Vec<String>,
    /// The tag, which says how severe the deviation is.
    pub tag: FindingTag,
    /// The document and section that decide this.
    pub source: String,
    /// The reason in one sentence.
    pub reason: String,
}

/// The answer of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Observed {
    /// It accepted.
    Accept,
    /// It refused the token or the signature.
    Refuse,
    /// It refused the key before it saw a signature.
    KeyRefused,
    /// It panicked instead of answering.
    Panics,
    /// It accepted in some batches and refused in others.
    Unstable,
    /// It was not asked: the input has no form in which the column takes it, or the column does not
    /// run on this CPU.
    NotSupported,
}

impl Observed {
    /// The name in a report.
    pub const fn name(self) -> &'static str {
        match self {
            Observed::Accept => "accept",
            Observed::Refuse => "refuse",
            Observed::KeyRefused => "key refused",
            Observed::Panics => "panics",
            Observed::Unstable => "unstable",
            Observed::NotSupported => "not supported",
        }
    }

    /// Whether the answer is what our contract demands. To refuse the key is to refuse what it
    /// signed.
    pub fn satisfies(self, due: Observed) -> bool {
        match self {
            Observed::Accept => due == Observed::Accept,
            Observed::Refuse | Observed::KeyRefused => due == Observed::Refuse,
            Observed::Panics | Observed::Unstable => false,
            Observed::NotSupported => true,
        }
    }
}

impl Divergence {
    /// The indices of the columns of former releases, each with the index of its successor.
    pub fn former(&self) -> Vec<(usize, usize)> {
        let place = |name: &String| self.columns.iter().position(|column| column.name == *name);
        let columns = self.columns.iter().enumerate();
        columns.filter_map(|(at, column)| Some((at, place(column.successor.as_ref()?)?))).collect()
    }
}

impl DivergenceRow {
    /// Whether every column that was asked gave the answer due.
    pub fn is_agreed(&self) -> bool {
        self.observed.iter().all(|observed| observed.satisfies(self.due))
    }
}
