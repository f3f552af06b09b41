//! The same seed gives the same plan and corpus, on every machine and in every build profile;
//! another seed another; and virtual time the same measurement to the last figure.

// An arrival is a row: instant, phase and text.
#![allow(clippy::type_complexity)]

use inline::scenario;

use jwtbench_engine::contender::ContenderSpec;
use jwtbench_engine::trial::{Trial, class_state};
use jwtbench_scenario::Scenario;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::model::place::PhasePlace;
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend;

use crate::inline;

/// A scenario with something of everything that a plan holds.
const TINY: &str = r#"
title = "Tiny"
analysis = "None."
[issuer]
token-lifetime = "1s"
[load]
arrivals = "poisson"
workers = 2
warmup = "50ms"
duration = "2s"
[[stream]]
name = "users"
rate = 40
holders = 4
tokens = { valid = 60, expired = 10, bad-signature = 10, malformed = 10, revoked = 10 }
[cache]
ttl = "500ms"
unknown-kid-window = "200ms"
[state]
strategy = "redis-get"
revocations = 5
revoked-before = 3
[endpoint]
latency = "20ms"
jitter = "10ms"
[[phase]]
name = "late"
at = "800ms"
endpoint = { fault = "malformed-json" }
streams.attacker = { rate = 30, tokens = { unknown-kid = 100 } }
[[phase]]
name = "mended"
at = "1400ms"
[[event]]
at = "300ms"
publish-key = "next"
[[event]]
at = "600ms"
sign-with = "next"
[[event]]
at = "1500ms"
withdraw-key = "current"
"#;

fn plan(scenario: &Scenario, algorithm: Algorithm, seed: u64) -> Plan {
    Plan::new(scenario, algorithm, &Signers::new(seed), &|_| {})
}

fn hashes(plan: &Plan) -> [String; 2] {
    [plan.hash.clone(), plan.corpus.hash.clone()]
}

#[test]
fn the_seed_decides() {
    let tiny = scenario(TINY);
    for algorithm in [Algorithm::ES256, Algorithm::EdDSA] {
        let one = hashes(&plan(&tiny, algorithm, 1));
        assert_eq!(one, hashes(&plan(&tiny, algorithm, 1)), "{algorithm}: twice");
        let two = hashes(&plan(&tiny, algorithm, 2));
        assert_ne!(one[0], two[0], "{algorithm}: another plan by another seed");
        assert_ne!(one[1], two[1], "{algorithm}: another corpus by another seed");
    }
}

/// What the hashes cover: arrivals, events, faults, workers and corpus. Not prose, policy, cache
/// policy or expectations: those are compared apart.
#[test]
fn the_plan_hash_covers_the_plan() {
    let hash = |text: &str| plan(&scenario(text), Algorithm::ES256, 1).hash.clone();
    let base = hash(TINY);
    let expecting = format!("{TINY}[expect]\n\"all.users.valid.lockouts\" = \"== 0\"\n");
    let rows: [(String, bool, &str); 11] = [
        (TINY.replace("\"Tiny\"", "\"Other\""), true, "the title"),
        (TINY.replace("\"None.\"", "\"Some.\""), true, "the analysis"),
        (TINY.replace("ttl = \"500ms\"", "ttl = \"400ms\""), true, "the cache policy"),
        (expecting, true, "expectations"),
        (TINY.replace("workers = 2", "workers = 1"), false, "workers"),
        (TINY.replace("rate = 40", "rate = 41"), false, "a rate"),
        (TINY.replace("valid = 60, expired = 10", "valid = 50, expired = 20"), false, "shares"),
        (TINY.replace("holders = 4", "holders = 5"), false, "holders"),
        (TINY.replace("latency = \"20ms\"", "latency = \"21ms\""), false, "the endpoint"),
        (TINY.replace("malformed-json", "truncated"), false, "a fault"),
        (TINY.replace("at = \"1500ms\"", "at = \"1501ms\""), false, "an event"),
    ];
    for (text, same, why) in rows {
        assert_ne!(text, TINY, "{why}: the row changes something");
        assert_eq!(hash(&text) == base, same, "{why}");
    }
}

/// Arrivals of a stream: when, in which phase, with which token to the byte.
fn arrivals(plan: &Plan, stream: &str) -> Vec<Vec<(i64, PhasePlace, Box<[u8]>)>> {
    let mut streams = plan.scenario.streams.iter();
    let place = streams.position(|known| known.name == stream);
    let place = place.expect("the stream");
    let of_worker = |schedule: &Vec<jwtbench_scenario::plan::Arrival>| {
        let own = schedule.iter().filter(|arrival| arrival.stream.index() == place);
        own.map(|arrival| {
            let token = &plan.corpus.tokens[arrival.token.index()];
            (arrival.at.0, arrival.phase, token.bytes.clone())
        })
        .collect()
    };
    plan.schedules.iter().map(of_worker).collect()
}

#[test]
fn another_stream_reshuffles_nobody() {
    let users = r#"
[[stream]]
name = "users"
rate = 200
tokens = { valid = 80, expired = 20 }
"#;
    let head = "title = \"T\"\nanalysis = \"A\"\n[load]\narrivals = \"poisson\"\nworkers = 2\n\
                duration = \"1s\"\n";
    let attacker = |rate: u32| {
        users
            .replace("users", "attacker")
            .replace("rate = 200", &format!("rate = {rate}"))
            .replace("valid = 80, expired = 20", "unknown-kid = 100")
    };
    let of = |text: &str| {
        let plan = plan(&scenario(text), Algorithm::EdDSA, 1);
        arrivals(&plan, "users")
    };
    let alone = of(&format!("{head}{users}"));
    assert!(alone.iter().map(Vec::len).sum::<usize>() > 100, "{alone:?}");
    let rows = [
        (format!("{head}{users}{}", attacker(100)), "a stream after it"),
        (format!("{head}{users}{}", attacker(3000)), "a busy one"),
        (format!("{head}{users}[cache]\nttl = \"9s\"\n"), "another cache policy"),
    ];
    for (text, why) in rows {
        assert_eq!(of(&text), alone, "{why}");
    }
    // Before it, the stream's number in the facts moves; its arrivals do not.
    let times = |arrivals: &[Vec<(i64, PhasePlace, Box<[u8]>)>]| -> Vec<Vec<(i64, PhasePlace)>> {
        let at = |worker: &Vec<(i64, PhasePlace, Box<[u8]>)>| {
            worker.iter().map(|(at, phase, _)| (*at, *phase)).collect()
        };
        arrivals.iter().map(at).collect()
    };
    let after = of(&format!("{head}{}{users}", attacker(100)));
    assert_eq!(times(&after), times(&alone), "a stream before it");
    let renamed = format!("{head}{}", users.replace("users", "people"));
    let renamed = arrivals(&plan(&scenario(&renamed), Algorithm::EdDSA, 1), "people");
    assert_ne!(times(&renamed), times(&alone), "a stream is known by its name");
}

/// Plan and corpus of `TINY` under seed 1. Whoever changes what a corpus or a plan holds changes
/// these, on purpose and for every algorithm at once; a build profile or a machine never does.
const GOLDEN: [(Algorithm, &str, &str); 10] = [
    (Algorithm::RS256, "90e31e35df51b827", "46483f74540ade78"),
    (Algorithm::RS384, "ae8f1cf857c32f0d", "873524715d468a6a"),
    (Algorithm::RS512, "3c18a980e08efae9", "6643fa71c556f086"),
    (Algorithm::PS256, "e727768d28a66eda", "1bf7b505e1c6f793"),
    (Algorithm::PS384, "dfc76dc2c8849365", "07d8331c64a29699"),
    (Algorithm::PS512, "9fe807988048640f", "517494dd99b022ef"),
    (Algorithm::ES256, "df5ebb5b91cd201a", "5ee5b151c09d8923"),
    (Algorithm::ES384, "1c15a8d10ab74acb", "59f9b889042069e0"),
    (Algorithm::EdDSA, "c2079f1f20dd5137", "b6fcc47f2f0f584a"),
    (Algorithm::MlDsa44, "2eb709ab37e3217d", "03d7d95ce7f7b543"),
];

#[test]
fn every_build_and_machine_agrees() {
    let tiny = scenario(TINY);
    let signers = Signers::new(1);
    let got = Algorithm::ALL.map(|algorithm| {
        let plan = Plan::new(&tiny, algorithm, &signers, &|_| {});
        let [plan, corpus] = hashes(&plan);
        format!("(Algorithm::{algorithm}, \"{plan:.16}\", \"{corpus:.16}\"),")
    });
    let expected = GOLDEN.map(|(algorithm, plan, corpus)| {
        format!("(Algorithm::{algorithm}, \"{plan}\", \"{corpus}\"),")
    });
    assert_eq!(got, expected, "these are the ones:\n    {}", got.join("\n    "));
}

/// The measurement of one simulated round, whole.
fn simulated(plan: &Plan, contender: ContenderSpec) -> serde_json::Value {
    let state = class_state(plan);
    let trial = Trial::new(plan, contender, state.as_ref()).expect("a trial");
    serde_json::to_value(trial.simulated().expect("a round")).expect("JSON")
}

#[test]
fn virtual_time_repeats_itself() {
    let tiny = scenario(TINY);
    let plan_of = |seed| plan(&tiny, Algorithm::ES256, seed);
    let core = |name: &str| ContenderSpec::Core(backend::find(name).expect("a backend"));
    let one = simulated(&plan_of(1), core("ring"));
    assert_eq!(one, simulated(&plan_of(1), core("ring")), "to the last figure");
    assert!(one["verdicts"]["judged"].as_u64() > Some(50), "{one}");
    assert_eq!(one["verdicts"]["wrong"], 0, "{}", one["wrong"]);
    let mut other = simulated(&plan_of(1), core("rust-crypto"));
    other["contender"] = one["contender"].clone();
    assert_eq!(one, other, "no time is measured, so the backend does not show");
    let another = simulated(&plan_of(2), core("ring"));
    assert_ne!(one["arrivals"], another["arrivals"], "another seed");
}
