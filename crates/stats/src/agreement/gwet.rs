//! Coefficients that correct the item-mean percent agreement for chance agreement computed from the mean label shares.
//! Following Gwet (2014) and irrCAC, items with a single rating count in chance agreement and not in percent agreement.

use super::facts::{Facts, Pattern};
use crate::estimate::{Estimate, Method, Undefined};
use crate::interval;
use crate::sum::{FractionSum, order_free_sum};

/// Fleiss' kappa, for any number of ratings per item: chance agreement Σ πₖ², with πₖ the mean over items of the share of label k.
///
/// Fleiss (1971); Gwet (2014) for unequal numbers of ratings; value and interval as irrCAC's `fleiss`.
pub fn fleiss_kappa(facts: &Facts) -> Estimate {
    corrected(facts, |shares| Chance {
        overall: order_free_sum(shares.iter().map(|share| share * share)),
        of_label: shares.to_vec(),
    })
}

/// Gwet's AC1: chance agreement Σ πₖ (1 - πₖ) / (q - 1), with q the number of labels that occur.
///
/// Gwet (2008); value and interval as irrCAC's `gwet` when it is given the labels that occur.
pub fn gwet_ac1(facts: &Facts) -> Estimate {
    corrected(facts, |shares| {
        let others = shares.iter().filter(|&&share| share > 0.0).count() as f64 - 1.0;
        Chance {
            overall: order_free_sum(shares.iter().map(|share| share * (1.0 - share))) / others,
            of_label: shares.iter().map(|share| (1.0 - share) / others).collect(),
        }
    })
}

struct Chance {
    overall: f64,
    /// By label code: the chance that another rating agrees with one of this label, as the coefficient models it.
    of_label: Vec<f64>,
}

fn corrected(facts: &Facts, chance_of: impl Fn(&[f64]) -> Chance) -> Estimate {
    let sample = facts.sample();
    let undefined = |reason| Estimate::undefined(reason, sample, Method::GwetLinearised);
    if let Err(reason) = facts.check_pairable() {
        return undefined(reason);
    }
    let shares = mean_shares(facts);
    if shares.iter().filter(|&&share| share > 0.0).count() < 2 {
        return undefined(Undefined::SingleCategory);
    }
    let chance = chance_of(&shares);
    let agreement = mean_agreement(facts);
    let value = (agreement - chance.overall) / (1.0 - chance.overall);
    let inflation = sample.items as f64 / facts.pairable_sample().items as f64;
    let linearise = |pattern: Pattern<'_>| {
        let expected = pattern.labels.iter().map(|&(label, n)| f64::from(n) * chance.of_label[label as usize]);
        let item_chance = order_free_sum(expected) / pattern.ratings as f64;
        let excess = if pattern.is_pairable() {
            inflation * (pattern.agreeing_pairs() as f64 / pattern.pairs() as f64 - chance.overall)
        } else {
            0.0
        };
        (excess - 2.0 * (1.0 - value) * (item_chance - chance.overall)) / (1.0 - chance.overall)
    };
    let by_item: Vec<(f64, u64)> = facts.patterns.iter().map(|pattern| (linearise(pattern), pattern.items)).collect();
    let interval = interval::from_items(value, value, &by_item);
    Estimate { value: Ok(value), interval, sample, method: Method::GwetLinearised }
}

/// By label code: the mean over all items of the share of the item's ratings that are this label.
fn mean_shares(facts: &Facts) -> Vec<f64> {
    let mut shares = vec![FractionSum::default(); facts.n_labels];
    for pattern in facts.patterns.iter() {
        for &(label, count) in pattern.labels {
            shares[label as usize].add(u64::from(count), pattern.ratings, pattern.items);
        }
    }
    shares.iter().map(|share| share.total() / facts.sample().items as f64).collect()
}

fn mean_agreement(facts: &Facts) -> f64 {
    let mut agreement = FractionSum::default();
    for pattern in facts.patterns.pairable() {
        agreement.add(pattern.agreeing_pairs(), pattern.pairs(), pattern.items);
    }
    agreement.total() / facts.pairable_sample().items as f64
}
