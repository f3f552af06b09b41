//! A scenario's `[cache]` table and the cache-policy presets: a preset by name, plus overrides.

mod check;
mod preset;
mod wire;

use std::time::Duration;

use serde::Deserialize;

use jwtbench_verifier::cache_policy::CachePolicy;

use crate::Scenario;

pub(crate) use preset::PRESETS;
pub use preset::{
    Preset, Presets, load_preset, parse_policy, parse_preset, read_cache_policy, read_preset,
};
pub(crate) use wire::WireCache;

/// The key cache of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheSpec {
    /// Name of the preset, or the stem of the file.
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
    /// In what it is known to differ from the library; `None` if in nothing.
    pub differs: Option<String>,
    /// How it was held to the library; `None` if it stands for none.
    pub checked: Option<String>,
}

impl Scenario {
    /// The scenario under this cache policy in place of its whole `[cache]`. Where the policy names
    /// no start, the scenario's stays.
    pub fn under(mut self, preset: &Preset) -> Scenario {
        let start = preset.start.unwrap_or(self.cache.start);
        self.0.cache =
            CacheSpec { name: preset.name.clone(), policy: preset.policy.clone(), start };
        self.0.replaced.cache = true;
        self
    }

    /// What another cache policy drops: the keys of its `[cache]` but `start`, as `key = value`.
    pub fn cache_keys(&self) -> Vec<String> {
        let table: toml::Table = toml::from_str(&self.text).unwrap_or_default();
        let cache = table.get("cache").and_then(toml::Value::as_table);
        let keys = cache.into_iter().flatten().filter(|(key, _)| *key != "start");
        keys.map(|(key, value)| format!("{key} = {value}")).collect()
    }
}
