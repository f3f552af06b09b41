//! Any bytes as a proof, and any header and claims that a key really signed; any text as a URL: the
//! check neither panics nor accepts a proof without what RFC 9449 §4.3 asks for.

#![no_main]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use jwtbench_verifier::backend::rust_crypto::RustCrypto;
use jwtbench_verifier::proof::{self, ProofPolicy, ProvenRequest, Target};
use jwtbench_verifier::unix_time::UnixTime;
use libfuzzer_sys::fuzz_target;

const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);

fn judge(text: &[u8]) {
    let target = Target::parse("https://api.example/a").expect("a URL");
    let request = ProvenRequest {
        method: "GET",
        target: &target,
        token: Some(b"token"),
        bound_to: None,
        nonces: &[],
    };
    let policy = ProofPolicy::default();
    let limits = (&policy, Duration::ZERO);
    if let Ok(accepted) = proof::check(text, &request, limits, &RustCrypto, NOW) {
        assert!(text.len() <= policy.max_bytes && !accepted.jwt_id.is_empty());
        assert!(NOW <= accepted.until, "it would be refused already");
        assert_eq!(text.iter().filter(|byte| **byte == b'.').count(), 2);
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((mode, rest)) = data.split_first() else {
        return;
    };
    if mode % 3 == 0 {
        return judge(rest);
    }
    if mode % 3 == 1 {
        let Some(target) = std::str::from_utf8(rest).ok().and_then(Target::parse) else {
            return;
        };
        let again = Target::parse(&target.to_string()).expect("a normal URL is a URL");
        assert_eq!(target, again, "what is normal stays as it is");
        return;
    }
    let key = SigningKey::from_bytes(&[1; 32]);
    let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    let header = format!(
        r#"{{"typ":"dpop+jwt","alg":"EdDSA","jwk":{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}}}"#
    );
    let half = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    let (own, claims) = rest.split_at(half);
    let header = if own.is_empty() { header.as_bytes() } else { own };
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).to_bytes());
    judge(format!("{input}.{signature}").as_bytes());
});
