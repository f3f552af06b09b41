//! What a worker sees of the key cache: a view that is published at every change, and answers.

use std::sync::Arc;

use crate::key_set::KeySet;
use crate::rejection::Rejection;
use crate::tick::Tick;

/// What a lookup gets.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Decide with this view.
    Use(Arc<View>),
    /// Wait: the ticket will be woken, at the latest after `max_wait`.
    Wait,
    /// Refuse.
    Refuse {
        /// The reason.
        code: Rejection,
        /// The view it was decided under.
        view: Arc<View>,
        /// When it was decided.
        at: Tick,
    },
}

/// What the cache holds, published at every change. A known kid before `consult_at` needs nothing
/// else; an absent kid before `absent_until` is unknown without asking.
#[derive(Clone, Debug)]
pub struct View {
    /// The keys.
    pub keys: Arc<KeySet>,
    /// From here on, lookups of known kids go to the machine.
    pub consult_at: Tick,
    /// Until here, the last fetch is grounds to call an absent kid unknown.
    pub absent_until: Tick,
    /// Whether the keys are within their ttl.
    pub freshness: Freshness,
    /// The last completed fetch, whatever came of it.
    pub last_fetch: Option<LastFetch>,
}

impl View {
    /// A view without keys: every lookup goes to the machine.
    pub(super) fn nothing(keys: &Arc<KeySet>, last_fetch: Option<LastFetch>) -> View {
        View {
            keys: Arc::clone(keys),
            consult_at: Tick::MIN,
            absent_until: Tick::MIN,
            freshness: Freshness::None,
            last_fetch,
        }
    }
}

/// How old the keys of a view are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// No keys.
    None,
    /// Within the ttl.
    Fresh,
    /// Within the ttl, although the last fetch brought an empty or unusable set.
    EmptyKept,
    /// Past the ttl, served because fetches fail.
    Stale,
}

/// A completed fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastFetch {
    /// Whether it brought a usable set.
    pub ok: bool,
    /// Start of its successful or last attempt.
    pub started: Tick,
    /// Its end.
    pub finished: Tick,
}
