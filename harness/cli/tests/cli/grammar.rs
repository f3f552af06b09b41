//! One grammar for rates and durations: every flag that takes one reads the same texts, and says
//! the same of what is none.

#![allow(clippy::unwrap_used)]

use crate::binary::jwtbench;

/// Where no scenario is, so that a command ends before it works, and says so.
const NOWHERE: &str = "no/such";
const RATES: [&str; 5] = ["5000", "200k", "1.5M", "0.5", "10M"];
const NO_RATES: [&str; 9] = ["0", "-5", "+5", "5K", "5 k", "70%", "k", "11M", "5s"];
const DURATIONS: [&str; 5] = ["250ms", "5s", "1m", "1s 500ms", "1s500ms"];
const NO_DURATIONS: [&str; 6] = ["5", "5x", "-5s", "1.5.5s", "forever", "200k"];

/// A verb, the flag, and what stands before and after its value.
type Flag = (&'static [&'static str], &'static str, &'static str, &'static str);

const RATE_FLAGS: [Flag; 2] = [
    (&["run", NOWHERE], "--rate", "", ""),
    (&["run", NOWHERE, "--capacity"], "--for-rate", "", ""),
];

const DURATION_FLAGS: [Flag; 9] = [
    (&["run", NOWHERE], "--duration", "", ""),
    (&["run", NOWHERE], "--shed-after", "", ""),
    (&["run", NOWHERE, "--capacity"], "--slo", "p99 < ", ""),
    (&["run", NOWHERE], "--plant", "slow=", ""),
    (&["run", NOWHERE], "--plant", "stall=1s@", ""),
    (&["duel", "core:ring", "core:ring", "--scenario", NOWHERE], "--duration", "", ""),
    (
        &["duel", "core:ring", "core:ring", "--scenario", NOWHERE, "--base-binary", "x"],
        "--base-timeout",
        "",
        "",
    ),
    (&["simulate", NOWHERE], "--horizon", "", ""),
    (&["simulate", NOWHERE], "--sweep", "ttl=1ms..", ":2"),
];

/// What the command says of a value.
fn said((verb, flag, before, after): Flag, value: &str) -> String {
    let given = format!("{flag}={before}{value}{after}");
    let output = jwtbench(&[verb, &[given.as_str()]].concat());
    assert_eq!(output.status.code(), Some(2), "{verb:?} {flag} {value}");
    String::from_utf8(output.stderr).unwrap()
}

fn check(flags: &[Flag], good: &[&str], bad: &[&str], remedy: &str) {
    for flag in flags {
        for value in good {
            let said = said(*flag, value);
            let is_read = said.contains(NOWHERE) && !said.contains(remedy);
            assert!(is_read, "{flag:?} {value}: {said}");
        }
        for value in bad {
            let said = said(*flag, value);
            let is_named = said.contains(&format!("`{value}` is no ")) && said.contains(remedy);
            assert!(is_named && !said.contains("panicked"), "{flag:?} {value}: {said}");
        }
    }
}

#[test]
fn every_flag_reads_the_same_rates() {
    check(&RATE_FLAGS, &RATES, &NO_RATES, "write it like 5000, 200k or 1.5M");
}

#[test]
fn every_flag_reads_the_same_durations() {
    check(&DURATION_FLAGS, &DURATIONS, &NO_DURATIONS, "write it like 250ms, 5s or 1h 30m");
}

/// A flag that is named like a rate or a duration and is not in the table would be one forgotten.
#[test]
fn no_flag_is_forgotten() {
    for verb in ["run", "duel", "simulate", "check", "replay", "compare", "endpoint", "mint"] {
        let help = String::from_utf8(jwtbench(&[verb, "--help"]).stdout).unwrap();
        let flags = help.split_whitespace().filter(|word| word.starts_with("--"));
        for flag in flags.map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '-'))
        {
            let is_one = ["rate", "duration", "after", "horizon", "timeout", "every", "ttl"]
                .iter()
                .any(|end| flag.ends_with(end));
            let mut known = RATE_FLAGS.iter().chain(&DURATION_FLAGS);
            assert!(!is_one || known.any(|(_, name, ..)| *name == flag), "{verb} {flag}");
        }
    }
}
