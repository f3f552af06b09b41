//! What the forms say of generator and host, and what stands beside a figure.

use jwtbench_report::html;
use jwtbench_result::host::disturbance::HostShare;
use jwtbench_result::host::noise::Noise;
use jwtbench_result::host::window::{Offer, ScheduleKeeping, Window, WindowVerdict};
use jwtbench_result::{HistogramSummary, RunResult};

use super::{fixture, forms};

/// A window that its generator did not keep up in.
fn limited() -> Window {
    let mut keeping = ScheduleKeeping::new(0, 1_000_000_000);
    for intended in (0..1_000_000_000).step_by(10_000_000) {
        let start = intended + 1_000_000;
        let (free, released) = (intended, start + 10_000);
        keeping.enter(&Offer { intended, free, start, wait_ns: 0, released, is_shed: false });
    }
    keeping.window("start", 1, &HostShare { cpus: 2, ..HostShare::default() })
}

/// The fixture, its first dynamic trial limited by its generator in the whole of its first phase.
fn result() -> RunResult {
    let mut result = fixture::clean();
    let trial = result.measurements.iter_mut().find(|m| m.timeline.is_some()).expect("dynamic");
    trial.rounds.resize_with(1, Default::default);
    trial.rounds[0].windows = vec![limited()];
    trial.noise = Some(Noise { steal: Some(0.031), kernel_ns: 123_000, ..Noise::default() });
    let phase = &mut trial.phases[0];
    phase.verdict = Some(WindowVerdict::GeneratorLimited);
    let late = HistogramSummary { p50_ns: 100, p99_ns: 118_000, ..HistogramSummary::default() };
    phase.lateness = Some(late);
    trial.unjudged = vec!["start.users.ACCEPT.response.p99".to_owned()];
    result
}

/// Without line breaks, escapes and marks of a form.
fn words(text: &str) -> String {
    let text = text.replace('\\', "").replace("&#64;", "@");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_form_says_what_the_generator_did() {
    for (name, text) in forms(&result()) {
        let text = words(&text);
        let said = [
            "windows: 1 GENERATOR-LIMITED; disturbed 0 · shed 0 · rounds: disturbed 0, dropped 0 ",
            "GENERATOR-LIMITED in 1 of 1 phase (",
            ", phase start): lateness p50 100 ns, p99 118 µs",
            "l: the generator was late",
            "not judged, for want of an undisturbed round: start.users.ACCEPT.response.p99",
        ];
        said.iter().for_each(|words| assert!(text.contains(words), "{name} lacks {words}"));
    }
    let page = html(&result());
    assert!(page.contains("<strong>GENERATOR-LIMITED</strong>"), "beside its phase");
    assert!(!page.contains("no latency"), "the figures stand");
    assert!(page.contains("steal, worst trial"), "the noise record");
}

/// However many trials and phases: one line each kind, with the count and the range.
#[test]
fn a_remark_that_repeats_is_one_line_with_its_count() {
    let mut result = result();
    let mut phases = 0;
    for trial in result.measurements.iter_mut().filter(|m| m.timeline.is_some()) {
        trial.unjudged = vec!["start.users.ACCEPT.response.p99".to_owned()];
        for (number, phase) in (1u64..).zip(&mut trial.phases) {
            let p99_ns = number * 16_000;
            phase.verdict = Some(WindowVerdict::GeneratorLimited);
            phase.lateness =
                Some(HistogramSummary { p50_ns: 100, p99_ns, ..HistogramSummary::default() });
            phases += 1;
        }
    }
    assert!(phases > 4, "{phases} phases of several trials");
    for (name, text) in forms(&result) {
        let text = words(&text);
        let said = format!("GENERATOR-LIMITED in {phases} of {phases} phases (");
        assert_eq!(text.matches(&said).count(), 1, "{name}");
        assert!(text.contains("lateness p50 100 ns, p99 16.0 µs to "), "{name}");
        let unjudged = text.matches("not judged, for want of").count();
        assert_eq!(unjudged, 1, "{name}: {unjudged} lines for one thing");
        assert!(text.contains("trials (such as "), "{name}");
    }
}

/// Older results and those in virtual time have no windows: then nothing is claimed.
#[test]
fn nothing_is_said_of_what_was_not_recorded() {
    for (name, text) in forms(&fixture::result()) {
        assert!(!text.contains("windows: ") && !text.contains("GENERATOR-LIMITED"), "{name}");
    }
}

#[test]
fn planted_faults_and_noisy_trials_are_marked_at_the_top() {
    let mut result = result();
    result.measurements[0].planted = Some("stall=50ms@2s".to_owned());
    result.measurements[1].noisy = Some("3 of 5 rounds were disturbed by the host".to_owned());
    for (name, text) in forms(&result) {
        let text = words(&text);
        let verdict = text.find("PASSED").expect("a verdict");
        for mark in ["PLANTED FAULT", "NOISY HOST"] {
            assert!(text.find(mark).is_some_and(|at| at < verdict), "{mark} in {name}");
        }
        assert!(text.contains("INVALID (noisy): 3 of 5 rounds"), "{name}");
        assert!(text.contains("PLANTED FAULT stall=50ms@2s"), "{name}");
    }
}

/// A disturbed round or window is marked in every row and picture; too many make the trial INVALID,
/// which is counted, and it is not ranked.
#[test]
fn what_the_host_disturbed_is_marked_and_not_ranked() {
    let mut result = fixture::clean();
    let reason = "CPU time of other processes 61.0 %, over 10 %".to_owned();
    let fastest = result.measurements.iter_mut().find(|m| m.contender == "core:graviola");
    let fastest = fastest.expect("the fastest over RS256");
    fastest.noisy = Some("3 of 3 rounds were disturbed by the host".to_owned());
    fastest.rounds.iter_mut().for_each(|round| round.disturbed = Some(reason.clone()));
    let course = result.measurements.iter_mut().find(|m| m.timeline.is_some()).expect("dynamic");
    course.phases[0].disturbed = Some(reason.clone());
    course.rounds.resize_with(1, Default::default);
    course.rounds[0].windows = vec![Window { disturbed: Some(reason.clone()), ..limited() }];
    for (name, text) in forms(&result) {
        let text = words(&text);
        let said = [
            "the figures of 1 trial are INVALID",
            "d: the host disturbed it",
            "disturbed 1 · shed",
        ];
        said.iter().for_each(|words| assert!(text.contains(words), "{name} lacks {words}"));
        assert!(text.contains("the first of them by CPU time of other processes 61.0 %"), "{name}");
    }
    let page = html(&result);
    assert!(page.contains("disturbed by the host: CPU time of other processes"), "its phase");
    assert!(page.contains("<rect class=\"disturbed\""), "its window on the time axis");
    assert!(page.contains("Pale: disturbed by the host."), "its curve");
    for line in jwtbench_report::csv(&result).lines().filter(|line| line.contains("graviola")) {
        let is_marked = line.contains("3 of 3 rounds were disturbed by the host");
        assert_eq!(is_marked, line.starts_with("hot-path/accept,core:graviola,RS256"), "{line}");
    }
    let answers = jwtbench_report::answer_list(&result);
    assert!(!answers.contains("**RS256**: `core:graviola`"), "not the fastest: {answers}");
    assert!(answers.contains("**RS256**: `core:aws-lc-rs`"), "the next is: {answers}");
    let still = fixture::clean();
    assert!(jwtbench_report::answer_list(&still).contains("**RS256**: `core:graviola`"));
    assert!(forms(&still).iter().all(|(_, text)| !text.contains("d: the host disturbed it")));
}
