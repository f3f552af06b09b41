//! The table of dynamic scenarios: how good tokens were treated and how often the endpoint was
//! asked.

use jwtbench_result::{Measurement, RunResult};

use crate::quantity;
use crate::subject::caveat::{legend, marked};
use crate::subject::chapter::Chapter;
use crate::subject::fault::fault;
use crate::subject::speed::response_p99;
use crate::subject::standing::cache_policy;
use crate::subject::state;

use super::text::{Paint, TerminalText};

const HEAD: [&str; 8] =
    ["contender", "alg", "done", "p99 resp.", "lockouts", "exposed", "fetches", "wrong"];

/// Writes one table for each dynamic scenario.
pub fn write(result: &RunResult, chapters: &[&Chapter], text: &mut TerminalText) {
    if chapters.is_empty() {
        return;
    }
    text.heading("Dynamic scenarios (p99 resp.: of accepted tokens, from the intended start)");
    for chapter in chapters {
        text.line(Paint::Strong, &format!("{}  {}", chapter.name, chapter.title));
        let sound: Vec<(Paint, Vec<String>)> = chapter
            .measurements
            .iter()
            .filter(|m| fault(m).is_none())
            .map(|m| (paint(m), cells(result, m)))
            .collect();
        if !sound.is_empty() {
            text.table(2, &HEAD, &sound);
        }
        for measurement in &chapter.measurements {
            let is_sound = fault(measurement).is_none();
            if let Some(sentences) = state::sentences(measurement).filter(|_| is_sound) {
                let (contender, algorithm) = (&measurement.contender, &measurement.algorithm);
                text.wrapped(Paint::Plain, "  ", &format!("{contender} {algorithm}: {sentences}"));
            }
            if let Some(fault) = fault(measurement) {
                let (contender, algorithm) = (&measurement.contender, &measurement.algorithm);
                let line = format!("{contender} {algorithm}  ERROR {fault}");
                text.wrapped(Paint::Bad, "  ", &line);
            }
        }
    }
    let trials = chapters.iter().flat_map(|chapter| chapter.measurements.iter().copied());
    if let Some(legend) = legend(trials) {
        text.wrapped(Paint::Dim, "  ", &legend);
    }
}

fn paint(measurement: &Measurement) -> Paint {
    match measurement.expectations.iter().all(|e| e.met) {
        true => Paint::Plain,
        false => Paint::Bad,
    }
}

fn cells(result: &RunResult, measurement: &Measurement) -> Vec<String> {
    let verdicts = &measurement.verdicts;
    let p99 = match measurement.virtual_time {
        true => None,
        false => response_p99(measurement),
    };
    let attempts = measurement.endpoint.as_ref().map(|e| e.attempts);
    let missing = || "–".to_owned();
    vec![
        contender(result, measurement),
        measurement.algorithm.clone(),
        quantity::count(measurement.arrivals.done),
        p99.map_or_else(missing, |ns| marked(quantity::nanoseconds(ns), measurement)),
        quantity::count(verdicts.lockouts),
        quantity::count(verdicts.exposed_accepts),
        attempts.map_or_else(missing, quantity::count),
        quantity::count(verdicts.wrong),
    ]
}

/// The contender, with its cache policy if that is not the default one.
fn contender(result: &RunResult, measurement: &Measurement) -> String {
    match cache_policy(result, measurement) {
        None => measurement.contender.clone(),
        Some(policy) => format!("{} {policy}", measurement.contender),
    }
}
