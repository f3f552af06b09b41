//! Expectations of a scenario that a measurement cannot judge but another verb can: those on
//! figures of a simulation, and those on latencies in virtual time.

use jwtbench_result::{Measurement, RunResult};

/// The verb that judges a key which this measurement did not judge; `None` if another measurement
/// of the same verb may judge it.
pub fn judge(measurement: &Measurement, key: &str) -> Option<&'static str> {
    if key.ends_with(".median") || key.ends_with(".worst") {
        Some("simulate")
    } else if measurement.virtual_time {
        Some("run")
    } else {
        None
    }
}

/// Lines on the unjudged expectations, one for each scenario and each verb that judges them, with
/// their keys.
pub fn unjudged(result: &RunResult) -> Vec<String> {
    let mut groups: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for measurement in &result.measurements {
        let scenario = measurement.scenario.as_str();
        for key in &measurement.unjudged {
            let Some(verb) = judge(measurement, key) else { continue };
            let known = groups.iter_mut().find(|(name, by, _)| (*name, *by) == (scenario, verb));
            match known {
                Some((.., keys)) if keys.contains(&key.as_str()) => {}
                Some((.., keys)) => keys.push(key),
                None => groups.push((scenario, verb, vec![key])),
            }
        }
    }
    let line = |(name, verb, keys): (&str, &str, Vec<&str>)| {
        format!("{name}: not judged here, `jwtbench {verb}` judges it: {}", keys.join(", "))
    };
    groups.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATENCY: &str = "all.users.ACCEPT.response.p99";

    #[test]
    fn a_key_is_left_to_the_verb_that_judges_it() {
        let rows = [
            (LATENCY, true, Some("run"), "virtual time has no latencies"),
            (LATENCY, false, None, "a disturbed round of a run: another run may judge it"),
            ("all.all.exposure.worst", true, Some("simulate"), "over all runs of a simulation"),
            ("all.all.exposure.median", false, Some("simulate"), "and so in real time"),
        ];
        for (key, virtual_time, verb, reason) in rows {
            let measurement = Measurement { virtual_time, ..Measurement::default() };
            assert_eq!(judge(&measurement, key), verb, "{reason}");
        }
    }
}
