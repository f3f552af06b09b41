//! The folder that a command writes to. It is refused before the work if it cannot be written, and
//! never overwritten without `--force`. Each file is written whole or not at all.

pub(crate) mod lock;
pub(crate) mod part;
pub(crate) mod stored;
use std::fs;
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use jwtbench_engine::real::clock::utc_now;
use jwtbench_report::{self as report, TerminalStyle, shown};
use jwtbench_result::duel::Duels;
use jwtbench_result::latency::histogram_log;
use jwtbench_result::record::part::{has_rows, is_head};
use jwtbench_result::simulation::{PolicyNote, Simulation};
use jwtbench_result::{RunResult, StoredForm};

use crate::output::lock::Lock;

use super::{Exit, Failure};

/// A folder that only this command writes to.
pub struct Output {
    folder: PathBuf,
    force: bool,
    _lock: Option<Lock>,
}

/// The file name of a result.
pub const RESULT: &str = "result.jsonl";
/// The file name of a result's whole histograms.
pub const HISTOGRAMS: &str = "result.hlog";
/// The file name of duels.
pub const DUEL: &str = "duel.jsonl";
/// The file name of a simulation.
pub const SIMULATION: &str = "simulation.jsonl";

/// The kind of output that a folder holds. No verb overwrites the files of another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum OutputKind {
    /// `run` and `replay`.
    Run,
    /// `duel`.
    Duel,
    /// `simulate`.
    Simulation,
}

impl OutputKind {
    /// All kinds.
    pub const ALL: [OutputKind; 3] = [OutputKind::Run, OutputKind::Duel, OutputKind::Simulation];

    /// The file that identifies a folder of this kind, and a phrase for what the folder holds.
    fn mark(self) -> (&'static str, &'static str) {
        match self {
            OutputKind::Run => ("summary.md", "the result of a run"),
            OutputKind::Duel => (DUEL, "a duel"),
            OutputKind::Simulation => (SIMULATION, "a simulation"),
        }
    }

    /// A phrase for what a folder of this kind holds.
    pub fn held(self) -> &'static str {
        self.mark().1
    }

    /// The file with the figures.
    pub fn result(self) -> &'static str {
        match self {
            OutputKind::Run => RESULT,
            OutputKind::Duel => DUEL,
            OutputKind::Simulation => SIMULATION,
        }
    }

    /// The files that are written besides the one with the figures.
    fn reports(self) -> &'static [&'static str] {
        match self {
            OutputKind::Run => &[HISTOGRAMS, "summary.md", "index.html"],
            OutputKind::Duel => &["duel.md"],
            OutputKind::Simulation => &["simulation.md", "frontier.svg", "index.html", "policies"],
        }
    }

    /// The word for this kind in messages, and the file that keeps finished rows while the command
    /// runs.
    pub fn part(self) -> (&'static str, &'static str) {
        match self {
            OutputKind::Run => ("run", "result.jsonl.part"),
            OutputKind::Duel => ("duel", "duel.jsonl.part"),
            OutputKind::Simulation => ("simulation", "simulation.jsonl.part"),
        }
    }

    /// Whether a folder holds output of this kind. A part without a finished row does not count.
    pub fn is_of(self, folder: &Path) -> bool {
        folder.join(self.mark().0).is_file() || has_rows(&folder.join(self.part().1))
    }
}

/// A simulation as the text that is stored, and as it is read again: with rounded figures.
pub fn as_stored(simulation: &Simulation) -> Result<(String, Simulation), Failure> {
    let text = lines(simulation)?;
    let stored = Simulation::parse(Path::new(SIMULATION), &text)
        .map_err(|error| Failure::Error(format!("cannot read what was stored: {error}")))?;
    Ok((text, stored))
}

impl Output {
    /// Prepares the folder for a result and its reports. A folder that already holds a result is
    /// refused without `force`. A folder that holds another kind of output, or that another process
    /// writes to, is always refused.
    pub fn prepare(folder: PathBuf, force: bool, kind: OutputKind) -> Result<Output, Failure> {
        Output::prepare_for(folder, force, kind, kind.reports())
    }

    /// Prepares the folder for files of these names, by the rules of [`Output::prepare`].
    pub fn prepare_for(
        folder: PathBuf,
        force: bool,
        kind: OutputKind,
        names: &[&str],
    ) -> Result<Output, Failure> {
        let refused =
            |reason: &str| Err(Failure::Usage(format!("--out {} {reason}", folder.display())));
        let mut others = OutputKind::ALL.into_iter().filter(|other| *other != kind);
        if let Some(other) = others.find(|other| other.is_of(&folder)) {
            let (_, held) = other.mark();
            return refused(&format!("holds {held}; choose another folder"));
        }
        if folder.join(kind.result()).exists() && !force {
            let held = if kind == OutputKind::Run { "a result" } else { kind.mark().1 };
            return refused(&format!(
                "holds {held} already; choose another folder, or add --force"
            ));
        }
        match fs::create_dir_all(&folder).and_then(|()| Lock::take(&folder)) {
            Ok(Some(lock)) => {
                let (word, name) = kind.part();
                if has_rows(&folder.join(name)) && !force {
                    let shown = folder.display();
                    return refused(&format!(
                        "holds {name}, what was finished of a {word} that was cut short: read it \
                         with jwtbench report {shown}, choose another folder, or add --force to \
                         replace it"
                    ));
                }
                let output = Output { folder, force, _lock: Some(lock) };
                output.refuse_others(names)?;
                // Removes the part of a command of another kind that ended before its first row.
                for other in OutputKind::ALL.into_iter().filter(|other| *other != kind) {
                    if is_head(&output.path(other.part().1)) {
                        output.remove(other.part().1)?;
                    }
                }
                Ok(output)
            }
            Ok(None) => refused("is being written by another jwtbench; choose another folder"),
            Err(error) => refused(&format!("cannot be written ({error}); choose another")),
        }
    }

    /// Refuses to overwrite files of these names without `force`: in a folder that held no result
    /// they are not ours.
    fn refuse_others(&self, names: &[&str]) -> Result<(), Failure> {
        let taken = names.iter().find(|name| !self.force && self.path(name).exists());
        taken.map_or(Ok(()), |name| {
            Err(Failure::Usage(format!(
                "--out {} holds {name} already; choose another folder, or add --force to \
                 write over it",
                self.folder.display()
            )))
        })
    }

    /// Prepares the folder of a run: the requested one, or a new one.
    pub fn of_run(asked: Option<&Path>, force: bool) -> Result<Output, Failure> {
        Output::of(OutputKind::Run, asked, force)
    }

    /// Prepares the folder for a result of this kind, likewise.
    pub fn of(kind: OutputKind, asked: Option<&Path>, force: bool) -> Result<Output, Failure> {
        match asked {
            Some(folder) => Output::prepare(folder.into(), force, kind),
            None => Output::fresh(kind, &utc_now()),
        }
    }

    /// Prepares a new folder for a run without `--out`: `reports/runs/` and the time.
    fn fresh(kind: OutputKind, started_at: &str) -> Result<Output, Failure> {
        let first = default_folder(started_at);
        let failed = |error: io::Error| {
            let shown = first.display();
            Failure::Usage(format!("{shown} cannot be written ({error}); name a folder with --out"))
        };
        if let Some(runs) = first.parent() {
            fs::create_dir_all(runs).map_err(failed)?;
        }
        // Several runs may begin within one second.
        for number in 1u32.. {
            let folder = match number {
                1 => first.clone(),
                number => PathBuf::from(format!("{}-{number}", first.display())),
            };
            match fs::create_dir(&folder) {
                Ok(()) => return Output::prepare(folder, false, kind),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(failed(ErrorKind::AlreadyExists.into()))
    }

    /// Writes the result and its reports; the result first.
    pub fn write(&self, result: &RunResult) -> Result<(), Failure> {
        let mut files = Files::new(self, OutputKind::Run);
        files.add(RESULT, &lines(result)?);
        match result.has_histograms() {
            true => files.add(HISTOGRAMS, &histogram_log::write(result)),
            // The histograms of an overwritten result must not stay.
            false => files.remove(HISTOGRAMS),
        }
        files.add("summary.md", &report::markdown(result));
        files.add("index.html", &report::html(result));
        files.finish(&[RESULT, HISTOGRAMS])
    }

    /// Writes the result if `is_worth`. Otherwise removes the part that was kept during the run.
    pub fn keep(&self, result: &RunResult, is_worth: bool) -> Result<(), Failure> {
        if is_worth { self.write(result) } else { self.remove(OutputKind::Run.part().1) }
    }

    /// Writes a simulation and its reports. The result comes first; the reports are rendered from
    /// its stored form.
    pub fn write_simulation(&self, simulation: &Simulation) -> Result<(), Failure> {
        let (text, stored) = as_stored(simulation)?;
        let simulation = &stored;
        let page = |note: &PolicyNote| {
            (format!("{}.md", note.name), report::policy_markdown(simulation, note))
        };
        let pages: Vec<(String, String)> = simulation.policies.iter().map(page).collect();
        for (name, _) in &pages {
            allowed(name)?;
        }
        let mut files = Files::new(self, OutputKind::Simulation);
        files.add(SIMULATION, &text);
        files.add("simulation.md", &report::simulation_markdown(simulation));
        files.add("frontier.svg", &report::simulation_picture(simulation));
        files.add("index.html", &report::simulation_html(simulation));
        let folder = self.path("policies");
        if let Err(error) = fs::create_dir_all(&folder) {
            files.lacks(
                "policies",
                Failure::Error(format!("cannot write {}: {error}", folder.display())),
            );
            return files.finish(&[SIMULATION]);
        }
        let below = Output { folder, force: self.force, _lock: None };
        for (name, text) in &pages {
            if let Err(failure) = below.put(name, text) {
                files.lacks(&format!("policies/{name}"), failure);
            }
        }
        files.finish(&[SIMULATION])
    }

    /// Writes duels. If some of them are missing, the part with the finished blocks stays.
    pub fn write_duels(&self, duels: &Duels) -> Result<(), Failure> {
        let mut files = Files::new(self, OutputKind::Duel);
        files.add(DUEL, &lines(duels)?);
        files.add("duel.md", &report::duel_markdown(duels));
        files.keeps_part = !duels.missing.is_empty();
        files.finish(&[DUEL])
    }

    /// Removes a file of the folder, if it exists.
    pub fn remove(&self, name: &str) -> Result<(), Failure> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(Failure::Error(format!("cannot remove {}: {error}", path.display())))
            }
            _ => Ok(()),
        }
    }

    /// Writes one file, under a temporary name first. A name may come from an untrusted file, so a
    /// name that leads out of the folder is refused.
    pub fn put(&self, name: &str, text: &str) -> Result<(), Failure> {
        allowed(name)?;
        let path = self.folder.join(name);
        let passing = self.folder.join(format!(".{name}.{}.part", std::process::id()));
        let written = || {
            let mut file = fs::File::create(&passing)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&passing, &path)
        };
        written().map_err(|error| {
            // A partly written file would take the space that the next file needs.
            _ = fs::remove_file(&passing);
            Failure::Error(format!("cannot write {}: {error}", path.display()))
        })
    }

    /// The path of a file in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// Refuses a name that leads out of the folder.
fn allowed(name: &str) -> Result<(), Failure> {
    let parts: Vec<Component<'_>> = Path::new(name).components().collect();
    match parts.as_slice() {
        [Component::Normal(part)] if *part == name => Ok(()),
        _ => Err(Failure::Usage(format!(
            "{name:?} is no name of a file; what was to be reported is not of jwtbench"
        ))),
    }
}

/// The files of a result while they are written. Each one is tried, and the missing ones are
/// reported.
struct Files<'o> {
    output: &'o Output,
    kind: OutputKind,
    missing: Vec<String>,
    first: Option<Failure>,
    keeps_part: bool,
}

impl Files<'_> {
    fn new(output: &Output, kind: OutputKind) -> Files<'_> {
        Files { output, kind, missing: Vec::new(), first: None, keeps_part: false }
    }

    fn add(&mut self, name: &str, text: &str) {
        if let Err(failure) = self.output.put(name, text) {
            self.lacks(name, failure);
        }
    }

    fn remove(&mut self, name: &str) {
        if let Err(failure) = self.output.remove(name) {
            self.lacks(name, failure);
        }
    }

    fn lacks(&mut self, name: &str, failure: Failure) {
        self.missing.push(name.to_owned());
        self.first.get_or_insert(failure);
    }

    /// Removes the part once all `needed` files are written, unless `keeps_part`. If a file is
    /// missing, the failure says which one, and how to get it.
    fn finish(self, needed: &[&str]) -> Result<(), Failure> {
        let is_missing = |name: &&str| self.missing.iter().any(|missing| missing == name);
        let (_, part) = self.kind.part();
        let is_kept = needed.iter().any(is_missing);
        if !is_kept && !self.keeps_part {
            self.output.remove(part)?;
        }
        let Some(first) = self.first else {
            return Ok(());
        };
        let missing = self.missing.join(", ");
        let [part, result] = [part, self.kind.result()].map(|name| self.output.path(name));
        let from = match is_kept {
            false => result,
            true if part.is_file() => part,
            true => {
                let message = format!("{first}; missing: {missing}; make room, and run it again");
                return Err(Failure::Error(message));
            }
        };
        let from = from.display();
        Err(Failure::Error(format!(
            "{first}; missing: {missing}; make room, then `jwtbench report {from} --out DIR` \
             writes what {from} holds"
        )))
    }
}

/// The end of a command that has already shown its figures. A failure to write them is an error. A
/// wrong verdict outranks this error; another failure is returned, and this error is printed beside
/// it.
pub fn written(kept: Result<(), Failure>, ended: Result<Exit, Failure>) -> Result<Exit, Failure> {
    match (kept, ended) {
        (Ok(()), ended) => ended,
        (Err(lost), Ok(Exit::Wrong)) => Err(Failure::Wrong(lost.to_string())),
        (Err(lost), Ok(_)) => Err(lost),
        (Err(lost), Err(failure)) => {
            tell(lost);
            Err(failure)
        }
    }
}

/// The stored form of a result.
fn lines(result: &impl StoredForm) -> Result<String, Failure> {
    let encoded = result.to_lines();
    encoded.map_err(|error| Failure::Error(format!("cannot encode the result: {error}")))
}

/// A simulation as JSON, in one line.
pub fn encoded(simulation: &Simulation) -> Result<String, Failure> {
    serde_json::to_string(simulation)
        .map_err(|error| Failure::Error(format!("cannot encode the simulation: {error}")))
}

/// The default folder of a run: `reports/runs/` and the time.
fn default_folder(started_at: &str) -> PathBuf {
    let stamp: String = started_at.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    Path::new("reports").join("runs").join(stamp)
}

/// The first error of standard output, apart from a closed pipe.
static UNWRITTEN: OnceLock<io::Error> = OnceLock::new();
/// Whether standard output has failed, also because its reader is gone.
static IS_UNHEARD: AtomicBool = AtomicBool::new(false);

/// Prints a message on standard error, with only the characters that may be shown.
pub fn tell(message: impl std::fmt::Display) {
    eprintln!("jwtbench: {}", shown::lines(&message.to_string()));
}

/// Prints a text on standard output, with its colours and only the characters that may be shown. A
/// reader that is gone (`| head`) is no fault; any other error is kept for [`unwritten`].
pub fn print(text: &str) {
    put_out(&shown::painted(text));
}

/// Prints a text exactly, byte for byte, for another program to read. On a terminal it does what
/// [`print`] does.
pub fn print_exact(text: &str) {
    match io::stdout().is_terminal() {
        true => print(text),
        false => put_out(text),
    }
}

fn put_out(text: &str) {
    let mut out = io::stdout();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        IS_UNHEARD.store(true, Ordering::Relaxed);
        if error.kind() != ErrorKind::BrokenPipe {
            _ = UNWRITTEN.set(error);
        }
    }
}

/// Whether printing to standard output has failed for any reason. A verb that continues only to
/// print may then end.
pub fn is_unheard() -> bool {
    unheard().load(Ordering::Relaxed)
}

/// The same as a flag to be watched.
pub fn unheard() -> &'static AtomicBool {
    &IS_UNHEARD
}

/// The error that kept output from being printed, if there was one: its reader got an incomplete
/// text.
pub fn unwritten() -> Option<&'static io::Error> {
    UNWRITTEN.get()
}

/// Names the duels that are missing, for users of JSON, which is of the others alone.
pub fn tell_missing(duels: &Duels) {
    if !duels.missing.is_empty() {
        tell(format!("a partial result: without {}", duels.missing.join(", ")));
    }
}

/// The style of the terminal: colour on a terminal unless `NO_COLOR` is set, and the width, which
/// is 80 columns by default.
pub fn terminal_style() -> TerminalStyle {
    let is_terminal = std::io::stdout().is_terminal();
    let colour = is_terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let columns = || rustix::termios::tcgetwinsize(std::io::stdout()).ok();
    let width = columns().filter(|_| is_terminal).map_or(80, |size| usize::from(size.ws_col));
    TerminalStyle { colour, width: width.clamp(80, 160) }
}
