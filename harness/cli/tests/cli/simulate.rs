//! Simulations against figures worked out by hand, and properties that no policy may break.

#![allow(clippy::unwrap_used)]

mod change;
mod fleet;
mod gate;
mod hindsight;
mod oracle;
mod own;
mod state;
mod subjects;
mod tables;
mod workers;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use jwtbench_engine::simulation::{Ask, Simulated, simulate};
use jwtbench_report::{
    TerminalStyle, policy_markdown, simulation_html, simulation_markdown, simulation_picture,
    simulation_terminal,
};
use jwtbench_result::StoredForm;
use jwtbench_result::simulation::{MetricRange, PolicyNote, Simulation, SimulationRow};
use jwtbench_scenario::catalogue::Catalogue;
use jwtbench_scenario::format::cache::{CacheSpec, Start, load_preset, read_cache_policy};
use jwtbench_scenario::format::overrides::Overrides;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::{InstanceAges, Instances, Scenario};
use jwtbench_verifier::algorithm::Algorithm;

/// A ttl and nothing else: what many libraries do.
const PLAIN: &str = "ttl = \"5m\"\nrefresh-ahead = \"off\"\nrefresh-jitter = 0.0\n\
                     unknown-kid = \"refuse\"\nstale-if-error = \"0s\"\nretries = 0\n\
                     backoff-min = \"1s\"\nbackoff-max = \"1s\"\n";

/// One user a second; 40 ms of latency.
const USERS: &str = "title = \"A test\"\nanalysis = \"None.\"\n\
    [issuer]\ntoken-lifetime = \"1h\"\n\
    [load]\narrivals = \"poisson\"\nduration = \"90m\"\n\
    [[stream]]\nname = \"users\"\nrate = 1\ntokens = { valid = 100 }\n\
    [endpoint]\nlatency = \"40ms\"\n";
const SIGN: &str = "[[event]]\nat = \"10m\"\npublish-key = \"next\"\n\
    [[event]]\nat = \"10m\"\nsign-with = \"next\"\n";
/// A key that no user has any more is withdrawn.
const WITHDRAW: &str = "[[event]]\nat = \"1s\"\npublish-key = \"next\"\n\
    [[event]]\nat = \"1s\"\nsign-with = \"next\"\n\
    [[event]]\nat = \"65m\"\nwithdraw-key = \"current\"\n";
const OUTAGE: &str = "[[phase]]\nname = \"down\"\nat = \"10m\"\n\
    endpoint = { fault = \"refused\" }\n\
    [[phase]]\nname = \"back\"\nat = \"80m\"\n";
const FLOOD: &str = "[[phase]]\nname = \"flood\"\nat = \"10m\"\n\
    streams.attacker = { rate = 10, tokens = { unknown-kid = 100 } }\n\
    [[phase]]\nname = \"after\"\nat = \"12m\"\n";
const FORGERIES: &str = "[[phase]]\nname = \"flood\"\nat = \"10m\"\n\
    streams.attacker = { rate = 10, tokens = { bad-signature = 100 } }\n\
    [[phase]]\nname = \"after\"\nat = \"12m\"\n";
const POISON: &str = "[[event]]\nat = \"10m\"\npublish-set = [\"unknown-kty\"]\n";

fn library() -> Catalogue {
    Catalogue::find(Path::new(env!("CARGO_MANIFEST_DIR")))
}

/// What `jwtbench simulate` gives with these arguments, and passes.
fn passed(arguments: &[&str]) -> Simulation {
    let output = Command::new(env!("CARGO_BIN_EXE_jwtbench"))
        .arg("simulate")
        .args(arguments)
        .args(["--json", "--quiet"])
        .current_dir("..")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn policy(text: &str) -> CacheSpec {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("own.toml"), text).unwrap();
    let path = folder.path().join("own.toml");
    let policy = read_cache_policy(&library().presets(), path.to_str().unwrap()).unwrap().policy;
    CacheSpec { name: "own".into(), policy, start: Start::Warm }
}

fn scenario(parts: &str) -> Scenario {
    Scenario::parse(Path::new("policy/test.toml"), parts, &library().presets()).unwrap()
}

/// A row under [`PLAIN`] with changes, each of which replaces the line of its key.
fn row(changes: &[&str], parts: &str, seed: u64, instances: u32) -> SimulationRow {
    let instances = Instances { count: instances, ..Instances::default() };
    simulated(changes, &(USERS.to_owned() + parts), seed, instances)
}

fn lived_in(changes: &[&str], text: &str, instances: Instances) -> SimulationRow {
    simulated(changes, text, 1, instances)
}

/// The scenario of a text, from sixteen ages.
fn simulated(changes: &[&str], text: &str, seed: u64, instances: Instances) -> SimulationRow {
    let key = |line: &str| line.split(' ').next().unwrap().to_owned();
    let changed: Vec<String> = changes.iter().map(|line| key(line)).collect();
    let kept = PLAIN.lines().filter(|line| !changed.contains(&key(line)));
    let lines: Vec<&str> = kept.chain(changes.iter().copied()).collect();
    let ask = Ask { algorithm: Algorithm::ES256, offsets: 16, draws: 1 };
    let spec = [policy(&lines.join("\n"))];
    let Instances { count, ages } = instances;
    let fleet =
        Overrides { instances: Some(count), instance_ages: Some(ages), ..Overrides::default() };
    let scenario = scenario(text).with(&fleet).unwrap();
    let Simulated { mut rows, wrong, .. } =
        simulate(&scenario, &spec, &Signers::new(seed), ask).unwrap();
    assert_eq!(wrong, [], "{changes:?}");
    rows.remove(0)
}

/// An end of a metric must lie between two figures.
fn check(
    (changes, parts): (&[&str], &str),
    (name, end): (&str, fn(&MetricRange) -> Option<f64>),
    expected: (f64, f64),
    reason: &str,
) {
    let row = row(changes, parts, 1, 1);
    let metric = row.metric(name).unwrap_or_else(|| panic!("{reason}: no {name}: {row:?}"));
    let value = end(metric).unwrap_or(f64::INFINITY);
    assert!(expected.0 <= value && value <= expected.1, "{reason}: {name} is {metric:?}");
}

const FOREVER: (f64, f64) = (f64::INFINITY, f64::INFINITY);

/// Each bound worked out by hand. Sixteen ages of a ttl of 300 s lie 19 s apart, so an end of the
/// range is missed by less than two of those steps: 40 s.
#[test]
fn figures_worked_out_by_hand() {
    let min: fn(&MetricRange) -> Option<f64> = |metric| metric.min;
    let max: fn(&MetricRange) -> Option<f64> = |metric| metric.max;
    let refetch =
        ["unknown-kid = \"refetch\"", "unknown-kid-budget = 1", "unknown-kid-window = \"10s\""];
    let forever = ["ttl = \"forever\""];
    let stale = ["stale-if-error = \"20m\""];
    let ahead = ["refresh-ahead = 0.5"];
    let none: [&str; 0] = [];
    let both = SIGN.to_owned() + "[[event]]\nat = \"10m\"\nwithdraw-key = \"current\"\n";
    check((&none, WITHDRAW), ("exposure_s", max), (260.0, 300.0), "what is left of the ttl");
    check((&none, WITHDRAW), ("exposure_s", min), (0.0, 40.0), "the fetch may be due at once");
    check((&ahead, WITHDRAW), ("exposure_s", max), (110.0, 155.0), "half the ttl and a user");
    check((&forever, WITHDRAW), ("exposure_s", min), FOREVER, "nothing ever asks again");
    check((&refetch, &both), ("exposure_s", max), (0.0, 300.0), "a user with a new token asks");
    // A holder renews every 56 s and comes once in 64: the ttl runs well before the first new one.
    let late = (100.0, 300.0);
    check((&none, SIGN), ("convergence_s", max), late, "refused until the ttl is over");
    check((&refetch, SIGN), ("convergence_s", max), (0.0, 0.0), "the first waits and gets in");
    check((&forever, SIGN), ("convergence_s", max), FOREVER, "never learns of the key");
    check((&none, OUTAGE), ("grace_s", min), (0.0, 45.0), "what is left of the ttl");
    check((&none, OUTAGE), ("grace_s", max), (255.0, 305.0), "all of the ttl, and a user");
    check((&stale, OUTAGE), ("grace_s", min), (1200.0, 1245.0), "and 20 min of stale keys");
    check((&forever, OUTAGE), ("lockout_s", max), (0.0, 0.0), "the endpoint is not needed");
    check((&none, OUTAGE), ("recovery_s", max), (0.0, 5.0), "one backoff and one fetch");
    check((&none, FLOOD), ("amplification_unknown_kid", max), (0.0, 0.0), "no kid is asked for");
    // 120 s hold 12 windows of 10 s; 1200 tokens.
    let budget = (8.0, 13.0);
    check((&refetch, FLOOD), ("amplification_unknown_kid", max), budget, "one in a window");
    let forged = "amplification_bad_signature";
    check((&refetch, FORGERIES), (forged, max), (0.0, 0.0), "the kid is known");
    check((&none, POISON), ("poison_loss", max), (0.0, 0.0), "odd entries are skipped");
    let strict = ["bad-entry = \"fail-set\""];
    check((&strict, POISON), ("poison_loss", min), (1.0, 1.0), "nothing of such a set is taken");
    let malformed = ["bad-entry = \"fail-malformed\""];
    check((&malformed, POISON), ("poison_loss", max), (0.0, 0.0), "a JWK of no known type");
    let text = POISON.replace("unknown-kty", "not-an-object");
    check((&malformed, &text), ("poison_loss", min), (1.0, 1.0), "this one is no JWK");
    check((&none, SIGN), ("herd", max), (1.0, 1.0), "single flight");
}

#[test]
fn a_withdrawal_that_moves_is_met_in_many_phases() {
    // The first token of the new key brings nearly all caches into step.
    let refetch: &[&str] = &["ttl = \"20m\"", "unknown-kid = \"refetch\""];
    let nearer_end = |parts: &str| {
        let row = row(refetch, parts, 1, 1);
        let ends: [fn(&MetricRange) -> Option<f64>; 3] = [|m| m.min, |m| m.p50, |m| m.max];
        let exposure = &row.metrics["exposure_s"];
        let [least, median, most] = ends.map(|end| end(exposure).expect("within the horizon"));
        (median - least).min(most - median)
    };
    assert!(nearer_end(WITHDRAW) < 2.0, "most of them in one phase, by chance");
    assert!(nearer_end(&format!("{WITHDRAW}spread = \"5m\"\n")) > 60.0, "as it moves");
}

#[test]
fn what_a_scenario_cannot_measure_is_absent() {
    let names =
        |parts: &str| -> Vec<String> { row(&[], parts, 1, 1).metrics.into_keys().collect() };
    let rows = [
        ("", vec![]),
        (SIGN, vec!["convergence_s"]),
        (FLOOD, vec!["amplification_unknown_kid"]),
        (OUTAGE, vec!["grace_s", "recovery_s", "retry_peak"]),
        (POISON, vec!["poison_loss"]),
    ];
    for (parts, mut expected) in rows {
        expected.extend(["attempts_per_hour", "herd", "lockout_s", "regret_s"]);
        expected.sort_unstable();
        assert_eq!(names(parts), expected, "{parts}");
    }
}

/// Without stale keys nothing is trusted longer than a ttl and a fetch.
#[test]
fn exposure_is_bounded_by_ttl_and_timeout() {
    for (ttl, seconds) in [("30s", 30.0), ("2m", 120.0), ("10m", 600.0)] {
        for unknown in ["unknown-kid = \"refuse\"", "unknown-kid = \"refetch\""] {
            for seed in [1, 2] {
                let ttl = format!("ttl = \"{ttl}\"");
                let row = row(&[&ttl, unknown], WITHDRAW, seed, 1);
                let most = row.metric("exposure_s").unwrap().max.unwrap();
                assert!(most <= seconds + 3.0, "{ttl} {unknown}: {most}");
            }
        }
    }
}

#[test]
fn more_stale_if_error_never_shortens_grace() {
    let ages = ["0s", "1m", "10m", "30m"];
    let graces = ages.map(|stale| {
        let stale = format!("stale-if-error = \"{stale}\"");
        let metric = *row(&[&stale], OUTAGE, 1, 1).metric("grace_s").unwrap();
        [metric.min, metric.p50, metric.max].map(|value| value.unwrap_or(f64::INFINITY))
    });
    for pair in graces.windows(2) {
        assert!(pair[0].iter().zip(&pair[1]).all(|(less, more)| less < more), "{graces:?}");
    }
}

/// Whatever the flood, attempts stay within the budget of each window that it touches.
#[test]
fn a_budget_is_never_exceeded() {
    let quiet = row(&[], "", 1, 1).counts.attempts;
    for (budget, window) in [(1, 5), (3, 10), (1, 60)] {
        let lines = [
            "unknown-kid = \"refetch\"".to_owned(),
            format!("unknown-kid-budget = {budget}"),
            format!("unknown-kid-window = \"{window}s\""),
        ];
        let row = row(&lines.each_ref().map(String::as_str), FLOOD, 1, 1);
        // Sixteen ages. A fetch of the flood may stand in for one of the ttl, never add another.
        let most = quiet + 16 * budget * (120 / window + 1);
        assert!(row.counts.attempts <= most, "{budget}/{window}s: {:?}", row.counts);
    }
}

/// Locked in phase and without jitter, instances do the same at the same time.
#[test]
fn instances_in_lock_step_multiply_fetches_and_change_no_verdict() {
    let [one, three] = [1, 3].map(|instances| row(&[], SIGN, 1, instances));
    assert_eq!(three.counts.attempts, 3 * one.counts.attempts);
    assert_eq!(three.counts.accepts, 3 * one.counts.accepts);
    assert_eq!(three.counts.lockouts, 3 * one.counts.lockouts);
    let same = ["convergence_s", "lockout_s"];
    for name in same {
        assert_eq!(three.metric(name), one.metric(name), "{name}");
    }
    assert_eq!(three.metric("herd").unwrap().max, Some(3.0));
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let bytes = |seed: u64| serde_json::to_string(&row(&[], SIGN, seed, 1)).unwrap();
    assert_eq!(bytes(1), bytes(1));
    let hash = |seed: u64| row(&[], SIGN, seed, 1).stream_hash;
    assert_ne!(hash(1), hash(2), "another seed, other arrivals");
}

/// What cannot flow is refused with the remedy.
#[test]
fn arrivals_that_cannot_be_drawn_are_refused() {
    let rows = [
        (("\"poisson\"", "\"closed\""), "constant"),
        (("rate = 1\n", "rate = \"50%\"\n"), "per second"),
        (("rate = 1\n", "rate = 1\nholders = 1000000\n"), "holders"),
    ];
    for ((from, to), remedy) in rows {
        let mut text = USERS.replace(from, to);
        if to.contains("closed") {
            text = text.replace("rate = 1\n", "");
        }
        if to.contains("holders") {
            text = text.replace("\nrate = 1\n", "\nrate = 100\n");
        }
        let ask = Ask { algorithm: Algorithm::ES256, offsets: 1, draws: 1 };
        let error = simulate(&scenario(&text), &[policy(PLAIN)], &Signers::new(1), ask);
        let error = error.err().unwrap().to_string();
        assert!(error.contains(remedy), "{to}: {error}");
    }
}

/// The longer ones are left to `scripts/tables`, which has a release build.
#[test]
fn short_shipped_scenarios_can_be_simulated() {
    let all = library().all().unwrap();
    let hour = std::time::Duration::from_secs(3600);
    let is_short = |scenario: &&Scenario| scenario.is_simulated() && scenario.load.duration < hour;
    let shipped: Vec<&Scenario> = all.iter().filter(is_short).collect();
    assert!(shipped.len() >= 12, "{}", shipped.len());
    for scenario in shipped {
        let preset = load_preset(&library().presets(), "default").unwrap();
        let start = scenario.cache.start;
        let spec = [CacheSpec { name: "default".into(), policy: preset, start }];
        let ask = Ask { algorithm: Algorithm::EdDSA, offsets: 1, draws: 1 };
        let Simulated { rows, wrong, .. } =
            simulate(scenario, &spec, &Signers::new(1), ask).unwrap();
        assert_eq!(wrong, [], "{}", scenario.name);
        assert!(rows[0].counts.arrivals > 500, "{}", scenario.name);
    }
}

/// Every form names every policy and what dominates the user's; the table is no wider than 80.
#[test]
fn reports_name_every_policy_and_keep_their_width() {
    let own = row(&["ttl = \"forever\""], WITHDRAW, 1, 1);
    let name = "nimbus-outage-tolerant-like".to_owned();
    let preset = SimulationRow { cache_policy: name.clone(), ..row(&[], WITHDRAW, 1, 1) };
    let about = |name: &str| PolicyNote {
        name: name.to_owned(),
        title: Some("A title".into()),
        source: Some("a *source*".into()),
        keys: vec!["ttl = \"5m\"".into()],
        ..PolicyNote::default()
    };
    let policies = vec![about("own"), about(&name)];
    let (rows, own) = (vec![own, preset], vec!["own".to_owned()]);
    let simulation = Simulation { rows, own, policies, ..Simulation::default() };
    let style = TerminalStyle { colour: false, width: 80 };
    let terminal = simulation_terminal(&simulation, style);
    for line in terminal.lines() {
        assert!(line.chars().count() <= 80 && !line.contains('…'), "{line}");
    }
    let html = simulation_html(&simulation);
    let markdown = simulation_markdown(&simulation);
    let picture = simulation_picture(&simulation);
    roxmltree::Document::parse(&picture).unwrap();
    for form in [&terminal, &html, &markdown] {
        assert!(form.contains("own is dominated by nimbus-outage-tolerant-like."), "{form}");
    }
    for form in [&html, &markdown, &picture] {
        assert!(form.contains(&name) && !form.contains("http://localhost"), "{form}");
    }
    let page = policy_markdown(&simulation, &simulation.policies[0]);
    for form in [&html, &page] {
        assert!(form.contains("is trusted for ever"), "{form}");
        assert!(form.contains("Better here: nimbus-outage-tolerant-like."), "{form}");
        assert!(form.contains("was not run against it"), "{form}");
    }
    assert!(page.contains("a \\*source\\*.") && page.contains("\nttl = \"5m\"\n"), "{page}");
    assert!(markdown.contains("`policies/NAME.md`"), "{markdown}");
}

/// What the command line refuses, with exit code 2 and the remedy.
#[test]
fn misuse_is_refused_with_a_remedy() {
    let rows: [(&[&str], &str); 8] = [
        (&["run", "policy/outage"], "jwtbench simulate policy/outage"),
        (&["check", "policy/*"], "jwtbench simulate"),
        (&["simulate", "policy/nothing"], "jwtbench list"),
        (&["simulate", "--cache-policy", "nothing"], "known: "),
        (&["simulate", "policy/outage", "--horizon", "1h"], "make it longer"),
        (&["simulate", "hot-path/accept"], "poisson"),
        (&["simulate", "policy/retired-kid", "--horizon", "30m"], "make it longer"),
        (&["simulate", "policy/outage", "--instance-ages", "old"], "neither same nor spread"),
    ];
    for (arguments, remedy) in rows {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jwtbench"));
        let output = command.args(arguments).current_dir("..").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(remedy), "{arguments:?}: {said}");
    }
}
