//! The presets against a table worked out by hand from the libraries' sources: ttl, budgets and
//! timeouts give each bound, the simulation has to find it.

use jwtbench_engine::simulation::{Ask, Simulated, simulate};
use jwtbench_result::simulation::{MetricRange, SimulationRow};
use jwtbench_scenario::format::cache::{CacheSpec, Start, load_preset};
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_verifier::algorithm::Algorithm;

use crate::simulate::{library, scenario};

/// Users, one a second; 50 ms of latency.
const USERS: &str = "title = \"A test\"\nanalysis = \"None.\"\n\
    [issuer]\ntoken-lifetime = \"1h\"\n\
    [[stream]]\nname = \"users\"\nrate = 1\nholders = 64\ntokens = { valid = 100 }\n\
    [endpoint]\nlatency = \"50ms\"\n";
const QUIET: &str = "[load]\narrivals = \"poisson\"\nduration = \"25m\"\n";
/// Ten seconds of unknown kids, a hundred a second, two minutes in.
const FLOOD: &str = "[load]\narrivals = \"poisson\"\nduration = \"150s\"\n\
    [[phase]]\nname = \"flood\"\nat = \"120s\"\n\
    streams.attacker = { rate = 100, tokens = { unknown-kid = 100 } }\nENDPOINT\
    [[phase]]\nname = \"after\"\nat = \"130s\"\n";
/// A key that only a thief still uses is withdrawn. Its successor was announced so early that no
/// unknown kid brought caches of all ages into step.
const WITHDRAWAL: &str = "[[event]]\nat = \"1s\"\npublish-key = \"next\"\n\
    [[event]]\nat = \"25m\"\nsign-with = \"next\"\n\
    [[event]]\nat = \"86m\"\nwithdraw-key = \"current\"\n\
    [[stream]]\nname = \"thief\"\nrate = 0.2\nholders = 1\ntokens = { stolen-key = 100 }\n";
const ROTATION: &str = "[[event]]\nat = \"10m\"\npublish-key = \"next\"\n\
    [[event]]\nat = \"10m\"\nsign-with = \"next\"\n";
const OUTAGE: &str = "[[phase]]\nname = \"down\"\nat = \"10m\"\n\
    endpoint = { fault = \"refused\" }\n";
const ONE_UNKNOWN: &str = "[[stream]]\nname = \"stray\"\nrate = 0.2\nholders = 1\n\
    tokens = { unknown-kid-one = 100 }\n";

const INF: f64 = f64::INFINITY;
const MIN: fn(&MetricRange) -> Option<f64> = |metric| metric.min;
const MAX: fn(&MetricRange) -> Option<f64> = |metric| metric.max;

/// A row for each preset, all of one plan.
fn rows(presets: &[&str], parts: &str, offsets: u32) -> Vec<SimulationRow> {
    let folder = library().presets();
    let specs: Vec<CacheSpec> = presets
        .iter()
        .map(|preset| {
            let policy = load_preset(&folder, preset).unwrap();
            CacheSpec { name: (*preset).into(), policy, start: Start::Warm }
        })
        .collect();
    let ask = Ask { algorithm: Algorithm::EdDSA, offsets, draws: 1 };
    let text = USERS.to_owned() + parts;
    let Simulated { rows, wrong, .. } =
        simulate(&scenario(&text), &specs, &Signers::new(7), ask).expect("a simulation");
    assert_eq!(wrong, []);
    rows
}

fn check(
    row: &SimulationRow,
    (name, end): (&str, fn(&MetricRange) -> Option<f64>),
    (low, high): (f64, f64),
    reason: &str,
) {
    let preset = &row.cache_policy;
    let metric = row.metric(name).unwrap_or_else(|| panic!("{preset}, {reason}: no {name}"));
    let value = end(metric).unwrap_or(INF);
    assert!(low <= value && value <= high, "{preset}, {reason}: {name} is {metric:?}");
}

/// Fetches for a thousand unknown kids in ten seconds: with a healthy endpoint, and with one that
/// refuses.
#[test]
fn fetches_for_a_flood() {
    let rows = [
        ("nimbus-like", (1.0, 2.1), (1.0, 2.1), "two in a window, whatever comes of them"),
        ("spring-like", (150.0, 205.0), (900.0, 1000.0), "one after the other, 50 ms each"),
        ("jose-like", (0.9, 1.1), (950.0, 1000.0), "only a success arms the pause"),
        ("node-jwks-rsa-like", (990.0, 1010.0), (990.0, 1010.0), "one each: another kid each"),
        ("jwks-rsa-java-like", (9.0, 12.0), (9.0, 12.0), "a bucket of ten"),
        ("envoy-like", (0.0, 0.0), (0.0, 0.0), "the set has no such key, and that is that"),
        ("envoy-async-like", (0.0, 0.0), (0.0, 0.0), "nothing but the timer fetches"),
        ("aws-jwt-verify-like", (0.9, 1.1), (1900.0, 2000.0), "a refused fetch is made twice"),
        ("keyfunc-like", (0.9, 1.1), (0.9, 1.1), "one in five minutes"),
        ("go-oidc-like", (150.0, 205.0), (900.0, 1000.0), "single flight and no more"),
        ("pyjwt-2.12-like", (990.0, 1010.0), (990.0, 1040.0), "and users, whose set it cleared"),
        ("pyjwt-2.15-like", (0.9, 1.1), (950.0, 1000.0), "only a success arms the pause"),
        ("mod-auth-openidc-like", (0.9, 1.1), (1.9, 2.1), "one a minute, tried twice"),
        ("jwt-authorizer-like", (0.0, 1.1), (0.0, 1.1), "one load in ten minutes"),
        ("ms-identitymodel-like", (0.9, 1.1), (0.9, 1.1), "one in five minutes"),
        ("jwx-like", (0.0, 0.0), (0.0, 0.0), "unknown kids fetch nothing"),
        ("default", (0.9, 2.1), (0.9, 4.1), "one in ten seconds, tried twice"),
    ];
    let presets = rows.map(|(preset, ..)| preset);
    let flood = |fault: &str| self::rows(&presets, &FLOOD.replace("ENDPOINT", fault), 2);
    let (well, down) = (flood(""), flood("endpoint = { fault = \"refused\" }\n"));
    let metric = ("amplification_unknown_kid", MAX);
    for ((_, healthy, refusing, reason), (well, down)) in rows.iter().zip(well.iter().zip(&down)) {
        check(well, metric, *healthy, reason);
        check(down, metric, *refusing, reason);
    }
}

/// How long a withdrawn key is trusted where no unknown kid tells of it: at worst, over eight
/// ages of the cache, so that an eighth of the period may be missed.
#[test]
fn exposure_without_a_hint() {
    let rows = [
        ("nimbus-like", (236.0, 285.0), "the ttl, less the refresh ahead"),
        ("jose-like", (525.0, 600.2), "the ttl"),
        ("node-jwks-rsa-like", (525.0, 600.2), "the ttl of that kid"),
        ("envoy-like", (525.0, 600.2), "the ttl"),
        ("envoy-async-like", (520.0, 595.2), "the period of the timer"),
        ("pyjwt-2.12-like", (262.0, 300.2), "the ttl"),
        ("istio-like", (1050.0, 1200.2), "the period of the timer"),
        ("krakend-like", (0.0, 0.2), "nothing is kept"),
        ("aws-jwt-verify-like", (INF, INF), "no ttl"),
        ("go-oidc-like", (INF, INF), "no ttl"),
        ("jwt-authorizer-like", (INF, INF), "no ttl"),
        ("envoy-async-tokencache-like", (INF, INF), "the thief's token: he wrote its `exp`"),
        ("default", (175.0, 280.0), "80 % of the ttl, and 10 % of jitter"),
    ];
    let quiet = QUIET.replace("25m", "110m") + WITHDRAWAL;
    let found = self::rows(&rows.map(|(preset, ..)| preset), &quiet, 8);
    for ((_, expected, reason), row) in rows.iter().zip(&found) {
        check(row, ("exposure_s", MAX), *expected, reason);
    }
}

/// From the first token of a key that was not announced to the last that is refused or late.
#[test]
fn rotation_without_notice() {
    let rows = [
        ("nimbus-like", (0.0, 0.1), "the budget is free"),
        ("jose-like", (0.0, 30.1), "a pause of 30 s since the last fetch"),
        ("envoy-like", (400.0, 600.2), "the ttl"),
        ("envoy-async-like", (400.0, 595.2), "the timer"),
        ("aws-jwt-verify-like", (0.0, 0.1), "no miss before it"),
        ("keyfunc-like", (0.0, 0.1), "the budget is free"),
        ("go-oidc-like", (0.0, 0.1), "any unknown kid"),
        ("pyjwt-2.12-like", (0.0, 0.1), "any unknown kid"),
        ("jwt-authorizer-like", (0.0, 600.1), "ten minutes since the last load"),
        ("ms-identitymodel-like", (0.0, 1.0), "refused once, then there"),
        ("default", (0.0, 0.1), "the budget is free"),
    ];
    let found = self::rows(&rows.map(|(preset, ..)| preset), &(QUIET.to_owned() + ROTATION), 8);
    for ((_, expected, reason), row) in rows.iter().zip(&found) {
        check(row, ("convergence_s", MAX), *expected, reason);
    }
}

/// From the beginning of an outage to the first good user refused, without and with one stray
/// unknown kid in five seconds.
#[test]
fn grace_in_an_outage() {
    let rows = [
        ("nimbus-like", (0.0, 75.0), (225.0, 305.0), (0.0, 305.0), "what is left of the ttl"),
        ("jose-like", (0.0, 80.0), (520.0, 605.0), (0.0, 605.0), "what is left of the ttl"),
        ("envoy-async-like", (INF, INF), (INF, INF), (INF, INF), "stale for ever"),
        ("aws-jwt-verify-like", (INF, INF), (INF, INF), (INF, INF), "no ttl"),
        ("keyfunc-like", (INF, INF), (INF, INF), (INF, INF), "stale for ever"),
        ("pyjwt-2.12-like", (0.0, 40.0), (260.0, 305.0), (0.0, 20.0), "a stray kid clears all"),
        ("pyjwt-2.13-like", (0.0, 40.0), (260.0, 305.0), (200.0, 305.0), "and no longer does"),
        ("ms-identitymodel-like", (INF, INF), (INF, INF), (INF, INF), "the old set serves on"),
    ];
    let presets = rows.map(|(preset, ..)| preset);
    let parts = QUIET.to_owned() + OUTAGE;
    let quiet = self::rows(&presets, &parts, 8);
    let hinted = self::rows(&presets, &(parts + ONE_UNKNOWN), 8);
    for ((_, shortest, longest, stray, reason), (quiet, hinted)) in
        rows.iter().zip(quiet.iter().zip(&hinted))
    {
        check(quiet, ("grace_s", MIN), *shortest, reason);
        check(quiet, ("grace_s", MAX), *longest, reason);
        check(hinted, ("grace_s", MAX), *stray, reason);
    }
}
