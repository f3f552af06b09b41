//! The folder a run writes to: refused before the run if it cannot be had, never overwritten
//! unasked, and each file whole or not at all.

use std::fs;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use jwtbench_engine::report::{self, shown};
use jwtbench_engine::result::simulation::Simulation;
use jwtbench_engine::result::{RunResult, histogram_log};

use super::Failure;
use super::lock::Lock;

/// A folder that this command alone writes to.
pub struct Output {
    folder: PathBuf,
    _lock: Option<Lock>,
}

/// The result in a folder.
pub const RESULT: &str = "result.json";
/// Its whole histograms.
pub const HISTOGRAMS: &str = "result.hlog";
/// A duel in a folder.
pub const DUEL: &str = "duel.json";
/// A simulation in a folder.
pub const SIMULATION: &str = "simulation.json";

/// Whose files are in a folder. No verb writes over those of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `run` and `replay`.
    Run,
    /// `duel`.
    Duel,
    /// `simulate`.
    Simulation,
}

impl Kind {
    const ALL: [Kind; 3] = [Kind::Run, Kind::Duel, Kind::Simulation];

    /// A file by which a folder of this kind is known, and what it holds in words.
    fn mark(self) -> (&'static str, &'static str) {
        match self {
            Kind::Run => ("summary.md", "the result of a run"),
            Kind::Duel => (DUEL, "a duel"),
            Kind::Simulation => (SIMULATION, "a simulation"),
        }
    }

    /// The file that has the figures.
    fn result(self) -> &'static str {
        match self {
            Kind::Run => RESULT,
            Kind::Duel => DUEL,
            Kind::Simulation => SIMULATION,
        }
    }

    /// Whether a folder is of this kind.
    pub fn is_of(self, folder: &Path) -> bool {
        folder.join(self.mark().0).is_file()
    }
}

impl Output {
    /// Makes sure of the folder. One that holds a result already is refused without `force`, one
    /// that another verb or another process writes to always.
    pub fn prepare(folder: PathBuf, force: bool, kind: Kind) -> Result<Output, Failure> {
        let refused =
            |reason: &str| Err(Failure::Usage(format!("--out {} {reason}", folder.display())));
        let mut others = Kind::ALL.into_iter().filter(|other| *other != kind);
        if let Some(other) = others.find(|other| other.is_of(&folder)) {
            let (_, held) = other.mark();
            return refused(&format!("holds {held}; choose another folder"));
        }
        if folder.join(kind.result()).exists() && !force {
            let held = if kind == Kind::Run { "a result" } else { kind.mark().1 };
            return refused(&format!(
                "holds {held} already; choose another folder, or add --force"
            ));
        }
        match fs::create_dir_all(&folder).and_then(|()| Lock::take(&folder)) {
            Ok(Some(lock)) => Ok(Output { folder, _lock: Some(lock) }),
            Ok(None) => refused("is being written by another jwtbench; choose another folder"),
            Err(error) => refused(&format!("cannot be written ({error}); choose another")),
        }
    }

    /// A new folder for a run that was told none: `reports/runs/` and the time.
    pub fn fresh(started_at: &str) -> Result<Output, Failure> {
        let first = default_folder(started_at);
        let failed = |error: io::Error| {
            let shown = first.display();
            Failure::Usage(format!("{shown} cannot be written ({error}); name a folder with --out"))
        };
        if let Some(runs) = first.parent() {
            fs::create_dir_all(runs).map_err(failed)?;
        }
        // Several may begin within one second.
        for number in 1u32.. {
            let folder = match number {
                1 => first.clone(),
                number => PathBuf::from(format!("{}-{number}", first.display())),
            };
            match fs::create_dir(&folder) {
                Ok(()) => return Output::prepare(folder, false, Kind::Run),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(failed(ErrorKind::AlreadyExists.into()))
    }

    /// Writes the result and its reports; the result first.
    pub fn write(&self, result: &RunResult) -> Result<(), Failure> {
        let json = serde_json::to_string(result)
            .map_err(|error| Failure::Error(format!("cannot encode the result: {error}")))?;
        self.put(RESULT, &(json + "\n"))?;
        self.put_histograms(result)?;
        self.put("summary.md", &report::markdown(result))?;
        self.put("index.html", &report::html(result))
    }

    /// Writes a simulation and its reports; the result first, and the rest from what is stored.
    pub fn write_simulation(&self, simulation: &Simulation) -> Result<(), Failure> {
        let text = encoded(simulation)?;
        self.put(SIMULATION, &format!("{text}\n"))?;
        let stored: Simulation = serde_json::from_str(&text)
            .map_err(|error| Failure::Error(format!("cannot read what was stored: {error}")))?;
        let simulation = &stored;
        self.put("simulation.md", &report::simulation_markdown(simulation))?;
        self.put("frontier.svg", &report::simulation_picture(simulation))?;
        self.put("index.html", &report::simulation_html(simulation))?;
        let pages = Output { folder: self.path("policies"), _lock: None };
        fs::create_dir_all(&pages.folder).map_err(|error| {
            Failure::Error(format!("cannot write {}: {error}", pages.folder.display()))
        })?;
        for note in &simulation.policies {
            let page = report::policy_markdown(simulation, note);
            pages.put(&format!("{}.md", note.name), &page)?;
        }
        Ok(())
    }

    /// The whole histograms, where any were kept; those of an overwritten result must not stay.
    fn put_histograms(&self, result: &RunResult) -> Result<(), Failure> {
        if result.has_histograms() {
            return self.put(HISTOGRAMS, &histogram_log::write(result));
        }
        let path = self.path(HISTOGRAMS);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Failure::Error(format!("cannot remove {}: {error}", path.display())))
            }
            _ => Ok(()),
        }
    }

    /// Writes one file under a passing name first. Names may come from a file of anybody's: one
    /// that leads elsewhere is refused.
    pub fn put(&self, name: &str, text: &str) -> Result<(), Failure> {
        let parts: Vec<Component<'_>> = Path::new(name).components().collect();
        if !matches!(parts.as_slice(), [Component::Normal(part)] if *part == name) {
            return Err(Failure::Usage(format!(
                "{name:?} is no name of a file; what was to be reported is not of jwtbench"
            )));
        }
        let path = self.folder.join(name);
        let passing = self.folder.join(format!(".{name}.{}.part", std::process::id()));
        fs::write(&passing, text)
            .and_then(|()| fs::rename(&passing, &path))
            .map_err(|error| Failure::Error(format!("cannot write {}: {error}", path.display())))
    }

    /// A file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// A simulation as JSON, in one line.
pub fn encoded(simulation: &Simulation) -> Result<String, Failure> {
    serde_json::to_string(simulation)
        .map_err(|error| Failure::Error(format!("cannot encode the simulation: {error}")))
}

/// Where a run goes unless told otherwise: `reports/runs/` and the time.
fn default_folder(started_at: &str) -> PathBuf {
    let stamp: String = started_at.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    Path::new("reports").join("runs").join(stamp)
}

/// Why standard output could not be written, the first time that it could not.
static UNWRITTEN: OnceLock<io::Error> = OnceLock::new();

/// Says something to the user on standard error, in what may be shown of it.
pub fn tell(message: impl std::fmt::Display) {
    eprintln!("jwtbench: {}", shown::lines(&message.to_string()));
}

/// Prints to standard output what may be shown of a text, and its colours. A reader that has gone
/// away (`| head`) is no fault; what else hinders it, [`unwritten`] tells at the end.
pub fn print(text: &str) {
    put_out(&shown::painted(text));
}

/// As [`print`], to the byte: for what another program reads. A terminal is shown what may be.
pub fn print_exact(text: &str) {
    match io::stdout().is_terminal() {
        true => print(text),
        false => put_out(text),
    }
}

fn put_out(text: &str) {
    let mut out = io::stdout();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if let Err(error) = written
        && error.kind() != ErrorKind::BrokenPipe
    {
        _ = UNWRITTEN.set(error);
    }
}

/// Why something that was to be printed is not, if so: whoever reads it has less than all.
pub fn unwritten() -> Option<&'static io::Error> {
    UNWRITTEN.get()
}
