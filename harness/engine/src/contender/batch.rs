//! The verifier core with Ed25519 signatures verified in batches. It shows what batches gain on a
//! busy server, and what they add to latency. Everything but the signature is decided when the
//! token arrives; the verdict then waits for the signature. The contender keeps the first key set
//! and has no key cache.

use std::time::Duration;

use jwtbench_verifier::backend::InvalidSignature;
use jwtbench_verifier::backend::dalek_batch::Batch;
use jwtbench_verifier::prepared_keys::PreparedKeys;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::{Held, Verdict};
use jwtbench_verifier::verifier::{Scratch, Verifier};
use jwtbench_verifier::wall_clock::WallClock;

use crate::state::class_state::{ClassState, in_force};

use super::{Contender, Presented, Progress, Setup};

/// The most signatures that are verified at once.
const MAX_BATCH: usize = 64;
/// The longest time that the first signature of a batch waits for the others.
const MAX_WAIT: Duration = Duration::from_millis(1);

pub(super) struct Batched<'c> {
    verifier: Verifier,
    scratch: Scratch,
    batch: Batch,
    keys: PreparedKeys,
    held: Held,
    clock: WallClock,
    state: Option<&'c ClassState>,
    /// Operations whose signature is not verified yet, each with the verdict due if it is good.
    waiting: Vec<(u32, Verdict)>,
    deadline: Option<Tick>,
    signatures: Vec<Result<(), InvalidSignature>>,
}

impl<'c> Batched<'c> {
    pub(super) fn new(setup: &Setup<'c>) -> Batched<'c> {
        let batch = Batch::default();
        let view = setup.source.view();
        Batched {
            verifier: Verifier::new(setup.policy.clone()),
            scratch: Scratch::new(setup.policy),
            keys: PreparedKeys::prepare(&batch, &setup.policy.spec().algorithms, &view.keys),
            held: Held::from(&**view),
            batch,
            clock: setup.clock.clone(),
            state: setup.state,
            waiting: Vec::with_capacity(MAX_BATCH),
            deadline: None,
            signatures: Vec::with_capacity(MAX_BATCH),
        }
    }

    /// The verdict if the signature is good. The header is remembered before the signature is
    /// verified. This does no harm: a forged header only counts as one that was read before.
    fn judge(&mut self, token: &[u8], now: Tick) -> Verdict {
        let opened = match self.verifier.open(token, &mut self.scratch) {
            Ok(opened) => opened,
            Err(code) => return Verdict::new(Err(code), now, None),
        };
        let code = self
            .verifier
            .prove(opened, &mut self.keys)
            .and_then(|proven| in_force(&self.verifier, &proven, self.state, self.clock.at(now)));
        Verdict::new(code, now, Some(self.held))
    }
}

impl<'c> Contender<'c> for Batched<'c> {
    fn begin(&mut self, operation: u32, token: Presented<'c>, now: Tick) -> Progress {
        let gathered = self.batch.len();
        let verdict = self.judge(token.bytes, now);
        if self.batch.len() == gathered {
            return Progress::Done(verdict);
        }
        self.waiting.push((operation, verdict));
        self.deadline.get_or_insert(now + MAX_WAIT);
        Progress::Waiting
    }

    fn is_woken(&self) -> bool {
        self.waiting.len() >= MAX_BATCH
    }

    fn deadline(&self) -> Option<Tick> {
        self.deadline
    }

    fn resume(&mut self, _: Tick, done: &mut Vec<(u32, Verdict)>) {
        self.deadline = None;
        self.batch.verify(&mut self.signatures);
        let decided = self.waiting.drain(..).zip(self.signatures.drain(..));
        done.extend(decided.map(|((operation, verdict), signature)| {
            let code = signature.map_err(|_| Rejection::BadSignature).and(verdict.code);
            (operation, Verdict { code, ..verdict })
        }));
    }

    fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
