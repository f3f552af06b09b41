//! Advice on which single key of a user's policy to change: each key is tried at a few values, with
//! all others unchanged.

use jwtbench_engine::session::Session;
use jwtbench_engine::simulation::{Ask, SimulationError};
use jwtbench_result::simulation::{Advice, SimulationRow};
use jwtbench_scenario::Scenario;
use jwtbench_scenario::format::cache::{CacheSpec, parse_policy};

/// The changes that are tried, each a line of a policy file.
const CHANGES: [&str; 30] = [
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
    "empty-set = \"accept\"",
    "bad-signature = \"refetch\"",
    "http-freshness = \"off\"",
    "per-worker = false",
    "verdict-cache = \"off\"",
    "verdict-cache = \"tied\"",
    "total-timeout = \"3s\"",
    "push-eviction = true",
];
/// The number of ages of the cache in the first trials, with one draw: enough to tell a better key
/// from a worse one.
const OFFSETS: u32 = 8;
/// The number of best changes that are tried again in all runs.
const FINALISTS: usize = 3;

/// The change with the least exposure and lockout, among those that make neither worse. `None` if
/// no change of a single key improves the policy.
///
/// # Errors
/// Those of [`Session::simulate`].
pub(super) fn advise(
    scenario: &Scenario,
    own: &CacheSpec,
    session: &Session<'_>,
    ask: Ask,
) -> Result<Option<Advice>, SimulationError> {
    let mut specs = vec![own.clone()];
    for change in CHANGES {
        // A change that this policy does not allow is skipped.
        if let Ok(policy) = parse_policy(change, own.policy.clone())
            && policy != own.policy
        {
            specs.push(CacheSpec { name: change.to_owned(), policy, start: own.start });
        }
    }
    let few = Ask { offsets: ask.offsets.min(OFFSETS), draws: 1, ..ask };
    let tried = session.simulated(scenario, &specs, few)?.rows;
    // The best changes of a few runs are tried again in all runs.
    let best = better(&tried).into_iter().take(FINALISTS).map(|row| row.cache_policy.as_str());
    let best: Vec<&str> = best.chain([own.name.as_str()]).collect();
    specs.retain(|spec| best.contains(&spec.name.as_str()));
    let rows = match specs.len() {
        1 => return Ok(None),
        _ => session.simulated(scenario, &specs, ask)?.rows,
    };
    let better = better(&rows);
    Ok(better.first().map(|after| Advice {
        scenario: scenario.name.clone(),
        cache_policy: own.name.clone(),
        change: after.cache_policy.clone(),
        exposure_s: [&rows[0], after].map(|row| worst(row, "exposure_s")),
        lockout_s: [&rows[0], after].map(|row| worst(row, "lockout_s")),
    }))
}

fn worst(row: &SimulationRow, name: &str) -> Option<f64> {
    row.metric(name).and_then(|metric| metric.max)
}

/// The rows that dominate the first row, best first.
fn better(rows: &[SimulationRow]) -> Vec<&SimulationRow> {
    let sum = |row: &SimulationRow| -> f64 {
        let both = ["exposure_s", "lockout_s"].map(|name| worst(row, name));
        both.map(|figure| figure.unwrap_or(f64::INFINITY)).iter().sum()
    };
    let before = rows.first();
    let dominates = |row: &&SimulationRow| before.is_some_and(|before| row.dominates(before));
    let mut better: Vec<&SimulationRow> = rows.iter().filter(dominates).collect();
    better.sort_by(|a, b| sum(a).total_cmp(&sum(b)));
    better
}
