//! Expectations of a simulation on the command line: whom they bind, who gates, what is named.

use jwtbench_scenario::model::expectation::SIMULATED_METRICS;

use crate::binary::scenario_file;

use super::*;

/// Half an hour; a key is withdrawn and replaced after two minutes. The cache is its own.
const THEFT: &str = "title = \"A theft\"\nanalysis = \"None.\"\n\
    [load]\narrivals = \"poisson\"\nduration = \"30m\"\n\
    [[stream]]\nname = \"users\"\nrate = 0.5\ntokens = { valid = 100 }\n\
    [cache]\nttl = \"2m\"\n\
    [[phase]]\nname = \"after\"\nat = \"2m\"\n\
    [[event]]\nat = \"2m\"\npublish-key = \"next\"\n\
    [[event]]\nat = \"2m\"\nsign-with = \"next\"\n\
    [[event]]\nat = \"2m\"\nwithdraw-key = \"current\"\n";

const EXPOSED: &str = "\"all.all.exposure.worst\"";

/// Exit code, what is printed, and what is said beside it.
fn gate(expect: &str, verb: &[&str], flags: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let theft = scenario_file(folder.path(), "own/theft", &format!("{THEFT}{expect}"));
    let mine = folder.path().join("mine.toml");
    std::fs::write(&mine, "ttl = \"10m\"\nunknown-kid = \"refuse\"\n").unwrap();
    let flags = flags.iter().map(|flag| match *flag {
        "mine.toml" => mine.to_str().unwrap(),
        flag => flag,
    });
    let output = Command::new(env!("CARGO_BIN_EXE_jwtbench"))
        .args(verb)
        .arg(&theft)
        .args(flags)
        .current_dir("..")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

const SIMULATE: [&str; 5] = ["simulate", "--offsets", "2", "--draws", "2"];
const NIMBUS: [&str; 2] = ["--cache-policy", "nimbus-like"];

#[test]
fn a_missed_expectation_ends_with_5() {
    let bound = |key: &str, bound: &str| format!("[expect]\n{key} = \"{bound}\"\n");
    let other = |table: &str| bound(EXPOSED, "<= 2m 1s") + table + EXPOSED + " = \"<= 1ms\"\n";
    let rows: [(String, &[&str], i32, &[&str]); 12] = [
        (bound(EXPOSED, "<= 2m 1s"), &[], 0, &["PASSED: the one expectation met", "[cache]; the"]),
        (bound(EXPOSED, "<= 1ms"), &[], 5, &["FAILED: 1 of 1 expectation missed", "MISSED: [c"]),
        (bound(EXPOSED, "<= 10m 1s"), &NIMBUS, 0, &["met: nimbus-like", "PASSED"]),
        (bound(EXPOSED, "<= 1ms"), &NIMBUS, 5, &["MISSED: nimbus-like", "FAILED"]),
        (bound(EXPOSED, "<= 5m"), &["--cache-policy", "mine.toml"], 5, &["MISSED: mine"]),
        (other("[expect.nimbus-like]\n"), &[], 0, &["missed (not gated): nimbus-like", "PASSED"]),
        (other("[expect.nimbus-like]\n"), &NIMBUS, 5, &["MISSED: nimbus-like"]),
        (other("[expect.all]\n"), &NIMBUS, 0, &["PASSED: the one expectation met"]),
        ("[expect.all]\n".to_owned() + EXPOSED + " = \"<= 1ms\"\n", &NIMBUS, 5, &["FAILED"]),
        (bound("\"all.all.recovery.worst\"", "<= 24h"), &NIMBUS, 5, &["no such figure"]),
        (
            bound("\"all.users.valid.lockouts\"", "== 0"),
            &NIMBUS,
            0,
            &["NOTHING GATED", "`jwtbench run` judges it: all.users.valid.lockouts"],
        ),
        (bound("\"after.users.lockout.median\"", "== 0s"), &NIMBUS, 0, &["met: nimbus-like"]),
    ];
    for (expect, flags, code, words) in rows {
        let (found, printed, said) = gate(&expect, &SIMULATE, flags);
        assert_eq!(found, Some(code), "{expect} {flags:?}: {said}{printed}");
        for word in words {
            assert!(printed.contains(word), "{expect} {flags:?}: no {word}: {printed}");
        }
    }
}

#[test]
fn whoever_sees_no_table_is_told() {
    let expect = format!("[expect]\n{EXPOSED} = \"<= 1ms\"\n");
    for quiet in ["--quiet", "--json"] {
        let (code, _, said) = gate(&expect, &SIMULATE, &[NIMBUS[0], NIMBUS[1], quiet]);
        assert_eq!(code, Some(5), "{said}");
        assert!(
            said.contains("nimbus-like: expected all.all.exposure.worst <= 1ms, was"),
            "{said}"
        );
    }
}

/// A name in `[expect]` is a preset's, or that of a file on the command line.
#[test]
fn a_table_for_nobody_is_refused() {
    let expect = format!("[expect.mine]\n{EXPOSED} = \"<= 1ms\"\n");
    let (code, _, said) = gate(&expect, &SIMULATE, &["--cache-policy", "mine.toml"]);
    assert_eq!(code, Some(5), "{said}");
    for flags in [&NIMBUS[..], &[]] {
        let (code, _, said) = gate(&expect, &SIMULATE, flags);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("[expect.mine]") && said.contains("--cache-policy"), "{said}");
    }
}

/// What only a simulation or a run tells is counted and named by `check`, and fails nothing.
#[test]
fn other_verbs_name_what_they_do_not_judge() {
    const LATE: &str = "\"all.users.valid.late\" = \"== 0\"\n";
    const LATENCY: &str = "\"all.users.ACCEPT.response.p99\"";
    let exposed = format!("{EXPOSED} = \"<= 1ms\"\n");
    let latency = format!("{LATENCY} = \"< 1ns\"\n");
    let [simulates, runs] =
        ["simulate", "run"].map(|verb| format!("not judged here, `jwtbench {verb}` judges it:"));
    let all = exposed.clone() + &latency;
    /// Expectations, their keys in JSON, words of the table, the headline, and why.
    type Row<'r> = (&'r str, &'r [&'r str], &'r [&'r str], &'r str, &'r str);
    let rows: [Row<'_>; 4] = [
        ("", &[], &[], "PASSED: ", "everything is judged"),
        (&exposed, &[EXPOSED], &[&simulates], "1 of 2 expectations met, 1 not", "a simulation's"),
        (&latency, &[LATENCY], &[&runs], "1 of 2 expectations met, 1 not", "a latency"),
        (&all, &[EXPOSED, LATENCY], &[&simulates, &runs], "1 of 3 expectations met, 2 not", "both"),
    ];
    for (expect, keys, words, headline, reason) in rows {
        let expect = format!("[expect]\n{LATE}{expect}");
        let check = |flags: &[&str]| {
            let flags = [&["--contender", "core:ring", "--algorithm", "ES256"], flags].concat();
            let (code, text, said) = gate(&expect, &["check"], &flags);
            assert_eq!(code, Some(0), "{reason}: {said}");
            text
        };
        let json = check(&["--json"]);
        let unjudged = format!("\"unjudged\":[{}]", keys.join(","));
        assert!(json.contains(&unjudged), "{reason}: {json}");
        let text = check(&[]).split_whitespace().collect::<Vec<&str>>().join(" ");
        let is_whole = text.contains("PASSED AS FAR AS JUDGED: ") != keys.is_empty();
        assert!(is_whole && text.contains(headline), "{reason}: {text}");
        for word in words.iter().copied().chain(keys.iter().map(|key| key.trim_matches('"'))) {
            assert!(text.contains(word), "{reason}: `{word}` is not in: {text}");
        }
    }
}

#[test]
fn the_reference_names_every_metric_of_a_simulation() {
    let reference = include_str!("../../../../../scenarios/FORMAT.md");
    let names = SIMULATED_METRICS.map(|metric| metric.name);
    assert_eq!(names, jwtbench_result::simulation::COLUMNS, "in the order of tables");
    for metric in &SIMULATED_METRICS {
        let [phase, stream] =
            [metric.by_phase, metric.by_stream].map(|is_so| if is_so { "yes" } else { "no" });
        let line = format!("| `{}` | {phase} | {stream} | ", metric.key());
        assert!(reference.contains(&line), "scenarios/FORMAT.md lacks the line\n{line}");
        let bound = reference.split(&line).nth(1).unwrap_or_default();
        assert_eq!(bound.starts_with("a duration"), metric.is_span(), "{line}");
        let is_least = bound.lines().next().unwrap_or_default().contains("the worst is the least");
        assert_eq!(is_least, metric.least_is_worst, "{line}");
    }
}
