//! State strategies against closed forms, read from `simulate --json`, and against what each
//! shipped scenario says of them.

use std::path::PathBuf;

use super::*;

use crate::binary::scenario_file;

/// A fleet whose tokens are revoked now and then.
struct Fleet {
    strategy: &'static str,
    instances: u32,
    /// The tokens that come per second to the whole fleet.
    rate: u32,
    holders: u32,
    /// The tokens that are revoked per second.
    revocations: f64,
    lifetime: &'static str,
    /// The instant from which nothing is revoked any more.
    until: &'static str,
    sample: f64,
    store: &'static str,
    phases: &'static str,
}

/// 4,000 tokens that live for five minutes, of which few are revoked.
const FLEET: Fleet = Fleet {
    strategy: "carrier = \"none\"\n",
    instances: 20,
    rate: 60,
    holders: 4000,
    revocations: 0.6,
    lifetime: "5m",
    until: "24m",
    sample: 1.0,
    store: "latency = \"1ms\"\n",
    phases: "",
};

const POLL: &str = "carrier = \"poll\"\npoll-interval = \"60s\"\nstale-up-to = \"forever\"\n\
                    cold-start = \"open\"\n";
const PUSH: &str = "carrier = \"push-and-poll\"\npush-delivery = \"at-most-once\"\n\
                    poll-interval = \"60s\"\nstale-up-to = \"forever\"\ncold-start = \"open\"\n";
const CACHE: &str = "carrier = \"ask\"\ncache = \"30s\"\nnegative-cache = \"30s\"\n";

impl Fleet {
    /// What came of it, in so many draws.
    fn lived(&self, draws: u32) -> SimulationRow {
        let Fleet { strategy, instances, rate, holders, revocations, lifetime, sample, .. } = self;
        let Fleet { store, phases, until, .. } = self;
        let text = format!(
            "title = \"It\"\nanalysis = \"None.\"\n[issuer]\ntoken-lifetime = \"{lifetime}\"\n\
             [load]\narrivals = \"poisson\"\nduration = \"30m\"\ninstances = {instances}\n\
             [[stream]]\nname = \"users\"\nrate = {rate}\nholders = {holders}\n\
             tokens = {{ valid = 100 }}\n\
             [state]\nrevocations = {revocations}\nrevocations-until = \"{until}\"\n\
             sample = {sample}\n\
             [store]\n{store}\n{phases}"
        );
        lived_under(&text, strategy, draws)
    }
}

/// What came of a scenario under a strategy, in so many draws.
pub(super) fn lived_under(scenario: &str, strategy: &str, draws: u32) -> SimulationRow {
    let folder = tempfile::tempdir().unwrap();
    let mine = folder.path().join("mine.toml");
    std::fs::write(&mine, strategy).unwrap();
    // A file alone would be compared with every preset.
    let [mine, _] = lived_each(scenario, [mine.to_str().unwrap(), "expiry-alone"], draws);
    mine
}

/// What came of a scenario under each of two strategies, in so many draws.
pub(super) fn lived_each(scenario: &str, strategies: [&str; 2], draws: u32) -> [SimulationRow; 2] {
    let folder = tempfile::tempdir().unwrap();
    let file = scenario_file(folder.path(), "state/it", scenario);
    let [one, other] = strategies;
    let strategies = ["--state-strategy", one, "--state-strategy", other];
    let draws = draws.to_string();
    let rest = [&file, "--algorithm", "EdDSA", "--draws", &draws];
    passed(&[&rest[..], &strategies].concat()).rows.try_into().unwrap()
}

pub(super) fn worst(row: &SimulationRow, name: &str) -> f64 {
    row.metric(name).unwrap().max.unwrap()
}

fn mean(row: &SimulationRow) -> f64 {
    row.metric("state_exposure_s").unwrap().mean.unwrap()
}

/// ∫ P(W > t) · P(X + leeway > t) dt for a wait W with this survival, and a life left that is
/// uniform in a lifetime. In seconds.
fn capped(survival: impl Fn(f64) -> f64, lifetime: f64, leeway: f64) -> f64 {
    let steps = 200_000;
    let width = (lifetime + leeway) / f64::from(steps);
    let part = |step: u32| {
        let at = (f64::from(step) + 0.5) * width;
        let alive = if at < leeway { 1.0 } else { 1.0 - (at - leeway) / lifetime };
        survival(at) * alive * width
    };
    (0..steps).map(part).sum()
}

/// The survival of a wait that is uniform from 0 to `most`.
fn uniform(most: f64) -> impl Fn(f64) -> f64 {
    move |at| (1.0 - at / most).max(0.0)
}

/// The survival of the sum of two such waits, in tenths of a second.
fn sum_of_two(a: f64, b: f64) -> impl Fn(f64) -> f64 {
    move |at| {
        let parts = 1000;
        let over = |part: i32| {
            let first = (f64::from(part) + 0.5) / f64::from(parts) * a;
            ((b - (at - first)) / b).clamp(0.0, 1.0)
        };
        (0..parts).map(over).sum::<f64>() / f64::from(parts)
    }
}

/// The mean exposure over all revocations and instances.
#[test]
fn exposures_are_those_of_the_closed_forms() {
    let poll_300 = POLL.replace("60s", "300s").leak();
    let rows = [
        ("no carrier: life and leeway", FLEET, 180.0),
        (
            "a poll each minute",
            Fleet { strategy: POLL, ..FLEET },
            capped(uniform(60.0), 300.0, 30.0),
        ),
        (
            "a poll as long as a life",
            Fleet { strategy: poll_300, ..FLEET },
            capped(uniform(300.0), 300.0, 30.0),
        ),
        (
            "a tenth of all messages lost, a poll that repairs",
            Fleet {
                strategy: PUSH,
                store: "latency = \"1ms\"\npropagation = \"2s\"\npush-loss = 0.1\n",
                ..FLEET
            },
            0.9 * 2.0 + 0.1 * capped(uniform(60.0), 300.0, 30.0),
        ),
        (
            "a status list, published each 37 s and polled each minute",
            Fleet {
                strategy: "carrier = \"status-list\"\npoll-interval = \"60s\"\n\
                           stale-up-to = \"forever\"\ncold-start = \"open\"\n",
                store: "latency = \"1ms\"\npublished-every = \"37s\"\n",
                ..FLEET
            },
            capped(sum_of_two(37.0, 60.0), 300.0, 30.0),
        ),
    ];
    for (reason, fleet, expected) in rows {
        let found = mean(&fleet.lived(8));
        let off = (found / expected - 1.0).abs();
        assert!(off < 0.02, "{reason}: {found} instead of {expected}");
    }
}

/// A cache of answers for c seconds under λ presentations per second: a share λc/(1+λc) is
/// answered from it, and a revoked token is trusted for half of c where it was.
#[test]
fn a_cache_of_answers_asks_and_exposes_as_its_closed_form() {
    let (c, lambda) = (30.0, 0.05);
    let fleet = Fleet {
        strategy: CACHE,
        instances: 1,
        rate: 150,
        holders: 3000,
        revocations: 1.5,
        // Longer than the run, so that each token is asked for afresh only as its answer ends.
        lifetime: "3h",
        until: "29m",
        ..FLEET
    };
    let row = fleet.lived(2);
    let hit = lambda * c / (1.0 + lambda * c);
    let (exposure, ops) = (mean(&row), worst(&row, "store_ops_per_token"));
    // The first c seconds of 1,800 begin with an empty cache.
    assert!((exposure / (hit * c / 2.0) - 1.0).abs() < 0.03, "{exposure}");
    assert!((ops / (1.0 - hit) - 1.0).abs() < 0.03, "{ops}");
}

/// What ten minutes without a store cost: closed, all users; open, all that was ever revoked.
#[test]
fn an_outage_locks_out_or_exposes() {
    let phases = "[[phase]]\nname = \"down\"\nat = \"10m\"\nstore = { fault = \"refused\" }\n\
                  [[phase]]\nname = \"back\"\nat = \"20m\"\n";
    let lived = |strategy| Fleet { strategy, phases, ..FLEET }.lived(2);
    let closed = lived("carrier = \"ask\"\n");
    assert_eq!(worst(&closed, "lockout_s"), 600.0, "everybody, for as long as it lasts");
    assert_eq!(closed.counts.revoked_accepts, 0);
    assert_eq!(closed.lockout_causes.keys().collect::<Vec<_>>(), ["state-fail-closed"]);
    let open = lived("carrier = \"ask\"\non-failure = \"open\"\n");
    assert_eq!(worst(&open, "lockout_s"), 0.0);
    assert_eq!(open.causes.keys().collect::<Vec<_>>(), ["state-fail-open"]);
    let held = lived(POLL);
    assert_eq!(worst(&held, "lockout_s"), 0.0, "stale for ever");
    let accepts = |row: &SimulationRow, cause| row.causes.get(cause).copied().unwrap_or_default();
    let [stale, all] = [accepts(&held, "state-stale"), accepts(&open, "state-fail-open")];
    assert!(0 < stale && stale < all, "{stale} of {all}: only what was revoked meanwhile");
    let told = lived("carrier = \"ask\"\non-failure = \"closed-401\"\n");
    assert_eq!(told.counts.misreported, told.counts.state_lockouts, "an outage is no bad token");
    assert!(told.counts.state_lockouts > 0 && closed.counts.misreported == 0);
}

/// The entries that live at once: revocations per second times the mean time for which they matter.
#[test]
fn held_entries_are_those_of_littles_law() {
    let row = Fleet { strategy: POLL, revocations: 4.0, holders: 8000, ..FLEET }.lived(2);
    let entries = worst(&row, "state_entries");
    // The most of a Poisson number of 720 over half an hour, where the mean is v · (L/2 + leeway).
    assert!((700.0..820.0).contains(&entries), "{entries}");
}

/// A sample stands for the whole.
#[test]
fn a_sample_of_a_tenth_is_as_the_whole() {
    let fleet = |sample| Fleet {
        strategy: CACHE,
        instances: 50,
        rate: 400,
        holders: 4000,
        revocations: 2.0,
        sample,
        ..FLEET
    };
    let (whole, part) = (fleet(1.0).lived(1), fleet(0.1).lived(8));
    for name in ["store_ops_per_token", "token_endpoint_per_s"] {
        let (whole, part) = (worst(&whole, name), part.metric(name).unwrap().p50.unwrap());
        assert!((part / whole - 1.0).abs() < 0.02, "{name}: {part} instead of {whole}");
    }
    let (whole, sampled) = (mean(&whole), part.metric("state_exposure_s").unwrap());
    let (found, error) = (sampled.mean.unwrap(), sampled.mean_error.unwrap());
    assert!((found - whole).abs() < 2.0 * error, "{found} ± {error} instead of {whole}");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let fleet = Fleet { strategy: PUSH, store: "push-loss = 0.1\njitter = \"200us\"\n", ..FLEET };
    assert_eq!(fleet.lived(1), fleet.lived(1));
}

fn simulated(scenario: &str, strategy: &str) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_jwtbench"))
        .args(["simulate", scenario, "--state-strategy", strategy, "--draws", "1"])
        .current_dir("..")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.code(), said.concat())
}

/// Each incident misses its own expectations under the strategy that had it, and meets them under
/// `default`.
#[test]
fn incidents_are_those_of_the_guilty_strategy() {
    let rows = [
        ("lost-subscription", "lost-subscription-like"),
        ("stale-after-failover", "lost-subscription-like"),
        ("frozen-tracking", "redis-tracking"),
        ("hung-requests", "redis-get-hang"),
        ("fail-open", "redis-get-open"),
        ("cached-introspection", "oathkeeper-like"),
        ("short-cache", "short-cache-like"),
        ("no-stale-answers", "quarkus-like"),
        ("slow-introspection", "spring-opaque-like"),
        ("fail-safe-cache", "fail-safe-cache-like"),
        ("restart-logs-out", "sourcegraph-like"),
        ("scan", "argocd-like"),
    ];
    for (incident, guilty) in rows {
        let scenario = format!("state/incident-{incident}");
        let (code, said) = simulated(&scenario, guilty);
        assert_eq!(code, Some(5), "{incident} under {guilty}: {said}");
        let (code, said) = simulated(&scenario, "default");
        assert_eq!(code, Some(0), "{incident} under default: {said}");
    }
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/state");
    let incidents = std::fs::read_dir(folder).unwrap().filter(|file| {
        let name = file.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with("incident-")
    });
    assert_eq!(incidents.count(), rows.len(), "each incident is in the table");
}

/// Nobody who locks nobody out hears of a revocation before the store can tell of it.
#[test]
fn no_strategy_is_below_the_bound() {
    let simulation = passed(&["state/store-refused", "state/rights-change", "--draws", "2"]);
    let mut compared = 0;
    for row in &simulation.rows {
        let mean = |name: &str| row.metric(name).and_then(|range| range.mean);
        let pair = mean("state_exposure_s").zip(mean("state_bound_s"));
        if let Some((exposure, bound)) = pair.filter(|_| worst(row, "lockout_s") == 0.0) {
            let name = row.subject();
            assert!(bound > 0.0 && exposure >= bound, "{name}: {exposure} is below {bound}");
            compared += 1;
        }
    }
    assert!(compared > 15, "{compared} strategies lock nobody out");
}

/// A restart ends what waits, and mixes up no answers.
#[test]
fn no_verdict_is_wrong_under_any_strategy() {
    let simulation = passed(&["state/restart", "state/cold-start-in-outage", "--draws", "1"]);
    let names = library().strategies().names();
    assert_eq!(simulation.rows.len(), 2 * names.len(), "each strategy has a row");
}

/// What is refused, and what is said.
#[test]
fn what_has_no_effect_is_refused() {
    let refused = |args: &[&str], said: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_jwtbench"))
            .arg("simulate")
            .args(args)
            .current_dir("..")
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        assert!(error.contains(said), "{args:?}: `{said}` is not in {error}");
    };
    refused(&["policy/outage", "--state-strategy", "default"], "has no [state]");
    refused(&["state/steady", "policy/outage"], "one after the other");
    refused(&["state/steady", "--sweep", "ttl=1m..1h"], "--sweep");
    refused(&["state/steady", "--state-strategy", "redis-gt"], "redis-get");
    refused(
        &["state/steady", "--cache-policy", "default", "--cache-policy", "nimbus-like"],
        "under one cache policy",
    );
}
