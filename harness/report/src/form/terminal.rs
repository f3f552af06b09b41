//! The terminal summary: headline, rankings, dynamic scenarios, findings, verdict. It fits the
//! given width (at least 80 columns) and reads the same without colour.

mod capacity;
pub(crate) mod check;
pub(crate) mod comparison;
pub(crate) mod duel;
mod dynamic;
mod ranking;
pub(crate) mod simulation;
pub(crate) mod simulation_change;
pub(crate) mod text;
pub(crate) mod trend;

use text::{Paint, TerminalText};

use jwtbench_result::RunResult;

use crate::quantity;
use crate::subject::chapter::{Chapter, chapters};
use crate::subject::finding::{findings, tag_name};
use crate::subject::generator::Generator;
use crate::subject::standing;
use crate::subject::summary::{Summary, warnings};
use crate::subject::unjudged::unjudged;

/// How the terminal summary looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TerminalStyle {
    /// Whether escape codes for colour may be used.
    pub colour: bool,
    /// The width in columns. A width below 80 is taken as 80.
    pub width: usize,
}

/// The result as text for a terminal or a pipe. The verdict comes last, so that it is in view.
pub fn terminal(result: &RunResult, style: TerminalStyle) -> String {
    let mut text = TerminalText::new(style);
    for warning in warnings(result) {
        text.wrapped(Paint::Warning, "", &format!("!! {warning}"));
    }
    let chapters = chapters(result);
    let (dynamic, ranked): (Vec<&Chapter>, Vec<&Chapter>) =
        chapters.iter().partition(|c| c.dynamic);
    for chapter in ranked {
        ranking::write(chapter, &mut text);
    }
    dynamic::write(result, &dynamic, &mut text);
    capacity::write(result, &mut text);
    write_findings(result, &mut text);
    write_cache_policies(result, &mut text);
    write_verdict(result, &mut text);
    text.into_string()
}

/// The findings and the verdict alone.
pub fn terminal_verdict(result: &RunResult, style: TerminalStyle) -> String {
    let mut text = TerminalText::new(style);
    write_findings(result, &mut text);
    write_cache_policies(result, &mut text);
    write_verdict(result, &mut text);
    text.into_string()
}

fn write_findings(result: &RunResult, text: &mut TerminalText) {
    let groups = findings(result);
    if groups.is_empty() {
        return;
    }
    text.heading("Findings on foreign libraries");
    text.wrapped(
        Paint::Dim,
        "",
        "Deviations from our contract; the tag says how grave, the report says why.",
    );
    for group in groups {
        text.line(Paint::Strong, tag_name(group.tag));
        for row in group.rows {
            let who: Vec<&str> = row.contenders.into_iter().collect();
            let line =
                format!("{}: due {}, got {}: {}", row.class, row.due, row.got, who.join(", "));
            text.wrapped(Paint::Plain, "  ", &line);
        }
    }
}

fn write_cache_policies(result: &RunResult, text: &mut TerminalText) {
    let notes = standing::notes(result);
    if notes.is_empty() {
        return;
    }
    text.heading("Cache policies");
    for note in notes {
        text.wrapped(Paint::Dim, "  ", &note);
    }
}

fn write_verdict(result: &RunResult, text: &mut TerminalText) {
    let summary = Summary::of(result);
    text.heading("Verdict");
    for measurement in &result.measurements {
        if let Some(fault) = crate::subject::fault::fault(measurement) {
            let (scenario, contender) = (&measurement.scenario, &measurement.contender);
            let line = format!("{scenario} {contender} {}: {fault}", measurement.algorithm);
            text.wrapped(Paint::Bad, "  ", &line);
        }
    }
    for (measurement, missed) in result.missed() {
        let line = format!(
            "{} {} {}: expected {} {}, was {}",
            measurement.scenario,
            measurement.contender,
            measurement.algorithm,
            missed.key,
            missed.bound,
            quantity::expected(&missed.key, missed.value),
        );
        text.wrapped(Paint::Bad, "  ", &line);
    }
    let counts = [
        [("judged", summary.judged), ("wrong", summary.wrong), ("findings", summary.findings)],
        [
            ("exposed accepts", summary.exposed_accepts),
            ("lockouts", summary.lockouts),
            ("late", summary.late),
        ],
        [
            ("expectations met", summary.met),
            ("missed", summary.missed),
            ("invalid trials", summary.errors + summary.noisy),
        ],
    ];
    for group in counts {
        let group = group.map(|(name, n)| format!("{name} {}", quantity::count(n)));
        text.wrapped(Paint::Plain, "  ", &group.join(" · "));
    }
    if let Some(generator) = Generator::of(result) {
        text.wrapped(Paint::Dim, "  ", &generator.line());
        for remark in &generator.remarks {
            text.wrapped(Paint::Warning, "  ", remark);
        }
    }
    for line in unjudged(result) {
        text.wrapped(Paint::Dim, "  ", &line);
    }
    let paint = if summary.passed() { Paint::Good } else { Paint::Bad };
    text.wrapped(paint, "", &summary.line());
    for warning in warnings(result) {
        text.wrapped(Paint::Warning, "", &format!("!! {warning}"));
    }
}
