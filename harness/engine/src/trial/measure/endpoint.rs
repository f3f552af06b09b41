//! What a measurement says of the endpoint and of the key cache.

use std::collections::BTreeMap;

use jwtbench_result::record::set_age::{SetAge, SetConfirmation};
use jwtbench_result::{Count, EndpointCounts};
use jwtbench_verifier::key_cache::Counters;

use crate::jwks::key_source::FetchStep;
use crate::trial::EndpointRecord;

/// The age of the key set, worked out from the attempts. There is one attempt at a time, so the
/// last that started is the one that ends.
pub(super) fn set_age(record: &EndpointRecord) -> SetAge {
    let warm = record.warm_since.map(|since| SetConfirmation { at_ns: since.0, since_ns: since.0 });
    let mut started = i64::MIN;
    let confirmed = record.fetches.iter().filter_map(|note| match note.step {
        FetchStep::Started => {
            started = note.at.0;
            None
        }
        FetchStep::Succeeded => Some(SetConfirmation { at_ns: note.at.0, since_ns: started }),
        FetchStep::Failed(_) => None,
    });
    SetAge::new(warm.into_iter().chain(confirmed))
}

pub(super) fn add_counts(mine: &mut EndpointCounts, theirs: &EndpointCounts) {
    mine.attempts += theirs.attempts;
    mine.served += theirs.served;
    mine.failures += theirs.failures;
    mine.bytes += theirs.bytes;
    mine.max_in_flight = mine.max_in_flight.max(theirs.max_in_flight);
}

pub(super) fn counters(counters: &Counters) -> Vec<Count> {
    let plain = [
        ("attempts", counters.attempts),
        ("fetched", counters.fetched),
        ("shrunk", counters.shrunk),
        ("unknown-kids", counters.unknown_kids),
        ("waits", counters.waits),
        ("waits-refused", counters.waits_refused),
        ("waits-expired", counters.waits_expired),
        ("served-stale", counters.served_stale),
        ("evictions", counters.evictions),
    ];
    let mut all: BTreeMap<String, u64> =
        plain.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    all.extend(counters.failed.iter().map(|(name, count)| (format!("failed:{name}"), *count)));
    all.extend(counters.skipped.iter().map(|(name, count)| (format!("skipped:{name}"), *count)));
    all.into_iter().map(|(name, count)| Count { name, count }).collect()
}
