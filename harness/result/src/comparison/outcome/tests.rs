//! Tests of outcomes by table: the counts of a base and a candidate, the range of 16 seeds, and the
//! verdict.

use crate::comparison::{Comparison, ComparisonTerms};
use crate::host::noise::{Hiccups, Noise};
use crate::record::outcome::{OutcomeKind, SeedCounts};
use crate::{
    ArrivalCounts, Count, EndpointCounts, ExposedClass, Machine, PhaseResult, Round,
    ScenarioRecord, VerdictCounts,
};

use super::OutcomeVerdict::{Better, NotGated, Unchanged, Worse};
use super::*;

const SCENARIO: &str = "rotation/emergency-withdrawal";
/// The class whose tokens a thief of the key signs.
const STOLEN: &str = "stolen-key";

/// The counts of a trial: exposed accepts of a stolen key by cause, lockouts by code, late accepts,
/// fetches.
#[derive(Clone, Default)]
struct Counts<'c> {
    exposed: &'c [(&'c str, u64)],
    classes: &'c [(&'c str, u64)],
    lockouts: &'c [(&'c str, u64)],
    late: u64,
    fetches: u64,
}

fn named(names: &[(&str, u64)]) -> Vec<Count> {
    names.iter().map(|(name, count)| Count { name: (*name).into(), count: *count }).collect()
}

fn classes(names: &[(&str, u64)]) -> Vec<ExposedClass> {
    let class = |&(name, count): &(&str, u64)| ExposedClass {
        name: name.into(),
        count,
        is_stolen: name == STOLEN,
    };
    names.iter().map(class).collect()
}

fn sum(names: &[(&str, u64)]) -> u64 {
    names.iter().map(|(_, count)| count).sum()
}

/// A trial of one round of 1000 arrivals in 2 s: in 20 ms there are 10.
fn measurement(counts: &Counts<'_>) -> Measurement {
    Measurement {
        scenario: SCENARIO.into(),
        contender: "core:ring".into(),
        algorithm: "ES256".into(),
        cache_policy: "default".into(),
        plan_hash: "plan".into(),
        verdicts: VerdictCounts {
            judged: 1000,
            exposed_accepts: sum(counts.exposed),
            lockouts: sum(counts.lockouts),
            late: counts.late,
            ..VerdictCounts::default()
        },
        exposure_causes: named(counts.exposed),
        exposed_classes: match counts.classes {
            [] if !counts.exposed.is_empty() => classes(&[(STOLEN, sum(counts.exposed))]),
            given => classes(given),
        },
        lockout_causes: named(counts.lockouts),
        endpoint: Some(EndpointCounts { attempts: counts.fetches, ..EndpointCounts::default() }),
        arrivals: ArrivalCounts { planned: 1000, done: 1000, ..ArrivalCounts::default() },
        rounds: vec![Round::default()],
        phases: vec![PhaseResult { end_ns: 2_000_000_000, ..PhaseResult::default() }],
        ..Measurement::default()
    }
}

/// The range of a measurement with these counts under each seed.
fn range(seeds: &[Counts<'_>]) -> OutcomeRange {
    let mut range = OutcomeRange {
        scenario: SCENARIO.into(),
        algorithm: "ES256".into(),
        cache_policy: "default".into(),
        plan_hash: "plan".into(),
        arrivals: 1000,
        seeds: (0..seeds.len() as u64).collect(),
        ..OutcomeRange::default()
    };
    let drawn: Vec<OutcomeCounts> =
        seeds.iter().map(|counts| OutcomeCounts::of(&measurement(counts))).collect();
    range.enter(&drawn);
    range
}

fn result(measurement: Measurement, ranges: Vec<OutcomeRange>) -> RunResult {
    let record = ScenarioRecord {
        name: SCENARIO.into(),
        family: "rotation".into(),
        title: "t".into(),
        analysis: "a".into(),
        dynamic: true,
        text: "text".into(),
        load: Some(crate::LoadRecord::default()),
        policy: None,
        cache_dropped: Vec::new(),
        judged_at_s: None,
    };
    RunResult {
        schema_version: crate::SCHEMA_VERSION,
        command: "jwtbench run".into(),
        started_at: "2026-01-01T00:00:00Z".into(),
        elapsed_s: 1.0,
        seed: 1,
        partial: false,
        machine: Machine::default(),
        versions: Default::default(),
        scenarios: vec![record],
        cache_policies: Vec::new(),
        measurements: vec![measurement],
        rate_bases: Vec::new(),
        capacities: Vec::new(),
        outcome_ranges: ranges,
    }
}

/// Counts of the seeds: 40 to 60 exposed accepts, 4 to 6 of them by `stale`; 0 to 3 lockouts; 5 or
/// 6 fetches.
fn seeds() -> Vec<Counts<'static>> {
    let low = Counts { exposed: &[("ttl", 36), ("stale", 4)], fetches: 5, ..Counts::default() };
    let high = Counts {
        exposed: &[("ttl", 54), ("stale", 6)],
        lockouts: &[("JWT_UNKNOWN_KID", 3)],
        fetches: 6,
        ..Counts::default()
    };
    (0..16).map(|seed| if seed % 2 == 0 { low.clone() } else { high.clone() }).collect()
}

const BASE: Counts<'static> = Counts {
    exposed: &[("ttl", 45), ("stale", 5)],
    classes: &[],
    lockouts: &[("JWT_UNKNOWN_KID", 2)],
    late: 0,
    fetches: 5,
};

fn compared(base: &RunResult, candidate: &RunResult) -> TrialOutcome {
    let pair = (&base.measurements[0], &candidate.measurements[0]);
    TrialOutcome::of(base, candidate, &pair).expect("an outcome")
}

/// Compares a candidate with [`BASE`].
fn outcome(candidate: &Counts<'_>) -> TrialOutcome {
    let base = result(measurement(&BASE), vec![range(&seeds())]);
    compared(&base, &result(measurement(candidate), Vec::new()))
}

/// A candidate, its verdict, how its sentences begin, and why.
type Row<'r> = (Counts<'r>, OutcomeVerdict, &'r [&'r str], &'r str);

fn check(rows: &[Row<'_>]) {
    for (candidate, verdict, said, why) in rows {
        let outcome = outcome(candidate);
        assert_eq!(outcome.verdict, *verdict, "{why}: {:?}", outcome.sentences);
        assert_eq!(outcome.sentences.len(), said.len(), "{why}: {:?}", outcome.sentences);
        for (sentence, said) in outcome.sentences.iter().zip(*said) {
            assert!(sentence.text.contains(said), "{why}: `{said}` is not in `{}`", sentence.text);
        }
        assert_eq!(outcome.not_gated, None, "{why}");
    }
}

#[test]
fn more_exposure_than_any_seed_gives_is_worse_and_less_is_better() {
    let with = |exposed: &'static [(&'static str, u64)]| Counts { exposed, ..BASE };
    check(&[
        (BASE, Unchanged, &[], "the same"),
        (with(&[("ttl", 54), ("stale", 6)]), Unchanged, &[], "the highest of the seeds"),
        (
            with(&[("ttl", 375), ("stale", 54)]),
            Worse,
            &["a stolen key is accepted 429 times instead of 50 (stale 54 instead of 5, ttl 375 \
               instead of 45; 16 seeds of the base: 40 to 60)"],
            "a stolen key is accepted far more often",
        ),
        (
            with(&[("ttl", 55), ("stale", 6)]),
            Worse,
            &["a stolen key is accepted 61 times instead of 50"],
            "one above the highest and above what real time adds to the base",
        ),
        (
            with(&[("no-expiry", 50)]),
            Worse,
            &["a stolen key is accepted, cause no-expiry, 50 times instead of 0"],
            "as many, of a cause that no seed has",
        ),
        (
            with(&[("no-expiry", 9)]),
            Better,
            &["a stolen key is accepted 9 times instead of 50"],
            "fewer in all excuse another cause",
        ),
        (with(&[]), Better, &["a stolen key is accepted 0 times instead of 50"], "none at all"),
        (with(&[("ttl", 36), ("stale", 4)]), Unchanged, &[], "the lowest of the seeds"),
    ]);
}

#[test]
fn more_lockouts_late_answers_and_fetches_than_any_seed_gives_are_worse() {
    check(&[
        (
            Counts { lockouts: &[("JWT_UNKNOWN_KID", 5)], ..BASE },
            Worse,
            &["good tokens are refused 5 times instead of 2 (JWT_UNKNOWN_KID 5 instead of 2"],
            "lockouts: above the highest, and more than twice the base's",
        ),
        (
            Counts { lockouts: &[("JWT_UNKNOWN_KID", 4)], ..BASE },
            Unchanged,
            &[],
            "what real time adds",
        ),
        (
            Counts { lockouts: &[("JWT_KEYS_UNAVAILABLE", 3)], ..BASE },
            Unchanged,
            &[],
            "503 instead of 401 is no worse",
        ),
        (Counts { late: 1, ..BASE }, Worse, &["accepted late 1 time instead of 0"], "none is late"),
        (Counts { fetches: 6, ..BASE }, Unchanged, &[], "a seed fetches as often"),
        (
            Counts { fetches: 7, ..BASE },
            Worse,
            &["asked for its keys 7 times instead of 5 (16 seeds of the base: 5 to 6)"],
            "no seed fetches as often",
        ),
        (
            Counts { fetches: 4, ..BASE },
            Better,
            &["the issuer is asked for its keys 4 times instead of 5"],
            "fewer fetches",
        ),
        (
            Counts { exposed: &[("ttl", 9)], lockouts: &[("JWT_UNKNOWN_KID", 90)], ..BASE },
            Worse,
            &[
                "good tokens are refused 90 times instead of 2",
                "a stolen key is accepted 9 times instead of 50",
            ],
            "users worse and thieves worse off: both are said, the worse first",
        ),
    ]);
}

/// 503 turned into 401: as many lockouts, but users are told that their tokens are bad.
#[test]
fn an_outage_that_logs_people_out_is_worse() {
    let unavailable = Counts { lockouts: &[("JWT_KEYS_UNAVAILABLE", 20)], ..Counts::default() };
    let unknown = Counts { lockouts: &[("JWT_UNKNOWN_KID", 20)], ..Counts::default() };
    let rows = [
        (&unavailable, &unavailable, Unchanged, "still 503"),
        (&unavailable, &unknown, Worse, "401 instead of 503"),
        (&unknown, &unavailable, Better, "503 instead of 401"),
        (&unknown, &unknown, Unchanged, "still 401"),
    ];
    for (base, candidate, verdict, why) in rows {
        let base = result(measurement(base), vec![range(&vec![base.clone(); 16])]);
        let outcome = compared(&base, &result(measurement(candidate), Vec::new()));
        assert_eq!(outcome.verdict, verdict, "{why}: {:?}", outcome.sentences);
        let said = "good users are told that their token is bad 20 times instead of 0";
        let is_said = outcome.sentences.iter().any(|sentence| sentence.text.contains(said));
        assert_eq!(is_said, verdict == Worse, "{why}: {:?}", outcome.sentences);
    }
}

/// The tokens of an attacker are counted apart from those of users under the same withdrawn key.
#[test]
fn more_for_the_thief_is_worse_whatever_users_lose() {
    let base = Counts {
        exposed: &[("ttl", 60)],
        classes: &[(STOLEN, 20), ("valid", 40)],
        ..Counts::default()
    };
    let candidate = Counts {
        exposed: &[("ttl", 50)],
        classes: &[(STOLEN, 45), ("valid", 5)],
        ..Counts::default()
    };
    let base = result(measurement(&base), vec![range(&vec![base.clone(); 16])]);
    let outcome = compared(&base, &result(measurement(&candidate), Vec::new()));
    assert_eq!(outcome.verdict, Worse);
    let said: Vec<&str> = outcome.sentences.iter().map(|sentence| sentence.text.as_str()).collect();
    assert!(said[0].starts_with("a stolen key is accepted 45 times instead of 20"), "{said:?}");
    assert!(said[1].starts_with("a withdrawn key is accepted 5 times instead of 40"), "{said:?}");
}

/// Several rounds repeat one plan, so counts are compared per round.
#[test]
fn counts_are_taken_by_the_round() {
    let mut base = measurement(&BASE);
    let mut candidate = measurement(&Counts {
        exposed: &[("ttl", 150)],
        lockouts: &[("JWT_UNKNOWN_KID", 6)],
        fetches: 16,
        ..Counts::default()
    });
    candidate.rounds = vec![Round::default(); 3];
    candidate.arrivals.planned = 3000;
    let ranged = |base: &Measurement| result(base.clone(), vec![range(&seeds())]);
    let outcome = compared(&ranged(&base), &result(candidate.clone(), Vec::new()));
    assert_eq!(outcome.verdict, Unchanged, "{:?}", outcome.sentences);
    let of = |kind| outcome.figures.iter().find(|f| f.key == OutcomeKey::whole(kind));
    let exposed = of(OutcomeKind::ExposedAccepts).expect("exposures");
    assert_eq!((exposed.base, exposed.candidate), (50.0, 50.0));
    let fetches = of(OutcomeKind::Fetches).expect("fetches");
    assert!((fetches.candidate - 16.0 / 3.0).abs() < 1e-9);
    base.rounds = vec![Round::default(); 3];
    base.arrivals.planned = 3000;
    candidate.verdicts.late = 1;
    let outcome = compared(&ranged(&base), &result(candidate, Vec::new()));
    let said = &outcome.sentences[0].text;
    assert!(said.starts_with("good tokens are accepted late 0.3 times a round"), "{said}");
}

/// An outcome that cannot be gated is shown with the reason, and never passed in silence.
#[test]
fn what_is_not_gated_says_why() {
    type Change = fn(&mut RunResult, &mut RunResult);
    let rows: [(Change, bool, &str, &str); 10] = [
        (
            |base, _| base.outcome_ranges.clear(),
            true,
            "the base keeps no range; make it again",
            "old",
        ),
        (
            |base, _| base.outcome_ranges[0].cache_policy_hash = "x".into(),
            true,
            "no range",
            "preset",
        ),
        (
            |base, _| base.outcome_ranges[0].withheld = Some("a closed loop".into()),
            false,
            "a closed loop",
            "what can never be drawn is no gap",
        ),
        (|base, _| base.outcome_ranges[0].cut_short = true, true, "interrupted", "no seed"),
        (|_, other| other.measurements[0].arrivals.planned = 400, true, "candidate was cut", "cut"),
        (|base, _| base.measurements[0].arrivals.planned = 400, true, "base was cut", "cut"),
        (|_, other| other.measurements[0].rounds.clear(), true, "candidate was cut", "no round"),
        (
            |_, other| other.measurements[0].plan_hash = "x".into(),
            true,
            "not alike",
            "another plan",
        ),
        (
            |_, other| {
                other.measurements[0].plan_hash = "x".into();
                other.seed = 2;
                other.scenarios[0].text = "other".into();
            },
            true,
            "not alike",
            "another seed of another text",
        ),
        (
            |_, other| {
                other.measurements[0].plan_hash = "x".into();
                other.seed = 2;
            },
            true,
            "candidate was cut",
            "another seed, and nothing tells how many arrivals it has",
        ),
    ];
    for (change, is_gap, said, why) in rows {
        let mut base = result(measurement(&BASE), vec![range(&seeds())]);
        let worse = Counts { exposed: &[("ttl", 429)], ..BASE };
        let mut candidate = result(measurement(&worse), Vec::new());
        change(&mut base, &mut candidate);
        let outcome = compared(&base, &candidate);
        assert_eq!(outcome.verdict, NotGated, "{why}");
        let not_gated = outcome.not_gated.expect("a reason");
        assert!(not_gated.reason.contains(said), "{why}: {}", not_gated.reason);
        assert_eq!(not_gated.is_gap, is_gap, "{why}");
        let shown = outcome.sentences.first().map(|sentence| sentence.text.as_str());
        let shown = shown.unwrap_or_default();
        assert!(shown.starts_with("a stolen key is accepted 429 times"), "{why}: shown: {shown}");
    }
}

/// The range is meant for another seed of the same scenario.
#[test]
fn another_seed_is_held_against_the_range() {
    for (ttl, verdict) in [(54, Unchanged), (90, Worse)] {
        let base = result(measurement(&BASE), vec![range(&seeds())]);
        let exposed = [("ttl", ttl), ("stale", 6)];
        let mut drawn = measurement(&Counts { exposed: &exposed, ..BASE });
        drawn.plan_hash = "drawn".into();
        let own = OutcomeRange { plan_hash: "drawn".into(), ..range(&seeds()) };
        let mut candidate = result(drawn, vec![own]);
        candidate.seed = 2;
        let outcome = compared(&base, &candidate);
        assert_eq!(outcome.verdict, verdict, "{ttl}: {:?}", outcome.sentences);
    }
}

/// A host that took the processor away lets more tokens through and makes answers late. No cache
/// policy is to blame for that.
#[test]
fn a_disturbed_host_is_allowed_its_longest_hiccup() {
    let rows: [(Counts<'_>, OutcomeVerdict, &str); 5] = [
        (Counts { exposed: &[("ttl", 429)], ..BASE }, Worse, "beyond any hiccup"),
        (Counts { exposed: &[("ttl", 105), ("stale", 5)], ..BASE }, Unchanged, "within 100 ms"),
        (Counts { lockouts: &[("JWT_UNKNOWN_KID", 50)], ..BASE }, Unchanged, "within 100 ms"),
        (Counts { late: 9, ..BASE }, Unchanged, "late answers are the host's"),
        (Counts { fetches: 9, ..BASE }, Unchanged, "and so are attempts that it let fail"),
    ];
    for (counts, verdict, why) in rows {
        let base = result(measurement(&BASE), vec![range(&seeds())]);
        let mut candidate = measurement(&counts);
        candidate.noisy = Some("disturbed".into());
        let hiccups = Some(Hiccups { max_ns: 100_000_000, ..Hiccups::default() });
        candidate.noise = Some(Noise { hiccups, ..Noise::default() });
        let outcome = compared(&base, &result(candidate, Vec::new()));
        assert_eq!(outcome.verdict, verdict, "{why}: {:?}", outcome.sentences);
        let not_gated = outcome.not_gated.expect("what is not gated is said");
        assert!(not_gated.is_gap && not_gated.reason.contains("late answers and fetches"), "{why}");
    }
}

#[test]
fn where_nothing_is_scripted_and_nothing_happens_there_is_no_outcome() {
    let still = || {
        let mut still = result(measurement(&Counts::default()), Vec::new());
        still.scenarios[0].dynamic = false;
        still
    };
    let outcome = |base: &RunResult, candidate: &RunResult| {
        TrialOutcome::of(base, candidate, &(&base.measurements[0], &candidate.measurements[0]))
    };
    assert!(outcome(&still(), &still()).is_none(), "nothing happens");
    let mut refused = still();
    refused.measurements[0].verdicts.lockouts = 7;
    let shown = outcome(&still(), &refused).expect("it is shown");
    assert_eq!((shown.verdict, shown.not_gated.map(|why| why.is_gap)), (NotGated, Some(false)));
    let mut broken = still();
    broken.measurements[0].error = Some("no port".into());
    assert!(outcome(&still(), &broken).is_none(), "a trial without figures has no outcome");
}

/// The whole comparison: its verdict, and what it is gated on.
#[test]
fn a_worse_outcome_is_a_regression() {
    let rows = [(50, false, false), (429, true, false)];
    for (ttl, is_worse, has_gaps) in rows {
        let base = result(measurement(&BASE), vec![range(&seeds())]);
        let exposed = [("ttl", ttl)];
        let candidate = result(measurement(&Counts { exposed: &exposed, ..BASE }), Vec::new());
        let compared =
            Comparison::of(&base, &candidate, &ComparisonTerms::default()).expect("alike");
        assert_eq!(compared.outcome_is_worse(), is_worse, "{ttl}");
        assert_eq!(compared.outcome_has_gaps(), has_gaps, "{ttl}");
        let regressed = crate::statistics::Decision::Regressed;
        assert_eq!(compared.verdict == Some(regressed), is_worse, "{ttl}");
    }
    let of = |counts: &Counts<'_>| result(measurement(counts), Vec::new());
    let (old, new) = (of(&BASE), of(&Counts { fetches: 9, ..BASE }));
    let same = Comparison::of(&old, &old, &ComparisonTerms::default()).expect("alike");
    assert!(same.outcome.is_empty() && !same.outcome_has_gaps(), "the same result has no gap");
    let compared = Comparison::of(&old, &new, &ComparisonTerms::default()).expect("alike");
    assert!(!compared.outcome_is_worse() && compared.outcome_has_gaps(), "no range is a gap");
}

/// The stored form: a count is named by its kind and part, and is read as it was written.
#[test]
fn a_range_is_read_as_it_was_written() {
    let range = range(&seeds());
    let text = serde_json::to_string(&range).expect("JSON");
    assert!(text.contains(r#""kind":"exposed-by-cause","of":"ttl","counts":[36,54"#), "{text}");
    assert_eq!(serde_json::from_str::<OutcomeRange>(&text).expect("a range"), range);
    let figures: &Vec<SeedCounts> = &range.figures;
    assert!(figures.iter().all(|figure| figure.counts.len() == 16));
}
