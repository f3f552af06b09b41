//! Real against virtual time under state strategies: short scenarios with workers on threads and a
//! store that is played while they work, and the same in memory. The same exposed accepts and the
//! same lockouts, by cause, within what a busy machine moves.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use jwtbench_engine::contender::ContenderSpec;
use jwtbench_engine::real::Control;
use jwtbench_engine::state::store::StateStore;
use jwtbench_engine::trial::{Gathering, Trial};
use jwtbench_result::{Count, Measurement};
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::model::state::NamedStrategy;
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend;

use crate::inline;

/// Half of sixty users lose their tokens one after the other. Each sends 25 a second, as a thief
/// goes on. The store answers within 2 ms.
const BASE: &str = r#"
title = "Agreement"
analysis = "None."
[issuer]
token-lifetime = "1h"
[load]
arrivals = "constant"
workers = 2
warmup = "20ms"
duration = "1500ms"
[[stream]]
name = "users"
rate = 1500
holders = 60
tokens = { valid = 100 }
[state]
revocations = 25
revocations-until = "1200ms"
[store]
latency = "2ms"
propagation = "3ms"
"#;

/// Strategies of most carriers, at about a thousandth of their usual length.
const STRATEGIES: [(&str, &str); 12] = [
    ("in memory", "carrier = \"memory\""),
    ("no carrier", "carrier = \"none\""),
    (
        "pushed without a heartbeat",
        "carrier = \"push\"\npush-delivery = \"at-most-once\"\non-gap = \"keep\"\n\
         stale-up-to = \"forever\"\ncold-start = \"open\"",
    ),
    ("asked for each token, closed", "carrier = \"ask\"\nanswer-timeout = \"30ms\""),
    (
        "asked, cached, open",
        "carrier = \"ask\"\nanswer-timeout = \"30ms\"\ncache = \"200ms\"\non-failure = \"open\"",
    ),
    ("polled whole", "carrier = \"poll\"\npoll-interval = \"150ms\"\nstale-up-to = \"forever\""),
    (
        "polled, refused when old",
        "carrier = \"poll\"\npoll-interval = \"60ms\"\npoll-scope = \"delta\"\n\
         poll-retry = \"20ms\"\nanswer-timeout = \"30ms\"\nstale-up-to = \"120ms\"",
    ),
    (
        "pushed once",
        "carrier = \"push\"\npush-delivery = \"at-most-once\"\nheartbeat = \"50ms\"\n\
         on-gap = \"keep\"\nstale-up-to = \"forever\"\ncold-start = \"open\"",
    ),
    (
        "pushed with replay, repaired by a poll",
        "carrier = \"push-and-poll\"\npush-delivery = \"replay\"\nheartbeat = \"50ms\"\n\
         on-gap = \"resync\"\npoll-interval = \"200ms\"\npoll-scope = \"delta\"\n\
         poll-retry = \"50ms\"\nanswer-timeout = \"30ms\"\nstale-up-to = \"150ms\"\n\
         cold-start = \"100ms\"\nadopt = \"merge\"",
    ),
    ("introspected, closed", "carrier = \"introspection\"\nanswer-timeout = \"30ms\""),
    (
        "introspected, cached, open",
        "carrier = \"introspection\"\nanswer-timeout = \"30ms\"\ncache = \"200ms\"\n\
         on-failure = \"open\"",
    ),
    (
        "a status list, refused when old",
        "carrier = \"status-list\"\npoll-interval = \"60ms\"\npoll-retry = \"20ms\"\n\
         answer-timeout = \"30ms\"\nstale-up-to = \"200ms\"",
    ),
];

/// Whether a strategy is one for this store.
fn is_for(store: StateStore, strategy: &str) -> bool {
    let asks_issuer = strategy.contains("introspection") || strategy.contains("status-list");
    match store {
        StateStore::Model => true,
        StateStore::Http => asks_issuer,
        StateStore::Started | StateStore::Running(_) => {
            !asks_issuer && strategy != "carrier = \"memory\""
        }
    }
}

fn phase(store: &str) -> String {
    format!(
        "[[phase]]\nname = \"middle\"\nat = \"400ms\"\nstore = {{ {store} }}\n\
         [[phase]]\nname = \"end\"\nat = \"900ms\"\nstore = {{ fault = \"none\", list-size = 0 }}\n"
    )
}

fn scenarios() -> [(&'static str, String); 6] {
    [
        ("steady", String::new()),
        ("refused", phase("fault = \"refused\"")),
        ("silent", phase("fault = \"silent\"")),
        ("slow", phase("latency = \"25ms\"")),
        ("empty", phase("data-lost = \"all\"")),
        ("restart", "[[event]]\nat = \"600ms\"\nrestart-instances = 50\n".into()),
    ]
}

fn contender() -> ContenderSpec {
    ContenderSpec::Core(backend::find("ring").expect("a backend"))
}

/// The plan of a scenario under a strategy.
fn plan(strategy: &NamedStrategy, part: &str) -> Plan {
    let mut text = BASE.to_owned();
    text.write_str(part).expect("a string");
    let scenario = inline::scenario(&text).informed_by(strategy.clone());
    Plan::new(&scenario, Algorithm::EdDSA, &Signers::new(3), &|_| {})
}

/// The strategy of a file with this text.
pub fn strategy(text: &str) -> NamedStrategy {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("mine.toml");
    std::fs::write(&file, text).expect("a file");
    let read = inline::catalogue().presets().strategies().read_named(&file.to_string_lossy());
    read.unwrap_or_else(|fault| panic!("{fault}")).named()
}

fn real(plan: &Plan, store: StateStore) -> Measurement {
    let trial = Trial::new(plan, contender(), None).expect("a trial");
    let mut gathering = Gathering::new(plan, contender(), false);
    let never = AtomicBool::new(false);
    let control = Control { store, ..Control::new(&never) };
    gathering.add(0, trial.run(control).expect("a round"));
    gathering.finish()
}

/// The counts that must be the same: exposed accepts and lockouts by cause, and requests.
fn counts(measurement: &Measurement) -> BTreeMap<String, u64> {
    let state = measurement.state.as_ref().expect("a state");
    let named = |kind: &'static str, counts: &[Count]| -> Vec<(String, u64)> {
        counts.iter().map(|one| (format!("{kind} {}", one.name), one.count)).collect()
    };
    let exposures = named("exposed", &measurement.exposure_causes);
    let lockouts = named("locked out", &state.lockout_causes);
    let requests = named("requests", &state.requests);
    exposures.into_iter().chain(lockouts).chain(requests).collect()
}

/// The tokens that arrive in 20 ms, by which a busy machine may move a change.
const MOVED: u64 = 30;
/// The fewest of a cause that prove something.
const FEWEST: u64 = 20;

/// What differs by more than a busy machine explains.
fn difference(real: &Measurement, simulated: &Measurement) -> Option<String> {
    let (left, right) = (counts(real), counts(simulated));
    for key in left.keys().chain(right.keys()) {
        let count = |of: &BTreeMap<String, u64>| of.get(key).copied().unwrap_or_default();
        let (one, other) = (count(&left), count(&right));
        if one.abs_diff(other) > MOVED + other / 10 {
            return Some(format!(
                "{key}: {one} in real time, {other} in virtual: {left:?} {right:?}"
            ));
        }
    }
    None
}

/// A machine may be too busy once, and starts a server late; what is so five times is so. The round
/// in virtual time, if both agree.
fn check(
    strategy: (&str, &str),
    part: &(&str, String),
    store: StateStore,
) -> Result<Measurement, String> {
    let plan = plan(&self::strategy(strategy.1), &part.1);
    let trial = Trial::new(&plan, contender(), None).expect("a trial");
    let simulated = trial.simulated().expect("a round in virtual time");
    let name = format!("{} under `{}`", part.0, strategy.0);
    let mut last = String::new();
    for _ in 0..5 {
        let real = real(&plan, store);
        for (measurement, time) in [(&real, "real"), (&simulated, "virtual")] {
            assert_eq!(measurement.verdicts.wrong, 0, "{name}, {time}: {:?}", measurement.wrong);
        }
        match difference(&real, &simulated) {
            None => return Ok(simulated),
            Some(difference) => last = difference,
        }
    }
    Err(format!("{name}: {last}"))
}

/// What came of every strategy in each of these scenarios.
fn agreed(scenarios: &[(&str, String)], store: StateStore) -> Vec<BTreeMap<String, u64>> {
    let pairs: Vec<_> = STRATEGIES
        .iter()
        .filter(|(_, text)| is_for(store, text))
        .flat_map(|strategy| scenarios.iter().map(move |scenario| (*strategy, scenario)))
        .collect();
    let next = AtomicUsize::new(0);
    // Three at a time, since most of a round is waiting.
    let lane = || {
        let mut found = Vec::new();
        while let Some((strategy, scenario)) = pairs.get(next.fetch_add(1, Ordering::Relaxed)) {
            found.push(check(*strategy, scenario, store));
        }
        found
    };
    let found: Vec<_> = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..3).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().flat_map(|lane| lane.join().expect("a lane")).collect()
    });
    let (agreed, differing): (Vec<_>, Vec<_>) = found.into_iter().partition(Result::is_ok);
    let differing: Vec<String> = differing.into_iter().filter_map(Result::err).collect();
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    let agreed: Vec<BTreeMap<String, u64>> =
        agreed.into_iter().filter_map(Result::ok).map(|one| counts(&one)).collect();
    assert_eq!(agreed.len(), pairs.len());
    agreed
}

#[test]
fn every_strategy_does_the_same_in_both_times() {
    let agreed = agreed(&scenarios(), StateStore::Model);
    let most = |cause: &str| agreed.iter().filter_map(|one| one.get(cause)).max();
    let seen = ["none", "propagation", "cache", "fail-open", "poll-lag", "data-lost", "cold-start"];
    let causes = seen.map(|cause| format!("exposed state-{cause}"));
    let lockouts = ["fail-closed", "stale"].map(|cause| format!("locked out state-{cause}"));
    for cause in causes.iter().chain(&lockouts) {
        assert!(most(cause) >= Some(&FEWEST), "{cause}: {:?}", most(cause));
    }
}

/// The issuer's own endpoints, which have all faults, and the model of a store.
#[test]
fn every_strategy_does_the_same_over_http() {
    let mut scenarios = scenarios().to_vec();
    // An issuer does not lose what it has decided.
    scenarios.retain(|(name, _)| *name != "empty");
    scenarios.push(("error", phase("fault = \"error\"")));
    scenarios.push(("reset", phase("fault = \"reset\"")));
    scenarios.push(("published", phase("published-every = \"300ms\"")));
    scenarios.push(("too large", phase("list-size = 50000000")));
    let agreed = agreed(&scenarios, StateStore::Http);
    let most = |cause: &str| agreed.iter().filter_map(|one| one.get(cause)).max();
    let causes = [
        "exposed state-cache",
        "exposed state-fail-open",
        "exposed state-poll-lag",
        "locked out state-fail-closed",
        "locked out state-stale",
    ];
    for cause in causes {
        assert!(most(cause) >= Some(&FEWEST), "{cause}: {:?}", most(cause));
    }
}

/// A server that is killed, stopped, or started empty, and the model of one.
#[cfg(feature = "redis")]
#[test]
fn every_strategy_does_the_same_over_redis() {
    let store = StateStore::parse("redis", false).expect("a server on PATH: install redis-server");
    let mut scenarios = scenarios().to_vec();
    // A real store has a latency of its own.
    scenarios.retain(|(name, _)| *name != "slow");
    let agreed = agreed(&scenarios, store);
    let most = |cause: &str| agreed.iter().filter_map(|one| one.get(cause)).max();
    let causes =
        ["exposed state-fail-open", "locked out state-fail-closed", "locked out state-stale"];
    for cause in causes {
        assert!(most(cause) >= Some(&FEWEST), "{cause}: {:?}", most(cause));
    }
}
