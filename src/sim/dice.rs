//! Chance that can be repeated.
//!
//! Two kinds are needed. What a scenario *is* comes from a sequence ([`Dice`]): one throw after the other. What
//! happens to a frame *within* a run comes from [`noise`], which depends on the frame and on nothing else: when
//! the shrinker takes a fault away, every other frame keeps its fate.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// A sequence of throws that a seed decides, today and in ten years.
#[derive(Debug, Clone)]
pub struct Dice(Xoshiro256PlusPlus);

impl Dice {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Dice(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`, which is 1 at least.
    pub fn below(&mut self, bound: u64) -> u64 {
        scaled(self.any(), bound)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// Yes, so many times in a hundred.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of several, of which there is one at least.
    pub fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

/// A number that depends on `seed` and `about` alone.
pub fn noise(seed: u64, about: [u64; 3]) -> u64 {
    about.into_iter().fold(seed, |state, word| mix(state ^ mix(word)))
}

/// What [`noise`] says, brought below `bound`; 0 if that is 0.
pub fn noise_below(bound: u64, seed: u64, about: [u64; 3]) -> u64 {
    scaled(noise(seed, about), bound)
}

fn scaled(any: u64, bound: u64) -> u64 {
    ((u128::from(any) * u128::from(bound)) >> 64) as u64
}

/// The finisher of SplitMix64: every bit of the result depends on every bit of the word.
fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_the_same_for_ever() {
        let mut dice = Dice::new(7);
        let thrown: Vec<u64> = (0..8).map(|_| dice.below(1_000)).collect();
        assert_eq!(thrown, [55, 172, 717, 427, 963, 465, 723, 329]);
        assert_eq!(noise(7, [1, 2, 3]), noise(7, [1, 2, 3]));
        assert_ne!(noise(7, [1, 2, 3]), noise(7, [1, 3, 2]));
    }

    #[test]
    fn bounds_hold() {
        let mut dice = Dice::new(1);
        for _ in 0..1_000 {
            assert!((3..=5).contains(&dice.between(3, 5)));
        }
        assert_eq!(noise_below(0, 1, [1, 1, 1]), 0);
        assert!(!Dice::new(1).percent(0) && Dice::new(1).percent(100));
    }
}
