//! Token classes: what is wrong with a token, and the verdict due for it. A class is a row of the
//! class table; its recipe alters the draft of a good token.

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
    /// Its name in scenario files and results.
    pub name: &'static str,
    /// The code due while the key that signed the corpus is held; `None` for ACCEPT.
    pub due: Option<Rejection>,
    /// Where that is decided.
    pub stage: Stage,
    /// Whether accepting it would be accepting a forgery: no key of the issuer signed this text.
    pub forged: bool,
    /// What a policy must say for the code to be due.
    pub need: Need,
    /// The only algorithms it means something to; `None` for all.
    pub only: Option<Family>,
    /// The key that it is signed with, unless its recipe says otherwise.
    pub signing_key: KeyRole,
    /// How many different tokens of it there are, where holders do not decide it. Large ones are
    /// few, so that a corpus stays in memory; unknown kids are many, as in an attack.
    pub pool: u32,
    /// Whether its tokens are good and in the hands of holders, who get new ones as they expire.
    pub is_reissued: bool,
    /// Whether it can cause a fetch while the key set is in order.
    pub asks_for_key: bool,
    /// Whether its subject has an authorization version in force.
    pub is_versioned: bool,
    /// What a stream of nothing else is a flood of.
    pub flood: Option<Flood>,
    /// What it means that a library accepts it, if that is another thing than for its stage.
    pub deviation: Option<Deviation>,
    /// One sentence.
    pub about: &'static str,
    /// What is done to a good token.
    pub(crate) alter: fn(&mut Draft<'_>),
}

/// Where in the order of work a class is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Nothing is wrong with it.
    Good,
    /// From the text alone (steps 1 to 6).
    Open,
    /// By the keys held (step 7).
    Key,
    /// By the text of the signature part (step 8).
    SignatureText,
    /// By the signature (step 8).
    Signature,
    /// By the payload (step 9).
    Claims,
    /// By the clock (step 10).
    Time,
    /// By its purpose (step 11).
    Purpose,
    /// By state (step 11).
    State,
    /// By the request (step 12).
    Request,
}

/// The key that signs a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRole {
    /// The one that the issuer signs with when the token is issued.
    Current,
    /// The first one, whatever the issuer signs with now: that of the thief.
    First,
    /// One of two different keys under one kid.
    Ambiguous,
    /// A key whose kid entries share that fit no token.
    Shared,
}

/// What an attacker sends many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flood {
    /// Tokens under kids that no key has.
    UnknownKid,
    /// Tokens under a known kid that no key signed.
    BadSignature,
}

/// What it means that a library accepts what the contract refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deviation {
    /// How it is to be read.
    pub kind: DeviationKind,
    /// One sentence, with the section of the RFC.
    pub reason: &'static str,
}

impl Deviation {
    /// Of this kind, for this reason.
    pub const fn new(kind: DeviationKind, reason: &'static str) -> Deviation {
        Deviation { kind, reason }
    }
}

/// How a deviation from the contract is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviationKind {
    /// An RFC says MUST.
    BreaksMust,
    /// The RFC leaves it open.
    Permitted,
    /// The library does not claim to do this.
    OutOfScope,
    /// The contract asks for more than any RFC.
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

/// What a policy must say for a class to mean anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// `clients` is not empty.
    Clients,
    /// `subject-kinds` is not empty.
    SubjectKinds,
    /// `max-age` is set, to an age that a date can express.
    MaxAge,
    /// `tenant` is set.
    Tenant,
    /// `required-scopes` is not empty.
    Scopes,
    /// `sender-constraint` is not off, and `cnf` is not prohibited.
    SenderConstraint,
    /// `kid-required` is true.
    KidRequired,
    /// `types` does not hold JWT.
    Types,
    /// `profile` is rfc9068.
    Rfc9068,
    /// `prohibited-claims` is not empty.
    ProhibitedClaims,
    /// `jti` is not prohibited.
    JwtId,
    /// `claims.authorization-version` is no claim that stands for something else, and neither is
    /// `sub`.
    Versions,
}

impl Need {
    /// Whether the policy says it; otherwise, the remedy.
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

    /// The class of the user's own tokens: the last of the table, and no part of any scenario.
    pub fn own() -> Class {
        Class(CLASSES.len() as u16 - 1)
    }

    /// Every class, in the order of the table.
    pub fn all() -> impl Iterator<Item = Class> {
        (0..CLASSES.len() as u16 - 1).map(Class)
    }

    /// Its row.
    pub fn row(self) -> &'static ClassRow {
        CLASSES[usize::from(self.0)]
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Whether it means something to this algorithm.
    pub fn fits(self, algorithm: Algorithm) -> bool {
        let family = match algorithm.key_type() {
            KeyType::Rsa | KeyType::MlDsa44 => None,
            KeyType::P256 | KeyType::P384 => Some(Family::Ecdsa),
            KeyType::Ed25519 => Some(Family::Ed25519),
        };
        self.row().only.is_none_or(|only| Some(only) == family)
    }

    /// Whether a thief of the first key signs it.
    pub fn is_stolen(self) -> bool {
        self.row().signing_key == KeyRole::First
    }

    /// Whether its tokens are good and in the hands of holders, who get new ones as they expire.
    pub fn is_reissued(self) -> bool {
        self.row().is_reissued
    }
}

impl fmt::Debug for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
