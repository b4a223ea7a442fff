//! Alpha and its linearisation from what each pattern of items brings in, for any distance.

use crate::sum::order_free_sum;

/// One pattern of items that have two ratings or more, with nᵢₖ ratings of label k and nᵢ in all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) ratings: u64,
    pub(super) items: u64,
    /// Σₖ Σₗ nᵢₖ nᵢₗ d(k, l) / (nᵢ - 1).
    pub(super) observed: f64,
    /// Σₖ nᵢₖ Σₗ nₗ d(k, l), with nₗ the ratings of label l on all items.
    pub(super) expected: f64,
}

/// Alpha with the constants of its linearisation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Linearised {
    pub(super) alpha: f64,
    /// Alpha without its small-sample term: the mean of the linearised values.
    pub(super) centre: f64,
    mean_ratings: f64,
    ratings: f64,
    observed: f64,
    expected: f64,
}

impl Linearised {
    /// None when no two ratings differ: 0/0.
    pub(super) fn of(terms: &[Terms]) -> Option<Self> {
        let items: u64 = terms.iter().map(|term| term.items).sum();
        let ratings: u64 = terms.iter().map(|term| term.items * term.ratings).sum();
        let observed = order_free_sum(terms.iter().map(|term| term.items as f64 * term.observed));
        let expected = order_free_sum(terms.iter().map(|term| term.items as f64 * term.expected));
        (expected > 0.0).then(|| {
            let n = ratings as f64;
            Self {
                alpha: 1.0 - (n - 1.0) * observed / expected,
                centre: 1.0 - n * observed / expected,
                mean_ratings: n / items as f64,
                ratings: n,
                observed: observed / n,
                expected: expected / (n * n),
            }
        })
    }

    /// Observed agreement, with the small-sample term of alpha.
    pub(super) fn agreement(&self) -> f64 {
        1.0 - (1.0 - 1.0 / self.ratings) * self.observed
    }

    /// The agreement that chance would give.
    pub(super) fn chance(&self) -> f64 {
        1.0 - self.expected
    }

    /// What an item contributes: the linearisation of Gwet (2014) as irrCAC's `krippendorff` has it, written with distances in
    /// place of weights 1 - d, so that their scale does not matter.
    pub(super) fn value(&self, term: &Terms) -> f64 {
        let ratings = term.ratings as f64;
        let excess = (ratings - self.mean_ratings) / self.mean_ratings;
        let shrunk = self.observed * (1.0 - 1.0 / self.ratings);
        let agreement = 1.0 + (excess * shrunk - term.observed / self.mean_ratings) / self.expected;
        let chance = term.expected / (self.ratings * self.mean_ratings * self.expected);
        agreement - 2.0 * (1.0 - self.centre) * (1.0 + excess - chance)
    }
}
