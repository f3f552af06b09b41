//! The keys of one issuer at one moment: parsed from a JWK set (RFC 7517 §5), immutable and shared.
//! Bad entries are skipped and counted. Every distinct key has a slot that it keeps from one
//! generation to the next, so that workers can reuse their prepared keys.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use rustc_hash::FxBuildHasher;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::algorithm::Algorithm;
use crate::jwk::{CheckedJwk, Entry, Kid, MAX_KID_BYTES, SkipKind};
use crate::rejection::Rejection;

/// The place of one distinct key (thumbprint and algorithm) in every worker's prepared keys.
pub type Slot = u32;

/// A usable key with its slot.
#[derive(Clone, Debug)]
pub struct SlottedKey {
    /// The slot in which workers keep the prepared key.
    pub slot: Slot,
    /// The key.
    pub jwk: Arc<CheckedJwk>,
}

/// An entry that was not skipped.
#[derive(Clone, Debug)]
pub struct KeyEntry {
    /// Its `kid`, if it has one.
    pub kid: Option<Kid>,
    /// The key, or `None` for an entry that stays in the set but fits no token.
    pub key: Option<SlottedKey>,
}

/// The key set that a verifier holds.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    generation: u64,
    entries: Vec<KeyEntry>,
    by_kid: HashMap<Kid, Candidates, FxBuildHasher>,
    /// The candidates among all entries, regardless of their kid.
    all: Candidates,
    skipped: Vec<(SkipKind, u32)>,
}

/// The places of the entries among which a token finds its key. For each algorithm, these are the
/// first entry and the first one with another key. Further entries do not change an answer, however
/// many there are.
#[derive(Clone, Debug, Default)]
struct Candidates(Vec<u32>);

impl Candidates {
    fn add(&mut self, place: u32, entries: &[KeyEntry]) {
        let key = |place: u32| entries[place as usize].key.as_ref();
        let Some(added) = key(place) else { return };
        let known = self.0.iter().filter_map(|known| key(*known));
        let mut rivals = known.filter(|known| known.jwk.algorithm == added.jwk.algorithm);
        let is_further = match rivals.next() {
            None => false,
            Some(first) => first.slot == added.slot || rivals.next().is_some(),
        };
        if !is_further {
            self.0.push(place);
        }
    }
}

/// A key set as read, before it gets a generation.
#[derive(Clone, Debug)]
pub struct ParsedSet {
    entries: Vec<Entry>,
    skipped: Vec<(SkipKind, u32)>,
}

/// The reason why a body is not a usable key set. The fetch that returned it has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetFault {
    /// The body is not JSON, or not an object with a `keys` array (HTML, truncated text or anything
    /// else).
    NotAKeySet,
    /// The body is `{"keys":[]}`.
    Empty,
    /// The set has entries, but none that fits an allowed algorithm.
    NoUsableKey,
    /// An entry cannot be used, and the policy does not accept sets with such an entry.
    BadEntry,
}

impl fmt::Display for SetFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SetFault::NotAKeySet => "no JSON object with an array `keys`",
            SetFault::Empty => "the array `keys` is empty",
            SetFault::NoUsableKey => "no entry is a usable key for the allowed algorithms",
            SetFault::BadEntry => "an entry cannot be used, and `bad-entry` is \"fail-set\"",
        })
    }
}

impl std::error::Error for SetFault {}

/// A JWK set with its entries as raw JSON.
#[derive(Deserialize)]
struct WireSet<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

impl ParsedSet {
    /// Parses a body. `allowed` are the algorithms of the policy.
    ///
    /// # Errors
    /// Returns [`SetFault`] if no entry can be used.
    pub fn parse(body: &[u8], allowed: &[Algorithm]) -> Result<ParsedSet, SetFault> {
        ParsedSet::read(body, allowed)?.usable(allowed)
    }

    /// The set itself, if any entry is a key for one of these algorithms.
    pub(crate) fn usable(self, allowed: &[Algorithm]) -> Result<ParsedSet, SetFault> {
        if self.is_usable(allowed) { Ok(self) } else { Err(SetFault::NoUsableKey) }
    }

    /// Parses a body as [`ParsedSet::parse`] does, but also accepts a set without a usable entry.
    ///
    /// # Errors
    /// Returns [`SetFault`] if the body is not a key set or has no entry.
    pub fn read(body: &[u8], allowed: &[Algorithm]) -> Result<ParsedSet, SetFault> {
        ParsedSet::read_each(body, allowed, |_, _| {})
    }

    /// The same, with a look at each entry in the order of the set: its JSON text and what comes of
    /// it.
    pub(crate) fn read_each(
        body: &[u8],
        allowed: &[Algorithm],
        mut look: impl FnMut(&str, &Result<Entry, SkipKind>),
    ) -> Result<ParsedSet, SetFault> {
        let wire: WireSet<'_> = serde_json::from_slice(body).map_err(|_| SetFault::NotAKeySet)?;
        if wire.keys.is_empty() {
            return Err(SetFault::Empty);
        }
        let mut parsed = ParsedSet { entries: Vec::new(), skipped: Vec::new() };
        for raw in wire.keys {
            let entry = Entry::parse(raw.get(), allowed);
            look(raw.get(), &entry);
            match entry {
                Ok(entry) => parsed.entries.push(entry),
                Err(kind) => count(&mut parsed.skipped, kind),
            }
        }
        Ok(parsed)
    }

    /// Whether any entry is a key for one of these algorithms.
    pub fn is_usable(&self, allowed: &[Algorithm]) -> bool {
        let fits = |entry: &Entry| match entry {
            Entry::Fits(_, jwk) => allowed.contains(&jwk.algorithm),
            Entry::NeverFits(_) => false,
        };
        self.entries.iter().any(fits)
    }

    /// A set without entries.
    pub fn nothing() -> ParsedSet {
        ParsedSet { entries: Vec::new(), skipped: Vec::new() }
    }

    /// Whether no entry was skipped.
    pub fn is_whole(&self) -> bool {
        self.skipped.is_empty()
    }

    /// Whether every entry is a JWK with all its required members, usable or not.
    pub fn is_well_formed(&self) -> bool {
        let is_broken = |kind| matches!(kind, SkipKind::NotAJwk | SkipKind::MissingMember);
        !self.skipped.iter().any(|(kind, _)| is_broken(*kind))
    }

    /// The entries of `old` under the kids in `kept`, followed by the entries of this set under
    /// `kid`.
    pub fn under(self, kid: &str, old: &KeySet, kept: &[Kid]) -> ParsedSet {
        let is_kept = |known: &Option<Kid>| known.as_ref().is_some_and(|kid| kept.contains(kid));
        let old = old.entries.iter().filter(|entry| is_kept(&entry.kid)).map(|entry| {
            let known = entry.kid.clone();
            match &entry.key {
                Some(key) => Entry::Fits(known, Arc::clone(&key.jwk)),
                None => Entry::NeverFits(known),
            }
        });
        let is_wanted = |entry: &Entry| match entry {
            Entry::Fits(known, _) | Entry::NeverFits(known) => known.as_deref() == Some(kid),
        };
        let entries = old.chain(self.entries.into_iter().filter(is_wanted)).collect();
        ParsedSet { entries, skipped: self.skipped }
    }
}

fn count(skipped: &mut Vec<(SkipKind, u32)>, kind: SkipKind) {
    match skipped.iter_mut().find(|(known, _)| *known == kind) {
        Some((_, count)) => *count += 1,
        None => skipped.push((kind, 1)),
    }
}

impl KeySet {
    /// The empty set before the first one of a cache. Generations are counted from `generation`,
    /// whose low 32 bits are zero.
    pub(crate) fn before(generation: u64) -> KeySet {
        KeySet { generation, ..KeySet::default() }
    }

    /// The set that follows `self`. Keys that are in both stay in their slots. If `parsed` has the
    /// same keys under the same kids, the result is `self` in the same generation.
    pub fn succeed(self: &Arc<Self>, parsed: ParsedSet) -> Arc<KeySet> {
        let mut taken: Vec<Slot> = Vec::new();
        let old = self.keys_by_identity();
        for entry in &parsed.entries {
            if let Entry::Fits(_, jwk) = entry
                && let Some(slot) = old.get(&(jwk.thumbprint.0, jwk.algorithm))
            {
                taken.push(*slot);
            }
        }
        taken.sort_unstable();
        let mut free = (0..).filter(|slot| taken.binary_search(slot).is_err());
        let mut slots = HashMap::with_hasher(FxBuildHasher);
        let entries = parsed.entries.into_iter().map(|entry| match entry {
            Entry::NeverFits(kid) => KeyEntry { kid, key: None },
            Entry::Fits(kid, jwk) => {
                let identity = (jwk.thumbprint.0, jwk.algorithm);
                let kept = old.get(&identity).copied();
                let slot = *slots
                    .entry(identity)
                    .or_insert_with(|| kept.or_else(|| free.next()).unwrap_or(Slot::MAX));
                KeyEntry { kid, key: Some(SlottedKey { slot, jwk }) }
            }
        });
        let entries: Vec<KeyEntry> = entries.collect();
        if self.generation as u32 > 0
            && same(&self.entries, &entries)
            && self.skipped == parsed.skipped
        {
            return Arc::clone(self);
        }
        Arc::new(KeySet::index(self.generation + 1, entries, parsed.skipped))
    }

    /// The set that follows `self` after all entries under `kid` are evicted.
    pub fn without(&self, kid: &str) -> Arc<KeySet> {
        let kept = |entry: &&KeyEntry| entry.kid.as_deref() != Some(kid);
        let entries = self.entries.iter().filter(kept).cloned().collect();
        Arc::new(KeySet::index(self.generation + 1, entries, self.skipped.clone()))
    }

    fn index(generation: u64, entries: Vec<KeyEntry>, skipped: Vec<(SkipKind, u32)>) -> KeySet {
        let mut by_kid: HashMap<Kid, Candidates, FxBuildHasher> = HashMap::default();
        let mut all = Candidates::default();
        for (place, entry) in (0u32..).zip(&entries) {
            all.add(place, &entries);
            if let Some(kid) = &entry.kid {
                by_kid.entry(Kid::clone(kid)).or_default().add(place, &entries);
            }
        }
        KeySet { generation, entries, by_kid, all, skipped }
    }

    fn keys_by_identity(&self) -> HashMap<([u8; 32], Algorithm), Slot, FxBuildHasher> {
        self.keys().map(|key| ((key.jwk.thumbprint.0, key.jwk.algorithm), key.slot)).collect()
    }

    /// The generation of the set. It rises by one with every change. The empty set before the first
    /// fetch has generation 0.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The entries that were not skipped, in the order of the body.
    pub fn entries(&self) -> &[KeyEntry] {
        &self.entries
    }

    /// The usable keys, in the order of the body.
    pub fn keys(&self) -> impl Iterator<Item = &SlottedKey> {
        self.entries.iter().filter_map(|entry| entry.key.as_ref())
    }

    /// The number of skipped entries of each kind.
    pub fn skipped(&self) -> &[(SkipKind, u32)] {
        &self.skipped
    }

    /// Whether an entry has this kid.
    pub fn has_kid(&self, kid: &str) -> bool {
        self.by_kid.contains_key(kid)
    }

    /// The one key for a token with this `kid` and algorithm.
    ///
    /// # Errors
    /// Returns [`Rejection::UnknownKid`], [`Rejection::KeyMismatch`] or
    /// [`Rejection::KeyAmbiguous`].
    pub fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<&SlottedKey, Rejection> {
        let Some(kid) = kid else {
            return self.one_fitting(&self.all, algorithm);
        };
        if kid.len() > MAX_KID_BYTES {
            return Err(Rejection::UnknownKid);
        }
        let candidates = self.by_kid.get(kid).ok_or(Rejection::UnknownKid)?;
        self.one_fitting(candidates, algorithm)
    }

    /// The one candidate that fits the algorithm. Identical keys share a slot and count as one.
    fn one_fitting(
        &self,
        candidates: &Candidates,
        algorithm: Algorithm,
    ) -> Result<&SlottedKey, Rejection> {
        let mut keys = candidates.0.iter().filter_map(|place| {
            let key = self.entries[*place as usize].key.as_ref()?;
            (key.jwk.algorithm == algorithm).then_some(key)
        });
        match (keys.next(), keys.next()) {
            (Some(_), Some(_)) => Err(Rejection::KeyAmbiguous),
            (Some(key), None) => Ok(key),
            (None, _) => Err(Rejection::KeyMismatch),
        }
    }
}

/// Whether two lists have the same keys under the same kids. Slots are not enough for this
/// comparison, because a slot passes from key to key.
fn same(old: &[KeyEntry], new: &[KeyEntry]) -> bool {
    let identity = |entry: &KeyEntry| {
        let key = entry.key.as_ref();
        key.map(|key| (key.jwk.thumbprint, key.jwk.algorithm))
    };
    old.len() == new.len()
        && old.iter().zip(new).all(|(a, b)| a.kid == b.kid && identity(a) == identity(b))
}
