//! What could have been is never worse than what was.

use jwtbench_result::simulation::HindsightPoint;

use super::*;

/// A key goes at once and another comes, both while users are there.
const REPLACE: &str = "[[event]]\nat = \"10m\"\npublish-key = \"next\"\n\
    [[event]]\nat = \"10m\"\nsign-with = \"next\"\n\
    [[event]]\nat = \"10m\"\nwithdraw-key = \"current\"\n";

fn simulated(parts: &str, specs: &[CacheSpec]) -> Simulated {
    let ask = Ask { algorithm: Algorithm::EdDSA, offsets: 2, draws: 1 };
    simulate(&scenario(&(USERS.to_owned() + parts)), specs, &Signers::new(3), ask).unwrap()
}

#[test]
fn fetches_come_when_the_issuer_has_changed_something() {
    let latency = 0.04;
    let rows = [
        ("", vec![(0, Some(0.0), 0.0)], "nothing changes"),
        (
            WITHDRAW,
            vec![(0, None, f64::NAN), (1, Some(latency), f64::NAN), (2, Some(latency), 0.0)],
            "the withdrawal gains most, the new key what is left",
        ),
        (REPLACE, vec![(0, None, f64::NAN), (1, Some(latency), 0.0)], "users wait for the fetch"),
    ];
    for (parts, expected, reason) in rows {
        let found = simulated(parts, &[]).hindsight;
        assert_eq!(found.len(), expected.len(), "{reason}: {found:?}");
        for (point, (fetches, exposure, lockout)) in found.iter().zip(expected) {
            assert_eq!(point.fetches, fetches, "{reason}: {point:?}");
            let near = |value: Option<f64>| value.map(|value| (value * 1000.0).round());
            assert_eq!(near(point.exposure_s), near(exposure), "{reason}: {point:?}");
            let is_due =
                if lockout.is_nan() { point.lockout_s > 10.0 } else { point.lockout_s == lockout };
            assert!(is_due, "{reason}: {point:?}");
        }
    }
}

/// No preset locks fewer users out than the schedule of as many fetches, unless it trusts the
/// withdrawn key for longer, nor trusts it for less time without letting keys expire.
#[test]
fn no_policy_beats_hindsight() {
    let presets = library().presets();
    let specs: Vec<CacheSpec> = presets
        .names()
        .into_iter()
        .map(|name| {
            let policy = load_preset(&presets, &name).unwrap();
            CacheSpec { name, policy, start: Start::Warm }
        })
        .collect();
    let in_outage = OUTAGE.to_owned() + "[[event]]\nat = \"20m\"\nwithdraw-key = \"current\"\n";
    let cold = "[cache]\nstart = \"cold\"\n".to_owned() + OUTAGE;
    for parts in [SIGN, REPLACE, OUTAGE, &in_outage, POISON, &cold] {
        let start = if parts == cold { Start::Cold } else { Start::Warm };
        let specs: Vec<CacheSpec> =
            specs.iter().map(|spec| CacheSpec { start, ..spec.clone() }).collect();
        let Simulated { rows, hindsight, .. } = simulated(parts, &specs);
        for row in &rows {
            let ages = row.metric("lockout_s").unwrap().n;
            // No age has more than all ages together; a schedule of more fetches is only better.
            let afforded = |point: &&HindsightPoint| point.fetches <= row.counts.attempts;
            let best = hindsight.iter().rfind(afforded).unwrap_or(&hindsight[0]);
            let [least, exposed] = ["lockout_s", "exposure_s"].map(|name| row.metric(name));
            let trusts_longer = exposed.is_some_and(|metric| {
                let most = metric.max.unwrap_or(f64::INFINITY);
                best.exposure_s.is_some_and(|best| most > best + 0.001)
            });
            let least = least.unwrap().min.unwrap();
            let is_worse = least >= best.lockout_s - 0.001;
            assert!(is_worse || trusts_longer, "{ages} ages: {parts}: {best:?} {row:?}");
        }
        let last = hindsight.last().unwrap();
        for row in &rows {
            let least = row.metric("lockout_s").unwrap().min.unwrap();
            assert!(least >= last.lockout_s - 0.001, "{parts}: {last:?} {row:?}");
        }
    }
}
