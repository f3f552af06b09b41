//! The committed schema of `result.jsonl` is the one that the types give, and what the binary
//! writes is valid under it.

use std::path::Path;
use std::process::Command;

use jwtbench_result::duel::Duels;
use jwtbench_result::simulation::Simulation;
use jwtbench_result::{RunResult, SCHEMA_VERSION, StoredForm};
use serde_json::{Value, json};

/// The committed schemas: kind, text by the types.
fn schemas() -> [(&'static str, String); 3] {
    [
        (RunResult::OF, RunResult::schema()),
        (Simulation::OF, Simulation::schema()),
        (Duels::OF, Duels::schema()),
    ]
}

fn validator() -> jsonschema::Validator {
    validator_of(&RunResult::schema())
}

fn validator_of(schema: &str) -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(schema).expect("JSON");
    jsonschema::validator_for(&schema).expect("a JSON Schema")
}

/// The result of `check` on one hot-path and one dynamic scenario.
fn real() -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_jwtbench"))
        .args(["check", "hot-path/mix", "rotation/planned-overlap", "--json"])
        .args(["--contender", "core:ring", "--contender", "jsonwebtoken:aws*"])
        .args(["--algorithm", "ES256"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("the binary runs");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../reports/schemas");
    for (of, schema) in schemas() {
        let path = folder.join(format!("{of}.schema.json"));
        if std::env::var_os("JWTBENCH_BLESS").is_some() {
            std::fs::write(&path, &schema).expect("a folder that can be written");
        }
        let text = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            text == schema,
            "reports/schemas/{of}.schema.json is not what the types give; if that is meant: \
             JWTBENCH_BLESS=1"
        );
    }
}

/// Stored ones of a release build, and what each lacks in turn.
#[test]
fn simulations_and_duels_are_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/cases/stored");
    let read = |name: &str| -> Value {
        let text = std::fs::read_to_string(folder.join(name)).expect("a file");
        serde_json::from_str(&text).expect("JSON")
    };
    let rows = [
        (Simulation::schema(), read("simulation.json"), ["schema_version", "rows", "hindsight"]),
        (Duels::schema(), read("duel.json"), ["schema_version", "samples", "verdict"]),
    ];
    for (schema, stored, needed) in rows {
        let validator = validator_of(&schema);
        let faults: Vec<String> =
            validator.iter_errors(&stored).map(|fault| fault.to_string()).collect();
        assert!(faults.is_empty(), "{faults:#?}");
        for key in needed {
            let mut without = stored.clone();
            without.as_object_mut().expect("an object").remove(key);
            assert!(!validator.is_valid(&without), "without {key}");
        }
    }
}

#[test]
fn a_real_result_is_valid() {
    let result = real();
    let faults: Vec<String> = validator()
        .iter_errors(&result)
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let scenarios = result["scenarios"].as_array().map(Vec::len);
    assert_eq!(scenarios, Some(2));
    let measurements = result["measurements"].as_array().expect("an array");
    let has = |key: &str| measurements.iter().any(|m| !m[key].is_null());
    assert!(has("timeline") && has("endpoint"), "a dynamic one");
    assert_eq!(result["schema_version"], SCHEMA_VERSION);
    let read: RunResult = serde_json::from_value(result.clone()).expect("a result");
    let written = serde_json::to_value(&read).expect("JSON");
    assert_eq!(written, result, "read and written it is the same");
}

/// Alters the value at a path.
fn with(result: &Value, path: &str, value: Value) -> Value {
    let mut result = result.clone();
    *result.pointer_mut(path).unwrap_or_else(|| panic!("no {path}")) = value;
    result
}

#[test]
fn what_is_no_result_is_not_valid() {
    let (result, validator) = (real(), validator());
    for key in result.as_object().expect("an object").keys() {
        let mut without = result.clone();
        without.as_object_mut().expect("an object").remove(key);
        assert!(!validator.is_valid(&without), "without {key}");
    }
    let first = "/measurements/0";
    let rows = [
        ("", json!([]), "an array"),
        ("/seed", json!(-1), "a negative seed"),
        ("/seed", json!("1"), "a seed as text"),
        ("/partial", json!(null), "neither whole nor partial"),
        ("/scenarios", json!({}), "an object for a list"),
        (&format!("{first}/contender"), json!(null), "no contender"),
        (&format!("{first}/verdicts/wrong"), json!(0.5), "half a verdict"),
        (&format!("{first}/verdicts"), json!({}), "no verdicts"),
        (&format!("{first}/arrivals/planned"), json!(-1), "fewer than none"),
        (&format!("{first}/phases/0/outcomes/0/response"), json!([]), "no histogram"),
        (&format!("{first}/error"), json!(7), "an error that is no text"),
        (&format!("{first}/rounds"), json!(null), "no rounds"),
    ];
    for (path, value, why) in rows {
        assert!(!validator.is_valid(&with(&result, path, value)), "{why}");
    }
}
