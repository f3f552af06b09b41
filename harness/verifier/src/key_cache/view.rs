//! The outputs of the key cache to a worker: a view, which is published at every change, and the
//! answers to lookups.

use std::sync::Arc;

use crate::key_set::KeySet;
use crate::rejection::Rejection;
use crate::tick::Tick;

/// The answer to a lookup.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The token is judged with this view.
    Use(Arc<View>),
    /// The token waits. Its ticket will be woken by its deadline.
    Wait,
    /// The token is refused.
    Refuse {
        /// The reason.
        code: Rejection,
        /// The view on which the refusal is based.
        view: Arc<View>,
        /// The instant of the refusal.
        at: Tick,
    },
}

/// The content of the cache, published at every change. A known kid before `consult_at` needs
/// nothing else. An absent kid before `absent_until` is unknown without a lookup.
#[derive(Clone, Debug)]
pub struct View {
    /// The keys.
    pub keys: Arc<KeySet>,
    /// The instant from which lookups of known kids go to the key cache.
    pub consult_at: Tick,
    /// The instant until which the last fetch is grounds to call an absent kid unknown.
    pub absent_until: Tick,
    /// Whether the keys are within their TTL.
    pub freshness: Freshness,
    /// The last completed fetch, successful or not.
    pub last_fetch: Option<LastFetch>,
}

impl View {
    /// A view without keys. Every lookup goes to the key cache.
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

/// The freshness of the keys of a view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// There are no keys.
    None,
    /// The keys are within their TTL.
    Fresh,
    /// The keys are within their TTL, although the last fetch returned an empty or unusable set.
    EmptyKept,
    /// The keys are past their TTL, but may still be served.
    Stale,
}

/// A completed fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastFetch {
    /// Whether it returned a usable set.
    pub ok: bool,
    /// The start of its last attempt.
    pub started: Tick,
    /// The end of the fetch.
    pub finished: Tick,
}
