//! The source of scenarios and cache-policy presets: the binary, which contains all the built-in
//! ones, or a folder.

use std::io;
use std::path::{Path, PathBuf};

use crate::format::bounded_file;

mod shipped {
    include!(concat!(env!("OUT_DIR"), "/shipped.rs"));
}

/// A folder of folders of TOML files, on disk or in the binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The files built into the binary.
    Binary,
    /// A folder with the layout of `scenarios/` in a checkout.
    Folder(PathBuf),
}

impl Source {
    /// The names of the folders in the source, sorted.
    ///
    /// # Errors
    /// If the source cannot be read.
    pub fn folders(&self) -> io::Result<Vec<String>> {
        let mut names: Vec<String> = match self {
            Source::Binary => {
                let folders = shipped::FILES.iter().filter_map(|(path, _)| path.split_once('/'));
                folders.map(|(folder, _)| folder.to_owned()).collect()
            }
            Source::Folder(root) => {
                entries(root)?.into_iter().filter(|path| path.is_dir()).map(name).collect()
            }
        };
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// The stems of the TOML files in one of its folders, sorted.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn stems(&self, folder: &str) -> io::Result<Vec<String>> {
        let files: Vec<String> = match self {
            Source::Binary => {
                let files = shipped::FILES.iter().filter_map(|(path, _)| path.split_once('/'));
                let files = files.filter(|(place, _)| *place == folder);
                files.map(|(_, file)| file.to_owned()).collect()
            }
            Source::Folder(root) => entries(&root.join(folder))?.into_iter().map(name).collect(),
        };
        let stems = files.iter().filter_map(|file| file.strip_suffix(".toml"));
        let mut stems: Vec<String> = stems.map(str::to_owned).collect();
        stems.sort();
        Ok(stems)
    }

    /// The text of a file.
    ///
    /// # Errors
    /// If there is no such file, or it cannot be read.
    pub fn read(&self, folder: &str, stem: &str) -> io::Result<String> {
        match self {
            Source::Binary => {
                let path = format!("{folder}/{stem}.toml");
                let found = shipped::FILES.iter().find(|(known, _)| *known == path);
                let found = found.map(|(_, text)| (*text).to_owned());
                found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
            }
            Source::Folder(_) => {
                bounded_file::read_to_string(&self.path(folder, stem), bounded_file::SCENARIO)
            }
        }
    }

    /// The path of a file, as messages name it.
    pub fn path(&self, folder: &str, stem: &str) -> PathBuf {
        let root = match self {
            Source::Binary => Path::new("scenarios"),
            Source::Folder(root) => root,
        };
        root.join(folder).join(format!("{stem}.toml"))
    }

    /// Whether `path` is this file of the source.
    pub(crate) fn is_file(&self, folder: &str, stem: &str, path: &Path) -> bool {
        let own = self.path(folder, stem).canonicalize();
        own.is_ok_and(|own| path.canonicalize().is_ok_and(|path| path == own))
    }

    /// Every file in the binary: its path below `scenarios/` and its text.
    pub fn shipped() -> &'static [(&'static str, &'static str)] {
        shipped::FILES
    }
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect()
}

fn name(path: PathBuf) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares the scenarios folder of this checkout with the files in the binary.
    #[test]
    fn the_binary_has_every_file_as_it_is() {
        let folder = Source::Folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios"));
        assert_eq!(Source::Binary.folders().unwrap(), folder.folders().unwrap());
        let mut seen = 0;
        for place in folder.folders().unwrap() {
            let stems = folder.stems(&place).unwrap();
            assert_eq!(Source::Binary.stems(&place).unwrap(), stems, "{place}");
            for stem in stems {
                let text = folder.read(&place, &stem).unwrap();
                assert_eq!(Source::Binary.read(&place, &stem).unwrap(), text, "{place}/{stem}");
                seen += 1;
            }
        }
        assert_eq!(seen, Source::shipped().len(), "and no other");
        assert!(Source::Binary.read("rotation", "no-such").is_err());
    }
}
