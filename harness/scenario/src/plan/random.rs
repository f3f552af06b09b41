//! The source of every random choice. Each use has an independent stream, named by its purpose, so
//! that adding one never changes another.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};

/// The random stream of `seed` for this purpose. The parts are length-prefixed, so that no two
/// lists of parts give the same stream.
pub fn stream(seed: u64, purpose: &[&str]) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    for part in purpose {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// A uniform draw from 0 (included) to 1 (excluded), with the 53 bits that an `f64` holds.
pub fn unit(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// A distribution over places, the k-th with a weight of 1/k (Zipf's law with exponent 1).
#[derive(Clone, Debug)]
pub(crate) struct Zipf(Vec<f64>);

impl Zipf {
    /// The distribution over this many places.
    pub(crate) fn new(count: u32) -> Zipf {
        let sums = (1..=count).scan(0.0, |sum, place| {
            *sum += 1.0 / f64::from(place);
            Some(*sum)
        });
        Zipf(sums.collect())
    }

    /// The place, counted from 0, for a uniform draw from 0 to 1.
    pub(crate) fn place(&self, draw: f64) -> u32 {
        let sought = draw * self.0.last().copied().unwrap_or(0.0);
        let place = self.0.partition_point(|sum| *sum <= sought);
        place.min(self.0.len().saturating_sub(1)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The weights of three places are 1, 1/2 and 1/3, which gives shares of 6, 3 and 2 elevenths.
    #[test]
    fn zipf_has_its_shares() {
        let zipf = Zipf::new(3);
        let rows = [(0.0, 0), (5.9 / 11.0, 0), (6.1 / 11.0, 1), (8.9 / 11.0, 1), (9.1 / 11.0, 2)];
        for (draw, place) in rows {
            assert_eq!(zipf.place(draw), place, "{draw}");
        }
        assert_eq!(zipf.place(1.0), 2, "never beyond the last");
        assert_eq!(Zipf::new(1).place(0.99), 0, "nowhere else to go");
    }
}
