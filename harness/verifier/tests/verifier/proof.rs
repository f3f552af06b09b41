//! Proofs of possession: the examples of RFC 9449, one fault each, and their order.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use jwtbench_verifier::backend;
use jwtbench_verifier::proof::replay::ReplayCache;
use jwtbench_verifier::proof::{
    self, AcceptedProof, ProofFault, ProofPolicy, ProvenRequest, Target,
};
use jwtbench_verifier::unix_time::UnixTime;

/// Figure 2: a request to a token endpoint.
const FIGURE_2: &str = concat!(
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNo",
    "UklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERW",
    "clUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh",
    "0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8",
    "v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg",
);
/// Figure 13: a request with an access token.
const FIGURE_13: &str = concat!(
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNo",
    "UklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERW",
    "clUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR",
    "1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCw",
    "iYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-E",
    "y71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA",
);
/// The opaque token of §7.1, and the thumbprint of the key of all examples (§6.1).
const OPAQUE: &[u8] = b"Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
const SIGNED_AT: i64 = 1_562_262_616;

const LEEWAY: Duration = Duration::from_secs(30);
const NOW: UnixTime = UnixTime::from_seconds(1_800_000_000);
const TOKEN: &[u8] = b"header.payload.signature";
const URL: &str = "https://api.example/orders?page=2";

/// A request, with what stays the same in most tests.
struct Case {
    method: &'static str,
    url: &'static str,
    token: Option<&'static [u8]>,
    bound_to: Option<String>,
    nonces: Vec<String>,
    policy: ProofPolicy,
    now: UnixTime,
}

impl Case {
    fn of(method: &'static str, url: &'static str, token: Option<&'static [u8]>) -> Case {
        let policy = ProofPolicy::default();
        Case { method, url, token, bound_to: None, nonces: Vec::new(), policy, now: NOW }
    }

    fn check(&self, proof: &str) -> Result<AcceptedProof, ProofFault> {
        let target = Target::parse(self.url).expect("a URL");
        let request = ProvenRequest {
            method: self.method,
            target: &target,
            token: self.token,
            bound_to: self.bound_to.as_deref(),
            nonces: &self.nonces,
        };
        let verdicts = backend::available().into_iter().map(|backend| {
            proof::check(proof.as_bytes(), &request, (&self.policy, LEEWAY), backend, self.now)
        });
        let verdicts: Vec<_> = verdicts.collect();
        assert!(verdicts.windows(2).all(|two| two[0] == two[1]), "{verdicts:?}");
        verdicts.into_iter().next().expect("a backend")
    }
}

#[test]
fn the_examples_of_the_standard_hold() {
    let at = |second| UnixTime::from_seconds(SIGNED_AT + second);
    let token_request = "https://server.example.com/token";
    let resource = "https://resource.example.org/protectedresource";
    let case =
        |method, url, token, second| Case { now: at(second), ..Case::of(method, url, token) };
    let accepted = case("POST", token_request, None, 0).check(FIGURE_2).unwrap();
    assert_eq!(accepted.jwt_id, "-BwC3ESc6acc2lTc");
    assert_eq!(format!("{:?}", accepted.thumbprint), JKT);
    assert_eq!(accepted.until, at(90));
    let of_token = case("POST", token_request, Some(OPAQUE), 0).check(FIGURE_2);
    assert_eq!(of_token, Err(ProofFault::TokenMismatch), "it has no ath");
    let bound = Case { bound_to: Some(JKT.into()), ..case("GET", resource, Some(OPAQUE), 2) };
    assert_eq!(bound.check(FIGURE_13).unwrap().jwt_id, "e1j3V_bKic8-LAEB");
    let other = Case { bound_to: Some("another".into()), ..case("GET", resource, Some(OPAQUE), 2) };
    assert_eq!(other.check(FIGURE_13), Err(ProofFault::SenderMismatch));
    for (second, due) in [(92, true), (93, false), (-88, true), (-89, false)] {
        let checked = case("GET", resource, Some(OPAQUE), second).check(FIGURE_13);
        assert_eq!(checked.is_ok(), due, "{second}: {checked:?}");
    }
}

/// A key, and the header and claims of a good proof by it.
fn parts() -> (SigningKey, Value, Value) {
    let key = SigningKey::from_bytes(&[7; 32]);
    let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
    let header = json!({
        "typ": "dpop+jwt", "alg": "EdDSA", "jwk": { "kty": "OKP", "crv": "Ed25519", "x": x }
    });
    let claims = json!({
        "jti": "1", "htm": "GET", "htu": "https://api.example/orders", "iat": 1_800_000_000,
        "ath": URL_SAFE_NO_PAD.encode(Sha256::digest(TOKEN)),
    });
    (key, header, claims)
}

fn signed(key: &SigningKey, header: &str, claims: &str) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).to_bytes());
    format!("{input}.{signature}")
}

/// A proof in which some members of header and claims are others, or are gone (`null`).
fn changed(header: &Value, claims: &Value) -> String {
    let (key, mut good_header, mut good_claims) = parts();
    for (to, from) in [(&mut good_header, header), (&mut good_claims, claims)] {
        for (name, value) in from.as_object().expect("an object") {
            match value {
                Value::Null => _ = to.as_object_mut().expect("an object").remove(name),
                value => to[name] = value.clone(),
            }
        }
    }
    signed(&key, &good_header.to_string(), &good_claims.to_string())
}

fn case() -> Case {
    Case::of("GET", URL, Some(TOKEN))
}

#[test]
fn each_fault_has_its_code() {
    use ProofFault as F;
    let none = json!({});
    let (_, header, _) = parts();
    let jwk = header["jwk"].clone();
    let with = |name: &str, value: Value| {
        let mut jwk = jwk.clone();
        jwk[name] = value;
        json!({ "jwk": jwk })
    };
    let rows: Vec<(Value, Value, Option<F>)> = vec![
        (none.clone(), none.clone(), None),
        (json!({ "typ": "DPOP+JWT" }), none.clone(), None),
        (json!({ "typ": "application/dpop+jwt" }), none.clone(), None),
        (json!({ "alg": "Ed25519" }), none.clone(), None),
        (with("alg", json!("EdDSA")), none.clone(), None),
        (with("kid", json!("a")), none.clone(), None),
        (none.clone(), json!({ "htu": "HTTPS://API.example:443/%6Frders" }), None),
        (none.clone(), json!({ "iat": 1_799_999_910.5, "other": [1] }), None),
        (none.clone(), json!({ "jti": "x".repeat(256) }), None),
        (json!({ "crit": ["b64"] }), none.clone(), Some(F::Malformed)),
        (json!({ "b64": true }), none.clone(), Some(F::Malformed)),
        (json!({ "alg": null }), none.clone(), Some(F::Malformed)),
        (json!({ "alg": 1 }), none.clone(), Some(F::Malformed)),
        (json!({ "typ": "JWT" }), none.clone(), Some(F::TypeMismatch)),
        (json!({ "typ": null }), none.clone(), Some(F::TypeMismatch)),
        (json!({ "alg": "none" }), none.clone(), Some(F::AlgNotAllowed)),
        (json!({ "alg": "HS256" }), none.clone(), Some(F::AlgNotAllowed)),
        (json!({ "alg": "RS256" }), none.clone(), Some(F::AlgNotAllowed)),
        (json!({ "alg": "ES256" }), none.clone(), Some(F::KeyInvalid)),
        (json!({ "jwk": null }), none.clone(), Some(F::KeyInvalid)),
        (json!({ "jwk": "text" }), none.clone(), Some(F::KeyInvalid)),
        (json!({ "jwk": { "kty": "oct", "k": "AAAA" } }), none.clone(), Some(F::KeyInvalid)),
        (with("d", json!("AAAA")), none.clone(), Some(F::KeyInvalid)),
        (with("use", json!("enc")), none.clone(), Some(F::KeyInvalid)),
        (with("alg", json!("ES256")), none.clone(), Some(F::KeyInvalid)),
        (with("x", json!("AAAA")), none.clone(), Some(F::KeyInvalid)),
        (none.clone(), json!({ "jti": null }), Some(F::ClaimInvalid)),
        (none.clone(), json!({ "htm": 1 }), Some(F::ClaimInvalid)),
        (none.clone(), json!({ "htu": ["a"] }), Some(F::ClaimInvalid)),
        (none.clone(), json!({ "iat": "1800000000" }), Some(F::ClaimInvalid)),
        (none.clone(), json!({ "ath": 1 }), Some(F::ClaimInvalid)),
        (none.clone(), json!({ "htm": "get" }), Some(F::MethodMismatch)),
        (none.clone(), json!({ "htu": URL }), Some(F::TargetMismatch)),
        (none.clone(), json!({ "htu": "https://api.example/%2Forders" }), Some(F::TargetMismatch)),
        (none.clone(), json!({ "iat": 1_799_999_909 }), Some(F::TimeMismatch)),
        (none.clone(), json!({ "iat": 1_800_000_091 }), Some(F::TimeMismatch)),
        (none.clone(), json!({ "ath": null }), Some(F::TokenMismatch)),
        (none.clone(), json!({ "ath": "AAAA" }), Some(F::TokenMismatch)),
        (none.clone(), json!({ "jti": "" }), Some(F::IdInvalid)),
        (none.clone(), json!({ "jti": "x".repeat(257) }), Some(F::IdInvalid)),
    ];
    for (header, claims, due) in rows {
        let checked = case().check(&changed(&header, &claims));
        assert_eq!(checked.err(), due, "{header} {claims}");
    }
}

#[test]
fn what_is_no_signed_object_has_its_code() {
    use ProofFault as F;
    let none = json!({});
    let good = changed(&none, &none);
    let other = SigningKey::from_bytes(&[8; 32]);
    let (key, header, claims) = parts();
    let twice = header.to_string().replacen('{', r#"{"alg":"EdDSA","#, 1);
    let texts = [
        ("x".repeat(4097), F::Oversized),
        ("a.b".into(), F::Malformed),
        (format!("{good}="), F::Malformed),
        (signed(&key, &twice, &claims.to_string()), F::Malformed),
        (signed(&key, "[]", &claims.to_string()), F::Malformed),
        (signed(&key, &header.to_string(), "{\"jti\":\"1\",\"jti\":\"1\"}"), F::Malformed),
        (signed(&other, &header.to_string(), &claims.to_string()), F::BadSignature),
        (good[..good.rfind('.').unwrap() + 1].to_owned(), F::BadSignature),
    ];
    for (proof, due) in texts {
        assert_eq!(case().check(&proof), Err(due), "{} bytes", proof.len());
    }
}

/// What is encoded because it would delimit otherwise is another URL (RFC 3986 §2.2).
#[test]
fn encoded_delimiters_are_kept() {
    let none = json!({});
    let encoded = Case { url: "https://api.example/orders%2F1", ..case() };
    let plain = Case { url: "https://api.example/orders/1", ..case() };
    let lower = changed(&none, &json!({ "htu": "https://api.example/orders%2f1" }));
    let slash = changed(&none, &json!({ "htu": "https://api.example/orders/1" }));
    assert!(encoded.check(&lower).is_ok() && plain.check(&slash).is_ok());
    assert_eq!(encoded.check(&slash), Err(ProofFault::TargetMismatch));
    assert_eq!(plain.check(&lower), Err(ProofFault::TargetMismatch));
}

#[test]
fn the_first_fault_decides() {
    use ProofFault as F;
    let mut case = case();
    case.policy.needs_nonce = true;
    case.nonces = vec!["n".into()];
    case.bound_to = Some("another".into());
    let mut header = json!({ "typ": "JWT", "alg": "ES256" });
    let mut claims = json!({
        "htm": "POST", "htu": "https://other.example/", "iat": 1, "ath": "x", "jti": ""
    });
    let fault =
        |header: &Value, claims: &Value, case: &Case| case.check(&changed(header, claims)).err();
    assert_eq!(fault(&header, &claims, &case), Some(F::TypeMismatch));
    header = json!({ "alg": "ES256" });
    assert_eq!(fault(&header, &claims, &case), Some(F::KeyInvalid));
    header = json!({});
    assert_eq!(fault(&header, &claims, &case), Some(F::SenderMismatch));
    case.bound_to = None;
    let due = [F::MethodMismatch, F::TargetMismatch, F::TimeMismatch, F::TokenMismatch];
    for (name, due) in ["htm", "htu", "iat", "ath"].into_iter().zip(due) {
        assert_eq!(fault(&header, &claims, &case), Some(due), "{name}");
        claims.as_object_mut().unwrap().remove(name);
    }
    assert_eq!(fault(&header, &claims, &case), Some(F::NonceMismatch));
    claims["nonce"] = json!("n");
    assert_eq!(fault(&header, &claims, &case), Some(F::IdInvalid));
    claims["jti"] = json!("2");
    assert_eq!(fault(&header, &claims, &case), None);
}

#[test]
fn a_proof_is_used_once_and_forgotten_when_it_has_ended() {
    let proof = |jti: &str| case().check(&changed(&json!({}), &json!({ "jti": jti }))).unwrap();
    let mut cache = ReplayCache::new(2);
    let (one, two, three) = (proof("1"), proof("2"), proof("3"));
    assert_eq!(cache.burn(&one, NOW), Ok(()));
    assert_eq!(cache.burn(&one, one.until), Err(ProofFault::Replayed), "at its last instant");
    assert_eq!(cache.burn(&two, NOW), Ok(()));
    assert_eq!(cache.burn(&three, NOW), Err(ProofFault::ReplayUnknown), "full");
    let later = UnixTime(one.until.0 + 1);
    assert_eq!(cache.burn(&three, later), Ok(()), "the others have ended");
    assert_eq!(cache.len(), 1);
    let mut large = ReplayCache::new(1_000_000);
    for number in 0..5_000 {
        let ended = AcceptedProof { jwt_id: number.to_string(), ..one.clone() };
        assert_eq!(large.burn(&ended, NOW), Ok(()));
    }
    assert_eq!(large.len(), 5_000);
}

/// Each of N instances has a cache of its own, and any of them gets a request: a thief with a proof
/// that was used once gets in with N − 1 of N tries, and N − 1 times in all. One cache for all lets
/// nobody in.
#[test]
fn a_replay_passes_where_the_proof_is_not_known() {
    const INSTANCES: usize = 8;
    const PROOFS: usize = 20_000;
    let mut draws = ChaCha8Rng::seed_from_u64(1);
    let mut any = || draws.next_u32() as usize % INSTANCES;
    let mut own: Vec<ReplayCache> = (0..INSTANCES).map(|_| ReplayCache::new(1 << 20)).collect();
    let mut shared = ReplayCache::new(1 << 20);
    let one = case().check(&changed(&json!({}), &json!({}))).unwrap();
    let (mut passed, mut in_all, mut shared_passed) = (0, 0, 0);
    for number in 0..PROOFS {
        let proof = AcceptedProof { jwt_id: number.to_string(), ..one.clone() };
        assert_eq!(own[any()].burn(&proof, NOW), Ok(()));
        assert_eq!(shared.burn(&proof, NOW), Ok(()));
        let replayed = own[any()].burn(&proof, NOW).is_ok();
        passed += usize::from(replayed);
        // The thief tries until every instance knows the proof.
        in_all += usize::from(replayed);
        in_all += own.iter_mut().filter_map(|cache| cache.burn(&proof, NOW).ok()).count();
        shared_passed += usize::from(shared.burn(&proof, NOW).is_ok());
    }
    let share = passed as f64 / PROOFS as f64;
    let due = (INSTANCES - 1) as f64 / INSTANCES as f64;
    assert!((share / due - 1.0).abs() < 0.02, "{share}, {due}");
    assert_eq!((in_all, shared_passed), (PROOFS * (INSTANCES - 1), 0));
}
