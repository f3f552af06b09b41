//! Stored files that can be reported: a result, or the finished rows of a command that was cut
//! short.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use jwtbench_result::duel::Duels;
use jwtbench_result::record::part::{self, Cut};
use jwtbench_result::simulation::Simulation;
use jwtbench_result::{RunResult, StoredForm};

use crate::output::lock::was_begun;
use crate::output::{OutputKind, RESULT, SIMULATION, tell};
use crate::{Exit, Failure};

/// A file that can be reported.
pub struct StoredFile {
    /// The path of the file.
    pub path: PathBuf,
    /// The kind of output that it holds.
    pub kind: OutputKind,
    /// Whether it is the part of a command that was cut short.
    pub is_part: bool,
}

/// The exit after a stored file was rendered. The part of a command that finished nothing is shown,
/// but is an error.
pub fn rendered(stored: &StoredFile, is_empty: bool) -> Result<Exit, Failure> {
    if !(stored.is_part && is_empty) {
        return Ok(Exit::Passed);
    }
    Err(Failure::Error(format!(
        "{}: nothing is finished yet, or the command was ended before anything was; run it again \
         if it has ended",
        stored.path.display()
    )))
}

/// The kind that the header of a file names, whatever the file is called; `None` if it has none.
fn kind_within(path: &Path) -> Option<OutputKind> {
    let mut begin = Vec::new();
    File::open(path).ok()?.take(64).read_to_end(&mut begin).ok()?;
    let is_of = |kind: &OutputKind| {
        let (word, _) = kind.part();
        begin.starts_with(format!("{{\"of\":\"{word}\"").as_bytes())
    };
    OutputKind::ALL.into_iter().find(is_of)
}

impl StoredFile {
    /// Whether it is a simulation.
    pub fn is_simulation(&self) -> bool {
        self.kind == OutputKind::Simulation
    }

    /// Finds the file that a path means: the file itself, or the file in a folder. In a folder, a
    /// result takes precedence over a part.
    pub fn find(path: &Path) -> Result<StoredFile, Failure> {
        let whole = |kind: OutputKind, path: PathBuf| StoredFile { path, kind, is_part: false };
        if !path.is_dir() {
            let name = path.file_name().unwrap_or_default();
            let part = OutputKind::ALL.into_iter().find(|kind| name == kind.part().1);
            // The stored lines, or the single JSON object that `--format json` prints.
            let is_of = |kind: &OutputKind| {
                name == kind.result() || name == kind.result().trim_end_matches('l')
            };
            let known = OutputKind::ALL.into_iter().find(is_of);
            let kind = part.or(known).or_else(|| kind_within(path)).unwrap_or(OutputKind::Run);
            return Ok(StoredFile { is_part: part.is_some(), ..whole(kind, path.into()) });
        }
        if OutputKind::Run.is_of(path) && OutputKind::Simulation.is_of(path) {
            return Err(Failure::Usage(format!(
                "{0} holds a run and a simulation; name {0}/{RESULT} or {0}/{SIMULATION}",
                path.display()
            )));
        }
        let results = OutputKind::ALL.into_iter().map(|kind| whole(kind, path.join(kind.result())));
        let parts = OutputKind::ALL
            .into_iter()
            .map(|kind| StoredFile { is_part: true, ..whole(kind, path.join(kind.part().1)) });
        if let Some(found) = results.chain(parts).find(|stored| stored.path.is_file()) {
            return Ok(found);
        }
        if was_begun(path) {
            return Err(Failure::Error(format!(
                "{}: the command that began here is not yet at its first row, or was ended before; \
                 run it again",
                path.display()
            )));
        }
        Ok(whole(OutputKind::Run, path.join(RESULT)))
    }

    /// Reads the finished trials of a run.
    pub fn partial_run(&self) -> Result<RunResult, Failure> {
        let (result, cut) = RunResult::read_part(&self.path)?;
        self.tell(cut);
        Ok(result)
    }

    /// Reads a simulation, complete or not.
    pub fn simulation(&self) -> Result<Simulation, Failure> {
        if self.is_part {
            let (simulation, cut) = Simulation::read_part(&self.path)?;
            self.tell(cut);
            return Ok(simulation);
        }
        Ok(Simulation::read(&self.path)?)
    }

    /// Reads duels, complete or not.
    pub fn duels(&self) -> Result<Duels, Failure> {
        let shown = self.path.display();
        if self.is_part {
            let (duels, cut) = Duels::read_part(&self.path)?;
            self.tell(cut);
            return Ok(duels);
        }
        let part = self.path.with_file_name(OutputKind::Duel.part().1);
        if part.is_file() {
            tell(format!("{shown}: a duel that was cut short is in {}", part.display()));
        }
        Ok(Duels::read(&self.path)?)
    }

    fn tell(&self, cut: Cut) {
        let (shown, (word, _)) = (self.path.display(), self.kind.part());
        let Cut { done, planned, is_torn } = cut;
        tell(format!(
            "{shown}: a {word} that was cut short, or goes on: {done} of {planned} are \
             finished"
        ));
        if is_torn {
            tell(format!("{shown}: the last line was cut off, and is left out"));
        }
    }

    /// Prints a message if the folder also holds the part of a later run that was cut short.
    pub fn tell_part_beside(&self, result: &RunResult) {
        let part = self.path.with_file_name(self.kind.part().1);
        if !part.is_file() {
            return;
        }
        let head = part::read::<RunResult, serde::de::IgnoredAny>(&part, self.kind.part().0);
        // Times have a resolution of one second, so the commands are compared as well.
        let is_one = |head: &RunResult| {
            head.started_at == result.started_at && head.command == result.command
        };
        if !head.is_ok_and(|part| is_one(&part.head)) {
            tell(format!(
                "{} is from before a run that was cut short, or goes on; what that one \
                 had finished is in {}",
                self.path.display(),
                part.display()
            ));
        }
    }
}
