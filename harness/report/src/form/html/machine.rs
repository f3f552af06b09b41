//! The section on the machine and its noise: what a reader needs to judge whether figures carry
//! over.

use maud::{Markup, html as markup};

use jwtbench_result::RunResult;

use crate::quantity;
use crate::subject::chapter::Chapter;
use crate::subject::ranking::{Ranking, rankings};

use super::generator;

/// Renders the section.
pub fn section(result: &RunResult, chapters: &[Chapter]) -> Markup {
    markup! {
        section {
            h2 id="machine" { "Machine and noise" }
            (facts(result))
            (generator::part(result))
            (spreads(chapters))
        }
    }
}

fn facts(result: &RunResult) -> Markup {
    let machine = &result.machine;
    let unknown = || "not told by the kernel".to_owned();
    let rows = [
        ("CPU", machine.cpu.clone()),
        ("cores", machine.cores.to_string()),
        ("memory", quantity::bytes(machine.memory_bytes as f64)),
        ("kernel", format!("{} {}", machine.kernel, machine.arch)),
        ("governor", machine.governor.clone().unwrap_or_else(unknown)),
        ("virtual machine", if machine.virtualised { "yes" } else { "no" }.to_owned()),
        ("steal", machine.steal.map_or_else(unknown, quantity::share)),
        ("profile", machine.profile.clone()),
        ("compiler", machine.rustc.clone()),
        ("revision", machine.revision.clone().unwrap_or_else(|| "unknown".to_owned())),
        ("one clock read", quantity::nanoseconds(machine.clock_read_ns as f64)),
        ("overshoot of a sleep, p99", quantity::nanoseconds(machine.sleep_overshoot_p99_ns as f64)),
    ];
    markup! {
        dl.facts {
            @for (name, value) in &rows {
                dt { (name) }
                dd { (value) }
            }
        }
    }
}

fn spreads(chapters: &[Chapter]) -> Markup {
    let rows: Vec<(&str, &str, f64, f64, &str)> = chapters
        .iter()
        .filter(|c| !c.dynamic)
        .flat_map(|c| {
            let rankings = rankings(c);
            rankings.iter().filter_map(|r| spread(c.name, r)).collect::<Vec<_>>()
        })
        .collect();
    markup! {
        @if !rows.is_empty() {
            h3 { "Spread of the rounds" }
            p.lead {
                "(highest - lowest) / median of the medians of a trial's rounds. A difference "
                "between two contenders that is smaller than this is noise."
            }
            div.scroll {
                table {
                    thead {
                        tr {
                            th scope="col" { "scenario" }
                            th scope="col" { "algorithm" }
                            th.num scope="col" { "typical" }
                            th.num scope="col" { "largest" }
                            th scope="col" { "by" }
                        }
                    }
                    tbody {
                        @for (scenario, algorithm, typical, largest, contender) in rows {
                            tr {
                                th scope="row" { (scenario) }
                                td { (algorithm) }
                                td.num { (quantity::share(typical)) }
                                td.num { (quantity::share(largest)) }
                                td { (contender) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The scenario, the algorithm, the median spread and the largest spread of a ranking, and the
/// contender with the largest.
fn spread<'a>(
    scenario: &'a str,
    ranking: &Ranking<'a>,
) -> Option<(&'a str, &'a str, f64, f64, &'a str)> {
    let mut spreads: Vec<(f64, &str)> = ranking
        .rows
        .iter()
        .filter_map(|r| {
            let speed = r.speed.as_ref().ok()?;
            Some((speed.spread?, r.measurement.contender.as_str()))
        })
        .collect();
    spreads.sort_by(|a, b| a.0.total_cmp(&b.0));
    let typical = spreads.get(spreads.len() / 2)?;
    let largest = spreads.last()?;
    Some((scenario, ranking.algorithm, typical.0, largest.0, largest.1))
}
