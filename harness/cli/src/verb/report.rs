//! `report`: renders a stored result again, in any form. Nothing is measured.

use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, ValueEnum};

use jwtbench_report::{
    Direction, Export, answer_list, bencher, csv, duel_markdown, duel_terminal, github_action,
    hgrm, html, junit, markdown, opentelemetry, percentile_tables, picture, prometheus,
    ranking_table, shown, simulation_html, simulation_junit, simulation_markdown,
    simulation_picture, simulation_terminal, terminal,
};
use jwtbench_result::latency::histogram_log;
use jwtbench_result::{RunResult, StoredForm};

use crate::flag::filter::{Filter, ScenarioFilter};
use crate::output::stored::{StoredFile, rendered};
use crate::output::terminal_style;
use crate::output::{
    HISTOGRAMS, Output, OutputKind, encoded, print, print_exact, tell, tell_missing,
};
use crate::{Exit, Failure};

/// Render a stored result again, in any form.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    jwtbench report reports/runs/X                       the summary on the terminal\n  \
    jwtbench report reports/runs/X --format html > x.html\n  \
    jwtbench report X/result.jsonl --scenario 'rotation/*' --out rotation-only\n  \
    jwtbench report reports/runs/X --format junit > junit.xml\n  \
    jwtbench report reports/runs/X --format hgrm --out tables\n  \
    jwtbench report reports/reference --format prometheus > jwtbench.prom\n  \
    jwtbench report reports/simulation --format html     a simulation; or junit, for CI\n  \
    jwtbench report --schema=duel                        the JSON Schema of duels")]
pub struct Args {
    /// A result.jsonl, simulation.jsonl or duel.jsonl, or the folder it is in; if a command was
    /// killed there, what it had finished
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
    /// Write to this folder instead: result.jsonl with its reports, or the files of a --format
    /// that other tools read
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Overwrite a result in --out
    #[arg(long)]
    force: bool,
    /// Print the JSON Schema of what --format json gives of a run, a simulation or a duel
    #[arg(
        long,
        value_enum,
        value_name = "KIND",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "run"
    )]
    schema: Option<OutputKind>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For a terminal
    Terminal,
    /// For a CI step summary
    Markdown,
    /// The ranking alone, as a Markdown table
    Ranking,
    /// The answers alone, as a Markdown list
    Answers,
    /// The ranking alone, as an SVG picture
    Picture,
    /// The machine in one line
    Machine,
    /// One self-contained page
    Html,
    /// The result itself, filtered
    Json,
    /// For spreadsheets: percentiles of every row, in nanoseconds
    Csv,
    /// For CI: a case per trial
    Junit,
    /// For HdrHistogram plotters: percentile tables, in microseconds
    Hgrm,
    /// For HdrHistogram readers: the whole histograms, an interval log in nanoseconds
    Hlog,
    /// For OpenTelemetry collectors: OTLP JSON lines with exponential histograms, in seconds
    Opentelemetry,
    /// For Prometheus: text exposition with histograms, in seconds
    Prometheus,
    /// For Bencher: Bencher Metric Format
    Bencher,
    /// For github-action-benchmark: its customSmallerIsBetter
    GithubActionBenchmark,
    /// For github-action-benchmark, where more is better: its customBiggerIsBetter
    GithubActionBenchmarkBigger,
}

impl Format {
    fn needs_histograms(self) -> bool {
        use Format::{Hgrm, Hlog, Opentelemetry, Prometheus};
        matches!(self, Hgrm | Hlog | Opentelemetry | Prometheus)
    }

    /// Why nothing comes out in this form, which is no success.
    fn nothing(self) -> Failure {
        Failure::Error(match self {
            Format::Hgrm => {
                "no latencies: no trial of this result has figures for this form".to_owned()
            }
            Format::Ranking | Format::Answers | Format::Picture => format!(
                "no {}: this result has no hot-path scenario with figures of a contender and of \
                 its bound; measure one together with raw:*",
                match self {
                    Format::Ranking => "ranking",
                    Format::Answers => "answers",
                    _ => "picture",
                }
            ),
            _ => "nothing of this result has this form".to_owned(),
        })
    }

    /// The name of the file and the text of a form that holds only figures which stand alone;
    /// `None` for other forms. Bounds are those of the whole result.
    fn export(self, shown: &RunResult, whole: &RunResult) -> Option<(&'static str, Export)> {
        let benchmark = |direction| github_action(shown, whole, direction);
        Some(match self {
            Format::Opentelemetry => ("metrics.jsonl", opentelemetry(shown, whole)),
            Format::Prometheus => ("metrics.prom", prometheus(shown, whole)),
            Format::Bencher => ("bencher.json", bencher(shown, whole)),
            Format::GithubActionBenchmark => {
                ("smaller-is-better.json", benchmark(Direction::Smaller))
            }
            Format::GithubActionBenchmarkBigger => {
                ("bigger-is-better.json", benchmark(Direction::Bigger))
            }
            _ => return None,
        })
    }
}

/// Runs the verb.
pub fn run(args: Args) -> Result<Exit, Failure> {
    if let Some(kind) = args.schema {
        print(match kind {
            OutputKind::Run => include_str!("../../schemas/run.schema.json"),
            OutputKind::Simulation => include_str!("../../schemas/simulation.schema.json"),
            OutputKind::Duel => include_str!("../../schemas/duel.schema.json"),
        });
        return Ok(Exit::Passed);
    }
    let found = StoredFile::find(&args.result.clone().unwrap_or_default())?;
    match found.kind {
        OutputKind::Simulation => return args.render(&found),
        OutputKind::Duel => return args.render_duels(&found),
        OutputKind::Run => {}
    }
    let whole = args.read(&found)?;
    let is_empty = whole.measurements.is_empty() && whole.capacities.is_empty();
    let result = args.filtered(whole.clone())?;
    if let Some((file, export)) = args.format.export(&result, &whole) {
        return args.hand_on(file, &export);
    }
    if let Some(folder) = &args.out {
        args.write(&result, folder)?;
        return rendered(&found, is_empty);
    }
    let text = match args.format {
        Format::Terminal => terminal(&result, terminal_style()),
        Format::Markdown => markdown(&result),
        Format::Ranking => ranking_table(&result),
        Format::Answers => answer_list(&result),
        Format::Picture => picture(&result),
        Format::Machine => shown::line(&origin(&result)) + "\n",
        Format::Html => html(&result),
        Format::Json => shown::json(&serde_json::to_string(&result).unwrap_or_default()) + "\n",
        Format::Csv => csv(&result),
        Format::Junit => junit(&result),
        Format::Hgrm => hgrm(&result),
        Format::Hlog => histogram_log::write(&result),
        // These forms were handled above.
        Format::Opentelemetry
        | Format::Prometheus
        | Format::Bencher
        | Format::GithubActionBenchmark
        | Format::GithubActionBenchmarkBigger => String::new(),
    };
    if text.is_empty() {
        return Err(args.format.nothing());
    }
    match args.format {
        Format::Csv | Format::Hgrm | Format::Hlog => print_exact(&text),
        _ => print(&text),
    }
    rendered(&found, is_empty)
}

impl Args {
    /// Renders a stored simulation.
    fn render(&self, stored: &StoredFile) -> Result<Exit, Failure> {
        let shown = stored.path.display();
        let simulation = stored.simulation()?;
        if let Some(folder) = &self.out {
            let output = Output::prepare(folder.clone(), self.force, OutputKind::Simulation)?;
            output.write_simulation(&simulation)?;
            print(&format!("Report   {}\n", output.path("index.html").display()));
            return rendered(stored, simulation.rows.is_empty());
        }
        let text = match self.format {
            Format::Terminal => simulation_terminal(&simulation, terminal_style()),
            Format::Markdown => simulation_markdown(&simulation),
            Format::Picture => simulation_picture(&simulation),
            Format::Html => simulation_html(&simulation),
            Format::Junit => simulation_junit(&simulation),
            Format::Json => shown::json(&encoded(&simulation)?) + "\n",
            _ => {
                let message = format!(
                    "{shown} is a simulation, which has no such form; use terminal, markdown, \
                     picture, html, junit or json"
                );
                return Err(Failure::Usage(message));
            }
        };
        if text.is_empty() {
            let message = "no picture: no row of this simulation has both of its axes";
            return Err(Failure::Error(message.into()));
        }
        print(&text);
        rendered(stored, simulation.rows.is_empty())
    }

    /// Prints or writes a form for another program, and reports what it leaves out.
    fn hand_on(&self, file: &str, export: &Export) -> Result<Exit, Failure> {
        if export.trials == 0 {
            let why = export.left_out.join("; ");
            let why = if why.is_empty() { "it holds no trial" } else { &why };
            return Err(Failure::Error(format!("nothing of this result can be handed on: {why}")));
        }
        for line in &export.left_out {
            tell(line);
        }
        let Some(folder) = &self.out else {
            print_exact(&export.text);
            return Ok(Exit::Passed);
        };
        let output = Output::prepare_for(folder.clone(), self.force, OutputKind::Run, &[file])?;
        output.put(file, &export.text)?;
        print(&format!("Report   {}\n", output.path(file).display()));
        Ok(Exit::Passed)
    }

    /// Renders stored duels.
    fn render_duels(&self, stored: &StoredFile) -> Result<Exit, Failure> {
        let duels = stored.duels()?;
        let json = || {
            let encoded = match duels.duels.as_slice() {
                [duel] => serde_json::to_string(duel),
                duels => serde_json::to_string(duels),
            };
            encoded.map_err(|error| Failure::Error(format!("cannot encode the duels: {error}")))
        };
        if let Some(folder) = &self.out {
            let output = Output::prepare(folder.clone(), self.force, OutputKind::Duel)?;
            output.write_duels(&duels)?;
            print(&format!("Report   {}\n", output.path("duel.md").display()));
            return rendered(stored, duels.duels.is_empty());
        }
        print(&match self.format {
            Format::Terminal => duel_terminal(&duels, terminal_style()),
            Format::Markdown => duel_markdown(&duels),
            Format::Json => {
                tell_missing(&duels);
                shown::json(&json()?) + "\n"
            }
            _ => {
                let shown = stored.path.display();
                let message = format!(
                    "{shown} is a duel, which has no such form; use terminal, markdown or json"
                );
                return Err(Failure::Usage(message));
            }
        });
        rendered(stored, duels.duels.is_empty())
    }

    /// Reads the result. Its whole histograms are included if the form needs them, or if a copy
    /// should have them.
    fn read(&self, stored: &StoredFile) -> Result<RunResult, Failure> {
        if stored.is_part {
            return stored.partial_run();
        }
        let path = &stored.path;
        let mut result = RunResult::read(path)?;
        stored.tell_part_beside(&result);
        let log = histogram_log::beside(path);
        if self.format.needs_histograms() && result.partial && !result.has_latencies() {
            let shown = path.display();
            let message = format!("{shown} has no latencies: it was ended before its first round");
            return Err(Failure::Error(message));
        }
        if self.format.needs_histograms() || (self.out.is_some() && log.exists()) {
            histogram_log::attach(&mut result, &log)
                .map_err(|error| Failure::Usage(error.to_string()))?;
        }
        Ok(result)
    }

    /// Writes the files of the form into a folder.
    fn write(&self, result: &RunResult, folder: &Path) -> Result<(), Failure> {
        let files: Vec<(String, String)> = match self.format {
            Format::Csv => vec![("result.csv".into(), csv(result))],
            Format::Junit => vec![("junit.xml".into(), junit(result))],
            Format::Hlog => vec![(HISTOGRAMS.into(), histogram_log::write(result))],
            Format::Hgrm => {
                percentile_tables(result).into_iter().map(|t| (t.file, t.text)).collect()
            }
            _ => {
                let output = Output::prepare(folder.into(), self.force, OutputKind::Run)?;
                output.write(result)?;
                print(&format!("Report   {}\n", output.path("index.html").display()));
                return Ok(());
            }
        };
        if files.iter().all(|(_, text)| text.is_empty()) {
            return Err(self.format.nothing());
        }
        let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
        let output = Output::prepare_for(folder.into(), self.force, OutputKind::Run, &names)?;
        for (name, text) in &files {
            output.put(name, text)?;
        }
        match files.as_slice() {
            [(name, _)] => print(&format!("Report   {}\n", output.path(name).display())),
            files => {
                print(&format!("Report   {} files in {}\n", files.len(), output.path("").display()))
            }
        }
        Ok(())
    }

    fn filtered(&self, mut result: RunResult) -> Result<RunResult, Failure> {
        let scenarios = ScenarioFilter::of(&self.scenario)?;
        let wanted = |name: &str| scenarios.has(name);
        result.scenarios.retain(|scenario| wanted(&scenario.name));
        let was_empty = result.measurements.is_empty();
        let names = result.measurements.iter().map(|one| one.contender.as_str());
        let meant = self.filter.meant(names);
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
            let message = format!("the filters leave nothing of this result{meant}");
            return Err(Failure::Usage(message));
        }
        Ok(result)
    }
}

/// A line that says where and when a result was made.
fn origin(result: &RunResult) -> String {
    let machine = &result.machine;
    let day = result.started_at.split('T').next().unwrap_or_default();
    let kind = if machine.virtualised { "virtual machine, " } else { "" };
    let (cpu, cores, seed) = (&machine.cpu, machine.cores, result.seed);
    format!("{kind}{cpu}, {cores} cores, {day}, seed {seed}")
}
