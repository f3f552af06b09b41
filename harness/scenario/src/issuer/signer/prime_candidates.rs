//! Random numbers for the generator of RSA keys, without most of those that it would refuse. The
//! generator takes each as a candidate for a prime, and tests it with powers of a thousand bits. A
//! candidate with a small factor fails that test, so leaving it out changes no key.

use std::sync::LazyLock;

use rand_chacha::ChaCha8Rng;
use rand_core::{CryptoRng, Error, RngCore};

/// The factors that are tried are below this.
const LIMIT: usize = 1 << 12;
/// The factors that the generator tries itself, before it takes a candidate or the next odd number.
const OWN: [u64; 15] = [3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53];

/// The odd primes from 59 up to [`LIMIT`] in pairs, each with its product.
static PAIRS: LazyLock<Vec<(u64, [u64; 2])>> = LazyLock::new(|| {
    let mut is_composite = vec![false; LIMIT];
    let mut primes = Vec::new();
    for number in 2..LIMIT {
        if !is_composite[number] {
            primes.push(number as u64);
            (number * number..LIMIT).step_by(number).for_each(|at| is_composite[at] = true);
        }
    }
    let rest: Vec<u64> = primes.into_iter().filter(|prime| *prime > OWN[14]).collect();
    rest.chunks_exact(2).map(|pair| (pair[0] * pair[1], [pair[0], pair[1]])).collect()
});

/// A random generator for keys whose primes have a whole number of bytes.
pub(super) struct PrimeCandidates<'r>(pub(super) &'r mut ChaCha8Rng);

impl RngCore for PrimeCandidates<'_> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        loop {
            self.0.fill_bytes(bytes);
            if !has_small_factor(bytes) {
                return;
            }
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for PrimeCandidates<'_> {}

/// Whether the number that the generator makes of these bytes has a small factor. It sets the upper
/// two bits and the lowest one, and adds the least even number that leaves none of [`OWN`].
fn has_small_factor(bytes: &[u8]) -> bool {
    let last = bytes.len().saturating_sub(1);
    let byte = |(place, byte): (usize, &u8)| {
        u64::from(byte | if place == 0 { 0xc0 } else { 0 } | u8::from(place == last))
    };
    let fixed: Vec<u64> = bytes.iter().enumerate().map(byte).collect();
    let words: Vec<u64> =
        fixed.chunks(4).map(|word| word.iter().fold(0, |sum, byte| sum << 8 | byte)).collect();
    // The first word of a number that is no multiple of four bytes would be another one.
    if !bytes.len().is_multiple_of(4) {
        return false;
    }
    let remainder = |by: u64| words.iter().fold(0, |rest, word| (rest << 32 | word) % by);
    let own = OWN.map(|prime| (prime, remainder(prime)));
    let leaves_none =
        |added: &u64| own.iter().all(|(prime, rest)| !(rest + added).is_multiple_of(*prime));
    let Some(added) = (0..1 << 20).step_by(2).find(leaves_none) else {
        return false;
    };
    PAIRS.iter().any(|(product, pair)| {
        let rest = remainder(*product) + added;
        pair.iter().any(|prime| rest.is_multiple_of(*prime))
    })
}

#[cfg(test)]
mod tests {
    use rand_core::SeedableRng as _;
    use rsa_signer::RsaPrivateKey;

    use super::*;

    /// The keys are those that the generator makes of all candidates.
    #[test]
    fn no_key_changes() {
        for (seed, bits) in [(1, 1024), (2, 1024), (3, 1024), (4, 1152), (5, 2048)] {
            let mut all = ChaCha8Rng::seed_from_u64(seed);
            let mut few = all.clone();
            let expected = RsaPrivateKey::new(&mut all, bits).unwrap();
            let got = RsaPrivateKey::new(&mut PrimeCandidates(&mut few), bits).unwrap();
            assert!(got == expected, "seed {seed}, {bits} bits");
            assert_eq!(few.get_word_pos(), all.get_word_pos(), "and nothing more is drawn");
        }
    }

    #[test]
    fn a_candidate_is_what_the_generator_makes_of_it() {
        let with = |low: u64| [[0xff; 24].as_slice(), &low.to_be_bytes()].concat();
        let mut rejected = 0;
        for low in (0..2_000).step_by(7) {
            rejected += u32::from(has_small_factor(&with(low)));
        }
        // Of numbers without a factor up to 53, ln 53 / ln 4096 have none up to 4096.
        assert!((120..=180).contains(&rejected), "{rejected} of 286");
    }
}
