//! What a scenario may say of a state, and what is said of the rest.

use std::path::Path;

use jwtbench_scenario::Scenario;

use crate::inline::catalogue;

/// A scenario with a state, in a folder, with this load, stream, state table and rest.
fn with_state(folder: &str, arrivals: &str, tokens: &str, state: &str) -> String {
    let rate = if arrivals == "closed" { "" } else { "rate = 10\n" };
    let text = format!(
        "title = \"t\"\nanalysis = \"a\"\n[load]\narrivals = \"{arrivals}\"\nduration = \"2s\"\n\
         [[stream]]\nname = \"users\"\n{rate}tokens = {{ {tokens} }}\n{state}\n"
    );
    let path = format!("{folder}/test.toml");
    match Scenario::parse(Path::new(&path), &text, &catalogue().presets()) {
        Ok(_) => String::new(),
        Err(error) => error.message,
    }
}

#[test]
fn faults_of_a_state_are_named() {
    let valid = "valid = 100";
    let both = "valid = 80, revoked = 20";
    let good = [
        ("run", "poisson", both, "[state]\nrevocations = 1\nrevoked-before = 5"),
        ("run", "closed", both, "[state]\nrevoked-before = 5"),
        ("state", "poisson", valid, "[state]\nrevocations = 1"),
    ];
    for (folder, arrivals, tokens, state) in good {
        assert_eq!(with_state(folder, arrivals, tokens, state), "", "{folder} {arrivals}: {state}");
    }
    let event = |what: &str| format!("[[event]]\nat = \"1s\"\nrevoke-tokens = {{ {what} }}");
    let in_state = |what: &str| format!("[state]\n{}", event(what));
    let versioned = "valid = 80, stale-version = 20";
    let rows = [
        ("run", "poisson", valid, event("stream = \"users\""), "goes with [state]"),
        ("run", "poisson", valid, in_state("others = 1000001"), "at most 1000000"),
        ("run", "poisson", valid, in_state("others = 5, share = 3"), "goes with a `stream`"),
        ("run", "poisson", versioned, "[state]".into(), "class `stale-version`"),
        ("run", "poisson", valid, "[state]\nrevoked-before = 5000001".into(), "over 5000000"),
        ("run", "closed", valid, "[state]\nrevocations = 1".into(), "arrivals = \"poisson\""),
        ("state", "closed", valid, "[state]".into(), "a closed loop goes with scenarios that last"),
        ("state", "poisson", both, "[state]".into(), "the class `revoked` goes with scenarios"),
        ("state", "poisson", valid, "[state]\nrevoked-before = 1".into(), "`revoked-before` goes"),
        ("state", "poisson", valid, in_state("others = 5"), "the `others` of `revoke-tokens`"),
        ("policy", "poisson", valid, "[state]".into(), "know no state"),
        ("policy", "poisson", valid, event("stream = \"users\""), "goes with [state]"),
    ];
    for (folder, arrivals, tokens, state, expected) in rows {
        let fault = with_state(folder, arrivals, tokens, &state);
        assert!(
            fault.contains(expected),
            "{folder} {arrivals}: {state}\nlacks {expected}: {fault}"
        );
    }
}
