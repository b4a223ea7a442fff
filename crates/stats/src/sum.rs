//! Sums whose result does not depend on the order of their terms, to the last bit.

use std::collections::BTreeMap;

/// The sum of `terms`: sorted first, then added with Neumaier's compensation.
pub(crate) fn order_free_sum(terms: impl IntoIterator<Item = f64>) -> f64 {
    let mut terms: Vec<f64> = terms.into_iter().collect();
    terms.sort_unstable_by(f64::total_cmp);
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for term in terms {
        let next = sum + term;
        lost += if sum.abs() >= term.abs() { (sum - next) + term } else { (term - next) + sum };
        sum = next;
    }
    sum + lost
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
