//! Cache policies at each value of a sweep.

use jwtbench_result::simulation::{SimulationRow, SweepPoint};
use jwtbench_scenario::format::cache::{CacheSpec, parse_policy};
use jwtbench_scenario::format::sweep::{Sweep, Value};

/// The most policies of a sweep; more would be too many to look at.
const MOST_POLICIES: usize = 256;

/// A policy at one value of a sweep.
pub(super) struct SweptPolicy {
    spec: CacheSpec,
    line: String,
    key: String,
    value: Value,
}

impl SweptPolicy {
    /// The policy with its name.
    pub(super) fn spec(&self) -> &CacheSpec {
        &self.spec
    }

    /// The point of this policy, with the figures of its row.
    pub(super) fn point(&self, row: &SimulationRow) -> SweepPoint {
        SweepPoint {
            scenario: row.scenario.clone(),
            line: self.line.clone(),
            key: self.key.clone(),
            value: self.value.number(),
            label: self.value.name(),
            exposure_s: row.metric("exposure_s").copied(),
            lockout_s: row.metric("lockout_s").copied(),
            attempts_per_hour: row.metric("attempts_per_hour").copied(),
        }
    }
}

/// Each policy at every value of a sweep, or at every pair of values of two sweeps, with lines
/// along the first key. Empty without a sweep.
///
/// # Errors
/// If a policy cannot have a value, if a key is swept twice, or if there are too many policies.
pub(super) fn swept(specs: &[CacheSpec], sweeps: &[Sweep]) -> Result<Vec<SweptPolicy>, String> {
    let [first, rest @ ..] = sweeps else {
        return Ok(Vec::new());
    };
    if rest.iter().any(|other| other.key == first.key) {
        return Err(format!("`{}` is swept twice; name another key", first.key));
    }
    let mut lines = specs.to_vec();
    for sweep in rest {
        lines = at_each(&lines, sweep)?.into_iter().map(|place| place.spec).collect();
    }
    at_each(&lines, first)
}

/// Each policy at each value of one sweep.
fn at_each(specs: &[CacheSpec], Sweep { key, values }: &Sweep) -> Result<Vec<SweptPolicy>, String> {
    let count = specs.len() * values.len();
    if count > MOST_POLICIES {
        return Err(format!(
            "{count} policies to simulate; sweep fewer values (KEY=LOW..HIGH:4), at most \
             {MOST_POLICIES} policies"
        ));
    }
    let mut all = Vec::with_capacity(count);
    for spec in specs {
        for value in values {
            let name = format!("{} {key}={}", spec.name, value.name());
            let text = format!("{key} = {}", value.text());
            let policy = parse_policy(&text, spec.policy.clone())
                .map_err(|fault| format!("{name}: {fault}"))?;
            let line = spec.name.clone();
            let spec = CacheSpec { name, policy, start: spec.start };
            all.push(SweptPolicy { spec, line, key: key.clone(), value: *value });
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use jwtbench_scenario::format::cache::Start;
    use jwtbench_scenario::format::sweep::Sweep;
    use jwtbench_verifier::cache_policy::CachePolicy;

    use super::*;

    fn names(texts: &[&str]) -> Result<Vec<String>, String> {
        let (name, policy, start) = ("own".to_owned(), CachePolicy::default(), Start::Warm);
        let sweeps: Result<Vec<Sweep>, String> = texts.iter().map(|text| text.parse()).collect();
        let places = swept(&[CacheSpec { name, policy, start }], &sweeps?)?;
        Ok(places.into_iter().map(|place| place.spec.name).collect())
    }

    #[test]
    fn values_lie_evenly() {
        let rows: [(&[&str], &[&str], &str); 7] = [
            (
                &["ttl=1m..16m:5"],
                &["own ttl=1m", "own ttl=2m", "own ttl=4m", "own ttl=8m", "own ttl=16m"],
                "spans by a factor",
            ),
            (
                &["stale-if-error=0s..1h:3"],
                &["own stale-if-error=0s", "own stale-if-error=30m", "own stale-if-error=1h"],
                "from nothing, by steps",
            ),
            (
                &["refresh-ahead=0.5..1:3"],
                &["own refresh-ahead=0.5", "own refresh-ahead=0.75", "own refresh-ahead=1"],
                "shares by steps",
            ),
            (
                &["unknown-kid-budget=1..3:8"],
                &[
                    "own unknown-kid-budget=1",
                    "own unknown-kid-budget=2",
                    "own unknown-kid-budget=3",
                ],
                "each count once",
            ),
            (
                &["ttl=1m..2m:2", "retries=0..1:2"],
                &[
                    "own retries=0 ttl=1m",
                    "own retries=0 ttl=2m",
                    "own retries=1 ttl=1m",
                    "own retries=1 ttl=2m",
                ],
                "two keys",
            ),
            (&["max-wait=100ms..1s:2"], &["own max-wait=100ms", "own max-wait=1s"], "short ones"),
            (&["ttl=1h..12345s:2"], &["own ttl=1h", "own ttl=3h25m45s"], "bounds as given"),
        ];
        for (texts, expected, reason) in rows {
            assert_eq!(names(texts).unwrap(), expected, "{reason}");
        }
    }

    #[test]
    fn what_is_no_sweep_is_refused() {
        let rows = [
            ("ttl", "KEY=LOW..HIGH"),
            ("ttl=1m", "KEY=LOW..HIGH"),
            ("ttl=1m..1h:x", "KEY=LOW..HIGH"),
            ("speed=1..2", "no key with a range"),
            ("coalescing=1..2", "no key with a range"),
            ("ttl=1m..forever", "no \"forever\""),
            ("ttl=1..2", "is no duration"),
            ("ttl=1h..1m", "lower value first"),
            ("ttl=1h..1h", "lower value first"),
            ("ttl=1m..1h:1", "take 2 to 64"),
            ("ttl=1m..1h:65", "take 2 to 64"),
            ("refresh-ahead=0..2", "0 to 1"),
            ("retries=1.5..2", "whole numbers"),
            ("retries=8..12:2", "`retries` is over 10"),
        ];
        for (text, remedy) in rows {
            let said = names(&[text]).expect_err(text);
            assert!(said.contains(remedy), "{text}: {said}");
        }
        let twice = names(&["ttl=1m..2m", "ttl=1h..2h"]).expect_err("one key twice");
        assert!(twice.contains("swept twice"), "{twice}");
        let many = names(&["ttl=1m..1h:40", "max-wait=1s..1m:40"]).expect_err("1600 policies");
        assert!(many.contains("1600 policies") && many.contains("at most 256"), "{many}");
    }
}
