//! The tables under `reports/simulation` are whole, of this code, and show what README says.

use super::*;

use crate::binary::jwtbench;

fn committed() -> Simulation {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reports/simulation/simulation.jsonl");
    Simulation::read(&file).unwrap()
}

#[test]
fn every_preset_has_a_row_in_every_scenario() {
    let library = library();
    let shipped = library.all().unwrap();
    let scenarios = shipped.iter().filter(|scenario| scenario.family == "policy");
    let presets = library.presets().names();
    let due = scenarios
        .flat_map(|scenario| presets.iter().map(|preset| (scenario.name.clone(), preset.clone())));
    let due: BTreeSet<(String, String)> = due.collect();
    let rows = committed().rows;
    let there = rows.iter().map(|row| (row.scenario.clone(), row.cache_policy.clone()));
    assert_eq!(there.collect::<BTreeSet<_>>(), due, "make reports/simulation anew");
    for row in rows {
        let (ages, draws) = row.runs();
        // A cold start has one age.
        let is_whole = ages * draws >= 64 || ages == 1;
        assert!(is_whole, "{}: {ages} ages, {draws} draws", row.scenario);
        assert_eq!(row.metrics["lockout_s"].n, ages * draws, "{}", row.scenario);
    }
}

/// A figure is of one run, in every form, however many runs there are: none is a sum over them.
#[test]
fn figures_are_of_one_run_however_many_there_are() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/max-age-zero/sim0.toml");
    let shown = |runs: u32, form: &str| {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out").display().to_string();
        let runs = runs.to_string();
        let asked = ["simulate", file, "--cache-policy", "aliri-like", "--offsets", &runs];
        let output = jwtbench(&[&asked[..], &["--draws", "1", "-q", "--out", &out]].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let output = jwtbench(&["report", &out, "--format", form]);
        let text = String::from_utf8(output.stdout).unwrap();
        let is_row = |line: &&str| line.contains("aliri-like ≠") && line.contains("10m");
        let rows = text.lines().filter(is_row);
        rows.map(str::to_owned).collect::<Vec<String>>()
    };
    for form in ["terminal", "markdown"] {
        let one = shown(1, form);
        assert!(one.iter().any(|row| row.ends_with('6') || row.contains("| 6 |")), "{one:?}");
        for runs in [2, 64] {
            assert_eq!(shown(runs, form), one, "{form}: {runs} runs");
        }
    }
}

/// Where another policy is no worse in the worst of all runs, and better in one axis, and why.
const DOMINATED: [(&str, &str); 1] = [(
    "policy/withdrawal-alone",
    "a set without any key for the verifier is a failed fetch, so that the withdrawal of the only \
     key is not believed",
)];

#[test]
fn the_default_is_dominated_by_none() {
    let simulation = committed();
    let of_default = simulation.rows.iter().filter(|row| row.cache_policy == "default");
    let mut places = 0;
    for row in of_default.filter(|row| row.metrics.contains_key("exposure_s")) {
        let better = simulation.dominating(row);
        let is_known = DOMINATED.iter().any(|(name, _)| *name == row.scenario);
        assert_eq!(better.is_empty(), !is_known, "{}: {better:?}", row.scenario);
        places += 1;
    }
    assert!(places >= 10, "{places} scenarios with both axes");
}

/// What is quick to make again, with as many ages and draws as are stored; `scripts/tables` does so
/// for a row of every scenario, to the byte.
#[test]
fn the_tables_are_of_this_code() {
    let is_same =
        |row: &&SimulationRow| row.scenario == "policy/drill" && row.cache_policy == "default";
    let committed = committed();
    let committed = committed.rows.iter().find(is_same).unwrap();
    let (ages, draws) = committed.runs();
    let [ages, draws] = [ages, draws].map(|count| count.to_string());
    let runs = ["--offsets", &ages, "--draws", &draws];
    let drill = ["policy/drill", "--cache-policy", "default"];
    let fresh = passed(&[&drill[..], &runs].concat());
    let fresh = &fresh.rows[0];
    assert_eq!(fresh.stream_hash, committed.stream_hash, "make reports/simulation anew");
    assert_eq!(fresh.counts, committed.counts, "make reports/simulation anew");
    for (name, metric) in &committed.metrics {
        assert_eq!(fresh.metric(name), Some(metric), "{name}: make reports/simulation anew");
    }
}

#[test]
fn every_policy_has_a_page() {
    let simulation = committed();
    for note in &simulation.policies {
        let page = policy_markdown(&simulation, note);
        assert!(note.title.is_some() && page.contains("trusted"), "{page}");
    }
    let names: BTreeSet<String> =
        simulation.policies.iter().map(|note| note.name.clone()).collect();
    assert_eq!(names, library().presets().names().into_iter().collect(), "a page for each preset");
}
