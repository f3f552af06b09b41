//! Any bytes as a token, and any header and payload that our key really signed: the verifier
//! neither panics nor accepts what it would not ask the issuer about.

#![no_main]

use std::cell::RefCell;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend::rust_crypto::RustCrypto;
use jwtbench_verifier::http::{Elsewhere, bearer};
use jwtbench_verifier::key_set::{KeySet, ParsedSet};
use jwtbench_verifier::policy::{Policy, PolicySpec};
use jwtbench_verifier::prepared_keys::PreparedKeys;
use jwtbench_verifier::unix_time::UnixTime;
use jwtbench_verifier::verifier::{Request, Scratch, Verifier};
use libfuzzer_sys::fuzz_target;

const ALLOWED: [Algorithm; 1] = [Algorithm::EdDSA];
const HEADER: &[u8] = br#"{"alg":"EdDSA","kid":"ours","typ":"at+jwt"}"#;
/// 2026-01-01T00:00:00Z.
const NOW: UnixTime = UnixTime::from_seconds(1_767_225_600);

struct Court {
    signer: SigningKey,
    verifier: Verifier,
    scratch: Scratch,
    keys: PreparedKeys,
}

thread_local! {
    static COURT: RefCell<Court> = RefCell::new(Court::new());
}

impl Court {
    fn new() -> Court {
        let signer = SigningKey::from_bytes(&[1; 32]);
        let x = URL_SAFE_NO_PAD.encode(signer.verifying_key().as_bytes());
        let jwk =
            format!(r#"{{"kty":"OKP","crv":"Ed25519","alg":"EdDSA","kid":"ours","x":"{x}"}}"#);
        let body = format!(r#"{{"keys":[{jwk}]}}"#);
        let parsed = ParsedSet::parse(body.as_bytes(), &ALLOWED).expect("a key set");
        let set = Arc::<KeySet>::default().succeed(parsed);
        let spec = PolicySpec { algorithms: ALLOWED.to_vec(), ..PolicySpec::default() };
        let policy = Policy::new(spec).expect("a valid policy");
        Court {
            signer,
            scratch: Scratch::new(&policy),
            keys: PreparedKeys::prepare(&RustCrypto, &ALLOWED, &set),
            verifier: Verifier::new(policy),
        }
    }

    fn sign(&self, header: &[u8], payload: &[u8]) -> String {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let input = format!("{}.{}", b64(header), b64(payload));
        let signature = self.signer.sign(input.as_bytes()).to_bytes();
        format!("{input}.{}", b64(&signature))
    }

    fn judge(&mut self, token: &[u8]) {
        let Ok(mut opened) = self.verifier.open(token, &mut self.scratch) else {
            return;
        };
        let hopeless = self.verifier.refuses_itself(&mut opened, NOW);
        let Ok(proven) = self.verifier.prove(opened, &mut self.keys) else {
            return;
        };
        let accepted = self.verifier.in_force(&proven, &Request::default(), NOW).is_ok();
        assert!(!(accepted && hopeless), "accepted, and refused without its key");
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((mode, rest)) = data.split_first() else {
        return;
    };
    COURT.with_borrow_mut(|court| match mode % 4 {
        0 => court.judge(rest),
        1 => {
            let token = court.sign(HEADER, rest);
            court.judge(token.as_bytes());
        }
        2 => {
            let half = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
            let token = court.sign(&rest[..half], &rest[half..]);
            court.judge(token.as_bytes());
        }
        _ => {
            let headers = rest.split(|byte| *byte == b'\n');
            let _ = bearer(headers, Elsewhere::default());
        }
    });
});
