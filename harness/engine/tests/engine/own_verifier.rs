//! Verifiers of a user's own, in process: the one of the example is judged like a library, and one
//! that accepts everything lets forgeries through.

#[allow(dead_code)]
#[path = "../../examples/own_verifier.rs"]
mod example;

use std::sync::atomic::AtomicBool;

use jwtbench_engine::contender::{ContenderSpec, OwnCheck, OwnContender, OwnSetup, OwnVerifier};
use jwtbench_engine::session::{Job, Session};
use jwtbench_result::Measurement;
use jwtbench_scenario::catalogue::Catalogue;
use jwtbench_verifier::algorithm::Algorithm;

/// Accepts everything, or nothing.
struct Always(bool);

impl OwnVerifier for Always {
    fn name(&self) -> &str {
        if self.0 { "yes" } else { "no" }
    }

    fn version(&self) -> &str {
        "1"
    }

    fn supports(&self, algorithm: Algorithm) -> bool {
        algorithm != Algorithm::RS256
    }

    fn build<'c>(&'c self, _: OwnSetup<'c>) -> OwnCheck<'c> {
        let answer = self.0;
        Box::new(move |_, _| answer)
    }
}

fn judged(verifier: &'static dyn OwnVerifier, algorithm: Algorithm) -> Vec<Measurement> {
    let scenario = Catalogue::shipped().select(&["hot-path/mix".into()]).expect("it is shipped");
    let scenario = scenario[0].clone().thinned(400.0);
    let own = [ContenderSpec::Own(OwnContender(verifier))];
    let stop = AtomicBool::new(false);
    let job = Job::fitting(scenario, algorithm, &own);
    Session::new(1, &stop, &()).judge(&job).expect("it is judged")
}

#[test]
fn the_one_of_the_example_is_judged_like_a_library() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        let judged = judged(&example::Application, algorithm);
        let [measurement] = &judged[..] else { panic!("one measurement") };
        assert_eq!(measurement.contender, "own:application");
        assert_eq!(measurement.verdicts.wrong, 0, "{algorithm}: {:?}", measurement.wrong);
        assert!(measurement.verdicts.judged > 300, "{algorithm}");
    }
}

#[test]
fn one_that_accepts_everything_lets_forgeries_through() {
    let judged = judged(&Always(true), Algorithm::ES256);
    assert!(judged[0].verdicts.wrong > 0, "a forgery is accepted");
}

#[test]
fn one_that_accepts_nothing_locks_users_out() {
    let judged = judged(&Always(false), Algorithm::ES256);
    assert!(judged[0].verdicts.lockouts > 0, "good tokens are refused");
}

#[test]
fn one_that_does_not_verify_the_algorithm_has_no_job() {
    assert!(judged(&Always(true), Algorithm::RS256).is_empty());
}
