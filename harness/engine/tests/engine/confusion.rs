//! Verifiers that are broken on purpose, each in a way in which real ones were: the conformance
//! pack catches every one of them by the classes that are there for it, and by no other.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rsa_signer::pkcs1::{EncodeRsaPublicKey as _, LineEnding};
use rsa_signer::pkcs8::EncodePublicKey as _;
use rsa_signer::{BigUint, RsaPublicKey};
use serde_json::Value;

use jwtbench_engine::state::class_state::{ClassState, in_force};
use jwtbench_scenario::catalogue::Catalogue;
use jwtbench_scenario::issuer::signer::Signers;
use jwtbench_scenario::plan::Plan;
use jwtbench_scenario::token::pack::Pack;
use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::backend;
use jwtbench_verifier::key_set::{KeySet, ParsedSet};
use jwtbench_verifier::policy::Policy;
use jwtbench_verifier::prepared_keys::PreparedKeys;
use jwtbench_verifier::rejection::Rejection;
use jwtbench_verifier::unix_time::UnixTime;
use jwtbench_verifier::verifier::{Scratch, Verifier};

/// One line of a pack.
struct Line {
    class: String,
    token: Vec<u8>,
    is_good: bool,
    is_forged: bool,
}

/// A pack as somebody else reads it, and a verifier with which nothing is wrong.
struct TestIssuer {
    policy: Policy,
    algorithm: Algorithm,
    key_set: Value,
    about: Value,
    lines: Vec<Line>,
}

impl TestIssuer {
    fn of(algorithm: Algorithm) -> TestIssuer {
        let library = Catalogue::find(Path::new(env!("CARGO_MANIFEST_DIR")));
        let scenario = library.select(&["conformance/every-class".into()]).unwrap().remove(0);
        let plan = Plan::new(&scenario, algorithm, &Signers::new(1), &|_| {});
        let pack = Pack::of(&plan, 24).unwrap();
        let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let line = |text: &str| {
            let line = json(text);
            let token = line["token"].as_str().unwrap_or_default();
            Line {
                class: line["class"].as_str().unwrap().into(),
                token: token.into(),
                is_good: line["verdict"] == "accept",
                is_forged: line["forged"] == true,
            }
        };
        TestIssuer {
            policy: Policy::new(plan.scenario.policy_for(algorithm)).unwrap(),
            algorithm,
            key_set: serde_json::from_slice(&pack.key_set).unwrap(),
            about: json(&pack.about()),
            lines: pack.tokens().lines().map(line).collect(),
        }
    }

    /// Whether a sound verifier with these keys accepts it.
    fn accepts(&self, token: &[u8], key_set: &Value) -> bool {
        let allowed = [self.algorithm];
        let parsed = ParsedSet::parse(key_set.to_string().as_bytes(), &allowed);
        let Ok(parsed) = parsed else { return false };
        let set = Arc::<KeySet>::default().succeed(parsed);
        let ring = backend::find("ring").unwrap();
        let mut keys = PreparedKeys::prepare(ring, &allowed, &set);
        let mut scratch = Scratch::new(&self.policy);
        let verifier = Verifier::new(self.policy.clone());
        let judge = || -> Result<(), Rejection> {
            let opened = verifier.open(token, &mut scratch)?;
            let proven = verifier.prove(opened, &mut keys)?;
            let state = self.state();
            let now = UnixTime::from_seconds(self.about["now"].as_i64().unwrap());
            in_force(&verifier, &proven, Some(&state), now)
        };
        let mut judge = judge;
        judge().is_ok()
    }

    fn state(&self) -> ClassState {
        let revoked = self.about["revoked"].as_array().unwrap().iter();
        let versions = self.about["authorization_versions"].as_object().unwrap().iter();
        ClassState::new(
            revoked.map(|jwt_id| jwt_id.as_str().unwrap()),
            versions.map(|(subject, version)| (subject.as_str(), version.as_u64().unwrap())),
        )
    }

    /// The classes of forged tokens that a verifier accepts. `answer` is what it says before, or
    /// instead of, all that a sound one does; whatever else it gets wrong is no part of the test.
    fn let_through(&self, answer: impl Fn(&[u8]) -> Option<bool>) -> BTreeSet<&str> {
        let mut classes = BTreeSet::new();
        for line in &self.lines {
            let sound = || self.accepts(&line.token, &self.key_set);
            let accepted = answer(&line.token).unwrap_or_else(sound);
            if accepted && line.is_forged {
                classes.insert(line.class.as_str());
            } else {
                assert_eq!(accepted, line.is_good, "{}: another difference", line.class);
            }
        }
        classes
    }

    /// The modulus and exponent of the key that signs.
    fn rsa_key(&self) -> RsaPublicKey {
        let jwk = &self.key_set["keys"][0];
        let number = |name: &str| {
            let text = jwk[name].as_str().unwrap();
            BigUint::from_bytes_be(&URL_SAFE_NO_PAD.decode(text).unwrap())
        };
        RsaPublicKey::new(number("n"), number("e")).unwrap()
    }
}

fn decoded(token: &[u8], part: usize) -> Option<Vec<u8>> {
    let part = token.split(|byte| *byte == b'.').nth(part)?;
    URL_SAFE_NO_PAD.decode(part).ok()
}

fn header(token: &[u8]) -> Option<Value> {
    serde_json::from_slice(&decoded(token, 0)?).ok()
}

/// What a verifier answers that takes this text for the secret of an HMAC; `None` to all else.
fn confused(token: &[u8], name: &str, algorithm: hmac::Algorithm, secret: &[u8]) -> Option<bool> {
    if header(token)?["alg"] != *name {
        return None;
    }
    let signed = token.len() - token.rsplit(|byte| *byte == b'.').next()?.len() - 1;
    let key = hmac::Key::new(algorithm, secret);
    Some(hmac::verify(&key, &token[..signed], &decoded(token, 2)?).is_ok())
}

#[test]
fn a_sound_verifier_lets_nothing_through() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256] {
        assert!(TestIssuer::of(algorithm).let_through(|_| None).is_empty(), "{algorithm}");
    }
}

/// CVE-2015-9235 and its like: the key is configured as PEM, and `alg` decides what it is used for.
#[test]
fn a_verifier_confused_by_pem_is_caught() {
    let test_issuer = TestIssuer::of(Algorithm::RS256);
    let pem = test_issuer.rsa_key().to_public_key_pem(LineEnding::LF).unwrap();
    let confused = |token: &[u8]| confused(token, "HS256", hmac::HMAC_SHA256, pem.as_bytes());
    assert_eq!(test_issuer.let_through(confused), BTreeSet::from(["hmac-confusion"]));
}

/// Every other text that stands for a key, under every HMAC.
#[test]
fn a_verifier_confused_by_any_form_of_a_key_is_caught() {
    let test_issuer = TestIssuer::of(Algorithm::RS256);
    let key = test_issuer.rsa_key();
    let pem = key.to_public_key_pem(LineEnding::LF).unwrap();
    let pkcs1 = key.to_pkcs1_pem(LineEnding::LF).unwrap();
    let n = test_issuer.key_set["keys"][0]["n"].as_str().unwrap();
    let secrets: [(&str, Vec<u8>); 11] = [
        ("hmac-confusion", test_issuer.key_set["keys"][0].to_string().into()),
        ("hmac-confusion", pem.clone().into()),
        ("hmac-confusion", pem.trim_end().into()),
        ("hmac-confusion", pkcs1.clone().into()),
        ("hmac-confusion", pkcs1.trim_end().into()),
        ("hmac-confusion", key.to_public_key_der().unwrap().as_bytes().into()),
        ("hmac-confusion", key.to_pkcs1_der().unwrap().as_bytes().into()),
        ("hmac-confusion", URL_SAFE_NO_PAD.decode(n).unwrap()),
        ("hmac-weak-key", Vec::new()),
        ("hmac-weak-key", vec![0]),
        ("hmac-weak-key", b"0".into()),
    ];
    let hmacs =
        [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)];
    for (place, (class, secret)) in secrets.iter().enumerate() {
        for (name, algorithm) in hmacs {
            let own = test_issuer.lines.iter().filter(|line| line.class == *class);
            let let_through = own
                .filter(|line| confused(&line.token, name, algorithm, secret) == Some(true))
                .count();
            // An HMAC pads its key with zeros, so that no key and a zero are the same.
            let is_nothing = secret.iter().all(|byte| *byte == 0);
            let least = if is_nothing { 2 } else { 1 };
            assert!(let_through >= least, "secret {place} under {name}: {let_through}");
        }
    }
}

/// CVE-2022-21449: neither `r` nor `s` is looked at, and zero fits any text.
#[test]
fn a_verifier_that_takes_a_signature_of_zeros_is_caught() {
    let test_issuer = TestIssuer::of(Algorithm::ES256);
    let takes_zeros = |token: &[u8]| {
        let signature = decoded(token, 2)?;
        (signature.len() == 64 && signature.iter().all(|byte| *byte == 0)).then_some(true)
    };
    assert_eq!(test_issuer.let_through(takes_zeros), BTreeSet::from(["zero-signature"]));
    // As above, once `r` and `s` are reduced by the order of the group.
    let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551".repeat(2);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let takes_the_order = |token: &[u8]| (hex(&decoded(token, 2)?) == order).then_some(true);
    assert_eq!(test_issuer.let_through(takes_the_order), BTreeSet::from(["zero-signature"]));
}

/// CVE-2018-0114: the token brings the key that verifies it.
#[test]
fn a_verifier_that_trusts_an_embedded_key_is_caught() {
    for algorithm in [Algorithm::RS256, Algorithm::ES256] {
        let test_issuer = TestIssuer::of(algorithm);
        let known = |kid: &Value| {
            test_issuer.key_set["keys"].as_array().unwrap().iter().any(|key| key["kid"] == *kid)
        };
        let embedded = |token: &[u8], header: &Value| {
            let mut key = header["jwk"].clone();
            key["kid"] = header["kid"].clone();
            test_issuer.accepts(token, &serde_json::json!({ "keys": [key] }))
        };
        let trusts = |token: &[u8]| {
            let header = header(token)?;
            header["jwk"].is_object().then(|| embedded(token, &header))
        };
        let both = BTreeSet::from(["embedded-jwk", "embedded-jwk-new-kid"]);
        assert_eq!(test_issuer.let_through(trusts), both, "{algorithm}: whatever the kid");
        let trusts_the_unknown = |token: &[u8]| {
            let header = header(token)?;
            let is_asked = header["jwk"].is_object() && !known(&header["kid"]);
            is_asked.then(|| embedded(token, &header))
        };
        let unknown = BTreeSet::from(["embedded-jwk-new-kid"]);
        assert_eq!(
            test_issuer.let_through(trusts_the_unknown),
            unknown,
            "{algorithm}: as a last resort"
        );
    }
}
