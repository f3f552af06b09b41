//! How far a cache policy was held to what it stands for, and the mark that says so beside its
//! name. Knows no form of report.

use super::CachePolicyRecord;
use super::simulation::PolicyNote;

/// What a cache policy says that was made from sources and documents alone.
pub const UNDRIVEN: &str = "read, not driven";

/// How far a cache policy was held to what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// It is known to differ, in this.
    Differs(&'a str),
    /// It was read from sources, and never run beside the real thing.
    Undriven,
    /// Nothing is known against it.
    Held,
}

impl<'a> Standing<'a> {
    /// What its file says.
    pub fn of(differs: Option<&'a str>, checked: Option<&'a str>) -> Standing<'a> {
        match (differs, checked) {
            (Some(differs), _) => Standing::Differs(differs),
            (None, Some(UNDRIVEN)) => Standing::Undriven,
            (None, _) => Standing::Held,
        }
    }

    /// The mark, if it needs one.
    pub fn mark(self) -> Option<char> {
        match self {
            Standing::Differs(_) => Some('≠'),
            Standing::Undriven => Some('°'),
            Standing::Held => None,
        }
    }

    /// A name with the mark behind it.
    pub fn marked(self, name: &str) -> String {
        self.mark().map_or_else(|| name.to_owned(), |mark| format!("{name} {mark}"))
    }
}

impl PolicyNote {
    /// How far it was held to what it stands for.
    pub fn standing(&self) -> Standing<'_> {
        Standing::of(self.differs.as_deref(), self.checked.as_deref())
    }
}

impl CachePolicyRecord {
    /// How far it was held to what it stands for.
    pub fn standing(&self) -> Standing<'_> {
        Standing::of(self.differs.as_deref(), self.checked.as_deref())
    }
}

/// What the marks of these policies mean: a sentence for each that differs, and one for all that
/// were only read.
pub fn legend<'a>(policies: impl Iterator<Item = (&'a str, Standing<'a>)>) -> Vec<String> {
    let (mut lines, mut undriven) = (Vec::new(), Vec::new());
    for (name, standing) in policies {
        match standing {
            Standing::Differs(how) => {
                lines.push(format!("{name} ≠ differs from what it stands for: {how}."));
            }
            Standing::Undriven => undriven.push(name),
            Standing::Held => {}
        }
    }
    if !undriven.is_empty() {
        lines.push(format!("° {UNDRIVEN}: {}.", undriven.join(", ")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_to_differ_outweighs_the_rest() {
        let rows = [
            (Some("so"), Some("driven"), Standing::Differs("so"), Some('≠')),
            (Some("so"), Some(UNDRIVEN), Standing::Differs("so"), Some('≠')),
            (Some("so"), None, Standing::Differs("so"), Some('≠')),
            (None, Some(UNDRIVEN), Standing::Undriven, Some('°')),
            (None, Some("driven beside it"), Standing::Held, None),
            (None, None, Standing::Held, None),
        ];
        for (differs, checked, expected, mark) in rows {
            let standing = Standing::of(differs, checked);
            assert_eq!((standing, standing.mark()), (expected, mark), "{differs:?} {checked:?}");
        }
    }

    #[test]
    fn every_mark_has_its_sentence_and_nothing_else_has() {
        let rows = [
            ("a-like", Standing::Held),
            ("b-like", Standing::Differs("it waits")),
            ("c-like", Standing::Undriven),
            ("d-like", Standing::Undriven),
        ];
        let lines = legend(rows.into_iter());
        assert_eq!(
            lines,
            [
                "b-like ≠ differs from what it stands for: it waits.",
                "° read, not driven: c-like, d-like.",
            ]
        );
        assert!(legend(rows[..1].iter().copied()).is_empty());
    }
}
