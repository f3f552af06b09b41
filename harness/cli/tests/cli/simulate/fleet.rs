//! Instances of one verifier, and what ends with the horizon.

use super::*;

#[test]
fn caches_of_all_ages_fetch_apart() {
    let rows = [InstanceAges::Same, InstanceAges::Spread].map(|ages| {
        let instances = Instances { count: 4, ages };
        lived_in(&[], &USERS.replace("90m", "15m"), instances)
    });
    let herds = rows.each_ref().map(|row| row.metric("herd").unwrap().max);
    assert_eq!(herds, [Some(4.0), Some(1.0)], "in step, and one after the other");
    assert_eq!(rows[0].counts.lockouts, rows[1].counts.lockouts);
}

/// A refused attempt takes no time; those of several instances are in the air at once all the same.
#[test]
fn a_dead_endpoint_meets_the_whole_herd() {
    let instances = Instances { count: 3, ages: InstanceAges::Same };
    let text = USERS.replace("90m", "20m") + &OUTAGE.replace("80m", "18m");
    let row = lived_in(&["backoff-min = \"0s\"", "backoff-max = \"0s\""], &text, instances);
    assert!(row.metric("herd").unwrap().min.unwrap() >= 3.0, "{row:?}");
}

/// Who still waits at the horizon is answered; fetches after it are nobody's.
#[test]
fn attempts_end_with_the_horizon() {
    let queue = ["ttl = \"0s\"", "lock = \"all\"", "max-wait = \"1h\""];
    let short = "[[phase]]\nname = \"slow\"\nat = \"10m\"\nendpoint = { latency = \"3s\" }\n";
    let text = USERS.replace("90m", "20m") + short;
    let row = lived_in(&queue, &text, Instances::default());
    let by_minute: u64 = row.timeline.iter().map(|minute| minute.attempts).sum();
    assert_eq!(row.counts.attempts, by_minute);
    // Two phases of ten minutes, a sixth of an hour each.
    let worst = |metric: Option<MetricRange>| metric.unwrap().max.unwrap();
    let by_phase: f64 = row.phases.iter().map(|phase| worst(phase.attempts_per_hour) / 6.0).sum();
    assert!(by_phase * 16.0 >= by_minute as f64, "{by_phase} at worst, {by_minute} of 16 ages");
    assert_eq!(row.counts.arrivals, row.timeline.iter().map(|minute| minute.good).sum::<u64>());
}

/// A verdict cache that is not tied to the key set takes a stolen token until it expires, whether
/// anybody shows it or not; the thief writes `exp` himself.
#[test]
fn what_is_remembered_is_trusted() {
    let withdraw = WITHDRAW.replace("65m", "10m");
    let thief = "[[stream]]\nname = \"thief\"\nrate = 0.2\nholders = 1\n\
                 tokens = { stolen-key = 100 }\n";
    let text = USERS.replace("90m", "20m") + &withdraw + thief;
    let exposure = |cache: &str| {
        let changes = [cache].into_iter().filter(|cache| !cache.is_empty()).collect::<Vec<_>>();
        *lived_in(&changes, &text, Instances::default()).metric("exposure_s").unwrap()
    };
    let [none, tied, untied] =
        ["", "verdict-cache = \"tied\"", "verdict-cache = \"untied\""].map(exposure);
    assert_eq!(none, tied, "a verdict dies with its key set");
    assert!(none.max.unwrap() <= 303.0, "{none:?}");
    assert_eq!((untied.min, untied.censored), (None, untied.n), "to the horizon at every age");
}

/// What would not have been without a flood is no starvation; what nobody measured is no figure.
#[test]
fn what_a_flood_does_not_change_is_absent() {
    let forever = ["ttl = \"forever\""];
    let short = USERS.replace("90m", "20m");
    let row = lived_in(&forever, &(short.clone() + SIGN + FLOOD), Instances::default());
    assert_eq!(row.metric("convergence_s").unwrap().censored, 16, "it never learns of the key");
    assert!(row.metric("starvation_s").is_none(), "{row:?}");
    let down = short.clone() + &OUTAGE.replace("80m", "18m");
    let down = lived_in(&["outage-status = 401"], &down, Instances::default());
    assert!(down.wait_s.is_none(), "no kid was unknown: {down:?}");
    let unused = "[[event]]\nat = \"19m\"\npublish-key = \"next\"\n\
                  [[event]]\nat = \"19m 59s\"\nsign-with = \"next\"\n";
    let row = lived_in(&[], &(short + unused), Instances::default());
    assert!(row.metric("convergence_s").is_none(), "nobody had a token of it: {row:?}");
}

/// Lockout in seconds, by the skew less the leeway as a share of a token's life of 15 minutes.
#[test]
fn a_wrong_clock_costs_its_skew_less_the_leeway() {
    let text = USERS.replace("\"1h\"", "\"15m\"").replace("rate = 1\n", "rate = 4\n")
        + "[[phase]]\nname = \"ahead\"\nat = \"30m\"\nclock-skew = \"120s\"\n\
           [[phase]]\nname = \"behind\"\nat = \"60m\"\nclock-skew = \"-120s\"\n";
    let rows: [(&[&str], f64, &str); 3] = [
        (&[], 180.0, "a tenth of half an hour: 90 s of 15 min, with the 30 s of the policy"),
        (&["leeway = \"60s\""], 120.0, "a library that allows a minute"),
        (&["leeway = \"2m\""], 0.0, "all of it"),
    ];
    for (changes, due, reason) in rows {
        let row = lived_in(changes, &text, Instances::default());
        let [start, ahead, behind] =
            [0, 1, 2].map(|phase| row.phases[phase].lockout_s.max.unwrap());
        assert_eq!(start, 0.0, "{reason}");
        for found in [ahead, behind] {
            assert!((found - due).abs() <= 30.0, "{reason}: {found} for {due}");
        }
        let sum = row.metric("lockout_s").unwrap().max.unwrap();
        assert!((sum - ahead - behind).abs() < 1e-6, "the phases are the whole");
    }
}

/// A user's own fleet gives a row for each strategy, and a choice.
#[test]
fn a_fleet_of_the_users_own_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ours.toml");
    let text = "instances = 4\nrequests-per-second = 40\ntokens = 400\ntoken-lifetime = \"60s\"\n\
                revocations-per-second = 0.1\noutage = \"2m\"\n\
                prices = { million-requests = 2, gb-hour = 0.5, least-gb = 0.1 }\n";
    std::fs::write(&file, text).unwrap();
    let simulated = |args: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_jwtbench"))
            .args(["simulate", "--draws", "1", "--fleet"])
            .arg(&file)
            .args(args)
            .current_dir("..")
            .output()
            .unwrap()
    };
    let output = simulated(&["--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let simulation: Simulation = serde_json::from_slice(&output.stdout).unwrap();
    let row = |name: &str| {
        simulation.rows.iter().find(|row| row.subject() == name).expect("a row of the strategy")
    };
    let middle = |name: &str, metric: &str| row(name).metric(metric).unwrap().p50.unwrap();
    assert_eq!(row("default").scenario, "state/ours");
    assert_eq!(simulation.rows.len(), Catalogue::find(Path::new("..")).strategies().names().len());
    assert!((middle("redis-get", "added_latency_s") - 0.001).abs() < 1e-9, "the store's latency");
    assert_eq!(middle("default", "added_latency_s"), 0.0, "what is held takes no time");
    // A month of 730 hours: 40 requests a second, and the least memory.
    let cost = middle("redis-get", "store_cost_per_month");
    let expected = 40.0 * 730.0 * 3600.0 / 1e6 * 2.0 + 0.1 * 730.0 * 0.5;
    assert!((cost / expected - 1.0).abs() < 0.05, "{cost}, by the closed form {expected}");
    assert_eq!(middle("expiry-alone", "store_cost_per_month"), 0.0, "no store");
    let output = simulated(&["--state-strategy", "default", "--state-strategy", "redis-get"]);
    let said = String::from_utf8_lossy(&output.stdout).replace("\n  ", " ");
    for sentence in [
        "If nobody may be locked out in this scenario: default. A revoked token",
        "If no revoked token may be trusted in it: redis-get. A revoked token is trusted for 0",
    ] {
        assert!(said.contains(sentence), "`{sentence}` is not in {said}");
    }
    let refused = simulated(&["state/steady"]);
    assert_eq!(refused.status.code(), Some(2), "a fleet, or scenarios");
}
