//! The open loop proves itself: schedules are what they claim, nothing is lost, the Lindley
//! recursion gives the measured responses back, and each planted fault is put down to who did it.

#[path = "open_loop/schedules.rs"]
mod schedules;

#[path = "trial/inline.rs"]
mod inline;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use jwtbench::contender::ContenderSpec;
use jwtbench::result::lindley::Queue;
use jwtbench::result::window::{Offer, STEAL_LIMIT, WindowVerdict};
use jwtbench::result::{ArrivalCounts, Measurement};
use jwtbench::scenario::library::Library;
use jwtbench::scenario::plan::Plan;
use jwtbench::scenario::signer::Signers;
use jwtbench::trial::{Control, Gathering, Plant, RoundRecord, Trial, initial_revocations};
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend;

use inline::scenario;

const LOAD: &str = r#"
title = "A load"
analysis = "None."
[load]
arrivals = "poisson"
workers = 1
warmup = "20ms"
duration = "500ms"
[[stream]]
name = "users"
rate = 2000
holders = 4
tokens = { valid = 100 }
"#;

fn plan(text: &str) -> Plan {
    Plan::new(&scenario(text), Algorithm::ES256, &Signers::new(1), &|_| {})
}

fn core() -> ContenderSpec {
    ContenderSpec::Core(backend::find("ring").expect("a backend"))
}

fn run(plan: &Plan, contender: ContenderSpec, plant: Option<&str>) -> RoundRecord {
    let plant = plant.map(|text| text.parse::<Plant>().expect("a fault"));
    let trial = Trial::new(plan, contender, None).expect("a trial").with_plant(plant);
    let stop = AtomicBool::new(false);
    trial.run(Control { stop: &stop, port: None }).expect("a round")
}

fn gather(plan: &Plan, contender: ContenderSpec, records: Vec<RoundRecord>) -> Measurement {
    let mut gathering = Gathering::new(plan, contender, false);
    (0..).zip(records).for_each(|(order, record)| gathering.add(order, record));
    gathering.finish()
}

fn check_conserved(arrivals: &ArrivalCounts, why: &str) {
    let ArrivalCounts { planned, done, shed, unfinished } = arrivals;
    assert_eq!(*planned, done + shed + unfinished, "{why}: {arrivals:?}");
}

#[test]
fn nothing_is_lost_in_any_scenario() {
    let library = Library::find(Path::new(env!("CARGO_MANIFEST_DIR"))).expect("the library");
    let signers = Signers::new(1);
    for scenario in library.all().expect("the scenarios") {
        let name = scenario.name.clone();
        let algorithms = &scenario.algorithms;
        let cheap = algorithms.iter().find(|algorithm| **algorithm == Algorithm::ES256);
        let algorithm = *cheap.unwrap_or(&algorithms[0]);
        let plan = Plan::new(&scenario.thinned(200.0), algorithm, &signers, &|_| {});
        let revoked = initial_revocations(&plan);
        let trial = Trial::new(&plan, core(), revoked.as_ref()).expect("a trial");
        let measurement = trial.simulated().expect("a round");
        check_conserved(&measurement.arrivals, &name);
        assert!(measurement.arrivals.planned > 0, "{name}: nothing planned");
        assert_eq!(measurement.arrivals.shed, 0, "{name}: in virtual time none is late");
        let rows = measurement.phases.iter().flat_map(|phase| &phase.outcomes);
        let counted: u64 = rows.map(|row| row.count).sum();
        assert_eq!(counted, measurement.arrivals.done, "{name}: each in one row");
    }
}

#[test]
fn only_a_bounded_backlog_sheds_and_each_arrival_is_counted() {
    let shedding = LOAD.replace("workers = 1", "workers = 1\nshed-after = \"20ms\"");
    for (text, sheds, why) in [(LOAD, false, "no bound"), (&shedding, true, "a bound of 20 ms")] {
        let plan = plan(text);
        let record = run(&plan, ContenderSpec::Null, Some("slow=2ms"));
        check_conserved(&record.arrivals, why);
        assert_eq!(record.arrivals.shed > 0, sheds, "{why}: {:?}", record.arrivals);
        assert_eq!(record.arrivals.unfinished, 0, "{why}");
        let offers = &record.offers[0];
        assert_eq!(offers.len(), plan.schedules[0].len(), "{why}: every arrival was offered");
        let late = |offer: &Offer| offer.start - offer.intended > 20_000_000;
        let wrongly = offers.iter().filter(|offer| sheds && late(offer) != offer.is_shed);
        assert_eq!(wrongly.count(), 0, "{why}: shed if and only if too late");
        let measurement = gather(&plan, ContenderSpec::Null, vec![record]);
        check_conserved(&measurement.arrivals, why);
        let windows = &measurement.rounds[0].windows;
        let shed: u64 = windows.iter().map(|window| window.shed).sum();
        assert_eq!(shed, measurement.arrivals.shed, "{why}: each in its window");
    }
}

/// Response times by the recursion, from intended arrivals and times of service.
fn recursion(offers: &[Offer], service: fn(&Offer) -> u64) -> Vec<i64> {
    let mut queue = Queue::default();
    let mut last = offers.first().map_or(0, |offer| offer.intended);
    let respond = |offer: &Offer| {
        let gap = (offer.intended - last) as u64;
        last = offer.intended;
        (queue.wait(gap, service(offer)) + service(offer)) as i64
    };
    offers.iter().map(respond).collect()
}

/// Exactly, when what the generator cost counts as service; and never above, when it does not.
#[test]
fn the_lindley_recursion_gives_the_measured_responses_back() {
    let busy = LOAD.replace("rate = 2000", "rate = 6000").replace("workers = 1", "workers = 2");
    for (text, contender) in [(LOAD, core()), (&*busy, core()), (LOAD, ContenderSpec::Null)] {
        let plan = plan(text);
        let record = run(&plan, contender, None);
        for offers in &record.offers {
            assert!(offers.len() > 500, "{} arrivals", offers.len());
            let measured: Vec<i64> = offers.iter().map(|o| o.released - o.intended).collect();
            let whole = |offer: &Offer| offer.service_ns() + offer.generator_ns();
            // The first may find the worker late from the start.
            let first = (0..measured.len()).find(|at| offers[*at].free <= offers[*at].intended);
            let first = first.expect("an arrival that found the worker idle");
            assert_eq!(recursion(&offers[first..], whole), measured[first..], "{contender}");
            let served = recursion(&offers[first..], Offer::service_ns);
            let faster = served.iter().zip(&measured[first..]).all(|(one, other)| one <= other);
            assert!(faster, "{contender}: the generator adds and never takes away");
            let late: u64 = offers.iter().map(Offer::generator_ns).sum();
            let most = served.iter().zip(&measured[first..]).map(|(one, other)| other - one).max();
            assert!(most.unwrap_or(0) as u64 <= late, "{contender}: and no more than it was late");
        }
    }
}

fn verdict(measurement: &Measurement) -> WindowVerdict {
    measurement.phases[0].verdict.expect("a verdict")
}

#[test]
fn a_starved_generator_is_found_and_gives_no_latency() {
    let plan = plan(&LOAD.replace("rate = 2000", "rate = 4000"));
    let record = run(&plan, core(), Some("starve"));
    let measurement = gather(&plan, core(), vec![record]);
    assert_eq!(verdict(&measurement), WindowVerdict::GeneratorLimited);
    let phase = &measurement.phases[0];
    assert!(phase.withheld.as_ref().is_some_and(|why| why.starts_with("GENERATOR-LIMITED")));
    assert!(phase.outcomes.iter().all(|row| row.latency.is_none()), "no figure");
    assert!(measurement.response_curve.is_empty() && measurement.service_curve.is_empty());
    let json = serde_json::to_value(&phase.outcomes).expect("JSON").to_string();
    assert!(!json.contains("p99_ns"), "{json}");
    let counted: u64 = phase.outcomes.iter().map(|row| row.count).sum();
    assert_eq!(counted, measurement.arrivals.done, "verdicts count all the same");
    assert_eq!(measurement.verdicts.wrong, 0);
}

/// More than one thread can even offer, to a contender that does nothing.
#[test]
fn a_schedule_beyond_the_generator_is_its_own_fault() {
    let plan = plan(&LOAD.replace("rate = 2000", "rate = 9000000").replace("500ms", "100ms"));
    let record = run(&plan, ContenderSpec::Null, None);
    let measurement = gather(&plan, ContenderSpec::Null, vec![record]);
    let windows = &measurement.rounds[0].windows;
    assert!(windows[0].behind > 0, "{windows:?}");
    assert_ne!(verdict(&measurement), WindowVerdict::ContenderSaturated, "{windows:?}");
    assert_ne!(verdict(&measurement), WindowVerdict::Ok, "{windows:?}");
}

#[test]
fn a_slow_contender_is_saturated() {
    let plan = plan(LOAD);
    let record = run(&plan, core(), Some("slow=2ms"));
    let measurement = gather(&plan, core(), vec![record]);
    let windows = &measurement.rounds[0].windows;
    let stolen = windows.iter().any(|window| window.steal.is_some_and(|s| s > STEAL_LIMIT));
    let expected = match stolen {
        true => WindowVerdict::HostStolen,
        false => WindowVerdict::ContenderSaturated,
    };
    assert_eq!(verdict(&measurement), expected, "{windows:?}");
    assert!(measurement.phases[0].withheld.is_none(), "its latency stands");
    assert!(measurement.phases[0].outcomes[0].latency.is_some());
}

/// The value below which this share of the values lies.
fn quantile(mut values: Vec<i64>, share: f64) -> i64 {
    values.sort_unstable();
    values[((values.len() - 1) as f64 * share) as usize]
}

/// 50 ms are 100 of 1000 arrivals in the open loop, and one of many thousands in the closed one.
#[test]
fn a_stall_shows_in_the_open_loop_and_hides_in_the_closed_one() {
    const STALL: i64 = 50_000_000;
    let stall = Some("stall=50ms@200ms");
    let open = plan(LOAD);
    let record = run(&open, ContenderSpec::Null, stall);
    let responses = record.offers[0].iter().map(|offer| offer.released - offer.intended);
    let p999 = quantile(responses.collect(), 0.999);
    assert!(p999 >= STALL * 9 / 10, "open loop p99.9: {p999} ns");
    let closed = plan(&LOAD.replace("\"poisson\"", "\"closed\"").replace("rate = 2000\n", ""));
    let record = run(&closed, ContenderSpec::Null, stall);
    let measurement = gather(&closed, ContenderSpec::Null, vec![record]);
    let latency = measurement.phases[0].outcomes[0].latency.as_ref().expect("a latency");
    assert!(latency.response.max_ns as i64 >= STALL, "it did stall: {latency:?}");
    assert!((latency.response.p999_ns as i64) < STALL / 2, "and is not seen: {latency:?}");
}

#[test]
fn disturbed_rounds_are_dropped_up_to_the_cap_and_their_verdicts_count() {
    let text = LOAD.replace("500ms", "50ms").replace("workers = 1", "workers = 1\nrounds = 5");
    let plan = plan(&text);
    let disturbed = |steal: f64| {
        let mut record = run(&plan, ContenderSpec::Null, None);
        let course = record.course.as_mut().expect("a course");
        course.noise.steal = Some(steal);
        course.phases.fill(WindowVerdict::Ok);
        record
    };
    let rows: [(&[f64], usize, bool, &str); 4] = [
        (&[0.0; 5], 0, false, "a still host"),
        (&[0.0, 0.9, 0.0, 0.0, 0.0], 1, false, "one of five may go"),
        (&[0.9, 0.0, 0.9, 0.0, 0.0], 1, true, "two may not"),
        (&[0.9; 5], 1, true, "a host that is never still"),
    ];
    for (steals, dropped, noisy, why) in rows {
        let records: Vec<RoundRecord> = steals.iter().map(|steal| disturbed(*steal)).collect();
        let done: u64 = records.iter().map(|record| record.arrivals.done).sum();
        let m = gather(&plan, ContenderSpec::Null, records);
        assert_eq!(m.rounds.len(), 5, "{why}: every round is kept");
        let gone: Vec<_> = m.rounds.iter().filter(|round| round.dropped.is_some()).collect();
        assert_eq!(gone.len(), dropped, "{why}");
        assert_eq!(m.noisy.is_some(), noisy, "{why}: {:?}", m.noisy);
        assert_eq!(m.arrivals.done, done, "{why}: all are counted");
        let row = &m.phases[0].outcomes[0];
        let timed = row.latency.as_ref().expect("a latency").response.count;
        let left: u64 = gone.iter().map(|round| round.done).sum();
        assert_eq!((row.count, timed), (done, done - left), "{why}: judged and timed");
        assert!(gone.iter().all(|round| round.p50_ns == 0), "{why}: no figure");
        let noise = m.noise.expect("a noise record");
        assert!(noise.kernel_ns > 0 && noise.hiccups.is_some(), "{why}: {noise:?}");
    }
}

#[test]
fn faulty_flags_are_refused_with_the_remedy() {
    let rows: [(&[&str], &[&str]); 6] = [
        (&["--plant", "starved"], &["--plant", "starve, slow=200us, drag=5% or stall=50ms@2s"]),
        (&["--plant", "stall=50@2s"], &["--plant"]),
        (&["--plant", "slow"], &["--plant"]),
        (&["--shed-after", "0s"], &["--shed-after", "above 0"]),
        (&["--shed-after", "20"], &["--shed-after"]),
        (&["--shed-after", "20ms"], &["hot-path", "closed loop", "--rate"]),
    ];
    for (flags, words) in rows {
        let output = Command::new(env!("CARGO_BIN_EXE_jwtbench"))
            .args(["run", "hot-path/accept"])
            .args(flags)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("the binary runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {said}");
        words.iter().for_each(|word| assert!(said.contains(word), "{flags:?}, {word}: {said}"));
    }
}
