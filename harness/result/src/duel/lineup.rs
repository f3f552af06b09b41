//! The order of the arms: a block is six rounds that read the same backwards, so that a drift of
//! the host affects all arms alike. Pure; the seed decides the order.

use rand_chacha::ChaCha8Rng;
use rand_core::{RngCore as _, SeedableRng as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One of the three arms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Arm {
    /// A: what is judged.
    Candidate,
    /// B: what it is compared with.
    Base,
    /// B once more, built anew: what it shows against the base is noise.
    Again,
}

/// The number of rounds in a block. Each arm has two.
pub const SLOTS: usize = 6;

/// The six orders of three arms. Without the third arm each block is A B B A or B A A B. Without
/// the candidate it is the same with base and base again.
const ORDERS: [[Arm; 3]; 6] = {
    use Arm::{Again, Base, Candidate};
    [
        [Candidate, Base, Again],
        [Again, Base, Candidate],
        [Base, Again, Candidate],
        [Candidate, Again, Base],
        [Again, Candidate, Base],
        [Base, Candidate, Again],
    ]
};

/// The order of the arms in each block. All six orders are used, in a seeded sequence, before one
/// is repeated.
pub fn lineup(blocks: u32, seed: u64) -> Vec<[Arm; SLOTS]> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut orders = ORDERS;
    let mut lineup = Vec::new();
    for block in 0..blocks as usize {
        let turn = block % orders.len();
        if turn == 0 {
            for last in (1..orders.len()).rev() {
                let other = (u64::from(rng.next_u32()) * (last as u64 + 1)) >> 32;
                orders.swap(last, other as usize);
            }
        }
        let [a, b, c] = orders[turn];
        lineup.push([a, b, c, c, b, a]);
    }
    lineup
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without(block: &[Arm; SLOTS], arm: Arm) -> Vec<Arm> {
        block.iter().copied().filter(|other| *other != arm).collect()
    }

    #[test]
    fn a_block_is_abba_or_baab_for_any_two() {
        use Arm::{Again, Base, Candidate};
        for block in lineup(60, 3) {
            for (left_out, a, b) in
                [(Again, Candidate, Base), (Candidate, Base, Again), (Base, Candidate, Again)]
            {
                let rest = without(&block, left_out);
                assert!(rest == [a, b, b, a] || rest == [b, a, a, b], "{block:?}");
            }
        }
    }

    #[test]
    fn orders_are_balanced_and_seeded() {
        let one = lineup(60, 3);
        let first = one.iter().filter(|block| {
            without(block, Arm::Again).first().is_some_and(|arm| *arm == Arm::Candidate)
        });
        assert_eq!(first.count(), 30, "A B B A as often as B A A B");
        assert_eq!(one, lineup(60, 3), "the seed decides");
        assert_ne!(one, lineup(60, 4), "another seed, another order");
        assert!(lineup(0, 1).is_empty());
    }
}
