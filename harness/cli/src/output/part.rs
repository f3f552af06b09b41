//! The part of a result: finished rows are written at once, to a file beside the result to come. A
//! killed command leaves this file, and `report` reads it.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

use serde::Serialize;

use jwtbench_result::RunResult;
use jwtbench_result::record::part::{Head, PART_VERSION, SimulationWritten, Written};
use jwtbench_result::simulation::Simulation;

use crate::Failure;
use crate::output::{Output, OutputKind, tell};

/// The file of a part.
pub struct PartFile {
    path: PathBuf,
    /// The open file; `None` once a row could not be written, since no row may follow a missing
    /// one.
    file: Option<File>,
    /// The length of the whole lines in bytes.
    whole: u64,
}

impl PartFile {
    /// Creates the part with everything that is known before the first row.
    ///
    /// # Errors
    /// If the file cannot be written; then nothing is measured.
    pub fn begin<T: Serialize>(
        output: &Output,
        kind: OutputKind,
        planned: Vec<String>,
        head: T,
    ) -> Result<PartFile, Failure> {
        let (of, name) = kind.part();
        let path = output.path(name);
        let head = Head { part_version: PART_VERSION, of: of.into(), planned, head };
        let begun = line(&head).and_then(|text| {
            let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
            let mut part = PartFile { path: path.clone(), file: Some(file), whole: 0 };
            part.append(&text)?;
            // The file's name is synced too, so that it survives a power failure.
            path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())?;
            Ok(part)
        });
        begun.map_err(|error| {
            _ = std::fs::remove_file(&path);
            let shown = path.display();
            Failure::Usage(format!("{shown} cannot be written ({error}); choose another --out"))
        })
    }

    /// Adds a finished row, which is on the disk before this returns. If it cannot be written, this
    /// is reported and the command continues.
    pub fn add(&mut self, row: &impl Serialize) {
        if self.file.is_none() {
            return;
        }
        if let Err(error) = line(row).and_then(|text| self.append(&text)) {
            if let Some(file) = self.file.take() {
                // The rest of the line would be reported as torn.
                _ = file.set_len(self.whole);
            }
            let shown = self.path.display();
            tell(format!(
                "cannot write {shown}: {error}; the command goes on, and what it finds \
                 from now on is lost if it is killed"
            ));
        }
    }

    fn append(&mut self, text: &str) -> io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        self.whole += text.len() as u64;
        Ok(())
    }
}

/// The value as one line of JSON, with its line end.
fn line(value: &impl Serialize) -> io::Result<String> {
    Ok(serde_json::to_string(value)? + "\n")
}

/// The part of a run, with a record of how much of the result it holds.
pub struct RunPart {
    part: PartFile,
    written: Written,
}

impl RunPart {
    /// Creates the part with a result that holds no trial yet.
    ///
    /// # Errors
    /// Those of [`PartFile::begin`].
    pub fn begin(
        output: &Output,
        planned: Vec<String>,
        head: &RunResult,
    ) -> Result<RunPart, Failure> {
        let part = PartFile::begin(output, OutputKind::Run, planned, head)?;
        Ok(RunPart { part, written: Written::default() })
    }

    /// Adds what is new in the result since the last call.
    pub fn add(&mut self, result: &RunResult) {
        if let Some(row) = self.written.more(result) {
            self.part.add(&row);
        }
    }
}

/// The part of a simulation, with a record of how much of the simulation it holds.
pub struct SimulationPart {
    part: PartFile,
    written: SimulationWritten,
}

impl SimulationPart {
    /// Creates the part with a simulation that holds no row yet.
    ///
    /// # Errors
    /// Those of [`PartFile::begin`].
    pub fn begin(
        output: &Output,
        planned: Vec<String>,
        head: &Simulation,
    ) -> Result<SimulationPart, Failure> {
        let part = PartFile::begin(output, OutputKind::Simulation, planned, head)?;
        Ok(SimulationPart { part, written: SimulationWritten::default() })
    }

    /// Adds what is new in the simulation since the last call.
    pub fn add(&mut self, simulation: &Simulation) {
        if let Some(row) = self.written.more(simulation) {
            self.part.add(&row);
        }
    }
}
