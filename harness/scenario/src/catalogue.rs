//! The catalogue of scenarios. Scenarios come from the binary, a checkout or a folder. They are
//! chosen by a glob or by the path of a file.

pub mod source;
use std::path::{Path, PathBuf};

use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::catalogue::source::Source;
use crate::format::bounded_file;
use crate::format::cache::{PRESETS, Presets};
use crate::format::nearest::did_you_mean;
use crate::format::state::{STRATEGIES, StatePresets};

use super::{Scenario, ScenarioError};

/// The scenarios and cache-policy presets of one source.
pub struct Catalogue {
    source: Source,
    /// The names of further cache policies that expectations may name.
    named: Vec<String>,
    /// The names of further state strategies that expectations may name.
    named_strategies: Vec<String>,
}

/// The reason why scenarios could not be selected.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The folder has no subfolder of presets, so it holds no scenarios.
    #[error(
        "{} holds no folder `{PRESETS}`; name a folder like the one that `jwtbench list --write \
         DIR` writes", folder.display()
    )]
    NoFolder {
        /// The folder, as given.
        folder: PathBuf,
    },
    /// The pattern is not a valid glob.
    #[error("`{pattern}` is no pattern: {source}")]
    Pattern {
        /// The pattern, as given.
        pattern: String,
        /// The error of the glob parser.
        source: globset::Error,
    },
    /// No scenario matches the pattern.
    #[error("no scenario matches `{pattern}`{meant}; `jwtbench list` shows the names")]
    NoMatch {
        /// The pattern, as given.
        pattern: String,
        /// A suggestion in the form of the end of a sentence; empty if no name is similar.
        meant: String,
    },
    /// A file or folder cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The path of the file or folder.
        path: PathBuf,
        /// The I/O error.
        source: std::io::Error,
    },
    /// Two selected files have the same scenario name.
    #[error(
        "two scenarios are called `{name}`: {} and {}; name one of them, or rename its folder or \
         file", paths[0].display(), paths[1].display()
    )]
    Twice {
        /// The scenario name: its family and file stem.
        name: String,
        /// The paths of the two files.
        paths: [PathBuf; 2],
    },
    /// A scenario file has a fault.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
}

impl Catalogue {
    /// The catalogue of the scenarios built into the binary.
    pub fn shipped() -> Catalogue {
        Catalogue::new(Source::Binary)
    }

    /// The scenarios of the checkout that contains `from`, or the built-in ones if `from` is not in
    /// a checkout.
    pub fn find(from: &Path) -> Catalogue {
        let candidates = from.ancestors().map(|folder| folder.join("scenarios"));
        let mut found = candidates.filter(|folder| folder.join(PRESETS).is_dir());
        Catalogue::new(found.next().map_or(Source::Binary, Source::Folder))
    }

    /// The catalogue of the scenarios in a folder.
    ///
    /// # Errors
    /// Returns [`CatalogueError::NoFolder`] if the folder holds no folder of presets.
    pub fn open(folder: &Path) -> Result<Catalogue, CatalogueError> {
        match folder.join(PRESETS).is_dir() {
            true => Ok(Catalogue::new(Source::Folder(folder.into()))),
            false => Err(CatalogueError::NoFolder { folder: folder.into() }),
        }
    }

    fn new(source: Source) -> Catalogue {
        Catalogue { source, named: Vec::new(), named_strategies: Vec::new() }
    }

    /// The source of its files.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The catalogue with further cache policies, beside the presets, that expectations may name.
    pub fn naming(self, named: impl IntoIterator<Item = String>) -> Catalogue {
        Catalogue { named: named.into_iter().collect(), ..self }
    }

    /// The catalogue with further state strategies that expectations may name.
    pub fn naming_strategies(self, named: impl IntoIterator<Item = String>) -> Catalogue {
        Catalogue { named_strategies: named.into_iter().collect(), ..self }
    }

    /// The cache-policy presets.
    pub fn presets(&self) -> Presets {
        Presets::of(self.source.clone())
    }

    /// The state strategies.
    pub fn strategies(&self) -> StatePresets {
        StatePresets::of(self.source.clone())
    }

    /// The names of its scenarios, sorted.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn names(&self) -> Result<Vec<String>, CatalogueError> {
        let mut names = Vec::new();
        for family in self.source.folders().map_err(|source| self.unreadable("", source))? {
            if ![PRESETS, STRATEGIES].contains(&family.as_str()) {
                let stems = self.source.stems(&family);
                let stems = stems.map_err(|source| self.unreadable(&family, source))?;
                names.extend(stems.iter().map(|stem| format!("{family}/{stem}")));
            }
        }
        names.sort();
        Ok(names)
    }

    fn unreadable(&self, family: &str, source: std::io::Error) -> CatalogueError {
        CatalogueError::Unreadable { path: self.source.path(family, "*"), source }
    }

    /// Every scenario, sorted by name.
    ///
    /// # Errors
    /// The first file that cannot be read or has a fault.
    pub fn all(&self) -> Result<Vec<Scenario>, CatalogueError> {
        self.names()?.iter().map(|name| self.load(name)).collect()
    }

    /// The scenarios that match any of `patterns`. A pattern is a glob over names, or the path of a
    /// file. If there is no pattern, all scenarios match. A file that no pattern matches is not
    /// read.
    ///
    /// # Errors
    /// The first file that cannot be read or has a fault. Also an error if a pattern matches
    /// nothing, or if two files have the same scenario name.
    pub fn select(&self, patterns: &[String]) -> Result<Vec<Scenario>, CatalogueError> {
        self.each(patterns)?.into_iter().collect()
    }

    /// The scenarios that match any of `patterns`, each with its own result. A file with a fault
    /// does not affect the others.
    ///
    /// # Errors
    /// If a pattern matches nothing, or if two files have the same scenario name.
    pub fn each(
        &self,
        patterns: &[String],
    ) -> Result<Vec<Result<Scenario, CatalogueError>>, CatalogueError> {
        if patterns.is_empty() {
            return Ok(self.names()?.iter().map(|name| self.load(name)).collect());
        }
        let (mut chosen, mut faults) = (Vec::<Scenario>::new(), Vec::new());
        for pattern in patterns {
            for scenario in self.matching(pattern)? {
                let scenario = match scenario {
                    Ok(scenario) => scenario,
                    Err(fault) => {
                        faults.push(Err(fault));
                        continue;
                    }
                };
                match chosen.iter().find(|known| known.name == scenario.name) {
                    None => chosen.push(scenario),
                    // A file that two patterns match is taken once.
                    Some(known) if is_same_file(&known.path, &scenario.path) => {}
                    Some(known) => {
                        let paths = [known.path.clone(), scenario.path.clone()];
                        return Err(CatalogueError::Twice { name: scenario.0.name, paths });
                    }
                }
            }
        }
        Ok(chosen.into_iter().map(Ok).chain(faults).collect())
    }

    fn matching(
        &self,
        pattern: &str,
    ) -> Result<Vec<Result<Scenario, CatalogueError>>, CatalogueError> {
        let path = Path::new(pattern);
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = bounded_file::read_to_string(path, bounded_file::SCENARIO)
                .map_err(|source| CatalogueError::Unreadable { path: path.into(), source })?;
            return Ok(vec![self.parse(path, &text)]);
        }
        let globs = globs(pattern)?;
        let names = self.names()?;
        let matching = names.iter().filter(|name| globs.is_match(name));
        let found: Vec<_> = matching.map(|name| self.load(name)).collect();
        match found.is_empty() {
            true => Err(CatalogueError::NoMatch {
                pattern: pattern.into(),
                meant: did_you_mean(pattern, names.iter().map(String::as_str)),
            }),
            false => Ok(found),
        }
    }

    /// Loads one of the catalogue's own scenarios by name.
    fn load(&self, name: &str) -> Result<Scenario, CatalogueError> {
        let (family, stem) = name.split_once('/').unwrap_or(("", name));
        let path = self.source.path(family, stem);
        let text = self.source.read(family, stem);
        let text =
            text.map_err(|source| CatalogueError::Unreadable { path: path.clone(), source })?;
        self.parse(&path, &text)
    }

    fn parse(&self, path: &Path, text: &str) -> Result<Scenario, CatalogueError> {
        let presets = self.presets();
        let scenario = Scenario::parse(path, text, &presets)?;
        let mut known = presets.names();
        known.extend(self.named.iter().cloned());
        let mut strategies = self.strategies().names();
        strategies.extend(self.named_strategies.iter().cloned());
        scenario.check_bindings(&known, &strategies)?;
        Ok(scenario)
    }
}

/// Whether two paths lead to the same file. Paths within the binary are the same if they are equal.
fn is_same_file(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    one == other || real(one).is_some_and(|one| real(other) == Some(one))
}

/// The globs of a pattern. A pattern is a name, a glob, or a family, which stands for all its
/// scenarios.
fn globs(pattern: &str) -> Result<GlobSet, CatalogueError> {
    let fault = |source| CatalogueError::Pattern { pattern: pattern.into(), source };
    let family = pattern.trim_end_matches('/');
    let mut set = GlobSetBuilder::new();
    set.add(Glob::new(pattern).map_err(fault)?);
    set.add(Glob::new(&format!("{family}/*")).map_err(fault)?);
    set.build().map_err(fault)
}
