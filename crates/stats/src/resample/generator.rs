/// The generator xoshiro256++ of Blackman and Vigna (ACM Transactions on Mathematical Software 47, 2021).
///
/// One independent stream for each (seed, index): a replicate draws from the stream of its own number, so it is the same
/// whichever thread makes it and however many replicates there are. Whole numbers alone decide the state: the stream is the same
/// on every platform. Not for secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generator {
    state: [u64; 4],
}

impl Generator {
    /// The stream `index` of `seed`.
    ///
    /// SplitMix64 fills the state, as the authors advise, from a starting point that mixes both numbers. For one seed the starting
    /// points of all streams differ; that two of a million streams overlap in a billion draws has a probability below 1e-50.
    pub fn stream(seed: u64, index: u64) -> Self {
        let mut filler = SplitMix { state: mix(mix(seed.wrapping_add(GOLDEN)).wrapping_add(index)) };
        Self { state: [filler.next(), filler.next(), filler.next(), filler.next()] }
    }

    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// A whole number below `bound`, each with exactly the same probability (Lemire 2019); 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        loop {
            let (number, rest) = self.scaled(bound);
            // Of the 2^64 outcomes the first 2^64 mod bound are too many; the division is needed only near them.
            if rest >= bound || rest >= bound.wrapping_neg() % bound.max(1) {
                return number;
            }
        }
    }

    /// A multiple of 2^-53 in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// A random word times `bound`, in units of 2^64: the whole part, below `bound`, and the fraction.
    pub(super) fn scaled(&mut self, bound: u64) -> (u64, u64) {
        let product = u128::from(self.next_u64()) * u128::from(bound);
        ((product >> 64) as u64, product as u64)
    }
}

/// 2^64 divided by the golden ratio, odd.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64 (Steele, Lea and Flood 2014).
struct SplitMix {
    state: u64,
}

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }
}

/// The finaliser of SplitMix64: a permutation of the 64-bit numbers in which every bit depends on every other.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::super::chi_squared::assert_fits;
    use super::*;

    #[test]
    fn words_are_those_of_the_authors_code() {
        // xoshiro256plusplus.c of prng.di.unimi.it with the state 1, 2, 3, 4
        let mut generator = Generator { state: [1, 2, 3, 4] };
        let words: [u64; 6] = std::array::from_fn(|_| generator.next_u64());
        let expected = [
            41_943_041,
            58_720_359,
            3_588_806_011_781_223,
            3_591_011_842_654_386,
            9_228_616_714_210_784_205,
            9_973_669_472_204_895_162,
        ];
        assert_eq!(words, expected);
        // splitmix64.c with the state 1234567
        let mut filler = SplitMix { state: 1_234_567 };
        let words = [filler.next(), filler.next(), filler.next()];
        assert_eq!(words, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn streams_differ_and_come_back() {
        let mut first: Vec<u64> = (0..1000).map(|index| Generator::stream(7, index).next_u64()).collect();
        assert_eq!(first[3], Generator::stream(7, 3).next_u64());
        assert_ne!(Generator::stream(7, 3), Generator::stream(3, 7));
        first.sort_unstable();
        first.dedup();
        assert_eq!(first.len(), 1000);
    }

    #[test]
    fn every_number_below_the_bound_is_equally_likely() {
        let mut generator = Generator::stream(1, 0);
        let mut counts = [0_u64; 7];
        for _ in 0..70_000 {
            counts[generator.below(7) as usize] += 1;
        }
        assert_fits(&counts, &[1.0 / 7.0; 7]);
        // Here a quarter of the words has to be rejected: without that the thirds would be 1 to 1 to 2.
        let bound = 3 << 62;
        let mut thirds = [0_u64; 3];
        for _ in 0..30_000 {
            thirds[(generator.below(bound) >> 62) as usize] += 1;
        }
        assert_fits(&thirds, &[1.0 / 3.0; 3]);
        assert_eq!((generator.below(0), generator.below(1)), (0, 0));
    }

    #[test]
    fn units_fill_their_range_evenly() {
        let mut generator = Generator::stream(2, 0);
        let mut tenths = [0_u64; 10];
        for _ in 0..50_000 {
            tenths[(generator.unit() * 10.0) as usize] += 1;
        }
        assert_fits(&tenths, &[0.1; 10]);
    }
}
