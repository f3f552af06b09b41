//! Any bytes as a JWK set: nothing panics, and every backend can prepare every key that is loaded.

#![no_main]

use std::sync::Arc;

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend;
use jwtbench_verifier::key_set::{KeySet, ParsedSet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(parsed) = ParsedSet::parse(data, &Algorithm::ALL) else {
        return;
    };
    let set = Arc::<KeySet>::default().succeed(parsed);
    for key in set.keys() {
        for backend in backend::available() {
            let prepared = backend.prepare(key.jwk.algorithm, &key.jwk);
            assert!(prepared.is_ok(), "{}: {:?}", backend.name(), key.jwk);
        }
    }
});
