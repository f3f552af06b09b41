//! The JOSE header (RFC 7515 §4). It is controlled by the sender, so only the members that the
//! policy needs are read. `jwk`, `jku`, `x5u` and `x5c` are ignored.

use std::borrow::Cow;

use crate::algorithm::Algorithm;
use crate::json::{self, Members, Names, Raw};
use crate::policy::{ABSENT, PolicySpec};
use crate::rejection::Rejection;

/// The deepest nesting that a header may have.
pub(crate) const MAX_DEPTH: usize = 16;
pub(crate) static NAMES: Names<&str, [&str; 5]> =
    Names::fixed(["alg", "kid", "typ", "crit", "b64"]);

/// The header of an acceptable token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The algorithm, one of the allowlist.
    pub algorithm: Algorithm,
    /// The key identifier, of any length.
    pub kid: Option<Cow<'a, str>>,
}

impl<'a> Header<'a> {
    /// Parses and checks a decoded header (steps 3 to 6 of the contract).
    ///
    /// # Errors
    /// The first fault.
    pub fn parse(json: &'a [u8], policy: &PolicySpec) -> Result<Header<'a>, Rejection> {
        let members: Members<'a, 5> =
            json::read_object(json, MAX_DEPTH, &NAMES).ok_or(Rejection::Malformed)?;
        let [alg, kid, typ, crit, b64] = members;
        let alg = alg.and_then(json::text).ok_or(Rejection::Malformed)?;
        let kid = match kid {
            Some(raw) => Some(json::text(raw).ok_or(Rejection::Malformed)?),
            None => None,
        };
        if alg.eq_ignore_ascii_case("none") {
            return Err(Rejection::AlgNone);
        }
        let mut allowed = policy.algorithms.iter().copied();
        let algorithm =
            allowed.find(|allowed| allowed.is_named(&alg)).ok_or(Rejection::AlgNotAllowed)?;
        if !is_type_allowed(typ, &policy.types) {
            return Err(Rejection::TypeMismatch);
        }
        // No extension is implemented, so any `crit` and any `b64` is refused.
        if crit.is_some() || b64.is_some() {
            return Err(Rejection::CritUnsupported);
        }
        Ok(Header { algorithm, kid })
    }
}

/// The prefix that a `typ` may leave out, in upper or lower case (RFC 7515 §4.1.9).
const PREFIX: &str = "application/";

/// A media type without its prefix `application/`, which may be in upper or lower case. The prefix
/// stays where another `/` follows, since the rest alone would be read as a type of its own
/// (RFC 7515 §4.1.9).
pub(crate) fn without_prefix(typ: &str) -> &str {
    match typ.get(..PREFIX.len()) {
        Some(start) if start.eq_ignore_ascii_case(PREFIX) => match &typ[PREFIX.len()..] {
            rest if rest.contains('/') => typ,
            rest => rest,
        },
        _ => typ,
    }
}

/// Whether nothing follows `application/`, or it follows itself: no media type is written so.
pub(crate) fn is_prefix_alone_or_twice(typ: &str) -> bool {
    let begins = |text: &str| {
        text.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
    };
    begins(typ) && (typ.len() == PREFIX.len() || begins(&typ[PREFIX.len()..]))
}

/// A media type with its `application/`, which every text without a `/` has (RFC 7515 §4.1.9).
pub(crate) fn with_prefix(typ: &str) -> String {
    if typ.contains('/') { typ.to_owned() } else { format!("{PREFIX}{typ}") }
}

/// Whether `typ` is among the allowed types. Media types are compared without regard to case, and
/// `application/` may be left out (RFC 7515 §4.1.9).
pub(crate) fn is_type_allowed(typ: Option<Raw<'_>>, types: &[String]) -> bool {
    let Some(raw) = typ else {
        return types.iter().any(|allowed| allowed == ABSENT);
    };
    let Some(typ) = json::text(raw) else {
        return false;
    };
    // Most tokens spell their type as the policy does.
    types.iter().any(|allowed| *allowed == *typ && allowed != ABSENT)
        || is_spelt_otherwise(&typ, types)
}

/// Whether `typ` is among the allowed types in another case, or with a prefix that these lack.
#[cold]
fn is_spelt_otherwise(typ: &str, types: &[String]) -> bool {
    let short = without_prefix(typ);
    let is_same = |allowed: &str| without_prefix(allowed).eq_ignore_ascii_case(short);
    types.iter().any(|allowed| allowed != ABSENT && is_same(allowed))
}
