//! Expectations of a scenario that no measurement can judge, because they are of a simulation.

use crate::result::RunResult;

/// Whether a key is of a simulation.
pub fn is_of_simulation(key: &str) -> bool {
    key.ends_with(".median") || key.ends_with(".worst")
}

/// A line for each scenario that has some, with their keys and who judges them.
pub fn unjudged(result: &RunResult) -> Vec<String> {
    let mut scenarios: Vec<(&str, Vec<&str>)> = Vec::new();
    for measurement in &result.measurements {
        for key in measurement.unjudged.iter().filter(|key| is_of_simulation(key)) {
            let known = scenarios.iter_mut().find(|(name, _)| *name == measurement.scenario);
            match known {
                Some((_, keys)) if keys.contains(&key.as_str()) => {}
                Some((_, keys)) => keys.push(key),
                None => scenarios.push((&measurement.scenario, vec![key])),
            }
        }
    }
    let line = |(name, keys): (&str, Vec<&str>)| {
        format!("{name}: not judged here, `jwtbench simulate` judges it: {}", keys.join(", "))
    };
    scenarios.into_iter().map(line).collect()
}
