//! `report`: render a stored result again, in any form. Nothing is measured.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use globset::Glob;

use crate::report::{html, markdown, picture, ranking_table, terminal};
use crate::result::RunResult;

use super::filter::Filter;
use super::output::{Output, RESULT, print};
use super::run::terminal_style;
use super::{Exit, Failure};

/// Render a stored result again, in any form.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    jwtbench report reports/runs/X                       the summary on the terminal\n  \
    jwtbench report reports/runs/X --format html > x.html\n  \
    jwtbench report X/result.json --scenario 'rotation/*' --out rotation-only\n  \
    jwtbench report --schema                             the JSON Schema of result.json")]
pub struct Args {
    /// A result.json, or the folder it is in
    #[arg(required_unless_present = "schema")]
    result: Option<PathBuf>,
    /// Only scenarios whose name matches this glob (repeatable)
    #[arg(long, value_name = "GLOB")]
    scenario: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// The form to print
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    format: Format,
    /// Write result.json, summary.md and index.html to this folder instead
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Overwrite a result in --out
    #[arg(long)]
    force: bool,
    /// Print the JSON Schema of result.json
    #[arg(long)]
    schema: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For a terminal
    Terminal,
    /// For a CI step summary
    Markdown,
    /// The ranking alone, as a Markdown table
    Ranking,
    /// The ranking alone, as an SVG picture
    Picture,
    /// The machine in one line
    Machine,
    /// One self-contained page
    Html,
    /// The result itself, filtered
    Json,
}

/// Runs the verb.
pub fn run(args: Args) -> Result<Exit, Failure> {
    if args.schema {
        print(&RunResult::schema());
        return Ok(Exit::Passed);
    }
    let path = args.result.clone().unwrap_or_default();
    let path = if path.is_dir() { path.join(RESULT) } else { path };
    let result = args.filtered(RunResult::read(&path)?)?;
    if let Some(folder) = &args.out {
        let output = Output::prepare(folder.clone(), args.force)?;
        output.write(&result)?;
        print(&format!("Report   {}\n", output.path("index.html").display()));
        return Ok(Exit::Passed);
    }
    let text = match args.format {
        Format::Terminal => terminal(&result, terminal_style()),
        Format::Markdown => markdown(&result),
        Format::Ranking => ranking_table(&result),
        Format::Picture => picture(&result),
        Format::Machine => origin(&result) + "\n",
        Format::Html => html(&result),
        Format::Json => serde_json::to_string(&result).unwrap_or_default() + "\n",
    };
    print(&text);
    Ok(Exit::Passed)
}

impl Args {
    fn filtered(&self, mut result: RunResult) -> Result<RunResult, Failure> {
        let mut globs = Vec::new();
        for pattern in &self.scenario {
            for text in [pattern.clone(), format!("{}/*", pattern.trim_end_matches('/'))] {
                let glob = Glob::new(&text)
                    .map_err(|error| Failure::Usage(format!("--scenario {pattern}: {error}")))?;
                globs.push(glob.compile_matcher());
            }
        }
        let wanted = |name: &str| globs.is_empty() || globs.iter().any(|glob| glob.is_match(name));
        result.scenarios.retain(|scenario| wanted(&scenario.name));
        let was_empty = result.measurements.is_empty();
        result.measurements.retain(|measurement| {
            wanted(&measurement.scenario)
                && self.filter.has_contender(&measurement.contender)
                && self.filter.has_algorithm(&measurement.algorithm)
        });
        result.capacities.retain(|capacity| {
            wanted(&capacity.scenario)
                && self.filter.has_contender(&capacity.contender)
                && self.filter.has_algorithm(&capacity.algorithm)
        });
        result
            .rate_bases
            .retain(|basis| wanted(&basis.scenario) && self.filter.has_algorithm(&basis.algorithm));
        if result.measurements.is_empty() && !was_empty {
            return Err(Failure::Usage("the filters leave nothing of this result".into()));
        }
        Ok(result)
    }
}

/// Where and when a result comes from, in one line.
fn origin(result: &RunResult) -> String {
    let machine = &result.machine;
    let day = result.started_at.split('T').next().unwrap_or_default();
    let kind = if machine.virtualised { "virtual machine, " } else { "" };
    let (cpu, cores, seed) = (&machine.cpu, machine.cores, result.seed);
    format!("{kind}{cpu}, {cores} cores, {day}, seed {seed}")
}
