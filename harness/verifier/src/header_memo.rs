//! A memo of the headers of proven tokens, by their text. The next token with the same header need
//! not have it decoded and parsed again. The content of a header depends on its text and the policy
//! alone, so a memo serves one policy. Headers of tokens that are not proven are never kept.

use crate::algorithm::Algorithm;

/// The number of headers kept. An issuer signs with one key at a time, or with two around a
/// rotation.
const PLACES: usize = 4;
/// The longest header that is kept, in bytes. A longer one is parsed each time.
const MAX_BYTES: usize = 512;

/// The headers proven last. The oldest is overwritten first.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeaderMemo {
    known: Vec<KnownHeader>,
    next: usize,
}

/// A header that the policy accepted.
#[derive(Clone, Debug)]
pub(crate) struct KnownHeader {
    encoded: Vec<u8>,
    pub(crate) algorithm: Algorithm,
    kid: String,
    has_kid: bool,
}

impl KnownHeader {
    pub(crate) fn kid(&self) -> Option<&str> {
        self.has_kid.then_some(&*self.kid)
    }
}

impl HeaderMemo {
    /// The place of a header with this text, as transmitted.
    pub(crate) fn find(&self, encoded: &[u8]) -> Option<usize> {
        self.known.iter().position(|known| known.encoded == encoded)
    }

    /// The header at a place that [`HeaderMemo::find`] returned.
    pub(crate) fn at(&self, place: usize) -> &KnownHeader {
        &self.known[place]
    }

    /// Keeps the header of a token that was proven.
    pub(crate) fn keep(&mut self, encoded: &[u8], algorithm: Algorithm, kid: Option<&str>) {
        if encoded.len() > MAX_BYTES {
            return;
        }
        if self.known.len() < PLACES {
            let (encoded, kid) = (Vec::with_capacity(MAX_BYTES), String::new());
            self.known.push(KnownHeader { encoded, algorithm, kid, has_kid: false });
        }
        // The memory of the previous header is reused, so that alternating keys cause no
        // allocations.
        let known = &mut self.known[self.next];
        known.encoded.clear();
        known.encoded.extend_from_slice(encoded);
        known.algorithm = algorithm;
        known.has_kid = kid.is_some();
        known.kid.clear();
        known.kid.push_str(kid.unwrap_or_default());
        self.next = (self.next + 1) % PLACES;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_few() {
        let mut memo = HeaderMemo::default();
        assert_eq!(memo.find(b"a"), None);
        for text in [b"a", b"b", b"c", b"d", b"e"] {
            memo.keep(text, Algorithm::ES256, Some("kid"));
        }
        assert_eq!(memo.find(b"a"), None, "the oldest went");
        let place = memo.find(b"e").expect("the newest is there");
        assert_eq!(memo.at(place).algorithm, Algorithm::ES256);
        assert_eq!(memo.at(place).kid(), Some("kid"));
        memo.keep(&[b'x'; MAX_BYTES + 1], Algorithm::ES256, None);
        assert_eq!(memo.find(&[b'x'; MAX_BYTES + 1]), None, "too long");
        assert!(memo.find(b"b").is_some(), "and nothing went for it");
    }
}
