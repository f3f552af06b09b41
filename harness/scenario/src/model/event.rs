//! What happens at an instant: the issuer publishes, signs, withdraws, revokes; an operator evicts.

use std::time::Duration;

/// Something that happens at an instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When, on the scenario clock.
    pub at: Duration,
    /// What.
    pub action: Action,
    /// A simulation moves it by up to so much, by a share that the seed draws for each run.
    pub spread: Duration,
}

/// What an event does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The issuer publishes a key, under its own kid or that of another label.
    PublishKey {
        /// The key's label.
        label: String,
        /// The label whose kid it takes.
        kid_of: Option<String>,
    },
    /// The issuer signs with this key from now on.
    SignWith(String),
    /// The issuer takes a key out of the set.
    WithdrawKey(String),
    /// The issuer revokes tokens.
    RevokeTokens {
        /// The stream whose holders lose the tokens issued to them so far.
        stream: Option<String>,
        /// How many of its holders, in percent.
        share: f64,
        /// Further `jti`s, of tokens that never arrive.
        others: u64,
        /// How much later the verifier's list has them.
        lag: Duration,
    },
    /// From now on the published set also holds these odd entries.
    PublishSet(Vec<Poison>),
    /// The verifier's operator evicts a key from the key cache.
    Evict(String),
    /// The state that verdicts need (revocations, authorization versions) goes down or comes back.
    State {
        /// Whether it can be had from now on.
        available: bool,
    },
}

impl Action {
    /// Whether the issuer publishes another set from then on, or signs under another key.
    pub fn changes_set(&self) -> bool {
        match self {
            Action::PublishKey { .. }
            | Action::SignWith(_)
            | Action::WithdrawKey(_)
            | Action::PublishSet(_) => true,
            Action::RevokeTokens { .. } | Action::Evict(_) | Action::State { .. } => false,
        }
    }

    /// The action in words, as a mark in a timeline.
    pub fn label(&self) -> String {
        match self {
            Action::PublishKey { label, kid_of: None } => format!("publish-key {label}"),
            Action::PublishKey { label, kid_of: Some(other) } => {
                format!("publish-key {label} as {other}")
            }
            Action::SignWith(label) => format!("sign-with {label}"),
            Action::WithdrawKey(label) => format!("withdraw-key {label}"),
            Action::RevokeTokens { stream: Some(stream), share, .. } => {
                format!("revoke-tokens {share} % of {stream}")
            }
            Action::RevokeTokens { others, .. } => format!("revoke-tokens {others} others"),
            Action::PublishSet(poison) => {
                let names: Vec<&str> = poison.iter().map(|poison| poison.name()).collect();
                format!("publish-set {}", names.join(", "))
            }
            Action::Evict(label) => format!("evict {label}"),
            Action::State { available: true } => "state up".into(),
            Action::State { available: false } => "state down".into(),
        }
    }
}

/// An odd entry in a published key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poison {
    /// `kty` HSS-LMS, which COSE has (RFC 8778) and JOSE has not.
    UnknownKty,
    /// An OKP key on Ed448.
    Ed448,
    /// An RSA key whose `n` is padded.
    PaddedBase64,
    /// Another key under the kid of the key that signs.
    DuplicateKid,
    /// The key that signs, a second time.
    IdenticalKey,
    /// An encryption key under the kid of the key that signs.
    SameKidEnc,
    /// A key without `alg`.
    MissingAlg,
    /// A key without `kid`.
    MissingKid,
    /// A symmetric key.
    Symmetric,
    /// An RSA key of 1024 bits.
    WeakRsa,
    /// An entry that is no object.
    NotAnObject,
}

impl Poison {
    /// Every kind.
    pub const ALL: [Poison; 11] = [
        Poison::UnknownKty,
        Poison::Ed448,
        Poison::PaddedBase64,
        Poison::DuplicateKid,
        Poison::IdenticalKey,
        Poison::SameKidEnc,
        Poison::MissingAlg,
        Poison::MissingKid,
        Poison::Symmetric,
        Poison::WeakRsa,
        Poison::NotAnObject,
    ];

    /// The name in scenario files.
    pub const fn name(self) -> &'static str {
        match self {
            Poison::UnknownKty => "unknown-kty",
            Poison::Ed448 => "ed448",
            Poison::PaddedBase64 => "padded-base64",
            Poison::DuplicateKid => "duplicate-kid",
            Poison::IdenticalKey => "identical-key",
            Poison::SameKidEnc => "same-kid-enc",
            Poison::MissingAlg => "missing-alg",
            Poison::MissingKid => "missing-kid",
            Poison::Symmetric => "symmetric",
            Poison::WeakRsa => "weak-rsa",
            Poison::NotAnObject => "not-an-object",
        }
    }
}
