//! A scenario's `[cache]` table and the cache-policy presets: a preset by name, plus overrides.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use jwtbench_verifier::cache_policy::{CachePolicy, Timeouts, UnknownKid, VerdictCachePolicy};

use super::wire::Span;

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

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WireCache {
    policy: Option<String>,
    start: Option<WireStart>,
    ttl: Option<WireTtl>,
    refresh_ahead: Option<WireShare>,
    refresh_jitter: Option<f64>,
    unknown_kid: Option<WireUnknownKid>,
    unknown_kid_budget: Option<u32>,
    unknown_kid_window: Option<Span>,
    stale_if_error: Option<Span>,
    connect_timeout: Option<Span>,
    idle_timeout: Option<Span>,
    total_timeout: Option<Span>,
    max_body: Option<usize>,
    retries: Option<u32>,
    retry_delay: Option<Span>,
    backoff_min: Option<Span>,
    backoff_max: Option<Span>,
    max_wait: Option<Span>,
    max_waits: Option<usize>,
    verdict_cache: Option<WireVerdictCache>,
    verdict_cache_entries: Option<usize>,
    verdict_cache_bytes: Option<u64>,
}

#[derive(Clone, Copy)]
struct WireStart(Start);

impl<'de> Deserialize<'de> for WireStart {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "cold" => Ok(WireStart(Start::Cold)),
            "warm" => Ok(WireStart(Start::Warm)),
            age => {
                humantime::parse_duration(age).map(|age| WireStart(Start::Age(age))).map_err(|_| {
                    let message =
                        format!("`{age}` is no start; use \"cold\", \"warm\" or \"250s\"");
                    serde::de::Error::custom(message)
                })
            }
        }
    }
}

#[derive(Clone, Copy)]
struct WireTtl(Duration);

impl<'de> Deserialize<'de> for WireTtl {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "forever" {
            return Ok(WireTtl(Duration::MAX));
        }
        humantime::parse_duration(&text).map(WireTtl).map_err(|_| {
            let message = format!("`{text}` is no ttl; use a duration or \"forever\"");
            serde::de::Error::custom(message)
        })
    }
}

/// A share of the ttl, or `"off"`.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum WireShare {
    Share(f64),
    Off(WireOff),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireOff {
    Off,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireUnknownKid {
    Refuse,
    Refetch,
}

/// Whether a verdict dies with the key set that it was given under.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireVerdictCache {
    Off,
    Tied,
    Untied,
}

impl WireCache {
    /// With another preset, if one is named.
    pub(super) fn under(self, name: Option<&str>) -> WireCache {
        WireCache { policy: name.map(str::to_owned).or(self.policy), ..self }
    }

    /// The named preset from `presets`, with these overrides.
    pub(super) fn resolve(self, presets: &Path) -> Result<CacheSpec, String> {
        let name = self.policy.clone().unwrap_or_else(|| "default".into());
        let base = load_preset(presets, &name)?;
        let start = self.start.map_or(Start::Warm, |start| start.0);
        let policy = self.apply(base)?;
        Ok(CacheSpec { name, policy, start })
    }

    fn apply(self, base: CachePolicy) -> Result<CachePolicy, String> {
        let span = |given: Option<Span>, base: Duration| given.map_or(base, |span| span.0);
        let (budget, window) = match base.unknown_kid {
            UnknownKid::Refetch { budget, window } => (budget, window),
            UnknownKid::Refuse => (1, Duration::from_secs(10)),
        };
        let refetch = UnknownKid::Refetch {
            budget: self.unknown_kid_budget.unwrap_or(budget),
            window: span(self.unknown_kid_window, window),
        };
        let verdict_cache = self.verdict_cache(base.verdict_cache)?;
        let policy = CachePolicy {
            verdict_cache,
            ttl: self.ttl.map_or(base.ttl, |ttl| ttl.0),
            refresh_ahead: match self.refresh_ahead {
                Some(WireShare::Share(share)) => Some(share),
                Some(WireShare::Off(WireOff::Off)) => None,
                None => base.refresh_ahead,
            },
            refresh_jitter: self.refresh_jitter.unwrap_or(base.refresh_jitter),
            unknown_kid: match self.unknown_kid {
                Some(WireUnknownKid::Refuse) => UnknownKid::Refuse,
                Some(WireUnknownKid::Refetch) => refetch,
                None if base.unknown_kid == UnknownKid::Refuse => UnknownKid::Refuse,
                None => refetch,
            },
            stale_if_error: span(self.stale_if_error, base.stale_if_error),
            timeouts: Timeouts {
                connect: span(self.connect_timeout, base.timeouts.connect),
                idle: span(self.idle_timeout, base.timeouts.idle),
                total: span(self.total_timeout, base.timeouts.total),
            },
            max_body: self.max_body.unwrap_or(base.max_body),
            retries: self.retries.unwrap_or(base.retries),
            retry_delay: span(self.retry_delay, base.retry_delay),
            backoff_min: span(self.backoff_min, base.backoff_min),
            backoff_max: span(self.backoff_max, base.backoff_max),
            max_wait: span(self.max_wait, base.max_wait),
            max_waits: self.max_waits.unwrap_or(base.max_waits),
        };
        check(&policy)?;
        Ok(policy)
    }

    fn verdict_cache(
        &self,
        base: Option<VerdictCachePolicy>,
    ) -> Result<Option<VerdictCachePolicy>, String> {
        let sized = self.verdict_cache_entries.is_some() || self.verdict_cache_bytes.is_some();
        let base = match self.verdict_cache {
            Some(WireVerdictCache::Off) => None,
            None => base,
            Some(kind) => {
                let is_tied = matches!(kind, WireVerdictCache::Tied);
                Some(VerdictCachePolicy { is_tied, ..base.unwrap_or_default() })
            }
        };
        let Some(base) = base else {
            return match sized {
                true => Err("a verdict cache has a size and is off; \
                             add verdict-cache = \"tied\", or leave the size out"
                    .into()),
                false => Ok(None),
            };
        };
        let entries = self.verdict_cache_entries.unwrap_or(base.entries);
        let bytes = self.verdict_cache_bytes.unwrap_or(base.bytes);
        if !(1..=10_000_000).contains(&entries) {
            return Err("`verdict-cache-entries` is not between 1 and 10000000".into());
        }
        if !(4096..=1 << 34).contains(&bytes) {
            return Err("`verdict-cache-bytes` is not between 4096 and 17179869184".into());
        }
        Ok(Some(VerdictCachePolicy { entries, bytes, ..base }))
    }
}

fn check(policy: &CachePolicy) -> Result<(), String> {
    let share = 0.0..=1.0;
    if policy.refresh_ahead.is_some_and(|ahead| !share.contains(&ahead)) {
        return Err("`refresh-ahead` is a share of the ttl: 0 to 1, or \"off\"".into());
    }
    if !share.contains(&policy.refresh_jitter) {
        return Err("`refresh-jitter` is a share of the ttl: 0 to 1".into());
    }
    if matches!(policy.unknown_kid, UnknownKid::Refetch { budget: 0, .. }) {
        return Err("`unknown-kid-budget` is zero; use unknown-kid = \"refuse\"".into());
    }
    if policy.timeouts.total.is_zero() || policy.timeouts.connect.is_zero() {
        return Err("a timeout of zero lets no fetch succeed".into());
    }
    if policy.backoff_min > policy.backoff_max {
        return Err("`backoff-min` is longer than `backoff-max`".into());
    }
    if policy.retries > 10 {
        return Err("`retries` is over 10; a fetch is bounded".into());
    }
    if policy.max_waits == 0 || policy.max_waits > 65_536 {
        return Err("`max-waits` is not between 1 and 65536".into());
    }
    Ok(())
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
    let wire: WireCache =
        toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    wire.apply(CachePolicy::default()).map_err(|fault| format!("{}: {fault}", path.display()))
}
