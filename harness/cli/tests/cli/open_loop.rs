//! The open loop proves itself: schedules are what they claim, nothing is lost, the Lindley
//! recursion gives the measured responses back, and each planted fault is put down to who did it
//! and is in no figure but its own.

mod schedules;

use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;

use inline::scenario;

use jwtbench_engine::contender::ContenderSpec;
use jwtbench_engine::real::Control;
use jwtbench_engine::trial::{
    Gathering, PhaseCourse, PlantedFault, RoundRecord, Trial, class_state,
};
use jwtbench_result::host::disturbance::MAX_STEAL;
use jwtbench_result::host::noise::Noise;
use jwtbench_result::host::window::{Offer, WindowVerdict};
use jwtbench_result::latency::lindley::Queue;
use jwtbench_result::{ArrivalCounts, Measurement};
use jwtbench_scenario::catalogue::Catalogue;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::plan::Plan;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend;

use crate::inline;

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
    let plant = plant.map(|text| text.parse::<PlantedFault>().expect("a fault"));
    let trial = Trial::new(plan, contender, None).expect("a trial").with_plant(plant);
    let stop = AtomicBool::new(false);
    trial.run(Control::new(&stop)).expect("a round")
}

fn gather(plan: &Plan, contender: ContenderSpec, records: Vec<RoundRecord>) -> Measurement {
    let mut gathering = Gathering::new(plan, contender, false);
    for (order, record) in (0..).zip(records) {
        gathering.add(order, record);
    }
    gathering.finish()
}

fn check_conserved(arrivals: &ArrivalCounts, why: &str) {
    let ArrivalCounts { planned, done, shed, unfinished } = arrivals;
    assert_eq!(*planned, done + shed + unfinished, "{why}: {arrivals:?}");
}

#[test]
fn nothing_is_lost_in_any_scenario() {
    let library = Catalogue::find(Path::new(env!("CARGO_MANIFEST_DIR")));
    let signers = Signers::new(1);
    for scenario in library.all().expect("the scenarios") {
        let name = scenario.name.clone();
        let algorithms = &scenario.algorithms;
        let cheap = algorithms.iter().find(|algorithm| **algorithm == Algorithm::ES256);
        let algorithm = *cheap.unwrap_or(&algorithms[0]);
        let plan = Plan::new(&scenario.thinned(200.0), algorithm, &signers, &|_| {});
        let state = class_state(&plan);
        let trial = Trial::new(&plan, core(), state.as_ref()).expect("a trial");
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
            // What a result keeps is this recursion, from the first arrival on.
            let kept = |offer: &Offer| (offer.wait_ns + offer.service_ns()) as i64;
            let kept: Vec<i64> = offers.iter().map(kept).collect();
            assert_eq!(kept, recursion(offers, Offer::service_ns), "{contender}: kept");
        }
    }
}

/// The record as it would be on a still host: what disturbs here and now is another matter.
fn on_a_still_host(mut record: RoundRecord, verdict: WindowVerdict) -> RoundRecord {
    let course = record.course.as_mut().expect("a course");
    let Noise { kernel_ns, hiccups, .. } = course.noise;
    course.noise = Noise { kernel_ns, hiccups, ..Noise::default() };
    course.windows.clear();
    course.phases.fill(PhaseCourse { verdict, disturbed: None });
    record
}

fn verdict(measurement: &Measurement) -> WindowVerdict {
    measurement.phases[0].verdict.expect("a verdict")
}

/// At twice the rate that it can offer it falls behind for as long as the phase lasts. None of that
/// is in a response, in a count of late ones or in an expectation.
#[test]
fn a_starved_generator_is_marked_and_is_late_in_no_figure_but_its_own() {
    const MILLISECOND: u64 = 1_000_000;
    let expect = "[expect]\n\"all.users.valid.late\" = \"== 0\"\n\
                  \"all.users.valid.lateness.p50\" = \">= 1ms\"\n";
    let text = LOAD.replace("arrivals = ", "deadline = \"400ms\"\narrivals = ");
    let plan = plan(&format!("{text}{expect}"));
    let record = run(&plan, core(), Some("starve"));
    let behind = record.offers[0].last().map(|offer| (offer.start - offer.intended) as u64);
    assert!(behind > Some(400 * MILLISECOND), "it did fall behind: {behind:?} ns");
    let windows = &record.course.as_ref().expect("a course").windows;
    assert!(windows[0].generator_p50_ns >= MILLISECOND, "{windows:?}");
    let services: u64 = record.offers[0].iter().map(Offer::service_ns).sum();
    let limited = [WindowVerdict::GeneratorLimited, WindowVerdict::HostStolen];
    let course = record.course.as_ref().expect("a course");
    assert!(limited.contains(&course.phases[0].verdict), "{:?}", course.phases);
    let verdict = WindowVerdict::GeneratorLimited;
    let measurement = gather(&plan, core(), vec![on_a_still_host(record, verdict)]);
    let phase = &measurement.phases[0];
    let lateness = phase.lateness.as_ref().expect("the figure beside the mark");
    assert!(lateness.p50_ns >= MILLISECOND, "{lateness:?}");
    let latency = phase.outcomes[0].latency.as_ref().expect("responses stand");
    assert_eq!(latency.response.count, measurement.arrivals.done, "of all of them");
    assert!(latency.response.max_ns <= services, "no more than all the work there was");
    assert!(!measurement.response_curve.is_empty() && !measurement.service_curve.is_empty());
    assert_eq!(measurement.verdicts.late, 0, "the generator is late, no token is");
    let met = measurement.expectations.iter().filter(|expected| expected.met).count();
    assert_eq!((met, measurement.unjudged.len()), (2, 0), "{:?}", measurement.expectations);
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
    let stolen = windows.iter().any(|window| window.steal.is_some_and(|s| s > MAX_STEAL));
    let expected = match stolen {
        true => WindowVerdict::HostStolen,
        false => WindowVerdict::ContenderSaturated,
    };
    assert_eq!(verdict(&measurement), expected, "{windows:?}");
    assert!(measurement.phases[0].outcomes[0].latency.is_some());
}

/// 50 ms are 100 of 1000 arrivals in the open loop, and one of many thousands in the closed one.
#[test]
fn a_stall_shows_in_the_open_loop_and_hides_in_the_closed_one() {
    const STALL: i64 = 50_000_000;
    let stall = Some("stall=50ms@200ms");
    let open = plan(LOAD);
    let record = run(&open, ContenderSpec::Null, stall);
    let measurement = gather(&open, ContenderSpec::Null, vec![record]);
    let latency = measurement.phases[0].outcomes[0].latency.as_ref().expect("a latency");
    let p999 = latency.response.p999_ns as i64;
    assert!(p999 >= STALL * 8 / 10, "open loop p99.9: {p999} ns");
    let p90 = latency.service.p90_ns as i64;
    assert!(p90 < STALL / 10, "one service alone was slow: {p90} ns");
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
        let record = run(&plan, ContenderSpec::Null, None);
        let mut record = on_a_still_host(record, WindowVerdict::Ok);
        record.course.as_mut().expect("a course").noise.steal = Some(steal);
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
        let disturbed = m.rounds.iter().filter(|round| round.disturbed.is_some()).count();
        let expected = steals.iter().filter(|steal| **steal > MAX_STEAL).count();
        assert_eq!(disturbed, expected, "{why}: each is marked, dropped or not");
        assert!(m.rounds.iter().all(|round| round.p50_ns > 0), "{why}: and shows its figure");
        let noise = m.noise.expect("a noise record");
        assert!(noise.kernel_ns > 0 && noise.hiccups.is_some(), "{why}: {noise:?}");
    }
}

/// A processor has to be left for whatever else an open loop needs.
#[test]
fn workers_that_leave_no_processor_are_warned_of() {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let most = processors.to_string();
    let fewer = (processors - 1).max(1).to_string();
    let rows: [(&str, &[&str], bool, &str); 4] = [
        ("hot-path/steady", &["--workers", &most], true, "as many as processors"),
        ("hot-path/steady", &["--workers", &most, "--quiet"], false, "nothing is to be said"),
        ("hot-path/steady", &["--workers", &fewer], processors == 1, "one is left"),
        ("hot-path/mix", &["--workers", &most], false, "a closed loop"),
    ];
    for (number, (scenario, flags, warns, why)) in rows.into_iter().enumerate() {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("crowded-{number}"));
        let output = Command::new(env!("CARGO_BIN_EXE_jwtbench"))
            .args(["run", scenario, "--contender", "core:ring", "--algorithm", "ES256"])
            .args(["--duration", "50ms", "--rounds", "1", "--force", "--out"])
            .arg(out)
            .args(flags)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .expect("the binary runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(said.contains("as many workers as processors"), warns, "{why}: {said}");
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
