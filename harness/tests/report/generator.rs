//! What the forms say of generator and host, and what they leave out where a figure would mislead.

use jwtbench::report::html;
use jwtbench::result::RunResult;
use jwtbench::result::noise::Noise;
use jwtbench::result::window::{HostShare, Offer, Pace, Window, WindowVerdict};

use super::{fixture, forms};

/// A window that its generator did not keep up in.
fn limited() -> Window {
    let mut pace = Pace::new(0, 1_000_000_000);
    for intended in (0..1_000_000_000).step_by(10_000_000) {
        let start = intended + 1_000_000;
        let (free, released) = (intended, start + 10_000);
        pace.enter(&Offer { intended, free, start, released, is_shed: false });
    }
    pace.window("start", 1, &HostShare { cpus: 2, ..HostShare::default() })
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
    phase.withheld = Some("GENERATOR-LIMITED in 1 of 1 rounds: made up".to_owned());
    phase.outcomes.iter_mut().for_each(|row| row.latency = None);
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
            "windows: 1 GENERATOR-LIMITED · shed 0 · rounds dropped 0 of",
            "phase start: GENERATOR-LIMITED in 1 of 1 rounds: made up",
            "not judged, for want of a valid latency: start.users.ACCEPT.response.p99",
        ];
        said.iter().for_each(|words| assert!(text.contains(words), "{name} lacks {words}"));
    }
    let page = html(&result());
    assert!(page.contains("<td class=\"faint\" colspan=\"5\">no latency</td>"), "no figure");
    assert!(page.contains("steal, worst trial"), "the noise record");
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
