//! One plan in real and in virtual time: the same verdicts, the same fetches, within what a busy
//! machine may move; nothing is lost, and a token that waited is timed from its intended start.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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

/// A second with a rotation that overlaps, an outage, and a flood of unknown kids.
const COURSE: &str = r#"
title = "A course"
analysis = "None."
[issuer]
token-lifetime = "1s"
[load]
arrivals = "poisson"
workers = 2
warmup = "50ms"
duration = "1200ms"
[[stream]]
name = "users"
rate = 300
tokens = { valid = 80, expired = 10, bad-signature = 10 }
[cache]
ttl = "300ms"
refresh-jitter = 0.0
unknown-kid-window = "200ms"
stale-if-error = "2s"
connect-timeout = "100ms"
idle-timeout = "100ms"
total-timeout = "200ms"
retry-delay = "20ms"
backoff-min = "50ms"
backoff-max = "200ms"
max-wait = "200ms"
[endpoint]
latency = "10ms"
[[phase]]
name = "outage"
at = "500ms"
endpoint = { fault = { status = 503 } }
[[phase]]
name = "flood"
at = "800ms"
streams.attacker = { rate = 300, tokens = { unknown-kid = 100 } }
[[event]]
at = "100ms"
publish-key = "next"
[[event]]
at = "450ms"
sign-with = "next"
"#;

/// Tokens that wait: the cache is cold, and a fetch takes 100 ms.
const COLD: &str = r#"
title = "Cold"
analysis = "None."
[load]
arrivals = "constant"
workers = 1
warmup = "0s"
duration = "300ms"
[[stream]]
name = "users"
rate = 200
tokens = { valid = 100 }
[cache]
start = "cold"
[endpoint]
latency = "100ms"
"#;

const CORE: &str = "ring";

fn contender() -> ContenderSpec {
    ContenderSpec::Core(backend::find(CORE).expect("a backend"))
}

fn plan(text: &str) -> Plan {
    Plan::new(&scenario(text), Algorithm::ES256, &Signers::new(1), &|_| {})
}

fn run(plan: &Plan, stop: &AtomicBool) -> Measurement {
    let trial = Trial::new(plan, contender(), None).expect("a trial");
    let mut gathering = Gathering::new(plan, contender(), false);
    let control = Control::new(stop);
    gathering.add(0, trial.run(control).expect("a round"));
    gathering.finish()
}

fn simulate(plan: &Plan) -> Measurement {
    let trial = Trial::new(plan, contender(), None).expect("a trial");
    trial.simulated().expect("a round")
}

/// Verdicts by class and code, over all phases.
fn verdicts(measurement: &Measurement) -> BTreeMap<(String, String), u64> {
    let mut counts = BTreeMap::new();
    for row in measurement.phases.iter().flat_map(|phase| &phase.outcomes) {
        *counts.entry((row.class.clone(), row.code.clone())).or_default() += row.count;
    }
    counts
}

fn check_conserved(measurement: &Measurement, why: &str) {
    let arrivals = &measurement.arrivals;
    let sum = arrivals.done + arrivals.shed + arrivals.unfinished;
    assert_eq!(arrivals.planned, sum, "{why}: {arrivals:?}");
    let counted: u64 = verdicts(measurement).values().sum();
    assert_eq!(arrivals.done, counted, "{why}: each has one verdict");
}

#[test]
fn real_and_virtual_time_agree() {
    let plan = plan(COURSE);
    let real = run(&plan, &AtomicBool::new(false));
    let simulated = simulate(&plan);
    for (measurement, why) in [(&real, "real"), (&simulated, "virtual")] {
        check_conserved(measurement, why);
        let verdicts = &measurement.verdicts;
        assert_eq!(verdicts.wrong, 0, "{why}: {:?}", measurement.wrong);
        assert_eq!(verdicts.exposed_accepts, 0, "{why}: nothing was withdrawn");
        assert_eq!(verdicts.lockouts, 0, "{why}: {:?}", measurement.lockout_causes);
        assert_eq!(measurement.arrivals.unfinished, 0, "{why}");
        assert_eq!(measurement.arrivals.planned, real.arrivals.planned, "{why}: one plan");
    }
    // A fetch that ends a few ms later moves those after it: up to two attempts in some twelve.
    let attempts = |m: &Measurement| m.endpoint.as_ref().expect("an endpoint").attempts;
    let (of_real, of_virtual) = (attempts(&real), attempts(&simulated));
    assert!(of_virtual >= 6, "{of_virtual}: refreshes, an outage, a flood");
    assert!(of_real.abs_diff(of_virtual) <= 2, "{of_real} and {of_virtual} attempts");
    // Classes that do not depend on the course come out the same; unknown kids may differ between
    // their two codes for as long as a fetch takes, some 10 ms of 400 ms each time.
    let (of_real, of_virtual) = (verdicts(&real), verdicts(&simulated));
    let count = |of: &BTreeMap<(String, String), u64>, class: &str, code: &str| {
        *of.get(&(class.into(), code.into())).unwrap_or(&0)
    };
    for (class, code) in
        [("valid", "ACCEPT"), ("expired", "JWT_EXPIRED"), ("bad-signature", "JWT_BAD_SIGNATURE")]
    {
        let got = count(&of_real, class, code);
        assert!(got > 10, "{class}: {got}");
        assert_eq!(got, count(&of_virtual, class, code), "{class}: {code}");
    }
    let unknown = |of| count(of, "unknown-kid", "JWT_UNKNOWN_KID");
    let kids = unknown(&of_virtual) + count(&of_virtual, "unknown-kid", "JWT_KEYS_UNAVAILABLE");
    assert!(kids > 60, "{kids} unknown kids");
    let differing = unknown(&of_real).abs_diff(unknown(&of_virtual));
    assert!(differing <= kids / 3, "{differing} of {kids}: {of_real:?} {of_virtual:?}");
}

#[test]
fn a_token_that_waits_is_timed_from_its_intended_start() {
    let plan = plan(COLD);
    let first = plan.schedules[0].iter().filter(|a| a.at.0 < 100_000_000);
    assert_eq!(first.count(), 20, "arrivals while the fetch is under way");
    let simulated = simulate(&plan);
    let real = run(&plan, &AtomicBool::new(false));
    for (measurement, why) in [(&simulated, "virtual"), (&real, "real")] {
        check_conserved(measurement, why);
        assert_eq!(measurement.verdicts.wrong, 0, "{why}: {:?}", measurement.wrong);
        let rows: Vec<_> = measurement.phases.iter().flat_map(|p| &p.outcomes).collect();
        assert_eq!(rows.len(), 1, "{why}: all are accepted: {rows:?}");
        let latency = rows[0].latency.as_ref().expect("a latency on every machine");
        // The first waits for the whole fetch, 100 ms, the second 5 ms less, and so on.
        let longest = latency.response.max_ns;
        assert!(longest >= 99_000_000, "{why}: {longest} ns");
        let mean = latency.response.mean_ns;
        assert!(mean >= latency.service.mean_ns, "{why}: {mean} ns");
        assert!(latency.response.max_ns >= latency.service.max_ns, "{why}");
    }
    let latency = simulated.phases[0].outcomes[0].latency.as_ref().expect("a latency");
    // 20 of 60 wait 100, 95, … 5 ms: 17.5 ms on average.
    let mean = latency.response.mean_ns;
    assert!((mean / 17_500_000.0 - 1.0).abs() < 0.01, "{mean} ns");
    assert_eq!(latency.lateness.max_ns, 0, "the worker was not held up");
    assert_eq!(simulated.endpoint.expect("an endpoint").attempts, 1, "one fetch");
}

#[test]
fn an_endpoint_that_stays_silent_answers_at_the_deadline() {
    let silent = COLD
        .replace("latency = \"100ms\"", "fault = \"silent\"")
        .replace("start = \"cold\"", "start = \"cold\"\nmax-wait = \"50ms\"");
    let plan = plan(&silent);
    for (measurement, why) in
        [(simulate(&plan), "virtual"), (run(&plan, &AtomicBool::new(false)), "real")]
    {
        check_conserved(&measurement, why);
        assert_eq!(measurement.verdicts.wrong, 0, "{why}: {:?}", measurement.wrong);
        let verdicts = verdicts(&measurement);
        let refused = ("valid".to_owned(), "JWT_KEYS_UNAVAILABLE".to_owned());
        assert_eq!(verdicts.keys().collect::<Vec<_>>(), [&refused], "{why}");
        let latency = &measurement.phases[0].outcomes[0].latency;
        let latency = latency.as_ref().expect("a latency on every machine");
        let response = &latency.response;
        let [least, most] = [response.p50_ns, response.max_ns];
        assert!(least >= 49_000_000, "{why}: {least} ns: not before the deadline");
        assert!(most < 500_000_000, "{why}: {most} ns: nor long after it");
        assert_eq!(measurement.arrivals.unfinished, 0, "{why}");
    }
}

#[test]
fn a_round_cut_short_loses_nothing() {
    let plan = plan(&COURSE.replace("duration = \"1200ms\"", "duration = \"60s\""));
    let stop = AtomicBool::new(false);
    let trial = Trial::new(&plan, contender(), None).expect("a trial");
    let control = Control::new(&stop);
    let record = std::thread::scope(|scope| {
        let running = scope.spawn(|| trial.run(control).expect("a round"));
        std::thread::sleep(Duration::from_millis(400));
        stop.store(true, Ordering::Relaxed);
        running.join().expect("the round ends")
    });
    assert!(record.interrupted, "and says so");
    let arrivals = &record.arrivals;
    assert!(arrivals.done > 0 && arrivals.unfinished > arrivals.done, "{arrivals:?}");
    assert_eq!(arrivals.planned, arrivals.done + arrivals.shed + arrivals.unfinished);
    assert_eq!(record.ledger.done, arrivals.done, "what is done is judged");
}

#[test]
fn a_port_in_use_is_refused() {
    let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = held.local_addr().expect("an address").port();
    let plan = plan(COLD);
    let trial = Trial::new(&plan, contender(), None).expect("a trial");
    let stop = AtomicBool::new(false);
    let control = Control { port: Some(port), ..Control::new(&stop) };
    let error = trial.run(control).err().expect("refused").to_string();
    assert!(error.contains(&format!("port {port} ")), "{error}");
}

#[test]
fn the_age_of_the_key_set_is_told() {
    let plan = Plan::new(&scenario(COURSE), Algorithm::ES256, &Signers::new(5), &|_| ());
    let measurement = Trial::new(&plan, contender(), None)
        .and_then(|trial| trial.simulated())
        .expect("a round in virtual time");
    let ms = |ns: u64| ns / 1_000_000;
    // A set lives for 240 ms (80 % of the ttl), but for the 300 ms of the outage there is no other.
    let highest = ms(measurement.set_age_max_ns.expect("a key cache"));
    assert!((300..=600).contains(&highest), "{highest} ms");
    let bins = &measurement.timeline.expect("a dynamic scenario").bins;
    let ages: Vec<u64> = bins.iter().filter_map(|bin| bin.set_age_ns).map(ms).collect();
    assert_eq!(ages.len(), bins.len(), "a set was held throughout");
    let before = ages[..ages.len() * 5 / 12].iter().max().expect("bins before the outage");
    assert!(*before <= 300, "{before} ms: refreshed ahead of its ttl");
    let outage = ages[ages.len() * 5 / 12..ages.len() * 8 / 12].iter().max();
    assert!(outage.is_some_and(|age| age > before), "older in the outage: {ages:?}");
    assert!(ages.last() < outage, "younger once it is over: {ages:?}");
}
