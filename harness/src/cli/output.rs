//! The folder a run writes to: refused before the run if it cannot be had, never overwritten
//! unasked, and each file whole or not at all.

use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::report;
use crate::result::simulation::Simulation;
use crate::result::{RunResult, histogram_log};

use super::Failure;

/// A folder that can be written to.
pub struct Output {
    folder: PathBuf,
}

/// The result in a folder.
pub const RESULT: &str = "result.json";
/// Its whole histograms.
pub const HISTOGRAMS: &str = "result.hlog";
/// A simulation in a folder.
pub const SIMULATION: &str = "simulation.json";

impl Output {
    /// Makes sure of the folder. One that holds a result already is refused without `force`.
    pub fn prepare(folder: PathBuf, force: bool) -> Result<Output, Failure> {
        let shown = folder.display();
        if folder.join(RESULT).exists() && !force {
            return Err(Failure::Usage(format!(
                "--out {shown} holds a result already; choose another folder, or add --force"
            )));
        }
        let writable = fs::create_dir_all(&folder).and_then(|()| {
            let probe = folder.join(".jwtbench-probe");
            fs::write(&probe, b"")?;
            fs::remove_file(&probe)
        });
        writable.map_err(|error| {
            Failure::Usage(format!("--out {shown} cannot be written ({error}); choose another"))
        })?;
        Ok(Output { folder })
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
        let pages = Output::prepare(self.path("policies"), true)?;
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

    /// Writes one file under a passing name first.
    pub fn put(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.folder.join(name);
        let passing = self.folder.join(format!(".{name}.part"));
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
pub fn default_folder(started_at: &str) -> PathBuf {
    let stamp: String = started_at.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    Path::new("reports").join("runs").join(stamp)
}

/// Why standard output could not be written, the first time that it could not.
static UNWRITTEN: OnceLock<io::Error> = OnceLock::new();

/// Prints to standard output. A reader that has gone away (`| head`) is no fault; what else hinders
/// it, [`unwritten`] tells once the command is at its end.
pub fn print(text: &str) {
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
