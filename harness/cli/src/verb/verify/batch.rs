//! Batches of lines that are judged in parallel: bounded in number and bytes, split evenly, and
//! kept in order.

use std::ops::Range;

use crate::own::lines::TokenLine;

/// The most lines of a batch.
const MAX_LINES: usize = 8192;
/// The most bytes of a batch; only its last line may exceed this.
const MAX_BYTES: usize = 8 << 20;

/// A batch of lines, copied one after the other.
#[derive(Default)]
pub struct LineBatch {
    bytes: Vec<u8>,
    lines: Vec<LinePlace>,
    /// The number of lines in earlier batches.
    before: u64,
}

/// The place of a line in a batch.
struct LinePlace {
    bytes: Range<usize>,
    /// The original length in bytes, which may be more than was kept.
    length: usize,
}

impl LineBatch {
    /// Whether another line fits.
    pub fn has_room(&self) -> bool {
        self.lines.len() < MAX_LINES && self.bytes.len() < MAX_BYTES
    }

    /// Whether the batch holds no line.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Adds a copy of a line.
    pub fn push(&mut self, line: &TokenLine<'_>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(line.token);
        let place = LinePlace { bytes: start..self.bytes.len(), length: line.length };
        self.lines.push(place);
    }

    /// Empties the batch for the next lines.
    pub fn clear(&mut self) {
        self.before += self.lines.len() as u64;
        self.bytes.clear();
        self.lines.clear();
    }

    /// The batch in as many pieces as there are workers, or fewer, in order.
    pub fn pieces(&self, workers: usize) -> Vec<Piece<'_>> {
        let size = self.lines.len().div_ceil(workers.max(1)).max(1);
        let piece = |(number, places)| {
            let first = self.before + (number * size) as u64 + 1;
            Piece { batch: self, places, first }
        };
        self.lines.chunks(size).enumerate().map(piece).collect()
    }
}

/// Some lines of a batch, for one worker.
pub struct Piece<'b> {
    batch: &'b LineBatch,
    places: &'b [LinePlace],
    first: u64,
}

impl<'b> Piece<'b> {
    /// The lines, each with its number, which starts at 1.
    pub fn lines(&self) -> impl Iterator<Item = (u64, TokenLine<'b>)> {
        let batch = self.batch;
        let line = move |place: &'b LinePlace| TokenLine {
            token: &batch.bytes[place.bytes.clone()],
            length: place.length,
        };
        (self.first..).zip(self.places.iter().map(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(batch: &LineBatch, workers: usize) -> Vec<Vec<(u64, Vec<u8>)>> {
        let of = |piece: &Piece<'_>| {
            piece.lines().map(|(number, line)| (number, line.token.to_vec())).collect()
        };
        batch.pieces(workers).iter().map(of).collect()
    }

    #[test]
    fn pieces_hold_every_line_once_and_in_order() {
        let mut batch = LineBatch::default();
        for round in 0..3u64 {
            for token in [&b"a"[..], b"", b"ccc", b"d", b"e"] {
                batch.push(&TokenLine { token, length: token.len() });
            }
            for workers in [1, 2, 3, 5, 8] {
                let pieces = numbers(&batch, workers);
                assert!(pieces.len() <= workers && !pieces.iter().any(Vec::is_empty));
                let all = pieces.concat();
                let expected: Vec<u64> = (round * 5 + 1..=round * 5 + 5).collect();
                assert_eq!(all.iter().map(|(number, _)| *number).collect::<Vec<_>>(), expected);
                assert_eq!((&all[1].1[..], &all[2].1[..]), (&b""[..], &b"ccc"[..]));
            }
            batch.clear();
        }
        assert!(batch.is_empty() && numbers(&batch, 2).is_empty());
    }
}
