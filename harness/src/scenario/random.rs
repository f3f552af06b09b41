//! Every random choice comes from here: an independent stream for each use, named by its purpose,
//! so that adding one never reshuffles another.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};

/// The random stream of `seed` for this purpose. Parts are length-prefixed, so none can pass for
/// two.
pub(super) fn stream(seed: u64, purpose: &[&str]) -> ChaCha8Rng {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    for part in purpose {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    ChaCha8Rng::from_seed(hash.finalize().into())
}

/// An even draw from 0 (included) to 1 (excluded), with the 53 bits that an `f64` holds.
pub(super) fn unit(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}
