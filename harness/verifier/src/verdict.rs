//! A verdict with the state on which it was based, so that it can be judged against that state.

use crate::key_cache::{Freshness, LastFetch, View};
use crate::rejection::Rejection;
use crate::state_check::StateGround;
use crate::tick::Tick;

/// A verdict on a token.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    /// The acceptance, or the reason for the refusal.
    pub code: Result<(), Rejection>,
    /// The instant of the verdict.
    pub now: Tick,
    /// The key set on which it was based, if it needed one.
    pub held: Option<Held>,
    /// The generation of the key set under which the token was proven, if the proof came from the
    /// verdict cache.
    pub remembered: Option<u64>,
    /// The ground on which the state of the token was decided, under a state strategy.
    pub state: Option<StateGround>,
}

impl Verdict {
    /// A verdict that did not use the verdict cache.
    pub fn new(code: Result<(), Rejection>, now: Tick, held: Option<Held>) -> Verdict {
        Verdict { code, now, held, remembered: None, state: None }
    }
}

/// The key set behind a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The generation of the key set; 0 if there was none.
    pub generation: u64,
    /// The freshness of the key set.
    pub freshness: Freshness,
    /// The last completed fetch.
    pub last_fetch: Option<LastFetch>,
}

impl From<&View> for Held {
    fn from(view: &View) -> Held {
        Held {
            generation: view.keys.generation(),
            freshness: view.freshness,
            last_fetch: view.last_fetch,
        }
    }
}
