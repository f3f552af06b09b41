//! A set of identifiers in the form of a UUID, each with its end. An identifier takes about 31
//! bytes: 20 for itself and its end, the rest for the hash table that finds it. The set is exact.

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use std::hash::BuildHasher as _;

/// The number of parts. A part is pruned at once, and no pause is longer than that.
const PARTS: usize = 16;
/// The first bit of a hash that chooses the part. The table of a part uses those below and above.
const PART_BIT: u32 = 24;
/// The size at which a part is pruned for the first time.
const FIRST_PRUNE: usize = 16;

/// The 16 bytes of a UUID.
pub(super) type Uuid = [u8; 16];

/// What stands for a byte that is no hexadecimal digit in lower case.
const NO_DIGIT: u8 = 0xff;

/// The value of each byte as a hexadecimal digit in lower case.
const DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

/// The places of the first digits of the bytes of a UUID in its text.
const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// The bytes of a UUID in its canonical text (RFC 9562 §4, lower case); `None` for any other text.
/// No two texts have the same bytes. Every look-up reads one, so there is no branch for a digit.
pub(super) fn canonical(text: &str) -> Option<Uuid> {
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    let mut all = 0;
    let id = PLACES.map(|place| {
        let (high, low) = (DIGITS[text[place] as usize], DIGITS[text[place + 1] as usize]);
        all |= high | low;
        high << 4 | low
    });
    let has_dashes = [8, 13, 18, 23].iter().all(|place| text[*place] == b'-');
    (all < 16 && has_dashes).then_some(id)
}

/// An identifier with its end, in seconds on the scenario clock.
#[derive(Clone, Copy, Debug)]
struct IdSlot {
    id: Uuid,
    end: i32,
}

/// The identifiers of one part.
#[derive(Clone, Debug, Default)]
struct IdPart {
    slots: Vec<IdSlot>,
    places: HashTable<u32>,
    prune_at: usize,
}

fn hash(id: &Uuid) -> u64 {
    FxBuildHasher.hash_one(u128::from_ne_bytes(*id))
}

impl IdPart {
    fn find(&self, id: &Uuid, hash: u64) -> Option<u32> {
        self.places.find(hash, |place| self.slots[*place as usize].id == *id).copied()
    }

    fn end(&self, id: &Uuid, hash: u64) -> Option<i32> {
        self.find(id, hash).map(|place| self.slots[place as usize].end)
    }

    /// Adds an identifier, or moves its end further out. Before the part grows, it loses what has
    /// ended.
    fn insert(&mut self, id: Uuid, hash: u64, end: i32, now: i32) {
        if let Some(place) = self.find(&id, hash) {
            let known = &mut self.slots[place as usize].end;
            *known = end.max(*known);
            return;
        }
        if self.slots.len() >= self.prune_at {
            self.prune(now);
            self.prune_at = (self.slots.len() + self.slots.len() / 4).max(FIRST_PRUNE);
            self.slots.reserve_exact(self.prune_at - self.slots.len());
        }
        let place = self.slots.len() as u32;
        self.slots.push(IdSlot { id, end });
        let slots = &self.slots;
        self.places.insert_unique(hash, place, |place| self::hash(&slots[*place as usize].id));
    }

    fn remove(&mut self, id: &Uuid, hash: u64) {
        let Ok(found) = self.places.find_entry(hash, |place| self.slots[*place as usize].id == *id)
        else {
            return;
        };
        let (place, _) = found.remove();
        let last = self.slots.len() as u32 - 1;
        self.slots.swap_remove(place as usize);
        if place != last {
            let moved = self::hash(&self.slots[place as usize].id);
            if let Some(known) = self.places.find_mut(moved, |known| *known == last) {
                *known = place;
            }
        }
    }

    fn prune(&mut self, now: i32) {
        let before = self.slots.len();
        self.slots.retain(|slot| slot.end > now);
        if self.slots.len() == before {
            return;
        }
        self.places.clear();
        let slots = &self.slots;
        for (place, slot) in slots.iter().enumerate() {
            let hash_of = |place: &u32| hash(&slots[*place as usize].id);
            self.places.insert_unique(hash(&slot.id), place as u32, hash_of);
        }
    }
}

/// The set.
#[derive(Clone, Debug)]
pub(super) struct IdSet {
    parts: Vec<IdPart>,
}

impl Default for IdSet {
    fn default() -> IdSet {
        IdSet { parts: vec![IdPart::default(); PARTS] }
    }
}

impl IdSet {
    fn part(hash: u64) -> usize {
        (hash >> PART_BIT) as usize % PARTS
    }

    /// Whether the identifier is in the set and has not ended.
    pub(super) fn contains(&self, id: &Uuid, now: i32) -> bool {
        let hash = hash(id);
        self.parts[IdSet::part(hash)].end(id, hash).is_some_and(|end| end > now)
    }

    /// Adds an identifier until `end`. Both times are in seconds on the scenario clock.
    pub(super) fn insert(&mut self, id: Uuid, end: i32, now: i32) {
        let hash = hash(&id);
        self.parts[IdSet::part(hash)].insert(id, hash, end, now);
    }

    /// Removes an identifier.
    pub(super) fn remove(&mut self, id: &Uuid) {
        let hash = hash(id);
        self.parts[IdSet::part(hash)].remove(id, hash);
    }

    /// Removes what has ended.
    pub(super) fn prune(&mut self, now: i32) {
        self.parts.iter_mut().for_each(|part| part.prune(now));
    }

    /// The number of identifiers.
    pub(super) fn len(&self) -> usize {
        self.parts.iter().map(|part| part.slots.len()).sum()
    }

    /// The memory that the set takes on the heap, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let of_part = |part: &IdPart| {
            part.slots.capacity() * size_of::<IdSlot>() + part.places.allocation_size()
        };
        self.parts.capacity() * size_of::<IdPart>() + self.parts.iter().map(of_part).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> Uuid {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        id[8..].copy_from_slice(&number.to_be_bytes());
        id
    }

    #[test]
    fn only_the_canonical_text_is_a_uuid() {
        let rows = [
            ("00112233-4455-6677-8899-aabbccddeeff", true, "the canonical text"),
            ("00112233-4455-6677-8899-AABBCCDDEEFF", false, "upper case is another text"),
            ("00112233445566778899aabbccddeeff", false, "no dashes"),
            ("00112233-4455-6677-8899-aabbccddeef", false, "too short"),
            ("00112233-4455-6677-8899-aabbccddeeffa", false, "too long"),
            ("00112233-4455-6677-8899-aabbccddeefg", false, "no digit"),
            ("001122334-455-6677-8899-aabbccddeeff", false, "a dash elsewhere"),
            ("", false, "nothing"),
        ];
        for (text, expected, reason) in rows {
            assert_eq!(canonical(text).is_some(), expected, "{reason}: {text}");
        }
        let bytes: Vec<u8> = (0..16).map(|byte| byte * 0x11).collect();
        assert_eq!(canonical(rows[0].0).map(Vec::from), Some(bytes));
    }

    /// The set is equal to one of the standard library, whatever is added and removed.
    #[test]
    fn it_is_a_set() {
        let (mut set, mut known) = (IdSet::default(), std::collections::HashSet::new());
        for step in 0..20_000u64 {
            let one = id(step * step % 3_001);
            if step % 3 == 0 {
                set.remove(&one);
                known.remove(&one);
            } else {
                set.insert(one, i32::MAX, 0);
                known.insert(one);
            }
        }
        assert_eq!(set.len(), known.len());
        for number in 0..3_001 {
            assert_eq!(set.contains(&id(number), 0), known.contains(&id(number)), "{number}");
        }
    }

    #[test]
    fn what_has_ended_makes_room() {
        let mut set = IdSet::default();
        for second in 0..10_000 {
            set.insert(id(second as u64), second + 100, second);
        }
        assert!(set.contains(&id(9_950), 9_999), "it has not ended");
        assert!(!set.contains(&id(9_950), 10_050), "it has");
        // A part is pruned before it grows by a quarter.
        assert!(set.len() < PARTS * FIRST_PRUNE + 200, "{}", set.len());
        set.prune(10_000);
        assert_eq!(set.len(), 99, "the last hundred seconds");
        set.prune(20_000);
        assert_eq!(set.len(), 0);
    }

    /// The bound of a million UUIDs, ends included.
    #[test]
    fn an_identifier_takes_at_most_36_bytes() {
        for count in [1_000_000, 1_300_000, 2_000_000] {
            let mut set = IdSet::default();
            for number in 0..count {
                set.insert(id(number), i32::MAX, 0);
            }
            assert_eq!(set.len() as u64, count);
            let each = set.bytes() as f64 / count as f64;
            assert!(each <= 36.0, "{each} bytes at {count}");
        }
    }
}
