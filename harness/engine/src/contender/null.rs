//! A contender that answers ACCEPT without reading the token: the floor of the harness.

use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::Verdict;

use super::{Contender, Presented, Progress};

pub(super) struct NullContender;

impl<'c> Contender<'c> for NullContender {
    fn begin(&mut self, _: u32, token: Presented<'c>, now: Tick) -> Progress {
        std::hint::black_box(token.bytes);
        Progress::Done(Verdict::new(Ok(()), now, None))
    }
}
