//! The head of the page: the verdict with what is wrong or missed, the counts, and the origin of
//! the result.

use maud::{Markup, html as markup};

use jwtbench_result::{Measurement, RunResult};

use crate::quantity;
use crate::subject::chapter::chapters;
use crate::subject::fault::fault;
use crate::subject::summary::Summary;
use crate::subject::unjudged::unjudged;

use super::{chapter_anchor, trial_anchor};

/// Renders the head of the page.
pub fn header(result: &RunResult) -> Markup {
    let summary = Summary::of(result);
    let (class, mark) = if summary.passed() { ("pass", "✓") } else { ("fail", "✗") };
    markup! {
        header id="verdict" {
            h1 { "jwtbench report" }
            div class=(format!("banner {class}")) role="status" {
                span.mark aria-hidden="true" { (mark) }
                strong { (summary.line()) }
            }
            (trouble(result))
            (tiles(&summary))
            @for line in unjudged(result) { p.note { (line) } }
            (origin(result))
        }
    }
}

fn trouble(result: &RunResult) -> Markup {
    let faults: Vec<(&Measurement, String)> =
        result.measurements.iter().filter_map(|m| Some((m, fault(m)?))).collect();
    markup! {
        @if !faults.is_empty() || result.missed().next().is_some() {
            ul.trouble {
                @for (measurement, fault) in &faults {
                    li { (origin_link(result, measurement)) " " strong { (fault) } }
                }
                @for (measurement, missed) in result.missed() {
                    li {
                        (origin_link(result, measurement))
                        " expected " code { (missed.key) " " (missed.bound) } ", was "
                        strong { (quantity::expected(&missed.key, missed.value)) }
                    }
                }
            }
        }
    }
}

/// A link to the place where the measurement is shown.
fn origin_link(result: &RunResult, measurement: &Measurement) -> Markup {
    let chapters = chapters(result);
    let chapter = chapters.iter().find(|c| c.name == measurement.scenario);
    let anchor = match chapter {
        Some(chapter) if !chapter.dynamic => chapter_anchor(chapter),
        _ => trial_anchor(result, measurement),
    };
    markup! {
        a href=(format!("#{anchor}")) { (measurement.scenario) }
        " " code { (measurement.contender) } " " (measurement.algorithm) ":"
    }
}

fn tiles(summary: &Summary) -> Markup {
    let expectations = format!("{} of {}", summary.met, summary.met + summary.missed);
    let tiles = [
        ("verdicts judged", quantity::count(summary.judged), false),
        ("wrong", quantity::count(summary.wrong), summary.wrong > 0),
        ("expectations met", expectations, summary.missed > 0),
        ("invalid trials", quantity::count(summary.errors), summary.errors > 0),
        ("exposed accepts", quantity::count(summary.exposed_accepts), false),
        ("lockouts", quantity::count(summary.lockouts), false),
        ("late", quantity::count(summary.late), false),
        ("findings, foreign libraries", quantity::count(summary.findings), false),
    ];
    markup! {
        dl.tiles {
            @for (name, value, is_bad) in &tiles {
                div class=[is_bad.then_some("bad")] {
                    dt { (name) }
                    dd { (value) }
                }
            }
        }
    }
}

fn origin(result: &RunResult) -> Markup {
    let machine = &result.machine;
    markup! {
        dl.facts {
            dt { "command" }
            dd { code { (result.command) } }
            dt { "seed" }
            dd { (result.seed) }
            dt { "started" }
            dd { (result.started_at) ", took " (quantity::nanoseconds(result.elapsed_s * 1e9)) }
            dt { "machine" }
            dd {
                (machine.cpu) ", " (quantity::counted(machine.cores.into(), "core")) ", "
                (machine.kernel) " " (machine.arch)
                @if machine.virtualised { ", virtual machine" }
            }
            dt { "build" }
            dd {
                (machine.profile) ", " (machine.rustc)
                @if let Some(revision) = &machine.revision { ", revision " code { (revision) } }
            }
            dt { "versions" }
            dd {
                @for (at, (name, version)) in result.versions.iter().enumerate() {
                    @if at > 0 { " · " }
                    span.nobreak { (name) } " " (version)
                }
            }
        }
    }
}
