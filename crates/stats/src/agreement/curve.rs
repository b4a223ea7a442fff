//! What the score intervals of coefficients need to know: how their variance depends on the true figure.

use super::weights::Weights;
use crate::estimate::Sample;
use crate::interval::{ChanceMoments, VarianceCurve};
use crate::sum::order_free_sum;

/// The items with at least two ratings, and how many raters they have on average.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    items: u64,
    raters: f64,
}

impl Size {
    /// None for a single item, which has no spread.
    pub(super) fn of(pairable: Sample) -> Option<Self> {
        (pairable.items >= 2)
            .then(|| Self { items: pairable.items, raters: pairable.ratings as f64 / pairable.items as f64 })
    }

    /// Items that two raters have labelled, or that one is compared on with the others.
    pub(super) fn of_two(items: u64) -> Option<Self> {
        Self::of(Sample { items, ratings: 2 * items, raters: 2 })
    }

    /// Of agreement whose chance does not follow from the label shares; a share has an expected disagreement of 1.
    pub(super) fn fixed_chance(self, expected: f64) -> VarianceCurve {
        VarianceCurve::of_fixed_chance(expected, self.items, self.raters)
    }

    /// Of agreement corrected for chance by labels with these shares, by label code. None when no two labels disagree.
    pub(super) fn margins(self, shares: &[f64], weights: &Weights) -> Option<VarianceCurve> {
        let of_label = weights.disagreements(shares);
        let used = (0..).zip(shares.iter().copied()).filter(|&(_, share)| share > 0.0);
        self.of_labels(
            &used.map(|(label, share)| (label, share, of_label[label as usize])).collect::<Vec<_>>(),
            weights,
        )
    }

    /// The same of labels with these counts; cheap when they are few of many.
    pub(super) fn counted(self, counts: &[(u32, u64)], weights: &Weights) -> Option<VarianceCurve> {
        if weights.is_identity() {
            return self.nominal(counts);
        }
        let counts: Vec<(u32, f64)> = counts.iter().map(|&(label, n)| (label, n as f64)).collect();
        let of_label = weights.disagreements_with(counts.iter().map(|&(label, _)| label), &counts);
        let labels = counts.iter().zip(of_label).map(|(&(label, n), apart)| (label, n, apart));
        self.of_labels(&labels.collect::<Vec<_>>(), weights)
    }

    /// In whole numbers, so that no sum depends on its order: this is done for every pair of raters.
    fn nominal(self, counts: &[(u32, u64)]) -> Option<VarianceCurve> {
        let total = counts.iter().map(|&(_, n)| u128::from(n)).sum::<u128>();
        let apart = |n: u64| total - u128::from(n);
        let mean = counts.iter().map(|&(_, n)| u128::from(n) * apart(n)).sum::<u128>();
        let of_label = counts.iter().map(|&(_, n)| u128::from(n) * apart(n) * apart(n)).sum::<u128>();
        let all = total as f64;
        let mean = mean as f64 / (all * all);
        let chance = ChanceMoments { mean, square: mean, of_label: of_label as f64 / (all * all * all) };
        (mean > 0.0).then(|| VarianceCurve::of_margins(chance, self.items, self.raters))
    }

    /// From labels with their shares, and how much each disagrees with labels of these shares.
    fn of_labels(self, labels: &[(u32, f64, f64)], weights: &Weights) -> Option<VarianceCurve> {
        let total = order_free_sum(labels.iter().map(|&(_, share, _)| share));
        let mean = order_free_sum(labels.iter().map(|&(_, share, apart)| share * apart)) / (total * total);
        let square =
            || weights.mean_square(&labels.iter().map(|&(label, share, _)| (label, share)).collect::<Vec<_>>());
        let chance = ChanceMoments {
            mean,
            square: if weights.is_identity() { mean } else { square() },
            of_label: order_free_sum(labels.iter().map(|&(_, share, apart)| share * apart * apart)) / total.powi(3),
        };
        (mean > 0.0).then(|| VarianceCurve::of_margins(chance, self.items, self.raters))
    }

    /// Of specific agreement on a label with this share of the ratings.
    pub(super) fn label(self, share: f64) -> VarianceCurve {
        VarianceCurve::of_label(share, self.items, self.raters)
    }
}

#[cfg(test)]
mod tests {
    use super::super::weights::Scheme;
    use super::*;

    fn near(found: VarianceCurve, expected: VarianceCurve) -> bool {
        [1.0, 0.8, 0.3, 0.0].iter().all(|&value| {
            let (found, expected) = (found.interval(value, 0.1), expected.interval(value, 0.1));
            (found.low - expected.low).abs() < 1e-12 && (found.high - expected.high).abs() < 1e-12
        })
    }

    #[test]
    fn counts_and_shares_of_labels_give_the_same() {
        let size = Size { items: 40, raters: 3.25 };
        for scheme in [Scheme::Identity, Scheme::Linear, Scheme::Ordinal] {
            let weights = Weights::by_rank(scheme, 5);
            let counted = size.counted(&[(0, 100), (2, 20), (4, 10)], &weights);
            let shares = size.margins(&[100.0 / 130.0, 0.0, 20.0 / 130.0, 0.0, 10.0 / 130.0], &weights);
            assert!(counted.zip(shares).is_some_and(|(counted, shares)| near(counted, shares)), "{scheme}");
        }
    }

    #[test]
    fn one_label_or_one_item_have_no_curve() {
        let size = Size { items: 40, raters: 2.0 };
        let weights = Weights::identity(2);
        assert_eq!((size.counted(&[(1, 80)], &weights), size.margins(&[0.0, 1.0], &weights)), (None, None));
        assert!(Size::of_two(1).is_none());
    }
}
