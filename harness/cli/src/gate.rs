//! The gates that `compare` and `replay` share: thresholds, strictness, output form and exit code.
//! They know no folder except that of a result.

mod simulation;

use std::path::Path;

use clap::{Args, ValueEnum};

use jwtbench_report::{comparison, comparison_markdown, shown};
use jwtbench_result::comparison::{
    Allowance, ComparedMetric, Comparison, ComparisonTerms, Matching, Thresholds,
};
use jwtbench_result::statistics::Decision;
use jwtbench_result::{RunResult, StoredForm};

use super::output::terminal_style;
use super::output::{OutputKind, RESULT, print};
use super::{Exit, Failure};

/// The terms of a comparison of two results.
#[derive(Args, Clone, Debug)]
pub struct Gate {
    /// Compare the results although they differ in this (repeatable, or with commas)
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    pub allow: Vec<Allow>,
    /// The metric that decides, as a ratio to the bound that took turns with the trial
    #[arg(long, value_enum, default_value_t = Primary::P50)]
    primary: Primary,
    /// What a metric may move by: METRIC=SOFT%, METRIC=SOFT%|HARD% or METRIC=|HARD% (repeatable)
    /// [default: 'p50=5%|25%', 'p99=|100%', 'throughput=|100%', 'bare=|200%']
    #[arg(long, value_name = "METRIC=SOFT%|HARD%")]
    threshold: Vec<String>,
    /// End with 6 if a trial is invalid, inconclusive or missing
    #[arg(long)]
    strict: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print Markdown, for a CI step summary
    #[arg(long)]
    markdown: bool,
}

/// The metrics that may decide a trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Primary {
    /// Median service time
    #[default]
    P50,
    /// CPU time per operation
    Cpu,
}

/// The aspects in which results may differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Allow {
    /// Arrivals, events, faults, load or corpus
    Plan,
    /// The seed
    Seed,
    /// CPU, cores or architecture
    Machine,
    /// The schema version of result.jsonl
    Version,
}

/// The failure for results that differ in what was not allowed.
fn unlike(differences: Vec<(Allowance, String)>) -> Failure {
    let mut kinds: Vec<String> = differences.iter().map(|(kind, _)| kind.to_string()).collect();
    kinds.dedup();
    let reasons: Vec<&str> = differences.iter().map(|(_, why)| why.as_str()).collect();
    let (reasons, kinds) = (reasons.join("; "), kinds.join(","));
    Failure::Usage(format!(
        "the results are not alike: {reasons}; measure both alike, or add --allow {kinds}"
    ))
}

impl From<Allow> for Allowance {
    fn from(allow: Allow) -> Allowance {
        match allow {
            Allow::Plan => Allowance::Plan,
            Allow::Seed => Allowance::Seed,
            Allow::Machine => Allowance::Machine,
            Allow::Version => Allowance::Version,
        }
    }
}

impl Gate {
    /// Reads the thresholds.
    pub fn thresholds(&self) -> Result<Thresholds, Failure> {
        let primary = match self.primary {
            Primary::P50 => ComparedMetric::P50,
            Primary::Cpu => ComparedMetric::Cpu,
        };
        let mut thresholds = Thresholds { primary, ..Thresholds::default() };
        for text in &self.threshold {
            let set = thresholds.set(text);
            set.map_err(|why| Failure::Usage(format!("--threshold {text}: {why}")))?;
        }
        Ok(thresholds)
    }

    /// Reads a result from its file, or from the folder that holds it.
    pub fn read(&self, path: &Path) -> Result<RunResult, Failure> {
        let inside = path.join(RESULT);
        let part = path.join(OutputKind::Run.part().1);
        if part.is_file() && !inside.exists() {
            let shown = path.display();
            return Err(Failure::Usage(format!(
                "{} is what was finished of a run that was cut short; `jwtbench report {shown} \
                 --out DIR` makes a partial result of it",
                part.display()
            )));
        }
        let path = if path.is_dir() { &inside } else { path };
        let any_version = self.allow.contains(&Allow::Version);
        Ok(if any_version { RunResult::read_any(path)? } else { RunResult::read(path)? })
    }

    /// Whether what comes of it is shown to a program alone.
    pub fn shows_no_words(&self) -> bool {
        self.json
    }

    /// Compares the candidate with the base, prints the comparison, and returns how the command
    /// ends.
    pub fn hold(
        &self,
        base: &RunResult,
        candidate: &RunResult,
        matching: Matching,
    ) -> Result<Exit, Failure> {
        let allowed = self.allow.iter().map(|allow| (*allow).into()).collect();
        let terms = ComparisonTerms { allowed, thresholds: self.thresholds()?, matching };
        let compared = Comparison::of(base, candidate, &terms).map_err(unlike)?;
        let text = match (self.json, self.markdown) {
            (true, _) => shown::json(&serde_json::to_string(&compared).unwrap_or_default()) + "\n",
            (_, true) => comparison_markdown(&compared),
            _ => comparison(&compared, terminal_style()),
        };
        print(&text);
        Ok(self.exit(&compared))
    }

    /// The exit of a comparison. A wrong verdict outranks the rest; next come trials that could not
    /// be judged.
    fn exit(&self, compared: &Comparison) -> Exit {
        let trials = &compared.trials;
        if compared.wrong > 0 {
            Exit::Wrong
        } else if compared.is_empty() || trials.iter().any(|trial| trial.broke) {
            Exit::Error
        } else if compared.outcome_is_worse()
            || trials.iter().any(|trial| trial.decision == Some(Decision::Regressed))
        {
            Exit::Regressed
        } else if trials.iter().any(|trial| !trial.newly_missed.is_empty()) {
            Exit::Missed
        } else if self.strict && compared.has_gaps() {
            Exit::Unproven
        } else {
            Exit::Passed
        }
    }
}
