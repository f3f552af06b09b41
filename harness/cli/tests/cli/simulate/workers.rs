//! What is not about one shared cache: caches of workers.

use super::*;

use crate::binary::scenario_file;

fn lived(name: &str, text: &str) -> SimulationRow {
    let folder = tempfile::tempdir().unwrap();
    let head = "title = \"It\"\nanalysis = \"None.\"\n[load]\narrivals = \"poisson\"\nworkers = 4\n\
        duration = \"20m\"\n[[stream]]\nname = \"users\"\nrate = 2\ntokens = { valid = 100 }\n";
    let file = scenario_file(folder.path(), "policy/it", &format!("{head}{text}"));
    let output = Command::new(env!("CARGO_BIN_EXE_jwtbench"))
        .arg("simulate")
        .arg(&file)
        .args(["--cache-policy", name, "--offsets", "2", "--draws", "1", "--json"])
        .current_dir("..")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut simulation: Simulation = serde_json::from_slice(&output.stdout).unwrap();
    simulation.rows.remove(0)
}

#[test]
fn each_worker_fetches_for_itself() {
    let endpoint = "[endpoint]\nlatency = \"50ms\"\n";
    let shared = lived("envoy-async-like", endpoint);
    let own = lived("envoy-like", endpoint);
    // Two ages; ten minutes of ttl in twenty: two fetches of each, and requests may double them.
    assert_eq!(shared.counts.attempts, 2 * 2);
    let fetched = own.counts.attempts;
    assert!((4 * 4..=4 * 8).contains(&fetched), "four caches: {fetched}");
    assert_eq!(own.counts.accepts, own.counts.arrivals, "and none refuses anybody");
}
