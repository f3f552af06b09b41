//! The status list of draft-ietf-oauth-status-list-21: a few bits for each token that was issued,
//! compressed.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

/// A status list, with 1, 2, 4 or 8 bits for each token (§4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StatusList {
    bits: u8,
    bytes: Vec<u8>,
}

/// Why a status list cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StatusListFault {
    /// The bits of a status are none of 1, 2, 4 and 8.
    #[error("`bits` is none of 1, 2, 4 and 8")]
    Bits,
    /// The list is not in base64url, or not compressed by zlib.
    #[error("`lst` is not a list in base64url and zlib")]
    Encoding,
    /// The list is larger than the reader takes.
    #[error("`lst` opens to more bytes than are taken")]
    TooLarge,
}

impl StatusList {
    /// A list in which every one of so many tokens is valid.
    ///
    /// # Errors
    /// If the bits are none of 1, 2, 4 and 8.
    pub(crate) fn new(bits: u8, tokens: usize) -> Result<StatusList, StatusListFault> {
        match bits {
            1 | 2 | 4 | 8 => {
                Ok(StatusList { bits, bytes: vec![0; (tokens * usize::from(bits)).div_ceil(8)] })
            }
            _ => Err(StatusListFault::Bits),
        }
    }

    /// The byte of a token, and the place of its lowest bit in it. The first token has the lowest
    /// bits (§4.1).
    fn place(&self, index: usize) -> (usize, u32) {
        let bit = index * usize::from(self.bits);
        (bit / 8, (bit % 8) as u32)
    }

    fn mask(&self) -> u8 {
        u8::MAX >> (8 - self.bits)
    }

    /// Sets the status of a token. One that the list does not have is left out.
    pub(crate) fn set(&mut self, index: usize, status: u8) {
        let (mask, (byte, shift)) = (self.mask(), self.place(index));
        if let Some(byte) = self.bytes.get_mut(byte) {
            *byte = *byte & !(mask << shift) | (status & mask) << shift;
        }
    }

    /// The status of a token; `None` if the list does not have it, in which case the token must be
    /// refused (§8.3).
    pub(crate) fn get(&self, index: usize) -> Option<u8> {
        let (byte, shift) = self.place(index);
        self.bytes.get(byte).map(|byte| byte >> shift & self.mask())
    }

    /// The `lst` of the list: zlib at its best compression, in base64url (§4.2).
    pub(crate) fn lst(&self) -> String {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        // Writing to memory cannot fail.
        let compressed = encoder.write_all(&self.bytes).and_then(|()| encoder.finish());
        URL_SAFE_NO_PAD.encode(compressed.unwrap_or_default())
    }

    /// Reads a `lst`. It may open to so many bytes: a list of a kilobyte can claim a megabyte.
    ///
    /// # Errors
    /// If it cannot be read, or is larger.
    pub(crate) fn read(bits: u8, lst: &str, most: usize) -> Result<StatusList, StatusListFault> {
        let empty = StatusList::new(bits, 0)?;
        let compressed = URL_SAFE_NO_PAD.decode(lst).map_err(|_| StatusListFault::Encoding)?;
        let mut bytes = Vec::new();
        let mut opened = ZlibDecoder::new(compressed.as_slice()).take(most as u64 + 1);
        opened.read_to_end(&mut bytes).map_err(|_| StatusListFault::Encoding)?;
        match bytes.len() > most {
            true => Err(StatusListFault::TooLarge),
            false => Ok(StatusList { bytes, ..empty }),
        }
    }
}

/// The `lst` of a list of so many bytes, all of them zero: a kilobyte opens to a megabyte.
pub(super) fn opening_to(bytes: u64) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Writing to memory cannot fail.
    let compressed = std::io::copy(&mut std::io::repeat(0).take(bytes), &mut encoder);
    let compressed = compressed.and_then(|_| encoder.finish());
    URL_SAFE_NO_PAD.encode(compressed.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 1 << 20;

    /// Appendix C: lists of 2^20 tokens, and every status in them that is not 0, or named.
    const VECTORS: &str = include_str!("status_list_vectors.json");

    #[derive(serde::Deserialize)]
    struct StatusListVector {
        bits: u8,
        lst: String,
        statuses: Vec<(usize, u8)>,
    }

    fn len(list: &StatusList) -> usize {
        list.bytes.len() * 8 / usize::from(list.bits)
    }

    fn all(list: &StatusList) -> Vec<u8> {
        (0..len(list)).filter_map(|index| list.get(index)).collect()
    }

    #[test]
    fn the_vectors_of_the_draft_hold() {
        // §4.1 and §4.2.
        let one = StatusList::read(1, "eNrbuRgAAhcBXQ", MOST).unwrap();
        assert_eq!(one.bytes, [0xb9, 0xa3]);
        assert_eq!(all(&one), [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]);
        assert_eq!(one.lst(), "eNrbuRgAAhcBXQ");
        let two = StatusList::read(2, "eNo76fITAAPfAgc", MOST).unwrap();
        assert_eq!(two.bytes, [0xc9, 0x44, 0xf9]);
        assert_eq!(all(&two), [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]);
        assert_eq!(two.lst(), "eNo76fITAAPfAgc");
    }

    #[test]
    fn the_large_vectors_of_the_draft_hold() {
        let vectors: Vec<StatusListVector> = serde_json::from_str(VECTORS).unwrap();
        assert_eq!(vectors.iter().map(|one| one.bits).collect::<Vec<u8>>(), [1, 2, 4, 8]);
        for StatusListVector { bits, lst, statuses } in vectors {
            let list = StatusList::read(bits, &lst, MOST).unwrap();
            assert_eq!(len(&list), 1 << 20);
            let mut due = StatusList::new(bits, 1 << 20).unwrap();
            statuses.iter().for_each(|(index, status)| due.set(*index, *status));
            assert_eq!(list, due, "{bits} bits");
            assert!(statuses.iter().all(|(index, status)| list.get(*index) == Some(*status)));
        }
    }

    #[test]
    fn what_is_set_is_read_in_all_sizes() {
        for bits in [1_u8, 2, 4, 8] {
            let mut list = StatusList::new(bits, 1000).unwrap();
            let status = |index: usize| (index * 31 % 256) as u8 & (u8::MAX >> (8 - bits));
            (0..1000).for_each(|index| list.set(index, 255));
            (0..1000).for_each(|index| list.set(index, status(index)));
            let read = StatusList::read(bits, &list.lst(), MOST).unwrap();
            assert!((0..1000).all(|index| read.get(index) == Some(status(index))), "{bits} bits");
            assert_eq!(read.get(1_000_000), None, "beyond the end");
        }
        assert_eq!(StatusList::new(3, 8), Err(StatusListFault::Bits));
    }

    #[test]
    fn a_list_that_is_none_is_refused() {
        let bomb = opening_to(MOST as u64 + 1);
        assert!(bomb.len() < 2_000, "a megabyte from {} characters", bomb.len());
        let rows = [
            (1, bomb.as_str(), StatusListFault::TooLarge),
            (1, "", StatusListFault::Encoding),
            (1, "eNrbuRgAAhcBXQ==", StatusListFault::Encoding),
            (1, "AAAA", StatusListFault::Encoding),
            (1, "eNrbuRgA", StatusListFault::Encoding),
            (5, "eNrbuRgAAhcBXQ", StatusListFault::Bits),
        ];
        for (bits, lst, fault) in rows {
            assert_eq!(StatusList::read(bits, lst, MOST), Err(fault), "{fault}");
        }
    }

    /// The draft's table of sizes, within a tenth (§13.7): a million tokens, of which a share is
    /// revoked, in kilobytes.
    #[test]
    fn lists_are_as_large_as_the_draft_says() {
        for (per_mille, kilobytes) in [(1, 2.2), (10, 13.7), (20, 23.0)] {
            let mut list = StatusList::new(1, 1_000_000).unwrap();
            let mut random = 1_u64;
            for index in 0..1_000_000 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                if (random >> 33) % 1000 < per_mille {
                    list.set(index, 1);
                }
            }
            let size = list.lst().len() as f64 * 0.75 / 1000.0;
            assert!((size / kilobytes - 1.0).abs() < 0.1, "{per_mille}: {size}, {kilobytes}");
        }
    }
}
