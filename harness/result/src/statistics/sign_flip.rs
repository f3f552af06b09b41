//! The sign-flip test: if two arms do not differ, each block's difference could as well have had
//! the other sign. It is exact up to 16 blocks. Above that it uses a seeded sample of the patterns.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore as _, SeedableRng as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The number of blocks up to which every pattern of signs is tried.
pub const EXACT_BLOCKS: usize = 16;
/// The number of patterns drawn if there are too many to try.
const PATTERNS: u32 = 99_999;

/// What the test says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SignFlip {
    /// Two-sided: the share of patterns whose sum is at least as far from zero.
    pub p: f64,
    /// Whether every pattern was tried; false for a sample of them.
    pub exact: bool,
}

/// Tests whether differences are centred on zero.
pub fn sign_flip(differences: &[f64], seed: u64) -> SignFlip {
    let size: f64 = differences.iter().map(|difference| difference.abs()).sum();
    // Sums in another order are rounded differently.
    let limit = differences.iter().sum::<f64>().abs() - size * 1e-12;
    if differences.len() <= EXACT_BLOCKS {
        let patterns = 1u32 << differences.len();
        let far = |pattern: &u32| flipped(differences, |place| pattern >> place & 1 == 1) >= limit;
        let hits = (0..patterns).filter(far).count();
        return SignFlip { p: hits as f64 / f64::from(patterns), exact: true };
    }
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut signs = vec![0u8; differences.len()];
    let mut hits = 0u32;
    for _ in 0..PATTERNS {
        rng.fill_bytes(&mut signs);
        hits += u32::from(flipped(differences, |place| signs[place] & 1 == 1) >= limit);
    }
    // The observed pattern is counted as one of the patterns, so p is never zero.
    SignFlip { p: f64::from(hits + 1) / f64::from(PATTERNS + 1), exact: false }
}

/// The absolute value of the sum with some signs flipped.
fn flipped(differences: &[f64], is_flipped: impl Fn(usize) -> bool) -> f64 {
    let signed = differences.iter().enumerate();
    signed.map(|(place, value)| if is_flipped(place) { -value } else { *value }).sum::<f64>().abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fisher, The Design of Experiments (1935), section 21: Darwin's 15 pairs of Zea mays, in
    /// eighths of an inch. 863 of the 32 768 patterns sum to 314 or more, on either side.
    const DARWIN: [f64; 15] =
        [49., -67., 8., 16., 6., 23., 28., 41., 14., 29., 56., 24., 75., 60., -48.];

    #[test]
    fn darwins_maize_has_fishers_p() {
        let test = sign_flip(&DARWIN, 1);
        assert_eq!(test, SignFlip { p: 2.0 * 863.0 / 32_768.0, exact: true });
    }

    #[test]
    fn p_is_as_small_as_the_blocks_allow() {
        let rows: [(&[f64], f64, &str); 6] = [
            (&[0.1; 6], 2.0 / 64.0, "all on one side: 2 in 2^6"),
            (&[-0.1; 8], 2.0 / 256.0, "the side does not matter"),
            (&[1.0, 2.0, 3.0], 2.0 / 8.0, "three cannot say more"),
            (&[3.0, -1.0], 1.0, "2 or 4 from zero, never less"),
            (&[0.0; 6], 1.0, "no difference at all"),
            (&[], 1.0, "no blocks"),
        ];
        for (differences, p, why) in rows {
            assert_eq!(sign_flip(differences, 1), SignFlip { p, exact: true }, "{why}");
        }
    }

    #[test]
    fn above_16_blocks_a_sample_stands_for_all() {
        let mut differences = DARWIN.to_vec();
        // Zeros change no sum, so p is still Fisher's. With 17 values not all patterns are tried.
        differences.extend([0.0, 0.0]);
        let test = sign_flip(&differences, 1);
        let published = 2.0 * 863.0 / 32_768.0;
        assert!(!test.exact && (test.p - published).abs() < 0.004, "{test:?}");
        assert_eq!(test, sign_flip(&differences, 1), "the seed decides");
        assert!(sign_flip(&[1.0; 40], 1).p > 0.0, "never zero");
    }
}
