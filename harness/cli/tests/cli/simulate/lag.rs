//! What is not about one shared cache: a list of revoked tokens that comes late, caches of workers.

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
fn tokens_are_exposed_until_the_list_has_them() {
    let revoke = |lag: &str| {
        let keys = format!("stream = \"users\", share = 50, lag = \"{lag}\"");
        lived("default", &format!("[[event]]\nat = \"5m\"\nrevoke-tokens = {{ {keys} }}\n"))
    };
    let [none, short, long] = ["0s", "2m", "4m"].map(revoke);
    assert_eq!((none.counts.exposed_accepts, none.causes.len()), (0, 0), "a list without a lag");
    let exposed = |row: &SimulationRow| row.counts.exposed_accepts;
    assert!(exposed(&short) > 0 && exposed(&long) > exposed(&short) * 3 / 2, "by its lag");
    for row in [short, long] {
        assert_eq!(row.causes.keys().map(String::as_str).collect::<Vec<_>>(), ["revocation-lag"]);
        assert_eq!(row.counts.lockouts, 0, "whoever is revoked is no good user");
    }
}

#[test]
fn who_is_revoked_twice_is_so_from_the_first_listing_on() {
    let event = |at: &str, lag: &str| {
        let keys = format!("stream = \"users\", share = 50, lag = \"{lag}\"");
        format!("[[event]]\nat = \"{at}\"\nrevoke-tokens = {{ {keys} }}\n")
    };
    // Tokens live for minutes, so that what is listed after ten is as good as never listed.
    let late = lived("default", &event("5m", "10m"));
    let both = lived("default", &(event("5m", "10m") + &event("6m", "0s")));
    let never = lived("default", &event("5m", "1h"));
    let exposed = |row: &SimulationRow| row.counts.exposed_accepts;
    assert!(exposed(&both) > 0 && exposed(&both) < exposed(&late) / 2, "the second list is first");
    assert_eq!(exposed(&never), exposed(&late), "a list that comes after the end");
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
