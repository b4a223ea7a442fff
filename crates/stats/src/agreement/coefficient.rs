//! Coefficients of any number of raters that need label counts per item only: percent agreement, and what corrects it for chance.
//!
//! With D the weighted number of disagreeing pairs of an item and r its ratings, observed disagreement is a mean of D / (r (r - 1)),
//! expected disagreement a function of the label shares, and the coefficient 1 - observed / expected.

use super::curve::Size;
use super::facts::{Facts, Pattern};
use super::totals::Totals;
use super::weights::Weights;
use crate::estimate::{Estimate, Method};
use crate::interval;
use crate::sum::order_free_sum;

/// How a coefficient models the disagreement that chance would give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Chance {
    /// Labels drawn by their mean shares over items.
    Fleiss,
    /// Gwet's: the chance that a rating is random, times that of agreeing at random.
    Gwet,
    /// Every label equally likely.
    BrennanPrediger,
}

/// What one chance model says: the expected disagreement, and by label that of a rating of this label.
pub(super) struct Expected {
    pub(super) overall: f64,
    pub(super) of_label: Vec<f64>,
}

impl Chance {
    /// The expected disagreement of labels with these mean shares.
    pub(super) fn overall(self, shares: &[f64], weights: &Weights) -> f64 {
        self.expected(shares, weights).overall
    }

    pub(super) fn expected(self, shares: &[f64], weights: &Weights) -> Expected {
        let q = weights.n_labels() as f64;
        match self {
            Self::Fleiss => {
                let of_label = weights.disagreements(shares);
                let overall = order_free_sum(of_label.iter().zip(shares).map(|(apart, share)| apart * share));
                Expected { overall, of_label }
            }
            Self::Gwet => {
                let scale = weights.total() / (q * (q - 1.0));
                Expected {
                    overall: 1.0 - scale * order_free_sum(shares.iter().map(|share| share * (1.0 - share))),
                    of_label: shares.iter().map(|share| 1.0 - scale * (1.0 - share)).collect(),
                }
            }
            Self::BrennanPrediger => {
                let overall = 1.0 - weights.total() / (q * q);
                Expected { overall, of_label: vec![overall; shares.len()] }
            }
        }
    }
}

/// Percent agreement: the mean over items with at least two ratings of the (weighted) share of the item's rater pairs who agree.
///
/// The interval is that of a mean over items. For two raters it is irrCAC's `pa2` with n - 1 in place of n in the variance.
pub fn percent_agreement(facts: &Facts, weights: &Weights) -> Estimate {
    let sample = facts.pairable_sample();
    if let Err(reason) = facts.check_pairable() {
        return Estimate::undefined(reason, sample, Method::ItemMean);
    }
    let of_item = |pattern: Pattern<'_>| {
        let pairs = pattern.pairs() as f64;
        (pairs - pattern.disagreement(weights)) / pairs
    };
    let by_item: Vec<(f64, u64)> = facts.patterns.pairable().map(|pattern| (of_item(pattern), pattern.items)).collect();
    let value = order_free_sum(by_item.iter().map(|&(share, items)| share * items as f64)) / sample.items as f64;
    Estimate::spread(value, interval::from_items(value, &by_item), sample, Method::ItemMean)
        .of_share()
        .with_curve(Size::of(sample).map(|size| size.fixed_chance(1.0)))
}

/// Pooled percent agreement: the (weighted) share of agreeing pairs among all pairs of ratings of one item.
///
/// Items with more ratings weigh more than in [`percent_agreement`]; with equal numbers of ratings both are the same.
pub fn pooled_percent_agreement(facts: &Facts, weights: &Weights) -> Estimate {
    let sample = facts.pairable_sample();
    if let Err(reason) = facts.check_pairable() {
        return Estimate::undefined(reason, sample, Method::LinearisedRatio);
    }
    let totals = Totals::observed(facts, weights);
    let value = (totals.pairs - totals.pair_disagreement) / totals.pairs;
    let mean_pairs = totals.pairs / totals.pairable;
    let of_item = |pattern: Pattern<'_>| {
        let pairs = pattern.pairs() as f64;
        value + (pairs - pattern.disagreement(weights) - value * pairs) / mean_pairs
    };
    let by_item: Vec<(f64, u64)> = facts.patterns.pairable().map(|pattern| (of_item(pattern), pattern.items)).collect();
    Estimate::spread(value, interval::from_items(value, &by_item), sample, Method::LinearisedRatio)
        .of_share()
        .with_curve(Size::of(sample).map(|size| size.fixed_chance(1.0)))
}

/// Fleiss' kappa, for any number of ratings per item: chance agreement Σ wₖₗ πₖ πₗ, with πₖ the mean over items of the share of label k.
///
/// Fleiss (1971); Gwet (2014) for weights and unequal numbers of ratings; value and interval as irrCAC's `fleiss`. Items with one rating
/// count in chance agreement only.
pub fn fleiss_kappa(facts: &Facts, weights: &Weights) -> Estimate {
    corrected(facts, weights, Chance::Fleiss)
}

/// Gwet's AC1 (identity weights) and AC2: chance agreement T / (q (q - 1)) Σ πₖ (1 - πₖ), with q the labels of the code range and T the
/// sum of their weights.
///
/// Gwet (2008, 2014); value and interval as irrCAC's `gwet` when it is given the same labels. Items with one rating count in chance
/// agreement only.
pub fn gwet_ac(facts: &Facts, weights: &Weights) -> Estimate {
    corrected(facts, weights, Chance::Gwet)
}

/// Brennan and Prediger's coefficient (1981): chance agreement T / q². With identity weights also Bennett's S (1954) and Randolph's
/// free-marginal kappa (2005).
///
/// Value and interval as irrCAC's `bp` when it is given the same labels; its p-value is one-sided, ours never.
pub fn brennan_prediger(facts: &Facts, weights: &Weights) -> Estimate {
    corrected(facts, weights, Chance::BrennanPrediger)
}

fn corrected(facts: &Facts, weights: &Weights, chance: Chance) -> Estimate {
    let sample = facts.sample();
    let undefined = |reason| Estimate::undefined(reason, sample, Method::GwetLinearised);
    if let Err(reason) = facts.check_pairable() {
        return undefined(reason);
    }
    let totals = Totals::observed(facts, weights);
    if let Err(reason) = totals.check() {
        return undefined(reason);
    }
    let shares = totals.mean_shares();
    let expected = chance.expected(&shares, weights);
    let observed = totals.mean_disagreement();
    let value = 1.0 - observed / expected.overall;
    let inflation = totals.items / totals.pairable;
    let linearise = |pattern: Pattern<'_>| {
        let terms = pattern.labels.iter().map(|&(label, n)| f64::from(n) * expected.of_label[label as usize]);
        let item_expected = order_free_sum(terms) / pattern.ratings as f64;
        let excess = if pattern.is_pairable() {
            inflation * (expected.overall - pattern.disagreement(weights) / pattern.pairs() as f64)
        } else {
            0.0
        };
        (excess - 2.0 * (1.0 - value) * (expected.overall - item_expected)) / expected.overall
    };
    let by_item: Vec<(f64, u64)> = facts.patterns.iter().map(|pattern| (linearise(pattern), pattern.items)).collect();
    Estimate::spread(value, interval::from_items(value, &by_item), sample, Method::GwetLinearised)
        .with_chance(1.0 - observed, 1.0 - expected.overall)
        .with_curve(Size::of(facts.pairable_sample()).and_then(|size| match chance {
            Chance::Fleiss => size.margins(&shares, weights),
            Chance::Gwet | Chance::BrennanPrediger => Some(size.fixed_chance(expected.overall)),
        }))
}
