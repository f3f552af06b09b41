//! What verifiers answered to the inputs on which they differ: an input a row, a verifier a column.
//! Holds no input itself: no token, no key, no signature.

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

/// One verifier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DivergenceColumn {
    /// Its name, `kind:name`.
    pub name: String,
    /// What it is.
    pub kind: ColumnKind,
    /// The versions behind it.
    pub version: String,
    /// How it was called.
    pub configuration: String,
    /// The column of the release that took its place, for one that is here to be held against that.
    pub successor: Option<String>,
}

/// What a column is.
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

/// Inputs of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DivergenceGroup {
    /// Its heading.
    pub title: String,
    /// What its inputs have in common.
    pub about: String,
    /// The inputs.
    pub rows: Vec<DivergenceRow>,
}

/// One input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DivergenceRow {
    /// What it is, in one line.
    pub input: String,
    /// What our contract demands: [`Observed::Accept`] or [`Observed::Refuse`].
    pub due: Observed,
    /// The answers, in the order of the columns.
    pub observed: Vec<Observed>,
    /// How to read the answers that differ from our contract.
    pub remarks: Vec<Remark>,
}

/// How answers that differ from our contract are to be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// The columns that it is about.
    pub columns: Vec<String>,
    /// How grave it is.
    pub tag: FindingTag,
    /// The document and section that decide.
    pub source: String,
    /// One sentence.
    pub reason: String,
}

/// What a column answered.
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

    /// Whether it is what our contract demands. To refuse the key is to refuse what it signed.
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
    /// Places of the columns of former releases, each with the place of its successor.
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
