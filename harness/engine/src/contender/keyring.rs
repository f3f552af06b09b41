//! The keys of a set as an application holds them for a library: each is made once and found by
//! `kid`. The application decides which entry a token means. Here the contract decides it, as for
//! the core, so that this choice is never a finding on a library. The key that a library makes of
//! an entry is the library's own.

use std::collections::HashMap;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;
use serde::Deserialize;
use serde_json::value::RawValue;

use jwtbench_verifier::jwk::{CheckedJwk, Entry};
use jwtbench_verifier::key_set::{KeySet, ParsedSet};
use jwtbench_verifier::rejection::Rejection;

use super::Setup;

/// Keys of a library, made of the entries of a JWK set.
pub(super) struct Keyring<K> {
    by_kid: HashMap<String, K, FxBuildHasher>,
    /// The key for tokens without a `kid`, or the reason why there is none.
    without_kid: Result<K, Rejection>,
}

#[derive(Deserialize)]
struct EntrySet<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct NamedEntry {
    kid: Option<String>,
}

impl<K> Keyring<K> {
    /// The keys of the first key set. `make` calls the library: it makes a key of an entry's text,
    /// or returns `None` if the library refuses the entry. If several entries have one kid, the
    /// first that fits the trial's algorithm counts. If none fits, the first that the library takes
    /// counts.
    pub(super) fn new(setup: &Setup<'_>, make: impl Fn(&str) -> Option<K>) -> Keyring<K> {
        let set = serde_json::from_slice(setup.key_set).unwrap_or(EntrySet { keys: Vec::new() });
        let mut texts: HashMap<String, Vec<&str>, FxBuildHasher> = HashMap::default();
        for text in set.keys.iter().map(|raw| raw.get()) {
            if let Ok(NamedEntry { kid: Some(kid) }) = serde_json::from_str(text) {
                texts.entry(kid).or_default().push(text);
            }
        }
        let key = |(kid, texts): (String, Vec<&str>)| {
            // The only entry under a kid is the one that is meant, whether it fits or not.
            let fits = |text: &&&str| texts.len() > 1 && fitting(text, setup).is_some();
            let fitting = texts.iter().find(fits).and_then(|text| make(text));
            let key = fitting.or_else(|| texts.iter().find_map(|text| make(text)))?;
            Some((kid, key))
        };
        let by_kid = texts.into_iter().filter_map(key).collect();
        let without_kid = only(&set, setup).and_then(|text| match make(text) {
            Some(key) => Ok(key),
            None => Err(Rejection::KeyMismatch),
        });
        Keyring { by_kid, without_kid }
    }

    /// The key that a token with this `kid` means.
    pub(super) fn find(&self, kid: Option<&str>) -> Result<&K, Rejection> {
        match kid {
            Some(kid) => self.by_kid.get(kid).ok_or(Rejection::UnknownKid),
            None => self.without_kid.as_ref().map_err(|code| *code),
        }
    }
}

/// The key of an entry that fits the algorithm of the trial, by the core's own rules.
fn fitting(text: &str, setup: &Setup<'_>) -> Option<Arc<CheckedJwk>> {
    match Entry::parse(text, &setup.policy.spec().algorithms) {
        Ok(Entry::Fits(_, jwk)) if jwk.algorithm == setup.algorithm => Some(jwk),
        _ => None,
    }
}

/// The entry that a token without a `kid` means, by step 7 of the contract.
fn only<'s>(set: &EntrySet<'s>, setup: &Setup<'_>) -> Result<&'s str, Rejection> {
    let policy = setup.policy.spec();
    if policy.kid_required {
        return Err(Rejection::UnknownKid);
    }
    let parsed = ParsedSet::parse(setup.key_set, &policy.algorithms);
    let held = Arc::<KeySet>::default().succeed(parsed.map_err(|_| Rejection::KeysUnavailable)?);
    let meant = held.find(None, setup.algorithm)?.jwk.thumbprint;
    let is_meant = |text: &&str| fitting(text, setup).is_some_and(|jwk| jwk.thumbprint == meant);
    set.keys.iter().map(|raw| raw.get()).find(is_meant).ok_or(Rejection::KeyMismatch)
}
