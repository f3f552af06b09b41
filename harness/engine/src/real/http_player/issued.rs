//! What the issuer of a round knows of its tokens, at every instant: what introspection answers,
//! and the status list.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jwtbench_verifier::state_check::{Knowledge, StateEntry};
use jwtbench_verifier::tick::Tick;

use crate::state::truth::StateTruth;

use super::status_list::{self, StatusList};

/// The status of a revoked token (draft-ietf-oauth-status-list-21 §7.1).
const INVALID: u8 = 1;

/// The decisions of a round, by key.
pub(super) struct IssuedTokens {
    /// For each key what was decided, with its instant, in order of time.
    by_key: HashMap<Box<str>, Vec<(Tick, Knowledge, Tick)>>,
    /// The keys in the order of their places in the status list. A token would name its own place.
    keys: Vec<Box<str>>,
    /// The last list, and the instant that it is of.
    list: Mutex<Option<(Tick, Arc<str>)>>,
    /// The lists that open to these sizes.
    oversized: Vec<(u64, Arc<str>)>,
}

impl IssuedTokens {
    /// What a truth says, of tokens with these keys and of others.
    pub(super) fn new<'k>(
        truth: &StateTruth,
        keys: impl Iterator<Item = &'k str>,
        sizes: impl Iterator<Item = u64>,
    ) -> IssuedTokens {
        let before = truth.before.iter().map(|entry| (Tick::MIN, entry));
        let told = truth.revocations.iter().filter(|one| one.is_told);
        let told = told.map(|one| (one.at, &one.entry));
        let others = truth.others.iter();
        let others = others.flat_map(|(at, all)| all.iter().map(|entry| (*at, entry)));
        let mut by_key = HashMap::<Box<str>, Vec<_>>::new();
        let mut listed: Vec<Box<str>> = keys.map(Into::into).collect();
        for (at, StateEntry { key, knowledge, end }) in before.chain(told).chain(others) {
            listed.push(key.clone());
            by_key.entry(key.clone()).or_default().push((at, *knowledge, *end));
        }
        by_key.values_mut().for_each(|decisions| decisions.sort_by_key(|(at, ..)| *at));
        listed.sort_unstable();
        listed.dedup();
        // They take a while, and are made before the clock starts.
        let mut oversized: Vec<(u64, Arc<str>)> = Vec::new();
        for size in sizes.filter(|size| *size > 0) {
            if oversized.iter().all(|(known, _)| *known != size) {
                oversized.push((size, status_list::opening_to(size).into()));
            }
        }
        IssuedTokens { by_key, keys: listed, list: Mutex::default(), oversized }
    }

    /// The `lst` of a list that opens to so many bytes, if that was asked for in the beginning.
    pub(super) fn opening_to(&self, size: u64) -> Option<Arc<str>> {
        let mut known = self.oversized.iter();
        known.find(|(known, _)| *known == size).map(|(_, lst)| Arc::clone(lst))
    }

    /// What was known of a key at `as_of`. What concerns no token any more at `now` is forgotten.
    pub(super) fn known(&self, key: &str, (as_of, now): (Tick, Tick)) -> Knowledge {
        let decisions = self.by_key.get(key).map_or(&[][..], Vec::as_slice);
        let last = decisions.iter().rev().find(|(at, ..)| *at <= as_of);
        last.filter(|(.., end)| now < *end).map_or(Knowledge::Clear, |(_, knowledge, _)| *knowledge)
    }

    /// The `lst` of the list as of an instant. The last one is kept, as a published list is.
    pub(super) fn lst(&self, as_of: Tick) -> Arc<str> {
        let mut kept = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, lst)) = kept.as_ref().filter(|(at, _)| *at == as_of) {
            return Arc::clone(lst);
        }
        // One bit is a size that there is.
        let list = StatusList::new(1, self.keys.len()).map(|mut list| {
            for (place, key) in self.keys.iter().enumerate() {
                if self.known(key, (as_of, as_of)) == Knowledge::Revoked {
                    list.set(place, INVALID);
                }
            }
            list.lst()
        });
        let lst: Arc<str> = list.unwrap_or_default().into();
        *kept = Some((as_of, Arc::clone(&lst)));
        lst
    }

    /// The entries of the tokens that a list has as revoked, each until its end.
    pub(super) fn entries(&self, list: &StatusList) -> Vec<StateEntry> {
        let places = self.keys.iter().enumerate();
        let revoked = places.filter(|(place, _)| list.get(*place) == Some(INVALID));
        let entry = |key: &str| {
            let end = self.by_key.get(key)?.iter().map(|(.., end)| *end).max()?;
            Some(StateEntry { key: key.into(), knowledge: Knowledge::Revoked, end })
        };
        revoked.filter_map(|(_, key)| entry(key)).collect()
    }
}
