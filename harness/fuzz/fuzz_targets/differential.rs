//! Every backend against every other: one verdict on a valid signature and message that were
//! altered, or replaced. What was altered is accepted only where ECDSA has a second signature.

#![no_main]

#[allow(dead_code, reason = "made for the suite over backends")]
#[path = "../../verifier/tests/verifier/backends/signer.rs"]
mod signer;

use std::cell::RefCell;

use jwtbench_verifier::algorithm::{Algorithm, KeyType};
use jwtbench_verifier::backend::{self, VerifyingKey};
use libfuzzer_sys::fuzz_target;
use signer::Signers;

const MESSAGE: &[u8] = b"eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOiJqb2UifQ";

/// One algorithm: a valid signature of [`MESSAGE`], and its key prepared by every backend.
struct Bench {
    algorithm: Algorithm,
    signature: Vec<u8>,
    keys: Vec<(&'static str, Box<dyn VerifyingKey>)>,
}

thread_local! {
    static BENCHES: RefCell<Vec<Bench>> = RefCell::new(Algorithm::ALL.map(Bench::new).into());
}

impl Bench {
    fn new(algorithm: Algorithm) -> Bench {
        let signer = &Signers::of_the_run().pair(algorithm)[0];
        let jwk = signer.jwk(algorithm);
        let fit = backend::available().into_iter().filter(|found| found.supports(algorithm));
        let keys = fit.map(|backend| {
            (backend.name(), backend.prepare(algorithm, &jwk).expect("a key that was loaded"))
        });
        Bench { algorithm, signature: signer.sign(algorithm, MESSAGE), keys: keys.collect() }
    }

    fn judge(&mut self, message: &[u8], signature: &[u8]) {
        let verdicts: Vec<(&str, bool)> = self
            .keys
            .iter_mut()
            .map(|(name, key)| (*name, key.verify(message, signature).is_ok()))
            .collect();
        let (_, accepted) = verdicts[0];
        assert!(verdicts.iter().all(|(_, verdict)| *verdict == accepted), "{verdicts:?}");
        let is_ours = message == MESSAGE && signature == self.signature;
        let has_twin = matches!(self.algorithm.key_type(), KeyType::P256 | KeyType::P384);
        let is_twin = accepted && has_twin && message == MESSAGE;
        assert!(accepted == is_ours || is_twin, "{verdicts:?}");
    }
}

/// Sets bytes of `text`: three bytes of `edits` are a place and a value.
fn edit(text: &mut [u8], edits: &[u8]) {
    for edit in edits.chunks_exact(3) {
        let at = usize::from(u16::from_be_bytes([edit[0], edit[1]]));
        let length = text.len();
        text[at % length] = edit[2];
    }
}

fuzz_target!(
    // Keys take longer to make than any input may.
    init: BENCHES.with_borrow(|_| ()),
    |data: &[u8]| {
        let [algorithm, mode, rest @ ..] = data else {
            return;
        };
        BENCHES.with_borrow_mut(|benches| {
            let at = usize::from(*algorithm) % benches.len();
            judge(&mut benches[at], *mode, rest);
        });
    }
);

/// Alters the signature, the message, or takes the input for the signature.
fn judge(bench: &mut Bench, mode: u8, rest: &[u8]) {
    let (mut message, mut signature) = (MESSAGE.to_vec(), bench.signature.clone());
    match mode % 3 {
        0 => edit(&mut signature, rest),
        1 => edit(&mut message, rest),
        _ => signature = rest.to_vec(),
    }
    bench.judge(&message, &signature);
}
