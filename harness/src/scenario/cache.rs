//! A scenario's `[cache]` table and the cache-policy presets: a preset by name, plus overrides.

mod check;
mod wire;

use std::path::Path;
use std::time::Duration;

use jwtbench_verifier::cache_policy::CachePolicy;

pub(super) use wire::WireCache;

/// The key cache of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheSpec {
    /// Name of the preset.
    pub name: String,
    /// The policy, overrides included.
    pub policy: CachePolicy,
    /// What it holds at the beginning.
    pub start: Start,
}

/// What a key cache holds at the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Nothing.
    Cold,
    /// The published set, fetched just before.
    Warm,
    /// The published set, fetched this long ago.
    Age(Duration),
}

/// The names of the presets in a folder, sorted.
pub fn presets(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let stems = files.filter_map(|file| {
        let path = file.path();
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        path.file_stem().filter(|_| is_toml).map(|stem| stem.to_string_lossy().into_owned())
    });
    let mut names: Vec<String> = stems.collect();
    names.sort();
    names
}

/// A preset by name.
pub fn load_preset(folder: &Path, name: &str) -> Result<CachePolicy, String> {
    let path = folder.join(format!("{name}.toml"));
    let Ok(text) = std::fs::read_to_string(&path) else {
        let known = presets(folder).join(", ");
        return Err(format!("no cache policy `{name}`; known: {known}"));
    };
    parse_policy(&text, CachePolicy::default())
        .map_err(|fault| format!("{}: {fault}", path.display()))
}

/// A policy from the text of a preset: its keys over those of `base`.
///
/// # Errors
/// What is wrong with which key.
pub fn parse_policy(text: &str, base: CachePolicy) -> Result<CachePolicy, String> {
    let wire: WireCache = toml::from_str(text).map_err(|error| error.to_string())?;
    wire.apply(base)
}
