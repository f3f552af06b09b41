//! The outcome of a replay: who is accepted and refused under a changed configuration, and what
//! gates it.

use jwtbench_result::record::outcome::{OutcomeKey, OutcomeKind};

use super::*;

/// A run of a shipped scenario with a thief.
static RUN: LazyLock<RunResult> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("base").to_str().unwrap().to_owned();
    let scenario = "rotation/emergency-withdrawal";
    let chosen = ["--contender", "core:ring", "--algorithm", "ES256", "--out", &out, "-q"];
    let output = jwtbench(&[&["run", scenario][..], &chosen].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!([Some(0), Some(5)].contains(&output.status.code()), "{said}");
    RunResult::read(&folder.path().join("base/result.jsonl")).unwrap()
});

/// A preset that goes on with a withdrawn key until its ttl is over, and never looks before.
const WORSE: &str = "mod-auth-openidc-like";

#[test]
fn a_run_keeps_what_16_seeds_give() {
    let [range] = RUN.outcome_ranges.as_slice() else {
        panic!("one range for one dynamic trial: {:?}", RUN.outcome_ranges.len());
    };
    let measurement = &RUN.measurements[0];
    assert!(range.is_of(measurement) && range.withheld.is_none());
    assert_eq!(range.seeds, (1..=16).collect::<Vec<u64>>());
    let rounds = measurement.rounds.len() as u64;
    assert_eq!(range.arrivals * rounds, measurement.arrivals.planned, "by the round");
    assert!(range.figures.iter().all(|figure| figure.counts.len() == 16));
    let exposed = OutcomeKey::whole(OutcomeKind::ExposedAccepts);
    let spread = range.spread(&exposed);
    assert!(spread.lowest < spread.highest, "arrivals are drawn: {spread:?}");
    // By hand: 200/s for the unknown-kid window of 300 ms at the most, and a fetch of 5 ms.
    assert!((20..=110).contains(&spread.median), "{spread:?}");
}

#[test]
fn a_policy_that_a_thief_gains_by_is_found_and_the_same_policy_is_not() {
    let stolen = "a stolen key is accepted";
    let no_range = |result: &mut RunResult| result.outcome_ranges.clear();
    /// What is done to the base, options, exit code, words, and why.
    type Row<'r> = (&'r dyn Fn(&mut RunResult), &'r [&'r str], i32, &'r [&'r str], &'r str);
    let rows: [Row<'_>; 5] = [
        (&|_| {}, &[], 0, &["UNCHANGED"], "with itself"),
        (&|_| {}, &["--cache-policy", WORSE], 3, &["WORSE", stolen, "instead of"], "a thief gains"),
        (
            &|_| {},
            &["--cache-policy", WORSE, "--markdown"],
            3,
            &["## REGRESSED: the outcome is worse", stolen, "### Outcome"],
            "the same in Markdown",
        ),
        (
            &no_range,
            &[],
            0,
            &["not gated: ", "the base keeps no range; make it again"],
            "an older result is not gated, and that is said",
        ),
        (
            &no_range,
            &["--cache-policy", WORSE],
            5,
            &["NOT-GATED", stolen, "the base keeps no range; make it again"],
            "it is shown all the same; what is left is an expectation of the scenario",
        ),
    ];
    for (change, options, code, words, why) in rows {
        let mut base = RUN.clone();
        change(&mut base);
        check(&replay(&base, options).0, code, words, why);
    }
}

/// In JSON it stands first, with its sentences.
#[test]
fn the_outcome_is_the_first_thing_in_json() {
    let (output, _) = replay(&RUN, &["--cache-policy", WORSE, "--json"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(
        text.starts_with(r#"{"outcome":[{"scenario":"rotation/emergency-withdrawal""#),
        "{text}"
    );
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let trial = &json["outcome"][0];
    assert_eq!(trial["verdict"], "WORSE");
    let said = trial["sentences"][0]["text"].as_str().unwrap();
    assert!(said.starts_with("a stolen key is accepted"), "{said}");
    assert!(json["outcome"][0]["figures"][0]["seeds"]["highest"].is_u64(), "{trial}");
}
