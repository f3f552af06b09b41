//! A dynamic chapter on the page: its prose beside a table of its trials, then the timeline of each
//! trial.

use maud::{Markup, html as markup};

use jwtbench_result::{Measurement, RunResult};

use crate::quantity;
use crate::subject::caveat::{legend, marked};
use crate::subject::chapter::Chapter;
use crate::subject::fault::fault;
use crate::subject::speed::response_p99;
use crate::subject::standing::cache_policy;

use super::ink::Ink;
use super::{chapter_anchor, is_troubled, prose, trial, trial_anchor};

/// The most trials on the page for which timelines carry figures per bin. Beyond it they are left
/// out, so that the page stays small.
const MOST_TOOLTIPS: usize = 24;

/// Renders the chapter.
pub fn chapter(result: &RunResult, chapter: &Chapter, ink: &Ink) -> Markup {
    let courses = result.measurements.iter().filter(|m| m.timeline.is_some()).count();
    let is_light = courses <= MOST_TOOLTIPS;
    markup! {
        article id=(chapter_anchor(chapter)) {
            h3 { (chapter.title) " " code { (chapter.name) } }
            (prose::analysis(chapter.analysis))
            (table(result, chapter, ink))
            @if let Some(legend) = legend(chapter.measurements.iter().copied()) {
                p.note { (legend) }
            }
            @for (at, measurement) in chapter.measurements.iter().enumerate() {
                details.trial id=(trial_anchor(result, measurement))
                    open[at == 0 || is_troubled(measurement)] {
                    summary {
                        code { (measurement.contender) } " " strong { (measurement.algorithm) }
                        (policy(result, measurement))
                        " " (trial::badge(measurement))
                    }
                    (trial::trial(measurement, is_light))
                }
            }
            @if !chapter.text.is_empty() {
                details.source {
                    summary { "Scenario file" }
                    pre { code { (chapter.text) } }
                }
            }
        }
    }
}

/// The cache policy of a trial; empty for the default one.
fn policy(result: &RunResult, measurement: &Measurement) -> Markup {
    markup! {
        @if let Some(policy) = cache_policy(result, measurement) {
            " cache policy " code { (policy) }
        }
    }
}

fn table(result: &RunResult, chapter: &Chapter, ink: &Ink) -> Markup {
    let head = [
        ("done", "operations with a verdict"),
        ("p99 response", "of accepted tokens, from the intended start"),
        ("lockouts", "refused although good"),
        ("exposed", "accepted although withdrawn or revoked"),
        ("late", "accepted after the deadline"),
        ("fetches", "attempts, retries included"),
        ("wrong", "verdicts that break the contract"),
        ("expectations", "met, of all"),
    ];
    markup! {
        div.scroll {
            table.trials {
                thead {
                    tr {
                        th scope="col" { "contender" }
                        th scope="col" { "algorithm" }
                        @for (name, title) in head {
                            th.num scope="col" title=(title) { (name) }
                        }
                    }
                }
                tbody {
                    @for measurement in &chapter.measurements {
                        tr {
                            th scope="row" {
                                (ink.sample(&measurement.contender))
                                a href=(format!("#{}", trial_anchor(result, measurement))) {
                                    (measurement.contender)
                                }
                                (policy(result, measurement))
                            }
                            td { (measurement.algorithm) }
                            (cells(measurement))
                        }
                    }
                }
            }
        }
    }
}

fn cells(measurement: &Measurement) -> Markup {
    if let Some(fault) = fault(measurement) {
        return markup! { td.fault colspan="8" { (fault) } };
    }
    let verdicts = &measurement.verdicts;
    let p99 = response_p99(measurement).filter(|_| !measurement.virtual_time);
    let attempts = measurement.endpoint.as_ref().map(|e| e.attempts);
    let missing = || "–".to_owned();
    markup! {
        td.num { (quantity::count(measurement.arrivals.done)) }
        td.num { (p99.map_or_else(missing, |ns| marked(quantity::nanoseconds(ns), measurement))) }
        (harm(verdicts.lockouts))
        (harm(verdicts.exposed_accepts))
        (harm(verdicts.late))
        td.num { (attempts.map_or_else(missing, quantity::count)) }
        td.num { (quantity::count(verdicts.wrong)) }
        td.num { (trial::badge(measurement)) }
    }
}

fn harm(count: u64) -> Markup {
    markup! { td class=(if count > 0 { "num harm" } else { "num" }) { (quantity::count(count)) } }
}
