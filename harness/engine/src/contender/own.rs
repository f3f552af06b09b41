//! A verifier of the user's own, in this process: a function that accepts or refuses a token. It is
//! judged like a library, and measured without a pipe between.

use std::fmt;

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::policy::PolicySpec;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::unix_time::UnixTime;
use jwtbench_verifier::verdict::Verdict;
use jwtbench_verifier::wall_clock::WallClock;

use super::{Contender, Presented, Progress, Setup};

/// A verifier of the user's own. It runs in scenarios whose keys do not travel, and is held to
/// accept or refuse: a forgery that it accepts is a wrong verdict, and what else it does otherwise
/// than the contract is a finding.
pub trait OwnVerifier: Sync {
    /// Its name; results show it as `own:NAME`.
    fn name(&self) -> &str;

    /// Its version, as results keep it.
    fn version(&self) -> &str;

    /// Whether it verifies this algorithm.
    fn supports(&self, algorithm: Algorithm) -> bool;

    /// Makes one instance for one worker, before anything is measured: keys are prepared here.
    fn build<'c>(&'c self, told: OwnSetup<'c>) -> OwnCheck<'c>;
}

/// One instance: whether it accepts a token, given its bytes and the time by which it is to be
/// judged.
pub type OwnCheck<'c> = Box<dyn FnMut(&[u8], UnixTime) -> bool + Send + 'c>;

/// What a verifier is told before the first token.
#[derive(Clone, Copy, Debug)]
pub struct OwnSetup<'c> {
    /// What a token must be.
    pub policy: &'c PolicySpec,
    /// The algorithm of all tokens; no other is allowed.
    pub algorithm: Algorithm,
    /// The issuer's JWK set (RFC 7517 §5), as it is served.
    pub key_set: &'c [u8],
}

/// A verifier, by reference.
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
