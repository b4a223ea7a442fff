//! Sums whose result does not depend on the order of their terms, to the last bit.

use std::collections::BTreeMap;

/// The sum of `terms`: sorted first, then added with compensation.
pub(crate) fn order_free_sum(terms: impl IntoIterator<Item = f64>) -> f64 {
    let mut terms: Vec<f64> = terms.into_iter().collect();
    terms.sort_unstable_by(f64::total_cmp);
    let mut sum = CompensatedSum::default();
    for term in terms {
        sum.add(term);
    }
    sum.total()
}

/// A sum with compensation of the second order (Klein 2006): what additions round off is added up apart, and what that rounds off again.
/// Unless terms differ by more than some 45 digits in size, the total is the exact sum, rounded once, in whatever order they come.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CompensatedSum {
    sum: f64,
    lost: f64,
    lost_again: f64,
}

/// A way to add up: exactly, or fast where the order of the terms is fixed.
pub(crate) trait Sum: Copy + Default {
    fn add(&mut self, term: f64);
    fn total(self) -> f64;
}

impl Sum for f64 {
    fn add(&mut self, term: f64) {
        *self += term;
    }

    fn total(self) -> f64 {
        self
    }
}

impl Sum for CompensatedSum {
    fn add(&mut self, term: f64) {
        let (sum, rest) = add_exactly(self.sum, term);
        let (lost, rest) = add_exactly(self.lost, rest);
        self.sum = sum;
        self.lost = lost;
        self.lost_again += rest;
    }

    fn total(self) -> f64 {
        let (sum, rest) = add_exactly(self.sum, self.lost);
        let (rest, last) = add_exactly(rest, self.lost_again);
        let (sum, rest) = add_exactly(sum, rest);
        // Where `rest` is half a step and was rounded towards `sum`, what is left decides which way is the nearer one.
        let next = sum + 2.0 * rest;
        if rest * last > 0.0 && next - sum == 2.0 * rest { next } else { sum }
    }
}

/// The rounded sum and what rounding took from it: Knuth's TwoSum.
fn add_exactly(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let of_b = sum - a;
    (sum, (a - (sum - of_b)) + (b - of_b))
}

/// A sum of fractions, kept as exact integer numerators by denominator.
#[derive(Debug, Clone, Default)]
pub(crate) struct FractionSum {
    numerators: BTreeMap<u64, u128>,
}

impl FractionSum {
    /// Adds `times · numerator / denominator`; the denominator is not 0.
    pub(crate) fn add(&mut self, numerator: u64, denominator: u64, times: u64) {
        *self.numerators.entry(denominator).or_default() += u128::from(numerator) * u128::from(times);
    }

    pub(crate) fn total(&self) -> f64 {
        order_free_sum(self.numerators.iter().map(|(&denominator, &numerator)| numerator as f64 / denominator as f64))
    }
}

/// Adds up the counts of equal keys. Returns the keys in ascending order, each once.
pub(crate) fn tally<K: Ord + Copy>(mut counts: Vec<(K, u64)>) -> Vec<(K, u64)> {
    counts.sort_unstable_by_key(|&(key, _)| key);
    counts.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        if same {
            kept.1 += next.1;
        }
        same
    });
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sum_keeps_what_plain_addition_loses() {
        assert_eq!(order_free_sum([1e16, 1.0, -1e16, 1.0]), 2.0);
        assert_eq!(order_free_sum([]), 0.0);
    }

    #[test]
    fn compensation_makes_the_order_of_terms_irrelevant() {
        let terms = [0.1, 1e16, 3e-17, -1e16, 0.7, 1e-33, 0.2, -0.3];
        let sum = |terms: &mut dyn Iterator<Item = f64>| {
            let mut sum = CompensatedSum::default();
            terms.for_each(|term| sum.add(term));
            sum.total()
        };
        // Python: math.fsum(terms)
        let exact = 0.700_000_000_000_000_1;
        for turn in 0..terms.len() {
            let turned = || terms.iter().copied().cycle().skip(turn).take(terms.len());
            assert_eq!(sum(&mut turned()), exact);
            assert_eq!(sum(&mut turned().map(|term| -term)), -exact);
        }
        // Half a step above 1 is rounded down to an even number, unless there is anything else.
        let half_a_step = f64::EPSILON / 2.0;
        assert_eq!(sum(&mut [half_a_step, 1.0].into_iter()), 1.0);
        assert_eq!(sum(&mut [half_a_step, 1.0, 1e-40].into_iter()), 1.0 + f64::EPSILON);
        assert_eq!(sum(&mut [1e-40, 1.0, half_a_step].into_iter()), 1.0 + f64::EPSILON);
        assert_eq!(sum(&mut [1.0, half_a_step, -1e-40].into_iter()), 1.0);
    }

    #[test]
    fn fractions_add_exactly_within_a_denominator() {
        let mut sum = FractionSum::default();
        for _ in 0..10 {
            sum.add(1, 10, 3);
        }
        assert_eq!(sum.total(), 3.0);
    }

    #[test]
    fn tally_adds_equal_keys() {
        assert_eq!(tally(vec![(2, 1), (1, 5), (2, 3)]), vec![(1, 5), (2, 4)]);
    }
}
