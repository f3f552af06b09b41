//! The bare prepared signature check: the bound for every verifier over the same backend. Tokens
//! are split and decoded, and their keys found, outside the measured time.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use jwtbench_verifier::compact::Compact;
use jwtbench_verifier::prepared_keys::PreparedKeys;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::tick::Tick;
use jwtbench_verifier::verdict::Verdict;
use jwtbench_verifier::verifier::{Scratch, Verifier};

use super::{Contender, Presented, Progress, Setup};

struct Input<'c> {
    kid: Option<String>,
    signing_input: &'c [u8],
    signature: Vec<u8>,
}

pub(super) struct RawContender<'c> {
    algorithm: jwtbench_verifier::algorithm::Algorithm,
    inputs: Vec<Option<Input<'c>>>,
    keys: PreparedKeys,
}

impl<'c> RawContender<'c> {
    pub(super) fn new(setup: &Setup<'c>) -> RawContender<'c> {
        let verifier = Verifier::new(setup.policy.clone());
        let mut scratch = Scratch::new(setup.policy);
        let mut input = |token: &&'c [u8]| {
            let kid = verifier.open(token, &mut scratch).ok()?.kid().map(str::to_owned);
            let compact = Compact::split(token, token.len()).ok()?;
            let signature = URL_SAFE_NO_PAD.decode(compact.signature).ok()?;
            Some(Input { kid, signing_input: compact.signing_input, signature })
        };
        let inputs = setup.corpus.iter().map(&mut input).collect();
        RawContender { algorithm: setup.algorithm, inputs, keys: setup.source.prepare() }
    }
}

impl<'c> Contender<'c> for RawContender<'c> {
    fn begin(&mut self, _: u32, token: Presented<'c>, now: Tick) -> Progress {
        let code = match &self.inputs[token.place.index()] {
            Some(input) => self
                .keys
                .find(input.kid.as_deref(), self.algorithm)
                .map_err(|_| Rejection::BadSignature)
                .and_then(|key| {
                    key.verifying_key
                        .verify(input.signing_input, &input.signature)
                        .map_err(|_| Rejection::BadSignature)
                }),
            None => Err(Rejection::Malformed),
        };
        Progress::Done(Verdict::new(code, now, None))
    }
}
