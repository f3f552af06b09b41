//! The folder of a pack. Each algorithm is made in a folder of its own inside, which is moved when
//! the command ends. What a killed command leaves is therefore never taken for a pack, and its
//! README says which algorithms are complete.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::token::pack;
use jwtbench_verifier::algorithm::Algorithm;

use crate::Failure;
use crate::output::OutputKind;
use crate::output::lock::Lock;

/// The folder in which a pack is made before it is moved.
const MAKING: &str = ".mint.part";
/// The file with the private keys of an algorithm.
const PRIVATE_KEYS: &str = "private-keys.json";
/// The other files of an algorithm, in the order in which they are written and moved. If the last
/// one exists, all do.
const FILES: [&str; 4] = ["jwks.json", "policy.toml", "tokens.jsonl", WHOLE];
/// The last file of an algorithm: it exists only once all others do.
const WHOLE: &str = "pack.json";

/// A folder in which only this command makes a pack.
pub struct PackFolder {
    out: PathBuf,
    making: PathBuf,
    /// Whether the folder already holds a complete pack.
    is_pack: bool,
    _lock: Lock,
}

impl PackFolder {
    /// Prepares the folder. One that holds a complete or unfinished pack is refused without
    /// `force`; one with files of another kind is always refused.
    ///
    /// # Errors
    /// If the folder is refused, or cannot be written.
    pub fn prepare(out: &Path, force: bool) -> Result<PackFolder, Failure> {
        let refused = |why: &str| {
            let shown = out.display();
            Err(Failure::Usage(format!("--out {shown} {why}; choose another folder")))
        };
        if let Some(kind) = OutputKind::ALL.into_iter().find(|kind| kind.is_of(out)) {
            return refused(&format!("holds {}", kind.held()));
        }
        let making = out.join(MAKING);
        let begins = |text: &[u8], title: &str| text.starts_with(title.as_bytes());
        let (is_pack, is_unfinished) = match fs::read(out.join(pack::README)) {
            Ok(text) if begins(&text, pack::TITLE) => (true, false),
            Ok(text) if begins(&text, pack::UNFINISHED_TITLE) => (false, true),
            Ok(_) => return refused(&format!("holds a {} that is of no pack", pack::README)),
            Err(error) if is_absent(&error) => (false, false),
            Err(error) => {
                return refused(&format!("holds a {} that cannot be read ({error})", pack::README));
            }
        };
        if is_pack && !force {
            return refused("holds a pack already; add --force");
        }
        if is_unfinished && !force {
            return refused("holds a pack of which files are missing; add --force");
        }
        if !is_pack && !is_unfinished {
            let mut theirs = files(out).filter(|path| path.exists());
            if let Some(path) = theirs.next() {
                return refused(&format!("holds {}, and no pack", path.display()));
            }
        }
        let lock = match fs::create_dir_all(out).and_then(|()| Lock::take(out)) {
            Ok(Some(lock)) => lock,
            Ok(None) => return refused("is being written by another jwtbench"),
            Err(error) => return refused(&format!("cannot be written ({error})")),
        };
        if making.exists() {
            if has_finished(&making) && !force {
                return refused(&format!(
                    "holds {MAKING}, what a mint that was cut short finished: move it out of the \
                     folder to keep it, or add --force to replace it"
                ));
            }
            fs::remove_dir_all(&making).map_err(|error| unwritten(&making, &error))?;
        }
        fs::create_dir(&making).map_err(|error| unwritten(&making, &error))?;
        let folder = PackFolder { out: out.into(), making, is_pack, _lock: lock };
        write(&folder.making, pack::README, pack::unfinished_readme().as_bytes())?;
        Ok(folder)
    }

    /// Adds the files of one algorithm: key set, policy, tokens, and facts about the pack.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn add(&self, algorithm: Algorithm, contents: [&[u8]; FILES.len()]) -> Result<(), Failure> {
        let folder = self.making.join(algorithm.name());
        FILES.iter().zip(contents).try_for_each(|(name, bytes)| write(&folder, name, bytes))
    }

    /// The folder in which new files stay if the command was interrupted and the old pack is
    /// complete; the old pack is then kept. `None` if there is no complete pack, so that the new
    /// files may be handed over.
    pub fn part_beside_whole(&self) -> Option<&Path> {
        self.is_pack.then_some(&self.making)
    }

    /// Moves the new files to their final place, where they replace an older pack. The README comes
    /// last, since a folder without it is no pack. Private keys are written only if their signers
    /// are given, and directly to their final place, so that a killed command leaves none
    /// elsewhere.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn hand_over(
        &self,
        algorithms: &[Algorithm],
        private: Option<&Signers>,
        readme: &str,
    ) -> Result<(), Failure> {
        self.moved(algorithms, private, readme).map_err(|failure| self.told(failure))
    }

    /// The failure, extended with the place of what was finished before it.
    pub fn told(&self, failure: Failure) -> Failure {
        match has_finished(&self.making) {
            true => Failure::Usage(format!(
                "{failure}; what was finished is in {}, each algorithm whole",
                self.making.display()
            )),
            false => failure,
        }
    }

    fn moved(
        &self,
        algorithms: &[Algorithm],
        private: Option<&Signers>,
        readme: &str,
    ) -> Result<(), Failure> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |error: io::Error| unwritten(&path, &error)
        };
        let last = self.out.join(pack::README);
        fs::rename(self.making.join(pack::README), &last).map_err(at(&last))?;
        for path in files(&self.out) {
            if path.exists() {
                fs::remove_file(&path).map_err(at(&path))?;
            }
            // Other files in the folder do not belong to a pack, and stay.
            if let Some(folder) = path.parent().filter(|folder| *folder != self.out) {
                _ = fs::remove_dir(folder);
            }
        }
        for algorithm in algorithms {
            let [made, due] = [&self.making, &self.out].map(|folder| folder.join(algorithm.name()));
            fs::create_dir_all(&due).map_err(at(&due))?;
            for name in FILES {
                if let Some(signers) = private.filter(|_| name == WHOLE) {
                    write_private(&due, signers.private_jwks(*algorithm).to_string().as_bytes())?;
                }
                fs::rename(made.join(name), due.join(name)).map_err(at(&due))?;
            }
        }
        write(&self.making, pack::README, readme.as_bytes())?;
        fs::rename(self.making.join(pack::README), &last).map_err(at(&last))?;
        fs::remove_dir_all(&self.making).map_err(at(&self.making))
    }
}

impl Drop for PackFolder {
    fn drop(&mut self) {
        // This holds after an error too, since half an algorithm is of no use.
        if !has_finished(&self.making) {
            _ = fs::remove_dir_all(&self.making);
        }
    }
}

/// Whether at least one algorithm is complete in the folder where a pack is made.
fn has_finished(making: &Path) -> bool {
    Algorithm::ALL.iter().any(|one| making.join(one.name()).join(WHOLE).exists())
}

/// Whether the file does not exist, or its folder does not.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The paths of all files that a pack in this folder may have, except its README. For each
/// algorithm, the file that marks it as complete comes first, then its private keys, which must not
/// be left over.
fn files(out: &Path) -> impl Iterator<Item = PathBuf> {
    let out = out.to_owned();
    let names = [WHOLE, PRIVATE_KEYS].into_iter().chain(FILES.into_iter().take(FILES.len() - 1));
    Algorithm::ALL.into_iter().flat_map(move |algorithm| {
        let folder = out.join(algorithm.name());
        names.clone().map(move |name| folder.join(name))
    })
}

/// Writes a file under a temporary name first, so that a file with the final name is whole.
fn write(folder: &Path, name: &str, bytes: &[u8]) -> Result<(), Failure> {
    let path = folder.join(name);
    let passing = folder.join(format!(".{name}.part"));
    let written = || {
        fs::create_dir_all(folder)?;
        let mut file = fs::File::create(&passing)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&passing, &path)
    };
    written().map_err(|error| unwritten(&path, &error))
}

/// Writes private keys to a file that only its owner can read.
fn write_private(folder: &Path, keys: &[u8]) -> Result<(), Failure> {
    let path = folder.join(PRIVATE_KEYS);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = || {
        let mut file = options.open(&path)?;
        file.write_all(keys)?;
        file.sync_all()
    };
    written().map_err(|error| unwritten(&path, &error))
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    let shown = path.display();
    Failure::Usage(format!("--out: {shown} cannot be written ({error}); choose another folder"))
}
