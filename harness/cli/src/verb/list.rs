//! `list`: shows the scenarios, contenders, cache policies, state strategies and token classes to
//! choose from.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use serde::Serialize;

use jwtbench_engine::contender::{ContenderSpec, Optional};
use jwtbench_engine::judge::judgement::spell;
use jwtbench_report::{filled, shown};
use jwtbench_result::record::standing::{Standing, legend};
use jwtbench_scenario::Scenario;
use jwtbench_scenario::catalogue::source::Source;
use jwtbench_scenario::format::cache::{About, Preset, read_preset};
use jwtbench_scenario::format::state::{StatePreset, StatePresets};
use jwtbench_scenario::token::class::Class;

use crate::flag::filter::Filter;
use crate::flag::origin::OriginArgs;
use crate::output::terminal_style;
use crate::output::{print, tell};
use crate::{Exit, Failure};

/// Show scenarios, contenders, cache policies, state strategies and token classes.
#[derive(ClapArgs, Clone, Debug)]
#[command(after_help = "Examples:\n  \
    jwtbench list\n  \
    jwtbench list 'outage/*' --json\n  \
    jwtbench list --write mine             every shipped file, to start from")]
pub struct Args {
    /// Scenarios: names, globs such as 'rotation/*', families, or paths of .toml files
    scenarios: Vec<String>,
    #[command(flatten)]
    origin: OriginArgs,
    #[command(flatten)]
    filter: Filter,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Write every shipped scenario, cache policy and state strategy into this new folder instead
    #[arg(long, value_name = "DIR", conflicts_with_all = ["scenarios", "scenarios-folder", "json"])]
    write: Option<PathBuf>,
}

#[derive(Serialize)]
struct Listing {
    scenarios: Vec<ScenarioLine>,
    contenders: Vec<ContenderLine>,
    contenders_of_other_builds: Vec<FeatureLine>,
    cache_policies: Vec<PresetLine>,
    state_strategies: Vec<PresetLine>,
    token_classes: Vec<ClassLine>,
}

#[derive(Serialize)]
struct ScenarioLine {
    name: String,
    title: String,
    canonical: bool,
    dynamic: bool,
    algorithms: Vec<&'static str>,
}

impl ScenarioLine {
    fn of(scenario: &Scenario, filter: &Filter) -> ScenarioLine {
        let algorithms = filter.algorithms(&scenario.algorithms).into_iter();
        ScenarioLine {
            dynamic: scenario.is_dynamic(),
            algorithms: algorithms.map(|algorithm| algorithm.name()).collect(),
            name: scenario.name.clone(),
            title: scenario.title.clone(),
            canonical: scenario.canonical,
        }
    }
}

#[derive(Serialize)]
struct ContenderLine {
    name: String,
    version: String,
    judges: bool,
    key_cache: bool,
}

#[derive(Serialize)]
struct FeatureLine {
    name: &'static str,
    feature: &'static str,
}

#[derive(Serialize)]
struct PresetLine {
    name: String,
    title: Option<String>,
    differs: Option<String>,
    checked: Option<String>,
}

impl PresetLine {
    fn of(name: String, about: Option<About>) -> PresetLine {
        match about {
            None => PresetLine { name, title: None, differs: None, checked: None },
            Some(About { title, differs, checked, .. }) => {
                PresetLine { name, title: Some(title), differs, checked }
            }
        }
    }

    fn standing(&self) -> Standing<'_> {
        Standing::of(self.differs.as_deref(), self.checked.as_deref())
    }
}

#[derive(Serialize)]
struct ClassLine {
    name: &'static str,
    due: &'static str,
    forged: bool,
    about: &'static str,
}

/// Runs the verb.
pub fn run(args: Args) -> Result<Exit, Failure> {
    if let Some(folder) = &args.write {
        return write(folder);
    }
    let library = args.origin.library(false)?;
    let (mut scenarios, mut faults) = (Vec::new(), Vec::new());
    for scenario in library.each(&args.scenarios)? {
        match scenario {
            Ok(scenario) => scenarios.push(scenario),
            Err(fault) => faults.push(fault.to_string()),
        }
    }
    let scenarios = scenarios.iter().map(|scenario| ScenarioLine::of(scenario, &args.filter));
    let contender = |spec: ContenderSpec| ContenderLine {
        name: spec.to_string(),
        version: spec.version(),
        judges: spec.judges(),
        key_cache: spec.has_key_cache(),
    };
    let class = |class: Class| {
        let row = class.row();
        let due = spell(row.due.map_or(Ok(()), Err));
        ClassLine { name: row.name, due, forged: row.forged, about: row.about }
    };
    let contenders = match args.filter.contender.is_empty() {
        true => ContenderSpec::known(),
        false => args.filter.contenders()?,
    };
    let presets = library.presets();
    let mut cache_policies = Vec::new();
    // A faulty preset does not fail a command that asks only for scenarios.
    let (mut told, is_asked) = (Vec::new(), args.scenarios.is_empty());
    for name in presets.names() {
        match read_preset(&presets, &name) {
            Ok(Preset { name, about, .. }) => cache_policies.push(PresetLine::of(name, about)),
            Err(fault) if is_asked => faults.push(fault),
            Err(fault) => told.push(fault),
        }
    }
    let (state_strategies, unread) = strategies(&library.strategies());
    if is_asked { &mut faults } else { &mut told }.extend(unread);
    let listing = Listing {
        scenarios: scenarios.collect(),
        contenders: contenders.into_iter().map(contender).collect(),
        contenders_of_other_builds: Optional::missing()
            .filter(|optional| args.filter.has_contender(optional.name))
            .map(|optional| FeatureLine { name: optional.name, feature: optional.feature })
            .collect(),
        cache_policies,
        state_strategies,
        token_classes: Class::all().map(class).collect(),
    };
    let text = match args.json {
        true => shown::json(&serde_json::to_string_pretty(&listing).unwrap_or_default()) + "\n",
        false => shown::lines(&listing.text(terminal_style().width)),
    };
    print(&text);
    // Scenarios and presets that can be read are listed nevertheless.
    for fault in faults.iter().chain(&told) {
        tell(fault);
    }
    Ok(if faults.is_empty() { Exit::Passed } else { Exit::Usage })
}

/// The state strategies, and the faults of those that cannot be read.
fn strategies(known: &StatePresets) -> (Vec<PresetLine>, Vec<String>) {
    let (mut lines, mut faults) = (Vec::new(), Vec::new());
    for name in known.names() {
        match known.read(&name) {
            Ok(StatePreset { name, about, .. }) => lines.push(PresetLine::of(name, about)),
            Err(fault) => faults.push(fault),
        }
    }
    (lines, faults)
}

/// Writes every shipped file, for users to start from.
fn write(folder: &Path) -> Result<Exit, Failure> {
    let shown = folder.display();
    if folder.exists() {
        return Err(Failure::Usage(format!("--write {shown} is there already; name a new folder")));
    }
    for (path, text) in Source::shipped() {
        let path = folder.join(path);
        let written = path.parent().map_or(Ok(()), fs::create_dir_all);
        written
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| Failure::Error(format!("cannot write {}: {error}", path.display())))?;
    }
    let count = Source::shipped().len();
    print(&format!("{count} files in {shown}; --scenarios {shown} uses them\n"));
    Ok(Exit::Passed)
}

impl Listing {
    /// The listing as text, wrapped at a width in columns.
    fn text(&self, width: usize) -> String {
        let mut out = "Scenarios (* in the canonical workload, ~ dynamic)\n".to_owned();
        for line in &self.scenarios {
            let marks = [(line.canonical, '*'), (line.dynamic, '~')];
            let marks: String =
                marks.iter().map(|(on, mark)| if *on { *mark } else { ' ' }).collect();
            out += &filled(&format!("  {marks} {:<38} ", line.name), &line.title, width);
        }
        out += "\nContenders\n";
        for line in &self.contenders {
            out += &filled(&format!("     {:<26} ", line.name), &line.version, width);
        }
        for line in &self.contenders_of_other_builds {
            let remedy = format!("not in this build: --features {}", line.feature);
            out += &filled(&format!("     {:<26} ", line.name), &remedy, width);
        }
        let kinds = [
            ("Cache policies", &self.cache_policies),
            ("State strategies", &self.state_strategies),
        ];
        for (kind, presets) in kinds {
            out += &format!("\n{kind}\n");
            for line in presets {
                let (name, title) = (&line.name, line.title.as_deref().unwrap_or_default());
                let mark = line.standing().mark().unwrap_or(' ');
                out += &filled(&format!("  {mark}  {name:<31} "), title, width);
            }
            let lines = presets.iter();
            for line in legend(lines.map(|line| (line.name.as_str(), line.standing()))) {
                out += &filled("     ", &line, width);
            }
        }
        out += "\nToken classes (code due)\n";
        for line in &self.token_classes {
            out += &filled(&format!("     {:<20} {:<24} ", line.name, line.due), line.about, width);
        }
        out
    }
}
