//! Token classes. A class says what is wrong with a token and which verdict is due. It is a row of
//! the class table, and its recipe alters the draft of a good token.

use std::fmt;

use jwtbench_verifier::algorithm::{Algorithm, KeyType};
use jwtbench_verifier::policy::PolicySpec;
use jwtbench_verifier::rejection::Rejection;

use crate::token::draft::Draft;
use crate::token::fit;

pub use crate::token::class_table::CLASSES;

/// A token class.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class(u16);

/// One row of the class table.
pub struct ClassRow {
    /// The name in scenario files and results.
    pub name: &'static str,
    /// The rejection that is due while the verifier holds the key that signed the corpus; `None` if
    /// the token is to be accepted.
    pub due: Option<Rejection>,
    /// The stage at which the verdict is decided.
    pub stage: Stage,
    /// Whether a token of this class is a forgery: no key of the issuer signed its text.
    pub forged: bool,
    /// The setting that a policy must have for the verdict to be due.
    pub need: Need,
    /// The only algorithms for which the class makes sense; `None` for all.
    pub only: Option<Family>,
    /// The key that signs its tokens, unless the recipe chooses another.
    pub signing_key: KeyRole,
    /// The number of different tokens, if it does not depend on holders. Classes of large tokens
    /// have few, so that a corpus fits in memory. Unknown kids are many, as in an attack.
    pub pool: u32,
    /// Whether its tokens are good and belong to holders, who get new ones as they expire.
    pub is_reissued: bool,
    /// Whether its tokens can cause a fetch although the key set is up to date.
    pub asks_for_key: bool,
    /// Whether an authorization version is in force for its subject.
    pub is_versioned: bool,
    /// The kind of flood that a stream of only this class is.
    pub flood: Option<Flood>,
    /// The meaning of an accept by a library, if it differs from that of the stage.
    pub deviation: Option<Deviation>,
    /// A description in one sentence.
    pub about: &'static str,
    /// The recipe, which alters the draft of a good token.
    pub(crate) alter: fn(&mut Draft<'_>),
}

/// The stage of verification at which a class is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// No stage refuses the token.
    Good,
    /// The text alone decides (steps 1 to 6).
    Open,
    /// The held keys decide (step 7).
    Key,
    /// The text of the signature part decides (step 8).
    SignatureText,
    /// The signature decides (step 8).
    Signature,
    /// The payload decides (step 9).
    Claims,
    /// The clock decides (step 10).
    Time,
    /// The purpose of the token decides (step 11).
    Purpose,
    /// State decides (step 11).
    State,
    /// The request decides (step 12).
    Request,
}

/// The key that signs a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRole {
    /// The key with which the issuer signs when the token is issued.
    Current,
    /// The first key, whichever key the issuer signs with now. It is the key of a thief.
    First,
    /// One of two different keys under one kid.
    Ambiguous,
    /// A key whose kid is also that of entries that fit no token.
    Shared,
}

/// A kind of token that an attacker sends in great numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flood {
    /// Tokens under kids that no key has.
    UnknownKid,
    /// Tokens under a known kid that no key signed.
    BadSignature,
}

/// The meaning of an accept by a library where the contract requires a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// The kind of the deviation.
    pub kind: DeviationKind,
    /// The reason in one sentence, with the section of the RFC.
    pub reason: &'static str,
}

impl Deviation {
    /// A deviation of this kind, for this reason.
    pub const fn new(kind: DeviationKind, reason: &'static str) -> Deviation {
        Deviation { kind, reason }
    }
}

/// The kind of a deviation from the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviationKind {
    /// An RFC requires the refusal with a MUST.
    BreaksMust,
    /// The RFC leaves the verdict open.
    Permitted,
    /// The library does not claim to make this check.
    OutOfScope,
    /// The contract requires more than any RFC.
    OurPolicy,
}

/// Algorithms whose signatures have the same form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// ECDSA: `r || s`.
    Ecdsa,
    /// EdDSA: `R || S`.
    Ed25519,
}

/// The setting that a policy must have for a class to make sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// No setting is needed.
    Nothing,
    /// `clients` is not empty.
    Clients,
    /// `subject-kinds` is not empty.
    SubjectKinds,
    /// `max-age` is set to an age that a date can express.
    MaxAge,
    /// `tenant` is set.
    Tenant,
    /// `required-scopes` is not empty.
    Scopes,
    /// `sender-constraint` is not off, and `cnf` is not prohibited.
    SenderConstraint,
    /// `kid-required` is true.
    KidRequired,
    /// `types` does not contain JWT.
    Types,
    /// `profile` is rfc9068.
    Rfc9068,
    /// `prohibited-claims` is not empty.
    ProhibitedClaims,
    /// `jti` is not prohibited.
    JwtId,
    /// `claims.authorization-version` names a claim that has no other meaning, and `sub` has no
    /// other meaning either.
    Versions,
}

impl Need {
    /// Checks that the policy has the setting.
    ///
    /// # Errors
    /// The remedy, if it does not have it.
    pub fn check(self, policy: &PolicySpec) -> Result<(), &'static str> {
        use jwtbench_verifier::policy::{Profile, SenderConstraint};
        let is_prohibited = |name: &str| policy.prohibited_claims.iter().any(|own| own == name);
        let (met, remedy) = match self {
            Need::Nothing => (true, ""),
            Need::Clients => (!policy.clients.is_empty(), "clients = [\"billing-web\"]"),
            Need::SubjectKinds => (!policy.subject_kinds.is_empty(), "subject-kinds = [\"user\"]"),
            Need::MaxAge => {
                let longest = std::time::Duration::from_secs(fit::LONGEST_AGE as u64);
                (policy.max_age.is_some_and(|age| age < longest), "max-age = \"1h\"")
            }
            Need::Tenant => (policy.tenant.is_some(), "tenant = \"acme\""),
            Need::Scopes => {
                (!policy.required_scopes.is_empty(), "required-scopes = [\"invoice:read\"]")
            }
            Need::SenderConstraint if policy.sender_constraint == SenderConstraint::Off => {
                (false, "sender-constraint = \"if-present\"")
            }
            Need::SenderConstraint => (!is_prohibited("cnf"), "`prohibited-claims` without `cnf`"),
            Need::JwtId => (!is_prohibited("jti"), "`prohibited-claims` without `jti`"),
            Need::Versions => {
                let name = &policy.claims.authorization_version;
                let is_own = !is_prohibited(name) && fit::is_free(policy, name);
                let is_subject_own = fit::asked(policy).all(|(_, name)| name != "sub");
                (
                    is_own && is_subject_own,
                    "a `claims.authorization-version` that names a claim of its own, and `sub` for \
                     nothing but the subject",
                )
            }
            Need::KidRequired => (policy.kid_required, "kid-required = true"),
            Need::Types => (
                !policy.types.iter().any(|typ| typ.eq_ignore_ascii_case("jwt")),
                "types = [\"at+jwt\"]",
            ),
            Need::ProhibitedClaims => {
                (!policy.prohibited_claims.is_empty(), "prohibited-claims = [\"nonce\"]")
            }
            Need::Rfc9068 => (policy.profile == Profile::Rfc9068, "profile = \"rfc9068\""),
        };
        if met { Ok(()) } else { Err(remedy) }
    }
}

impl Class {
    /// The class with this name.
    pub fn find(name: &str) -> Option<Class> {
        Class::all().find(|class| class.name() == name)
    }

    /// The class of the user's own tokens. It is the last of the table and part of no scenario.
    pub fn own() -> Class {
        Class(CLASSES.len() as u16 - 1)
    }

    /// Every class that a scenario may use, in the order of the table.
    pub fn all() -> impl Iterator<Item = Class> {
        (0..CLASSES.len() as u16 - 1).map(Class)
    }

    /// The row of the class in the table.
    pub fn row(self) -> &'static ClassRow {
        CLASSES[usize::from(self.0)]
    }

    /// The name of the class.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Whether the class makes sense for this algorithm.
    pub fn fits(self, algorithm: Algorithm) -> bool {
        let family = match algorithm.key_type() {
            KeyType::Rsa | KeyType::MlDsa44 => None,
            KeyType::P256 | KeyType::P384 => Some(Family::Ecdsa),
            KeyType::Ed25519 => Some(Family::Ed25519),
        };
        self.row().only.is_none_or(|only| Some(only) == family)
    }

    /// Whether a thief of the first key signs its tokens.
    pub fn is_stolen(self) -> bool {
        self.row().signing_key == KeyRole::First
    }

    /// Whether its tokens are good and belong to holders, who get new ones as they expire.
    pub fn is_reissued(self) -> bool {
        self.row().is_reissued
    }
}

impl fmt::Debug for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
