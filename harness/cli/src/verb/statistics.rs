//! `statistics`: applies the statistics of duels and comparisons to samples from standard input, so
//! that another program can compare them with its own. Each line is a question in JSON, and each
//! answer is a line. The verb is hidden.

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};

use clap::Args as ClapArgs;
use serde::{Deserialize, Serialize};

use jwtbench_result::duel::{DuelMetric, Rules, Sample, weigh};
use jwtbench_result::statistics::{
    Bootstrap, Decision, Estimate, SignFlip, Unpaired, holm, mann_whitney, sign_flip,
};

use crate::{Exit, Failure};

/// Answer questions on samples.
#[derive(ClapArgs, Clone, Debug)]
pub struct Args;

/// A question: one procedure and its samples.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Question {
    /// The sign-flip test of differences.
    SignFlip { differences: Vec<f64>, seed: u64 },
    /// The rank test of two samples.
    MannWhitney { base: Vec<f64>, candidate: Vec<f64> },
    /// Holm's correction of several p-values.
    Holm { p: Vec<f64> },
    /// The interval of the median of differences, as a ratio.
    Bootstrap { differences: Vec<f64>, level: f64, seed: u64 },
    /// The interval of the difference of two medians, as a ratio.
    Unpaired { base: Vec<f64>, candidate: Vec<f64>, level: f64, seed: u64 },
    /// The verdict of a duel.
    Duel { samples: Vec<Sample>, gates: Vec<DuelMetric>, threshold: f64, seed: u64 },
}

/// The answer to a question.
#[derive(Serialize)]
#[serde(untagged)]
enum Reply {
    SignFlip(SignFlip),
    P { p: f64 },
    Adjusted { p: Vec<f64> },
    Interval(Estimate),
    Verdict { verdict: Decision },
}

/// Runs the verb.
pub fn run() -> Result<Exit, Failure> {
    let fault = |error: std::io::Error| Failure::Error(format!("statistics: {error}"));
    let mut out = std::io::stdout().lock();
    for (number, line) in (1u64..).zip(std::io::stdin().lock().lines()) {
        let question: Question = serde_json::from_str(&line.map_err(fault)?).map_err(|error| {
            Failure::Usage(format!("standard input, line {number}: no question: {error}"))
        })?;
        let answer = serde_json::to_string(&question.answer())
            .map_err(|error| Failure::Error(format!("cannot encode an answer: {error}")))?;
        writeln!(out, "{answer}").map_err(fault)?;
    }
    Ok(Exit::Passed)
}

impl Question {
    fn answer(self) -> Reply {
        match self {
            Question::SignFlip { differences, seed } => {
                Reply::SignFlip(sign_flip(&differences, seed))
            }
            Question::MannWhitney { base, candidate } => {
                Reply::P { p: mann_whitney(&base, &candidate) }
            }
            Question::Holm { p } => Reply::Adjusted { p: holm(&p) },
            Question::Bootstrap { differences, level, seed } => {
                Reply::Interval(Bootstrap::new(&differences, seed).estimate(level))
            }
            Question::Unpaired { base, candidate, level, seed } => {
                Reply::Interval(Unpaired::new(&base, &candidate, seed).estimate(level))
            }
            Question::Duel { samples, gates, threshold, seed } => {
                let thresholds: BTreeMap<DuelMetric, f64> =
                    gates.iter().map(|metric| (*metric, threshold)).collect();
                let rules = Rules { thresholds, gates, limit: None, seed };
                Reply::Verdict { verdict: weigh(&samples, &[], &rules).verdict }
            }
        }
    }
}
