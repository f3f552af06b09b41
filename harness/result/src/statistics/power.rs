//! The power of a number of blocks: the smallest effect that they detect, and the number of blocks
//! that an effect needs. Pure.

/// z(0.975) + z(0.8): an effect this many standard errors from zero is detected four times out of
/// five, at an error rate of 5 %.
pub const POWER_FACTOR: f64 = 2.8;

/// The smallest effect that `blocks` differences with this deviation (natural logarithms) would
/// detect four times out of five, as a fraction.
pub fn minimum_effect(deviation: f64, blocks: usize) -> f64 {
    (POWER_FACTOR * deviation / (blocks.max(1) as f64).sqrt()).exp_m1()
}

/// The number of blocks needed to detect an effect of this fraction four times out of five.
pub fn blocks_needed(deviation: f64, effect: f64) -> u32 {
    let blocks = POWER_FACTOR * deviation / effect.ln_1p();
    // Beyond a u32 the conversion saturates, which is intended.
    (blocks * blocks).ceil() as u32
}

/// The least number of blocks with which the smallest p of the sign-flip test, 2/2^n, gets below
/// `alpha` if `tests` share it.
pub fn blocks_for_alpha(alpha: f64, tests: usize) -> u32 {
    let fits = |blocks: &u32| 2.0 * tests.max(1) as f64 / 2f64.powi(*blocks as i32) < alpha;
    (1..64).find(fits).unwrap_or(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effect_and_blocks_are_each_others_inverse() {
        // 2.8 x 0.02 / 4 = 0.014.
        assert!((minimum_effect(0.02, 16) - 0.014f64.exp_m1()).abs() < 1e-12);
        // (2.8 x 0.02 / ln 1.03)^2 = 3.59.
        assert_eq!(blocks_needed(0.02, 0.03), 4);
        // (2.8 x 0.1 / ln 1.03)^2 = 89.7.
        assert_eq!(blocks_needed(0.1, 0.03), 90);
        for deviation in [0.005, 0.02, 0.3] {
            let blocks = blocks_needed(deviation, 0.01);
            assert!(minimum_effect(deviation, blocks as usize) <= 0.01, "{deviation}");
        }
        assert_eq!(blocks_needed(0.0, 0.03), 0, "what never differs needs no blocks");
        assert_eq!(blocks_needed(0.1, 0.0), u32::MAX, "no number of blocks shows nothing");
    }

    #[test]
    fn the_sign_flip_test_needs_blocks_for_its_gates() {
        for (tests, blocks) in [(1, 6), (2, 7), (3, 7), (4, 8), (8, 9)] {
            assert_eq!(blocks_for_alpha(0.05, tests), blocks, "{tests}");
        }
    }
}
