use super::super::weights::Weights;
use crate::sum::order_free_sum;

/// The raters of a draw as Conger's chance disagreement sees them: its sums over raters.
#[derive(Debug, Clone)]
pub(super) struct Crew {
    /// By label: Σ of the raters' shares.
    pub(super) all: Vec<f64>,
    /// Σ of each rater's spread: what would be compared with itself.
    pub(super) within: f64,
    pub(super) raters: f64,
    /// Σ of squared copies.
    squares: f64,
}

impl Crew {
    pub(super) fn empty(n_labels: usize) -> Self {
        Self { all: vec![0.0; n_labels], within: 0.0, raters: 0.0, squares: 0.0 }
    }

    /// Adds a rater who chose each label so often and is there `copies` times; the counts become shares.
    pub(super) fn add(&mut self, counts: &mut [f64], copies: f64, weights: &Weights) {
        let ratings: f64 = counts.iter().sum();
        if ratings <= 0.0 || copies <= 0.0 {
            return;
        }
        counts.iter_mut().for_each(|share| *share *= copies / ratings);
        self.all.iter_mut().zip(counts.iter()).for_each(|(all, share)| *all += share);
        self.within += spread(counts, weights);
        self.raters += copies;
        self.squares += copies * copies;
    }

    /// The mean over ordered pairs of different raters of their expected disagreement; 0 where there is no pair.
    pub(super) fn expected(&self, weights: &Weights) -> f64 {
        let pairs = self.raters * self.raters - self.squares;
        if pairs > 0.0 { (spread(&self.all, weights) - self.within) / pairs } else { 0.0 }
    }
}

/// Σ (1 - wₖₗ) sharesₖ sharesₗ.
pub(super) fn spread(shares: &[f64], weights: &Weights) -> f64 {
    if weights.is_identity() {
        // Labels without a share add nothing, and need not be sorted.
        let total = order_free_sum(shares.iter().copied().filter(|&share| share != 0.0));
        return shares.iter().map(|share| (total - share) * share).sum();
    }
    weights.disagreements(shares).iter().zip(shares).map(|(apart, share)| apart * share).sum()
}
