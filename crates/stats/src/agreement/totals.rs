use super::facts::{Facts, Pattern, Patterns};
use super::weights::Weights;
use crate::estimate::Undefined;
use crate::sum::order_free_sum;

/// Sums over items that every coefficient without rater identity is a function of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Totals {
    /// Items with a rating, and with two.
    pub(super) items: f64,
    pub(super) pairable: f64,
    /// Σ Dᵢ / (rᵢ (rᵢ - 1)): item shares of disagreement.
    pub(super) item_shares: f64,
    /// Σ Dᵢ and Σ rᵢ (rᵢ - 1): pairs of ratings.
    pub(super) pair_disagreement: f64,
    pub(super) pairs: f64,
    /// Σ Dᵢ / (rᵢ - 1): disagreement per rating, as alpha weighs items.
    pub(super) rating_disagreement: f64,
    /// By label: Σ rᵢₖ / rᵢ over all items, and Σ rᵢₖ over items with two ratings.
    pub(super) shares: Vec<f64>,
    pub(super) pairable_counts: Vec<f64>,
}

/// A sum of shares below this is what subtraction left of 0: one rating adds 1 / r, and no item has a thousand million ratings.
const NONE: f64 = 1e-9;

/// An item in a draw: its ratings, the ordered pairs of them that are compared, and how much those disagree together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drawn {
    pub(super) ratings: f64,
    pub(super) pairs: f64,
    pub(super) disagreement: f64,
}

/// What one pattern adds for each of its items.
#[derive(Debug, Clone, Copy)]
struct Parts<'a> {
    pattern: Pattern<'a>,
    disagreement: f64,
}

impl Totals {
    /// Of all items as observed. No order of items, raters or labels changes a bit.
    pub(super) fn observed(facts: &Facts, weights: &Weights) -> Self {
        Self::of_patterns(&facts.patterns, weights)
    }

    pub(super) fn of_patterns(patterns: &Patterns, weights: &Weights) -> Self {
        let parts: Vec<Parts<'_>> =
            patterns.iter().map(|pattern| Parts { pattern, disagreement: pattern.disagreement(weights) }).collect();
        let pairable = || parts.iter().filter(|parts| parts.pattern.is_pairable());
        let sum = |part: fn(&Parts<'_>) -> f64| {
            order_free_sum(pairable().map(|parts| parts.pattern.items as f64 * part(parts)))
        };
        let mut shares = vec![Vec::new(); patterns.n_labels];
        let mut pairable_counts = vec![0_u64; patterns.n_labels];
        for Parts { pattern, .. } in &parts {
            for &(label, n) in pattern.labels {
                shares[label as usize].push(pattern.items as f64 * (f64::from(n) / pattern.ratings as f64));
                if pattern.is_pairable() {
                    pairable_counts[label as usize] += pattern.items * u64::from(n);
                }
            }
        }
        Self {
            items: parts.iter().map(|parts| parts.pattern.items).sum::<u64>() as f64,
            pairable: pairable().map(|parts| parts.pattern.items).sum::<u64>() as f64,
            item_shares: sum(|parts| parts.disagreement / parts.pattern.pairs() as f64),
            pair_disagreement: sum(|parts| parts.disagreement),
            pairs: sum(|parts| parts.pattern.pairs() as f64),
            rating_disagreement: sum(|parts| parts.disagreement / (parts.pattern.ratings - 1) as f64),
            shares: shares.into_iter().map(order_free_sum).collect(),
            pairable_counts: pairable_counts.into_iter().map(|n| n as f64).collect(),
        }
    }

    pub(super) fn zero(n_labels: usize) -> Self {
        Self {
            items: 0.0,
            pairable: 0.0,
            item_shares: 0.0,
            pair_disagreement: 0.0,
            pairs: 0.0,
            rating_disagreement: 0.0,
            shares: vec![0.0; n_labels],
            pairable_counts: vec![0.0; n_labels],
        }
    }

    /// Counts the items of one pattern `times` times more; `disagreement` is that of the pattern.
    pub(super) fn add_pattern(&mut self, pattern: Pattern<'_>, disagreement: f64, times: f64) {
        let labels = pattern.labels.iter().map(|&(label, n)| (label, f64::from(n)));
        let drawn = Drawn { ratings: pattern.ratings as f64, pairs: pattern.pairs() as f64, disagreement };
        self.add(labels, drawn, times);
    }

    /// Counts an item `times` times more whose labels have these counts.
    pub(super) fn add(&mut self, labels: impl Iterator<Item = (u32, f64)> + Clone, item: Drawn, times: f64) {
        self.items += times;
        let per_rating = times / item.ratings;
        for (label, n) in labels.clone() {
            self.shares[label as usize] += n * per_rating;
        }
        if item.pairs <= 0.0 {
            return;
        }
        self.pairable += times;
        self.item_shares += times * item.disagreement / item.pairs;
        self.pair_disagreement += times * item.disagreement;
        self.pairs += times * item.pairs;
        self.rating_disagreement += times * item.ratings * item.disagreement / item.pairs;
        for (label, n) in labels {
            self.pairable_counts[label as usize] += times * n;
        }
    }

    /// Ratings of items with at least two.
    pub(super) fn pairable_ratings(&self) -> f64 {
        self.pairable_counts.iter().sum()
    }

    /// By label: the mean over all items of the share of the item's ratings that are this label.
    pub(super) fn mean_shares(&self) -> Vec<f64> {
        self.shares.iter().map(|share| share / self.items).collect()
    }

    /// The mean over items with two ratings of the share of disagreement.
    pub(super) fn mean_disagreement(&self) -> f64 {
        self.item_shares / self.pairable
    }

    /// What these counts leave undefined for every chance-corrected coefficient.
    pub(super) fn check(&self) -> Result<(), Undefined> {
        if self.pairable == 0.0 {
            Err(Undefined::NoPairableItems)
        } else if self.shares.iter().filter(|&&share| share > NONE).count() < 2 {
            Err(Undefined::SingleCategory)
        } else {
            Ok(())
        }
    }
}
