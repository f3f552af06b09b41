//! Findings on foreign libraries, grouped by tag and worded fairly.

use maud::{Markup, html as markup};

use jwtbench_result::RunResult;

use crate::quantity;
use crate::subject::finding::{FindingGroup, findings, tag_meaning, tag_name};

/// The section on findings. It is empty when there are none.
pub fn section(result: &RunResult) -> Markup {
    let groups = findings(result);
    markup! {
        @if !groups.is_empty() {
            section {
                h2 id="findings" { "Findings on foreign libraries" }
                p.lead {
                    "A finding is a verdict of a foreign library that differs from "
                    em { "our" } " contract. Libraries promise different things, so a finding is "
                    "no defect by itself: its tag says how grave it is, and why. Every library is "
                    "configured as strictly as it allows."
                }
                @for group in &groups {
                    h3 { (tag_name(group.tag)) }
                    p { (tag_meaning(group.tag)) }
                    (table(group))
                }
            }
        }
    }
}

fn table(group: &FindingGroup) -> Markup {
    let join = |names: &std::collections::BTreeSet<&str>| {
        names.iter().copied().collect::<Vec<_>>().join(", ")
    };
    markup! {
        div.scroll {
            table {
                thead {
                    tr {
                        th scope="col" { "class" }
                        th scope="col" { "due" }
                        th scope="col" { "got" }
                        th scope="col" { "contenders" }
                        th.num scope="col" { "verdicts" }
                        th scope="col" { "why it is tagged so" }
                    }
                }
                tbody {
                    @for finding in &group.rows {
                        tr {
                            th scope="row" { (finding.class) }
                            td { code { (finding.due) } }
                            td { code { (finding.got) } }
                            td {
                                (join(&finding.contenders))
                                " " span.faint { (join(&finding.algorithms)) }
                            }
                            td.num { (quantity::count(finding.count)) }
                            td.reason { (finding.reason) }
                        }
                    }
                }
            }
        }
    }
}
