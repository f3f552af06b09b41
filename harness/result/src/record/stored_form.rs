//! The forms that are stored, each with its kind, its version, its lines and its JSON Schema.

use std::borrow::Cow;
use std::path::Path;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{lines, stored, stored_file};

/// A form in which a command stores all its results.
pub trait StoredForm: Serialize + DeserializeOwned + JsonSchema {
    /// The kind, as the header names it.
    const OF: &'static str;
    /// The version. It is raised when a field changes its meaning or is removed.
    const VERSION: u32;

    /// Reads a stored result from a file.
    ///
    /// # Errors
    /// Those of [`StoredForm::parse`], and an error if the file cannot be read.
    fn read(path: &Path) -> Result<Self, ReadError> {
        Self::parse(path, &text(path)?)
    }

    /// Reads the text of a stored result, which is lines or an object. Messages name it by `path`.
    /// The version is checked first.
    ///
    /// # Errors
    /// If the text is of another kind or version, lacks a field or holds an impossible figure.
    fn parse(path: &Path, text: &str) -> Result<Self, ReadError> {
        let shown = path.display().to_string();
        let malformed = |source| ReadError::Malformed { path: shown.clone(), of: Self::OF, source };
        let text = Self::whole(lines::join(Self::OF, text).map_err(malformed)?);
        let version: WireVersion = serde_json::from_str(&text).map_err(malformed)?;
        if version.schema_version != u64::from(Self::VERSION) {
            let (of, found, read) = (Self::OF, version.schema_version, Self::VERSION);
            return Err(ReadError::Version { path: shown, of, found, read });
        }
        stored::from_json(&text).map_err(malformed)
    }

    /// Reads a stored result of any version that has the necessary fields.
    ///
    /// # Errors
    /// If the file cannot be read or lacks a field.
    fn read_any(path: &Path) -> Result<Self, ReadError> {
        let shown = path.display().to_string();
        let malformed = |source| ReadError::Malformed { path: shown.clone(), of: Self::OF, source };
        let text = text(path)?;
        let text = lines::join(Self::OF, &text).map_err(malformed)?;
        stored::from_json(&text).map_err(malformed)
    }

    /// Converts a text in another form of the same result into this form.
    fn whole(text: Cow<'_, str>) -> Cow<'_, str> {
        text
    }

    /// The result as the lines that are stored.
    ///
    /// # Errors
    /// If the result cannot be expressed in JSON.
    fn to_lines(&self) -> Result<String, serde_json::Error> {
        lines::split(Self::OF, &serde_json::to_string(self)?)
    }

    /// The JSON Schema of the output of `--format json`, generated from the types.
    fn schema() -> String {
        json_schema::<Self>()
    }
}

/// The JSON Schema of a type, as the text of a file.
pub(crate) fn json_schema<T: JsonSchema>() -> String {
    let schema = schemars::schema_for!(T);
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}

fn text(path: &Path) -> Result<String, ReadError> {
    let unreadable = |source| ReadError::Unreadable { path: path.display().to_string(), source };
    stored_file::read_to_string(path).map_err(unreadable)
}

#[derive(Deserialize)]
struct WireVersion {
    schema_version: u64,
}

/// The reason why a stored result could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be opened or read.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is of another kind or is incomplete.
    #[error(
        "{path} is not a whole jwtbench result of a {of} ({source}); make it again, or name \
         another file"
    )]
    Malformed {
        /// The file.
        path: String,
        /// The kind that was to be read.
        of: &'static str,
        /// The line, the column and the fault.
        source: serde_json::Error,
    },
    /// The file was written under another schema.
    #[error(
        "{path} has schema version {found}; this jwtbench reads version {read} of a {of}: make it \
         again, or use the jwtbench that wrote it"
    )]
    Version {
        /// The file.
        path: String,
        /// The kind that was to be read.
        of: &'static str,
        /// The version that the file names.
        found: u64,
        /// The version that this build reads.
        read: u32,
    },
}
