//! What a cache policy did for users and against attackers, in counts. The range of the same
//! scenario under 16 seeds in virtual time is what another result's counts are compared with.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Count, Measurement};

/// The codes that are answered with 503: they log nobody out.
pub const OUTAGES: [&str; 2] = ["JWT_KEYS_UNAVAILABLE", "JWT_STATE_UNAVAILABLE"];

/// What is counted.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// Tokens accepted although their key was withdrawn or their `jti` revoked.
    ExposedAccepts,
    /// Those of one token class.
    ExposedByClass,
    /// Those of one cause.
    ExposedByCause,
    /// Good tokens refused.
    Lockouts,
    /// Those refused with a status other than 503: the client is told that its token is bad.
    LoggedOut,
    /// Those refused with one code.
    LockoutsByCode,
    /// Good tokens accepted after the deadline.
    Late,
    /// Attempts to fetch the key set, retries included.
    Fetches,
}

/// Names one count.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct OutcomeKey {
    /// What is counted.
    pub kind: OutcomeKind,
    /// The token class, the cause or the code; null where the kind has no parts.
    pub of: Option<String>,
}

impl OutcomeKey {
    /// The count of a kind without parts.
    pub fn whole(kind: OutcomeKind) -> OutcomeKey {
        OutcomeKey { kind, of: None }
    }

    fn part(kind: OutcomeKind, of: &str) -> OutcomeKey {
        OutcomeKey { kind, of: Some(of.to_owned()) }
    }
}

/// The counts of one trial over all its rounds. A count that is not in it is zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutcomeCounts(BTreeMap<OutcomeKey, u64>);

impl OutcomeCounts {
    /// The counts of a measurement.
    pub fn of(measurement: &Measurement) -> OutcomeCounts {
        let verdicts = &measurement.verdicts;
        let logs_out = |count: &&Count| !OUTAGES.contains(&count.name.as_str());
        let logged_out = measurement.lockout_causes.iter().filter(logs_out);
        let mut counts = BTreeMap::from(
            [
                (OutcomeKind::ExposedAccepts, verdicts.exposed_accepts),
                (OutcomeKind::Lockouts, verdicts.lockouts),
                (OutcomeKind::LoggedOut, logged_out.map(|count| count.count).sum()),
                (OutcomeKind::Late, verdicts.late),
            ]
            .map(|(kind, count)| (OutcomeKey::whole(kind), count)),
        );
        if let Some(endpoint) = &measurement.endpoint {
            counts.insert(OutcomeKey::whole(OutcomeKind::Fetches), endpoint.attempts);
        }
        let classes = measurement.exposed_classes.iter();
        counts.extend(classes.map(|class| {
            (OutcomeKey::part(OutcomeKind::ExposedByClass, &class.name), class.count)
        }));
        for (kind, parts) in [
            (OutcomeKind::ExposedByCause, &measurement.exposure_causes),
            (OutcomeKind::LockoutsByCode, &measurement.lockout_causes),
        ] {
            let keyed = parts.iter().map(|part| (OutcomeKey::part(kind, &part.name), part.count));
            counts.extend(keyed);
        }
        OutcomeCounts(counts)
    }

    /// The count under a key; 0 if it is not there.
    pub fn count(&self, key: &OutcomeKey) -> u64 {
        self.0.get(key).copied().unwrap_or(0)
    }

    /// The keys of what was counted, in order.
    pub fn keys(&self) -> impl Iterator<Item = &OutcomeKey> {
        self.0.keys()
    }
}

/// What several seeds make of one plan under one cache policy, in virtual time. All contenders of
/// the trial share it: which library verifies a signature decides no outcome.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutcomeRange {
    /// `family/name` of the scenario.
    pub scenario: String,
    /// The algorithm of the tokens.
    pub algorithm: String,
    /// Name of the cache policy.
    pub cache_policy: String,
    /// SHA-256 of the plan that was drawn again, in hex.
    pub plan_hash: String,
    /// SHA-256 of the policy that judged, in hex.
    pub policy_hash: String,
    /// SHA-256 of the cache policy, in hex.
    pub cache_policy_hash: String,
    /// SHA-256 of the state strategy, in hex; absent where the scenario has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_strategy_hash: Option<String>,
    /// Arrivals of the plan itself, in one round.
    pub arrivals: u64,
    /// The seeds; the first is the plan's own.
    pub seeds: Vec<u64>,
    /// What came of each, in one round.
    pub figures: Vec<SeedCounts>,
    /// Null, or why nothing was drawn.
    pub withheld: Option<String>,
    /// Nothing was drawn because the run was interrupted: all is measured, and the outcome of these
    /// trials cannot be gated until the run is made again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut_short: bool,
}

/// One count under every seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeedCounts {
    /// What is counted.
    #[serde(flatten)]
    pub key: OutcomeKey,
    /// How often, in the order of the seeds.
    pub counts: Vec<u64>,
}

impl OutcomeRange {
    /// Enters the counts under the seeds, in the order of the seeds.
    pub fn enter(&mut self, drawn: &[OutcomeCounts]) {
        let mut keys: Vec<&OutcomeKey> = drawn.iter().flat_map(OutcomeCounts::keys).collect();
        keys.sort_unstable();
        keys.dedup();
        let under_each = |key: &OutcomeKey| SeedCounts {
            key: key.clone(),
            counts: drawn.iter().map(|counts| counts.count(key)).collect(),
        };
        self.figures = keys.into_iter().map(under_each).collect();
    }

    /// The range without any seeds, because the run was interrupted.
    pub fn cut_short(self) -> OutcomeRange {
        let reason = "the run was interrupted before its seeds were drawn; make it again";
        OutcomeRange { seeds: Vec::new(), withheld: Some(reason.into()), cut_short: true, ..self }
    }

    /// Whether the range was drawn for this trial.
    pub fn is_of(&self, measurement: &Measurement) -> bool {
        self.scenario == measurement.scenario
            && self.algorithm == measurement.algorithm
            && self.cache_policy == measurement.cache_policy
            && self.plan_hash == measurement.plan_hash
            && self.policy_hash == measurement.policy_hash
            && self.cache_policy_hash == measurement.cache_policy_hash
            && self.state_strategy_hash.as_ref()
                == measurement.state.as_ref().map(|state| &state.strategy_hash)
    }

    /// The lowest count, the median (the lower of two) and the highest over the seeds. They are
    /// zero for a key that no seed has.
    pub fn spread(&self, key: &OutcomeKey) -> SeedSpread {
        let known = self.figures.iter().find(|figure| figure.key == *key);
        let mut counts = known.map_or_else(Vec::new, |figure| figure.counts.clone());
        counts.sort_unstable();
        let at = |place: usize| counts.get(place).copied().unwrap_or(0);
        let last = counts.len().saturating_sub(1);
        SeedSpread { lowest: at(0), median: at(last / 2), highest: at(last) }
    }
}

/// What seeds make of one count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SeedSpread {
    /// The lowest.
    pub lowest: u64,
    /// The median.
    pub median: u64,
    /// The highest.
    pub highest: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EndpointCounts, ExposedClass, VerdictCounts};

    fn counted(names: &[(&str, u64)]) -> Vec<Count> {
        names.iter().map(|(name, count)| Count { name: (*name).into(), count: *count }).collect()
    }

    fn measurement() -> Measurement {
        Measurement {
            verdicts: VerdictCounts {
                exposed_accepts: 9,
                lockouts: 7,
                late: 2,
                ..VerdictCounts::default()
            },
            exposed_classes: [("stolen-key", 6), ("valid", 3)]
                .map(|(name, count)| ExposedClass { name: name.into(), count, is_stolen: false })
                .into(),
            exposure_causes: counted(&[("stale", 4), ("ttl", 5)]),
            lockout_causes: counted(&[
                ("JWT_KEYS_UNAVAILABLE", 3),
                ("JWT_STATE_UNAVAILABLE", 1),
                ("JWT_SCOPE_INSUFFICIENT", 1),
                ("JWT_UNKNOWN_KID", 2),
            ]),
            endpoint: Some(EndpointCounts { attempts: 5, ..EndpointCounts::default() }),
            ..Measurement::default()
        }
    }

    #[test]
    fn a_measurement_is_counted_by_kind_and_part() {
        use OutcomeKind::*;
        let counts = OutcomeCounts::of(&measurement());
        let rows = [
            (ExposedAccepts, None, 9, "the sum"),
            (ExposedByClass, Some("stolen-key"), 6, "a thief's"),
            (ExposedByCause, Some("ttl"), 5, "by cause"),
            (ExposedByCause, Some("no-expiry"), 0, "what has not happened"),
            (Lockouts, None, 7, "the sum"),
            (LoggedOut, None, 3, "401 and 403, but not 503"),
            (LockoutsByCode, Some("JWT_KEYS_UNAVAILABLE"), 3, "by code"),
            (Late, None, 2, "late"),
            (Fetches, None, 5, "attempts"),
        ];
        for (kind, of, expected, why) in rows {
            let key = OutcomeKey { kind, of: of.map(str::to_owned) };
            assert_eq!(counts.count(&key), expected, "{why}");
        }
        let without = Measurement { endpoint: None, ..measurement() };
        let fetches = OutcomeKey::whole(Fetches);
        assert!(OutcomeCounts::of(&without).keys().all(|key| *key != fetches), "nobody to ask");
    }

    /// Worked out by hand from 16 sorted counts: the 1st, the 8th and the 16th.
    #[test]
    fn a_range_has_a_lowest_a_median_and_a_highest() {
        let mut range = OutcomeRange::default();
        let late = |late| Measurement {
            verdicts: VerdictCounts { late, ..VerdictCounts::default() },
            ..Measurement::default()
        };
        let drawn: Vec<OutcomeCounts> =
            (0..16).map(|seed| OutcomeCounts::of(&late(seed * 7 % 16 + 10))).collect();
        range.enter(&drawn);
        let spread = |kind| range.spread(&OutcomeKey::whole(kind));
        assert_eq!(
            spread(OutcomeKind::Late),
            SeedSpread { lowest: 10, median: 17, highest: 25 },
            "in any order"
        );
        let none = SeedSpread { lowest: 0, median: 0, highest: 0 };
        assert_eq!(spread(OutcomeKind::Lockouts), none, "counted, and none");
        assert_eq!(spread(OutcomeKind::Fetches), none, "not counted");
        assert!(range.figures.iter().all(|figure| figure.counts.len() == 16));
    }

    /// A part that only one seed has is zero under the others.
    #[test]
    fn what_one_seed_alone_has_is_none_under_the_others() {
        let mut range = OutcomeRange::default();
        range.enter(&[
            OutcomeCounts::of(&Measurement::default()),
            OutcomeCounts::of(&measurement()),
        ]);
        let ttl = OutcomeKey::part(OutcomeKind::ExposedByCause, "ttl");
        let figure = range.figures.iter().find(|figure| figure.key == ttl);
        assert_eq!(figure.map(|figure| figure.counts.as_slice()), Some([0, 5].as_slice()));
    }

    #[test]
    fn a_range_belongs_to_one_plan_under_one_policy() {
        let of = |change: fn(&mut Measurement)| {
            let mut measurement = Measurement::default();
            change(&mut measurement);
            OutcomeRange::default().is_of(&measurement)
        };
        assert!(of(|_| {}), "the same");
        assert!(of(|m| m.contender = "core:ring".into()), "whoever verified");
        assert!(!of(|m| m.scenario = "a/b".into()), "another scenario");
        assert!(!of(|m| m.algorithm = "ES256".into()), "another algorithm");
        assert!(!of(|m| m.cache_policy = "spring-like".into()), "another cache policy");
        assert!(!of(|m| m.plan_hash = "00".into()), "another plan");
        assert!(!of(|m| m.policy_hash = "00".into()), "another policy");
        assert!(!of(|m| m.cache_policy_hash = "00".into()), "a preset that has changed");
    }
}
