//! The events of a scenario: the issuer publishes, signs, withdraws or revokes; an operator evicts;
//! the state becomes unavailable or available.

use std::time::Duration;

/// An action at an instant.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The instant, on the scenario clock.
    pub at: Duration,
    /// The action.
    pub action: Action,
    /// The longest delay of the event in a simulation. The seed draws a share of it for each run.
    pub spread: Duration,
}

/// The action of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The issuer publishes a key, under its own kid or that of another label.
    PublishKey {
        /// The key's label.
        label: String,
        /// The label of the key whose kid it is published under; `None` for its own kid.
        kid_of: Option<String>,
    },
    /// The issuer signs with this key from now on.
    SignWith(String),
    /// The issuer takes a key out of the set.
    WithdrawKey(String),
    /// The issuer revokes tokens.
    RevokeTokens {
        /// The stream whose holders' tokens, issued so far, are revoked.
        stream: Option<String>,
        /// The share of its holders that are affected, in percent.
        share: f64,
        /// The number of further entries that the store is told of, about tokens that never arrive.
        others: u64,
    },
    /// The issuer decides on subjects: every token that it has issued to them so far is void.
    ChangeSubjects {
        /// The stream whose holders' subjects are affected.
        stream: String,
        /// The share of its subjects that are affected, in percent.
        share: f64,
        /// The decision.
        change: SubjectChange,
    },
    /// The issuer issues no token for a while. A token that is due meanwhile is issued at the end.
    IssuerDown {
        /// How long.
        lasts: Duration,
    },
    /// From now on the published set also holds these odd entries.
    PublishSet(Vec<Poison>),
    /// The verifier's operator evicts a key from the key cache.
    Evict(String),
    /// Instances of the verifier restart, with nothing known of the state.
    RestartInstances {
        /// The share of them, in percent.
        share: f64,
        /// The turn of a repeated event, from 0. Each restarts the next so many.
        turn: u32,
    },
}

impl Action {
    /// The action at a turn of a repeated event. Other instances restart each time, until all have.
    #[must_use]
    pub fn at_turn(&self, turn: u32) -> Action {
        match *self {
            Action::RestartInstances { share, .. } => Action::RestartInstances { share, turn },
            _ => self.clone(),
        }
    }

    /// Whether the issuer publishes another set afterwards, or signs with another key.
    pub fn changes_set(&self) -> bool {
        match self {
            Action::PublishKey { .. }
            | Action::SignWith(_)
            | Action::WithdrawKey(_)
            | Action::PublishSet(_) => true,
            Action::RevokeTokens { .. }
            | Action::ChangeSubjects { .. }
            | Action::IssuerDown { .. }
            | Action::Evict(_)
            | Action::RestartInstances { .. } => false,
        }
    }

    /// The action in words, as the label of a mark in a timeline.
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
            Action::ChangeSubjects { stream, share, change } => {
                format!("{} {share} % of {stream}", change.name())
            }
            Action::IssuerDown { lasts } => {
                format!("issuer-down {}", humantime::format_duration(*lasts))
            }
            Action::PublishSet(poison) => {
                let names: Vec<&str> = poison.iter().map(|poison| poison.name()).collect();
                format!("publish-set {}", names.join(", "))
            }
            Action::Evict(label) => format!("evict {label}"),
            Action::RestartInstances { share, .. } => format!("restart-instances {share} %"),
        }
    }
}

/// A decision of the issuer on a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectChange {
    /// The subject is revoked: it gets no token any more.
    Revoked,
    /// The rights of the subject have changed: its next token has the next authorization version.
    Version,
    /// The subject logs out everywhere: tokens issued before this instant are void.
    NotBefore,
}

impl SubjectChange {
    /// Every decision.
    pub const ALL: [SubjectChange; 3] =
        [SubjectChange::Revoked, SubjectChange::Version, SubjectChange::NotBefore];

    /// The key in scenario files.
    pub const fn name(self) -> &'static str {
        match self {
            SubjectChange::Revoked => "revoke-subject",
            SubjectChange::Version => "bump-version",
            SubjectChange::NotBefore => "not-before",
        }
    }
}

/// An odd entry in a published key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poison {
    /// A key with `kty` HSS-LMS, which exists in COSE (RFC 8778) but not in JOSE.
    UnknownKty,
    /// An OKP key on Ed448.
    Ed448,
    /// An RSA key whose `n` has base64 padding.
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
    /// An entry that is not an object.
    NotAnObject,
}

impl Poison {
    /// Every kind of entry.
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
