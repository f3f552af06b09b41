//! Answers ACCEPT without looking: the floor of the harness.

use super::{Contender, Presented, Progress, Verdict};
use jwtbench_verifier::tick::Tick;

pub(super) struct Null;

impl<'c> Contender<'c> for Null {
    fn begin(&mut self, _: u32, token: Presented<'c>, now: Tick) -> Progress {
        std::hint::black_box(token.bytes);
        Progress::Done(Verdict { code: Ok(()), now, held: None })
    }
}
