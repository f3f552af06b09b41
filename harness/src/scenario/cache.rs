//! A scenario's `[cache]` table and the cache-policy presets: a preset by name, plus overrides.

mod check;
mod wire;

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

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

/// What a preset says of itself. A policy of the user's own need not say anything.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct About {
    /// What it stands for, in a line: a library with its version, and how it is set.
    pub title: String,
    /// Where its figures come from.
    pub source: Option<String>,
    /// What must be switched on to have it; `None` if nothing.
    pub opt_in: Option<String>,
    /// What the library does and this policy does not.
    pub not_modelled: Option<String>,
    /// How it was held to the library; `None` if it was not.
    pub checked: Option<String>,
}

/// The file of a cache policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// The policy.
    pub policy: CachePolicy,
    /// What it says of itself.
    pub about: Option<About>,
    /// The keys that it sets, a line each as the file has them.
    pub keys: Vec<String>,
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

/// The policy of a preset by name.
///
/// # Errors
/// As [`read_preset`].
pub fn load_preset(folder: &Path, name: &str) -> Result<CachePolicy, String> {
    read_preset(folder, name).map(|preset| preset.policy)
}

/// A preset by name.
///
/// # Errors
/// If there is none, or what is wrong with which key.
pub fn read_preset(folder: &Path, name: &str) -> Result<Preset, String> {
    let path = folder.join(format!("{name}.toml"));
    let Ok(text) = std::fs::read_to_string(&path) else {
        let known = presets(folder).join(", ");
        return Err(format!("no cache policy `{name}`; known: {known}"));
    };
    preset(&text).map_err(|fault| format!("{}: {fault}", path.display()))
}

fn preset(text: &str) -> Result<Preset, String> {
    let mut wire: WireCache = toml::from_str(text).map_err(|error| error.to_string())?;
    let about = wire.take_about();
    let table: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
    let is_key = |line: &&str| {
        let key = line.split_once('=').map(|(key, _)| key.trim());
        key.is_some_and(|key| table.contains_key(key))
    };
    let keys = text.lines().filter(is_key).map(str::to_owned).collect();
    Ok(Preset { policy: wire.apply(CachePolicy::default())?, about, keys })
}

/// A policy from the text of a preset: its keys over those of `base`.
///
/// # Errors
/// What is wrong with which key.
pub fn parse_policy(text: &str, base: CachePolicy) -> Result<CachePolicy, String> {
    let wire: WireCache = toml::from_str(text).map_err(|error| error.to_string())?;
    wire.apply(base)
}
