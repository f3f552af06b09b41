//! The serde types of a cache policy's keys.

use std::time::Duration;

use serde::Deserialize;

use jwtbench_verifier::cache_policy::{
    AgeFrom, ArmedOn, BadEntry, Budget, CachePolicy, Coalescing, EmptySet, HttpFreshness, Jitter,
    LockScope, OnFailure, OutageAnswer, Refresh, RefreshAhead, Timeouts, UnknownKid,
    VerdictCachePolicy, WindowKind,
};

use crate::format::wire::Span;

use super::check::check;
use super::{About, CacheSpec, Presets, Start, read_preset};

#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WireCache {
    about: Option<About>,
    policy: Option<String>,
    start: Option<WireStart>,
    ttl: Option<Forever>,
    refresh: Option<WireRefresh>,
    age_from: Option<WireAgeFrom>,
    http_freshness: Option<WireHttp>,
    ttl_min: Option<Span>,
    ttl_max: Option<Forever>,
    refresh_ahead: Option<WireAhead>,
    refresh_jitter: Option<WirePart>,
    unknown_kid: Option<WireUnknownKid>,
    unknown_kid_budget: Option<WireCount>,
    unknown_kid_window: Option<Span>,
    unknown_kid_window_kind: Option<WireWindowKind>,
    unknown_kid_armed_on: Option<WireArmedOn>,
    unknown_kid_shared: Option<bool>,
    unknown_kid_exceeded: Option<WireExceeded>,
    unknown_kid_grounds: Option<Span>,
    bad_signature: Option<WireBadSignature>,
    stale_if_error: Option<Forever>,
    on_failure: Option<WireOnFailure>,
    coalescing: Option<WireCoalescing>,
    lock: Option<WireLock>,
    per_worker: Option<bool>,
    per_kid: Option<WirePerKid>,
    bad_entry: Option<WireBadEntry>,
    empty_set: Option<WireEmptySet>,
    outage_status: Option<u16>,
    kid_required: Option<bool>,
    leeway: Option<Span>,
    push_eviction: Option<bool>,
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

/// A duration, or `"forever"`.
#[derive(Clone, Copy)]
struct Forever(Duration);

impl<'de> Deserialize<'de> for Forever {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "forever" {
            return Ok(Forever(Duration::MAX));
        }
        humantime::parse_duration(&text).map(Forever).map_err(|_| {
            let message = format!("`{text}` is no span of time; use \"5m\" or \"forever\"");
            serde::de::Error::custom(message)
        })
    }
}

/// A share of the TTL, a duration before its end, or `"off"`.
#[derive(Clone, Copy, Deserialize)]
#[serde(
    untagged,
    expecting = "a share of the ttl (0.8), a span before its end (\"30s\") or \"off\""
)]
enum WireAhead {
    Share(f64),
    Off(WireOff),
    Before(Span),
}

/// A share of the TTL, or a duration.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "a share of the ttl (0.1) or a span (\"5s\")")]
enum WirePart {
    Share(f64),
    Span(Span),
}

/// Whether the freshness in HTTP responses sets the TTL.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireHttp {
    Off,
    Obey,
}

/// The number of kids that are kept one by one, or `"off"`.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "a number of kids, or \"off\"")]
enum WirePerKid {
    Kids(usize),
    Off(WireOff),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireOff {
    Off,
}

/// A number of fetches, or `"unlimited"`.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "a number of fetches, or \"unlimited\"")]
enum WireCount {
    Count(u32),
    Unlimited(WireUnlimited),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireUnlimited {
    Unlimited,
}

/// The time a token may wait for the budget, or `"refuse"`.
#[derive(Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "how long a token may wait for the budget, or \"refuse\"")]
enum WireExceeded {
    Refuse(WireRefuse),
    Wait(Span),
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireRefuse {
    Refuse,
}

/// Defines a serde enum of words that converts to an enum of the policy.
macro_rules! words {
    ($name:ident { $($word:ident => $value:expr),* $(,)? } $type:ty) => {
        #[derive(Clone, Copy, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        enum $name { $($word),* }

        impl From<$name> for $type {
            fn from(word: $name) -> $type {
                match word { $($name::$word => $value),* }
            }
        }
    };
}

words!(WireRefresh {
    Lazy => Refresh::Lazy,
    Async => Refresh::Async,
    Periodic => Refresh::Periodic,
} Refresh);
words!(WireAgeFrom {
    Request => AgeFrom::Request,
    Response => AgeFrom::Response,
} AgeFrom);
words!(WireUnknownKid {
    Refuse => UnknownKid::Refuse,
    Refetch => UnknownKid::Refetch,
    RefetchInBackground => UnknownKid::RefetchInBackground,
} UnknownKid);
words!(WireWindowKind {
    Sliding => WindowKind::Sliding,
    Fixed => WindowKind::Fixed,
    Bucket => WindowKind::Bucket,
} WindowKind);
words!(WireArmedOn {
    Attempt => ArmedOn::Attempt,
    Success => ArmedOn::Success,
    Miss => ArmedOn::Miss,
} ArmedOn);
words!(WireBadSignature { Refuse => false, Refetch => true } bool);
words!(WireOnFailure { Keep => OnFailure::Keep, Clear => OnFailure::Clear } OnFailure);
words!(WireCoalescing {
    None => Coalescing::None,
    PerKid => Coalescing::PerKid,
    SingleFlight => Coalescing::SingleFlight,
} Coalescing);
words!(WireLock { Misses => LockScope::Misses, All => LockScope::All } LockScope);
words!(WireBadEntry {
    Skip => BadEntry::Skip,
    FailMalformed => BadEntry::FailMalformed,
    FailSet => BadEntry::FailSet,
} BadEntry);
words!(WireEmptySet { KeepOld => EmptySet::KeepOld, Accept => EmptySet::Accept } EmptySet);

/// Whether a cached verdict becomes invalid together with the key set under which it was given.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireVerdictCache {
    Off,
    Tied,
    Untied,
}

fn span(given: Option<Span>, base: Duration) -> Duration {
    given.map_or(base, |span| span.0)
}

/// The converted word, or `base` if none was given.
fn word<W: Into<T>, T>(given: Option<W>, base: T) -> T {
    given.map_or(base, Into::into)
}

impl WireCache {
    /// The preset that the table names, with the overrides of the table.
    pub(crate) fn resolve(self, presets: &Presets) -> Result<CacheSpec, String> {
        let name = self.policy.clone().unwrap_or_else(|| "default".into());
        let base = read_preset(presets, &name)?;
        let start = self.start().or(base.start).unwrap_or(Start::Warm);
        let policy = self.apply(base.policy)?;
        Ok(CacheSpec { name, policy, start })
    }

    /// The name of the preset that the table overrides, if it names one.
    pub(super) fn base(&self) -> Option<&str> {
        self.policy.as_deref()
    }

    /// The content of the cache at the beginning, if the table gives it.
    pub(super) fn start(&self) -> Option<Start> {
        self.start.map(|start| start.0)
    }

    /// Takes the description out of the table.
    pub(super) fn take_about(&mut self) -> Option<About> {
        self.about.take()
    }

    pub(super) fn apply(self, base: CachePolicy) -> Result<CachePolicy, String> {
        if self.about.is_some() {
            return Err("`about` belongs into the file of a cache policy; leave it out".into());
        }
        let budget = self.budget(base.budget)?;
        let verdict_cache = self.verdict_cache(base.verdict_cache)?;
        let outage = self.outage(base.outage)?;
        let http_freshness = self.http_freshness(base.http_freshness)?;
        // If no other time is given, a fetch is grounds for as long as the window of the budget
        // lasts.
        let follows = base.budget.is_some_and(|rule| rule.window == base.grounds);
        let window = budget.filter(|_| follows).map_or(base.grounds, |rule| rule.window);
        let policy = CachePolicy {
            budget,
            verdict_cache,
            outage,
            http_freshness,
            ttl: self.ttl.map_or(base.ttl, |ttl| ttl.0),
            age_from: word(self.age_from, base.age_from),
            refresh: word(self.refresh, base.refresh),
            refresh_ahead: match self.refresh_ahead {
                Some(WireAhead::Share(share)) => Some(RefreshAhead::Share(share)),
                Some(WireAhead::Before(span)) => Some(RefreshAhead::Before(span.0)),
                Some(WireAhead::Off(WireOff::Off)) => None,
                None => base.refresh_ahead,
            },
            refresh_jitter: match self.refresh_jitter {
                Some(WirePart::Share(share)) => Jitter::Share(share),
                Some(WirePart::Span(span)) => Jitter::Span(span.0),
                None => base.refresh_jitter,
            },
            unknown_kid: word(self.unknown_kid, base.unknown_kid),
            grounds: span(self.unknown_kid_grounds, window),
            refetch_bad_signature: word(self.bad_signature, base.refetch_bad_signature),
            stale_if_error: self.stale_if_error.map_or(base.stale_if_error, |stale| stale.0),
            on_failure: word(self.on_failure, base.on_failure),
            coalescing: word(self.coalescing, base.coalescing),
            lock: word(self.lock, base.lock),
            per_worker: self.per_worker.unwrap_or(base.per_worker),
            per_kid: match self.per_kid {
                Some(WirePerKid::Kids(most)) => Some(most),
                Some(WirePerKid::Off(WireOff::Off)) => None,
                None => base.per_kid,
            },
            bad_entry: word(self.bad_entry, base.bad_entry),
            empty_set: word(self.empty_set, base.empty_set),
            kid_required: self.kid_required.unwrap_or(base.kid_required),
            leeway: self.leeway.map(|span| span.0).or(base.leeway),
            push_eviction: self.push_eviction.unwrap_or(base.push_eviction),
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

    fn outage(&self, base: OutageAnswer) -> Result<OutageAnswer, String> {
        match self.outage_status {
            None => Ok(base),
            Some(401) => Ok(OutageAnswer::Unauthorized),
            Some(503) => Ok(OutageAnswer::Unavailable),
            Some(other) => Err(format!("`outage-status` is {other}; use 401 or 503")),
        }
    }

    fn http_freshness(&self, base: Option<HttpFreshness>) -> Result<Option<HttpFreshness>, String> {
        let bounded = self.ttl_min.is_some() || self.ttl_max.is_some();
        let base = match self.http_freshness {
            Some(WireHttp::Off) => None,
            Some(WireHttp::Obey) => Some(base.unwrap_or(HttpFreshness::UNBOUNDED)),
            None => base,
        };
        let Some(base) = base else {
            return match bounded {
                true => Err("`ttl-min` and `ttl-max` bound what responses say; \
                             add http-freshness = \"obey\", or leave them out"
                    .into()),
                false => Ok(None),
            };
        };
        let max = self.ttl_max.map_or(base.max, |max| max.0);
        Ok(Some(HttpFreshness { min: span(self.ttl_min, base.min), max }))
    }

    fn budget(&self, base: Option<Budget>) -> Result<Option<Budget>, String> {
        let is_shaped = self.unknown_kid_window.is_some()
            || self.unknown_kid_window_kind.is_some()
            || self.unknown_kid_armed_on.is_some()
            || self.unknown_kid_shared.is_some()
            || self.unknown_kid_exceeded.is_some();
        let fetches = match self.unknown_kid_budget {
            Some(WireCount::Unlimited(WireUnlimited::Unlimited)) => None,
            Some(WireCount::Count(fetches)) => Some(fetches),
            None => base.map(|base| base.fetches),
        };
        let Some(fetches) = fetches else {
            return match is_shaped {
                true => Err("a budget for unknown kids has a shape and no size; \
                             add unknown-kid-budget = 1, or leave the rest out"
                    .into()),
                false => Ok(None),
            };
        };
        let base = base.unwrap_or(Budget::sliding(1, Duration::from_secs(10)));
        Ok(Some(Budget {
            fetches,
            window: span(self.unknown_kid_window, base.window),
            kind: word(self.unknown_kid_window_kind, base.kind),
            armed_on: word(self.unknown_kid_armed_on, base.armed_on),
            is_shared: self.unknown_kid_shared.unwrap_or(base.is_shared),
            max_wait: match self.unknown_kid_exceeded {
                Some(WireExceeded::Refuse(WireRefuse::Refuse)) => Duration::ZERO,
                Some(WireExceeded::Wait(span)) => span.0,
                None => base.max_wait,
            },
        }))
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
        Ok(Some(VerdictCachePolicy { entries, bytes, ..base }))
    }
}
