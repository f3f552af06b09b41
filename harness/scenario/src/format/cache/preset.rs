//! Cache policies in files of their own: a preset by name, or a user's file. Every fault names the
//! file, line, key and remedy.

use std::path::Path;

use jwtbench_verifier::cache_policy::CachePolicy;

use crate::catalogue::source::Source;
use crate::format::bounded_file;
use crate::format::nearest::did_you_mean;
use crate::format::parse::{Checked, File};
use crate::format::policy_file::place;
use crate::format::state::StatePresets;

use super::{About, Start, WireCache};

/// A cache policy that was read from a file of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// The stem of the file.
    pub name: String,
    /// The policy.
    pub policy: CachePolicy,
    /// The content of the key cache at the beginning, if the file or a preset it builds on gives
    /// it.
    pub start: Option<Start>,
    /// The description in the file, if it has one.
    pub about: Option<About>,
    /// The lines of the file that set a key, unchanged.
    pub keys: Vec<String>,
    /// The whole text of the file.
    pub text: String,
}

/// What to do about a key that there is not.
const REMEDY: &str = "a cache policy has the keys of a scenario's [cache], at its top level";

/// The folder of the presets within a source.
pub(crate) const PRESETS: &str = "cache-policies";

/// The presets of a source of scenarios.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presets(Source);

impl Presets {
    /// The presets of this source.
    pub fn of(source: Source) -> Presets {
        Presets(source)
    }

    /// The state strategies of the same source.
    pub fn strategies(&self) -> StatePresets {
        StatePresets::of(self.0.clone())
    }

    /// The names of the presets, sorted. The list is empty if they cannot be read.
    pub fn names(&self) -> Vec<String> {
        self.0.stems(PRESETS).unwrap_or_default()
    }
}

/// The policy of a preset by name.
///
/// # Errors
/// As for [`read_preset`].
pub fn load_preset(presets: &Presets, name: &str) -> Result<CachePolicy, String> {
    read_preset(presets, name).map(|preset| preset.policy)
}

/// A preset by name.
///
/// # Errors
/// If there is no such preset, or its first fault, with its key.
pub fn read_preset(presets: &Presets, name: &str) -> Result<Preset, String> {
    named(presets, name, &[])
}

/// The cache policy that `--cache-policy` names. The name of a user's own file ends in `.toml`; any
/// other name is that of a preset.
///
/// # Errors
/// If there is no such policy, or it has a fault, or the user's file has the name of a preset.
pub fn read_cache_policy(presets: &Presets, given: &str) -> Result<Preset, String> {
    let path = Path::new(given);
    if !given.ends_with(".toml") {
        return named(presets, given, &[]).map_err(|fault| {
            format!("--cache-policy {given}: {fault}, or the path of a .toml file")
        });
    }
    let text = bounded_file::read_to_string(path, bounded_file::POLICY).map_err(|error| {
        format!("{given}: cannot be read ({error}); name a cache policy, in TOML")
    })?;
    let preset = parse_preset(path, &text, presets)?;
    let name = &preset.name;
    if presets.names().contains(name) && !presets.0.is_file(PRESETS, name, path) {
        return Err(format!("{given}: a preset is called `{name}` already; rename the file"));
    }
    Ok(preset)
}

/// Parses the text of the cache-policy file at `path`. Its key `policy` may name a preset, whose
/// keys the file then overrides.
///
/// # Errors
/// The first fault, with its file, line, key and remedy.
pub fn parse_preset(path: &Path, text: &str, presets: &Presets) -> Result<Preset, String> {
    parse(path, text, presets, &[]).map_err(|fault| fault.to_string())
}

/// Parses a cache policy whose keys override those of `base`.
///
/// # Errors
/// The first fault, with its key.
pub fn parse_policy(text: &str, base: CachePolicy) -> Result<CachePolicy, String> {
    let wire: WireCache = toml::from_str(text).map_err(|error| error.to_string())?;
    wire.apply(base)
}

/// Reads a preset by name. `through` holds the presets that led to this one, each based on the
/// next.
fn named(presets: &Presets, name: &str, through: &[&str]) -> Result<Preset, String> {
    let path = presets.0.path(PRESETS, name);
    let Ok(text) = presets.0.read(PRESETS, name) else {
        let known = presets.names();
        let meant = did_you_mean(name, known.iter().map(String::as_str));
        return Err(format!("no cache policy `{name}`{meant}; known: {}", known.join(", ")));
    };
    parse(&path, &text, presets, &[through, &[name]].concat()).map_err(|fault| fault.to_string())
}

fn parse(path: &Path, text: &str, presets: &Presets, through: &[&str]) -> Checked<Preset> {
    let file = File { path, text };
    let mut wire: WireCache = match toml::from_str(text) {
        Ok(wire) => wire,
        Err(error) => return file.unreadable(&error, REMEDY),
    };
    let (about, start) = (wire.take_about(), wire.start());
    let base = match wire.base() {
        None => None,
        Some(base) if through.contains(&base) => {
            let message = format!(
                "`policy` leads back to `{base}`; name a preset that does not stand on this one"
            );
            return file.fault(place(text, "policy"), message);
        }
        Some(base) => match named(presets, base, through) {
            Ok(base) => Some(base),
            Err(fault) => return file.fault(place(text, "policy"), format!("`policy`: {fault}")),
        },
    };
    let (base_policy, base_start) =
        base.map_or_else(|| (CachePolicy::default(), None), |base| (base.policy, base.start));
    let policy = match wire.apply(base_policy) {
        Ok(policy) => policy,
        Err(fault) => {
            let key = fault.split('`').nth(1).unwrap_or_default();
            return file.fault(place(text, key), fault);
        }
    };
    let stem = path.file_stem().unwrap_or_default();
    Ok(Preset {
        name: stem.to_string_lossy().into_owned(),
        policy,
        start: start.or(base_start),
        about,
        keys: keys(text),
        text: text.to_owned(),
    })
}

/// The lines of a text that set a key.
fn keys(text: &str) -> Vec<String> {
    let table: toml::Table = toml::from_str(text).unwrap_or_default();
    let is_key = |line: &&str| {
        let key = line.split_once('=').map(|(key, _)| key.trim());
        key.is_some_and(|key| table.contains_key(key))
    };
    text.lines().filter(is_key).map(str::to_owned).collect()
}
