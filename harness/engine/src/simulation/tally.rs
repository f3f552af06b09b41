//! The tally of one instance's operations, counted as they end. Nothing is kept per operation but a
//! hash over all of them.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use jwtbench_result::simulation::SimulationCounts;
use jwtbench_scenario::model::place::StreamPlace;
use jwtbench_scenario::plan::Plan;
use jwtbench_scenario::token::class::Flood;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::state_strategy::OnOutage;
use jwtbench_verifier::tick::Tick;

use crate::judge::judgement::{Judge, Operation, spell};

use super::cause_counts::CauseCounts;
use super::seen::{Seen, SeenScope};

/// The number of bytes of the stream that are gathered before they are hashed.
const GATHERED: usize = 8192;

/// The tally.
pub(super) struct Tally {
    pub(super) counts: SimulationCounts,
    pub(super) causes: CauseCounts,
    /// The number of verdicts that the contract does not allow, by class, code due and code given.
    pub(super) wrong: BTreeMap<(&'static str, &'static str, &'static str), u64>,
    /// The observations of all operations.
    pub(super) whole: Seen,
    /// The observations of each scope that was asked for.
    pub(super) scoped: Vec<Seen>,
    /// The last exposed accept of each key.
    pub(super) exposed: BTreeMap<[u8; 32], Tick>,
    /// The number of tokens of floods, by kind.
    pub(super) flood: [u64; 2],
    floods: Vec<[bool; 2]>,
    hash: Sha256,
    gathered: Vec<u8>,
}

impl Tally {
    pub(super) fn new(plan: &Plan, scopes: &[SeenScope]) -> Tally {
        let streams = plan.scenario.streams.iter();
        Tally {
            counts: SimulationCounts::default(),
            causes: CauseCounts::default(),
            wrong: BTreeMap::new(),
            whole: Seen::new(plan, SeenScope::default()),
            scoped: scopes.iter().map(|scope| Seen::new(plan, *scope)).collect(),
            exposed: BTreeMap::new(),
            flood: [0; 2],
            floods: streams.map(|stream| Flood::ALL.map(|flood| flood.is_of(stream))).collect(),
            hash: Sha256::new(),
            gathered: Vec::with_capacity(GATHERED + 64),
        }
    }

    /// Counts one operation.
    pub(super) fn enter(&mut self, plan: &Plan, judge: &Judge<'_>, operation: &Operation) {
        let judgement = judge.judge(operation);
        let token = judge.token(operation);
        let code = operation.verdict.code;
        let counts = &mut self.counts;
        counts.arrivals += 1;
        counts.accepts += u64::from(code.is_ok());
        counts.lockouts += u64::from(judgement.lockout);
        counts.late += u64::from(judgement.late);
        for (count, is_of) in self.flood.iter_mut().zip(self.floods[operation.stream.index()]) {
            *count += u64::from(is_of);
        }
        if let Some(cause) = judgement.exposed {
            counts.exposed_accepts += 1;
            self.causes.expose(cause);
            let is_revoked = cause.starts_with("state-");
            counts.revoked_accepts += u64::from(is_revoked && plan.scenario.state.is_some());
            if let Some(key) = token.facts.signed_by.filter(|_| !is_revoked) {
                let last = self.exposed.entry(key.0).or_insert(operation.end);
                *last = (*last).max(operation.end);
            }
        }
        if let Some(cause) = judgement.state_lockout {
            counts.state_lockouts += 1;
            self.causes.lock_out(cause);
            counts.misreported += u64::from(is_misreported(plan, code));
        }
        if !judgement.conforms {
            counts.wrong += 1;
            let class = token.class.name();
            let key = (class, spell(judgement.due), spell(code));
            *self.wrong.entry(key).or_default() += 1;
        }
        for seen in [&mut self.whole].into_iter().chain(&mut self.scoped) {
            seen.see(plan, (token, &judgement), operation);
        }
        self.gathered.extend_from_slice(&operation.end.0.to_be_bytes());
        self.gathered.extend_from_slice(spell(code).as_bytes());
        if self.gathered.len() >= GATHERED {
            self.hash.update(&self.gathered);
            self.gathered.clear();
        }
    }

    /// Counts a user who came without a token, because the issuer was down.
    pub(super) fn miss_token(&mut self, at: Tick, stream: StreamPlace) {
        self.counts.lockouts += 1;
        self.counts.issuer_lockouts += 1;
        self.causes.lock_out("issuer-down");
        for seen in [&mut self.whole].into_iter().chain(&mut self.scoped) {
            seen.miss_token(at, stream);
        }
    }

    /// The hash over the whole stream.
    pub(super) fn stream_hash(mut self) -> [u8; 32] {
        self.hash.update(&self.gathered);
        self.hash.finalize().into()
    }
}

/// Whether an outage of the state is told as a fault of the token: with another status than 503.
fn is_misreported(plan: &Plan, code: Result<(), Rejection>) -> bool {
    let strategy = plan.scenario.state.as_ref().map(|state| &state.strategy.strategy);
    let status = strategy.map(|strategy| strategy.on_outage);
    code == Err(Rejection::StateUnavailable)
        && matches!(status, Some(OnOutage::Closed(status)) if status != 503)
}
