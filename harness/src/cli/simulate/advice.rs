//! Which one key of a user's policy to change: each is tried at a few values, all else as it is.

use crate::result::simulation::{Advice, SimulationRow};
use crate::scenario::Scenario;
use crate::scenario::cache::{CacheSpec, parse_policy};
use crate::scenario::signer::Signers;
use crate::trial::simulation::{Ask, SimulationError, simulate};

/// What is tried, a line of a policy file each.
const CHANGES: [&str; 26] = [
    "ttl = \"1m\"",
    "ttl = \"5m\"",
    "ttl = \"15m\"",
    "refresh = \"async\"",
    "refresh = \"lazy\"",
    "refresh-ahead = 0.5",
    "refresh-ahead = 0.8",
    "unknown-kid = \"refetch\"",
    "unknown-kid-budget = 1",
    "unknown-kid-window = \"10s\"",
    "unknown-kid-armed-on = \"attempt\"",
    "unknown-kid-shared = false",
    "unknown-kid-exceeded = \"refuse\"",
    "stale-if-error = \"0s\"",
    "stale-if-error = \"10m\"",
    "stale-if-error = \"1h\"",
    "on-failure = \"keep\"",
    "coalescing = \"single-flight\"",
    "lock = \"misses\"",
    "per-kid = \"off\"",
    "bad-entry = \"skip\"",
    "empty-set = \"keep-old\"",
    "verdict-cache = \"off\"",
    "verdict-cache = \"tied\"",
    "total-timeout = \"3s\"",
    "push-eviction = true",
];
/// Ages of the cache: enough to tell a better key from a worse one.
const OFFSETS: u32 = 8;

/// The change that leaves the least exposure and lockout, of those that make neither worse. `None`
/// if no change of one key is better than none.
///
/// # Errors
/// As [`simulate`].
pub(super) fn advise(
    scenario: &Scenario,
    own: &CacheSpec,
    signers: &Signers,
    ask: Ask,
) -> Result<Option<Advice>, SimulationError> {
    let mut specs = vec![own.clone()];
    for change in CHANGES {
        // A change that this policy cannot have is none.
        if let Ok(policy) = parse_policy(change, own.policy.clone())
            && policy != own.policy
        {
            specs.push(CacheSpec { name: change.to_owned(), policy, start: own.start });
        }
    }
    let ask = Ask { offsets: ask.offsets.min(OFFSETS), ..ask };
    let rows = simulate(scenario, &specs, signers, ask)?.rows;
    let Some((before, tried)) = rows.split_first() else {
        return Ok(None);
    };
    let worst = |row: &SimulationRow, name: &str| row.metric(name).and_then(|metric| metric.max);
    let both = |row: &SimulationRow| {
        ["exposure_s", "lockout_s"].map(|name| worst(row, name).unwrap_or(f64::INFINITY))
    };
    let better = tried.iter().filter(|row| row.dominates(before));
    let best = better.min_by(|a, b| both(a).iter().sum::<f64>().total_cmp(&both(b).iter().sum()));
    Ok(best.map(|after| Advice {
        scenario: scenario.name.clone(),
        cache_policy: own.name.clone(),
        change: after.cache_policy.clone(),
        exposure_s: [before, after].map(|row| worst(row, "exposure_s")),
        lockout_s: [before, after].map(|row| worst(row, "lockout_s")),
    }))
}
