//! The mocked identity provider over time: the keys it publishes, the key that signs, and the
//! resulting JWK sets. This module is pure: a timeline is a function of events, algorithm and
//! signers.

pub mod signer;
use std::time::Duration;

use serde_json::{Value, json};

use jwtbench_verifier::algorithm::Algorithm;
use jwtbench_verifier::jwk::Thumbprint;
use jwtbench_verifier::tick::Tick;

use crate::issuer::signer::{Signers, SigningKey};
use crate::model::event::{Action, Event, Poison};
use crate::token::class::{Class, KeyRole};

/// The label of the key that is published and signs at the beginning.
pub const FIRST_KEY: &str = "current";
/// The labels of two keys under one kid. They are published if a scenario uses the class
/// `key-ambiguous`.
pub const AMBIGUOUS_KEYS: [&str; 2] = ["ambiguous", "ambiguous-twin"];

/// The label of a key whose kid is also that of entries that fit no token. It is published if a
/// scenario uses the class `shared-kid`.
pub const SHARED_KEY: &str = "shared";

/// A key in the published set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The label of the key.
    pub label: String,
    /// The kid under which it is published.
    pub kid: String,
    /// The thumbprint of the key (RFC 7638).
    pub thumbprint: Thumbprint,
}

/// The state of the issuer between two changes.
#[derive(Clone, Debug)]
pub struct Epoch {
    /// The instant at which the epoch begins.
    pub at: Tick,
    /// The published keys of the trial's algorithm.
    pub published: Vec<Published>,
    /// The label of the key that signs.
    pub signing: String,
    /// The kid in the tokens of the signing key.
    pub signing_kid: String,
    /// The published JWK set (RFC 7517 §5), as JSON.
    pub body: Vec<u8>,
}

/// The epochs of the issuer over a whole trial.
#[derive(Clone, Debug)]
pub struct IssuerTimeline {
    epochs: Vec<Epoch>,
}

struct IssuerState {
    published: Vec<Published>,
    signing: String,
    poison: Vec<Poison>,
    shared: bool,
}

impl IssuerTimeline {
    /// Computes the timeline. The key labels in `events` must have been checked against each other.
    pub fn new(
        events: &[Event],
        algorithm: Algorithm,
        classes: &[Class],
        signers: &Signers,
    ) -> IssuerTimeline {
        let uses = |key: KeyRole| classes.iter().any(|class| class.row().signing_key == key);
        let mut state = IssuerState {
            published: Vec::new(),
            signing: FIRST_KEY.into(),
            poison: Vec::new(),
            shared: uses(KeyRole::Shared),
        };
        state.publish(&signers.key(FIRST_KEY, algorithm), None);
        if state.shared {
            state.publish(&signers.key(SHARED_KEY, algorithm), None);
        }
        if uses(KeyRole::Ambiguous) {
            let [first, twin] = AMBIGUOUS_KEYS.map(|label| signers.key(label, algorithm));
            state.publish(&first, None);
            state.publish(&twin, Some(first.kid()));
        }
        let mut epochs = vec![state.epoch(Tick::MIN, algorithm, signers)];
        for event in events {
            let changed = match &event.action {
                Action::PublishKey { label, kid_of } => {
                    let kid = kid_of.as_ref().map(|label| state.kid_of(label, algorithm, signers));
                    state.publish(&signers.key(label, algorithm), kid.as_deref());
                    true
                }
                Action::SignWith(label) => {
                    state.signing.clone_from(label);
                    true
                }
                Action::WithdrawKey(label) => {
                    state.published.retain(|key| key.label != *label);
                    true
                }
                Action::PublishSet(poison) => {
                    state.poison.clone_from(poison);
                    true
                }
                Action::RevokeTokens { .. }
                | Action::ChangeSubjects { .. }
                | Action::IssuerDown { .. }
                | Action::Evict(_)
                | Action::RestartInstances { .. } => false,
            };
            if changed {
                epochs.push(state.epoch(Tick::ZERO + event.at, algorithm, signers));
            }
        }
        IssuerTimeline { epochs }
    }

    /// The timeline of an issuer that publishes one set and never changes it.
    pub fn fixed(body: Vec<u8>, published: Vec<Published>) -> IssuerTimeline {
        let (signing, signing_kid) = (String::new(), String::new());
        let epoch = Epoch { at: Tick::MIN, published, signing, signing_kid, body };
        IssuerTimeline { epochs: vec![epoch] }
    }

    /// Delays the withdrawal of the key with this label at `at` by `by`. No other change may lie
    /// between.
    pub fn delay(&mut self, label: &str, at: Tick, by: Duration) {
        let holds = |epoch: &Epoch| epoch.published.iter().any(|key| key.label == label);
        let goes = |place: &usize| {
            let (before, after) = (&self.epochs[place - 1], &self.epochs[*place]);
            after.at == at && holds(before) && !holds(after)
        };
        if let Some(place) = (1..self.epochs.len()).find(goes) {
            self.epochs[place].at = at + by;
        }
    }

    /// The epochs in order of time. The first one has no beginning. Several may begin at the same
    /// instant.
    pub fn epochs(&self) -> &[Epoch] {
        &self.epochs
    }

    /// The epoch that contains `at`.
    pub fn at(&self, at: Tick) -> &Epoch {
        let index = self.epochs.partition_point(|epoch| epoch.at <= at);
        &self.epochs[index.saturating_sub(1)]
    }
}

impl IssuerState {
    fn publish(&mut self, key: &SigningKey, kid: Option<&str>) {
        self.published.retain(|published| published.label != key.label());
        self.published.push(Published {
            label: key.label().into(),
            kid: kid.unwrap_or(key.kid()).into(),
            thumbprint: key.thumbprint(),
        });
    }

    fn kid_of(&self, label: &str, algorithm: Algorithm, signers: &Signers) -> String {
        let published = self.published.iter().find(|key| key.label == label);
        published.map_or_else(|| signers.key(label, algorithm).kid().into(), |key| key.kid.clone())
    }

    fn epoch(&self, at: Tick, algorithm: Algorithm, signers: &Signers) -> Epoch {
        let signing_kid = self.kid_of(&self.signing, algorithm, signers);
        let mut keys: Vec<Value> = Vec::new();
        for published in &self.published {
            let mut jwk = signers.key(&published.label, algorithm).public_jwk().clone();
            jwk["kid"] = json!(published.kid);
            keys.push(jwk);
        }
        for other in other_types(algorithm) {
            keys.push(signers.key(FIRST_KEY, other).public_jwk().clone());
        }
        if self.shared {
            keys.extend(sharing(algorithm, signers));
        }
        for (index, poison) in self.poison.iter().enumerate() {
            // Odd entries are placed among the good ones, beginning at the front.
            let entry = odd_entry(*poison, (&self.signing, &signing_kid), algorithm, signers);
            keys.insert(index.min(keys.len()), entry);
        }
        let mut body = json!({ "keys": keys });
        // The members are sorted, so that the order does not depend on how serde_json is built.
        body.sort_all_objects();
        Epoch {
            at,
            published: self.published.clone(),
            signing: self.signing.clone(),
            signing_kid,
            body: body.to_string().into_bytes(),
        }
    }
}

/// The algorithms whose keys are published beside those of the trial's algorithm: one for each of
/// the other key types RSA, EC and OKP.
pub fn other_types(algorithm: Algorithm) -> impl Iterator<Item = Algorithm> {
    [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA]
        .into_iter()
        .filter(move |other| other.key_type() != algorithm.key_type())
}

/// The entries under the kid of the shared key: the key itself again, an encryption key, and keys
/// of other types.
fn sharing(algorithm: Algorithm, signers: &Signers) -> Vec<Value> {
    let shared = signers.key(SHARED_KEY, algorithm);
    let mut encryption = signers.key("shared-encryption", algorithm).public_jwk().clone();
    encryption["use"] = json!("enc");
    let mut sharing = vec![shared.public_jwk().clone(), encryption];
    sharing.extend(
        other_types(algorithm).map(|other| signers.key(SHARED_KEY, other).public_jwk().clone()),
    );
    for jwk in &mut sharing {
        jwk["kid"] = json!(shared.kid());
    }
    sharing
}

/// The JWK entry of one kind of poison. `signing` is the label of the key that signs, and `kid` is
/// the one that its tokens carry.
fn odd_entry(
    poison: Poison,
    (signing, kid): (&str, &str),
    algorithm: Algorithm,
    signers: &Signers,
) -> Value {
    let own = |label: &str| signers.key(label, algorithm).public_jwk().clone();
    let with = |mut jwk: Value, member: &str, value: Value| {
        jwk[member] = value;
        jwk
    };
    let filler = |bytes: usize| "A".repeat(bytes.div_ceil(3) * 4);
    match poison {
        Poison::UnknownKty => {
            json!({ "kty": "HSS-LMS", "kid": "post-quantum", "pub": filler(60) })
        }
        Poison::Ed448 => {
            json!({ "kty": "OKP", "crv": "Ed448", "kid": "ed448", "use": "sig", "x": filler(57) })
        }
        Poison::PaddedBase64 => {
            let jwk = signers.key("padded", Algorithm::RS256).public_jwk().clone();
            let padded = format!("{}==", jwk["n"].as_str().unwrap_or_default());
            with(jwk, "n", json!(padded))
        }
        Poison::DuplicateKid => with(own("duplicate"), "kid", json!(kid)),
        Poison::IdenticalKey => with(own(signing), "kid", json!(kid)),
        Poison::SameKidEnc => {
            let jwk = with(own("encryption"), "kid", json!(kid));
            with(with(jwk, "use", json!("enc")), "alg", json!("RSA-OAEP-256"))
        }
        Poison::MissingAlg => {
            let mut jwk = own("without-alg");
            if let Some(members) = jwk.as_object_mut() {
                members.remove("alg");
            }
            jwk
        }
        Poison::MissingKid => {
            let mut jwk = own("without-kid");
            if let Some(members) = jwk.as_object_mut() {
                members.remove("kid");
            }
            jwk
        }
        Poison::Symmetric => json!({ "kty": "oct", "kid": "symmetric", "k": filler(32) }),
        Poison::WeakRsa => {
            // An odd modulus of 1024 bits. It is refused for its size before its factors matter.
            let n = format!("{}E", "_".repeat(170));
            json!({ "kty": "RSA", "alg": "RS256", "kid": "weak", "n": n, "e": "AQAB" })
        }
        Poison::NotAnObject => json!("not a key"),
    }
}
