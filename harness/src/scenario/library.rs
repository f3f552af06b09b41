//! The scenarios on disk: found from where the user stands, chosen by glob, or named as a file.

use std::path::{Path, PathBuf};

use globset::{Glob, GlobSet, GlobSetBuilder};

use super::{Scenario, ScenarioError};

/// The folder of shipped scenarios.
pub struct Library {
    root: PathBuf,
    /// Cache policies beside the presets, by name.
    named: Vec<String>,
}

/// Why scenarios could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// No folder.
    #[error(
        "no folder `scenarios` here or above; run in a checkout of jwtbench, or name a scenario \
         file"
    )]
    NoFolder,
    /// A pattern that is none.
    #[error("`{pattern}` is no pattern: {source}")]
    Pattern {
        /// As given.
        pattern: String,
        /// Why.
        source: globset::Error,
    },
    /// Nothing matches.
    #[error("no scenario matches `{pattern}`; `jwtbench list` shows the names")]
    NoMatch {
        /// As given.
        pattern: String,
    },
    /// A file cannot be read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A scenario with a fault.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
}

/// The folder in which the presets are.
const PRESETS: &str = "cache-policies";

impl Library {
    /// Looks for the folder `scenarios` in `from` and above.
    ///
    /// # Errors
    /// [`LibraryError::NoFolder`].
    pub fn find(from: &Path) -> Result<Library, LibraryError> {
        let candidates = from.ancestors().map(|folder| folder.join("scenarios"));
        let mut found = candidates.filter(|folder| folder.join(PRESETS).is_dir());
        let found = found.next();
        found.map(|root| Library { root, named: Vec::new() }).ok_or(LibraryError::NoFolder)
    }

    /// With these cache policies beside the presets, as what expectations may name.
    pub fn naming(self, named: impl IntoIterator<Item = String>) -> Library {
        Library { named: named.into_iter().collect(), ..self }
    }

    /// The folder of the cache-policy presets.
    pub fn presets(&self) -> PathBuf {
        self.root.join(PRESETS)
    }

    /// Every shipped scenario, sorted by name.
    ///
    /// # Errors
    /// The first file that cannot be read or has a fault.
    pub fn all(&self) -> Result<Vec<Scenario>, LibraryError> {
        let mut scenarios = Vec::new();
        for family in folder(&self.root)? {
            if !family.is_dir() || family.ends_with(PRESETS) {
                continue;
            }
            for path in folder(&family)? {
                if path.extension().is_some_and(|extension| extension == "toml") {
                    scenarios.push(self.load(&path)?);
                }
            }
        }
        scenarios.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(scenarios)
    }

    /// The scenarios that any of `patterns` names: a glob over names, or the path of a file. All
    /// of them if there is no pattern.
    ///
    /// # Errors
    /// Also if a pattern names nothing.
    pub fn select(&self, patterns: &[String]) -> Result<Vec<Scenario>, LibraryError> {
        if patterns.is_empty() {
            return self.all();
        }
        let all = self.all()?;
        let mut chosen: Vec<Scenario> = Vec::new();
        for pattern in patterns {
            let path = Path::new(pattern);
            let mut found = match path.extension() {
                Some(extension) if extension == "toml" => vec![self.load(path)?],
                _ => {
                    let globs = globs(pattern)?;
                    all.iter().filter(|s| globs.is_match(&s.name)).cloned().collect()
                }
            };
            if found.is_empty() {
                return Err(LibraryError::NoMatch { pattern: pattern.clone() });
            }
            found.retain(|scenario| chosen.iter().all(|known| known.name != scenario.name));
            chosen.append(&mut found);
        }
        Ok(chosen)
    }

    fn load(&self, path: &Path) -> Result<Scenario, LibraryError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| LibraryError::Unreadable { path: path.into(), source })?;
        let presets = self.presets();
        let scenario = Scenario::parse(path, &text, &presets)?;
        let mut known = super::cache::presets(&presets);
        known.extend(self.named.iter().cloned());
        scenario.check_bindings(&known)?;
        Ok(scenario)
    }
}

/// A name, a glob, or a family (which means all of it).
fn globs(pattern: &str) -> Result<GlobSet, LibraryError> {
    let fault = |source| LibraryError::Pattern { pattern: pattern.into(), source };
    let family = pattern.trim_end_matches('/');
    let mut set = GlobSetBuilder::new();
    set.add(Glob::new(pattern).map_err(fault)?);
    set.add(Glob::new(&format!("{family}/*")).map_err(fault)?);
    set.build().map_err(fault)
}

fn folder(path: &Path) -> Result<Vec<PathBuf>, LibraryError> {
    let unreadable = |source| LibraryError::Unreadable { path: path.into(), source };
    let entries = std::fs::read_dir(path).map_err(unreadable)?;
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(unreadable)).collect()
}
