//! How far a cache policy was checked against its model, and the mark beside its name that says so.
//! Knows no form of report.

use crate::CachePolicyRecord;
use crate::simulation::PolicyNote;

/// The text in `checked` of a cache policy that was made from sources and documents alone.
pub const UNDRIVEN: &str = "read, not driven";

/// The standing of a cache policy: how far it was checked against its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing<'a> {
    /// It is known to differ from its model in this.
    Differs(&'a str),
    /// It was made from sources, and never run beside its model.
    Undriven,
    /// No difference is known.
    Held,
}

impl<'a> Standing<'a> {
    /// The standing by what the policy's file says.
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

    /// The sentence on the standing; `None` if there is none.
    pub fn sentence(self) -> Option<String> {
        match self {
            Standing::Differs(how) => Some(format!("differs from what it stands for: {how}")),
            Standing::Undriven => Some(UNDRIVEN.to_owned()),
            Standing::Held => None,
        }
    }

    /// The severity of the standing. A higher one means that a worse difference is known.
    fn gravity(self) -> u8 {
        match self {
            Standing::Differs(_) => 2,
            Standing::Undriven => 1,
            Standing::Held => 0,
        }
    }

    /// A name with the mark behind it.
    pub fn marked(self, name: &str) -> String {
        self.mark().map_or_else(|| name.to_owned(), |mark| format!("{name} {mark}"))
    }
}

/// The standing of the cache policy of this name in these records.
pub fn known<'r>(records: &'r [CachePolicyRecord], name: &str) -> Standing<'r> {
    let record = records.iter().find(|record| record.name == name);
    record.map_or(Standing::Held, CachePolicyRecord::standing)
}

/// The cache policies of two results, each name once. If both have it, the record with the worse
/// standing is kept, because an older result may lack what was found since.
pub fn of_both(
    base: &[CachePolicyRecord],
    candidate: &[CachePolicyRecord],
) -> Vec<CachePolicyRecord> {
    let mut records = candidate.to_vec();
    for record in base {
        match records.iter_mut().find(|known| known.name == record.name) {
            None => records.push(record.clone()),
            Some(known) if record.standing().gravity() > known.standing().gravity() => {
                *known = record.clone();
            }
            Some(_) => {}
        }
    }
    records
}

impl PolicyNote {
    /// The standing of the policy.
    pub fn standing(&self) -> Standing<'_> {
        Standing::of(self.differs.as_deref(), self.checked.as_deref())
    }
}

impl CachePolicyRecord {
    /// The standing of the policy.
    pub fn standing(&self) -> Standing<'_> {
        Standing::of(self.differs.as_deref(), self.checked.as_deref())
    }
}

/// The legend of the marks of these policies: a sentence for each that differs, and one for all
/// that were only read.
pub fn legend<'a>(policies: impl Iterator<Item = (&'a str, Standing<'a>)>) -> Vec<String> {
    let (mut lines, mut undriven) = (Vec::new(), Vec::new());
    for (name, standing) in policies {
        match standing {
            Standing::Differs(_) => {
                lines.extend(standing.sentence().map(|said| format!("{name} ≠ {said}.")));
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
    fn of_two_results_the_graver_standing_is_kept() {
        let record = |name: &str, differs: Option<&str>, checked: &str| CachePolicyRecord {
            name: name.into(),
            differs: differs.map(str::to_owned),
            checked: Some(checked.into()),
            ..CachePolicyRecord::default()
        };
        let held = || record("a-like", None, "driven beside it");
        let undriven = || record("a-like", None, UNDRIVEN);
        let differs = |how| record("a-like", Some(how), UNDRIVEN);
        let rows = [
            (vec![], vec![differs("so")], Standing::Differs("so"), "the base is older"),
            (vec![differs("so")], vec![], Standing::Differs("so"), "the candidate is older"),
            (vec![undriven()], vec![held()], Standing::Undriven, "the base knows more"),
            (vec![undriven()], vec![differs("so")], Standing::Differs("so"), "found since"),
            (vec![differs("so")], vec![differs("now")], Standing::Differs("now"), "said anew"),
            (vec![held()], vec![held()], Standing::Held, "nothing is known against it"),
            (vec![], vec![], Standing::Held, "no record at all"),
        ];
        for (base, candidate, expected, reason) in rows {
            let records = of_both(&base, &candidate);
            assert!(records.len() <= 1, "{reason}: each name once");
            assert_eq!(known(&records, "a-like"), expected, "{reason}");
            assert_eq!(known(&records, "b-like"), Standing::Held, "{reason}: another name");
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
