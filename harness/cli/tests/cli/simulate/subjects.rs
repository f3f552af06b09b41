//! Events on subjects that several holders share, under each way to know of them; and an issuer
//! that is down.

use crate::binary::scenario_file;

use super::state::{lived_each, lived_under, worst};
use super::*;

/// 300 devices of 100 people, each with a token of five minutes. From the second minute on, three
/// people are concerned every ten seconds.
const HOUSE: &str = "title = \"It\"\nanalysis = \"None.\"\n[issuer]\ntoken-lifetime = \"5m\"\n\
    [load]\narrivals = \"poisson\"\nduration = \"16m\"\ninstances = 4\n\
    [[stream]]\nname = \"devices\"\nrate = 30\nholders = 300\ntokens = { valid = 100 }\n";
const SHARED: &str = "[state]\nholders-per-subject = 3\n";
const LIST: &str = "carrier = \"push\"\npush-delivery = \"replay\"\nstale-up-to = \"forever\"\n\
    cold-start = \"open\"\n";

fn event(key: &str) -> String {
    format!(
        "[[event]]\nat = \"2m\"\nevery = \"10s\"\ntimes = 40\n\
         {key} = {{ stream = \"devices\", share = 3 }}\n"
    )
}

/// What came of an event under a strategy.
fn lived(event: &str, strategy: &str) -> SimulationRow {
    lived_under(&format!("{HOUSE}{SHARED}{event}"), strategy, 2)
}

/// Each device has a token; so a person is three entries of a list of tokens, and one of a list of
/// people.
#[test]
fn a_subject_is_one_entry_and_its_tokens_are_several() {
    let by = |key: &str| format!("{LIST}key = \"{key}\"\n");
    let tokens = lived(&event("not-before"), &by("jti"));
    for key in ["subject", "version", "not-before"] {
        let people = lived(&event("not-before"), &by(key));
        let ratio = worst(&tokens, "state_entries") / worst(&people, "state_entries");
        // Three for each, and more where a person is concerned again while the first entry lives.
        assert!((2.0..=4.0).contains(&ratio), "{key}: {ratio}");
        assert!(worst(&people, "state_exposure_s") < 0.1, "{key}");
        let next = people.counts.state_lockouts;
        let causes: Vec<_> = people.lockout_causes.keys().collect();
        match key {
            "version" => assert!(causes.is_empty(), "{causes:?}"),
            _ => assert_eq!(causes, ["state-granularity"], "{key}"),
        }
        match key {
            "subject" => assert!(next > 1000, "the next token of a person is refused: {next}"),
            // A date in whole seconds refuses a token that was issued within the same second.
            "not-before" => assert!(next < 300, "{next}"),
            _ => assert_eq!(next, 0, "{key}"),
        }
    }
    assert_eq!(tokens.counts.state_lockouts, 0);
    assert!(worst(&tokens, "state_exposure_s") < 0.1);
}

/// What concerns no token any more is known to nobody: who comes back later gets in.
#[test]
fn a_lockout_by_subject_ends_with_the_last_void_token() {
    let once = event("not-before").replace("times = 40", "times = 1");
    let ask = "carrier = \"ask\"\nkey = \"subject\"\n";
    for strategy in [format!("{LIST}key = \"subject\"\n"), ask.to_owned()] {
        let row = lived(&once, &strategy);
        let refused: Vec<u64> = row.timeline.iter().map(|minute| minute.refused).collect();
        assert!(refused[2..7].iter().any(|count| *count > 0), "{strategy}: {refused:?}");
        // The last void token has expired in the seventh minute, and the leeway is over.
        assert!(refused[8..].iter().all(|count| *count == 0), "{strategy}: {refused:?}");
    }
}

/// Without a carrier a void token is trusted for what is left of its life, and the leeway.
#[test]
fn every_event_makes_what_was_issued_void() {
    let mut exposures = Vec::new();
    for key in ["revoke-subject", "bump-version", "not-before"] {
        let row = lived(&event(key), "carrier = \"none\"\n");
        let exposure = row.metric("state_exposure_s").unwrap();
        let mean = exposure.mean.unwrap();
        assert!((150.0..210.0).contains(&mean), "{key}: {mean} instead of 180");
        assert_eq!(row.causes.keys().collect::<Vec<_>>(), ["state-none"], "{key}");
        exposures.push((exposure.n, row.counts.arrivals));
    }
    let [revoked, changed, logged_out] = exposures[..] else { panic!("{exposures:?}") };
    assert_eq!(changed, logged_out);
    assert!(revoked.1 < changed.1, "whoever is revoked gets no further token: {exposures:?}");
}

#[test]
fn what_would_say_nothing_is_refused() {
    let of = |state: &str, event: &str| format!("{HOUSE}{state}{event}");
    let bump = event("bump-version");
    let single = "[[event]]\nat = \"1m\"\nrevoke-tokens = { stream = \"devices\" }\n";
    let rows = [
        (of("[state]\n", &bump), "write `holders-per-subject`"),
        (of(SHARED, ""), "has no effect without an event"),
        (of("[state]\nholders-per-subject = 0\n", &bump), "1 to 1000"),
        (of(&format!("{SHARED}revocations = 0.1\n"), &bump), "revoke by subject"),
        (of(SHARED, &format!("{bump}{single}")), "revoke by subject"),
        (of(&format!("{SHARED}sample = 0.1\n"), &bump), "`sample` of subjects"),
        (of(SHARED, &bump.replace("devices", "others")), "stream that does not exist"),
        (of(SHARED, &bump.replace("share = 3", "share = 0")), "above 0 and at most 100"),
    ];
    for (text, said) in rows {
        let folder = tempfile::tempdir().unwrap();
        let file = scenario_file(folder.path(), "state/house", &text);
        let output = Command::new(env!("CARGO_BIN_EXE_jwtbench"))
            .arg("simulate")
            .arg(&file)
            .current_dir("..")
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(said), "`{said}` is not in {error}");
    }
}

/// Tokens that live for L, and an issuer that is down for D: the share of users without a token
/// rises to one within L, and so they miss D − L/2 if L is at most D, and D²/2L otherwise.
#[test]
fn an_issuer_that_is_down_locks_out_by_the_life_of_tokens() {
    let outage = 600.0;
    let one = "issuer-down = \"10m\"\n";
    let several = "every = \"1m\"\ntimes = 10\nissuer-down = \"1m\"\n";
    for (lifetime, down, expected) in [
        ("1m", one, outage - 30.0),
        ("5m", one, outage - 150.0),
        ("5m", several, outage - 150.0),
        ("15m", one, outage * outage / 2.0 / 900.0),
        ("60m", one, outage * outage / 2.0 / 3600.0),
    ] {
        let house = HOUSE.replace("\"5m\"", &format!("\"{lifetime}\""));
        let text = format!("{house}[state]\n[[event]]\nat = \"3m\"\n{down}");
        let row = &lived_under(&text, "carrier = \"none\"\n", 8);
        let lockout = row.metric("lockout_s").unwrap().p50.unwrap();
        assert!((lockout / expected - 1.0).abs() < 0.02, "{lifetime}: {lockout} and {expected}");
        assert_eq!(row.counts.issuer_lockouts, row.counts.lockouts, "{lifetime}");
        assert_eq!(worst(row, "state_lockout_s"), 0.0, "{lifetime}");
        assert_eq!(row.lockout_causes.keys().collect::<Vec<_>>(), ["issuer-down"], "{lifetime}");
    }
}

/// What is issued after a change is good, also where the issuer was down meanwhile; and who is
/// revoked meanwhile gets nothing afterwards.
#[test]
fn nothing_is_void_that_was_issued_later() {
    for key in ["revoke-subject", "bump-version", "not-before"] {
        let text = format!(
            "{HOUSE}{SHARED}[[event]]\nat = \"3m\"\nissuer-down = \"6m\"\n\
             [[event]]\nat = \"6m\"\n{key} = {{ stream = \"devices\", share = 50 }}\n"
        );
        let [blind, versions] = lived_each(&text, ["expiry-alone", "version-claim"], 2);
        let after: u64 = blind.timeline[9..].iter().map(|minute| minute.exposed).sum();
        assert_eq!(after, 0, "{key}: tokens of before live until the ninth minute at most");
        assert!(blind.counts.revoked_accepts > 0, "{key}");
        assert_eq!(versions.counts.state_lockouts, 0, "{key}: {:?}", versions.lockout_causes);
    }
}
