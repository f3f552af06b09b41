//! The fingerprint of a cache policy and of the cache's content at the beginning.

use jwtbench_verifier::cache_policy::{
    AgeFrom, ArmedOn, BadEntry, Budget, CachePolicy, Coalescing, EmptySet, HttpFreshness, Jitter,
    LockScope, OnFailure, OutageAnswer, Refresh, RefreshAhead, Timeouts, UnknownKid,
    VerdictCachePolicy, WindowKind,
};

use crate::format::cache::{CacheSpec, Start};

use super::{Fingerprint, Fingerprinted};

/// The version, which changes whenever the written values of a cache policy change.
const VERSION: u32 = 1;

/// SHA-256 of a cache policy and of the cache's content at the beginning, in hex. The name of the
/// policy does not count.
pub fn cache_policy_hash(cache: &CacheSpec) -> String {
    let CacheSpec { name: _, policy, start } = cache;
    let mut to = Fingerprint::new("cache-policy", VERSION);
    to.field("policy", policy);
    to.field("start", start);
    to.finish()
}

impl Fingerprinted for Start {
    fn write(&self, to: &mut Fingerprint) {
        match self {
            Start::Cold => to.variant("cold"),
            Start::Warm => to.variant("warm"),
            Start::Age(age) => to.field("age", age),
        }
    }
}

impl Fingerprinted for CachePolicy {
    fn write(&self, to: &mut Fingerprint) {
        let CachePolicy {
            ttl,
            age_from,
            http_freshness,
            refresh_ahead,
            refresh_jitter,
            refresh,
            unknown_kid,
            budget,
            grounds,
            refetch_bad_signature,
            stale_if_error,
            on_failure,
            coalescing,
            lock,
            per_worker,
            per_kid,
            bad_entry,
            empty_set,
            outage,
            kid_required,
            leeway,
            push_eviction,
            timeouts,
            max_body,
            retries,
            retry_delay,
            backoff_min,
            backoff_max,
            max_wait,
            max_waits,
            verdict_cache,
        } = self;
        to.field("ttl", ttl);
        to.field("age-from", age_from);
        to.field("http-freshness", http_freshness);
        to.field("refresh-ahead", refresh_ahead);
        to.field("refresh-jitter", refresh_jitter);
        to.field("refresh", refresh);
        to.field("unknown-kid", unknown_kid);
        to.field("budget", budget);
        to.field("grounds", grounds);
        to.field("refetch-bad-signature", refetch_bad_signature);
        to.field("stale-if-error", stale_if_error);
        to.field("on-failure", on_failure);
        to.field("coalescing", coalescing);
        to.field("lock", lock);
        to.field("per-worker", per_worker);
        to.field("per-kid", per_kid);
        to.field("bad-entry", bad_entry);
        to.field("empty-set", empty_set);
        to.field("outage", outage);
        to.field("kid-required", kid_required);
        to.field("leeway", leeway);
        to.field("push-eviction", push_eviction);
        to.field("timeouts", timeouts);
        to.field("max-body", max_body);
        to.field("retries", retries);
        to.field("retry-delay", retry_delay);
        to.field("backoff-min", backoff_min);
        to.field("backoff-max", backoff_max);
        to.field("max-wait", max_wait);
        to.field("max-waits", max_waits);
        to.field("verdict-cache", verdict_cache);
    }
}

impl Fingerprinted for AgeFrom {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            AgeFrom::Request => "request",
            AgeFrom::Response => "response",
        });
    }
}

impl Fingerprinted for HttpFreshness {
    fn write(&self, to: &mut Fingerprint) {
        let HttpFreshness { min, max } = self;
        to.field("min", min);
        to.field("max", max);
    }
}

impl Fingerprinted for RefreshAhead {
    fn write(&self, to: &mut Fingerprint) {
        match self {
            RefreshAhead::Share(share) => to.field("share", share),
            RefreshAhead::Before(span) => to.field("before", span),
        }
    }
}

impl Fingerprinted for Jitter {
    fn write(&self, to: &mut Fingerprint) {
        match self {
            Jitter::Share(share) => to.field("share", share),
            Jitter::Span(span) => to.field("span", span),
        }
    }
}

impl Fingerprinted for Refresh {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            Refresh::Lazy => "lazy",
            Refresh::Async => "async",
            Refresh::Periodic => "periodic",
        });
    }
}

impl Fingerprinted for UnknownKid {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            UnknownKid::Refuse => "refuse",
            UnknownKid::Refetch => "refetch",
            UnknownKid::RefetchInBackground => "refetch-in-background",
        });
    }
}

impl Fingerprinted for Budget {
    fn write(&self, to: &mut Fingerprint) {
        let Budget { fetches, window, kind, armed_on, is_shared, max_wait } = self;
        to.field("fetches", fetches);
        to.field("window", window);
        to.field("kind", kind);
        to.field("armed-on", armed_on);
        to.field("shared", is_shared);
        to.field("max-wait", max_wait);
    }
}

impl Fingerprinted for WindowKind {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            WindowKind::Sliding => "sliding",
            WindowKind::Fixed => "fixed",
            WindowKind::Bucket => "bucket",
        });
    }
}

impl Fingerprinted for ArmedOn {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            ArmedOn::Attempt => "attempt",
            ArmedOn::Success => "success",
            ArmedOn::Miss => "miss",
        });
    }
}

impl Fingerprinted for OnFailure {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            OnFailure::Keep => "keep",
            OnFailure::Clear => "clear",
        });
    }
}

impl Fingerprinted for Coalescing {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            Coalescing::None => "none",
            Coalescing::PerKid => "per-kid",
            Coalescing::SingleFlight => "single-flight",
        });
    }
}

impl Fingerprinted for LockScope {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            LockScope::Misses => "misses",
            LockScope::All => "all",
        });
    }
}

impl Fingerprinted for BadEntry {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            BadEntry::Skip => "skip",
            BadEntry::FailMalformed => "fail-malformed",
            BadEntry::FailSet => "fail-set",
        });
    }
}

impl Fingerprinted for EmptySet {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            EmptySet::KeepOld => "keep-old",
            EmptySet::Accept => "accept",
        });
    }
}

impl Fingerprinted for OutageAnswer {
    fn write(&self, to: &mut Fingerprint) {
        to.variant(match self {
            OutageAnswer::Unavailable => "unavailable",
            OutageAnswer::Unauthorized => "unauthorized",
        });
    }
}

impl Fingerprinted for Timeouts {
    fn write(&self, to: &mut Fingerprint) {
        let Timeouts { connect, idle, total } = self;
        to.field("connect", connect);
        to.field("idle", idle);
        to.field("total", total);
    }
}

impl Fingerprinted for VerdictCachePolicy {
    fn write(&self, to: &mut Fingerprint) {
        let VerdictCachePolicy { entries, bytes, is_tied } = self;
        to.field("entries", entries);
        to.field("bytes", bytes);
        to.field("tied", is_tied);
    }
}
