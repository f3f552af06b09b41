//! A verdict with what it was based on, so that a judge can hold it to the state it had.

use crate::key_cache::{Freshness, LastFetch, View};
use crate::rejection::Rejection;
use crate::tick::Tick;

/// A verdict.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    /// Accepted, or why not.
    pub code: Result<(), Rejection>,
    /// The instant it judged by.
    pub now: Tick,
    /// The key set it held, if it looked at one.
    pub held: Option<Held>,
    /// Where the verdict cache had the proof: the generation of the key set that it was under.
    pub remembered: Option<u64>,
}

impl Verdict {
    /// A verdict of the token itself, not remembered.
    pub fn new(code: Result<(), Rejection>, now: Tick, held: Option<Held>) -> Verdict {
        Verdict { code, now, held, remembered: None }
    }
}

/// The key set and state behind a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its generation; 0 if there was none.
    pub generation: u64,
    /// How old it was.
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
