//! Findings: deviations of foreign libraries, collected over all measurements and grouped by
//! severity.

use std::collections::{BTreeMap, BTreeSet};

use jwtbench_result::{FindingTag, RunResult};

/// All findings with one tag.
pub struct FindingGroup<'a> {
    /// The tag, which says how severe the findings are.
    pub tag: FindingTag,
    /// The findings, by class.
    pub rows: Vec<FindingRow<'a>>,
}

/// One deviation, with all libraries and algorithms that show it.
pub struct FindingRow<'a> {
    /// The token class.
    pub class: &'a str,
    /// The code due.
    pub due: &'a str,
    /// `ACCEPT` or `REFUSE`.
    pub got: &'a str,
    /// Why the deviation has this tag.
    pub reason: &'a str,
    /// The contenders that show it.
    pub contenders: BTreeSet<&'a str>,
    /// The algorithms under which they show it.
    pub algorithms: BTreeSet<&'a str>,
    /// The number of verdicts over all of them.
    pub count: u64,
}

/// The findings of a result, the most severe first. A tag without findings is left out.
pub fn findings(result: &RunResult) -> Vec<FindingGroup<'_>> {
    let tags = [
        FindingTag::BreaksMust,
        FindingTag::Permitted,
        FindingTag::OutOfScope,
        FindingTag::OurPolicy,
    ];
    let groups = tags.map(|tag| FindingGroup { tag, rows: rows(result, tag) });
    groups.into_iter().filter(|g| !g.rows.is_empty()).collect()
}

/// The tag in the words of the result.
pub fn tag_name(tag: FindingTag) -> &'static str {
    match tag {
        FindingTag::BreaksMust => "breaks a MUST",
        FindingTag::Permitted => "permitted by the RFC",
        FindingTag::OutOfScope => "outside its stated scope",
        FindingTag::OurPolicy => "our policy",
    }
}

/// What the tag says, in one sentence.
pub fn tag_meaning(tag: FindingTag) -> &'static str {
    match tag {
        FindingTag::BreaksMust => "An RFC says MUST, and the library does otherwise.",
        FindingTag::Permitted => "The RFC leaves it open; our contract does not.",
        FindingTag::OutOfScope => "The library does not claim to do this; its caller has to.",
        FindingTag::OurPolicy => "Our contract asks for more than any RFC does.",
    }
}

fn rows(result: &RunResult, tag: FindingTag) -> Vec<FindingRow<'_>> {
    let mut rows: BTreeMap<(&str, &str, &str, &str), FindingRow> = BTreeMap::new();
    for measurement in &result.measurements {
        for finding in measurement.findings.iter().filter(|f| f.tag == tag) {
            let key = (&*finding.class, &*finding.due, &*finding.got, &*finding.reason);
            let row = rows.entry(key).or_insert_with(|| FindingRow {
                class: &finding.class,
                due: &finding.due,
                got: &finding.got,
                reason: &finding.reason,
                contenders: BTreeSet::new(),
                algorithms: BTreeSet::new(),
                count: 0,
            });
            row.contenders.insert(&measurement.contender);
            row.algorithms.insert(&measurement.algorithm);
            row.count += finding.count;
        }
    }
    rows.into_values().collect()
}
