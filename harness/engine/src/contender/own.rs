//! A verifier of the user's own, in this process: a function that accepts or refuses a token. It is
//! judged like a library, and measured without a pipe.

use std::fmt;

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::policy::PolicySpec;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;
use jwtbench_verifier::verdict::Verdict;
use jwtbench_verifier::wall_clock::WallClock;

use super::{Contender, Presented, Progress, Setup};

/// A verifier of the user's own. It runs in scenarios whose keys do not travel, and is judged by
/// accept or refuse. A forgery that it accepts is a wrong verdict. Any other deviation from the
/// contract is a finding.
pub trait OwnVerifier: Sync {
    /// The verifier's name. Results show it as `own:NAME`.
    fn name(&self) -> &str;

    /// The verifier's version, as results store it.
    fn version(&self) -> &str;

    /// Whether the verifier supports this algorithm.
    fn supports(&self, algorithm: Algorithm) -> bool;

    /// Makes one instance for one worker, before anything is measured. Keys are prepared here.
    fn build<'c>(&'c self, told: OwnSetup<'c>) -> OwnCheck<'c>;
}

/// One instance of a verifier: a function that says whether it accepts a token, given the token's
/// bytes and the time as of which it is judged.
pub type OwnCheck<'c> = Box<dyn FnMut(&[u8], UnixTime) -> bool + Send + 'c>;

/// What a verifier is given before the first token.
#[derive(Clone, Copy, Debug)]
pub struct OwnSetup<'c> {
    /// What a token must be.
    pub policy: &'c PolicySpec,
    /// The algorithm of all tokens; no other is allowed.
    pub algorithm: Algorithm,
    /// The issuer's JWK set (RFC 7517 §5) as it is served.
    pub key_set: &'c [u8],
}

/// A verifier of the user's own, by reference.
#[derive(Clone, Copy)]
pub struct OwnContender(pub &'static dyn OwnVerifier);

impl fmt::Display for OwnContender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "own:{}", self.0.name())
    }
}

pub(super) struct OwnWorker<'c> {
    check: OwnCheck<'c>,
    clock: WallClock,
}

impl<'c> OwnWorker<'c> {
    pub(super) fn new(OwnContender(verifier): OwnContender, setup: &Setup<'c>) -> OwnWorker<'c> {
        let Setup { algorithm, key_set, .. } = *setup;
        let told = OwnSetup { policy: setup.policy.spec(), algorithm, key_set };
        OwnWorker { check: verifier.build(told), clock: setup.clock.clone() }
    }
}

impl<'c> Contender<'c> for OwnWorker<'c> {
    fn begin(&mut self, _: u32, token: Presented<'c>, now: Tick) -> Progress {
        let accepts = (self.check)(token.bytes, self.clock.at(now));
        let code = if accepts { Ok(()) } else { Err(Rejection::Malformed) };
        Progress::Done(Verdict::new(code, now, None))
    }
}
