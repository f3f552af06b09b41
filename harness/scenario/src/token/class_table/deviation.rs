//! The meanings of accepts that the contract refuses, for the classes that differ from their stage.

use DeviationKind::{BreaksMust, OurPolicy, OutOfScope, Permitted};

use crate::token::class::{Deviation, DeviationKind};

pub(super) const CRIT_UNKNOWN: Deviation = Deviation::new(
    BreaksMust,
    "RFC 7515 §4.1.11: a token whose `crit` is not understood MUST be refused.",
);
pub(super) const CRIT_FORM: Deviation = Deviation::new(
    Permitted,
    "RFC 7515 §4.1.11: producers MUST NOT write such a `crit`, recipients MAY refuse it.",
);
pub(super) const LEEWAY: Deviation = Deviation::new(
    Permitted,
    "RFC 7519 §4.1.4 and §4.1.5: how much leeway is given, to the second, is left open.",
);
pub(super) const LAST_DATE: Deviation =
    Deviation::new(OurPolicy, "RFC 7519 §2 sets no last date; our contract does.");
pub(super) const TYPE: Deviation = Deviation::new(
    OutOfScope,
    "RFC 9068 §4 asks resource servers to check `typ`; the library leaves it to them.",
);
pub(super) const AMBIGUOUS: Deviation = Deviation::new(
    OurPolicy,
    "Several keys under one kid: RFC 7517 §4.5 only says SHOULD be distinct.",
);
pub(super) const LIMITS: Deviation =
    Deviation::new(OurPolicy, "RFC 7515 sets no limits on size or depth; our contract does.");
pub(super) const DUPLICATES: Deviation =
    Deviation::new(Permitted, "RFC 7515 §4 and RFC 7519 §4 let a parser take the last member.");
pub(super) const EMPTY: Deviation =
    Deviation::new(OurPolicy, "An empty claim counts as absent under our contract.");
pub(super) const RFC_9068: Deviation =
    Deviation::new(OutOfScope, "`jti` and `client_id` are demanded by RFC 9068 §2.2 only.");
pub(super) const CLAIM_TYPES: Deviation = Deviation::new(
    OutOfScope,
    "The library types the claims it checks; the others are the application's to type.",
);
pub(super) const FUTURE: Deviation =
    Deviation::new(OurPolicy, "RFC 7519 §4.1.6 does not ask to refuse a future `iat`.");
pub(super) const ALGORITHM: Deviation =
    Deviation::new(BreaksMust, "RFC 7515 §4.1.1: `alg` is case-sensitive and must be acceptable.");
pub(super) const OWN: Deviation =
    Deviation::new(OurPolicy, "The core refuses this token of yours; the code due says why.");
