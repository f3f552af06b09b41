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
    /// The name of the preset, or the stem of the file.
    pub name: String,
    /// The policy, with the overrides applied.
    pub policy: CachePolicy,
    /// The content of the cache at the beginning.
    pub start: Start,
}

/// The content of a key cache at the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// No key set.
    Cold,
    /// The published key set, fetched just before the start.
    Warm,
    /// The published key set, fetched this long before the start.
    Age(Duration),
}

/// The description of a preset, from its `about` table. A user's own policy need not have one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct About {
    /// What the preset models, in one line: a library with its version and settings.
    pub title: String,
    /// The source of its figures.
    pub source: Option<String>,
    /// What a user of the library must enable to get this behaviour; `None` if nothing.
    pub opt_in: Option<String>,
    /// The behaviour of the library that this policy does not model.
    pub not_modelled: Option<String>,
    /// The known differences from the library; `None` if there are none.
    pub differs: Option<String>,
    /// How the preset was checked against the library; `None` if it models no library.
    pub checked: Option<String>,
}

impl Scenario {
    /// The scenario with this cache policy in place of its whole `[cache]` table. If the policy
    /// gives no start, the start of the scenario stays.
    pub fn under(mut self, preset: &Preset) -> Scenario {
        let start = preset.start.unwrap_or(self.cache.start);
        self.0.cache =
            CacheSpec { name: preset.name.clone(), policy: preset.policy.clone(), start };
        self.0.replaced.cache = true;
        self
    }

    /// The keys of `[cache]` that another cache policy replaces, as `key = value`. The key `start`
    /// is not among them.
    pub fn cache_keys(&self) -> Vec<String> {
        let table: toml::Table = toml::from_str(&self.text).unwrap_or_default();
        let cache = table.get("cache").and_then(toml::Value::as_table);
        let keys = cache.into_iter().flatten().filter(|(key, _)| *key != "start");
        keys.map(|(key, value)| format!("{key} = {value}")).collect()
    }
}
