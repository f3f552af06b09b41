//! What is finished is written at once: a file beside the result to come, that a killed command
//! leaves and `report` reads.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

use serde::Serialize;

use jwtbench_result::RunResult;
use jwtbench_result::record::part::{Head, PART_VERSION, SimulationWritten, Written};
use jwtbench_result::simulation::Simulation;

use crate::Failure;
use crate::output::{Output, OutputKind, tell};

/// The part of a result in a folder.
pub struct PartFile {
    path: PathBuf,
    /// `None` once a row could not be written: none follows on one that is missing.
    file: Option<File>,
    /// Bytes of whole lines.
    whole: u64,
}

impl PartFile {
    /// Begins it with everything that is known before the first row.
    ///
    /// # Errors
    /// If the folder takes no more: nothing is measured then.
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
            // The name too, so that it is found after the power went.
            path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())?;
            Ok(part)
        });
        begun.map_err(|error| {
            _ = std::fs::remove_file(&path);
            let shown = path.display();
            Failure::Usage(format!("{shown} cannot be written ({error}); choose another --out"))
        })
    }

    /// Adds what was finished, on the disk before this returns. One that cannot be written is told,
    /// and the command goes on.
    pub fn add(&mut self, row: &impl Serialize) {
        if self.file.is_none() {
            return;
        }
        if let Err(error) = line(row).and_then(|text| self.append(&text)) {
            if let Some(file) = self.file.take() {
                // What is left of the line would be told as torn.
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

/// A line of JSON with its end.
fn line(value: &impl Serialize) -> io::Result<String> {
    Ok(serde_json::to_string(value)? + "\n")
}

/// The part of a run, and how much of the result is in it.
pub struct RunPart {
    part: PartFile,
    written: Written,
}

impl RunPart {
    /// Begins it with a result that holds no trial yet.
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

    /// Adds what has come to the result since.
    pub fn add(&mut self, result: &RunResult) {
        if let Some(row) = self.written.more(result) {
            self.part.add(&row);
        }
    }
}

/// The part of a simulation, and how much of it is there.
pub struct SimulationPart {
    part: PartFile,
    written: SimulationWritten,
}

impl SimulationPart {
    /// Begins it with a simulation that holds no row yet.
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

    /// Adds what has come to the simulation since.
    pub fn add(&mut self, simulation: &Simulation) {
        if let Some(row) = self.written.more(simulation) {
            self.part.add(&row);
        }
    }
}
