//! What a state strategy did in a trial, in sentences.

use jwtbench_result::simulation::MetricRange;
use jwtbench_result::{Count, Measurement, StateResult};

use crate::quantity;

/// The store that the harness plays.
const MODEL: &str = "model";

/// The sentences on the state strategies of a scenario's trials, each with its trial. If all say
/// the same, it is said once, of no trial.
pub(crate) fn of_trials<'m>(
    trials: impl IntoIterator<Item = &'m Measurement>,
) -> Vec<(Option<&'m Measurement>, String)> {
    let said = trials.into_iter().filter_map(|trial| Some((Some(trial), sentences(trial)?)));
    let mut said: Vec<(Option<&Measurement>, String)> = said.collect();
    if said.windows(2).all(|pair| pair[0].1 == pair[1].1) {
        said.truncate(1);
        said.iter_mut().for_each(|(trial, _)| *trial = None);
    }
    said
}

/// The sentences on the state strategy of a trial; `None` if it had none.
pub(crate) fn sentences(measurement: &Measurement) -> Option<String> {
    let state = measurement.state.as_ref()?;
    let StateResult { strategy, store, .. } = state;
    let store = match store.as_str() {
        MODEL => "a store that the harness plays".to_owned(),
        other => other.to_owned(),
    };
    let parts = [
        Some(format!("State strategy {strategy} over {store}.")),
        Some(trusted(state)),
        by_cause("Accepted although revoked", &measurement.exposure_causes),
        by_cause("Good and refused for their state", &state.lockout_causes),
        Some(asked(state, measurement.arrivals.done)),
        held(state),
    ];
    Some(parts.into_iter().flatten().collect::<Vec<_>>().join(" "))
}

fn trusted(state: &StateResult) -> String {
    let revoked = quantity::counted(state.revocations, "token");
    let seconds = |s: f64| quantity::nanoseconds(s * 1e9);
    let is_seen = state.store != MODEL;
    match state.exposure_s {
        _ if state.revocations == 0 => "Nothing is revoked during a round.".into(),
        None if is_seen => format!("{revoked} revoked; none was seen accepted after that."),
        Some(MetricRange { p50, max: Some(most), n, .. }) if is_seen => format!(
            "{revoked} revoked; {} of them were seen accepted after that, for the last time {} \
             (median) and {} (at most) later.",
            quantity::count(n),
            seconds(p50.unwrap_or(most)),
            seconds(most)
        ),
        None => format!("{revoked} revoked."),
        Some(MetricRange { max: None, .. }) => format!(
            "{revoked} revoked; a worker would still accept some of them at the end, so how long \
             is not known."
        ),
        Some(MetricRange { max: Some(most), .. }) if most <= 0.0 => {
            format!("{revoked} revoked; every worker refuses each of them at once.")
        }
        Some(MetricRange { p50, max: Some(most), .. }) => format!(
            "{revoked} revoked; a worker goes on accepting one of them for {} (median), {} at \
             most.",
            seconds(p50.unwrap_or(most)),
            seconds(most)
        ),
    }
}

fn by_cause(what: &str, causes: &[Count]) -> Option<String> {
    let named = |one: &Count| format!("{} {}", one.name, quantity::count(one.count));
    let causes: Vec<String> = causes.iter().filter(|one| one.count > 0).map(named).collect();
    (!causes.is_empty()).then(|| format!("{what}: {}.", causes.join(", ")))
}

/// The requests to the store, of `done` tokens.
fn asked(state: &StateResult, done: u64) -> String {
    let all: u64 = state.requests.iter().map(|one| one.count).sum();
    if all == 0 {
        return "The store is never asked.".into();
    }
    let kinds = state.requests.iter().filter(|one| one.count > 0);
    let kinds: Vec<String> = kinds.map(|one| quantity::counted(one.count, &one.name)).collect();
    format!(
        "The store is asked {:.3} times per token ({}), {} at most.",
        all as f64 / done.max(1) as f64,
        kinds.join(", "),
        quantity::rate(state.peak_per_s)
    )
}

fn held(state: &StateResult) -> Option<String> {
    let each = state.bytes.checked_div(state.entries)?;
    let entries = match state.entries {
        1 => "1 entry".to_owned(),
        count => format!("{} entries", quantity::count(count)),
    };
    Some(format!("A worker holds up to {entries}, at {each} bytes each."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(state: StateResult) -> Measurement {
        let mut measurement = Measurement { state: Some(state), ..Measurement::default() };
        measurement.arrivals.done = 100;
        measurement
    }

    #[test]
    fn what_is_not_known_is_said() {
        let of = |exposure_s: Option<MetricRange>, revocations| {
            let strategy = "mine".into();
            let store = MODEL.to_owned();
            let state =
                StateResult { strategy, store, revocations, exposure_s, ..StateResult::default() };
            sentences(&measured(state)).unwrap()
        };
        let range = |max| Some(MetricRange { p50: Some(0.002), max, ..MetricRange::default() });
        let rows = [
            (of(None, 0), "Nothing is revoked", "nothing to say"),
            (of(None, 3), "3 tokens revoked.", "nothing is known of them"),
            (of(range(None), 2), "how long is not known", "it is cut off"),
            (of(range(Some(0.0)), 2), "at once", "none is trusted"),
            (of(range(Some(0.5)), 1), "for 2.00 ms (median), 500 ms at most", "both ends"),
            (of(None, 0), "The store is never asked", "no request"),
        ];
        for (text, expected, reason) in rows {
            assert!(text.contains(expected), "{reason}: {text}");
        }
        assert!(sentences(&Measurement::default()).is_none());
    }

    #[test]
    fn requests_and_entries_are_related() {
        let count = |name: &str, count| Count { name: name.into(), count };
        let state = StateResult {
            store: "redis 7.0.15".into(),
            lockout_causes: vec![count("state-stale", 3)],
            requests: vec![count("lookup", 50), count("poll", 1)],
            peak_per_s: 40.0,
            entries: 10,
            bytes: 365,
            ..StateResult::default()
        };
        let text = sentences(&measured(state)).unwrap();
        for part in [
            "over redis 7.0.15",
            "Good and refused for their state: state-stale 3.",
            "0.510 times per token (50 lookups, 1 poll), 40.0 /s at most",
            "10 entries, at 36 bytes each",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }
}
