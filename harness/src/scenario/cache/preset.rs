//! A cache policy in a file of its own: a preset by name, or a file of the user's. Every fault
//! names file, line, key and remedy.

use std::path::Path;

use jwtbench_verifier::cache_policy::CachePolicy;

use super::{About, Start, WireCache};
use crate::scenario::parse::{Checked, File};
use crate::scenario::policy_file::{key_at, place};

/// A cache policy that stands in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Preset {
    /// The stem of the file.
    pub name: String,
    /// The policy.
    pub policy: CachePolicy,
    /// What a key cache holds at the beginning, if the file says so.
    pub start: Option<Start>,
    /// What it says of itself.
    pub about: Option<About>,
    /// The keys that it sets, a line each as the file has them.
    pub keys: Vec<String>,
    /// The file, whole.
    pub text: String,
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
    named(folder, name, &[])
}

/// What `--cache-policy` names: a preset, or a file of the user's own, which ends in `.toml`.
///
/// # Errors
/// If there is none, what is wrong with which key, and if the file has the name of a preset.
pub fn read_cache_policy(folder: &Path, given: &str) -> Result<Preset, String> {
    let path = Path::new(given);
    if !given.ends_with(".toml") {
        return named(folder, given, &[]).map_err(|fault| {
            format!("--cache-policy {given}: {fault}, or the path of a .toml file")
        });
    }
    let text = std::fs::read_to_string(path).map_err(|error| {
        format!("{given}: cannot be read ({error}); name a cache policy, in TOML")
    })?;
    let preset = parse_preset(path, &text, folder)?;
    let own = folder.join(format!("{}.toml", preset.name));
    let is_preset = own.canonicalize().is_ok_and(|own| path.canonicalize().is_ok_and(|p| p == own));
    if own.is_file() && !is_preset {
        let name = &preset.name;
        return Err(format!("{given}: a preset is called `{name}` already; rename the file"));
    }
    Ok(preset)
}

/// A cache policy from the text of the file at `path`. `folder` has the presets, one of which its
/// key `policy` may name for its keys to stand on.
///
/// # Errors
/// The first fault, with file, line, key and remedy.
pub fn parse_preset(path: &Path, text: &str, folder: &Path) -> Result<Preset, String> {
    parse(path, text, folder, &[]).map_err(|fault| fault.to_string())
}

/// A policy from the keys in a text, over those of `base`.
///
/// # Errors
/// What is wrong with which key.
pub fn parse_policy(text: &str, base: CachePolicy) -> Result<CachePolicy, String> {
    let wire: WireCache = toml::from_str(text).map_err(|error| error.to_string())?;
    wire.apply(base)
}

/// `through` are the presets that led here, each standing on the next.
fn named(folder: &Path, name: &str, through: &[&str]) -> Result<Preset, String> {
    let path = folder.join(format!("{name}.toml"));
    let Ok(text) = std::fs::read_to_string(&path) else {
        let known = presets(folder).join(", ");
        return Err(format!("no cache policy `{name}`; known: {known}"));
    };
    parse(&path, &text, folder, &[through, &[name]].concat()).map_err(|fault| fault.to_string())
}

fn parse(path: &Path, text: &str, folder: &Path, through: &[&str]) -> Checked<Preset> {
    let file = File { path, text };
    let mut wire: WireCache = match toml::from_str(text) {
        Ok(wire) => wire,
        Err(error) => return unreadable(&file, &error),
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
        Some(base) => match named(folder, base, through) {
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

fn unreadable(file: &File<'_>, error: &toml::de::Error) -> Checked<Preset> {
    let message = error.message();
    if message.contains("unknown field") {
        let remedy = "a cache policy has the keys of a scenario's [cache], at its top level";
        return file.fault(error.span(), format!("{message}; {remedy}"));
    }
    match error.span().and_then(|span| key_at(file.text, span.start)) {
        Some(key) if !message.contains(key) => {
            file.fault(error.span(), format!("`{key}`: {message}"))
        }
        _ => file.fault(error.span(), message),
    }
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
