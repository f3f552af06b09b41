//! Real against virtual time: short scenarios under policies of every kind, over sockets and
//! threads and in memory. The same verdicts and the same fetches, within what a busy machine moves.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use inline::scenario;

use jwtbench_engine::contender::ContenderSpec;
use jwtbench_engine::real::Control;
use jwtbench_engine::trial::{Gathering, Trial};
use jwtbench_result::Measurement;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend;

use crate::inline;

/// One user in ten milliseconds for a second; keys that last 300 ms; a fetch takes 4 ms.
const BASE: &str = r#"
title = "Agreement"
analysis = "None."
[issuer]
token-lifetime = "1h"
[load]
arrivals = "constant"
workers = 2
warmup = "20ms"
duration = "1s"
[[stream]]
name = "users"
rate = 100
tokens = { valid = 100 }
[endpoint]
latency = "4ms"
max-age = "1s"
[cache]
ttl = "300ms"
refresh-ahead = "off"
refresh-jitter = 0.0
retries = 0
backoff-min = "0s"
backoff-max = "0s"
stale-if-error = "0s"
connect-timeout = "60ms"
idle-timeout = "60ms"
total-timeout = "60ms"
max-wait = "80ms"
"#;

/// The libraries' policies at about a thousandth of their length.
const POLICIES: [(&str, &str); 10] = [
    (
        "two in a fixed window, shared",
        "unknown-kid-budget = 2\nunknown-kid-window = \"200ms\"\n\
         unknown-kid-window-kind = \"fixed\"\nunknown-kid-shared = true\n\
         unknown-kid-grounds = \"0s\"\nrefresh-ahead = 0.8\n",
    ),
    (
        "armed on success",
        "unknown-kid-budget = 1\nunknown-kid-window = \"100ms\"\n\
         unknown-kid-armed-on = \"success\"\nunknown-kid-grounds = \"0s\"\n\
         empty-set = \"accept\"\n",
    ),
    (
        "armed on a miss, no ttl",
        "ttl = \"forever\"\nunknown-kid-budget = 1\nunknown-kid-window = \"100ms\"\n\
         unknown-kid-armed-on = \"miss\"\nunknown-kid-grounds = \"0s\"\n",
    ),
    (
        "by kid, unlimited",
        "per-kid = 5\ncoalescing = \"per-kid\"\nunknown-kid-budget = \"unlimited\"\n\
         unknown-kid-grounds = \"0s\"\n",
    ),
    (
        "each for itself, unknown kids refused",
        "ttl = \"150ms\"\ncoalescing = \"none\"\nunknown-kid = \"refuse\"\n",
    ),
    (
        "a timer, stale for ever",
        "refresh = \"periodic\"\nrefresh-ahead = 0.5\nstale-if-error = \"forever\"\n\
         unknown-kid = \"refuse\"\nbackoff-min = \"50ms\"\nbackoff-max = \"50ms\"\n",
    ),
    (
        "a failure clears, each for itself",
        "coalescing = \"none\"\non-failure = \"clear\"\nunknown-kid-budget = \"unlimited\"\n\
         unknown-kid-grounds = \"0s\"\n",
    ),
    (
        "bad signatures fetch, async",
        "refresh = \"async\"\nrefresh-ahead = 0.5\nbad-signature = \"refetch\"\n\
         unknown-kid = \"refetch-in-background\"\nunknown-kid-budget = \"unlimited\"\n\
         unknown-kid-grounds = \"0s\"\nstale-if-error = \"200ms\"\n",
    ),
    (
        "a cache per worker",
        "ttl = \"150ms\"\nper-worker = true\ncoalescing = \"none\"\n\
         unknown-kid = \"refuse\"\nage-from = \"response\"\n",
    ),
    (
        "as the response says",
        "http-freshness = \"obey\"\nttl-max = \"250ms\"\nrefresh-ahead = \"50ms\"\n\
         unknown-kid = \"refuse\"\n",
    ),
];

const SIGN: &str = "[[event]]\nat = \"400ms\"\npublish-key = \"next\"\n\
    [[event]]\nat = \"400ms\"\nsign-with = \"next\"\n";
const WITHDRAW: &str = "[[event]]\nat = \"500ms\"\nwithdraw-key = \"current\"\n";
const THIEF: &str = "[[stream]]\nname = \"thief\"\nrate = 50\nholders = 1\n\
    tokens = { stolen-key = 100 }\n";

fn phase(setting: &str) -> String {
    format!(
        "[[phase]]\nname = \"middle\"\nat = \"400ms\"\n{setting}\n\
         [[phase]]\nname = \"end\"\nat = \"600ms\"\n"
    )
}

fn scenarios() -> [(&'static str, String); 8] {
    let flood =
        |class: &str| format!("streams.attacker = {{ rate = 300, tokens = {{ {class} = 100 }} }}");
    let down = |fault: &str| format!("endpoint = {{ fault = \"{fault}\" }}");
    let unknown = flood("unknown-kid");
    [
        ("quiet", String::new()),
        ("rotation", SIGN.to_owned()),
        ("withdrawal with a replacement", SIGN.to_owned() + WITHDRAW + THIEF),
        ("flood", phase(&unknown)),
        ("flood in an outage", phase(&(unknown + "\n" + &down("refused")))),
        ("outage", phase(&down("refused"))),
        ("silence", phase(&down("silent"))),
        ("bad signatures", phase(&flood("bad-signature"))),
    ]
}

fn contender() -> ContenderSpec {
    ContenderSpec::Core(backend::find("ring").expect("a backend"))
}

fn run(plan: &Plan) -> Measurement {
    let trial = Trial::new(plan, contender(), None).expect("a trial");
    let mut gathering = Gathering::new(plan, contender(), false);
    let never = AtomicBool::new(false);
    gathering.add(0, trial.run(Control::new(&never)).expect("a round"));
    gathering.finish()
}

/// Accepted and refused, by class.
fn verdicts(measurement: &Measurement) -> BTreeMap<(String, bool), u64> {
    let mut counts = BTreeMap::new();
    for row in measurement.phases.iter().flat_map(|phase| &phase.outcomes) {
        *counts.entry((row.class.clone(), row.code == "ACCEPT")).or_default() += row.count;
    }
    counts
}

/// What differs by more than a busy machine explains: it may move a turn by 50 ms, at two turns.
fn difference(real: &Measurement, simulated: &Measurement) -> Option<String> {
    let (left, right) = (verdicts(real), verdicts(simulated));
    let attempts = |of: &Measurement| of.endpoint.as_ref().expect("an endpoint").attempts;
    let (made, due) = (attempts(real), attempts(simulated));
    // A fetch for each token of a flood moves with the tokens.
    if made.abs_diff(due) > 2 + due / 4 {
        return Some(format!("{made} attempts over sockets, {due} in memory"));
    }
    for key in left.keys().chain(right.keys()) {
        let count = |of: &BTreeMap<(String, bool), u64>| of.get(key).copied().unwrap_or_default();
        if count(&left).abs_diff(count(&right)) > 10 {
            return Some(format!("{key:?}: {left:?} over sockets, {right:?} in memory"));
        }
    }
    None
}

/// The plan of a scenario under a policy.
fn plan(policy: (&str, &str), part: &str) -> Plan {
    let key = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let changed: Vec<String> = policy.1.lines().map(key).collect();
    let kept: Vec<&str> = BASE.lines().filter(|line| !changed.contains(&key(line))).collect();
    let text = kept.join("\n") + "\n" + policy.1 + part;
    Plan::new(&scenario(&text), Algorithm::EdDSA, &Signers::new(3), &|_| {})
}

fn simulated(plan: &Plan) -> Measurement {
    let trial = Trial::new(plan, contender(), None).expect("a trial");
    trial.simulated().expect("a round in virtual time")
}

/// What is not so in both times.
#[derive(Debug)]
enum Disagreement {
    /// A verdict is wrong, however busy the machine is.
    Wrong(#[allow(dead_code)] String),
    /// Verdicts or attempts are not as many.
    Counts(#[allow(dead_code)] String),
}

/// A machine may be too busy once; what is so twice is so. The round in virtual time, if both
/// agree.
fn check(policy: (&str, &str), part: (&str, &str)) -> Result<Measurement, Disagreement> {
    let plan = plan(policy, part.1);
    let simulated = simulated(&plan);
    let name = format!("{} under `{}`", part.0, policy.0);
    let mut last = String::new();
    for _ in 0..3 {
        let real = run(&plan);
        for (measurement, why) in [(&real, "over sockets"), (&simulated, "in memory")] {
            if measurement.verdicts.wrong != 0 {
                let wrong = format!("{name}, {why}: {:?}", measurement.wrong);
                return Err(Disagreement::Wrong(wrong));
            }
        }
        match difference(&real, &simulated) {
            None => return Ok(simulated),
            Some(difference) => last = difference,
        }
    }
    Err(Disagreement::Counts(format!("{name}: {last}")))
}

#[test]
fn every_policy_does_the_same_in_both_times() {
    let scenarios = scenarios();
    let pairs: Vec<_> = POLICIES
        .iter()
        .flat_map(|policy| scenarios.iter().map(move |(name, part)| (*policy, (*name, &**part))))
        .collect();
    let next = AtomicUsize::new(0);
    // Four at a time, since most of a round is waiting.
    let lane = || {
        let mut found = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some((policy, part)) = pairs.get(place) else {
                break found;
            };
            found.push((place, check(*policy, *part)));
        }
    };
    let mut found: Vec<(usize, Result<Measurement, Disagreement>)> = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..4).map(|_| scope.spawn(lane)).collect();
        lanes.into_iter().flat_map(|lane| lane.join().expect("a lane")).collect()
    });
    // Most of the other tests were beside them at first; what differs again later, differs.
    let is_busy = |one: &Result<_, Disagreement>| matches!(one, Err(Disagreement::Counts(_)));
    for (place, one) in found.iter_mut().filter(|(_, one)| is_busy(one)) {
        let (policy, part) = &pairs[*place];
        *one = check(*policy, *part);
    }
    found.sort_by_key(|(place, _)| *place);
    let found: Result<Vec<Measurement>, Disagreement> =
        found.into_iter().map(|(_, one)| one).collect();
    let found = found.unwrap_or_else(|fault| panic!("{fault:?}"));
    tell_apart(&found.chunks(scenarios.len()).collect::<Vec<_>>());
}

/// What is taken for agreement would not hide a policy that is not obeyed: any two of them differ
/// by more than that in some scenario.
fn tell_apart(policies: &[&[Measurement]]) {
    for (place, one) in policies.iter().enumerate() {
        for (other, theirs) in policies.iter().enumerate().skip(place + 1) {
            let told = one.iter().zip(*theirs).any(|(a, b)| difference(a, b).is_some());
            assert!(told, "`{}` looks like `{}`", POLICIES[place].0, POLICIES[other].0);
        }
    }
}
