//! What holds of the core for inputs that nobody thought of, over every backend: random, and the
//! same in every run. Budget, waits and ages of the key cache are held in `key_cache/promises`.

mod issuers;
mod parsing;
mod round_trip;

use std::cell::RefCell;
use std::fmt::Debug;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend;
use jwtbench_verifier::key_set::{KeySet, ParsedSet};
use jwtbench_verifier::policy::{Policy, PolicySpec};
use jwtbench_verifier::prepared_keys::PreparedKeys;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::unix_time::UnixTime;
use jwtbench_verifier::verifier::{Proven, Request, Scratch, Verifier};
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

use crate::backends::signer::Signers;

/// 2026-01-01T00:00:00Z, in seconds: when the good token was issued.
const ISSUED: i64 = 1_767_225_600;

/// The good token's claims.
const CLAIMS: &str = r#"{"iss":"https://issuer.example/realms/acme","sub":"b1946ac9",
"aud":"billing-api","exp":1767225900,"nbf":1767225600,"iat":1767225600,"jti":"0f1e2d3c",
"client_id":"billing-web","tenant_id":"acme","scope":"openid invoice:read"}"#;

type Verdict = Result<(), Rejection>;

/// A backend and its verdict.
type Judged = (&'static str, Verdict);

/// The property holds of this many values.
fn hold<S: Strategy>(cases: u32, values: S, property: impl Fn(S::Value))
where
    S::Value: Debug,
{
    let mut runner = TestRunner::new(ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(20260101),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&values, |value| {
        property(value);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

/// A verifier that allows one algorithm, with the usual key for it prepared by every backend.
struct Court {
    algorithm: Algorithm,
    verifier: Verifier,
    scratch: RefCell<Scratch>,
    keys: RefCell<Vec<(&'static str, PreparedKeys)>>,
}

impl Court {
    fn of(algorithm: Algorithm) -> Court {
        let algorithms = vec![algorithm];
        let jwk = Signers::of_the_run().pair(algorithm)[0].json(algorithm, "ours");
        let body = format!(r#"{{"keys":[{jwk}]}}"#);
        let parsed = ParsedSet::parse(body.as_bytes(), &algorithms).expect("a key set");
        let set = Arc::<KeySet>::default().succeed(parsed);
        let prepare = |backend: &dyn backend::Backend| {
            (backend.name(), PreparedKeys::prepare(backend, &algorithms, &set))
        };
        let fit = backend::available().into_iter().filter(|found| found.supports(algorithm));
        let keys = fit.map(prepare).collect();
        let spec = PolicySpec {
            algorithms: algorithms.clone(),
            max_token_bytes: 1 << 16,
            ..PolicySpec::default()
        };
        let policy = Policy::new(spec).expect("a valid policy");
        Court {
            algorithm,
            scratch: RefCell::new(Scratch::new(&policy)),
            keys: RefCell::new(keys),
            verifier: Verifier::new(policy),
        }
    }

    /// A signed token with these claims under our key.
    fn mint(&self, claims: &[u8]) -> Vec<u8> {
        let header = format!(r#"{{"alg":"{}","kid":"ours","typ":"at+jwt"}}"#, self.algorithm);
        self.sign(header.as_bytes(), claims)
    }

    /// A signed token with this header and payload.
    fn sign(&self, header: &[u8], payload: &[u8]) -> Vec<u8> {
        let b64 = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let input = format!("{}.{}", b64(header), b64(payload));
        let signer = &Signers::of_the_run().pair(self.algorithm)[0];
        let signature = signer.sign(self.algorithm, input.as_bytes());
        format!("{input}.{}", b64(&signature)).into_bytes()
    }

    /// Every backend's verdict. `look` sees the token once it is proven, and has a say.
    fn judge(&self, token: &[u8], look: impl Fn(&Proven<'_>) -> Verdict) -> Vec<Judged> {
        let mut scratch = self.scratch.borrow_mut();
        let mut keys = self.keys.borrow_mut();
        let verdicts = keys.iter_mut().map(|(name, keys)| {
            let opened = self.verifier.open(token, &mut scratch);
            let proven = opened.and_then(|opened| self.verifier.prove(opened, keys));
            (*name, proven.and_then(|proven| look(&proven)))
        });
        verdicts.collect()
    }

    /// Every backend's verdict, at this instant. None accepts a token that refuses itself.
    fn judge_at(&self, token: &[u8], now: UnixTime) -> Vec<Judged> {
        let request = Request::default();
        let verdicts = self.judge(token, |proven| self.verifier.in_force(proven, &request, now));
        let mut scratch = self.scratch.borrow_mut();
        let opened = self.verifier.open(token, &mut scratch);
        let hopeless = opened.map(|mut opened| self.verifier.refuses_itself(&mut opened, now));
        let accepted = verdicts.iter().any(|(_, verdict)| verdict.is_ok());
        assert!(!(accepted && hopeless == Ok(true)), "{}", String::from_utf8_lossy(token));
        verdicts
    }

    /// Every backend accepts it.
    fn accepts(&self, token: &[u8]) {
        for (name, verdict) in self.judge_at(token, UnixTime::from_seconds(ISSUED)) {
            assert_eq!(verdict, Ok(()), "{name}: {}", String::from_utf8_lossy(token));
        }
    }

    /// Every backend refuses it, for one reason.
    fn refuses(&self, token: &[u8], why: &str) {
        let verdicts = self.judge_at(token, UnixTime::from_seconds(ISSUED));
        let (_, first) = verdicts[0];
        assert!(first.is_err(), "{why}: {}", String::from_utf8_lossy(token));
        for (name, verdict) in verdicts {
            assert_eq!(verdict, first, "{why} ({name}): {}", String::from_utf8_lossy(token));
        }
    }
}

/// Of header, payload, signature and dots, each as often as the others.
fn bit_of(token: &[u8]) -> impl Strategy<Value = usize> + use<> {
    let mut dots = (0..token.len()).filter(|at| token[*at] == b'.');
    let (first, second) = (dots.next().expect("a dot"), dots.next().expect("another"));
    prop_oneof![
        0..first * 8,
        first * 8..second * 8 + 8,
        second * 8..token.len() * 8,
        token.len() * 8 - 16..token.len() * 8,
        prop::sample::select(vec![first, second]).prop_flat_map(|at| at * 8..at * 8 + 8),
    ]
}

/// One bit of the text, in any part of it: other claims, other text that decodes to the same bytes,
/// no base64url any more.
#[test]
fn a_token_with_a_bit_flipped_is_refused() {
    for algorithm in Algorithm::ALL {
        let court = Court::of(algorithm);
        let good = court.mint(CLAIMS.as_bytes());
        court.accepts(&good);
        hold(400, bit_of(&good), |bit| {
            let mut token = good.clone();
            token[bit / 8] ^= 1 << (bit % 8);
            court.refuses(&token, &format!("{algorithm}: bit {bit}"));
        });
    }
}
