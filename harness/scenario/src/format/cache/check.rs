//! The checks of a cache policy. Each fault names its key and a remedy.

use std::time::Duration;

use jwtbench_verifier::cache_policy::{CachePolicy, Jitter, Refresh, RefreshAhead};

/// Returns the first fault of a policy as an error.
pub(super) fn check(policy: &CachePolicy) -> Result<(), String> {
    let faults =
        [freshness(policy), refresh(policy), budget(policy), limits(policy), verdict_cache(policy)];
    faults.into_iter().flatten().next().map_or(Ok(()), |fault| Err(fault.to_owned()))
}

fn freshness(policy: &CachePolicy) -> Option<&'static str> {
    let bounds = policy.http_freshness?;
    if bounds.min > bounds.max {
        return Some("`ttl-min` is longer than `ttl-max`");
    }
    if policy.per_kid.is_some() {
        return Some("http-freshness = \"obey\" is of whole sets; leave `per-kid` out");
    }
    None
}

fn refresh(policy: &CachePolicy) -> Option<&'static str> {
    let share = 0.0..=1.0;
    if let Some(RefreshAhead::Share(ahead)) = policy.refresh_ahead
        && !share.contains(&ahead)
    {
        return Some(
            "`refresh-ahead` is a share of the ttl from 0 to 1, a span before its end, or \"off\"",
        );
    }
    if let Jitter::Share(jitter) = policy.refresh_jitter
        && !share.contains(&jitter)
    {
        return Some("`refresh-jitter` is a share of the ttl from 0 to 1, or a span");
    }
    if policy.refresh != Refresh::Periodic {
        return None;
    }
    // Each of these settings would make the timer fetch without a pause.
    let shortest = policy.shortest_ttl();
    if policy.refresh_after(shortest, 0.5).is_some_and(|after| after.is_zero())
        || policy.refresh_ahead.is_none()
        || shortest.is_zero()
    {
        return Some(
            "refresh = \"periodic\" has no period; set `ttl` (and `ttl-min`), and `refresh-ahead` \
             to a share of it over 0 (1.0 for the ttl itself)",
        );
    }
    if policy.backoff_min < Duration::from_millis(1) {
        return Some(
            "refresh = \"periodic\" tries again at once; set `backoff-min` to 1ms or more",
        );
    }
    if policy.per_kid.is_some() {
        return Some("refresh = \"periodic\" knows no kid to fetch; leave `per-kid` out");
    }
    None
}

fn budget(policy: &CachePolicy) -> Option<&'static str> {
    let budget = policy.budget?;
    if budget.fetches == 0 {
        return Some("`unknown-kid-budget` is zero; use unknown-kid = \"refuse\"");
    }
    if budget.fetches > 10_000 {
        return Some("`unknown-kid-budget` is over 10000; use \"unlimited\"");
    }
    None
}

fn limits(policy: &CachePolicy) -> Option<&'static str> {
    if policy.timeouts.total.is_zero() || policy.timeouts.connect.is_zero() {
        return Some("a timeout of zero lets no fetch succeed");
    }
    if policy.backoff_min > policy.backoff_max {
        return Some("`backoff-min` is longer than `backoff-max`");
    }
    if policy.retries > 10 {
        return Some("`retries` is over 10; a fetch is bounded");
    }
    if policy.leeway.is_some_and(|leeway| leeway > Duration::from_secs(300)) {
        return Some("`leeway` is over 5m; the contract allows no more");
    }
    if policy.max_waits == 0 || policy.max_waits > 65_536 {
        return Some("`max-waits` is not between 1 and 65536");
    }
    if policy.per_kid.is_some_and(|most| !(1..=10_000).contains(&most)) {
        return Some("`per-kid` is not between 1 and 10000; use \"off\" to keep sets whole");
    }
    None
}

fn verdict_cache(policy: &CachePolicy) -> Option<&'static str> {
    let cache = policy.verdict_cache?;
    if !(1..=10_000_000).contains(&cache.entries) {
        return Some("`verdict-cache-entries` is not between 1 and 10000000");
    }
    if !(4096..=1 << 34).contains(&cache.bytes) {
        return Some("`verdict-cache-bytes` is not between 4096 and 17179869184");
    }
    None
}
