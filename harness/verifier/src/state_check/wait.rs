//! The tokens that wait for an answer.

use crate::key_cache::Ticket;
use crate::tick::Tick;
use crate::unix_time::UnixTime;

use super::StateToken;

/// What a parked token needs once its answer is there.
#[derive(Clone, Debug)]
pub(super) struct StateWait {
    /// The ticket to wake.
    pub(super) ticket: Ticket,
    /// The key; empty if the token lacks it.
    pub(super) key: Box<str>,
    version: Option<u64>,
    issued_at: Option<UnixTime>,
    pub(super) expires: Tick,
    /// The instant by which the token is answered, whatever comes. A lookup ends by itself.
    pub(super) deadline: Tick,
}

impl StateWait {
    /// A token that waits for the first list.
    pub(super) fn cold(token: &StateToken<'_>, ticket: Ticket, deadline: Tick) -> StateWait {
        StateWait {
            ticket,
            key: token.key().into(),
            version: token.version,
            issued_at: token.issued_at,
            expires: token.expires,
            deadline,
        }
    }

    /// A token that waits for its lookup.
    pub(super) fn lookup(token: &StateToken<'_>, ticket: Ticket) -> StateWait {
        StateWait::cold(token, ticket, Tick::MAX)
    }

    /// The token.
    pub(super) fn token(&self) -> StateToken<'_> {
        StateToken {
            key: Some(&self.key).filter(|key| !key.is_empty()).map(|key| &**key),
            version: self.version,
            issued_at: self.issued_at,
            expires: self.expires,
        }
    }
}
