//! What may be known of a key, and what it means for a token.

use std::hash::{BuildHasher as _, Hasher as _};

use rustc_hash::FxBuildHasher;

use crate::key_cache::split_mix;
use crate::rejection::Rejection;
use crate::tick::Tick;
use crate::unix_time::UnixTime;

/// What is known of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knowledge {
    /// Nothing is against its tokens.
    Clear,
    /// Its tokens are revoked, or inactive (RFC 7662 §2.2).
    Revoked,
    /// Its tokens must have at least this authorization version.
    Version(u64),
    /// Its tokens must have been issued at or after this instant.
    NotBefore(UnixTime),
}

/// An entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateEntry {
    /// The key: a `jti`, a session, a subject or a client.
    pub key: Box<str>,
    /// What is known of it.
    pub knowledge: Knowledge,
    /// The instant at which the last token that it concerns has expired for every verifier.
    pub end: Tick,
}

/// What the machine needs to know of a token.
#[derive(Clone, Copy, Debug)]
pub struct StateToken<'t> {
    /// The key by which its state is found; `None` if the token lacks it.
    pub key: Option<&'t str>,
    /// The authorization version under which it was issued.
    pub version: Option<u64>,
    /// The last nanosecond that is not after `iat`.
    pub issued_at: Option<UnixTime>,
    /// The instant at which it expires.
    pub expires: Tick,
}

impl StateToken<'_> {
    /// The key; empty if the token lacks it.
    pub(super) fn key(&self) -> &str {
        self.key.unwrap_or_default()
    }
}

impl Knowledge {
    /// The verdict on a token: whether the knowledge is at least as new as the token, or why the
    /// token is refused. A version that is higher than the known one was issued after what is known
    /// here; it is never a reason to refuse.
    pub(super) fn verdict(self, token: &StateToken<'_>) -> Result<bool, Rejection> {
        match self {
            Knowledge::Clear => Ok(true),
            Knowledge::Revoked => Err(Rejection::Revoked),
            Knowledge::Version(least) => match token.version {
                Some(version) if version >= least => Ok(version == least),
                _ => Err(Rejection::StaleAuthorization),
            },
            Knowledge::NotBefore(at) => match token.issued_at {
                Some(issued_at) if issued_at >= at => Ok(true),
                _ => Err(Rejection::StaleAuthorization),
            },
        }
    }
}

/// A hash of a key, the same on every machine. Its upper bits are spread evenly.
pub(super) fn hash_of(key: &str) -> u64 {
    let mut hasher = FxBuildHasher.build_hasher();
    hasher.write(key.as_bytes());
    split_mix(&mut hasher.finish())
}
